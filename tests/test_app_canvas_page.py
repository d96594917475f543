"""The canvas in real Chromium: zoom and pan, locked classes, whole classes replaced, new maps."""

import io
import re

import numpy as np
import pytest
from app_fixtures import DRAWN, PALETTE, address, expect, visitor
from PIL import Image

SKY, BUILDING, ROAD, CAR = (PALETTE.names.index(name) for name in ("sky", "building", "road", "car"))
HEIGHT, WIDTH = DRAWN
SPOT = (0.5 + 0.5 / WIDTH, 0.5 + 0.5 / HEIGHT)  # the middle of a pixel in the middle of the map


def visit(chromium, **options):
    page = visitor(chromium, **{"viewport": {"width": 1500, "height": 950}} | options)
    page.goto(address())
    expect(page.locator(".result .picture")).to_be_visible()
    page.locator(".live").click()  # the picture is not what is tested here
    return page


@pytest.fixture(scope="module")
def shared(chromium):
    page = visit(chromium)
    yield page
    page.context.close()


@pytest.fixture
def page(shared):
    """The whole map of road, the brush and the class car in hand, nothing locked."""
    for lock in shared.locator(".lock[aria-pressed=true]").all():
        lock.click()
    shared.keyboard.press("0")
    shared.keyboard.press("b")
    shared.get_by_label("Brush size").fill("24")
    shared.get_by_role("radio", name="road").click()
    shared.get_by_label("Fill all").click()
    shared.get_by_role("radio", name="car").click()
    return shared


def saved_map(page) -> np.ndarray:
    """The ids of the map on the canvas."""
    with page.expect_download() as download:
        page.get_by_label("Save the label map").click()
    return np.asarray(Image.open(io.BytesIO(download.value.path().read_bytes())))


def at(page, x: float, y: float) -> tuple[float, float]:
    """The place on the screen of a place on the sheet, both from 0 to 1."""
    box = page.locator(".sheet").bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def drag(page, start, end, button: str = "left") -> None:
    page.mouse.move(*at(page, *start))
    page.mouse.down(button=button)
    page.mouse.move(*at(page, *end), steps=4)
    page.mouse.up(button=button)


def wheel(page, turns: int, up: bool = True) -> None:
    page.keyboard.down("Control")
    for _ in range(turns):
        page.mouse.wheel(0, -100 if up else 100)
    page.keyboard.up("Control")


def changed(labels: np.ndarray, id_: int) -> set[tuple[int, int]]:
    """Where a map of road has become `id_`: (row, column)."""
    assert set(np.unique(labels)) <= {ROAD, id_}
    return {(int(row), int(column)) for row, column in np.argwhere(labels == id_)}


def bottom(locator) -> float:
    box = locator.bounding_box()
    return box["y"] + box["height"]


def test_map_and_picture_stand_side_by_side_above_the_fold(chromium):
    page = visit(chromium, viewport={"width": 1440, "height": 900})
    page.evaluate("document.querySelector('#notice').remove()")  # of a checkpoint that is broken
    canvas, picture = (page.locator(part).bounding_box() for part in (".sheet", ".result .frame"))
    expect(page.get_by_role("toolbar", name="Drawing tools").get_by_text("Polygon")).to_be_visible()
    assert all(abs(canvas[side] - picture[side]) <= 1.5 for side in ("y", "width", "height"))
    page.get_by_label("Four variations").click()
    expect(page.locator(".variations .tile")).to_have_count(4)
    lowest = (page.locator(".variations .tile").last, page.locator("#maps"), page.locator(".classes"))
    assert max(map(bottom, lowest)) <= 900
    page.context.close()


def test_a_list_of_classes_that_goes_on_below_is_pale_there(page):
    room = page.viewport_size
    page.set_viewport_size(room | {"height": 700})
    classes = page.locator(".classes .list")
    expect(classes).to_have_class(re.compile(r"\bupright beyond\b"))
    classes.evaluate("list => list.scrollTo(0, list.scrollHeight)")
    expect(classes).to_have_class(re.compile(r"\bupright before$"))
    page.get_by_placeholder("Find a class").fill("sky")
    expect(classes).to_have_class(re.compile(r"\bfading$"))
    page.keyboard.press("Escape")
    page.set_viewport_size(room)


