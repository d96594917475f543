"""The real page in real Chromium, used as people use it."""

import io
import shutil
from urllib.parse import urlparse

import numpy as np
import pytest
from app_fixtures import (
    DRAWN,
    PALETTE,
    address,
    as_uri,
    checkpoints,
    expect,
    from_uri,
    photograph,
    save_checkpoint,
    scene,
    visitor,
)
from PIL import Image

import cgan
from app import requests
from app.components.seed import FIRST_SEED
from app.examples import examples
from app.shelf import Shelf
from app.tabs.paint.handlers import Painting
from app.ui import build, launch

SKY, BUILDING, ROAD, CAR = (PALETTE.names.index(name) for name in ("sky", "building", "road", "car"))
NUMBERED = ("class 0", "class 1")  # classes without names
MODEL_CALL = "/gradio_api/queue/join"


def visit(chromium, **options):
    """A new visitor, whose first picture is painted."""
    page = visitor(chromium, **{"viewport": {"width": 1500, "height": 950}} | options)
    page.asked = []
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(address())
    expect(page.locator(".result .picture")).to_be_visible()
    return page


@pytest.fixture
def fresh(chromium):
    """A page that a test may leave in any state."""
    page = visit(chromium)
    yield page
    page.context.close()


@pytest.fixture(scope="module")
def shared(chromium):
    page = visit(chromium)
    page.first_picture = picture_of(page)
    yield page
    page.context.close()


@pytest.fixture
def page(shared):
    """A page with the first example and seed, the brush and the first class, which other tests use too."""
    shared.keyboard.press("b")
    cover(shared, "car")  # so that it is seen when the example comes, and that all from before is painted
    wait_for_picture(shared, painted(np.full(DRAWN, CAR, np.uint8)))
    shared.locator(".maps .strip .tile").first.click()
    wait_for_picture(shared, shared.first_picture)
    shared.keyboard.press("1")
    return shared


def saved_file(page) -> bytes:
    """The map on the canvas, as the button saves it."""
    with page.expect_download() as download:
        page.get_by_label("Save the label map").click()
    return download.value.path().read_bytes()


def saved_map(page) -> np.ndarray:
    """The ids of the map on the canvas."""
    opened = Image.open(io.BytesIO(saved_file(page)))
    assert opened.mode == "P"
    return np.asarray(opened)


def painted(labels: np.ndarray, style: str | None = None) -> str:
    """The picture of a map under the first seed, as the page shows it."""
    return Painting(Shelf(checkpoints(), "cpu")).paint("tiny", as_uri(labels), FIRST_SEED, style)[0]


def picture_of(page) -> str:
    return page.locator(".result .picture").get_attribute("src")


def wait_for_picture(page, src: str) -> None:
    page.wait_for_function("src => document.querySelector('.result .picture').src === src", arg=src)


def wait_for_another_picture(page, old: str) -> None:
    page.wait_for_function("old => document.querySelector('.result .picture').src !== old", arg=old)


def at(page, x: float, y: float) -> tuple[float, float]:
    """The place on the screen of a place in the map, both from 0 to 1."""
    box = page.locator(".sheet").bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def click(page, x: float, y: float) -> None:
    page.mouse.click(*at(page, x, y))


def drag(page, start, end) -> None:
    page.mouse.move(*at(page, *start))
    page.mouse.down()
    page.mouse.move(*at(page, *end), steps=6)
    page.mouse.up()


def cover(page, name: str) -> None:
    """The whole map becomes one class."""
    page.get_by_role("radio", name=name).click()
    page.get_by_label("Fill all").click()


def choose(page, name: str) -> None:
    page.locator("#model select").select_option(name)


def test_the_first_example_is_painted_on_load(fresh):
    first = from_uri(examples(PALETTE, DRAWN)[0]["picture"])
    assert np.array_equal(saved_map(fresh), first)
    assert from_uri(picture_of(fresh)).shape == (*first.shape, 3)
    assert fresh.locator(".maps .strip .tile").count() >= 6
    expect(fresh.locator("#origin")).to_have_text("Trained on drawn weights · licence: for tests only")
    expect(fresh.locator("#status")).to_contain_text("tiny · CPU · fp32")
    expect(fresh.locator("#notice")).to_contain_text("torn")
    strangers = {urlparse(url).hostname for url in fresh.asked if url.startswith("http")} - {"127.0.0.1"}
    assert not strangers


