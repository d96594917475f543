"""The few-shot translators, FUNIT and COCO-FUNIT: their parts, and what a step of learning does."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from cgan.layers.few_shot import DoublingConv, UpResidual
from cgan.models import coco_funit, funit
from train import recipes
from train.adversaries.projection import Projection
from train.data.batches import FewShot
from train.engine.bank import PRECISIONS, Bank
from train.engine.turns import turns

BOTH = pytest.mark.parametrize("module", [funit, coco_funit], ids=["funit", "coco_funit"])


def pictures(count: int, size: tuple[int, int] = (32, 32), seed: int = 0) -> torch.Tensor:
    return FewShot.fake(count, size, seed=seed).contents


def tiny(module, style: int = 8) -> torch.nn.Module:
    """Drawn weights silence three quarters of COCO-FUNIT's styles, at times all of eight: of 64, never."""
    model = module.Model(replace(module.PRESETS["tiny"], style=style))
    recipes.module("funit").initialise(model)  # from here on styles can be told apart
    return model


def recipe_of(name: str, classes: int = 6, style: int = 8):
    module, recipe = {"funit": funit, "coco_funit": coco_funit}[name], recipes.module(name)
    config = replace(module.PRESETS["tiny"], classes=classes, style=style)
    return recipe.Recipe(config, recipe.PRESETS["tiny"], None)


def test_doubling_and_convolution_are_one():
    layer, x = DoublingConv(3, 4).double(), torch.randn(2, 3, 5, 6).double()
    doubled = F.interpolate(F.pad(x, (1, 1, 1, 1), mode="reflect"), scale_factor=2.0)
    assert torch.allclose(layer(x), F.conv2d(doubled, layer.weight, layer.bias))
    assert layer(torch.randn(1, 3, 1, 1).double()).shape == (1, 4, 2, 2)


def test_the_shortcut_may_double_last():
    block, x = UpResidual(6, 4, 8, 3).double(), torch.randn(2, 6, 4, 4).double()
    with torch.no_grad():
        block.conv_1.weight.zero_(), block.conv_1.bias.zero_()
        doubled = F.interpolate(x, scale_factor=2.0)
        first = block.conv_s(F.relu(F.instance_norm(doubled)))
    assert torch.allclose(block(x, torch.randn(2, 8).double()), first)


@BOTH
@pytest.mark.parametrize("size", [(32, 32), (64, 48), (4, 4)])
def test_shapes(module, size):
    model = tiny(module)
    assert (model.task, model.styles, model.directions, model.multiple) == (
        "translate",
        "pictures",
        ("ab",),
        4,
    )
    content, style = model.content(pictures(2, size)), model.encode(pictures(2, (40, 72)))
    drawn = model.decode(content, style)
    assert style.shape == (2, model.config.style) and drawn.shape == (2, 3, *size)
    assert drawn.abs().max() <= 1
    if size != (4, 4) or module is funit:  # norms leave nothing of one cell, to weigh a style by
        assert not torch.equal(drawn[0], drawn[1])


@BOTH
def test_presets_have_the_promised_size(module):
    with torch.device("meta"):
        millions = {
            name: sum(p.numel() for p in module.Model(config).parameters()) / 1e6
            for name, config in module.PRESETS.items()
        }
    assert 3 < millions["small"] < 7.5 and millions["tiny"] < 0.1 and millions["paper"] > 30


@BOTH
def test_grey_pictures_have_no_colour(module):
    torch.manual_seed(0)
    config = module.PRESETS["tiny"]
    model = module.Model(config).eval()
    grey = module.Model(replace(config, grey=True)).eval()
    grey.load_state_dict(model.state_dict())
    image = torch.rand(2, 3, 32, 32) * 2 - 1
    content, style = model.content(image), model.encode(image)
    coloured, plain = (each.decode(content, style) for each in (model, grey))
    assert torch.equal(plain[:, 0], plain[:, 1]) and torch.equal(plain[:, 0], plain[:, 2])
    assert torch.allclose(plain[:, 0], coloured.mean(1)) and coloured.std(1).max() > 0.01


