"""The Video tab without a browser, and that animators disturb no other tab."""

import base64
import io
import re
import time
from pathlib import Path
from types import SimpleNamespace

import av
import gradio as gr
import numpy as np
import pytest
from app_fixtures import as_uri, from_uri
from gradio_client import Client
from gradio_client.exceptions import AppError
from video_fixtures import (
    LANDSCAPE,
    PALETTE,
    address,
    animator,
    animators,
    character,
    moving,
    save_animator,
)

import cgan
from app import requests
from app.clip_examples import example_clips, example_flight
from app.clips import read_clip
from app.examples import FOLDER
from app.films import enlarged, gif
from app.sheets import cut
from app.shelf import Shelf
from app.tabs.video.handlers import Animating
from app.tabs.video.live import Live
from cgan.labels import Palette
from cgan.video import Video, write_video


@pytest.fixture(scope="module")
def client():
    return Client(address(), verbose=False)


def test_animators_are_on_the_shelf_for_their_task_alone():
    shelf = Shelf(animators(), "cpu")
    names = {task: [each.name for each in shelf.find(task).checkpoints] for task in cgan.tasks.TASKS}
    assert names == {
        "animate": ["fs_vid2vid", "lines", "vid2vid", "vid2vid_flies", "wc_vid2vid"],
        "label": [],
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
    assert played(film["large"]).shape == (9, 256, 256, 3)
    assert played(film["gif"]).shape == (9, 64, 64, 3) and played(film["input"]).shape == video.shape
    assert played(film["both"]).shape == (9, 256, 512, 3)
    assert film["rate"] == 8 and not film["stopped"] and not film["sound"] and "source" not in film
    assert status.startswith("fs_vid2vid · CPU · fp32 · ") and status.endswith(" frames/s")


def test_frames_come_while_a_film_is_made(client):
    frames = [as_uri(labels) for labels in cut(from_uri(strips()[0]["picture"]), (64, 64))]
    job = client.submit("fs_vid2vid", [as_uri(character())], frames, 0, 12, api_name="/animate")
    film, _ = job.result()
    (first, _), *_, (seen, _), (last, _) = job.outputs()
    assert seen == {key: film[key] for key in film if key not in ("gif", "large")}
    assert last == film and film["gif"] and film["large"]  # they come when the film can be seen already
    assert first["made"] == 1 and first["count"] == 9 and first["speed"] > 0
    assert np.array_equal(from_uri(first["map"]), from_uri(frames[0]))
    assert from_uri(first["frame"]).shape == (64, 64, 3) and film["rate"] == 12


def label_video(folder: Path, rate: float = 15, lines: bool = False, sound: Path | None = None) -> str:
    """The walk as an mp4 of colours in a data URI; or something black on white."""
    maps = cut(from_uri(strips()[1]["picture"]), (64, 64))
    palette = PALETTE.rgb if not lines else np.array([[255] * 3] + [[30] * 3] * 7, np.uint8)
    pictures = [palette[labels].repeat(4, 0).repeat(4, 1) for labels in maps]
    write_video(folder / "clip.mp4", pictures, rate, sound)
    return requests.file_uri((folder / "clip.mp4").read_bytes(), "mp4")


def tone(path: Path) -> Path:
    """A second of 440 Hz, as m4a."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=44100)
        wave = np.sin(2 * np.pi * 440 * np.arange(44100) / 44100).astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return path


def loudness(uri: str) -> float:
    """The mean strength of a film's sound, 0 where there is none."""
    with av.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))) as container:
        if not container.streams.audio:
            return 0.0
        parts = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return float(np.abs(np.concatenate(parts, 1)).mean())


def test_sound_goes_along_at_the_clip_s_own_speed(client, tmp_path):
    clip = label_video(tmp_path, sound=tone(tmp_path / "tone.m4a"))
    film, _ = ask(client, "vid2vid", [], clip)
    assert film["sound"] == "with sound" and loudness(film["video"]) > 0.3 < loudness(film["both"])
    slow, _ = ask(client, "vid2vid", [], clip, rate=5)
    assert not slow["sound"] and not loudness(slow["video"])


