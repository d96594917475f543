"""UNIT and MUNIT and their layers: norms, padding, sizes, styles, and what constant pictures must not do."""

import json
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import cgan
from cgan.layers.adain import AdaIN, InstanceNorm
from cgan.layers.autoencoder import ContentEncoder, StyleEncoder
from cgan.layers.blocks import Conv, ConvBlock, PostResidual, PreResidual
from cgan.models import munit, unit
from train.adversaries import losses
from train.adversaries.patch import SharedPatch
from train.adversaries.residual import Residual
from train.data.batches import Unpaired
from train.engine import turns
from train.engine.bank import PRECISIONS, Bank
from train.recipes import munit as munit_recipe
from train.recipes import unit as unit_recipe
from train.recipes._styles import resized

BOTH = {"unit": (unit, unit_recipe), "munit": (munit, munit_recipe)}


def recipe_of(name: str, **hyper):
    model, recipe = BOTH[name]
    return recipe.Recipe(model.PRESETS["tiny"], replace(recipe.PRESETS["tiny"], **hyper), None)


def descend(recipe, banks: dict[str, Bank], batch: Unpaired, rate: float) -> dict[str, float]:
    """One step in the banks' precision; gives the terms."""
    for bank in banks.values():
        bank.set_rate(rate)
    return {name: term.item() for name, term in turns.descend(recipe, [batch], banks).items()}


def banks_of(recipe, precision: str = "fp32") -> dict[str, Bank]:
    return {name: Bank(player, PRECISIONS[precision]) for name, player in recipe.players.items()}


# --- layers


@pytest.mark.parametrize("batch", [1, 3])
def test_instance_norm_is_torch_s(batch):
    x = torch.randn(batch, 4, 5, 7).to(memory_format=torch.channels_last)
    norm = InstanceNorm(4)
    nn.init.normal_(norm.weight), nn.init.normal_(norm.bias)
    expected = F.instance_norm(x, weight=norm.weight, bias=norm.bias)
    assert torch.allclose(norm(x), expected, atol=1e-5)
    assert norm(x).is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(norm(x)[-1:], norm(x[-1:])), "alone and among others"


def test_adain_treats_each_picture_alone():
    norm, x, style = AdaIN(6, 3), torch.randn(3, 6, 5, 5), torch.randn(3, 3)
    alone = torch.cat([norm(x[i : i + 1], style[i : i + 1]) for i in range(3)])
    assert torch.allclose(norm(x, style), alone, atol=1e-5)
    gamma, beta = norm.modulation(style)[:, :, None, None].chunk(2, 1)
    assert torch.allclose(alone, F.instance_norm(x) * (1 + gamma) + beta, atol=1e-5)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_constant_map_has_finite_norms_and_gradients(batch, size, dtype):
    norm = AdaIN(4, 3)
    x = torch.full((batch, 4, size, size), 300.0, dtype=dtype, requires_grad=True)
    y = norm(x, torch.randn(batch, 3))
    y.float().square().sum().backward()
    assert y.isfinite().all() and x.grad.isfinite().all() and norm.modulation.weight.grad.isfinite().all()


def test_padding_mirrors_and_takes_small_maps():
    conv = Conv(1, 1, 3, bias=False)
    nn.init.ones_(conv.weight)
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert torch.equal(conv(x), F.conv2d(F.pad(x, [1] * 4, mode="reflect"), conv.weight))
    assert Conv(2, 3, 7)(torch.zeros(1, 2, 1, 2)).shape == (1, 3, 1, 2)
    assert Conv(2, 3, 4, 2)(torch.zeros(1, 2, 8, 6)).shape == (1, 3, 4, 3)


def test_blocks_compute_what_their_names_say():
    x, s = torch.randn(2, 6, 5, 5), torch.randn(2, 3)
    block = PreResidual(6, 4, style=3)
    h = block.conv_0(F.relu(block.norm_0(x, s)))
    h = block.conv_1(F.relu(block.norm_1(h, s)))
    assert torch.allclose(block(x, s), h + block.conv_s(block.norm_s(x, s)), atol=1e-6)
    block = PostResidual(6, last=True)
    h = block.norm_1(block.conv_1(F.relu(block.norm_0(block.conv_0(x)))))
    assert torch.allclose(block(x), F.relu(x + h), atol=1e-6)
    assert ConvBlock(6, 2, style=None)(x).shape == (2, 2, 5, 5)


def test_encoders():
    content = ContentEncoder(4, 3, 12, 2, order="CNACNA")
    assert content.channels == 12 and content(torch.randn(2, 3, 32, 16)).shape == (2, 12, 4, 2)
    style = StyleEncoder(4, 3, 12, 5)
    with torch.autocast("cpu", torch.bfloat16):
        assert style(torch.randn(2, 3, 32, 16)).dtype == torch.float32