def test_strokes_are_exact_however_near_one_looks(page):
    page.get_by_label("Brush size").fill("1")
    page.mouse.move(*at(page, *SPOT))
    wheel(page, 12)
    expect(page.locator(".scale")).to_have_text("1600 %")
    row, column = HEIGHT // 2, WIDTH // 2
    page.mouse.click(*at(page, *SPOT))
    assert changed(saved_map(page), CAR) == {(row, column)}
    right = 16 / WIDTH  # a pixel of the map, on the sheet
    drag(page, SPOT, (SPOT[0] + 3 * right, SPOT[1]), button="middle")
    page.mouse.click(*at(page, *SPOT))
    assert changed(saved_map(page), CAR) == {(row, column), (row, column - 3)}
    drag(page, SPOT, (SPOT[0] + 3 * right, SPOT[1]))
    assert changed(saved_map(page), CAR) == {(row, column - step) for step in range(4)}
    page.mouse.move(*at(page, *SPOT))
    page.keyboard.down(" ")
    drag(page, SPOT, (SPOT[0], SPOT[1] + 2 * 16 / HEIGHT))
    page.keyboard.up(" ")
    page.mouse.click(*at(page, *SPOT))
    assert (row - 2, column - 3) in changed(saved_map(page), CAR)
    page.keyboard.press("0")
    expect(page.locator(".scale")).to_have_text("100 %")
    page.get_by_label("Zoom in").click()
    page.keyboard.press("-")
    expect(page.locator(".scale")).to_have_text("100 %")


def test_fill_and_polygon_reach_where_one_looks(page):
    page.get_by_label("Zoom in").click()
    page.keyboard.press("p")
    for corner in ((0, 0), (1, 0), (1, 1), (0, 1)):  # what is seen: two thirds of each side, in the middle
        page.mouse.click(*at(page, 0.01 + 0.98 * corner[0], 0.01 + 0.98 * corner[1]))
    page.keyboard.press("Enter")
    drawn = saved_map(page) == CAR
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    assert drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    assert abs(len(rows) - 0.98 * HEIGHT / 1.5) <= 2 and abs(len(columns) - 0.98 * WIDTH / 1.5) <= 2
    assert abs(rows[0] - (HEIGHT - rows[-1])) <= 3 and abs(columns[0] - (WIDTH - columns[-1])) <= 3


def test_locked_classes_are_left_alone(page):
    page.keyboard.press("g")
    drag(page, (0.5, 0.5), (0.5, 0.5))  # all is car now
    page.keyboard.press("1")
    page.keyboard.press("b")
    drag(page, (0, 0.2), (1, 0.2))
    before = saved_map(page)
    assert set(np.unique(before)) == {SKY, CAR}
    page.get_by_label("Lock sky").click()
    page.keyboard.press("2")
    drag(page, (0.1, 0.1), (0.9, 0.9))
    page.keyboard.press("g")
    page.mouse.click(*at(page, 0.5, 0.2))
    expect(page.locator(".foot .told")).to_contain_text("sky is locked")
    after = saved_map(page)
    assert np.array_equal(after == SKY, before == SKY) and (after == BUILDING).any()
    page.get_by_label("Fill all").click()
    assert np.array_equal(saved_map(page), np.where(before == SKY, SKY, BUILDING))
    page.get_by_role("radio", name="sky").click()
    page.keyboard.press("k")
    expect(page.get_by_label("Lock sky")).to_have_attribute("aria-pressed", "false")


def test_a_class_is_replaced_everywhere_and_that_is_undone(page):
    page.keyboard.press("1")
    for x in (0.2, 0.8):
        drag(page, (x, 0.1), (x, 0.9))
    before = saved_map(page)
    page.keyboard.press("9")
    page.keyboard.press("e")
    page.mouse.click(*at(page, 0.2, 0.5))
    expect(page.locator(".foot .told")).to_have_text("All sky became car")
    assert np.array_equal(saved_map(page), np.where(before == SKY, CAR, before))
    page.keyboard.press("Control+z")
    assert np.array_equal(saved_map(page), before)


def test_a_new_map_of_another_shape_and_back(page):
    drag(page, (0.1, 0.5), (0.9, 0.5))
    before = saved_map(page)
    page.get_by_label("New map").first.click()
    page.locator("[data-shape='16:9']").click()
    wide = saved_map(page)
    assert wide.shape == (HEIGHT, round(HEIGHT * 16 / 9)) and set(np.unique(wide)) == {CAR}
    page.keyboard.press("Control+z")
    assert np.array_equal(saved_map(page), before)
    page.get_by_label("New map").first.click()
    page.get_by_label("Keep what is drawn").check()
    page.locator("[data-shape='3:4']").click()
    tall = saved_map(page)
    assert tall.shape == (round(HEIGHT * 4 / 3), HEIGHT)
    left, top = (WIDTH - HEIGHT) // 2, (tall.shape[0] - HEIGHT) // 2
    assert np.array_equal(tall[top : top + HEIGHT], before[:, left : left + HEIGHT])
    assert (tall[:top] == CAR).all() and (tall[top + HEIGHT :] == CAR).all()
    page.keyboard.press("Control+z")
    assert saved_map(page).shape == (HEIGHT, WIDTH)