def test_label_videos_drive_models_with_and_without_a_first_frame(client, tmp_path):
    clip = label_video(tmp_path)
    plain, _ = ask(client, "vid2vid", [], clip)
    begun, _ = ask(client, "vid2vid", [as_uri(character(90))], clip)
    assert plain["made"] == begun["made"] == 9 and plain["rate"] == 15
    assert not np.array_equal(played(plain["video"])[0], played(begun["video"])[0])


def test_models_of_lines_take_any_video(tmp_path):
    clip = read_clip(label_video(tmp_path, lines=True), animator("lines"))
    assert {tuple(np.unique(labels)) for labels in clip.maps} == {(0, 1)}


@pytest.mark.parametrize(("size", "flat"), [((64, 48), False), ((96, 128), True)])
def test_pixel_art_and_maps_keep_their_squares(size, flat):
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    large, times = enlarged(picture, flat), 256 // max(size)
    assert large.shape == (size[0] * times, size[1] * times, 3)
    assert all(np.array_equal(large[i::times, j::times], picture) for i in range(times) for j in range(times))


def test_photographs_are_enlarged_smoothly():
    slopes = 7 * abs(np.arange(128) % 64 - 32)
    picture = slopes.astype(np.uint8)[None, :, None].repeat(96, 0).repeat(3, 2)
    large = enlarged(picture)
    assert large.shape == (192, 256, 3) and enlarged(large).shape == large.shape
    assert np.abs(np.diff(large.astype(int), axis=1)).max() <= 5  # squares have steps of 7, and of 0


# ---------------------------------------------------------------- flights, key frames, cameras


def test_a_world_is_flown_through_there_and_back(client):
    clip = {"flight": "to the alps", "path": "there and back"}
    job = client.submit("wc_vid2vid", [], clip, 0, 12, api_name="/animate")
    film, _ = job.result()
    assert film["made"] == 63 == job.outputs()[0][0]["count"]
    maps = played(film["input"]).astype(int)
    assert np.abs(maps[0] - maps[-1]).mean() < 3 < np.abs(maps[0] - maps[31]).mean()


def test_flights_drive_models_without_geometry_and_back(tmp_path):
    model = Shelf(save_animator(tmp_path / "plain", "vid2vid", LANDSCAPE).parent, "cpu").animator("plain")
    forward, back = (
        [*read_clip({"flight": "over the mesa", "path": path}, model).maps] for path in ("forward", "back")
    )
    assert np.array_equal(forward, back[::-1]) and forward[0].shape == (64, 64)
    assert [each["name"] for each in example_clips(model)] == [
        "to the alps", "over the mesa", "around the alps",
    ]  # fmt: skip


def test_streets_have_a_drive_of_their_own(tmp_path):
    streets = Palette.read(FOLDER / "streets" / "palette.json")
    model = Shelf(save_animator(tmp_path / "plain", "vid2vid", streets).parent, "cpu").animator("plain")
    (drive,) = example_clips(model)
    assert drive["name"] == "down the street" and drive["frames"] == 48
    maps = [*read_clip(drive["clip"], model).maps]
    shares = [[(labels == id).mean() for labels in maps] for id in range(len(streets))]
    assert min(shares[streets.names.index("road")]) > 0.05  # it is a street from the first to the last frame
    cars = shares[streets.names.index("car")]
    assert cars[-1] > 3 * cars[0] > 0  # and one comes near to the cars in it


def test_a_zip_of_a_flight_is_scaled_to_the_model():
    data = example_flight("around the alps").read_bytes()
    uri = "data:application/x-zip-compressed;base64," + base64.b64encode(data).decode()
    clip = read_clip({"flight": uri}, animator("wc_vid2vid"))
    labels, place = next(clip.maps), next(clip.places)
    assert clip.count == 40 and labels.shape == place.depth.shape == (64, 64)
    assert place.intrinsics == pytest.approx([64, 64, 32, 30.08])


