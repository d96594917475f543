"""Every model in every mode: a step, save and load, use, resume. A new model needs no new test."""

from contextlib import nullcontext
from typing import NamedTuple

import drawn
import numpy as np
import pytest
import torch
from runs import FLAGS

import cgan
from cgan import models
from cgan.ranges import made
from cgan.tasks import TASKS, Geometry
from train import launch, recipes
from train.data.batches import Clip, FewShot, FewShotClip, Labelled, Painted, Paired, Unpaired
from train.engine.bank import PRECISIONS, Bank
from train.engine.turns import turns
from train.flags.options import as_dict


class Mode(NamedTuple):
    """A model and the data that it learns from, a function of `drawn`."""

    name: str
    data: str


NAMES = models.names()
DRAWN = {
    Painted: "rectangles",
    Labelled: "rectangles",
    Unpaired: "unpaired",
    FewShot: "few_shot",
    Paired: "paired",
    Clip: "clips",
    FewShotClip: "few_shot_clips",
}
MODES = [Mode(name, DRAWN[recipes.module(name).Recipe.batch]) for name in NAMES]
MODES += [Mode("pix2pixhd", "paired")]  # models that learn from more than one kind of batch
ABOUT = {"size": [64, 64], "data": "none", "licence": "none"}


def recipe_of(mode: Mode, preset: str = "tiny"):
    model, recipe = models.module(mode.name), recipes.module(mode.name)
    data = getattr(drawn, mode.data)(8, (64, 64))
    config = recipe.Recipe.configure(model.PRESETS[preset], data)
    return recipe.Recipe(config, recipe.PRESETS[preset], None), data


def task_of(mode: Mode) -> str:
    model, data = models.module(mode.name), getattr(drawn, mode.data)(8, (16, 16))
    config = recipes.module(mode.name).Recipe.configure(model.PRESETS["tiny"], data)
    return model.Model(config).task


PAINTERS = [mode for mode in MODES if task_of(mode) == "paint"]
TRANSLATORS = [mode for mode in MODES if task_of(mode) == "translate"]
ANIMATORS = [mode for mode in MODES if task_of(mode) == "animate"]  # used in tests/test_video_models.py
LABELLERS = [mode for mode in MODES if task_of(mode) == "label"]


def over(modes: list[Mode]):
    return pytest.mark.parametrize("mode", modes, ids=lambda mode: "-".join(mode))


def test_each_model_has_a_recipe():
    assert recipes.names() == NAMES and "spade" in NAMES
    assert {mode.name for mode in PAINTERS} > {"spade"}
    assert len(PAINTERS) + len(TRANSLATORS) + len(ANIMATORS) + len(LABELLERS) == len(MODES)


@pytest.mark.parametrize("name", NAMES)
def test_presets(name):
    model, recipe = models.module(name), recipes.module(name)
    assert list(model.PRESETS) == list(recipe.PRESETS) == ["tiny", "small", "paper"]
    for preset, config in model.PRESETS.items():
        assert made(model.Config, as_dict(config)) == config
        assert isinstance(recipe.PRESETS[preset], recipe.Hyper)
    assert models.module(name).Model.task in TASKS


@over(MODES)
@pytest.mark.parametrize("preset", ["small", "paper"])
def test_a_step_of_large_presets(mode, preset, monkeypatch):
    """All turns, computed in shapes alone: nothing is allocated. Each weight has a part in some loss."""
    autocast = torch.autocast  # which knows no device without memory
    monkeypatch.setattr(
        torch, "autocast", lambda kind, *a, **k: nullcontext() if kind == "meta" else autocast(kind, *a, **k)
    )
    with torch.device("meta"):
        recipe, _ = recipe_of(mode, preset)
    for player in recipe.players.values():
        player.module.to("meta")
    side = max(64, recipe.model.multiple)
    batch = recipe_of(mode)[1].batch([0, 1], 0, (side, side))
    reached = {player: set() for player in recipe.players}
    for loss in recipe.step(batch.to("meta")):
        assert all(term.shape == () for term in loss.terms.values())
        reached[loss.player] |= leaves(loss.terms.values())
    for player, it in recipe.players.items():  # a clip's first frame does not need all that the next ones do
        still = [name for name, weight in it.module.named_parameters() if weight not in reached[player]]
        assert not still, f"{player}: no gradient reaches {still}"