@BOTH
def test_pictures_of_one_class_are_averaged(module):
    """Codes are averaged before anything is made of them; the order of the pictures is nothing to it."""
    model = tiny(module, 64)
    content, codes = model.content(pictures(1)), model.encode(pictures(3, seed=1))
    weights = torch.tensor([[0.5], [0.2], [0.3]])
    together = model.decode(content, (weights * codes).sum(0, keepdim=True))
    other_way = model.decode(content, (weights.flip(0) * codes.flip(0)).sum(0, keepdim=True))
    assert torch.allclose(together, other_way, atol=1e-5)
    alike = model.encode(pictures(1, seed=2).expand(3, -1, -1, -1))
    once = model.decode(content, alike[:1])
    assert torch.allclose(model.decode(content, (weights * alike).sum(0, keepdim=True)), once, atol=1e-5)
    assert not torch.allclose(together, once, atol=1e-3), "the style decides"


@BOTH
def test_one_color_is_no_trouble(module):
    model = tiny(module)
    for value in (-1.0, 0.0, 1.0):
        plain = torch.full((2, 3, 32, 32), value, requires_grad=True)
        drawn = model.decode(model.content(plain), model.encode(plain))
        (drawn.square().sum()).backward()
        assert drawn.isfinite().all() and plain.grad.isfinite().all()
        assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_the_style_depends_on_the_content():
    model = tiny(coco_funit, 64)
    contents, style = model.content(pictures(2)), model.encode(pictures(1, seed=1)).expand(2, -1)
    mixed = model.mix(contents, style)
    assert mixed.shape == style.shape and not torch.allclose(mixed[0], mixed[1])
    with torch.no_grad():
        model.bias.add_(1)
    assert not torch.allclose(model.mix(contents, style), mixed), "the constant has its part"


def test_the_discriminator_asks_for_the_class():
    judge, image = Projection(3, 4, 2), pictures(1).expand(3, -1, -1, -1)
    [[mean, scores]] = judge(image, torch.arange(3))
    assert mean.shape == (3, 16) and scores.shape == (3, 1, 16, 16)
    apart = (scores - scores[:1]).flatten(1)
    assert apart[1:].abs().min() > 0, "the same picture, other classes"
    assert torch.allclose(apart, apart[:, :1], atol=1e-4), "what a class adds is added everywhere"
    weights = {id(layer.weight) for layer in judge.normalised()}
    assert weights == {id(p) for p in judge.parameters() if p.dim() == 4}