def test_a_painted_frame_is_carried_through_a_film(client, tmp_path):
    film, maps = moving(tmp_path)
    opened = client.predict("vid2vid", {"film": film, "maps": {}}, api_name="/open_film")["props"]
    assert len(opened["frames"]) == 6 and opened["rate"] == 10
    assert from_uri(opened["frames"][0]).shape == (64, 64, 3)
    painted = {"film": film, "maps": {"0": as_uri(maps[0])}}
    carried = client.predict("vid2vid", painted, api_name="/carry")["props"]["carried"]
    assert min((from_uri(uri) == labels).mean() for uri, labels in zip(carried, maps, strict=True)) > 0.85
    made, _ = ask(client, "vid2vid", [], painted)
    assert made["made"] == 6 and made["rate"] == 10
    source, beside = played(made["source"]).astype(int), played(made["beside"])
    assert source.shape == (6, 256, 256, 3) and beside.shape == (6, 256, 512, 3)
    assert abs(source[:, ::4, ::4] - [from_uri(uri) for uri in opened["frames"]]).mean() < 12


def test_the_labels_of_a_film_are_found(client, tmp_path):
    film, _ = moving(tmp_path)
    made, _ = ask(client, "vid2vid", [], {"film": film, "label": True})
    assert made["made"] == 6 and made["rate"] == 10
    frame = client.predict("vid2vid", {"film": film, "maps": {}}, api_name="/open_film")["props"]["frames"][2]
    found = client.predict("vid2vid", {"frame": frame, "at": 2}, api_name="/label_frame")["props"]["found"]
    labels = Shelf(animators(), "cpu").labeller("vid2vid").label(from_uri(frame))
    assert found[0] == 2 and np.array_equal(from_uri(found[1]), labels)
    with pytest.raises(AppError, match="number of a frame"):
        client.predict("vid2vid", {"frame": frame, "at": -1}, api_name="/label_frame")


def test_a_camera_drives_a_model_of_lines(client):
    picture = as_uri(character(96))
    first, _, told = client.predict("lines", [], picture, 3, api_name="/live")
    second, status, turn = client.predict("lines", [], picture, 3, api_name="/live")
    assert (first["made"], second["made"]) == (1, 2) and "lines · CPU" in status
    assert turn["props"]["turn"] != told["props"]["turn"]  # each answer asks for another picture
    assert first["map"] == second["map"] and set(np.unique(from_uri(first["map"]))) == {0, 1}
    film = client.predict(api_name="/end_live")
    assert film["made"] == 2 == len(played(film["video"]))
    with pytest.raises(AppError, match="no model of drawn lines"):
        client.predict("vid2vid", [], picture, 3, api_name="/live")


def test_only_the_last_few_cameras_are_kept():
    live, model = Live(), animator("lines")
    runs = [live.run(str(number), "look", model, 0) for number in range(6)]
    assert live.run("5", "look", model, 0) is runs[5] and live.take("0") is None
    assert live.run("5", "other", model, 0) is not runs[5]
    for number in range(6):
        live.leave(str(number))
    assert live.take("5") is None


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


def test_others_paint_while_a_film_is_made(client):
    frames = [as_uri(np.zeros((64, 64), np.uint8))] * 600
    job = client.submit("fs_vid2vid", [as_uri(character())], frames, 0, None, api_name="/animate")
    while not job.outputs():
        time.sleep(0.05)
    visitor = Client(address(), verbose=False)
    picture, _ = visitor.predict("painter", as_uri(np.zeros((64, 64), np.uint8)), 0, None, api_name="/paint")
    assert from_uri(picture).shape == (64, 64, 3) and not job.done()
    client.predict(api_name="/stop")
    assert job.result()[0]["made"] < 600


