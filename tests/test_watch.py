"""What the discriminators of a clip are shown: frames with labels, frames in a row, under one shift."""

import pytest
import torch

from train.adversaries import losses
from train.recipes._watch import SPAN, Discriminators, Watch

SIZE = (32, 64)
KINDS = {"patch": False, "projected": True}


def frames(count=2):
    return torch.rand(count, 3, *SIZE) * 2 - 1


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def discriminators(request):
    return Discriminators(5, filters=4, layers=2, scales=1, projected=request.param)


@pytest.fixture
def told():
    return torch.eye(5)[torch.randint(5, (2, *SIZE))].permute(0, 3, 1, 2)


def test_rows_of_frames_are_judged_from_the_third_on(discriminators, told):
    watch = Watch(discriminators, frames())
    for t in range(SPAN + 1):
        fake, real = watch.look(frames(), frames(), told)
        assert fake.shape == real.shape == (2, 3, *SIZE)
        for pairs in (watch.discriminate(), watch.fool()):
            assert len(pairs) == (1 if t < SPAN - 1 else 2)
            assert all(scale[-1].shape[0] == 2 for pair in pairs for judged in pair for scale in judged)


def test_the_generator_is_taught_by_the_newest_frame_alone(discriminators, told):
    watch, fakes = Watch(discriminators, frames()), [frames().requires_grad_() for _ in range(SPAN)]
    for fake in fakes:
        watch.look(fake, frames(), told)
    (_, _), (rows, _) = watch.fool()
    losses.hinge_fool(rows).backward()
    assert fakes[-1].grad.any() and all(fake.grad is None for fake in fakes[:-1])
    assert all(parameter.grad is None for parameter in discriminators.parameters())


def test_the_discriminators_are_taught_and_no_picture_is(discriminators, told):
    watch, fake = Watch(discriminators, frames()), frames().requires_grad_()
    for _ in range(SPAN):
        watch.look(fake, frames(), told)
    sum(losses.hinge_fake(f) + losses.hinge_real(r) for f, r in watch.discriminate()).backward()
    assert fake.grad is None
    assert all(parameter.grad is not None for parameter in discriminators.parameters())


def test_all_of_a_clip_is_shifted_alike():
    watch, place = Watch(Discriminators(1, 4, 2, 1, projected=True), frames()), torch.rand(1, 1, *SIZE)
    shifted = [
        torch.cat([*watch.look(place.expand(1, 3, -1, -1), place.expand(1, 3, -1, -1), place), watch.told], 1)
        for _ in range(2)
    ]
    assert torch.equal(*shifted) and torch.equal(shifted[0], shifted[0][:, :1].expand(1, 7, -1, -1))
    assert watch.shift is not None and Watch(Discriminators(1, 4, 2, 1), place).shift is None
