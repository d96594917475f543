"""The app without a browser: maps on their way, bounds, examples, the shelf, the command line."""

import base64
import io
import os
import socket
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from app_fixtures import (
    DRAWN,
    PALETTE,
    SIZE,
    as_uri,
    break_checkpoint,
    from_uri,
    save_checkpoint,
    save_labeller,
    scene,
)
from PIL import Image

import cgan
from app import requests, start
from app.choosing import listed, notices, opened, origin
from app.examples import FOLDER, examples
from app.maps import LOSSY, NEARLY, OTHER_MODEL, canvas_size, fit, read_map, write_map
from app.shelf import KEPT, Shelf
from app.tabs.models.handlers import Models
from app.tabs.paint.handlers import DRAW, Painting
from cgan.models import spade

ROOT = Path(__file__).parent.parent


def test_a_map_survives_the_way_there_and_back():
    labels = scene()
    uri = write_map(labels, PALETTE)
    assert np.array_equal(read_map(uri, PALETTE), labels)
    picture = Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))
    assert picture.mode == "P" and np.array_equal(np.asarray(picture.convert("RGB")), PALETTE.colours(labels))


def test_the_canvas_gets_one_byte_a_pixel():
    header = base64.b64decode(write_map(scene(), PALETTE).split(",")[1])[16:29]
    assert tuple(header[8:]) == (8, 3, 0, 0, 0)  # 8 bits, palette, not interlaced: what scripts/png.js reads


def test_a_colour_map_is_read_too():
    assert np.array_equal(read_map(as_uri(PALETTE.colours(scene())), PALETTE), scene())


