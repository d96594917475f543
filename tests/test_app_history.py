"""Pictures that remember: the record in a PNG, what brings it back, and the history of the page."""

import base64
import json
import struct
import zlib
from functools import wraps

import numpy as np
import pytest
from app_fixtures import (
    address,
    as_uri,
    checkpoints,
    expect,
    from_uri,
    save_checkpoint,
    scene,
    visitor,
)
from gradio_client import Client
from gradio_client.exceptions import AppError

import cgan
from app import records, requests
from app.components.seed import FIRST_SEED
from app.examples import FOLDER
from app.shelf import Shelf
from app.tabs.paint.handlers import Painting
from app.ui import build, launch

RED = np.full((40, 60, 3), (240, 30, 20), np.uint8)
RECORD = {"cgan": 1, "model": "tiny", "seed": 5, "style": None, "things": [], "map": as_uri(scene())}


@pytest.fixture(scope="module")
def painting() -> Painting:
    return Painting(Shelf(checkpoints(), "cpu"))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def told(data: bytes) -> str:
    """A PNG whose text is `data`, as a data URI."""
    png = requests.contents(requests.picture_uri(RED), "it")
    return requests.file_uri(png[:33] + chunk(b"iTXt", b"cgan\0\0\0\0\0" + data) + png[33:])


def test_a_picture_carries_its_record_and_stays_the_same_picture():
    uri = records.attached(RED, RECORD | {"model": "Ölbild"})
    assert np.array_equal(from_uri(uri), RED)
    assert records.read(uri) == RECORD | {"model": "Ölbild"}
    assert records.read(records.read(uri)) == records.read(uri)


def test_what_was_painted_is_painted_again(painting):
    style = as_uri(np.tile(RED, (20, 20, 1)))
    picture, _ = painting.paint("tiny", as_uri(scene()), 5, style, [], 160)
    model, canvas, seed, kept, things, size = painting.restore(picture)
    assert (model["value"], seed, things["value"], size) == ("tiny", 5, [], 160)
    assert np.array_equal(from_uri(canvas["value"]), scene())
    assert len(kept) < len(style), "no more of a style picture is kept than is used"
    assert painting.paint("tiny", canvas["value"], seed, kept, [], size)[0] == picture


BAD = {
    "no record": (as_uri(RED), "only PNGs saved here"),
    "no PNG": (as_uri(RED, "JPEG"), "only PNGs saved here"),
    "a path": ("/etc/passwd", "data URI"),
    "nothing": (None, "only PNGs saved here"),
    "a list": ([RECORD], "only PNGs saved here"),
    "half a record": (told(json.dumps(RECORD).encode()[:-9]), "only PNGs saved here"),
    "brackets": (told(b"[" * 10**6), "only PNGs saved here"),
    "one too long": (told(b'{"cgan":1,"x":"' + b"x" * records.MAX_BYTES + b'"}'), "only PNGs saved here"),
    "the future": (RECORD | {"cgan": 2}, "format 2"),
    "a model": (RECORD | {"model": "../tiny"}, "there are: tiny"),
    "no model": (RECORD | {"model": {"x": 1}}, "there are: tiny"),
    "a seed": (RECORD | {"seed": "5"}, "seed"),
    "a map": (RECORD | {"map": str(checkpoints())}, "data URI"),
    "no map": (RECORD | {"map": None}, "data URI"),
    "other classes": (RECORD | {"map": as_uri(np.full((64, 64), 77, np.uint8))}, "allowed: 0 sky"),
    "a style": (RECORD | {"style": "/etc/passwd"}, "data URI"),
    "a size": (RECORD | {"size": 10**9}, "from 16 to 2048"),
    "things": (RECORD | {"things": [[1, 1, 0]]}, "no looks"),
}


@pytest.mark.parametrize("why", BAD)
def test_what_is_no_record_is_one_clear_sentence(painting, why):
    given, message = BAD[why]
    with pytest.raises(cgan.CganError, match=message):
        painting.restore(given)


