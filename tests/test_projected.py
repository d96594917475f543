"""The projected discriminator: shapes, shifts, what is frozen, one look for two turns, and that it learns."""

import copy
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from drawn import rectangles
from runs import trainer_in
from torch import nn

from cgan import models
from cgan.models import spade
from train import recipes
from train.adversaries import losses
from train.adversaries.projected import (
    MIXED,
    SEED,
    Eyes,
    Head,
    Projected,
    Shift,
    mirrored,
    mixer,
    reach_of,
    unit,
)
from train.bench import learning as bench
from train.data.batches import Painted
from train.engine import state
from train.engine.bank import PRECISIONS, Bank
from train.recipes import Player
from train.recipes._awake import wake
from train.recipes._turns import Turns

FIRST = [0.13043904304504395, 0.5133870244026184]  # numbers of the mixers' seed
CHOICE = [  # models whose discriminator can be chosen
    name for name in recipes.names() if "discriminator" in recipes.module(name).Hyper.__dataclass_fields__
]
USUAL = {name: recipes.module(name).PRESETS["tiny"].discriminator for name in CHOICE}
OTHERS = [(name, "patch" if usual == "projected" else "projected") for name, usual in USUAL.items()]
OTHERS += [("unit", "global"), ("munit", "global")]


@pytest.fixture(scope="module")
def eyes():
    return Eyes()


def pictures(count=2, size=(64, 64), dtype=torch.float32):
    return torch.rand(count, 3, *size, dtype=dtype) * 2 - 1


# --- the frozen part