def test_a_map_saved_as_jpeg_is_opened_with_a_warning(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr("app.tabs.paint.handlers.gr.Warning", said.append)
    save_checkpoint(tmp_path / "tiny")
    painting = Painting(Shelf(tmp_path, "cpu"))
    sent = as_uri(PALETTE.colours(scene()), "JPEG")
    opened = from_uri(painting.open_map("tiny", sent))
    assert (opened != scene()).mean() < 0.01 and said == [LOSSY]
    exact = from_uri(painting.open_map("tiny", as_uri(PALETTE.colours(scene()))))
    assert np.array_equal(exact, scene()) and said == [LOSSY]
    with pytest.raises(cgan.DataError, match="allowed: 0 sky"):
        painting.paint("tiny", sent, 1, None)  # what is painted is exact


def test_what_is_nearly_a_map_is_opened_and_a_drawing_told_in_a_sentence(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr("app.tabs.paint.handlers.gr.Warning", said.append)
    save_checkpoint(tmp_path / "tiny")
    painting, colours = Painting(Shelf(tmp_path, "cpu")), PALETTE.colours(scene()).astype(int)
    near = as_uri((colours + np.where(colours > 128, -6, 6)).astype(np.uint8))
    assert np.array_equal(from_uri(painting.open_map("tiny", near)), scene()) and said == [NEARLY]
    drawing = np.full((96, 128, 3), (255, 0, 250), np.uint8)
    drawing[48:] = 10, 255, 0
    for sent, told in ((as_uri(drawing), DRAW), (as_uri(np.full((96, 128), 99, np.uint8)), OTHER_MODEL)):
        with pytest.raises(cgan.DataError) as refused:
            painting.open_map("tiny", sent)
        assert told in str(refused.value) and len(str(refused.value)) < 160
    save_labeller(tmp_path / "tiny" / "labeller")
    with pytest.raises(cgan.DataError, match="From a photograph"):
        Painting(Shelf(tmp_path, "cpu")).open_map("tiny", as_uri(drawing))


def test_the_best_checkpoints_come_first(tmp_path):
    for name in "abc":
        save_checkpoint(tmp_path / name)
    shelf = Shelf(tmp_path, "cpu")
    for order, wanted in ((b"# the best\nc\ngone\n", ["c", "a", "b"]), (b"\xff\xfe\x00", ["a", "b", "c"])):
        (tmp_path / "order.txt").write_bytes(order)
        picker, _ = listed(shelf, "paint", None, "")
        assert picker["choices"] == wanted and picker["value"] == wanted[0]
        assert [card["name"] for card in Models(shelf).list()[0]["cards"]] == wanted
    ours = ROOT / "checkpoints"
    assert {path.name for path in ours.iterdir()} >= set(Shelf(ours, "cpu").order())


@pytest.mark.parametrize("sent", ["/etc/passwd", "file:///etc/passwd", "http://localhost/x.png", "", 7, None])
def test_only_data_uris_are_taken(sent):
    with pytest.raises(cgan.MediaError, match="data URI"):
        requests.contents(sent, "the map")


def test_broken_base64_is_told():
    with pytest.raises(cgan.MediaError, match="base64"):
        requests.contents("data:image/png;base64,@@@@", "the map")


def test_large_files_are_refused():
    with pytest.raises(cgan.MediaError, match="16 MiB"):
        requests.contents("data:image/png;base64," + "A" * (requests.MAX_BYTES * 4 // 3 + 8), "the map")


def bomb(side: int) -> str:
    """A PNG of side x side pixels that says so in a few hundred bytes."""
    chunk = lambda kind, data: (  # noqa: E731
        len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
    )
    size = side.to_bytes(4, "big")
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size + size + b"\x08\x00\x00\x00\x00")
    data += chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    return requests.file_uri(data)


@pytest.mark.parametrize("side", [5000, 30000, 100000])
def test_bombs_are_refused(side):
    with pytest.raises(cgan.MediaError, match="pixels"):
        read_map(bomb(side), PALETTE)


def test_unknown_ids_name_the_allowed_ones():
    with pytest.raises(cgan.DataError, match=r"200.*0 sky"):
        read_map(as_uri(np.full(SIZE, 200, np.uint8)), PALETTE)


FITTED = [((480, 640), (48, 64)), ((640, 480), (64, 48)), ((10, 10), (48, 48))]


@pytest.mark.parametrize(("shape", "fitted"), FITTED)
def test_maps_are_fitted_to_the_scale_of_the_model(shape, fitted):
    labels = fit(scene(*shape), SIZE)
    assert labels.shape == fitted and set(np.unique(labels)) <= {0, 1, 3}


CANVASES = [((256, 341), (256, 341)), ((128, 128), (192, 192)), (SIZE, DRAWN)]


@pytest.mark.parametrize(("trained", "drawn"), CANVASES)
def test_the_canvas_of_a_small_model_is_finer(trained, drawn):
    assert canvas_size(trained) == drawn


def test_long_maps_are_bounded():
    assert fit(np.zeros((10, 5000), np.uint8), SIZE).shape[1] == 1024


@pytest.mark.parametrize("seed", [-1, 2**31, 0.5, "7", None, True])
def test_bad_seeds_are_told(seed):
    with pytest.raises(cgan.DataError, match="seed"):
        requests.check_seed(seed)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*/*.png")), ids=lambda path: path.stem)
def test_examples_are_clean_maps(path):
    palette = cgan.Palette.read(path.parent / "palette.json")
    labels = np.asarray(Image.open(path))
    assert Image.open(path).mode == "P" and labels.max() < len(palette)
    assert len(np.unique(labels)) >= 4


def test_examples_follow_the_names_of_the_classes():
    entries = [entry | {"id": i} for i, entry in enumerate(reversed(PALETTE.to_list()))]
    turned = cgan.Palette.from_list(entries)
    streets, again = examples(PALETTE, SIZE), examples(turned, SIZE)
    assert len(streets) == len(again) >= 6
    assert np.array_equal(from_uri(streets[0]["picture"]), len(PALETTE) - 1 - from_uri(again[0]["picture"]))


def test_examples_of_foreign_classes_are_not_offered():
    cats = cgan.Palette.from_list([{"id": 0, "name": "cat", "colour": "#000000"}])
    assert examples(cats, SIZE) == []


def test_the_shelf_lists_loads_and_forgets(tmp_path):
    shelf = Shelf(tmp_path, "cpu")
    assert shelf.find().checkpoints == [] and "Make one" in notices(shelf.find(), "Make one")
    for number in range(KEPT + 1):
        save_checkpoint(tmp_path / f"tiny-{number}", seed=number)
        shelf.painter(f"tiny-{number}")
    assert [name for name, _ in shelf._loaded] == [f"tiny-{number}" for number in range(1, KEPT + 1)]
    assert shelf.painter("tiny-2") is shelf.painter("tiny-2")


def test_the_shelf_notices_a_retrained_checkpoint(tmp_path):
    save_checkpoint(tmp_path / "tiny", seed=0)
    shelf = Shelf(tmp_path, "cpu")
    before = shelf.painter("tiny").paint(scene())
    save_checkpoint(tmp_path / "tiny", seed=1)
    assert not np.array_equal(shelf.painter("tiny").paint(scene()), before)


@pytest.mark.parametrize("name", ["../tiny", "/tmp", "owner/repository", "", "nothing"])
def test_the_shelf_lends_only_what_stands_on_it(tmp_path, name):
    save_checkpoint(tmp_path / "tiny")
    with pytest.raises(cgan.CheckpointError, match="there are: tiny"):
        Shelf(tmp_path).painter(name)


def test_a_label_network_serves_all_models_of_its_classes(tmp_path):
    shelf = Shelf(tmp_path, "cpu")
    save_checkpoint(tmp_path / "tiny")
    assert shelf.labels(shelf.checkpoint("tiny")) is None
    with pytest.raises(cgan.CheckpointError, match="tiny has no label network.*train label"):
        shelf.labeller("tiny")
    save_labeller(tmp_path / "alone")
    assert shelf.labels(shelf.checkpoint("tiny")) == tmp_path / "alone"
    save_labeller(tmp_path / "tiny" / "labeller")
    assert shelf.labels(shelf.checkpoint("tiny")) == tmp_path / "tiny" / "labeller"
    assert shelf.labeller("tiny") is shelf.labeller("tiny")
    other = cgan.Palette(tuple(replace(it, name=f"other {it.name}") for it in PALETTE.labels))
    save_checkpoint(tmp_path / "other", palette=other)
    assert shelf.labels(shelf.checkpoint("other")) is None
    save_labeller(tmp_path / "other" / "labeller")
    with pytest.raises(cgan.CheckpointError, match="knows other classes"):
        shelf.labeller("other")
    with pytest.raises(cgan.CheckpointError, match="alone labels photographs"):
        opened(shelf, "alone")


def test_a_broken_checkpoint_is_told_with_its_reason(tmp_path):
    break_checkpoint(tmp_path / "torn")
    notice = notices(Shelf(tmp_path).find(), "")
    assert "torn" in notice and "web page" in notice


def test_notices_and_origins_are_escaped(tmp_path):
    broken = {"<img src=x>": cgan.CheckpointError("<script>")}
    notice = notices(cgan.Found([], broken), "")
    assert "<script>" not in notice and "<img" not in notice


def test_a_port_in_use_is_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        command = [sys.executable, "app.py", "--port", port, "--checkpoints", str(tmp_path)]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, env=os.environ)
    assert ended.returncode == 2
    assert port in ended.stderr and len(ended.stderr.strip().splitlines()) == 1
    assert ended.stdout == "cgan: loading …\n", "at once, before what takes long"


def test_the_first_model_is_loaded_before_it_is_asked_for(tmp_path):
    start.warm(shelf := Shelf(tmp_path, "cpu"))
    break_checkpoint(tmp_path / "spade-landscape")
    start.warm(shelf)
    assert not shelf.loaded()
    save_checkpoint(tmp_path / "spade-landscape")
    start.warm(shelf)
    assert shelf.loaded() == {"spade-landscape"}


def test_a_file_of_credits_can_be_had(tmp_path):
    about = {"size": [48, 64], "data": "sprites", "licence": "as <b> (see CREDITS)"}
    model = spade.Model(replace(spade.PRESETS["tiny"], classes=len(PALETTE)))
    checkpoint = cgan.read_checkpoint(cgan.save(tmp_path / "it", model, PALETTE, about))
    assert origin(checkpoint) == "Trained on sprites · licence: as &lt;b&gt; (see CREDITS)"
    (checkpoint.folder / "CREDITS").write_text("Ada")
    assert 'href="data:text/plain;charset=utf-8;base64,QWRh">CREDITS</a>' in origin(checkpoint)
    (checkpoint.folder / "CREDITS").write_bytes(bytes(2**19))
    assert "href" not in origin(checkpoint)


def test_a_file_for_checkpoints_is_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("x")
    with pytest.raises(SystemExit) as stopped:
        start.main(["--checkpoints", str(tmp_path / "file")])
    assert stopped.value.code == 2 and "is a file; give the folder" in capsys.readouterr().err
