"""Every model, found by its name: a step, saving and loading, painting. A new model needs no new test."""

import numpy as np
import pytest
import torch
from drawn import clips, few_shot, few_shot_clips, rectangles, unpaired

import cgan
from cgan import models
from cgan.tasks import TASKS
from train import recipes
from train.data.batches import Clip, FewShot, FewShotClip, Painted, Unpaired
from train.engine.bank import PRECISIONS, Bank
from train.options import as_dict, from_dict

NAMES = models.names()
DRAWN = {  # small data of each kind
    Painted: rectangles,
    Unpaired: unpaired,
    FewShot: few_shot,
    Clip: clips,
    FewShotClip: few_shot_clips,
}
TRANSLATORS = [name for name in NAMES if models.module(name).Model.task == "translate"]
ABOUT = {"size": [64, 64], "data": "none", "licence": "none"}


def recipe_of(name: str):
    model, recipe = models.module(name), recipes.module(name)
    data = DRAWN[recipe.Recipe.batch](8, (64, 64))
    config = recipe.Recipe.configure(model.PRESETS["tiny"], data)
    return recipe.Recipe(config, recipe.PRESETS["tiny"], None), data


def test_each_model_has_a_recipe():
    assert recipes.names() == NAMES and "spade" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_presets(name):
    model, recipe = models.module(name), recipes.module(name)
    assert list(model.PRESETS) == list(recipe.PRESETS) == ["tiny", "small", "paper"]
    for preset, config in model.PRESETS.items():
        assert from_dict(as_dict(config), model.Config) == config
        assert isinstance(recipe.PRESETS[preset], recipe.Hyper)
    assert models.module(name).Model.task in TASKS


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_step_moves_every_weight(name, precision):
    recipe, data = recipe_of(name)
    chosen = PRECISIONS[precision]
    banks = {player: Bank(value, chosen) for player, value in recipe.players.items()}
    before = {player: bank.master.detach().clone() for player, bank in banks.items()}
    for seed in range(2):  # some weights, such as noise strengths behind a zero, only move in the second step
        steps = recipe.step(data.batch([0, 1], seed, (64, 64)))
        while True:
            with torch.autocast("cpu", chosen.autocast, enabled=chosen.autocast is not None):
                loss = next(steps, None)
            if loss is None:
                break
            assert all(term.isfinite() for term in loss.terms.values())
            banks[loss.player].backward(sum(loss.terms.values()))
            banks[loss.player].descend(1e-3)
    for player, bank in banks.items():
        old = bank.views(before[player])
        still = [key for key, view in bank.views(bank.master.detach()).items() if torch.equal(view, old[key])]
        # the two halves of a hinge loss cancel in the last bias until a score passes the margin
        still = [key for key in still if not key.endswith("scores.bias")]
        assert not still, f"{player}: nothing reached {still}"


@pytest.mark.parametrize("name", NAMES)
def test_save_and_load(name, tmp_path):
    recipe, data = recipe_of(name)
    palette = recipe.palette(data)
    cgan.save(tmp_path / name, recipe.model, palette, ABOUT)
    task = cgan.load(tmp_path / name, device="cpu")
    assert type(task) is TASKS[recipe.model.task] and task.checkpoint.palette == palette
    theirs = task.model.state_dict()
    for key, value in recipe.model.state_dict().items():
        assert torch.allclose(theirs[key], value, rtol=1e-3, atol=1e-4), key


def translator(name: str, tmp_path):
    recipe, _ = recipe_of(name)
    generator = torch.Generator().manual_seed(0)
    for parameter in recipe.model.parameters():  # away from the start, where all pictures are grey
        torch.nn.init.normal_(parameter, std=0.1, generator=generator)
    return cgan.load(cgan.save(tmp_path / "x", recipe.model, None, ABOUT), device="cpu")


def photograph(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


@pytest.mark.parametrize("name", TRANSLATORS)
def test_translate(name, tmp_path):
    it = translator(name, tmp_path)
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
    for wrong in (np.zeros((64, 64), np.uint8), np.zeros((64, 64, 3)), [[0]], np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(ValueError, match="uint8"):
            it.translate(wrong)


@pytest.mark.parametrize("name", TRANSLATORS)
def test_the_style_decides(name, tmp_path):
    it, picture = translator(name, tmp_path), photograph(64, 64)
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
    assert np.allclose(it.encode([dark, light], weights=[1, 3]), mixed, atol=1e-5)
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


def painter(tmp_path):
    recipe, data = recipe_of("spade")
    for parameter in recipe.model.parameters():  # away from the start, where all pictures are grey
        torch.nn.init.normal_(parameter, std=0.3)
    return cgan.load(cgan.save(tmp_path / "x", recipe.model, data.palette, ABOUT), device="cpu")


def test_paint(tmp_path):
    paint = painter(tmp_path).paint
    labels = np.zeros((50, 71), np.uint8)
    labels[25:] = 1
    one, again = paint(labels, seed=3), paint(labels, seed=3)
    assert one.shape == (1, 50, 71, 3) and one.dtype == np.uint8 and one.std() > 5
    assert np.array_equal(one, again), "the same call gives the same picture"
    four = paint(labels, seed=3, variations=4)
    assert np.abs(four[0].astype(int) - one[0]).max() <= 1, "variation i uses seed + i"
    assert np.abs(four[1].astype(int) - paint(labels, seed=4)[0]).max() <= 1
    assert len({picture.tobytes() for picture in four}) == 4
    labels[:25, :35] = 2
    assert not np.array_equal(paint(labels, seed=3), one), "the picture follows the map"


def test_paint_with_style(tmp_path):
    it = painter(tmp_path)
    labels = np.zeros((64, 64), np.uint8)
    dark, light = np.full((40, 30, 3), 20, np.uint8), np.full((40, 30, 3), 230, np.uint8)
    assert not np.array_equal(it.paint(labels, style=dark), it.paint(labels, style=light))
    assert np.array_equal(it.paint(labels, style=dark), it.paint(labels, style=it.encode(dark)))
    assert np.array_equal(it.paint(labels, style=it.draw(5), seed=5), it.paint(labels, seed=5))


def test_paint_refuses(tmp_path):
    it = painter(tmp_path)
    labels = np.zeros((64, 64), np.uint8)
    labels[0, :5] = 200
    with pytest.raises(cgan.DataError, match=r"id 200 \(5 pixels.*allowed: 0 sky"):
        it.paint(labels)
    with pytest.raises(ValueError, match="uint8"):
        it.paint(np.zeros((64, 64)))
    for wrong in (np.zeros((0, 5), np.uint8), [[0]]):
        with pytest.raises(ValueError, match="uint8"):
            it.paint(wrong)
    with pytest.raises(ValueError, match="style vector has 8"):
        it.paint(labels * 0, style=np.zeros(3))
    with pytest.raises(cgan.DataError, match="at most"):
        it.paint(np.zeros((4000, 4000), np.uint8))


def test_an_unknown_model_names_the_others():
    with pytest.raises(ValueError, match="no model 'spad'; there are: .*spade"):
        models.module("spad")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_fp16_paints_as_fp32_does(tmp_path):
    folder = painter(tmp_path).checkpoint.folder
    labels = np.repeat(np.arange(6, dtype=np.uint8), 16)[:, None].repeat(64, 1)
    half, full = (cgan.load(folder, device="cuda", precision=p).paint(labels)[0] for p in ("fp16", "fp32"))
    assert np.abs(half.astype(int) - full).mean() <= 2
