"""The app through `gradio_client`, as a program uses it."""

import json
import re
import shutil
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from app_fixtures import DRAWN, PALETTE, SIZE, address, as_uri, checkpoints, from_uri, photograph, scene
from conftest import ROOT
from gradio.queueing import Queue
from gradio_client import Client
from gradio_client.exceptions import AppError
from test_app_maps import bomb

import cgan
from app import requests, start
from app.requests import LARGEST_REQUEST
from app.shelf import Shelf
from app.ui import build, launch

README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN_FIRST = {"spade-landscape", "munit-edges2clothing", "fs_vid2vid-sprites"}


@pytest.fixture(scope="module")
def client():
    return Client(address(), verbose=False)


def paint(client, labels, seed=0, style=None, name="tiny"):
    picture, status = client.predict(name, as_uri(labels), seed, style, api_name="/paint")
    return from_uri(picture), status


@pytest.mark.parametrize("shape", [SIZE, (40, 100)])
def test_a_label_map_becomes_a_picture(client, shape):
    labels = scene(*shape)
    picture, status = paint(client, labels, seed=7)
    assert picture.shape == (*shape, 3)
    assert np.array_equal(picture, cgan.load(checkpoints() / "tiny", "cpu").paint(labels, seed=7)[0])
    assert status.startswith("tiny · CPU · fp32 · ") and status.endswith(" ms")


def test_seed_and_style_picture_change_the_look(client):
    red = as_uri(np.full((64, 64, 3), (250, 20, 10), np.uint8), "JPEG")
    pictures = [paint(client, scene(), 1)[0], paint(client, scene(), 2)[0], paint(client, scene(), 1, red)[0]]
    assert not any(np.array_equal(a, b) for a, b in zip(pictures, pictures[1:] + pictures[:1], strict=True))


def test_variations_are_what_their_seeds_paint(client):
    four = client.predict("tiny", as_uri(scene()), api_name="/variations")
    assert len({each["seed"] for each in four}) == 4
    picture, _ = paint(client, scene(), four[2]["seed"])
    assert np.array_equal(from_uri(four[2]["picture"]), picture)


def test_opening_a_colour_map_gives_ids_at_the_scale_of_the_canvas(client):
    large = scene(480, 640)
    opened = client.predict("tiny", as_uri(PALETTE.colours(large)), api_name="/open_map")
    assert np.array_equal(from_uri(opened), large[2::5, 2::5])


def test_a_photograph_becomes_its_map(client):
    photo = photograph()
    labels = from_uri(client.predict("tiny", as_uri(photo), api_name="/label"))
    painter = cgan.load(checkpoints() / "tiny", "cpu")
    assert labels.shape == (96, 160) and np.array_equal(labels, painter.label(photo, (96, 160)))
    assert len(np.unique(labels)) > 1
    assert client.predict("tiny", api_name="/choose")[1]["props"]["labels"]
    for wrong, words in ((None, "data URI"), ("/etc/passwd", "data URI"), (bomb(30000), "pixels")):
        with pytest.raises(AppError, match=words):
            client.predict("tiny", wrong, api_name="/label")


def test_checkpoints_are_listed_and_the_broken_one_told(client):
    model, notice = client.predict(None, api_name="/checkpoints")
    assert model["value"] == "tiny" and [choice[0] for choice in model["choices"]] == ["tiny"]
    assert "torn" in notice["value"] and "web page" in notice["value"]


def test_choosing_tells_classes_examples_and_licence(client):
    canvas, maps, origin, things = client.predict("tiny", api_name="/choose")
    assert [label["name"] for label in canvas["props"]["palette"]] == PALETTE.names
    assert canvas["props"]["size"] == list(DRAWN) and len(maps["props"]["examples"]) >= 6
    assert origin == "Trained on drawn weights · licence: for tests only"
    assert things["props"]["looks"] == 0, "a SPADE has no looks for single things"


