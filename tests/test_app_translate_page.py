"""The Translate tab in real Chromium: photographs, drawings, styles, directions."""

import io

import numpy as np
import pytest
from app_fixtures import as_uri, expect, from_uri, visitor
from PIL import Image
from translate_fixtures import address, photograph, translator

import cgan
from app import drawings, requests
from app.components.seed import FIRST_SEED
from app.shelf import Shelf
from app.tabs.translate.handlers import STEPS
from app.tabs.translate.layout import VARIATIONS
from app.tabs.translate.turns import scaled
from app.ui import build, launch

AFTER = ".compare .after"
ALONE = "100 % of style 1, 0 % of style 2"
RED, BLUE = (np.full((40, 40, 3), colour, np.uint8) for colour in ((240, 30, 20), (20, 40, 230)))


def visit(chromium, model=None, **options):
    """A new visitor on the Translate tab."""
    page = visitor(chromium, **options)
    page.goto(address())
    expect(page.get_by_role("tab", name="Translate")).to_be_visible()
    page.before_opening = page.locator(".compare").count()
    page.get_by_role("tab", name="Translate").click()
    if model:
        choose(page, model)
    return page


def choose(page, model):
    expect(page.locator("#t-model select")).not_to_have_value("")
    page.locator("#t-model select").select_option(model)
    expect(page.locator("#t-origin")).to_contain_text(f"drawn weights of {model} ")


@pytest.fixture(scope="module")
def shared(chromium):
    page = visit(chromium)
    yield page
    page.context.close()