def test_the_picture_behind_the_map_is_of_this_map(page):
    page.evaluate("window.dispatchEvent(new CustomEvent('cgan:picture', "
                  "{ detail: document.querySelector('.result .picture').src }))")  # fmt: skip
    under = page.locator(".sheet .under")
    expect(under).to_have_attribute("src", page.locator(".result .picture").get_attribute("src"))
    page.get_by_label("New map").first.click()
    page.locator("[data-shape='1:1']").click()
    assert under.get_attribute("src") is None
    page.evaluate("window.dispatchEvent(new CustomEvent('cgan:picture', "
                  "{ detail: document.querySelector('.result .picture').src }))")  # fmt: skip
    page.wait_for_function("!document.querySelector('.sheet .under').hasAttribute('src')")  # too late
    page.keyboard.press("Control+z")


def test_the_search_clears_and_the_keys_are_told(page):
    search = page.get_by_label("Find a class")
    for clear in (page.get_by_label("Show all classes"), page.get_by_role("radio", name="pavement")):
        search.fill("pav")
        expect(page.get_by_role("radio")).to_have_count(1)
        clear.click()
        expect(page.get_by_role("radio")).to_have_count(len(PALETTE))
        expect(search).to_have_value("")
    page.locator("body").press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_contain_text("replace everywhere")
    page.keyboard.press("b")  # not a key of the canvas now
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()


def fingers(page, session, kind: str, places: list[tuple[float, float]]) -> None:
    spots = [at(page, *place) for place in places]
    points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(spots)]
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


@pytest.mark.slow
def test_one_finger_paints_and_two_zoom(chromium):
    page = visit(chromium, viewport={"width": 412, "height": 915}, has_touch=True, is_mobile=True)
    page.get_by_role("radio", name="road").tap()
    page.get_by_label("Fill all").tap()
    page.get_by_role("radio", name="sky").tap()
    touch = page.context.new_cdp_session(page)
    fingers(page, touch, "touchStart", [(0.4, 0.5)])
    fingers(page, touch, "touchStart", [(0.4, 0.5), (0.6, 0.5)])
    for step in range(1, 5):
        fingers(page, touch, "touchMove", [(0.4 - 0.05 * step, 0.5), (0.6 + 0.05 * step, 0.5)])
    fingers(page, touch, "touchEnd", [])
    expect(page.locator(".scale")).to_have_text("300 %")
    assert set(np.unique(saved_map(page))) == {ROAD}, "the first finger's dab was none"
    fingers(page, touch, "touchStart", [(0.1, 0.5)])
    for x in (0.5, 0.9):
        fingers(page, touch, "touchMove", [(x, 0.5)])
    fingers(page, touch, "touchEnd", [])
    drawn = np.flatnonzero((saved_map(page) == SKY)[HEIGHT // 2])
    reach = (0.8 * WIDTH / 3 + 24) / 2  # a third of the width is seen; and half of the brush
    assert abs(drawn.min() - (WIDTH / 2 - reach)) <= 2 and abs(drawn.max() - (WIDTH / 2 + reach)) <= 2
    page.get_by_role("button", name="Fill", exact=True).tap()
    page.get_by_role("radio", name="car").tap()
    before = saved_map(page)
    fingers(page, touch, "touchStart", [(0.4, 0.1)])
    fingers(page, touch, "touchStart", [(0.4, 0.1), (0.6, 0.9)])
    fingers(page, touch, "touchEnd", [])
    assert np.array_equal(saved_map(page), before), "two fingers fill nothing"
    page.touchscreen.tap(*at(page, 0.5, 0.05))
    assert (saved_map(page) == CAR).any()
    expect(page.get_by_role("toolbar").get_by_text("Polygon")).to_be_hidden()
    page.get_by_label("Tools and keys").tap()
    tools = page.get_by_role("dialog", name="Tools")
    tools.get_by_role("button", name="Replace everywhere").tap()
    expect(tools).to_be_hidden()
    expect(page.get_by_label("Replace everywhere")).to_have_attribute("aria-pressed", "true")
    page.context.close()
