"""What discriminators are shown is changed at random where pictures are few (`--augment`)."""

import pytest
import torch
from runs import FLAGS

from train.__main__ import main
from train.adversaries.augmentation import Augmentation
from train.adversaries.projected import Projected
from train.recipes._turns import Turns
from train.recipes._watch import Discriminators, Watch

SIZE = (32, 64)


def pictures(count=4):
    return torch.rand(count, 3, *SIZE) * 2 - 1


def changed(images, strength=1.0, seed=0):
    torch.manual_seed(seed)
    return Augmentation.drawn(images, strength)(images)


def test_without_strength_nothing_is_changed_and_nothing_drawn():
    before = torch.get_rng_state()
    assert Augmentation.drawn(torch.zeros(4, 3, *SIZE), 0.0) is None
    assert torch.equal(before, torch.get_rng_state())


def test_each_picture_has_a_light_of_its_own_and_a_hole():
    images = pictures(1).expand(64, -1, -1, -1) * 0.5
    out = changed(images)
    holes = (out == 0).all(1)
    shares = holes.float().mean((1, 2))
    assert 0.24 < shares.max() <= 0.26 and (shares > 0.05).all()  # half the sides, less at the border
    assert (holes.any(2).sum(1) <= SIZE[0] // 2 + 1).all() and (holes.any(1).sum(1) <= SIZE[1] // 2 + 1).all()
    open_to_all = ~holes[:, None]
    means = (out * open_to_all).sum((1, 2, 3)) / (3 * open_to_all.sum((1, 2, 3)))
    assert 0.2 < means.std() < 0.4  # uniform in ±0.5: 0.29
    spread = torch.stack([picture[:, ~hole].std() for picture, hole in zip(out, holes, strict=True)])
    assert spread.min() < 0.8 * spread.median() and spread.max() > 1.2 * spread.median()


def test_a_little_strength_changes_little():
    images = pictures()
    hidden = (changed(images, 0.2) == 0).all(1)
    apart = (changed(images, 0.2) - images).abs()
    assert hidden.float().mean() <= 0.02
    assert 0 < apart[~hidden[:, None].expand_as(apart)].max() <= 0.1 + 0.2 * 2 + 0.1 * 2


def test_real_and_made_are_changed_alike_and_gradients_pass():
    images = pictures().requires_grad_()
    torch.manual_seed(1)
    change = Augmentation.drawn(images, 1.0)
    assert torch.equal(change(images), change(images.detach().clone()))
    assert change(images.bfloat16()).dtype == torch.bfloat16
    change(images).sum().backward()
    assert images.grad.isfinite().all() and images.grad[~change.hole.expand_as(images)].all()


@pytest.mark.parametrize("strength", (0.0, 1.0))
def test_a_step_judges_changed_pictures_and_compares_plain_ones(strength):
    judge, shown = Projected(0, 4), []
    judge.eyes.register_forward_pre_hook(lambda _, given: shown.append(given[0].detach()))
    fake, real = pictures(), pictures()
    torch.manual_seed(2)
    turns = Turns(judge, fake, real, augment=strength)
    torch.manual_seed(2)
    plain = Turns(judge, fake, real)
    assert torch.equal(turns.fake, plain.fake) and torch.equal(turns.real, plain.real)
    assert all(torch.equal(*pair) == (strength == 0) for pair in zip(shown[:2], shown[2:], strict=True))


def test_a_clip_is_changed_alike_from_frame_to_frame():
    discriminators = Discriminators(1, 4, 2, 1, projected=True)
    image, told = pictures(2), torch.ones(2, 1, *SIZE)
    watch = Watch(discriminators, image, augment=1.0)
    for _ in range(2):
        watch.look(image, image, told)
    seen = [*watch.fakes, *watch.reals]
    assert all(torch.equal(a, b) for other in seen[1:] for a, b in zip(seen[0], other, strict=True))
    plain = discriminators.eyes(watch.shifted(image))
    assert not torch.equal(seen[0][0], plain[0])


@pytest.mark.parametrize("model", ("spade", "pix2pixhd"))
def test_augment_is_a_flag(model, painted_folder, tmp_path, capsys):
    words = (model, *FLAGS, "--images", "4", "--batch", "2", "--data", str(painted_folder))
    assert main([*words, "--augment", "0.5", "--out", str(tmp_path / "run")]) == 0
    assert main([*words, "--augment", "2", "--out", str(tmp_path / "other")]) != 0
    assert "--augment" in capsys.readouterr().err