@pytest.mark.parametrize("size", [(32, 32), (33, 71), (64, 96), (256, 256)])
def test_shapes(eyes, size):
    judge = Projected(conditions=7, filters=4, eyes=eyes)
    seen = judge.look(pictures(1, size), torch.rand(1, 7, *size))
    for x, stride in zip(seen, (2, 4, 8, 16, 32), strict=True):
        assert x.shape == (1, MIXED + 7, -(-size[0] // stride), -(-size[1] // stride))
    judged = judge(*seen)
    for scale, x in zip(judged, seen, strict=True):
        assert len(scale) == 4 and all(feature.isfinite().all() for feature in scale)
        assert scale[-1].shape == (1, 1, max(x.shape[2] // 2, 1), max(x.shape[3] // 2, 1))


def test_a_head_judges_a_map_of_any_size():
    head = Head(3, 4)
    for size in ((1, 1), (1, 5), (2, 1), (3, 3)):
        assert head(torch.randn(2, 3, *size))[-1].isfinite().all()


def test_each_picture_s_features_have_one_size(eyes):
    for x in eyes(torch.cat([pictures(1), pictures(1) / 50, torch.ones(1, 3, 64, 64)])):
        assert torch.allclose(x.square().mean((1, 2, 3)), torch.ones(3), atol=1e-2)
    assert unit(torch.zeros(1, 2, 3, 3)).isfinite().all()


def test_mixers_are_the_same_everywhere(eyes):
    """Drawn from their own seed, to the bit; nothing else's random numbers change for it."""
    before = torch.get_rng_state()
    again = Eyes()
    assert torch.equal(before, torch.get_rng_state())
    assert all(map(torch.equal, eyes.state_dict().values(), again.state_dict().values()))
    drawn = torch.rand(2, generator=torch.Generator().manual_seed(SEED))
    assert drawn.tolist() == FIRST
    x = torch.randn(4, 40, 32, 32)
    mixed = F.conv2d(x, mixer(40, 3, torch.Generator().manual_seed(1)), padding=1)
    assert mixed.square().mean().sqrt().item() == pytest.approx(1, abs=0.1)


def test_the_eyes_are_no_weights_of_the_player_but_go_with_it():
    judge = Projected(filters=4)
    names = [*judge.state_dict(), *dict(judge.named_parameters()), *dict(judge.named_buffers())]
    assert names and all(name.startswith("heads.") for name in names)
    both = nn.ModuleDict({"a": judge, "b": Projected(filters=4, eyes=judge.eyes)}).double()
    assert {p.dtype for p in judge.eyes.parameters()} == {torch.float64}
    assert both["b"](*both["b"].look(pictures(dtype=torch.float64)))[0][-1].dtype == torch.float64
    assert set(judge.normalised()) == {layer for layer in judge.modules() if isinstance(layer, nn.Conv2d)}


def test_the_eyes_see_in_fp32(eyes):
    """In bf16 a fifth of the gradients would be rounding."""
    image = pictures().bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        seen = eyes(image)
    assert all(torch.equal(a, b) for a, b in zip(seen, eyes(image.float()), strict=True))


def test_gradients_reach_the_picture_and_nothing_frozen(eyes):
    judge, fake = Projected(filters=4, eyes=eyes), pictures().requires_grad_()
    turns = Turns(judge, fake, pictures())
    losses.hinge_fool(turns.fool()).backward()
    assert (fake.grad.abs().amax(1) > 0).float().mean() > 0.8
    assert all(p.grad is None for p in [*eyes.parameters(), *judge.parameters()])
    fake.grad = None
    losses.hinge_fake(turns.discriminate()[0]).backward()
    assert fake.grad is None and all(p.grad is not None for p in judge.parameters())
    assert all(p.grad is None for p in eyes.parameters())


# --- one look for two turns


def test_one_look_is_as_good_as_two(eyes):
    """The same losses and gradients as with passes of their own, the discriminator learning in between."""
    eyes = copy.deepcopy(eyes).double()
    drawn, real = (pictures(1, (32, 32), torch.float64) for _ in range(2))
    condition = torch.rand(1, 3, 32, 32, dtype=torch.float64)
    shift = Shift.drawn(real)
    found = []
    for once in (True, False):
        torch.manual_seed(0)
        judge = Projected(3, 4, eyes=eyes).double()
        fake = drawn.clone().requires_grad_()
        turns = Turns(judge, fake, real, condition, shift)
        mine = turns.discriminate()
        if not once:
            placed = [judge.look(shift(x), shift(condition)) for x in (fake.detach(), real)]
            mine = [judge(*seen) for seen in placed]
        loss = losses.hinge_fake(mine[0]) + losses.hinge_real(mine[1])
        loss.backward()
        gradients = [p.grad.clone() for p in judge.parameters()]
        with torch.no_grad():
            for p in judge.parameters():
                p -= 0.1 * p.grad
        if not once:
            turns = Turns(judge, fake, real, condition, shift)
        judged, matched = turns.fool(), turns.compare()
        fooled = losses.hinge_fool(judged) + losses.feature_matching(judged, matched)
        fooled.backward()
        found.append([loss.detach(), fooled.detach(), fake.grad, *gradients])
    for ours, theirs in zip(*found, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-6, atol=1e-9)


class Shapes(nn.Module):
    """A discriminator of pictures that notes what it is given."""

    def __init__(self):
        super().__init__()
        self.weight, self.given = nn.Parameter(torch.ones(())), []

    def forward(self, x):
        self.given.append(x.detach())
        return [[x * self.weight, x.mean(1, keepdim=True)]]


def test_patches_are_given_pictures_unshifted():
    judge, fake, real, condition = Shapes(), pictures(), pictures(), torch.rand(2, 4, 64, 64)
    turns = Turns(judge, fake, real, condition)
    turns.discriminate(), turns.fool(), turns.compare()
    alone = [torch.cat([condition, x], 1) for x in (fake, real)]
    assert all(map(torch.equal, judge.given, (torch.cat(alone), *alone)))
    assert turns.shift is None and turns.fake is fake and turns.real is real


# --- the shift


def test_the_border_is_mirrored():
    right = mirrored(5, torch.tensor(2)), mirrored(5, torch.tensor(-3))
    assert [it.tolist() for it in right] == [[2, 3, 4, 3, 2], [3, 2, 1, 0, 1]]
    x = torch.arange(12.0).view(1, 1, 3, 4)
    moved = Shift(mirrored(3, torch.tensor(-1)), mirrored(4, torch.tensor(1)))(x)
    expected = F.pad(x, (0, 1, 1, 0), mode="reflect")[..., :3, 1:]
    assert torch.equal(moved, expected)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_what_is_looked_at_lies_in_memory_as_it_was_given(eyes, memory_format):
    """Otherwise each convolution of the heads would copy its input."""
    image = torch.rand(2, 3, 64, 64).contiguous(memory_format=memory_format)
    shift = Shift.drawn(image)
    assert shift(image).is_contiguous(memory_format=memory_format)
    condition = torch.rand(2, 5, 64, 64).contiguous(memory_format=torch.channels_last)
    seen = Projected(5, 8, eyes=eyes).look(shift(image), shift(condition))
    assert all(x.is_contiguous(memory_format=torch.channels_last) for x in seen)


def test_shifts_take_every_phase():
    """All offsets from -reach to reach - 1, so each stride's phases alike; at most an eighth is mirrored."""
    assert [reach_of(side) for side in (8, 32, 64, 96, 128, 512)] == [1, 4, 8, 8, 16, 16]
    like = torch.zeros(1, 1, 64, 80)
    drawn = [Shift.drawn(like) for _ in range(900)]
    assert {shift.rows[20].item() - 20 for shift in drawn} == set(range(-8, 8))
    assert {shift.columns[20].item() - 20 for shift in drawn} == set(range(-8, 8))


@pytest.mark.parametrize("discriminator", ["projected", "patch"])
def test_all_that_a_step_judges_is_shifted_alike(discriminator, monkeypatch):
    shift = Shift(mirrored(64, torch.tensor(3)), mirrored(64, torch.tensor(-5)))
    monkeypatch.setattr(Shift, "drawn", classmethod(lambda kind, like: shift))
    given = []

    class Judge(nn.Module):
        def forward(self, fake, real):
            given.extend([fake.detach(), real])
            return (fake - real).abs().mean()

    hyper = replace(recipes.module("spade").PRESETS["tiny"], discriminator=discriminator)
    recipe = recipes.module("spade").Recipe(spade.PRESETS["tiny"], hyper, Judge())
    looked = []
    if discriminator == "projected":
        look = recipe.discriminator.look

        def noted(*given):
            looked.append([x.detach() for x in given])
            return look(*given)

        monkeypatch.setattr(recipe.discriminator, "look", noted)
    batch = Painted.fake(2, (64, 64), spade.PRESETS["tiny"].classes)
    assert len(list(recipe.step(batch))) == 2
    projected = discriminator == "projected"
    assert torch.equal(given[1], shift(batch.images) if projected else batch.images)
    if projected:
        condition = shift(recipe.model.condition(batch.labels))
        assert torch.equal(looked[0][0], given[0]) and torch.equal(looked[1][0], given[1])
        assert all(torch.equal(seen[1], condition) for seen in looked)


# --- what is known of a picture


def test_the_condition_changes_the_scores(eyes):
    judge, image = Projected(3, 4, eyes=eyes), pictures()
    known = torch.zeros(2, 3, 64, 64)
    maps = [known.index_fill(1, torch.tensor(i), 1) for i in (0, 1)]
    one, other = (judge(*judge.look(image, x)) for x in maps)
    assert all((a[-1] - b[-1]).abs().max() > 1e-4 for a, b in zip(one, other, strict=True))


def test_the_class_changes_the_scores_everywhere_alike(eyes):
    judge, image = Projected(filters=4, classes=3, eyes=eyes), pictures(1).expand(3, -1, -1, -1)
    for *means, scores in judge(*judge.look(image), classes=torch.arange(3)):
        assert all(mean.shape == (3, 4) for mean in means)
        apart = (scores - scores[:1]).flatten(1)
        assert apart[1:].abs().min() > 0 and torch.allclose(apart, apart[:, :1], atol=1e-4)
    assert not any(isinstance(layer, nn.Embedding) for layer in judge.normalised())


def test_a_condition_is_averaged_down(eyes):
    judge, condition = Projected(1, 4, eyes=eyes), torch.zeros(1, 1, 64, 64)
    condition[..., :32] = 1
    maps = [x[0, -1] for x in judge.look(pictures(1), condition)]
    assert [x.shape[0] for x in maps] == [32, 16, 8, 4, 2]
    assert all((x[:, : len(x) // 2] == 1).all() and not x[:, len(x) // 2 :].any() for x in maps)


# --- learning


def test_heads_learn_what_is_blurred(eyes):
    """Unseen pictures are told apart after 20 steps: over ten seeds, each scale's scores by 1.98 and more."""
    images = rectangles(24, (32, 32), seed=3).batch(list(range(24)), 0, (32, 32)).images
    blurred = F.interpolate(F.avg_pool2d(images, 4), scale_factor=4.0, mode="bilinear")
    judge = Projected(filters=16, eyes=eyes)
    bank = Bank(Player(judge, 1e-3, (0.0, 0.9), judge.normalised()), PRECISIONS["fp32"])
    with torch.no_grad():
        real, fake = judge.look(images), judge.look(blurred)
    for _ in range(20):
        rows = torch.randint(0, 16, (4,))
        judged = [judge(*(x[rows] for x in seen)) for seen in (real, fake)]
        bank.backward(losses.hinge_real(judged[0]) + losses.hinge_fake(judged[1]))
        bank.descend()
    with torch.no_grad():
        unseen = [judge(*(x[16:] for x in seen)) for seen in (real, fake)]
    assert all(a[-1].mean() - b[-1].mean() > 1 for a, b in zip(*unseen, strict=True))


def test_pictures_come_nearer_to_real_ones(eyes):
    """Free pixels, from grey: 8 steps bring their features nearer; over ten seeds by at least 28 %."""
    real = rectangles(4, (32, 32), seed=5).batch([0, 1], 0, (32, 32)).images
    fake = nn.Parameter(torch.zeros_like(real))
    judge = Projected(filters=16, eyes=eyes)
    bank = Bank(Player(judge, 2e-4, (0.0, 0.9), judge.normalised()), PRECISIONS["fp32"])
    adam = torch.optim.Adam([fake], 0.05, (0.0, 0.9))

    def apart() -> float:
        with torch.no_grad():
            return sum((a - b).abs().mean().item() for a, b in zip(eyes(fake), eyes(real), strict=True))

    first = apart()
    for _ in range(8):
        turns = Turns(judge, fake, real)
        ours, theirs = turns.discriminate()
        bank.backward(losses.hinge_fake(ours) + losses.hinge_real(theirs))
        bank.descend()
        judged = turns.fool()
        adam.zero_grad()
        (losses.hinge_fool(judged) + 2 * losses.feature_matching(judged, turns.compare())).backward()
        adam.step()
    assert apart() < 0.86 * first


@pytest.mark.parametrize(("name", "discriminator"), OTHERS)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_other_discriminators_go_on_learning(name, discriminator, precision):
    """A step with each kind that the tests' presets do not have, finite, of both players."""
    model, recipe, chosen = models.module(name), recipes.module(name), PRECISIONS[precision]
    assert recipe.PRESETS["tiny"].discriminator == recipe.PRESETS["small"].discriminator != discriminator
    assert recipe.PRESETS["paper"].discriminator != "projected"
    changes = {"discriminator": discriminator, "discriminator_filters": 4, "discriminator_layers": 2}
    it = recipe.Recipe(model.PRESETS["tiny"], replace(recipe.PRESETS["tiny"], **changes), None)
    banks = {player: Bank(value, chosen) for player, value in it.players.items()}
    turns = it.step(bench.fake_batch(it, model.PRESETS["tiny"], 2, (64, 64), "cpu"))
    while True:
        with torch.autocast("cpu", chosen.autocast, enabled=chosen.autocast is not None):
            loss = next(turns, None)
        if loss is None:
            break
        banks[loss.player].backward(sum(loss.terms.values()))
        assert banks[loss.player].gradient.isfinite().all() and banks[loss.player].gradient.any()
        banks[loss.player].descend()


@pytest.mark.parametrize("precision", ["fp16", "fp64"])
def test_other_precisions(precision):
    recipe, chosen = recipes.module("spade"), PRECISIONS[precision]
    it = recipe.Recipe(spade.PRESETS["tiny"], recipe.PRESETS["tiny"], None)
    for player in it.players.values():
        player.module.to(chosen.master)
    banks = {player: Bank(value, chosen) for player, value in it.players.items()}
    batch = Painted.fake(2, (32, 32), spade.PRESETS["tiny"].classes)
    turns = it.step(batch._replace(images=batch.images.to(chosen.master)))
    while True:
        with torch.autocast("cpu", chosen.autocast, enabled=chosen.autocast is not None):
            loss = next(turns, None)
        if loss is None:
            break
        assert all(term.isfinite() for term in loss.terms.values())
        banks[loss.player].backward(sum(loss.terms.values()))
        banks[loss.player].descend()


# --- beside it


@pytest.mark.parametrize("preset", ["tiny", "small"])
def test_style_encoders_start_awake(preset):
    """Under spectral norm, pictures' styles differ by about as much as styles that are drawn."""
    module = recipes.module("spade")
    recipe = module.Recipe(spade.PRESETS[preset], module.PRESETS["tiny"], None)
    Bank(recipe.players["generator"], PRECISIONS["fp32"])
    images = rectangles(16, (64, 64)).batch(list(range(16)), 0, (64, 64)).images
    with torch.no_grad():
        styles, log_variance = recipe.model.encoder(images)
    assert 0.3 < styles.std(0).mean() < 3 and styles.mean(0).abs().mean() < 3
    assert log_variance.abs().max() < 0.1
    asleep = spade.StyleEncoder(spade.PRESETS[preset])
    asleep.apply(module.initialise)
    awake = copy.deepcopy(asleep)
    wake(awake)
    assert awake(images)[0].std(0).mean() > 100 * asleep(images)[0].std(0).mean()


def test_a_run_from_before_had_patches(painted_folder, tmp_path, capfd):
    """Its options say nothing of the discriminator."""
    old = trainer_in(tmp_path / "x", painted_folder, "--discriminator", "patch")
    old.publisher.consider(old.average.model, 0, 0.0)
    old.save()
    tensors, facts = state.read(tmp_path / "x" / "training")
    del facts["options"]["hyper"]["discriminator"]
    state.write(tmp_path / "x" / "training", tensors, facts)
    trainer_in(tmp_path / "x", painted_folder, "--discriminator", "patch")
    assert "going on after 0 images" in capfd.readouterr().err
    with pytest.raises(ValueError, match="--discriminator patch there, projected now"):
        trainer_in(tmp_path / "x", painted_folder)
