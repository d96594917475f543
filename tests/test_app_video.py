"""The Video tab without a browser, and that animators disturb no other tab."""

import base64
import re
import time
from pathlib import Path

import numpy as np
import pytest
from app_fixtures import as_uri, from_uri
from gradio_client import Client
from gradio_client.exceptions import AppError
from video_fixtures import PALETTE, address, animator, animators, character, save_animator

import cgan
from app import requests
from app.clips import cut, example_clips, read_clip
from app.films import gif
from app.shelf import Shelf
from app.tabs.video.handlers import Animating
from cgan.edges import edge_palette
from cgan.video import Video, write_video


@pytest.fixture(scope="module")
def client():
    return Client(address(), verbose=False)


def test_animators_are_on_the_shelf_for_their_task_alone():
    shelf = Shelf(animators(), "cpu")
    names = {task: [each.name for each in shelf.find(task).checkpoints] for task in cgan.tasks.TASKS}
    assert names == {
        "animate": ["fs_vid2vid", "vid2vid", "wc_vid2vid"],
        "paint": ["painter"],
        "translate": [],
    }
    assert shelf.animator("fs_vid2vid").references == (1, 8)
    with pytest.raises(cgan.CheckpointError, match="no animator"):
        shelf.animator("painter")
    with pytest.raises(cgan.CheckpointError, match="no painter"):
        shelf.painter("vid2vid")


def test_animators_do_not_break_the_other_tabs(client):
    model, notice = client.predict(None, api_name="/checkpoints")
    assert [choice[0] for choice in model["choices"]] == ["painter"] and not notice["visible"]
    model, notice = client.predict(None, api_name="/translators")
    assert model["choices"] == [] and "cannot be used" not in notice["value"]
    with pytest.raises(AppError, match="no painter"):
        client.predict("fs_vid2vid", "data:,", 0, None, api_name="/paint")


# ---------------------------------------------------------------- films


def ask(client, name, references=(), clip=None, seed=0, rate=None):
    return client.predict(name, list(references), clip, seed, rate, api_name="/animate")


def strips() -> list[dict]:
    return example_clips(animator("fs_vid2vid"))


def played(uri: str) -> np.ndarray:
    """The pictures of a film, a video or a GIF."""
    return np.stack(list(Video(base64.b64decode(uri.split(",")[1]), "film")))


def test_a_character_walks(client):
    walk = strips()[2]
    film, status = ask(client, "fs_vid2vid", [as_uri(character())], walk["picture"])
    maps = cut(from_uri(walk["picture"]), (64, 64))
    direct = np.stack(list(animator("fs_vid2vid").animate(maps, [character()])))
    assert walk["name"] == "walk down" and film["made"] == walk["frames"] == len(maps) == 9
    video = played(film["video"])
    assert film["video"].startswith("data:video/mp4;") and video.shape == (9, 256, 256, 3)
    assert np.abs(video[:, ::4, ::4].astype(int) - direct).mean() < 12
    assert played(film["gif"]).shape == (9, 64, 64, 3) and played(film["input"]).shape == video.shape
    assert film["rate"] == 8 and not film["stopped"]
    assert status.startswith("fs_vid2vid · CPU · fp32 · ") and status.endswith(" frames a second")


def test_frames_come_while_a_film_is_made(client):
    frames = [as_uri(labels) for labels in cut(from_uri(strips()[0]["picture"]), (64, 64))]
    job = client.submit("fs_vid2vid", [as_uri(character())], frames, 0, 12, api_name="/animate")
    film, _ = job.result()
    first, _ = job.outputs()[0]
    assert first["made"] == 1 and first["count"] == 9 and first["speed"] > 0
    assert np.array_equal(from_uri(first["map"]), from_uri(frames[0]))
    assert from_uri(first["frame"]).shape == (64, 64, 3) and film["rate"] == 12


def label_video(folder: Path, rate: float = 15, lines: bool = False) -> str:
    """The walk as an mp4 of colours in a data URI; or something black on white."""
    maps = cut(from_uri(strips()[1]["picture"]), (64, 64))
    palette = PALETTE.rgb if not lines else np.array([[255] * 3] + [[30] * 3] * 7, np.uint8)
    pictures = [palette[labels].repeat(4, 0).repeat(4, 1) for labels in maps]
    write_video(folder / "clip.mp4", pictures, rate)
    return requests.file_uri((folder / "clip.mp4").read_bytes(), "mp4")