@pytest.mark.parametrize("name", ["funit", "coco_funit"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_step_learns(name, precision):
    """Two steps reach every weight, with finite losses, and the other player stands still."""
    recipe = recipe_of(name, style=32)  # of 8 products of two ReLUs' outputs, all may be 0: one in ten
    chosen = PRECISIONS[precision]
    banks = {player: Bank(value, chosen) for player, value in recipe.players.items()}
    first = {player: bank.master.detach().clone() for player, bank in banks.items()}
    for seed in range(2):
        players = []
        for loss in turns(recipe, [FewShot.fake(3, (32, 32), seed=seed)], banks):
            assert all(term.isfinite() and term.dtype == torch.float32 for term in loss.terms.values())
            others = [bank for player, bank in banks.items() if player != loss.player]
            assert not any(bank.gradient.any() for bank in others), "gradients stay with their player"
            banks[loss.player].descend(1e-3)
            players.append(loss.player)
        assert players == ["discriminator", "generator"]
    for player, bank in banks.items():
        old = bank.views(first[player])
        still = [key for key, view in bank.views(bank.master.detach()).items() if torch.equal(view, old[key])]
        if player == "discriminator":  # what real and fake pictures ask of a bias may cancel to the bit
            still = [key for key in still if not key.endswith("bias")]
        assert not still, f"{player}: nothing reached {still}"


def left_after_rebuilding(name: str, steps: int = 40) -> float:
    """What the reconstruction alone leaves of its loss: the mean of the last five steps', by the first's."""
    recipe = recipe_of(name)
    bank = Bank(recipe.players["generator"], PRECISIONS["fp32"])
    ramp = torch.linspace(-0.8, 0.8, 32).expand(1, 3, 32, 32)
    two = torch.cat([ramp, ramp.transpose(2, 3) * torch.tensor([1.0, 0.3, -0.5])[:, None, None]])
    batch = FewShot(two, torch.tensor([0, 1]), two.flip(0), torch.tensor([1, 0]))
    apart = []
    for _ in range(steps):
        loss = list(recipe.step(batch))[1]
        apart.append(loss.terms["reconstruction"].item())
        bank.backward(loss.terms["reconstruction"])
        bank.descend(3e-3)
    return sum(apart[-5:]) / 5 / apart[0]


@pytest.mark.parametrize("name", ["funit", "coco_funit"])
def test_wanted_pictures_are_rebuilt(name):
    """Grey pictures, as the first are, would leave 1."""
    assert left_after_rebuilding(name) < 0.75


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_white_pictures_learn_to_be_black(precision):
    """Where tanh has saturated on the wrong side, L1's gradient is gone; the cross-entropy's is not."""
    model = tiny(funit)
    with torch.no_grad():
        model.decoder.to_rgb.weight.zero_()
        model.decoder.to_rgb.bias.fill_(5)
    black, pull = -torch.ones(1, 3, 32, 32), {}
    for pixels in ("l1", "entropy"):
        recipe = recipes.module("funit")
        hyper = replace(recipe.PRESETS["tiny"], pixels=pixels, discriminator="none")
        learning = recipe.Recipe(model.config, hyper, None)
        with torch.autocast("cpu", precision, enabled=precision != torch.float32):
            white = model.decode(model.content(pictures(1)), model.encode(pictures(1)))
            (pull[pixels],) = torch.autograd.grad(
                learning.apart(white, black).mean(), model.decoder.to_rgb.bias
            )
        assert learning.apart(black, black).abs().max() < 1e-6
    assert pull["l1"].sum() < 1e-3 and pull["entropy"].sum() > 1.5  # of at most 2


def test_without_a_discriminator_the_generator_plays_alone():
    recipe = recipes.module("funit")
    hyper = replace(recipe.PRESETS["tiny"], discriminator="none")
    alone = recipe.Recipe(funit.PRESETS["tiny"], hyper, None)
    (loss,) = alone.step(FewShot.fake(3, (32, 32), paired=True))
    assert set(alone.players) == {"generator"} == {loss.player}
    assert set(loss.terms) == {"reconstruction", "target"} and loss.total.isfinite()


def test_a_known_translation_is_a_target():
    """Only rows whose target is known count; a perfect translation would cost nothing."""
    recipe = recipe_of("funit")
    batch = FewShot.fake(3, (32, 32), paired=True)
    torch.manual_seed(0)
    terms = list(recipe.step(batch))[1].terms
    torch.manual_seed(0)
    other = batch.targets.clone()
    other[0] = 1 - other[0]  # the unknown one
    again = list(recipe.step(batch._replace(targets=other)))[1].terms
    assert terms["target"] > 0 and torch.equal(terms["target"], again["target"])
    assert "target" not in list(recipe.step(FewShot.fake(3, (32, 32))))[1].terms


def test_classes_are_held_out_by_name(tmp_path):
    for number, name in enumerate(("cat", "cow", "fox", "owl")):
        (tmp_path / name).mkdir()
        for i in range(2):
            picture = np.full((32, 32, 3), 40 * number + i, np.uint8)
            Image.fromarray(picture).save(tmp_path / name / f"{i}.png")
    recipe = recipes.module("coco_funit")
    hyper = replace(recipe.PRESETS["tiny"], held_out="owl, cow")
    data = recipe.Recipe.read(tmp_path, (32, 32), hyper, print)
    learnt, aside = data.split(0.5, seed=0)
    assert recipe.Recipe.about(learnt) == {"classes": ["cat", "fox"], "held_out": ["cow", "owl"]}
    assert recipe.Recipe.configure(coco_funit.Config(), learnt).classes == 2
    assert len(learnt) == len(aside) == 4 and recipe.Recipe.palette(data) is None