def test_a_stroke_is_drawn_painted_undone_and_redone(page):
    before, old = saved_map(page), picture_of(page)
    page.keyboard.press("9")
    drag(page, (0.2, 0.2), (0.8, 0.3))
    wait_for_another_picture(page, old)
    after = saved_map(page)
    changed = after != before
    assert set(after[changed]) == {CAR} and 80 < changed.sum() < changed.size / 2
    assert after[24, 64] == CAR and after[80, 64] == before[80, 64]
    wait_for_picture(page, painted(after))  # however many were painted on the way
    page.keyboard.press("Control+z")
    assert np.array_equal(saved_map(page), before)
    page.keyboard.press("Control+Shift+z")
    assert np.array_equal(saved_map(page), after)


def test_fill_takes_one_region(page):
    cover(page, "road")
    page.keyboard.press("1")
    drag(page, (0.5, 0.02), (0.5, 0.98))
    page.keyboard.press("g")
    page.keyboard.press("2")
    click(page, 0.1, 0.5)
    filled = saved_map(page)
    assert filled[48, 4] == BUILDING and filled[48, 64] == SKY and filled[48, 124] == ROAD
    assert set(np.unique(filled)) == {SKY, BUILDING, ROAD}


def test_a_polygon_has_its_area(page):
    cover(page, "sky")
    page.keyboard.press("p")
    page.get_by_role("radio", name="building").click()
    for corner in ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)):
        click(page, *corner)
    page.keyboard.press("Enter")
    drawn = saved_map(page)
    assert set(np.unique(drawn)) == {SKY, BUILDING} and drawn[48, 64] == BUILDING
    assert abs((drawn == BUILDING).mean() - 0.25) < 0.03


def test_a_line_and_the_picker(page):
    cover(page, "sky")
    page.keyboard.press("l")
    page.keyboard.press("4")
    drag(page, (0.1, 0.9), (0.9, 0.9))
    assert saved_map(page)[86, 64] == ROAD
    page.get_by_role("radio", name="building").click()
    page.keyboard.press("i")
    click(page, 0.5, 0.9)
    expect(page.get_by_role("radio", name="road")).to_be_checked()


def test_keys_choose_tools_sizes_and_classes(page):
    for key, tool in {"g": "Fill", "p": "Polygon", "i": "Pick", "b": "Brush"}.items():
        page.keyboard.press(key)
        expect(page.get_by_role("button", name=tool, exact=True)).to_have_attribute("aria-pressed", "true")
    size = page.get_by_label("Brush size")
    widths = [int(size.input_value())]
    for key in "]][":
        page.keyboard.press(key)
        widths.append(int(size.input_value()))
    assert widths[0] < widths[1] < widths[2] > widths[3]
    search = page.get_by_label("Find a class")
    search.fill("pav")
    expect(page.get_by_role("radio")).to_have_count(1)
    search.press("Enter")
    expect(page.get_by_role("radio", name="pavement")).to_be_checked()
    expect(page.get_by_role("radio")).to_have_count(len(PALETTE))
    search.press("4")  # text to look for, not a key
    expect(page.get_by_role("radio")).to_have_count(0)
    search.press("Escape")  # gives the keys back to the canvas, as Enter did
    expect(page.get_by_role("radio")).to_have_count(len(PALETTE))
    expect(page.get_by_role("radio", name="pavement")).to_be_checked()


