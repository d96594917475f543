"""How a run begins: from a checkpoint of other classes, alone in its folder, with pictures enough."""

import dataclasses

import pytest
import torch
from drawn import rectangles, unpaired
from runs import LIGHT as FLAGS
from runs import run

import cgan
from cgan import models
from cgan.errors import DataError
from cgan.files import held
from cgan.labels import Label, Palette
from train.engine.starting import Start, adopted, class_places, left_off, load_start, named_as


def palette(*names: str) -> Palette:
    return Palette(tuple(Label(i, name, f"#{i:06x}") for i, name in enumerate(names)))


def model_of(name: str, classes: int, seed: int = 0):
    module = models.module(name)
    torch.manual_seed(seed)
    return module.Model(dataclasses.replace(module.PRESETS["tiny"], classes=classes))


@pytest.mark.parametrize("name", ["spade", "pix2pixhd", "vid2vid", "fs_vid2vid"])
def test_classes_are_taken_over_by_name(name):
    """What new classes weigh is fresh, all else is the checkpoint's."""
    old, new = model_of(name, 3), model_of(name, 4, seed=1)
    weights, fresh = dict(old.named_parameters()), dict(new.named_parameters())
    start = Start(None, weights, name, new.config, ["sky", "road", "car"], ["car", "cat", "sky", "dog"])
    begun = adopted(start, {key: value.detach() for key, value in fresh.items()})
    places = class_places(name, new.config)
    assert any(places.values()) and begun.keys() == fresh.keys()
    for key, value in begun.items():
        assert value.shape == fresh[key].shape
        if not places[key]:
            assert torch.equal(value, weights[key]), key
        for dimension, (each, _) in places[key].items():
            car, cat = weights[key].select(dimension, 2 * each), fresh[key].select(dimension, each)
            assert torch.equal(value.select(dimension, 0), car), key
            assert torch.equal(value.select(dimension, each), cat), key


def test_the_same_classes_are_taken_as_they_are():
    old = model_of("spade", 3)
    weights = dict(old.named_parameters())
    assert adopted(Start(None, weights, "spade", old.config, ["a"], ["a"]), {}) is weights


def test_what_an_older_checkpoint_lacks_is_said(painted_folder, tmp_path, capfd):
    """It stays as it is unless a flag asks for it."""
    config = dataclasses.replace(models.module("vid2vid").PRESETS["tiny"], match=False, smooth=False)
    usual = models.module("vid2vid").PRESETS["tiny"]
    assert "without --match, --smooth, which new runs have" in left_off(config, usual)
    assert left_off(usual, usual) == ""
    own = Palette.read(painted_folder / "palette.json")
    seamed = dataclasses.replace(model_of("spade", len(own)).config, smooth=False)
    old = cgan.save(tmp_path / "old", models.module("spade").Model(seamed), own, {"size": [64, 64]})
    words = ("spade", *FLAGS, "--data", painted_folder, "--validation", "none", "--images", 4)
    words = (*words, "--calibrate", 1, "--start-from", old)
    code, said = run(capfd, *words, "--out", tmp_path / "same")
    assert code == 0 and "without --smooth, which new runs have" in said, said
    code, said = run(capfd, *words, "--smooth", "--out", tmp_path / "smooth")
    assert code == 0 and "which new runs have" not in said, said


def test_no_class_in_common_is_refused(tmp_path):
    model = model_of("spade", 2)
    folder = cgan.save(tmp_path / "x", model, palette("sky", "road"), {"size": [64, 64]})
    with pytest.raises(ValueError, match="made for other classes than the data's: sky, road; not cat, dog"):
        load_start(str(folder), model.config, palette("cat", "dog"))
    wider = dataclasses.replace(model.config, classes=3)
    start = load_start(str(folder), wider, palette("sky", "cat", "dog"))
    assert start.theirs == ["sky", "road"] and start.ours == ["sky", "cat", "dog"]


def test_ids_without_names_take_the_checkpoints():
    data, said = rectangles(3, (32, 32)), []
    count = len(data.palette)
    unnamed = dataclasses.replace(data, palette=palette(*(f"class {i}" for i in range(count))))
    named = palette(*(f"thing {i}" for i in range(count + 1)))
    assert named_as(unnamed, named, said.append).palette == named and "name no classes" in said[0]
    assert named_as(data, named, said.append) is data, "what has names keeps them"
    assert named_as(unnamed, palette("one"), said.append) is unnamed, "more ids than classes"
    assert named_as(unpaired(2, (32, 32)), named, said.append) is not None and len(said) == 1


def test_fine_tuning_with_other_classes_through_main(painted_folder, tmp_path, capfd):
    own = Palette.read(painted_folder / "palette.json")
    model = model_of("spade", 2)
    cgan.save(tmp_path / "start", model, palette(own.names[1], "moon"), {"size": [64, 64]})
    words = ("spade", *FLAGS, "--data", painted_folder, "--validation", "none", "--images", 4)
    words = (*words, "--calibrate", 1, "--start-from", tmp_path / "start", "--out", tmp_path / "out")
    code, said = run(capfd, *words)
    assert code == 0 and f"has not learnt start fresh: {own.names[0]}" in said, said
    assert "left out: moon" in said
    assert cgan.read_checkpoint(tmp_path / "out").palette == own


# ---- Pictures enough


def test_two_pictures_are_the_least_that_are_left():
    with pytest.raises(DataError, match="2 pictures: 1 would be left to learn from, at least 2 are needed"):
        rectangles(2, (32, 32)).split(0.1)
    assert len(rectangles(3, (32, 32)).split(0.1)[0]) == 2
    with pytest.raises(DataError, match="2 pictures in .*: 1 would be left"):
        unpaired(2, (32, 32)).split(0.1)


def test_one_batch_of_one_still_has_a_spread(painted_folder, tmp_path, capfd):
    words = ("spade", *FLAGS, "--data", painted_folder, "--out", tmp_path / "x", "--validation", "none")
    code, said = run(capfd, *words, "--images", 1, "--batch", 1, "--calibrate", 1)
    assert code == 0, said
    painter = cgan.load(tmp_path / "x", device="cpu")
    assert torch.isfinite(painter.model.style_mean).all()


# ---- Alone in a folder


def test_a_lock_is_held_once_and_let_go(tmp_path):
    path = tmp_path / "new" / ".lock"
    with held(path) as first, held(path) as second:
        assert first and not second
    with held(path) as again:
        assert again


def test_a_second_run_in_one_folder_is_refused(painted_folder, tmp_path, capfd):
    words = ("spade", *FLAGS, "--data", painted_folder, "--out", tmp_path / "x", "--images", 4)
    with held(tmp_path / "x" / ".lock"):
        for more in ((), ("--fresh",)):
            code, said = run(capfd, *words, *more)
            assert code == 2 and "another run is at work in" in said and said.count("\n") == 1, said
    assert not (tmp_path / "x" / "training").exists()