def test_chunks_that_lie_about_their_length_are_passed_over():
    png = requests.contents(records.attached(RED, RECORD), "it")
    for length in (2**32 - 1, len(png), 7):
        with pytest.raises(cgan.DataError):
            records.read(requests.file_uri(png[:33] + struct.pack(">I", length) + png[37:]))


def test_programs_restore_too():
    client = Client(address(), verbose=False)
    picture, _ = client.predict("tiny", as_uri(scene()), 3, None, api_name="/paint")
    model, canvas, seed, style, *_ = client.predict(picture, api_name="/restore")
    assert (model["value"], seed, style) == ("tiny", 3, None)
    assert np.array_equal(from_uri(canvas["value"]), scene())
    with pytest.raises(AppError, match="only PNGs saved here"):
        client.predict(as_uri(RED), api_name="/restore")


def test_looks_of_things_stay_where_the_model_has_them(painting):
    assert painting.choose("tiny", [[1, 2, 0]])[3]["value"] == []


# ---- In real Chromium


@pytest.fixture
def page(chromium):
    page = visitor(chromium, permissions=["clipboard-read", "clipboard-write"])
    page.goto(address())
    expect(page.locator(".history .tile.taken")).to_be_visible()
    yield page
    page.context.close()


def picture_of(page) -> str:
    return page.locator(".result .picture").get_attribute("src")


def wait_for_picture(page, src: str) -> None:
    page.wait_for_function("src => document.querySelector('.result .picture')?.src === src", arg=src)


def another(page) -> None:
    """Another map and seed, which become a result: one after the other, as a seed may overtake its map."""
    before = picture_of(page)
    page.locator(".maps .strip .tile").nth(2).click()
    expect(page.locator(".result .picture")).not_to_have_attribute("src", before)
    page.get_by_label("Seed", exact=True).fill("99")
    expect(page.locator(".history .tile.taken[title*='seed 99']")).to_be_visible()


def drop(page, selector: str, png: bytes) -> None:
    """Drop a PNG there."""
    page.locator(selector).evaluate(
        """(place, data) => {
            const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([bytes], "a.png", {type: "image/png"}));
            place.dispatchEvent(new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true}));
        }""",
        base64.b64encode(png).decode(),
    )


def test_a_result_survives_a_reload_and_one_click_brings_it_back(page):
    first, seed = picture_of(page), page.get_by_label("Seed", exact=True).input_value()
    another(page)
    page.reload()
    expect(page.locator(".result .picture")).to_be_visible()
    page.get_by_label("Four variations").click()
    expect(page.locator(".variations .tile")).to_have_count(4)
    page.locator(".history .tile").last.click()
    wait_for_picture(page, first)
    expect(page.locator(".variations .tile")).to_have_count(0)
    assert page.get_by_label("Seed", exact=True).input_value() == seed
    page.get_by_label("Clear the history").click()
    expect(page.locator(".history .tile")).to_have_count(0)
    page.get_by_label("Bring the history back").click()
    expect(page.locator(".history .tile")).to_have_count(2)
    page.get_by_label("Clear the history").click()
    expect(page.locator(".history .tile")).to_have_count(0)
    page.reload()
    expect(page.locator(".history .tile.taken")).to_be_visible()
    assert page.locator(".history .tile").count() == 1, "what is on the page, and none from before"


def test_what_is_cleared_before_it_became_a_result_stays_away(page):
    another(page)
    before = picture_of(page)
    page.clock.install()
    page.get_by_label("Seed", exact=True).fill("7")
    expect(page.locator(".result .picture")).not_to_have_attribute("src", before)
    page.get_by_label("Clear the history").click()
    expect(page.locator(".history .tile")).to_have_count(0)
    page.clock.fast_forward(5_000)
    page.get_by_label("Bring the history back").click()
    expect(page.locator(".history .tile")).to_have_count(2)


def test_a_result_that_is_pressed_while_another_is_marked_comes_back(page):
    first = picture_of(page)
    another(page)
    page.reload()
    expect(page.locator(".history .tile")).to_have_count(2)
    page.locator(".history .tile").last.hover()
    page.mouse.down()
    expect(page.locator(".history .tile.taken")).to_be_visible()
    page.mouse.up()
    wait_for_picture(page, first)