def test_what_is_wrong_half_way_keeps_what_was_made(client):
    whole, other = as_uri(np.zeros((64, 64), np.uint8)), as_uri(np.zeros((32, 64), np.uint8))
    job = client.submit("fs_vid2vid", [as_uri(character())], [whole, whole, other], 0, 8, api_name="/animate")
    with pytest.raises(AppError, match="the first was 64x64"):
        job.result()
    assert job.outputs()[-1][0]["made"] == 2 and job.outputs()[-1][0]["stopped"]


BAD = {
    "no subject": ("fs_vid2vid", [], None, {}, "draw or upload a character first"),
    "too many subjects": ("fs_vid2vid", [1] * 9, None, {}, "1 to 8 pictures of the subject"),
    "a path as subject": ("fs_vid2vid", ["/etc/hostname"], None, {}, "picture 1 must be a data URI"),
    "two first frames": ("vid2vid", [1, 1], None, {}, "at most one first frame"),
    "no clip": ("fs_vid2vid", [1], "", {}, "The clip must be a list of label maps"),
    "a path as clip": ("fs_vid2vid", [1], "/etc/hostname", {}, "The clip must be a data URI"),
    "an address as clip": ("fs_vid2vid", [1], "https://a.b/c.mp4", {}, "The clip must be a data URI"),
    "a path in a clip": ("fs_vid2vid", [1], ["/etc/hostname"], {}, "Frame 1 of the clip must be a data URI"),
    "no video": ("fs_vid2vid", [1], "data:video/mp4;base64,AAAA", {}, "The clip is no video"),
    "too long": ("fs_vid2vid", [1], ["x"] * 601, {}, "at most 600 are allowed"),
    "a rate": ("fs_vid2vid", [1], None, {"rate": 999}, "from 1 to 60 frames a second"),
    "a seed": ("fs_vid2vid", [1], None, {"seed": -1}, "The seed is -1"),
    "needs depth": ("wc_vid2vid", [], None, {}, "needs depth and a camera"),
    "an unknown flight": ("wc_vid2vid", [], {"flight": "/etc"}, {}, "No flight '/etc': send a zip"),
    "an unknown path": ("wc_vid2vid", [], {"flight": "to the alps", "path": "up"}, {}, "No path 'up'"),
    "no zip": (
        "wc_vid2vid",
        [],
        {"flight": "data:application/zip;base64,AAAA"},
        {},
        "no zip that can be read",
    ),
    "nothing painted": (
        "vid2vid",
        [],
        {"film": "data:video/mp4;base64,AAAA"},
        {},
        "paint at least one frame",
    ),
    "a path as film": ("vid2vid", [], {"film": "/etc/hostname"}, {}, "The film must be a video"),
    "no label network": (
        "lines",
        [],
        {"film": "data:video/mp4;base64,AAAA", "label": True},
        {},
        "lines has no label network",
    ),
    "no frame": ("vid2vid", [], {"film": "data:video/mp4;base64,AAAA", "maps": {"-1": ""}}, {}, "frame '-1'"),
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


def walk() -> str:
    """A clip that vid2vid takes."""
    return example_clips(animator("vid2vid"))[0]["clip"]


def test_the_clip_of_the_model_before_drives_no_other():
    """Until the model that was chosen has brought its own: a slow answer is no error of the visitor's."""
    animating, visitor = Animating(Shelf(animators(), "cpu")), gr.Request(session_hash="me")
    walk, flight = (example_clips(animator(name))[0]["clip"] for name in ("vid2vid", "wc_vid2vid"))
    nothing = [(gr.skip(), gr.skip())]
    animating.choose("wc_vid2vid")
    assert [*animating.follow("vid2vid", [], flight | {"path": "back"}, 0, 0, visitor)] == nothing
    animating.choose("vid2vid")
    assert [*animating.follow("vid2vid", [], flight, 0, 0, visitor)] == nothing
    assert [*animating.follow("wc_vid2vid", [], walk, 0, 0, visitor)] == nothing
    *_, (film, _) = animating.follow("vid2vid", [], walk, 0, 0, visitor)
    assert film["made"] == 9
    *_, (film, _) = animating.follow("vid2vid", [], [as_uri(np.zeros((64, 64), np.uint8))], 0, 0, visitor)
    assert film["made"] == 1


def test_what_was_asked_for_before_gives_way_even_where_it_waits():
    """And nothing that is asked for since, or by others; a film of one frame is not shown for a moment."""
    animating, visitor = Animating(Shelf(animators(), "cpu")), gr.Request(session_hash="me")
    before = time.monotonic()
    with animating.stops.run("me", before) as running, animating.stops.run("other", before) as others:
        animating.give_way(1, visitor)
        assert not running.is_set(), "what waited since before gives nothing away"
        animating.give_way(0, visitor)
        assert running.gives_way and running.is_set() and not others.is_set()
    with animating.stops.run("me", before) as waited, animating.stops.run("me", time.monotonic()) as later:
        assert waited.gives_way and waited.is_set() and not later.is_set()
    film = animating.animate("vid2vid", [], walk(), 0, 0, visitor)
    assert next(film)[0]["made"] == 1
    animating.give_way(0, visitor)
    assert [*film] == [(gr.skip(), gr.skip())]


@pytest.mark.parametrize("when", ["frames", "gifs"])
def test_gifs_give_way_to_another_film(when):
    """And are made of a film that somebody stopped."""
    animating, visitor = Animating(Shelf(animators(), "cpu")), gr.Request(session_hash="me")
    clip = [as_uri(np.zeros((64, 64), np.uint8))] * 90
    for end, kept in (
        (lambda visitor: animating.give_way(0, visitor), False),
        (animating.stop, when == "frames"),
    ):
        film = animating.animate("vid2vid", [], clip, 0, 0, visitor)
        next(shown for shown, _ in film if ("video" in shown if when == "gifs" else shown["made"] > 1))
        end(visitor)
        *_, (last, _) = film
        assert bool(last["gif"]) == bool(last["large"]) == kept
        assert last["made"] < 90 if when == "frames" else last["made"] == 90


def test_stopping_ends_what_waits_too_and_nothing_that_is_asked_for_later():
    animating, visitor = Animating(Shelf(animators(), "cpu")), gr.Request(session_hash="me")
    before = time.monotonic()
    with animating.stops.run("me", before) as running, animating.stops.run("other", before) as others:
        animating.stop(visitor)
        assert running.is_set() and not others.is_set()
    with animating.stops.run("me", before) as waited, animating.stops.run("me", time.monotonic()) as later:
        assert waited.is_set() and not later.is_set()
        animating.choose("vid2vid", visitor)  # of another model than the one that was asked
        assert later.is_set()
    visitor.request = SimpleNamespace(scope={requests.ASKED: before})
    assert [*animating.animate("vid2vid", [], walk(), 0, 0, visitor)] == [(gr.skip(), gr.skip())]
    animating.leave(visitor)
    *_, (film, _) = animating.animate("vid2vid", [], walk(), 0, 0, visitor)
    assert film["made"] == 9


def test_sheets_of_other_sizes_are_told(client):
    with pytest.raises(AppError, match="The sheet is 100×64; this model's frames are 64×64"):
        ask(client, "fs_vid2vid", [as_uri(character())], as_uri(np.zeros((64, 100), np.uint8)))
    with pytest.raises(AppError, match="if this is an ordinary video, .* are near a colour of the palette"):
        noise = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3), np.uint8)
        ask(client, "fs_vid2vid", [as_uri(character())], gif(list(noise), 8))


def test_without_animators_the_tab_says_what_to_run(tmp_path):
    _, notice = Animating(Shelf(tmp_path, "cpu")).animators(None)
    assert notice["visible"] and "python -m train fs_vid2vid --data" in notice["value"]
