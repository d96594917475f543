"""What label maps of videos are made of: each source trains, and the checkpoint tells which it was."""

import json

import numpy as np
import pytest
import torch
from runs import FLAGS
from test_clip_folders import camera_clip, write
from test_poses import face, standing

import cgan
from cgan import faces, poses
from cgan.edges import edge_palette
from cgan.errors import DataError
from train import launch
from train.__main__ import main
from train.data.clip_reading import depth_palette
from train.judge import animation, of
from train.recipes import kind_of

CLASSES = {
    "labels": ["floor", "box"],
    "poses": list(poses.CLASSES),
    "landmarks": list(faces.CLASSES),
    "edges": edge_palette().names,
    "depth": depth_palette().names,
}
SMALL = [*FLAGS, "--size", "32", "--images", "2", "--batch", "1", "--validation", "none", "--frames", "2"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("CGAN_CACHE", str(tmp_path_factory.mktemp("cache")))


def points(folder, part, name, count, drawn):
    """A clip's poses or landmarks: `drawn` gives the JSON of each frame."""
    place = folder / part / name
    place.mkdir(parents=True)
    for number in range(1, count + 1):
        (place / f"frame{number}.json").write_text(json.dumps(drawn(number)))


def everything(folder):
    """A clip of which all is known: maps, poses, a face, depth and cameras."""
    camera_clip(folder)
    write(folder, {"": 4})
    points(folder, "poses", "", 4, lambda n: {"people": [{"pose_keypoints_2d": standing(30 + 4 * n, 80)}]})
    points(folder, "landmarks", "", 4, lambda n: face((48, 48), 30, 0.05 * n).tolist())
    return folder


def trained(name, data, source, out):
    """A checkpoint after one step."""
    words = [*SMALL, "--data", str(data), "--labels", source, "--out", str(out)]
    trainer = launch.build(name, *launch.parse(name, words), torch.device("cpu"))
    trainer.step()
    trainer.evaluate()
    return cgan.load(out, device="cpu")


@pytest.mark.parametrize("source", CLASSES)
def test_label_maps_come_from(source, tmp_path):
    folder = everything(tmp_path / "data")
    task = trained("vid2vid", folder, source, tmp_path / "out")
    assert task.checkpoint.about["labels"] == source and task.palette.names == CLASSES[source]
    (frame,) = task.animate([np.zeros((32, 32), np.uint8)])
    assert frame.shape == (32, 32, 3)
    again = of(kind_of("vid2vid", task.model.config)).read(folder, task)
    assert again.source == source, "evaluate reads them as training did"


def test_world_consistent_models_take_edges(tmp_path):
    task = trained("wc_vid2vid", everything(tmp_path / "data"), "edges", tmp_path / "out")
    assert task.checkpoint.about["labels"] == "edges" and task.needs_geometry


def test_subjects_of_frames_alone(tmp_path):
    for subject in ("ann", "bob"):
        write(tmp_path / "data" / subject, {"walk": 4}, labels=None)
    task = trained("fs_vid2vid", tmp_path / "data", "edges", tmp_path / "out")
    assert task.checkpoint.about["labels"] == "edges" and task.palette == edge_palette()


def test_older_checkpoints_do_not_tell():
    assert animation.labels_of({}) == "auto" and animation.labels_of({"labels": "depth"}) == "depth"


def test_what_is_missing_is_told_at_once(tmp_path, capsys):
    write(tmp_path / "a", {"one": 4, "two": 1}, labels=None)
    for name, source, told in (
        ("vid2vid", "auto", ["say where label maps come from, with --labels; allowed: labels, poses"]),
        ("vid2vid", "depth", ["no folder depth/ for the labels"]),
        ("wc_vid2vid", "edges", ["there is no depth/ and no pose/: a world"]),
    ):
        words = [name, *SMALL, "--data", str(tmp_path / "a"), "--out", str(tmp_path / "x")]
        assert main([*words, "--labels", source]) == 2
        said = capsys.readouterr().err
        assert all(each in said for each in told), said


def test_sheets_bring_their_maps(tmp_path):
    from train.data.few_shot_clips import read_few_shot_clips

    (tmp_path / "ann").mkdir()
    (tmp_path / "ann" / "walk.labels.png").touch()
    with pytest.raises(DataError, match="--labels edges does not fit"):
        read_few_shot_clips(tmp_path, (32, 32), labels="edges")