def test_a_saved_picture_and_a_link_bring_all_back(page):
    with page.expect_download() as download:
        page.get_by_label("Save the picture as PNG").click()
    first, png = picture_of(page), download.value.path().read_bytes()
    page.get_by_label("Copy a link").click()
    expect(page.locator(".history .note")).to_contain_text("copied")
    link = page.evaluate("navigator.clipboard.readText()")
    for place in (".history", ".sheet"):  # beside the canvas, and on it
        another(page)
        drop(page, place, png)
        wait_for_picture(page, first)
    drop(page, ".history", requests.contents(as_uri(RED), "it"))
    expect(page.locator(".history .note")).to_contain_text("only PNGs saved here")
    another(page)
    page.goto(link)  # in the page that is open
    wait_for_picture(page, first)
    page.goto("about:blank")
    page.goto(link)  # and as a page that opens
    wait_for_picture(page, first)


@pytest.fixture
def painted(monkeypatch) -> list[tuple[str, str]]:
    """The models and maps that apps which start from now on were asked to paint."""
    asked, paint = [], Painting.paint

    @wraps(paint)
    def recorded(self, name, label_map, *rest):
        asked.append((name, label_map))
        return paint(self, name, label_map, *rest)

    monkeypatch.setattr(Painting, "paint", recorded)
    return asked


@pytest.fixture
def two_models(tmp_path, painted):
    """The address of an app with two painters, of different classes."""
    save_checkpoint(tmp_path / "tiny")
    save_checkpoint(tmp_path / "land", palette=cgan.Palette.read(FOLDER / "landscapes" / "palette.json"))
    _, url, _ = launch(blocks := build(Shelf(tmp_path, "cpu")), prevent_thread_lock=True, quiet=True)
    yield url
    blocks.close()


def link_of(record: dict) -> str:
    """What follows an address that brings a record back."""
    packed = base64.urlsafe_b64encode(zlib.compress(json.dumps(record).encode())).decode()
    return f"#cgan={packed.rstrip('=')}"


@pytest.mark.slow
def test_when_another_models_result_comes_back_nothing_else_is_painted(chromium, two_models, painted):
    page = visitor(chromium)
    page.goto(two_models)
    expect(page.locator(".history .tile.taken[title*=land]")).to_be_visible()
    first = picture_of(page)
    page.locator(".maps .strip .tile").nth(
        2
    ).click()  # from now on this is the drawing that the browser keeps
    page.get_by_label("Seed", exact=True).fill("99")
    expect(page.locator(".history .tile.taken[title*='seed 99']")).to_be_visible()
    page.locator("#model select").select_option("tiny")
    expect(page.locator(".history .tile.taken[title*=tiny]")).to_be_visible()
    wanted = records.read(first)
    for way in ("click", "link"):
        painted.clear()
        if way == "click":
            page.locator(".history .tile").last.click()
        else:
            page.goto("about:blank")
            page.goto(two_models + link_of(wanted))
        wait_for_picture(page, first)
        expect(page.locator(f".history .tile.taken[title*='seed {FIRST_SEED}']")).to_be_visible()
        assert {name for name, _ in painted} == {"land"}
        assert all(np.array_equal(from_uri(uri), from_uri(wanted["map"])) for _, uri in painted), way
    page.goto("about:blank")
    page.goto(two_models + link_of(wanted | {"model": "gone"}))
    expect(page.get_by_text("there are: land, tiny")).to_be_visible()
    expect(page.locator(".result .picture")).to_be_visible()  # of the map to begin with
    page.context.close()


def test_a_browser_that_keeps_nothing_says_so(chromium):
    page = visitor(chromium)
    page.add_init_script("IDBFactory.prototype.open = () => { throw new Error('private window'); };")
    page.goto(address())
    expect(page.locator(".history .tile.taken")).to_be_visible()
    expect(page.locator(".history .note")).to_contain_text("ends with the page")
    first = picture_of(page)
    another(page)
    page.locator(".history .tile").last.click()
    wait_for_picture(page, first)
    page.context.close()
