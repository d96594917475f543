"""The Video tab in real Chromium: a character walks, films play, stop and are saved."""

import base64
import io
import re

import numpy as np
import pytest
from app_fixtures import expect, from_uri, visitor
from PIL import Image
from video_fixtures import address, character, moving

from app.shelf import Shelf
from app.ui import build, launch
from cgan.video import Video

PLAYS = "film => film.readyState >= 2 && film.duration > 0 && !film.paused && film.videoWidth === 256"


def visit(chromium, url=None, **options):
    """A new visitor on the Video tab."""
    page = visitor(chromium, **options)
    page.goto(url or address())
    expect(page.get_by_role("tab", name="Video")).to_be_visible()
    page.get_by_role("tab", name="Video").click()
    return page


@pytest.fixture(scope="module")
def shared(chromium):
    page = visit(chromium)
    expect(page.locator("#v-model select")).to_have_value("fs_vid2vid")
    expect(page.locator(".clips .step")).to_have_count(16)
    yield page
    page.context.close()


def as_file(picture: np.ndarray, name: str) -> dict:
    """A picture as a PNG to be opened."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": file.getvalue()}


def plays(page) -> None:
    """Until the film of the page plays."""
    expect(page.locator(".film .video")).to_be_visible()
    page.wait_for_function(f"() => ({PLAYS})(document.querySelector('.film .video'))")


def test_an_uploaded_character_walks_and_the_film_plays(shared):
    upload = as_file(character(), "me.png")
    plays(shared)  # of the examples: all has been said that a page says when it opens
    expect(shared.locator("#v-seed")).to_be_hidden()  # a character has its look
    example = shared.locator("#v-subjects .card img").get_attribute("src")
    shared.get_by_label("Subject picture files").set_input_files(upload | {"buffer": b"no picture"})
    why = "me.png cannot be read here: save it as JPEG or PNG."
    expect(shared.locator("#v-subjects .say")).to_have_text(why)
    expect(shared.locator("#v-subjects .card img")).to_have_attribute("src", example)
    shared.get_by_label("Subject picture files").set_input_files(upload)
    expect(shared.locator("#v-subjects .card img")).not_to_have_attribute("src", example)
    expect(shared.locator("#v-subjects .card")).to_have_count(1)  # the example is somebody else
    shared.get_by_label("Remove picture 1").click()
    expect(shared.locator(".film .empty")).to_contain_text("Who is it?")
    shared.get_by_label("Subject picture files").set_input_files(upload)
    plays(shared)
    assert 1.0 < shared.eval_on_selector(".film .video", "film => film.duration") < 1.3
    shared.wait_for_function("() => document.querySelector('.film .input').readyState >= 1")
    expect(shared.locator("#status")).to_contain_text("frames/s")
    expect(shared.locator(".film .made")).to_have_text("9 frames · 8 a second")
    before = film_of(shared)
    shared.get_by_label("Clip slash left").click()
    expect(shared.locator(".film .made")).to_have_text("6 frames · 8 a second")
    plays(shared)
    assert shared.locator(".film .video").get_attribute("src") != before


def test_a_clip_that_is_none_is_not_taken(shared):
    """The one of before is there again, and its film; so it is where another one was under way."""
    shared.get_by_label("Clip slash left").click()
    expect(shared.locator(".film .made")).to_have_text("6 frames · 8 a second")
    long = as_file(np.full((64 * 20, 64 * 30), 3, np.uint8), "long.png")
    broken = {"name": "broken.mp4", "mimeType": "video/mp4", "buffer": b"no film"}
    for files in ([broken], [long, broken]):
        for file in files:
            shared.get_by_label("Clip file").set_input_files(file)
            if file is long:
                expect(shared.locator(".film .bar")).to_be_visible()
        expect(shared.locator(".clips .say")).to_contain_text("the clip of before is here again")
        expect(shared.get_by_label("Clip slash left")).to_have_attribute("aria-pressed", "true")
        expect(shared.locator(".film .made")).to_have_text("6 frames · 8 a second")
        plays(shared)


def test_films_are_saved(shared):
    names = {"as mp4": "film.mp4", "side by side as mp4": "side-by-side.mp4", "as GIF": "film.gif"}
    for words, name in names.items():
        with shared.expect_download() as download:
            shared.get_by_label(f"Save {words}", exact=True).click()
        assert download.value.suggested_filename == name
        assert len(list(Video(download.value.path().read_bytes(), name))) == 6


def test_a_long_film_is_stopped_and_kept(shared):
    upload = as_file(np.zeros((64 * 20, 64 * 30), np.uint8), "long.png")
    shared.get_by_label("Clip file").set_input_files(upload)
    shared.get_by_label("Stop", exact=True).click()
    expect(shared.locator(".film .made")).to_contain_text("Stopped: ")
    expect(shared.locator(".film .bar")).to_be_hidden()
    plays(shared)


def test_another_choice_takes_the_place_of_a_long_film(shared):
    upload = as_file(np.ones((64 * 20, 64 * 30), np.uint8), "longer.png")
    shared.get_by_label("Clip file").set_input_files(upload)
    expect(shared.locator(".film .bar")).to_be_visible()
    shared.evaluate(
        """() => {
            const made = document.querySelector(".film .made");
            window.told = [];
            const note = (each) => each.addedNodes.forEach(({ data }) => window.told.push(data));
            new MutationObserver((changes) => changes.forEach(note)).observe(made, { childList: true });
        }"""
    )
    shared.get_by_label("Clip walk left").click()
    expect(shared.locator(".film .made")).to_have_text("9 frames · 8 a second")
    plays(shared)
    assert any(text.startswith("Stopped: ") for text in shared.evaluate("window.told"))


def test_a_character_is_drawn_and_walks(shared):
    shared.get_by_label("Clip slash left").click()
    expect(shared.locator(".film .made")).to_have_text("6 frames · 8 a second")
    shared.locator(".subjects .pencil").click()
    shared.get_by_label("Clear", exact=True).click()
    shared.get_by_label("Colour #b3202c").click()
    shared.locator(".draw .thick").select_option("4")
    box = shared.locator(".draw .pixels").bounding_box()
    step = box["width"] / 64
    shared.mouse.move(box["x"] + 20.5 * step, box["y"] + 30.5 * step)
    shared.mouse.down()
    shared.mouse.move(box["x"] + 20.5 * step, box["y"] + 50.5 * step)
    shared.mouse.up()
    shared.keyboard.press("Escape")  # what was put away so is there again
    expect(shared.locator(".draw .pixels")).to_be_hidden()
    shared.locator(".subjects .pencil").click()
    shared.get_by_role("button", name="Use it").click()
    drawn = from_uri(shared.locator(".subjects .card img").get_attribute("src"))[..., :3]
    red = (drawn == (0xB3, 0x20, 0x2C)).all(2)
    assert drawn.shape == (64, 64, 3) and (drawn[~red] == 0x80).all()
    assert red[28:52, 18:22].all() and red.sum() == 2 * 4 * 24 and np.array_equal(red, red[:, ::-1])
    expect(shared.locator(".film .bar")).to_be_hidden()
    plays(shared)
    mine = shared.locator(".subjects .card img").get_attribute("src")
    take(shared, "vid2vid")
    expect(shared.locator(".subjects .card")).to_have_count(0)
    take(shared, "fs_vid2vid")  # with whom it had
    expect(shared.locator(".subjects .card img")).to_have_attribute("src", mine)
    plays(shared)


@pytest.mark.slow
def test_all_actions_become_a_sheet(shared):
    """A change before that, which waits until the film under way has ended, does not take its place."""
    upload = as_file(np.full((64 * 20, 64 * 30), 2, np.uint8), "longest.png")
    shared.get_by_label("Clip file").set_input_files(upload)
    expect(shared.locator(".film .bar")).to_be_visible()
    calls = []
    shared.on("request", lambda request: calls.extend(waiting(request)))
    shared.get_by_label("Clip slash left").click()
    shared.get_by_role("button", name="All actions").click()
    expect(shared.locator(".film .gifs .tile")).to_have_count(16)
    last = [given for model, *given in calls if model][-1]
    assert len(last) == 2  # subjects and rate: that is the sheet
    uri = shared.locator(".film .sheet").get_attribute("src")
    assert Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).size == (576, 1024)
    with shared.expect_download() as download:
        shared.get_by_label("Save the sheet as PNG").click()
    assert download.value.suggested_filename == "sheet.png"
    shared.get_by_label("Clip slash left").click()  # of the clip that was chosen before, a film
    expect(shared.locator(".film .made")).to_have_text("6 frames · 8 a second")


def waiting(request) -> list[list]:
    """What a call is given that waits in line for its turn."""
    return [request.post_data_json["data"]] if request.url.endswith("/queue/join?") else []


@pytest.fixture(scope="module")
def other(chromium):
    """A visitor who has not begun with characters."""
    page = visit(chromium, permissions=["camera"])
    expect(page.locator(".clips .step")).to_have_count(16)
    yield page
    page.context.close()


def film_of(page) -> str:
    """The film that the page shows, once it is made, as a data URI."""
    video = page.locator(".film .video")
    expect(video).to_have_attribute("src", re.compile("^data:video"))
    return video.get_attribute("src")


def take(page, name: str, model: str | None = None) -> None:
    """Choose the checkpoint `name`, and wait until the page tells of it; `model` if it is named otherwise."""
    page.locator("#v-model select").select_option(name)
    expect(page.locator("#v-origin")).to_contain_text(f"drawn weights of {model or name}")


def test_a_painted_frame_drives_a_film(other, tmp_path):
    take(other, "vid2vid")
    clip, maps = moving(tmp_path, 4)
    film = {"name": "film.mp4", "mimeType": "video/mp4", "buffer": base64.b64decode(clip.split(",")[1])}
    other.get_by_label("Film to paint").set_input_files(film)
    expect(other.locator(".keyframes .where")).to_have_text("Frame 1 of 4 · to paint")
    other.locator(".keyframes .list button", has_text="torso").click()
    other.locator(".keyframes .size input").fill("10")
    box = other.locator(".keyframes .over").bounding_box()
    other.mouse.click(box["x"] + box["width"] * 20 / 64, box["y"] + box["height"] * 32 / 64)
    expect(other.locator(".keyframes .where")).to_have_text("Frame 1 of 4 · painted")
    other.get_by_label("Frame", exact=True).fill("3")
    expect(other.locator(".keyframes .where")).to_have_text("Frame 4 of 4 · follows")
    other.get_by_role("button", name="Use these maps").click()
    expect(other.locator(".clips .told")).to_have_text("film.mp4, 1 painted")
    expect(other.locator(".film .made")).to_have_text("4 frames · 10 a second")
    other.wait_for_function("() => document.querySelector('.film .input').videoWidth === 256")
    assert other.eval_on_selector(".film .input", "film => film.videoHeight") == 256
    assert len(maps) == 4
    video = other.locator(".film .input")
    driving = video.get_attribute("src")
    other.get_by_role("button", name="Show the maps").click()
    expect(video).not_to_have_attribute("src", driving)
    other.get_by_role("button", name="Show the video").click()
    expect(video).to_have_attribute("src", driving)
    other.get_by_role("button", name="Close").click()
    expect(other.locator(".keyframes .where")).to_be_hidden()
    other.get_by_label("Film to paint").set_input_files(film)  # with what was painted there
    expect(other.locator(".keyframes .where")).to_have_text("Frame 1 of 4 · painted")
    other.get_by_label("Frame", exact=True).fill("3")
    expect(other.locator(".keyframes .where")).to_have_text("Frame 4 of 4 · follows")
    other.get_by_role("button", name="Close").click()


def test_the_labels_of_a_film_are_found(other, tmp_path):
    clip, _ = moving(tmp_path, 5)
    film = {"name": "walk.mp4", "mimeType": "video/mp4", "buffer": base64.b64decode(clip.split(",")[1])}
    take(other, "vid2vid")
    other.get_by_label("Film to paint").set_input_files(film)
    expect(other.locator(".keyframes .where")).to_have_text("Frame 1 of 5 · to paint")
    other.get_by_role("button", name="Find this frame's labels").click()
    expect(other.locator(".keyframes .where")).to_have_text("Frame 1 of 5 · painted")
    other.get_by_role("button", name="Close").click()
    other.get_by_label("Video to be labelled").set_input_files(film)
    expect(other.locator(".clips .told")).to_have_text("walk.mp4, its labels are found")
    expect(other.locator(".film .made")).to_have_text("5 frames · 10 a second")


def test_a_camera_flies_back(other):
    take(other, "wc_vid2vid")
    plays(other)  # the first flight, at once
    expect(other.locator("#v-keyframes")).to_be_hidden()
    expect(other.locator(".clips .told")).to_be_hidden()
    for name in ("vid2vid_flies", "wc_vid2vid"):  # the same flight, and another film
        other.locator("#v-model select").select_option(name)
        expect(other.locator("#status-video")).to_contain_text(f"{name} · ")
    plays(other)
    other.get_by_role("radio", name="back", exact=True).click()
    expect(other.locator(".clips .paths [aria-checked=true]")).to_have_text("back")
    expect(other.locator(".film .made")).to_have_text("32 frames · 8 a second")
    take(other, "vid2vid")  # with the clip that it had
    expect(other.locator(".clips .told")).to_have_text("walk.mp4, its labels are found")
    expect(other.locator(".film .made")).to_have_text("5 frames · 10 a second")


def test_the_dice_gives_another_look(other):
    take(other, "vid2vid")
    maps = np.zeros((64, 4 * 64), np.uint8)
    maps[32:, 64:] = 1
    other.get_by_label("Clip file").set_input_files(as_file(maps, "ground.png"))
    expect(other.locator(".clips .told")).to_contain_text("ground.png")
    expect(other.locator(".film .made")).to_have_text("4 frames · 8 a second")
    before, upload = film_of(other), as_file(character(), "first.png")
    other.get_by_label("Subject picture files").set_input_files(upload)
    expect(other.locator(".subjects .card")).to_have_count(1)
    expect(other.locator(".film .video")).not_to_have_attribute("src", before)
    first = film_of(other)
    seed = other.locator("#v-seed").get_by_label("Seed", exact=True).input_value()
    other.locator("#v-seed").get_by_label("Roll the dice").click()
    expect(other.locator(".subjects .card")).to_have_count(0)  # its look would be the film's
    expect(other.locator(".film .video")).not_to_have_attribute("src", first)
    other.locator("#v-seed").get_by_label("Seed", exact=True).fill(seed)
    expect(other.locator(".film .video")).to_have_attribute("src", before)


def test_a_film_that_waits_for_anothers_says_so(shared, other):
    upload = as_file(np.zeros((64 * 20, 64 * 30), np.uint8), "long.png")
    other.get_by_label("Clip file").set_input_files(upload)
    expect(other.locator(".film .bar")).to_be_visible()
    shared.get_by_label("Clip thrust left").click()
    expect(shared.locator(".film .working")).to_have_text("Another film is being made: yours is next …")
    other.get_by_label("Stop", exact=True).click()
    expect(shared.locator(".film .working")).to_have_text("")
    expect(shared.locator(".film .made")).to_have_text("8 frames · 8 a second")


def test_the_webcam_drives_a_model_of_lines(other):
    expect(other.locator("#v-webcam")).to_be_hidden()
    take(other, "lines", "vid2vid")
    other.get_by_role("button", name="Use the webcam").click()
    expect(other.locator(".film .far")).to_have_text(re.compile(r"^\d+ · "))
    other.get_by_role("button", name="Stop the webcam").click()
    expect(other.locator(".film .made")).to_have_text(re.compile(r"^\d+ frames? · 8 a second"))
    assert other.eval_on_selector(".webcam .camera", "camera => camera.srcObject") is None


def test_on_a_phone_the_film_stays_in_sight_and_nothing_sticks_out(chromium):
    page = visit(chromium, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    expect(page.locator(".clips .step")).to_have_count(16)
    page.locator("#v-go").scroll_into_view_if_needed()
    film, start = (page.locator(part).bounding_box() for part in (".film .frame", "#v-go"))
    assert film["y"] >= 0 and film["y"] + film["height"] <= start["y"] <= 844
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.locator("#v-film")).to_have_css("position", "sticky")
    # The sheet of all actions with a GIF of each is as tall as the window: it does not cover what is below.
    page.wait_for_function(
        """() => {
            const [film, gifs] = ["#v-film", ".film .gifs"].map((part) => document.querySelector(part));
            if (!gifs.childElementCount) gifs.append(document.createElement("button")); // films take it away
            return getComputedStyle(film).position === "static";
        }"""
    )
    page.context.close()


def test_without_animators_the_tab_says_what_to_run(chromium, tmp_path):
    _, url, _ = launch(empty := build(Shelf(tmp_path, "cpu")), prevent_thread_lock=True, quiet=True)
    page = visit(chromium, url)
    expect(page.locator("#v-notice")).to_contain_text("python -m train fs_vid2vid --data")
    page.context.close()
    empty.close()
