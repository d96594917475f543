"""Scores of animators: flicker and drift, clips and characters by the command, with their baselines."""

import argparse
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from drawn import clips, few_shot_clips
from PIL import Image
from safetensors.torch import save_file

import cgan
from cgan import models
from cgan.errors import DataError
from cgan.labels import Label, Palette
from train import judge as judges
from train import recipes
from train.data.batches import Clip, FewShotClip
from train.data.clips import Window
from train.data.sprites import read_sprites
from train.judge import animation, endurance, evaluation, frame_by_frame, metrics
from train.judge import clips as judge_of_clips
from train.judge import command as evaluate
from train.judge import few_shot_clips as judge_of_subjects
from train.judge.examination import Examination
from train.judge.sheet import evenly
from train.teachers import networks as teachers

SIZE = (32, 32)


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    """A cache for each test, and few draws where more would only make intervals surer."""
    monkeypatch.setenv("CGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(metrics, "FRECHET_RESAMPLES", 4)


@pytest.fixture(scope="module")
def squeezenet_file(tmp_path_factory):
    """Random weights by SqueezeNet's names."""
    torch.manual_seed(0)
    state = {f"features.{name}": tensor for name, tensor in teachers._body("squeezenet").state_dict().items()}
    path = tmp_path_factory.mktemp("weights") / "squeezenet.safetensors"
    save_file(state, path)
    return path


@pytest.fixture
def examination(squeezenet_file):
    features = teachers.SqueezeNetFeatures(teachers.lpips(squeezenet_file).features)
    return Examination(metrics.Metrics(squeezenet_file, None, "cpu", features), most=24)


def checkpoint(name, data, folder):
    """A tiny animator with drawn weights, saved."""
    model = models.module(name)
    torch.manual_seed(0)
    recipe = recipes.module(name).Recipe
    made = model.Model(recipe.configure(model.PRESETS["tiny"], data))
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    about = {"size": list(SIZE), "data": "none", "licence": "none", "options": {"hyper": {"frames": 3}}}
    return cgan.save(folder / name, made, recipe.palette(data), about)


def characters(folder, count=4):
    """Sheets of characters, each of one grey, with one action of two frames."""
    named = enumerate((("ground", "#808080"), ("body", "#ff0000"), ("hat", "#00ff00")))
    palette = Palette(tuple(Label(number, *words) for number, words in named))
    folder.mkdir()
    palette.write(folder / "palette.json")
    for number in range(count):
        maps = np.zeros((4 * SIZE[0], 2 * SIZE[1]), np.uint8)
        for row in range(4):
            maps[32 * row + 4 : 32 * row + 20 + row, 8:24] = 1
            maps[32 * row + 4 : 32 * row + 8, 40 : 56 + row] = 2
        grey = np.where(maps[..., None] > 0, np.uint8(50 * (number + 1)), np.uint8(128)).repeat(3, 2)
        (folder / str(number)).mkdir()
        Image.fromarray(grey).save(folder / str(number) / "walk.png")
        palette.write_ids(folder / str(number) / "walk.labels.png", maps)
    return folder


def test_flicker_and_drift_are_small_where_the_world_stands_still():
    data = clips(3, SIZE)
    batch = data.batch([0, 3, 6], 0, SIZE, augment=False)
    noise = torch.rand_like(batch.images) * 2 - 1
    assert batch.flow.abs().max() > 1
    for measure in (animation.flicker, animation.drift):
        true, wild = measure(batch.images, batch), measure(noise, batch)
        assert true.shape == (3,) and (true < 0.3 * wild).all()
    unknown = batch._replace(flow=None, depth=None)
    assert animation.flicker(noise, unknown) is animation.drift(noise, unknown) is None
    assert animation.flicker(batch.images[:, :1], batch) is None


def test_a_flow_is_judged_by_where_it_leads():
    data = clips(3, SIZE)
    batch = data.batch([0, 3, 6], 0, SIZE, augment=False)
    wrong = batch.flow + 3.0
    true, still, astray = (animation.led([flow], [batch])["flow"] for flow in (batch.flow, None, wrong))
    assert true < 0.5 * still < astray
    assert animation.led([None], [batch._replace(seen=None)]) == {}


@pytest.mark.parametrize("name", ["vid2vid", "wc_vid2vid"])
def test_clips_are_judged(name, tmp_path, examination):
    data = clips(3, SIZE)
    judge, task = judges.of(Clip), cgan.load(checkpoint(name, data, tmp_path), device="cpu")
    (section,) = judge.sections(task, data, replace(data), examination)
    own, alone = section.rows["the first frames' styles"], section.rows["each frame alone"]
    assert {"lpips", "frechet", "flicker", "drift"} <= {*own} and own["flicker"] != alone["flicker"]
    assert "lpips" not in section.rows["drawn styles"]
    assert section.rows["the true frames"]["flicker"] < own["flicker"] and "9 frames" in section.title
    assert section.rows["the true frames"]["flow"] < min(own["flow"], alone["flow"])
    assert own["flow"] != alone["flow"]
    for outputs_only, headings in ((True, "made"), (False, "map made true")):
        [first, *_] = judge.cells(task, data, None, examination, 2, outputs_only=outputs_only)
        assert " ".join(heading for heading, _ in first) == headings


@pytest.mark.parametrize(("length", "count"), [(5, 60), (2, 30), (100, 80), (7, 10)])
def test_a_film_goes_there_and_back(length, count):
    order = endurance.there_and_back(length, count)
    second = endurance.RATE
    assert order[:second] == order[-second:] and len(order) > second
    assert {abs(a - b) for a, b in zip(order, order[1:], strict=False)} == {1}
    assert max(order) < length and min(order) == 0 and (count < 60 or abs(len(order) - count) < 30)


def test_long_films_are_watched(tmp_path, examination, monkeypatch):
    monkeypatch.setattr(endurance, "RATE", 3)
    data = clips(2, SIZE, frames=4)
    task = cgan.load(checkpoint("wc_vid2vid", data, tmp_path), device="cpu")
    _, section = judge_of_clips.Judge().sections(task, data, None, replace(examination, seconds=4.0))
    assert {*section.rows} == {"the first second", "the last second"}
    assert f"{len(endurance.there_and_back(4, 12))} frames" in section.title
    assert "times the first" in section.note and all("frechet" in row for row in section.rows.values())
    assert section.rows["the last second"]["returned"] > 0, "it has seen more by then"


def test_what_has_returned_is_compared_place_by_place():
    early = [torch.full((1, 1, 3, 4, 4), level) for level in (0.0, 0.5)]
    assert endurance.returned(early, [early[0] + 0.2, early[1]]).tolist() == pytest.approx([25.5, 0])


@pytest.fixture
def beside(tmp_path):
    """An animator's checkpoint and data, and a painter of the same classes."""
    data = clips(3, SIZE)
    saved = checkpoint("vid2vid", data, tmp_path)
    spade = models.module("spade")
    torch.manual_seed(0)
    model = spade.Model(replace(spade.PRESETS["tiny"], classes=len(data.palette)))
    about = {"size": [64, 64], "data": "none", "licence": "none"}
    return data, saved, cgan.save(tmp_path / "alone", model, data.palette, about)


def test_a_painter_stands_beside(beside, examination):
    data, saved, other = beside
    task, painter = (cgan.load(folder, device="cpu") for folder in (saved, other))
    (section,) = judges.of(Clip).sections(task, data, None, replace(examination, painter=painter))
    row = section.rows["alone, frame by frame"]
    assert {"lpips", "frechet", "flicker", "drift"} <= {*row} and "at 64 pixels" in section.note
    clip = data.clip(0, SIZE, 0, 3)
    still = clip._replace(labels=clip.labels[:, :1].expand_as(clip.labels))
    (video,) = frame_by_frame.painted_one_by_one(painter, [still], 0)
    assert video.shape == (1, 3, 3, *SIZE) and torch.equal(video[:, 0], video[:, 2])
    (moving,) = frame_by_frame.painted_one_by_one(painter, [clip], 0)
    assert torch.equal(video[:, 0], moving[:, 0]) and not torch.equal(video[:, 2], moving[:, 2])


def test_who_may_stand_beside(beside, tmp_path):
    data, saved, _ = beside
    other = checkpoint("fs_vid2vid", few_shot_clips(2, SIZE), tmp_path)
    names = [Label(number, f"thing {number}", f"#8080{number:02x}") for number in range(len(data.palette))]
    spade = models.module("spade")
    model = spade.Model(replace(spade.PRESETS["tiny"], classes=len(names)))
    about = {"size": [64, 64], "data": "none", "licence": "none"}
    strange = cgan.save(tmp_path / "strange", model, Palette(tuple(names)), about)
    for judged, painter, problem in (
        (saved, other, "paints no maps"),
        (saved, strange, "other classes"),
        (other, strange, "compared with models of label videos"),
    ):
        given = argparse.Namespace(painter=str(painter), device="cpu")
        with pytest.raises(DataError, match=problem):
            evaluation.painter_beside(given, cgan.load(judged, device="cpu"))


def test_pieces_of_clips_are_spread():
    pieces = judge_of_clips.spread_clips(clips(4, SIZE, frames=7), 3, 12)
    assert [piece.labels.shape[:2] for piece in pieces] == [(1, 3)] * 4
    (short,) = judge_of_clips.spread_clips(clips(1, SIZE, frames=2), 5, 100)
    assert short.labels.shape[:2] == (1, 2)


def test_subjects_are_judged(tmp_path, examination):
    data = few_shot_clips(3, SIZE)
    judge, task = judges.of(FewShotClip), cgan.load(checkpoint("fs_vid2vid", data, tmp_path), device="cpu")
    (section,) = judge.sections(task, data, None, examination)
    assert {"lpips", "l1", "frechet", "flicker", "flow"} <= {*section.rows["one reference"]}
    assert "identified" not in section.rows["one reference"] and "halves" in section.note.lower()
    [first, *_] = judge.cells(task, data, None, examination, 2, outputs_only=False)
    assert [heading for heading, _ in first] == ["reference", "map", "made", "true"]


@pytest.mark.parametrize("kind", ["clips", "characters"])
def test_long_films_of_subjects(kind, tmp_path, examination, monkeypatch):
    """A film of a clip's frames in order, there and back, from one reference."""
    monkeypatch.setattr(endurance, "RATE", 3)
    data = few_shot_clips(2, SIZE, frames=4)
    if kind == "characters":
        data = read_sprites(characters(tmp_path / "sheets"), SIZE, Window(3, 0, 3), lambda _: None)
    scene = judge_of_subjects.longest_scene(data)
    assert scene.length == (2 if kind == "characters" else 6)
    first, last = scene.frame(0), scene.frame(scene.length - 1)
    assert first.labels.shape[:2] == (1, 1) and torch.equal(first.references, last.references)
    assert not torch.equal(first.labels, last.labels)
    task = cgan.load(checkpoint("fs_vid2vid", data, tmp_path), device="cpu")
    section = endurance.endurance(task, scene, replace(examination, seconds=4.0))
    assert "times the first" in section.note and all("frechet" in row for row in section.rows.values())


def test_references_are_spread(tmp_path):
    """The first is the one that is shown alone; the others are other frames of the same subject."""
    sprites = read_sprites(characters(tmp_path / "all"), SIZE, Window(2, 0, 2))
    for data, row in ((sprites, 1), (few_shot_clips(3, SIZE, frames=2), 5)):
        one, four = (
            data.batch([row], 0, data.size, augment=False, shots=count).references[0] for count in (1, 4)
        )
        assert four.shape[0] == 4 and torch.equal(one[0], four[0])
        assert not all(torch.equal(four[0], other) for other in four[1:])


def test_the_right_character_is_the_nearest_in_its_pose(tmp_path):
    data = read_sprites(characters(tmp_path / "all"), SIZE, Window(2, 0, 2))
    rows = [0, 1, 6, 11]
    truth = [batch.images for batch in judge_of_subjects.batches(data, rows)]
    assert judge_of_subjects.right(truth, data, rows)["identified"] == 1
    others = [batch.images for batch in judge_of_subjects.batches(data, [1, 2, 7, 10])]
    assert judge_of_subjects.right(others, data, rows)["identified"] == 0


def test_characters_by_the_command(tmp_path, squeezenet_file, capsys):
    folder = characters(tmp_path / "all")
    saved = checkpoint("fs_vid2vid", read_sprites(folder, SIZE, Window(2)), tmp_path)
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    words = [saved, "--data", folder, "--perceptual-weights", squeezenet_file, "--features", "squeezenet"]
    words += ["--device", "cpu", "--pictures", "24", "--samples", tmp_path / "samples.jpg"]
    assert evaluate.run(parser.parse_args([str(word) for word in words])) == 0
    out = capsys.readouterr().out
    (table,) = json.loads(out.strip().splitlines()[-1])["tables"]
    assert {"one reference, own maps", "two references, own maps", "four references, another's maps"} <= {
        *table["rows"]
    }
    alone = table["rows"]["one reference, own maps, each frame alone"]
    assert alone["flicker"] != table["rows"]["one reference, own maps"]["flicker"]
    assert "flicker" in table["rows"]["the true frames"]
    assert table["rows"]["the true frames"]["identified"] == 1
    assert table["rows"]["the reference itself"]["identified"] == 1, "each is of one grey"
    assert "right subject" in out and "chance is 0.25" in out and (tmp_path / "samples.jpg").exists()


def test_other_classes_are_refused(tmp_path):
    data = clips(2, SIZE)
    task = cgan.load(checkpoint("fs_vid2vid", few_shot_clips(2, SIZE), tmp_path), device="cpu")
    with pytest.raises(DataError, match="other classes"):
        judges.of(FewShotClip).read(characters(tmp_path / "all"), task)
    assert judges.of(Clip).pictures(data)[0] is data.images


def test_the_judge_meets_all_characters(tmp_path):
    """Also where it looks at as many samples as there are strips, or at every second one."""
    data = read_sprites(characters(tmp_path / "all"), SIZE, Window(2, 0, 2))
    assert len(data.names) == len(data.strips) == 4
    for count in (4, 8, 16):
        rows = judge_of_subjects.spread(data, count)
        assert len({*rows}) == count and {row % 4 for row in rows} == {0, 1, 2, 3}
        assert len({row // 4 for row in rows}) == 4
    others = few_shot_clips(3, SIZE)
    assert judge_of_subjects.spread(others, 3) == evenly(len(others), 3).tolist()
