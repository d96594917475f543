"""A few-shot video model is tuned on references: they are met better, and the rest of a checkpoint stays."""

import numpy as np
import pytest
import torch
from drawn import few_shot_clips
from test_clip_folders import write

import cgan
from cgan import models
from cgan.models import fs_vid2vid
from train.__main__ import main
from train.commands import tune

SIZE = (32, 32)


@pytest.fixture
def saved(tmp_path):
    """A tiny checkpoint of two classes, as the folders of `write` have them."""
    model = fs_vid2vid.Model(fs_vid2vid.Config(**vars(fs_vid2vid.PRESETS["tiny"]) | {"classes": 2}))
    palette = cgan.Palette.from_list(
        [{"id": 0, "name": "floor", "colour": "#808080"}, {"id": 1, "name": "box", "colour": "#c04020"}]
    )
    return cgan.save(
        tmp_path / "old", model, palette, {"size": list(SIZE), "data": "none", "licence": "none"}
    )


@pytest.mark.parametrize("count", [1, 3])
def test_references_are_met_better(count):
    batch = few_shot_clips(3, SIZE).batch([0], 0, SIZE, augment=False, shots=count)
    shown = tune.Shown(batch.references[0], batch.reference_labels[0], True)
    model = fs_vid2vid.Model(fs_vid2vid.PRESETS["tiny"])
    fixed = model.poses.start.weight.clone()
    before, after = tune.tune(model, shown, 25, 3e-3)
    assert after < 0.9 * before and after == pytest.approx(tune.apart(model, shown))
    assert torch.equal(model.poses.start.weight, fixed), "what reads maps is not touched"


def test_the_command(saved, tmp_path, capsys):
    write(tmp_path / "me", {"": 2})
    words = ["tune", saved, "--references", tmp_path / "me", "--steps", 6, "--rate", 0.003, "--device", "cpu"]
    words = [str(word) for word in [*words, "--out", tmp_path / "new"]]
    assert main(words) == 0, capsys.readouterr().err
    assert "grey levels before" in capsys.readouterr().err
    new = cgan.load(tmp_path / "new", device="cpu")
    assert new.checkpoint.about["tuned"] == {"from": "old", "references": 2, "steps": 6, "rate": 0.003}
    picture = np.full((40, 40, 3), 90, np.uint8)
    (frame,) = new.animate([np.ones(SIZE, np.uint8)], references=[picture])
    (old,) = cgan.load(saved, device="cpu").animate([np.ones(SIZE, np.uint8)], references=[picture])
    assert frame.shape == (*SIZE, 3) and not np.array_equal(frame, old)
    assert main(words) == 2 and "holds a checkpoint already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (["--rate", "1"], "nothing was written"),
        (["--references", "nowhere"], "not a folder"),
    ],
)
def test_it_refuses(saved, tmp_path, capsys, change, told):
    write(tmp_path / "me", {"": 2})
    words = ["tune", saved, "--references", tmp_path / "me", "--steps", 1, "--device", "cpu", *change]
    assert main([str(word) for word in [*words, "--out", tmp_path / "new"]]) == 2
    assert told in capsys.readouterr().err and not (tmp_path / "new").exists()


def test_references_that_do_not_fit(saved, tmp_path, capsys):
    write(tmp_path / "many", {"": 9})
    write(tmp_path / "none", {"": 2}, labels=None)
    other = models.module("vid2vid")
    spared = cgan.Palette.from_list([{"id": i, "name": str(i), "colour": f"#{i:06x}"} for i in range(12)])
    cgan.save(tmp_path / "other", other.Model(other.PRESETS["tiny"]), spared, {"size": list(SIZE)})
    for source, folder, told in (
        (saved, "many", "9 pictures; a model takes at most 8"),
        (saved, "none", "there is no labels/"),
        (tmp_path / "other", "many", "only fs_vid2vid"),
    ):
        words = [
            "tune",
            source,
            "--references",
            tmp_path / folder,
            "--device",
            "cpu",
            "--out",
            tmp_path / "new",
        ]
        assert main([str(word) for word in words]) == 2
        assert told in capsys.readouterr().err