def png(picture: np.ndarray, name="file.png") -> dict:
    """A file for an upload field."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": file.getvalue()}


def upload(page, picture: np.ndarray) -> None:
    page.get_by_label("Picture file", exact=True).set_input_files(png(picture))


def wait_for(page, picture: np.ndarray) -> None:
    """Until the picture after is this one, uint8 (H, W, 3)."""
    shown = "([after, src]) => document.querySelector(after)?.src === src"
    page.wait_for_function(shown, arg=[AFTER, requests.picture_uri(picture)])


def before(page) -> np.ndarray:
    return from_uri(page.locator(".compare .before").get_attribute("src"))


def small(picture: np.ndarray) -> np.ndarray:
    """As the tab sends it to a tiny model."""
    return scaled(picture, None, (32, 32))


def test_a_photograph_is_uploaded_translated_and_turned_round(shared):
    assert shared.before_opening == 0  # the page's start does not wait for this tab
    choose(shared, "unit")
    expect(shared.locator(".compare .empty")).to_contain_text("Which picture?")
    upload(shared, photograph())
    wait_for(shared, translator("unit").translate(small(photograph()))[0])
    assert np.array_equal(before(shared), small(photograph()))
    expect(shared.locator("#status")).to_contain_text("unit · CPU · fp32")
    expect(shared.locator(".compare .name.right")).to_have_text("winter")
    shared.get_by_text("winter → summer").click()
    wait_for(shared, translator("unit").translate(small(photograph()), direction="ba")[0])
    expect(shared.locator(".compare .name.right")).to_have_text("summer")
    shared.get_by_label("Use as input").click()  # and turn round
    there = translator("unit").translate(small(photograph()), direction="ba")[0]
    wait_for(shared, translator("unit").translate(there)[0])


def test_a_bad_upload_is_told_and_loses_nothing(shared):
    choose(shared, "unit")
    upload(shared, photograph(64, 48))
    kept = translator("unit").translate(small(photograph(64, 48)))[0]
    wait_for(shared, kept)
    bad = {"name": "no.png", "mimeType": "image/png", "buffer": b"hello"}
    shared.get_by_label("Picture file", exact=True).set_input_files(bad)
    why = "no.png cannot be read here: save it as JPEG or PNG."
    expect(shared.locator("#t-examples .say")).to_have_text(why)
    shared.get_by_role("button", name="Translate", exact=True).click()
    wait_for(shared, kept)


@pytest.mark.slow
def test_a_garment_is_drawn_and_painted_while_the_pen_moves(chromium):
    page = visit(chromium, "munit")
    expect(page.locator(".compare .tile")).to_have_count(VARIATIONS)
    page.locator("#t-pen").get_by_label("Clear the paper").click()
    model = translator("munit")
    expect(page.locator(".compare .empty")).to_contain_text("Which drawing?")
    box = page.locator("#t-pen .sheet").bounding_box()
    corners = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.8), (0.3, 0.8), (0.3, 0.3)]
    page.mouse.move(*(box[edge] + part * box[side] for edge, part, side in
                      zip("xy", corners[0], ("width", "height"), strict=True)))  # fmt: skip
    page.mouse.down()
    for x, y in corners[1:]:
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=3)
    page.mouse.up()
    with page.expect_download() as download:
        page.locator("#t-pen").get_by_label("Save the drawing").click()
    lines = np.asarray(Image.open(download.value.path()))
    assert set(np.unique(lines)) == {0, 1} and 0.01 < lines.mean() < 0.2
    drawn = scaled(drawings.INK.colours(lines), None, (32, 32))
    looks = model.translate(drawn, direction="ab", seed=FIRST_SEED, variations=VARIATIONS)
    wait_for(page, looks[0])
    page.locator(".compare .tile").nth(2).click()
    wait_for(page, looks[2])
    page.get_by_text("clothing → edges").click()
    expect(page.locator(".compare .empty")).to_be_visible()
    page.get_by_text("edges → clothing").click()  # the paper comes back, and what became of it
    wait_for(page, looks[2])
    page.locator("#t-pen").get_by_label("Undo").click()
    expect(page.locator(".compare .empty")).to_contain_text("Which drawing?")
    upload(page, photograph(300, 300))  # becomes a drawing
    wait_for_lines(page)
    page.context.close()


def wait_for_lines(page) -> None:
    """Until the picture before is a drawing, and not an empty paper."""
    page.wait_for_function("""() => {
        const image = document.querySelector(".compare .before");
        const sheet = Object.assign(document.createElement("canvas"), { width: 32, height: 32 });
        const pen = sheet.getContext("2d");
        pen.drawImage(image, 0, 0, 32, 32);
        return Math.min(...pen.getImageData(0, 0, 32, 32).data) < 200;
    }""")


def test_a_style_is_mixed_from_pictures_and_blended(shared):
    choose(shared, "funit")
    upload(shared, photograph())
    expect(shared.locator(".compare .empty")).to_contain_text("Which style?")
    files = [png(RED, "red.png"), png(BLUE, "blue.png")]
    shared.get_by_label("Style picture files").set_input_files(files)
    model = translator("funit")
    expect(shared.locator(AFTER)).to_be_visible()
    shared.locator("#t-styles").get_by_label("Mix of styles").focus()
    for _ in range(10):
        shared.keyboard.press("ArrowLeft")
    expect(shared.locator("#t-styles").get_by_label("Mix of styles")).to_have_attribute(
        "aria-valuetext", ALONE
    )
    wait_for(shared, model.translate(small(photograph()), RED)[0])
    shared.get_by_label("Blend styles").click()
    expect(shared.locator(".blend .tile")).to_have_count(STEPS)
    shared.get_by_label(f"Keep the blended look {STEPS}").click()
    wait_for(shared, model.translate(small(photograph()), BLUE)[0])
    shared.get_by_label("Remove style picture 1").click()
    expect(shared.locator(".styles .card")).to_have_count(1)
    choose(shared, "unit")
    expect(shared.locator("#t-styles")).to_be_hidden()
    choose(shared, "funit")  # with what it had
    expect(shared.locator(".styles .card")).to_have_count(1)
    wait_for(shared, model.translate(small(photograph()), BLUE)[0])


def test_a_style_leaves_room_for_seeds_and_stays_when_one_is_chosen(chromium):
    page = visit(chromium, "munit")
    expect(page.locator(AFTER)).to_be_visible()
    page.get_by_label("Style picture files").set_input_files([png(RED, "red.png"), png(BLUE, "blue.png")])
    expect(page.locator(".styles .card")).to_have_count(2)
    page.locator("#t-styles").get_by_label("Mix of styles").focus()
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    expect(page.locator("#t-styles").get_by_label("Mix of styles")).to_have_attribute("aria-valuetext", ALONE)
    page.locator("#t-styles").get_by_label("Strength of the style").fill("0.5")
    expect(page.get_by_label(f"Show the look Seed {FIRST_SEED + 2}")).to_be_visible()
    model, drawn = translator("munit"), before(page)
    red = model.encode(RED, direction="ab")
    looks = [
        model.translate(drawn, ((red + model.draw(FIRST_SEED + i, "ab")) / 2).astype(np.float32))[0]
        for i in range(VARIATIONS)
    ]
    wait_for(page, looks[0])
    page.get_by_label(f"Show the look Seed {FIRST_SEED + 2}").click()
    wait_for(page, looks[2])
    expect(page.locator(".styles .card")).to_have_count(2)
    page.context.close()


def test_an_alphabet_is_made_of_a_drawn_letter(chromium):
    page = visit(chromium, "coco_funit")
    expect(page.get_by_label("Example picture lower-a")).to_be_visible()
    expect(page.locator("#t-letter .call")).to_contain_text("Your own letter")
    page.locator("#t-letter .sheet").scroll_into_view_if_needed()
    box = page.locator("#t-letter .sheet").bounding_box()
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.8 * box["height"], steps=4)
    page.mouse.up()
    page.get_by_role("button", name="Use the letter as a style").click()
    card = page.locator(".styles .card img")
    expect(card).to_have_count(1)
    drawn = drawings.LETTER.colours(from_uri(card.get_attribute("src")))
    assert 0.005 < (drawn == 0).mean() < 0.3
    page.get_by_role("button", name="Alphabet").click()
    sheet = translator("coco_funit").sheet(drawn)
    page.wait_for_function(
        "src => document.querySelector('#t-sheet img').src === src", arg=requests.picture_uri(sheet)
    )
    with page.expect_download() as download:
        page.get_by_label("Save the sheet").click()
    assert np.array_equal(cgan.read_picture(download.value.path()), sheet)
    choose(page, "funit")  # for which a letter is no style
    expect(page.locator(".styles .card")).to_have_count(0)
    choose(page, "coco_funit")
    expect(card).to_have_count(1)
    page.context.close()


def test_an_old_translation_is_dimmed_until_the_new_one_comes(shared):
    choose(shared, "unit")
    upload(shared, RED)
    wait_for(shared, translator("unit").translate(small(RED))[0])
    old, calls = shared.locator(".compare p.old"), []
    expect(old).to_be_hidden()

    def hold(route):
        calls.append(route)
        if len(calls) == 1:  # it opens the picture; what comes then translates it
            route.continue_()

    shared.route("**/queue/join*", hold)
    upload(shared, BLUE)
    expect(old).to_have_text("Of the picture before")
    shared.unroute("**/queue/join*")
    for route in calls[1:]:
        route.continue_()
    wait_for(shared, translator("unit").translate(small(BLUE))[0])
    expect(old).to_be_hidden()


def test_a_result_becomes_the_style_of_paint(shared):
    choose(shared, "unit")
    upload(shared, photograph(40, 40))
    after = translator("unit").translate(small(photograph(40, 40)))[0]
    wait_for(shared, after)
    shared.get_by_label("Use as style in Paint").click()
    expect(shared.locator("#style img")).to_be_visible()
    assert shared.locator("#style img").get_attribute("src") == requests.picture_uri(after)
    shared.get_by_label("Clear the style picture").click()
    shared.get_by_role("tab", name="Translate").click()


def test_a_result_is_saved(shared):
    choose(shared, "unit")
    with shared.expect_download() as download:
        shared.get_by_label("Save the picture", exact=True).click()
    saved = cgan.read_picture(download.value.path())
    assert as_uri(saved) and download.value.suggested_filename == "translated.png"


def test_on_a_phone_the_picture_is_under_the_paper(chromium):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    page = visit(chromium, "munit", **phone)
    expect(page.locator(AFTER)).to_be_visible()
    paper, picture = (page.locator(part).bounding_box() for part in ("#t-pen .sheet", ".compare .frame"))
    assert picture["y"] >= paper["y"] + paper["height"] and abs(picture["width"] - paper["width"]) < 4
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.context.close()


def test_without_translators_the_tab_says_what_to_run(chromium, tmp_path):
    _, url, _ = launch(empty := build(Shelf(tmp_path, "cpu")), prevent_thread_lock=True, quiet=True)
    page = visitor(chromium)
    page.goto(url)
    page.get_by_role("tab", name="Translate").click()
    expect(page.locator("#t-notice")).to_contain_text("python -m train munit")
    page.context.close()
    empty.close()