@pytest.mark.parametrize("size", [(64, 64), (24, 40)])
def test_discriminators(size):
    x = torch.randn(2, 3, *size)
    scales = SharedPatch(3, 4, layers=2, scales=3)(x)
    assert [scale[-1].shape[2] for scale in scales] == [size[0] // 4, size[0] // 8, -(-size[0] // 16)]
    (judged,) = Residual(3, 4, layers=4, limit=16)(x)
    assert judged[-1].shape == (2, 1, 1, 1) and len(judged) == 5


def test_least_squares():
    judged = [[torch.tensor([[3.0, 1.0]])], [torch.tensor([[0.0]])]]
    assert losses.least_squares_real(judged).item() == pytest.approx((1.0 + 0.5) / 2)
    assert losses.least_squares_fake(judged).item() == pytest.approx((2.5 + 0.0) / 2)


def test_codes_of_any_scale_weigh_alike():
    x, y = torch.randn(2, 4, 8, 8), torch.randn(2, 4, 8, 8)
    assert torch.allclose(losses.relative_l1(x, y), losses.relative_l1(x * 9, y * 9))
    assert losses.relative_l1(x, torch.zeros_like(x)).isfinite()


# --- models


def translate(model, image: Tensor, style: Tensor | None, direction: str) -> Tensor:
    return model.decode(model.content(image, direction), style, direction)


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("preset", ["tiny", "small"])
def test_translation_keeps_size_and_range(name, preset):
    module, recipe = BOTH[name]
    model = module.Model(module.PRESETS[preset]).eval()
    model.apply(unit_recipe.initialise)
    image = torch.rand(1, 3, 4 * model.multiple, 3 * model.multiple) * 2 - 1
    style = torch.randn(1, model.config.style) if name == "munit" else None
    there, back = (translate(model, image, style, direction) for direction in model.directions)
    assert there.shape == back.shape == image.shape and there.abs().max() <= 1
    assert not torch.equal(there, back)
    weights = sum(parameter.numel() for parameter in model.parameters())
    assert weights * 2 < 15e6, "an fp16 file of at most 15 MB"


def test_munit_follows_the_style():
    model = munit.Model(munit.PRESETS["tiny"]).eval()
    model.apply(unit_recipe.initialise)
    image, normal = torch.randn(1, 3, 32, 32), torch.randn(2, model.config.style)
    assert torch.equal(model.draw(normal), normal)
    content = model.content(image).expand(2, -1, -1, -1)
    one, other = model.decode(content, model.draw(normal))
    assert (one - other).abs().mean() > 0.01
    assert not torch.equal(model.encode(image, "ab"), model.encode(image, "ba"))


def test_unit_shares_what_it_is_told_to():
    tiny = unit.PRESETS["tiny"]
    models = [unit.Model(replace(tiny, shared=n)) for n in range(tiny.blocks + 1)]
    sizes = [sum(parameter.numel() for parameter in model.parameters()) for model in models]
    assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) == len(sizes)
    with pytest.raises(ValueError, match="shared is 3; it must be from 0 to blocks, 2"):
        unit.Model(replace(tiny, shared=3))
    with pytest.raises(ValueError, match="halvings is 4; it must be from 0 to 3"):
        unit.Model(replace(tiny, halvings=4))


# --- learning

PAIRS = replace(munit_recipe.PRESETS["tiny"], pairs=True)
VARIANTS = [
    ("unit", {}),
    ("unit", {"weight_kl": 0.01, "adversary": "hinge"}),
    ("unit", {"weight_cycle": 0.0, "weight_image": 0.0, "discriminator": "global"}),
    ("munit", {}),
    ("munit", {"weight_cycle": 0.0, "discriminator": "global", "adversary": "least_squares"}),
    ("unit", {"pairs": True}),
    ("munit", {"pairs": True}),
]


@pytest.mark.parametrize(("name", "hyper"), VARIANTS)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_white_pictures_do_no_harm(name, hyper, precision):
    recipe = recipe_of(name, **hyper)
    banks = banks_of(recipe, precision)
    white = Unpaired(*(torch.ones(1, 3, 32, 32) for _ in range(2)))
    for _ in range(3):
        said = descend(recipe, banks, white, 1e-3)
    assert all(term == term and abs(term) < 1e4 for term in said.values()), said
    assert all(int(bank.skipped) == 0 for bank in banks.values()), "no gradient was NaN"
    assert all(bank.master.isfinite().all() for bank in banks.values())


@pytest.mark.parametrize("name", BOTH)
def test_a_turn_teaches_its_player_alone(name):
    recipe = recipe_of(name)
    banks = banks_of(recipe)
    step = recipe.step(Unpaired.fake(2, (32, 32)))
    for player in ("discriminator", "generator"):
        loss = next(step)
        assert loss.player == player
        loss.total.backward()
        for other, bank in banks.items():
            assert bool(bank.gradient.any()) == (other == player)
            bank.gradient.zero_()