def png(picture: np.ndarray) -> dict:
    """A file for an upload field."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return {"name": "file.png", "mimeType": "image/png", "buffer": file.getvalue()}


def test_a_colour_map_is_uploaded_exactly(page):
    old = picture_of(page)
    page.get_by_label("Label map file").set_input_files(png(PALETTE.colours(scene())))
    wait_for_another_picture(page, old)
    assert np.array_equal(saved_map(page), scene())


def test_a_bad_upload_is_told_and_changes_nothing(page):
    before = saved_map(page)
    page.get_by_label("Label map file").set_input_files(png(np.full(DRAWN, 77, np.uint8)))
    expect(page.get_by_text("ids that are no class here")).to_be_visible()
    assert np.array_equal(saved_map(page), before)
    old = picture_of(page)
    drag(page, (0.1, 0.9), (0.9, 0.1))
    wait_for_another_picture(page, old)


def test_a_photograph_becomes_a_map_and_is_undone(page):
    before, photo = saved_map(page), photograph()
    labels = cgan.load(checkpoints() / "tiny", "cpu").label(photo, (96, 160))
    page.get_by_label("Photograph file").set_input_files(png(photo))
    wait_for_picture(page, painted(labels))
    assert np.array_equal(saved_map(page), labels)
    page.get_by_label("Undo").click()
    wait_for_picture(page, page.first_picture)
    assert np.array_equal(saved_map(page), before)


def test_a_photograph_dropped_on_the_canvas_comes_in_its_own_style(page):
    photo = photograph()
    page.get_by_label("In its own style").check()
    dropped = page.evaluate_handle(
        """uri => fetch(uri).then((answer) => answer.blob()).then((blob) => {
            const data = new DataTransfer();
            data.items.add(new File([blob], "photo.png", { type: "image/png" }));
            return data;
        })""",
        as_uri(photo),
    )
    page.locator(".sheet .over").dispatch_event("drop", {"dataTransfer": dropped})
    painter = cgan.load(checkpoints() / "tiny", "cpu")
    labels = painter.label(photo, (96, 160))
    wait_for_picture(page, painted(labels, as_uri(photo)))
    page.get_by_label("In its own style").uncheck()
    page.get_by_label("Clear the style picture").click()
    wait_for_picture(page, painted(labels))
    page.get_by_label("Undo").click()  # the next one's maps have another shape
    wait_for_picture(page, page.first_picture)


def test_dice_and_variations(fresh):
    old = picture_of(fresh)
    fresh.get_by_label("Roll the dice").click()
    wait_for_another_picture(fresh, old)
    fresh.get_by_label("Four variations").click()
    tiles = fresh.locator(".variations .tile")
    expect(tiles).to_have_count(4)
    tile = tiles.nth(2)
    tile.click()
    wanted = tile.locator("img").get_attribute("src")
    wait_for_picture(fresh, wanted)
    assert fresh.get_by_label("Seed", exact=True).input_value() in tile.get_attribute("title")


def test_a_reload_brings_style_and_seed_back(fresh):
    old = picture_of(fresh)
    fresh.get_by_label("Seed", exact=True).fill("9")
    wait_for_another_picture(fresh, old)
    old = picture_of(fresh)
    fresh.get_by_label("Style picture file").set_input_files(png(photograph()))
    wait_for_another_picture(fresh, old)
    styled = picture_of(fresh)
    fresh.reload()
    expect(fresh.locator(".result .picture")).to_be_visible()
    wait_for_picture(fresh, styled)
    expect(fresh.get_by_label("Seed", exact=True)).to_have_value("9")
    fresh.get_by_label("Clear the style picture").click()
    wait_for_picture(fresh, old)
    fresh.reload()
    expect(fresh.locator(".result .picture")).to_be_visible()
    wait_for_picture(fresh, old)


def test_a_style_picture_is_taken_and_cleared(page):
    plain = picture_of(page)
    red = np.full((900, 700, 3), (250, 30, 0), np.uint8)
    page.get_by_label("Style picture file").set_input_files(png(red))
    wait_for_another_picture(page, plain)
    styled = picture_of(page)
    broken = {"name": "me.heic", "mimeType": "image/heic", "buffer": b"no picture"}
    page.get_by_label("Style picture file").set_input_files(broken)
    expect(page.locator("#style .say")).to_have_text("me.heic cannot be read here: save it as JPEG or PNG.")
    page.get_by_role("button", name="Paint", exact=True).click()
    wait_for_picture(page, styled)
    page.get_by_label("Clear the style picture").click()
    wait_for_picture(page, plain)


def test_without_live_only_the_button_paints(fresh):
    old = picture_of(fresh)
    fresh.locator(".live").click()
    fresh.asked.clear()
    drag(fresh, (0.1, 0.5), (0.9, 0.5))
    saved_map(fresh)  # by now a live stroke would have been sent
    assert not [url for url in fresh.asked if MODEL_CALL in url]
    fresh.get_by_role("button", name="Paint", exact=True).click()
    wait_for_another_picture(fresh, old)


def test_the_onion_skin_shows_the_picture_through_the_map(page):
    page.get_by_label("Onion skin").fill("50")
    assert page.locator(".sheet .map").evaluate("map => map.style.opacity") == "0.5"
    assert page.locator(".sheet .under").get_attribute("src") == picture_of(page)


def test_the_drawing_survives_a_reload(fresh):
    cover(fresh, "sky")
    drag(fresh, (0.1, 0.5), (0.9, 0.5))
    file, drawn = saved_file(fresh), saved_map(fresh)
    kept = "uri => Object.values(localStorage).includes(uri)"
    fresh.wait_for_function(kept, arg=requests.file_uri(file))
    fresh.reload()
    expect(fresh.locator(".result .picture")).to_be_visible()
    assert np.array_equal(saved_map(fresh), drawn)


def test_pictures_are_saved_as_png_and_jpeg(page):
    for kind, name in (("PNG", "picture.png"), ("JPEG", "picture.jpg")):
        with page.expect_download() as download:
            page.get_by_label(f"Save the picture as {kind}").click()
        assert download.value.suggested_filename == name
        assert Image.open(download.value.path()).format == kind


def test_a_new_checkpoint_appears_at_a_refresh(page):
    before = saved_map(page)
    names = [
        {"id": i, "name": name, "colour": f"#0000{i:02x}"} for i, name in enumerate(["class 0", "class 1"])
    ]
    folder = save_checkpoint(checkpoints() / "zoo", palette=cgan.Palette.from_list(names))
    page.get_by_label("Look for new checkpoints").click()
    choose(page, "zoo")
    expect(page.get_by_role("radio")).to_have_count(2)
    expect(page.locator(".unnamed")).to_contain_text("--class-names")
    expect(page.locator("#status")).to_contain_text("zoo")
    assert saved_map(page).shape == DRAWN and not saved_map(page).any()
    choose(page, "tiny")
    expect(page.locator("#status")).to_contain_text("tiny")
    expect(page.locator(".unnamed")).to_be_hidden()
    assert np.array_equal(saved_map(page), before)
    shutil.rmtree(folder)


def test_another_checkpoint_of_the_same_classes_paints_the_same_map(page):
    folder = save_checkpoint(checkpoints() / "twin", seed=1)
    page.get_by_label("Look for new checkpoints").click()
    before, old = saved_map(page), picture_of(page)
    choose(page, "twin")
    wait_for_another_picture(page, old)
    assert np.array_equal(saved_map(page), before)
    choose(page, "tiny")
    wait_for_picture(page, old)
    shutil.rmtree(folder)


def test_on_a_phone_the_picture_is_under_the_canvas_and_both_are_in_sight(chromium):
    page = visit(chromium, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.evaluate("document.querySelector('#notice').remove()")  # of a checkpoint that is broken
    canvas, picture = (page.locator(part).bounding_box() for part in (".sheet", ".result .picture"))
    assert canvas["y"] + canvas["height"] <= picture["y"] and picture["y"] + picture["height"] <= 844
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.locator(".tools .live").get_by_text("Live")).to_be_visible()
    expect(page.get_by_role("button", name="Use via API")).to_be_visible()
    old = picture_of(page)
    page.get_by_role("radio", name="building").tap()
    page.touchscreen.tap(*at(page, 0.5, 0.9))
    wait_for_another_picture(page, old)
    assert saved_map(page)[86, 64] == BUILDING
    page.context.close()


def test_without_checkpoints_the_page_says_what_to_run(chromium, tmp_path):
    _, url, _ = launch(empty := build(Shelf(tmp_path, "cpu")), prevent_thread_lock=True, quiet=True)
    page = visitor(chromium)
    page.goto(url)
    expect(page.locator("#notice")).to_contain_text("python -m train spade")
    page.get_by_role("button", name="Paint", exact=True).click()
    expect(page.get_by_text("There is no checkpoint yet")).to_have_count(2)
    page.context.close()
    empty.close()