BAD_REQUESTS = {
    "ids": (("tiny", as_uri(np.full(SIZE, 99, np.uint8)), 0, None), "99.*allowed: 0 sky"),
    "a path": (("tiny", str(Path(__file__)), 0, None), "data URI"),
    "a path as style": (("tiny", as_uri(scene()), 0, "/etc/passwd"), "data URI"),
    "no map": (("tiny", None, 0, None), "no map"),
    "a bomb": (("tiny", bomb(30000), 0, None), "pixels"),
    "a bomb as style": (("tiny", as_uri(scene()), 0, bomb(30000)), "pixels"),
    "too many pixels": (("tiny", as_uri(np.zeros((2100, 2100), np.uint8)), 0, None), "2100"),
    "no picture": (("tiny", requests.file_uri(b"hello"), 0, None), "not a picture"),
    "a seed": (("tiny", as_uri(scene()), -1, None), "seed"),
    "a checkpoint": (("../tiny", as_uri(scene()), 0, None), "there are: tiny"),
    "a broken checkpoint": (("torn", as_uri(scene()), 0, None), "web page"),
}


@pytest.mark.parametrize("why", BAD_REQUESTS)
def test_bad_requests_are_told_and_the_app_stays_up(client, why):
    request, message = BAD_REQUESTS[why]
    with pytest.raises(AppError, match=message):
        client.predict(*request, api_name="/paint")
    assert paint(client, scene())[0].shape == (*DRAWN, 3)


