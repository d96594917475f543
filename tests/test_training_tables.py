"""Patch tables while learning: the losses and gradients are those of the convolutions, and they repeat."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from cgan.layers.spade.patches import DIGITS, OUTSIDE
from cgan.models import spade
from train.data.batches import Painted
from train.engine.bank import PRECISIONS, Bank
from train.engine.compiling import compile_networks, make_eager
from train.engine.memory import keep_freed
from train.engine.turns import descend
from train.judge.painter import painted
from train.recipes import _tables as tables
from train.recipes import spade as recipe_of
from train.recipes._tables import Lists, Tables, distinct, use_tables

CLASSES = 5
SCALES = {1, 2, 4, 8, 16, 32}


def maps(batch: int = 3, height: int = 64, width: int = 96, seed: int = 0) -> torch.Tensor:
    """Large areas with ragged borders and single pixels, up to the pictures' borders."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, CLASSES, (batch, 1, height // 16, width // 16))
    labels = coarse.repeat(16, 2).repeat(16, 3)
    labels[random.random(labels.shape) < 0.01] = random.integers(CLASSES)
    return torch.from_numpy(labels)


def batch_of(labels: torch.Tensor, dtype: torch.dtype, instances: bool = False) -> Painted:
    generator = torch.Generator().manual_seed(3)
    images = torch.rand(len(labels), 3, *labels.shape[2:], generator=generator, dtype=dtype) * 2 - 1
    return Painted(labels, images, labels // 2 if instances else None)


def recipe(edges: bool = False, dtype: torch.dtype = torch.float32) -> recipe_of.Recipe:
    """A tiny SPADE whose gammas and betas, biases and noise strengths matter.

    Its discriminator is of patches: a deep network of features would magnify what is rounded before it.
    """
    torch.manual_seed(0)
    config = spade.Config(CLASSES, edges, 4, 16, 8, encoder_filters=4, encoder_size=32)
    made = recipe_of.Recipe(config, replace(recipe_of.PRESETS["tiny"], discriminator="patch"), None)
    for name, value in made.model.named_parameters():
        if value.dim() == 1 or "noise" in name:
            value.data.normal_(std=0.5)
        elif ".shared." in name or ".modulation." in name:
            value.data.normal_(std=0.2)
    for player in made.players.values():
        player.module.to(dtype, memory_format=torch.channels_last)
    return made


def gradients(made: recipe_of.Recipe, wish: str, batch: Painted, autocast: bool = False) -> dict:
    """The gradients of all parameters of both players after both turns, and the buffers."""
    made.tables.wish = wish
    found = {}
    turns = made.step(batch)
    torch.manual_seed(5)
    while True:
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            loss = next(turns, None)
        if loss is None:
            break
        module = made.players[loss.player].module
        module.zero_grad()
        sum(loss.terms.values()).backward()
        found |= {f"{loss.player}.{name}": p.grad.clone() for name, p in module.named_parameters()}
    return found | {name: buffer.clone() for name, buffer in made.model.named_buffers()}


def differences(ours: dict, theirs: dict) -> dict[str, float]:
    """Of each tensor, as a share of its size."""
    assert ours.keys() == theirs.keys()
    tiny = 1e-30  # a gradient may be zero
    return {k: float((ours[k] - v).norm()) / (float(v.norm()) + tiny) for k, v in theirs.items()}


@pytest.mark.parametrize("edges", [False, True], ids=["", "edges"])
def test_gradients_are_those_of_the_convolutions(edges, monkeypatch):
    """Of every parameter; in float64 nothing but rounding is left.

    A bias before a norm has none: what is found there is rounding, and tells nothing. In float32 a few are so
    small beside what they are summed from that convolutions are further than 1e-4 from float64 themselves.
    """
    normal = recipe_of.normal
    monkeypatch.setattr(recipe_of, "normal", lambda *shape, like: normal(*shape, like=like.float()).to(like))
    batch = batch_of(maps(), torch.float32, edges)
    double = batch._replace(images=batch.images.double())
    exact = gradients(recipe(edges, torch.float64), "off", double)
    made = recipe(edges, torch.float64)
    apart = differences(gradients(made, "on", double), exact)
    assert made.tables(made.model, batch.labels, batch.instances).keys() == SCALES
    biases = [name for name in apart if name.endswith("bias")]
    weights = [exact[name.removesuffix("bias") + "weight"] for name in biases]
    pairs = zip(biases, weights, strict=True)
    rounding = {name for name, weight in pairs if exact[name].norm() < 1e-10 * weight.norm()}
    assert len(rounding) < len(biases)
    assert max(value for name, value in apart.items() if name not in rounding) <= 1e-10

    plain = gradients(recipe(edges), "off", batch)
    ours = gradients(recipe(edges), "on", batch)
    apart, error, usual = differences(ours, plain), differences(ours, exact), differences(plain, exact)
    for name, value in apart.items():
        assert name in rounding or value <= 1e-4 or error[name] <= 1.5 * usual[name], name


def test_fixed_statistics():
    """In eval mode batch norm is a constant, and no gradient passes through it."""
    batch, made = batch_of(maps(), torch.float64), recipe(dtype=torch.float64)
    for block in made.model.blocks:
        for norm in (block.norm_0, block.norm_1):
            norm.base.mean.uniform_(-0.5, 0.5)
            norm.base.variance.uniform_(0.5, 1.5)
        if block.learned_shortcut:
            block.norm_s.base.follow(block.norm_0.base)
    made.model.eval()
    exact = gradients(copy.deepcopy(made), "off", batch)
    apart = differences(gradients(made, "on", batch), exact)
    assert max(value for name, value in apart.items() if name.startswith("generator.")) <= 1e-10


def test_bf16_is_as_near_to_fp32_as_without():
    made, batch = recipe(), batch_of(maps(), torch.float32)
    exact = gradients(copy.deepcopy(made), "off", batch)
    names = [name for name in exact if ".shared." in name or ".modulation." in name]

    def error(wish: str) -> float:
        found = gradients(copy.deepcopy(made), wish, batch, autocast=True)
        return float(np.mean([float((found[n] - exact[n]).norm() / exact[n].norm()) for n in names]))

    assert all(value.dtype == torch.float32 for value in exact.values())
    assert error("on") <= 1.5 * error("off") + 1e-3


def test_a_step_repeats_to_the_bit():
    """So that an interrupted run goes on as if it had not been."""
    found = []
    for _ in range(2):
        made, batch = recipe(), batch_of(maps(), torch.float32)
        made.tables.wish = "on"
        banks = {name: Bank(player, PRECISIONS["fp32"]) for name, player in made.players.items()}
        for step in range(2):
            torch.manual_seed(step)
            descend(made, [batch], banks)
        found.append(banks["generator"].master.detach().clone())
    assert torch.equal(*found)


def test_calibration_and_paintings():
    made, batch = recipe(), batch_of(maps(), torch.float32)
    found = {}
    for wish in ("off", "on"):
        model = copy.deepcopy(made.model)
        made.tables.wish = wish
        torch.manual_seed(1)
        made.calibrate(model, batch)
        found[wish] = [*model.buffers(), painted(model.eval(), batch, 7, own_style=True)]
    for ours, theirs in zip(found["on"], found["off"], strict=True):
        assert torch.allclose(ours, theirs, atol=1e-4, rtol=1e-4)


# ---- Where they are used


def test_where_they_pay():
    """Not on noise, not with few channels, and not where the network is compiled."""
    made, labels = recipe(), maps(4, 128, 128)
    made.tables.hidden = 64
    assert {1, 2} <= made.tables(made.model, labels).keys() < SCALES
    noise = torch.from_numpy(np.random.default_rng(0).integers(0, CLASSES, labels.shape))
    assert made.tables(made.model, noise) == {}
    made.tables.hidden = 4
    assert made.tables(made.model, labels) == {}
    made.tables.wish = "on"
    compile_networks(made.players.values())
    assert made.tables(made.model, labels) == {}
    make_eager(made.players.values())
    assert made.tables(made.model, labels).keys() == SCALES
    made.tables.wish = "off"
    assert made.tables(made.model, labels) == {}


def test_more_classes_than_digits():
    """What counts is how many there are in a batch."""
    model = spade.Model(spade.Config(300, False, 2, 4, 8, encoder_filters=4, encoder_size=32))
    every = torch.arange(300).repeat(7)[: 32 * 64].view(1, 1, 32, 64)
    made = Tables([1], 4, "on")
    assert made(model, every) == {}
    assert made(model, 290 + every % 10).keys() == {1}
    assert made(model, every % (DIGITS - 1)).keys() == {1}


def test_a_batch_is_numbered_picture_by_picture():
    """Each pixel's number stands for what its own picture shows around it."""
    digits = (maps(3, 32, 48)[:, 0].numpy() + 1).astype(np.uint8)
    index, patches, taps = distinct(digits)
    padded = np.pad(digits, ((0, 0), (2, 2), (2, 2)), constant_values=OUTSIDE)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), (1, 2)).reshape(-1, 5, 5)
    for tap in range(9):
        row, column = divmod(tap, 3)
        shown = patches[:, taps[tap, index]].T
        assert np.array_equal(shown, windows[:, row : row + 3, column : column + 3].reshape(-1, 9))
    assert sorted(set(index)) == list(range(taps.shape[1])) and len(np.unique(taps)) == patches.shape[1]


def test_lists_sum():
    of, rows = np.array([2, 0, 2, 2]), np.array([0, 1, 2, 1])
    sums = Lists(of, rows, 4, torch.device("cpu"))(torch.tensor([[1.0], [10.0], [100.0]]))
    assert sums.tolist() == [[10.0], [0.0], [111.0], [0.0]]


def test_too_many_patches_are_convolved(monkeypatch):
    monkeypatch.setattr(tables.Patches, "number", lambda self, digits: None)
    made = recipe()
    made.tables.wish = "on"
    assert made.tables(made.model, maps()) == {}


def test_the_flag():
    made = recipe()
    use_tables(made, "off")
    assert made.tables.wish == "off"
    del made.tables
    use_tables(made, "auto")
    with pytest.raises(ValueError, match="no SPADE norms"):
        use_tables(made, "on")


def test_freed_memory_can_be_kept():
    assert keep_freed() in (True, False)