def leaves(results) -> set[torch.Tensor]:
    """What tensors were computed from, as far as a gradient goes."""
    found, seen = set(), set()
    left = [result.grad_fn for result in results if result.grad_fn is not None]
    while left:
        node = left.pop()
        if node not in seen:
            seen.add(node)
            found |= {node.variable} if hasattr(node, "variable") else set()
            left += [before for before, _ in node.next_functions if before is not None]
    return found


@over(MODES)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_step_moves_every_weight(mode, precision):
    recipe, data = recipe_of(mode)
    chosen = PRECISIONS[precision]
    banks = {player: Bank(value, chosen) for player, value in recipe.players.items()}
    before = {player: bank.master.detach().clone() for player, bank in banks.items()}
    for seed in range(2):  # some weights, such as noise strengths behind a zero, only move in the second step
        for loss in turns(recipe, [data.batch([0, 1], seed, (64, 64))], banks):
            assert all(term.isfinite() for term in loss.terms.values())
            banks[loss.player].descend(1e-3)
    for player, bank in banks.items():
        old = bank.views(before[player])
        still = [key for key, view in bank.views(bank.master.detach()).items() if torch.equal(view, old[key])]
        # The two halves of a hinge loss cancel in the last bias until a score passes the margin, and in all
        # biases of a projected head of one pixel, while its ReLUs agree on what is fake and what is real.
        still = [key for key in still if not (key.endswith("bias") and ("heads" in key or "scores" in key))]
        assert not still, f"{player}: nothing reached {still}"


@over(MODES)
def test_save_and_load(mode, tmp_path):
    recipe, data = recipe_of(mode)
    palette = recipe.palette(data)
    cgan.save(tmp_path / mode.name, recipe.model, palette, ABOUT)
    task = cgan.load(tmp_path / mode.name, device="cpu")
    assert type(task) is TASKS[recipe.model.task] and task.checkpoint.palette == palette
    theirs = task.model.state_dict()
    for key, value in recipe.model.state_dict().items():
        assert torch.allclose(theirs[key], value, rtol=1e-3, atol=1e-4), key