def test_label_videos_drive_models_with_and_without_a_first_frame(client, tmp_path):
    clip = label_video(tmp_path)
    plain, _ = ask(client, "vid2vid", [], clip)
    begun, _ = ask(client, "vid2vid", [as_uri(character(90))], clip)
    assert plain["made"] == begun["made"] == 9 and plain["rate"] == 15
    assert not np.array_equal(played(plain["video"])[0], played(begun["video"])[0])


def test_models_of_lines_take_any_video(tmp_path):
    save_animator(tmp_path / "lines", "vid2vid", edge_palette())
    clip = read_clip(label_video(tmp_path, lines=True), Shelf(tmp_path, "cpu").animator("lines"))
    assert {tuple(np.unique(labels)) for labels in clip.maps} == {(0, 1)}


def test_a_sheet_of_all_actions(client):
    made, _ = client.predict("fs_vid2vid", [as_uri(character())], None, api_name="/sheet")
    assert from_uri(made["sheet"]).shape == (16 * 64, 9 * 64, 3) and made["made"] == 120
    assert [each["name"] for each in made["gifs"]] == [each["name"] for each in strips()]
    assert played(made["gifs"][-1]["gif"]).shape == (8, 64, 64, 3)


def test_a_film_that_is_stopped_is_kept(client):
    frames = [as_uri(np.zeros((64, 64), np.uint8))] * 600
    job = client.submit("fs_vid2vid", [as_uri(character())], frames, 0, None, api_name="/animate")
    while not job.outputs():
        time.sleep(0.05)
    client.predict(api_name="/stop")
    film, _ = job.result()
    assert film["stopped"] and 0 < film["made"] < 600 and len(played(film["video"])) == film["made"]


def test_what_is_wrong_half_way_keeps_what_was_made(client):
    whole, other = as_uri(np.zeros((64, 64), np.uint8)), as_uri(np.zeros((32, 64), np.uint8))
    job = client.submit("fs_vid2vid", [as_uri(character())], [whole, whole, other], 0, 8, api_name="/animate")
    with pytest.raises(AppError, match="the first was 64x64"):
        job.result()
    assert job.outputs()[-1][0]["made"] == 2 and job.outputs()[-1][0]["stopped"]


BAD = {
    "no subject": ("fs_vid2vid", [], None, {}, "1 to 8 pictures of the subject"),
    "too many subjects": ("fs_vid2vid", [1] * 9, None, {}, "1 to 8 pictures of the subject"),
    "a path as subject": ("fs_vid2vid", ["/etc/hostname"], None, {}, "picture 1 must be a data URI"),
    "two first frames": ("vid2vid", [1, 1], None, {}, "at most one first frame"),
    "no clip": ("fs_vid2vid", [1], "", {}, "the clip must be a list of label maps"),
    "a path as clip": ("fs_vid2vid", [1], "/etc/hostname", {}, "the clip must be a data URI"),
    "an address as clip": ("fs_vid2vid", [1], "https://a.b/c.mp4", {}, "the clip must be a data URI"),
    "a path in a clip": ("fs_vid2vid", [1], ["/etc/hostname"], {}, "frame 1 of the clip must be a data URI"),
    "no video": ("fs_vid2vid", [1], "data:video/mp4;base64,AAAA", {}, "the clip is no video"),
    "too long": ("fs_vid2vid", [1], ["x"] * 601, {}, "at most 600 are allowed"),
    "a rate": ("fs_vid2vid", [1], None, {"rate": 999}, "from 1 to 60 frames a second"),
    "a seed": ("fs_vid2vid", [1], None, {"seed": -1}, "the seed is -1"),
    "needs depth": ("wc_vid2vid", [], None, {}, "needs depth and a camera"),
    "a painter": ("painter", [1], None, {}, "no animator"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_is_told_in_a_sentence(client, case):
    name, references, clip, options, words = BAD[case]
    references = [as_uri(character()) if each == 1 else each for each in references]
    clip = strips()[0]["picture"] if clip is None else clip
    with pytest.raises(AppError, match=re.escape(words)) as told:
        ask(client, name, references, clip, **options)
    assert "\n" not in str(told.value)


def test_sheets_of_other_sizes_are_told(client):
    with pytest.raises(AppError, match="the sheet is 100×64; this model's frames are 64×64"):
        ask(client, "fs_vid2vid", [as_uri(character())], as_uri(np.zeros((64, 100), np.uint8)))
    with pytest.raises(AppError, match="are near a colour of the palette"):
        noise = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3), np.uint8)
        ask(client, "fs_vid2vid", [as_uri(character())], gif(list(noise), 8))


def test_without_animators_the_tab_says_what_to_run(tmp_path):
    _, notice = Animating(Shelf(tmp_path, "cpu")).animators(None)
    assert notice["visible"] and "python -m train fs_vid2vid --data" in notice["value"]