def test_large_files_are_refused(client):
    with pytest.raises(AppError, match="16 MiB"):
        uri = "data:image/png;base64," + "A" * (requests.MAX_BYTES * 4 // 3 + 8)
        client.predict("tiny", uri, 0, None, api_name="/paint")


def test_larger_requests_are_not_even_read():
    target = urlsplit(address())
    for headers in ({"content-length": str(LARGEST_REQUEST + 1)}, {"transfer-encoding": "chunked"}):
        connection = HTTPConnection(target.hostname, target.port, timeout=60)
        connection.putrequest("POST", "/gradio_api/queue/join")
        for name, value in {"content-type": "application/json", **headers}.items():
            connection.putheader(name, value)
        connection.endheaders()
        if "transfer-encoding" in headers:
            flood(connection)
        assert connection.getresponse().status >= 400
        connection.close()


def test_what_is_no_request_is_told_where_it_is_wrong():
    """In one line, without the body, which may hold a NaN that no answer could repeat."""
    target = urlsplit(address())
    connection = HTTPConnection(target.hostname, target.port, timeout=60)
    connection.request(
        "POST", "/gradio_api/queue/join", '{"data": NaN}', {"content-type": "application/json"}
    )
    answer = connection.getresponse()
    assert answer.status == 422
    [fault, *_] = json.loads(answer.read())["detail"]
    assert fault["loc"][0] == "body" and fault["msg"] and "input" not in fault


def flood(connection: HTTPConnection) -> None:
    """Send more than the app takes, in pieces of 1 MiB, until it hangs up."""
    piece = b"100000\r\n" + b" " * 2**20 + b"\r\n"
    with suppress(ConnectionError):
        for _ in range(LARGEST_REQUEST // 2**20 + 2):
            connection.send(piece)
        connection.send(b"0\r\n\r\n")


def test_two_sessions_do_not_mix():
    clients = [Client(address(), verbose=False) for _ in range(2)]
    maps = [scene(), scene()[::-1].copy()]
    alone = [paint(each, labels)[0] for each, labels in zip(clients, maps, strict=True)]
    assert not np.array_equal(*alone)
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(paint, clients[i % 2], maps[i % 2]) for i in range(12)]
        for i, run in enumerate(runs):
            assert np.array_equal(run.result()[0], alone[i % 2])


def test_an_app_that_nobody_uses_looks_seldom_for_calls(monkeypatch):
    page, looks = build(Shelf(checkpoints(), "cpu")), Counter()
    launch(page, prevent_thread_lock=True, quiet=True)
    monkeypatch.setattr(Queue, "__len__", lambda queue: looks.update([id(queue)]) or 0)
    time.sleep(0.5)
    page.close()
    assert 0 < looks[id(page._queue)] < 150  # Gradio looks each millisecond


def test_every_event_has_a_name(client):
    dependencies = client.config["dependencies"]
    assert len(dependencies) >= 7
    names = [each["api_name"] for each in dependencies]
    assert all(isinstance(name, str) and "_1" not in name for name in names), names


def test_the_api_tells_what_it_does(client):
    """For people and for agents: what each call is for, what goes in and comes out, and whole examples."""
    for name, call in client.view_api(return_format="dict")["named_endpoints"].items():
        assert len(call["description"]) > 20, name
        labels = [each["label"] for each in (*call["parameters"], *call["returns"])]
        assert not [label for label in labels if re.match("value_|parameter_", label)], name
        examples = {each["parameter_name"]: each["example_input"] for each in call["parameters"]}
        assert examples.get("name", "spade-landscape") in SHOWN_FIRST, name
        if "label_map" in examples:
            assert from_uri(examples["label_map"]).shape == (64, 64)


@pytest.mark.parametrize("local", [False, True])
def test_all_that_goes_in_and_comes_out_has_a_name(local):
    """None by its place or by the number of its component: not on the page of who sits here either."""
    calls = build(Shelf(checkpoints(), "cpu"), local, training=local).get_api_info()["named_endpoints"]
    assert ("/start" in calls) == ("/export_onnx" in calls) == local
    for name, call in calls.items():
        words = {each["parameter_name"] for each in call["parameters"]}
        words |= {each["label"] for each in (*call["parameters"], *call["returns"])}
        assert not [word for word in words if re.search(r"\d", word)], name


def test_no_two_calls_of_an_event_wait_for_its_end():
    """Gradio would repeat the event for either, and each repetition is one for the other to wait for."""
    page, waiting = build(Shelf(checkpoints(), "cpu"), True, True), Counter()
    for call in page.fns.values():
        if call.fn is not None and call.trigger_mode == "always_last":
            waiting.update(call.targets)
    assert max(waiting.values()) == 1, waiting.most_common(5)


@pytest.mark.parametrize(
    "first, then",
    [
        ("announce_painter", "choose"),
        ("call_up_translator", "choose_translator"),
        ("call_up_animator", "choose_animator"),
        ("give_way_to_change", "follow_clip"),
        ("give_way", "animate"),
        ("give_way", "sheet"),
    ],
)
def test_what_ends_with_an_event_comes_before_its_slow_calls(first, then):
    """One call of an event is made when the one before has ended; by then a picture may be there."""
    order = [each.api_name for each in build(Shelf(checkpoints(), "cpu")).fns.values()]
    assert order.index(first) < order.index(then)


def test_agents_know_the_calls_by_their_names():
    calls = [call for call in build(Shelf(checkpoints(), "cpu")).fns.values() if call.fn is not None]
    assert len(calls) > 20 and all(call.fn.__name__ == call.api_name for call in calls)


def as_printed(fence: str, tmp_path: Path) -> str:
    """A snippet of the README, for this app, its checkpoint and a map."""
    (snippet,) = re.findall(rf"^```{fence}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    PALETTE.write_ids(tmp_path / "map.png", scene())
    snippet = re.sub("http://127.0.0.1:7860/?", address(), snippet)  # once: this app may have that very port
    return snippet.replace("spade-camvid", "tiny")


def test_the_readmes_snippet_of_python(client, tmp_path, monkeypatch):
    snippet, names = as_printed("py", tmp_path), {}
    monkeypatch.chdir(tmp_path)
    exec(snippet, names)
    assert np.array_equal(from_uri(names["picture"]), paint(client, scene(), 7)[0])


def test_the_readmes_snippet_of_curl(client, tmp_path):
    if shutil.which("curl") is None or shutil.which("bash") is None:
        pytest.skip("needs curl and bash")
    done = subprocess.run(
        ["bash", "-c", as_printed("sh", tmp_path)], cwd=tmp_path, capture_output=True, text=True
    )
    (line,) = re.findall("^data: (.*)$", done.stdout, re.MULTILINE)
    assert np.array_equal(from_uri(json.loads(line)[0]), paint(client, scene(), 7)[0]), done.stderr


def test_agents_need_a_further_package(monkeypatch, capsys):
    monkeypatch.setattr(start, "find_spec", lambda name: None)
    with pytest.raises(SystemExit):
        start.main(["--mcp"])
    assert "pip install 'gradio[mcp]'" in capsys.readouterr().err