TERMS = ("generator.image", "generator.cycle")


def left_after_learning(name: str, steps: int = 40, terms=TERMS, **hyper) -> dict[str, float]:
    """What is left of the distances between pictures: the mean of the last five steps', by the first's."""
    recipe = recipe_of(name, weight_fool=0.1, beta_1=0.5, **hyper)
    banks = banks_of(recipe)
    ramp = torch.linspace(-0.8, 0.8, 32).expand(1, 3, 32, 32)
    other = ramp if "pairs" in hyper else ramp.transpose(2, 3)
    batch = Unpaired(ramp, other * torch.tensor([1.0, 0.3, -0.5])[:, None, None])
    said = [descend(recipe, banks, batch, 2e-3) for _ in range(steps)]
    return {term: sum(row[term] for row in said[-5:]) / 5 / said[0][term] for term in terms}


@pytest.mark.parametrize("name", BOTH)
def test_pictures_are_learned(name):
    """Grey pictures, as the first are, would leave 1."""
    left = left_after_learning(name)
    assert max(left.values()) < 0.75, left


@pytest.mark.parametrize("name", BOTH)
def test_known_translations_are_learned(name):
    """A grey ramp becomes a coloured one: without pairs, nothing asks for that very one."""
    left = left_after_learning(name, terms=("generator.target",), pairs=True)
    assert left["generator.target"] < 0.5, left


def test_with_pairs_styles_are_drawn_as_pictures_have_them():
    """Their mean and covariance; without, N(0, 1) is left as it is."""
    recipe = munit_recipe.Recipe(replace(munit.PRESETS["tiny"], fitted=True), PAIRS, None)
    batches = [Unpaired.fake(16, (32, 32), seed=seed) for seed in range(2)]
    facts = torch.cat([recipe.calibrate(recipe.model, batch) for batch in batches])
    recipe.finish(recipe.model, facts)
    normal = torch.randn(20_000, munit.PRESETS["tiny"].style)
    for direction, styles in zip(("ab", "ba"), facts.chunk(2, 1), strict=True):
        drawn = recipe.model.draw(normal, direction)
        spread = styles.std(0).mean()
        assert (drawn.mean(0) - styles.mean(0)).abs().max() < 0.05 * spread
        assert (torch.cov(drawn.T) - torch.cov(styles.T)).abs().max() < 0.1 * spread**2
    assert recipe._draw(styles)[1:].equal(styles[:-1]), "while learning, they are other pictures'"


def test_older_checkpoints_know_nothing_of_fitted_styles(tmp_path):
    model = munit.Model(munit.PRESETS["tiny"])
    folder = cgan.save(
        tmp_path / "old", model, None, {"size": [32, 32], "domains": ["a", "b"], "edges": None}
    )
    path = folder / "config.json"
    content = json.loads(path.read_text())
    del content["config"]["fitted"]
    path.write_text(json.dumps(content))
    assert cgan.load(folder, "cpu").model.config == munit.PRESETS["tiny"]


def test_a_style_can_be_read_from_what_is_larger_or_smaller():
    """A square stays in the middle, and in its colours, but fills more or less of the picture."""
    torch.manual_seed(0)
    images = torch.ones(16, 3, 32, 32)
    images[:, :, 8:24, 8:24] = -1
    shown = resized(images, 0.5)
    filled = (shown < 0).float().mean((1, 2, 3)) / 0.25
    assert 1 / 1.5**2 - 0.1 < filled.min() < 0.7 and 1.4 < filled.max() < 1.5**2 + 0.1
    assert torch.allclose(shown, shown.flip(2, 3), atol=1e-4) and torch.equal(resized(images, 0.0), images)
    plain, zoomed = (replace(PAIRS, zoom=zoom) for zoom in (0.0, 0.5))
    targets = []
    for hyper in (plain, zoomed):
        torch.manual_seed(0)
        recipe = munit_recipe.Recipe(munit.PRESETS["tiny"], hyper, None)
        targets.append(list(recipe.step(Unpaired.fake(2, (32, 32))))[1].terms)
    assert torch.equal(targets[0]["image"], targets[1]["image"])
    assert targets[0]["target"] != targets[1]["target"]


def test_the_built_in_world_has_no_pairs():
    with pytest.raises(ValueError, match="--pairs needs --data"):
        unit_recipe.Recipe.builtin((32, 32), 0, unit_recipe.Hyper(pairs=True), print)


def test_facts_of_a_checkpoint():
    class Data:
        domains, edges = ("drawings", "shoes"), "drawings"

    recipe = recipe_of("munit")
    assert recipe.about(Data()) == {"domains": ["drawings", "shoes"], "edges": "drawings"}
    assert recipe.calibrate(recipe.model, Unpaired.fake(3)).shape == (3, 0) and recipe.palette(Data()) is None
