"""Restyling single things in the Paint tab: the handler, and the tool in real Chromium."""

import pytest
import torch
from app_fixtures import (
    DRAWN,
    PALETTE,
    as_uri,
    browser,
    expect,
    from_uri,
    photograph,
    save_checkpoint,
    save_restyler,
    scene,
    visitor,
)
from gradio import EventData
from playwright.sync_api import sync_playwright

import cgan
from app.components.seed import FIRST_SEED
from app.examples import examples
from app.maps import read_things
from app.shelf import Shelf
from app.tabs.paint.handlers import Painting
from app.ui import build, launch


@pytest.fixture(scope="module")
def shelf(tmp_path_factory) -> Shelf:
    """A tiny pix2pixHD with drawn weights, and a SPADE, which has no looks."""
    root = tmp_path_factory.mktemp("checkpoints")
    save_restyler(root / "pix2pixhd")
    save_checkpoint(root / "spade")
    return Shelf(root, "cpu")


def test_a_thing_is_restyled_through_the_handler(shelf):
    painting, map_ = Painting(shelf), as_uri(scene())
    plain, dark, light = (
        from_uri(painting.paint("pix2pixhd", map_, 3, None, things)[0]).astype(int)
        for things in ([], [[90, 60, 0]], [[90, 60, 2]])
    )
    assert abs(dark - light)[60:].mean() > 2 * abs(dark - light)[:20].mean()
    assert (plain != dark).any() or (plain != light).any()
    canvas, _, _, things = painting.choose("pix2pixhd")
    assert canvas["looks"] == things["looks"] == 3 and things["value"] == []
    assert painting.choose("spade")[0]["looks"] == 0


def test_a_click_gives_the_look_after_the_one_that_is_there(shelf):
    """Of a seed it is drawn, of a picture it is the nearest."""
    painting, painter, labels = Painting(shelf), shelf.painter("pix2pixhd"), scene()
    clicked = EventData(None, {"row": 90, "column": 60})
    for style in (None, as_uri(photograph())):
        vector = painter.draw(3) if style is None else painter.encode(photograph(), labels)
        own = torch.from_numpy(vector).reshape(len(PALETTE), -1)[labels[90, 60]]
        distances = (painter.model.clusters[labels[90, 60]] - own).norm(dim=1)
        assert style or distances.min() == 0
        wanted = [90, 60, (int(distances.argmin()) + 1) % 3]
        assert painting.next_look("pix2pixhd", as_uri(labels), 3, style, clicked)["thing"] == wanted
    for name, row in (("pix2pixhd", 96), ("spade", 90)):
        with pytest.raises(cgan.DataError):
            painting.next_look(name, as_uri(labels), 3, None, EventData(None, {"row": row, "column": 60}))


def test_bad_things_are_one_clear_sentence(shelf):
    for things in ("x", [[1, 2]], [[1, 2, "3"]], [[1, 2, 3]], [[1, 2, -1]], [{"row": 1}], [[1.5, 2, 0]]):
        with pytest.raises(cgan.DataError, match="looks from 0 to 2"):
            read_things(things, (10, 10), 3)
    with pytest.raises(cgan.DataError, match="no looks"):
        read_things([[1, 1, 0]], (10, 10), 0)
    assert read_things([[9, 9, 2], [10, 0, 1]], (10, 10), 3) == {(9, 9): 2}, "what is beyond the map is gone"


MARKED = """() => {
  const over = document.querySelector('.painter .over');
  return over.getContext('2d').getImageData(0, 0, over.width, over.height).data.some((value) => value > 0);
}"""


def drawn_over(page) -> bool:
    """Whether something is drawn over the map, besides the brush."""
    page.mouse.move(0, 0)
    return page.evaluate(MARKED)


def test_the_tool_in_the_page(shelf):
    _, url, _ = launch(build(shelf), prevent_thread_lock=True, quiet=True)
    with sync_playwright() as playwright:
        chromium = browser(playwright)
        page = visitor(chromium, viewport={"width": 1500, "height": 950})
        page.goto(url)
        picture = page.locator(".result .picture")
        expect(picture).to_be_visible()
        page.get_by_label("Restyle a thing").click()
        box = page.locator(".painter .over").bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.95)
        slider = page.get_by_label("Look of the thing")
        first = examples(PALETTE, DRAWN)[0]["picture"]
        row, column = int(DRAWN[0] * 0.95), DRAWN[1] // 2
        painter = shelf.painter("pix2pixhd")
        following = (painter.look(painter.draw(FIRST_SEED), from_uri(first)[row, column]) + 1) % 3
        expect(slider).to_have_value(str(following))
        expect(page.locator(".things output")).to_have_text(f"look {following + 1} of 3")
        for look in ((following + 1) % 3, (following + 2) % 3):
            slider.fill(str(look))
            wanted, _ = Painting(shelf).paint("pix2pixhd", first, FIRST_SEED, None, [[row, column, look]])
            expect(picture).to_have_attribute("src", wanted)
        assert drawn_over(page), "the chosen thing is marked"
        page.keyboard.press("Control+z")  # one look back: each filling of the slider was a step
        one_back = str((following + 1) % 3)
        expect(slider).to_have_value(one_back)
        page.get_by_label("Clear the looks of things").click()
        expect(slider).to_be_hidden()
        page.mouse.move(0, 0)
        page.wait_for_function(f"!({MARKED})()")
        page.keyboard.press("Control+z")
        expect(slider).to_have_value(one_back)
        for _ in range(2):
            page.keyboard.press("Control+z")
        expect(slider).to_be_hidden()
        page.keyboard.press("Control+Shift+z")
        expect(slider).to_have_value(str(following))
        chromium.close()
