"""Calls that no page of the app sends: few values, files of the server, names that nothing has."""

import json
import urllib.request
from urllib.error import HTTPError

import numpy as np
import pytest
from app_fixtures import address, as_uri, checkpoints, from_uri, scene

import cgan
from app import ui
from app.components.seed import FIRST_SEED
from app.events import sentence
from app.shelf import Shelf

PATIENCE = 180  # seconds for an answer
FILE = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}


def post(path: str, body: dict, at: str | None = None) -> tuple[int, dict]:
    """Status and answer of the app, to JSON."""
    request = urllib.request.Request(f"{at or address()}gradio_api/{path}", json.dumps(body).encode())
    request.add_header("content-type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


def call(name: str, *values: object) -> tuple[str, list | dict]:
    """What became of a call as curl makes it, "complete" or "error", and what came with it."""
    _, begun = post(f"call/{name}", {"data": values})
    told = f"{address()}gradio_api/call/{name}/{begun['event_id']}"
    with urllib.request.urlopen(told, timeout=PATIENCE) as answer:
        *_, event, data = answer.read().decode().strip().split("\n")
    return event.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def test_what_a_call_leaves_out_is_as_the_signature_says():
    event, (picture, _) = call("paint", "tiny", as_uri(scene(16, 16)))
    painted = cgan.load(checkpoints() / "tiny", "cpu").paint(scene(16, 16), seed=FIRST_SEED)[0]
    assert event == "complete" and np.array_equal(from_uri(picture), painted)


@pytest.mark.parametrize("count", [0, 1, 7])
def test_too_few_and_too_many_values_are_told(count, capfd):
    event, told = call("paint", *["tiny", as_uri(scene(16, 16)), 7, None, [], 0, 9][:count])
    assert event == "error" and told["error"] == f"/paint takes 2 to 6 values, not {count}"
    assert "Traceback" not in capfd.readouterr().err


def test_a_file_of_the_server_is_no_value(capfd):
    event, told = call("paint", "tiny", FILE)
    assert event == "error" and "files come as data URIs" in told["error"]
    assert "Traceback" not in capfd.readouterr().err


def test_no_call_goes_past_the_line_of_models():
    status, told = post("run/paint", {"data": ["tiny", as_uri(scene(16, 16)), 7, None, [], 0]})
    assert status == 404 and "join the queue" in told["detail"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("call/nothing", {"data": []}),
        ("queue/join", {"data": [], "fn_index": 9999, "session_hash": "a"}),
        ("component_server", {"data": [], "component_id": 9999, "fn_name": "x", "session_hash": "a"}),
    ],
)
def test_what_is_not_there_is_told(path, body, capfd):
    status, told = post(path, body)
    assert status == 404 and "/gradio_api/info lists all calls" in told["detail"]
    assert "Traceback" not in capfd.readouterr().err


def test_a_sentence_begins_with_a_capital_and_a_name_as_it_does():
    assert sentence("there is no map to paint") == "There is no map to paint"
    for told in ("the.png is empty", "mine has no samples", "spade-camvid is here already", "/paint takes 3"):
        assert sentence(told) == told


def test_what_is_kept_of_visitors_is_bounded(monkeypatch):
    """Of those who come once; what they upload goes."""
    monkeypatch.setattr(ui, "SESSIONS", 3)
    page = ui.build(Shelf(checkpoints(), "cpu"))
    _, at, _ = ui.launch(page, prevent_thread_lock=True, quiet=True)
    try:
        for _ in range(8):
            _, begun = post("call/choose", {"data": ["tiny"]}, at)
            told = f"{at}gradio_api/call/choose/{begun['event_id']}"
            with urllib.request.urlopen(told, timeout=PATIENCE) as answer:
                assert b"event: complete" in answer.read()
        assert 0 < len(page.state_holder.session_data) <= 3
        assert len(page._queue.pending_messages_per_session) <= 3
        assert page.delete_cache == (ui.CLEAN, ui.KEPT) and page._queue.max_size == ui.WAITING
    finally:
        page.close(verbose=False)