def photograph(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


def use(task) -> np.ndarray:
    """What a loaded checkpoint makes of something small."""
    if isinstance(task, TASKS["paint"]):
        return task.paint(np.ones((40, 71), np.uint8), seed=1)
    if isinstance(task, TASKS["animate"]):
        references = [photograph(30, 40)] * task.references[0]
        places = [Geometry(np.full((40, 71), 5.0), np.eye(4), np.array([71, 71, 35, 20]))]
        geometry = places if task.needs_geometry else None
        return np.stack([*task.animate([np.ones((40, 71), np.uint8)], references, geometry=geometry, seed=1)])
    if isinstance(task, TASKS["label"]):
        return task.palette.colours(task.label(photograph(40, 71)))[None]
    style = photograph(30, 40, 2) if task.styles == "pictures" else None
    return task.translate(photograph(40, 71), style=style)


def whole_state(bank: Bank) -> dict[str, torch.Tensor]:
    """All that a bank holds, and its network's buffers: copies."""
    buffers = {f"buffer {name}": buffer for name, buffer in bank.player.module.named_buffers()}
    return {key: value.clone() for key, value in (bank.state() | buffers).items()}


@over(MODES)
def test_a_run_resumes(mode, tmp_path, monkeypatch):
    """Two steps, a save and one more step equal three steps, to the bit; what is published can be used.

    The save leaves the run as it was, so that one run is both: the whole one, and the one that stopped.
    """
    recipe = recipes.module(mode.name).Recipe
    flags = [*FLAGS, "--size", "32", "--images", "6", "--batch", "2", "--validation", "none"]

    def trainer_in(folder):
        data = getattr(drawn, mode.data)(8, (32, 32))
        monkeypatch.setattr(recipe, "builtin", staticmethod(lambda *_: data))
        words = [*flags, "--out", str(tmp_path / folder)]
        return launch.build(mode.name, *launch.parse(mode.name, words), torch.device("cpu"))

    whole = trainer_in("run")
    for _ in range(2):
        whole.step()
    before = {name: whole_state(bank) for name, bank in whole.banks.items()}
    average = whole.average.flat.clone()
    whole.save()
    for name, bank in whole.banks.items():
        after = whole_state(bank)
        assert [key for key, value in before[name].items() if not torch.equal(value, after[key])] == []
    assert torch.equal(average, whole.average.flat)
    whole.step()
    resumed = trainer_in("run")
    assert resumed.images == 4
    resumed.step()
    for name, bank in whole.banks.items():
        theirs = resumed.banks[name].state()
        assert [key for key, value in bank.state().items() if not torch.equal(value, theirs[key])] == []
    assert torch.equal(whole.average.flat, resumed.average.flat)
    resumed.evaluate()
    task = cgan.load(tmp_path / "run", device="cpu")
    assert task.checkpoint.model == mode.name and task.checkpoint.about["images"] == 6
    assert use(task).shape == (1, 40, 71, 3)


def loaded(mode: Mode, tmp_path):
    """The mode's task with drawn weights, away from the start, where all pictures are grey."""
    recipe, data = recipe_of(mode)
    generator = torch.Generator().manual_seed(0)
    for parameter in recipe.model.parameters():
        torch.nn.init.normal_(parameter, std=0.2, generator=generator)
    batch = data.batch(range(8), 0, (64, 64), augment=False)
    recipe.finish(recipe.model, recipe.calibrate(recipe.model, batch))
    return cgan.load(cgan.save(tmp_path / "x", recipe.model, recipe.palette(data), ABOUT), device="cpu")


@over(TRANSLATORS)
def test_translate(mode, tmp_path):
    it = loaded(mode, tmp_path)
    styles = {"pictures": {"style": photograph(70, 50, 1)}}
    for direction in it.directions:
        how = {"direction": direction, **styles.get(it.styles, {})}
        for size in ((64, 64), (50, 71), (3, 5)):
            picture = photograph(*size)
            one, again = it.translate(picture, **how), it.translate(picture, **how)
            assert one.shape == (1, *size, 3) and one.dtype == np.uint8
            assert np.array_equal(one, again), "the same call gives the same picture"
        flat = it.translate(np.full((64, 64, 3), 255, np.uint8), **how)
        assert flat.shape == (1, 64, 64, 3), "a constant picture has no variance to divide by"
    with pytest.raises(ValueError, match="no direction 'xy'; there are: ab"):
        it.translate(photograph(64, 64), direction="xy")
    with pytest.raises(cgan.DataError, match="at most"):
        it.translate(np.zeros((4000, 4000, 3), np.uint8), **styles.get(it.styles, {}))
    for wrong in (
        np.zeros((64, 64, 2), np.uint8),
        np.zeros((64, 64, 3)),
        [[0]],
        np.zeros((0, 4, 3), np.uint8),
    ):
        with pytest.raises(ValueError, match="uint8"):
            it.translate(wrong)


@over(TRANSLATORS)
def test_the_style_decides(mode, tmp_path):
    it, picture = loaded(mode, tmp_path), photograph(64, 64)
    dark, light = np.full((40, 30, 3), 20, np.uint8), photograph(30, 40, 2)
    if it.styles == "none":
        with pytest.raises(ValueError, match="takes no style"):
            it.translate(picture, style=light)
        with pytest.raises(ValueError, match="one answer"):
            it.translate(picture, variations=2)
        return
    assert not np.array_equal(it.translate(picture, style=dark), it.translate(picture, style=light))
    assert np.array_equal(it.translate(picture, style=dark), it.translate(picture, style=it.encode(dark)))
    mixed = (it.encode(dark) + 3 * it.encode(light)) / 4
    assert np.abs(it.encode([dark, light], weights=[1, 3]) - mixed).max() < 1e-4 * np.abs(mixed).max()
    with pytest.raises(ValueError, match="weights"):
        it.encode([dark, light], weights=[0, 0])
    with pytest.raises(ValueError, match="style vector has"):
        it.translate(picture, style=np.zeros(3))
    if it.styles == "random":
        assert np.array_equal(it.translate(picture, style=it.draw(5)), it.translate(picture, seed=5))
        four = it.translate(picture, variations=4)
        assert len({variation.tobytes() for variation in four}) == 4
    else:
        with pytest.raises(ValueError, match="needs a style"):
            it.translate(picture)
        with pytest.raises(ValueError, match="draws no styles"):
            it.draw(0)


def two_classes() -> np.ndarray:
    labels = np.zeros((50, 71), np.uint8)
    labels[25:] = 1
    return labels


@over(PAINTERS)
def test_paint(mode, tmp_path):
    it = loaded(mode, tmp_path)
    paint, labels = it.paint, two_classes()
    one, again = paint(labels, seed=3), paint(labels, seed=3)
    assert one.shape == (1, 50, 71, 3) and one.dtype == np.uint8 and one.std() > 5
    assert np.array_equal(one, again), "the same call gives the same picture"
    four = paint(labels, seed=3, variations=4)
    # such large random weights magnify what four pictures at a time round otherwise than one
    assert np.abs(four[0].astype(int) - one[0]).max() <= 4, "variation i uses seed + i"
    assert np.abs(four[1].astype(int) - paint(labels, seed=4)[0]).max() <= 4
    different = len({picture.tobytes() for picture in four})
    assert different == 4 or (it.looks and different > 1), "looks are few, and may be drawn again"
    labels[:25, :35] = 2
    assert not np.array_equal(paint(labels, seed=3), one), "the picture follows the map"


@over(PAINTERS)
def test_paint_with_style(mode, tmp_path):
    it, labels = loaded(mode, tmp_path), two_classes()
    dark, light = np.full((40, 30, 3), 20, np.uint8), np.full((40, 30, 3), 230, np.uint8)
    assert not np.array_equal(it.paint(labels, style=dark), it.paint(labels, style=light))
    assert np.array_equal(it.paint(labels, style=dark), it.paint(labels, style=it.encode(dark, labels)))
    assert np.array_equal(it.paint(labels, style=it.draw(5), seed=5), it.paint(labels, seed=5))


@over(PAINTERS)
def test_paint_refuses(mode, tmp_path):
    it = loaded(mode, tmp_path)
    labels = np.zeros((64, 64), np.uint8)
    labels[0, :5] = 200
    with pytest.raises(cgan.DataError, match=r"id 200 \(5 pixels.*allowed: 0 sky"):
        it.paint(labels)
    with pytest.raises(ValueError, match="uint8"):
        it.paint(np.zeros((64, 64)))
    for wrong in (np.zeros((0, 5), np.uint8), [[0]]):
        with pytest.raises(ValueError, match="uint8"):
            it.paint(wrong)
    with pytest.raises(ValueError, match=f"style vector has {it.model.config.style}"):
        it.paint(labels * 0, style=np.zeros(3))
    with pytest.raises(cgan.DataError, match="at most"):
        it.paint(np.zeros((4000, 4000), np.uint8))


def test_an_unknown_model_names_the_others():
    with pytest.raises(ValueError, match="no model 'spad'; there are: .*spade"):
        models.module("spad")


@over(PAINTERS)
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_fp16_paints_as_fp32_does(mode, tmp_path):
    folder = loaded(mode, tmp_path).checkpoint.folder
    labels = np.repeat(np.arange(6, dtype=np.uint8), 16)[:, None].repeat(64, 1)
    half, full = (cgan.load(folder, device="cuda", precision=p).paint(labels)[0] for p in ("fp16", "fp32"))
    assert np.abs(half.astype(int) - full).mean() <= 2
