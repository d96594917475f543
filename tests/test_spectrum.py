"""The loss against lattices: lines that pictures lack are found in fakes, and unlearnt."""

from dataclasses import replace

import pytest
import torch

from cgan import models
from train import recipes
from train.adversaries.spectrum import lattice

SIDE = 64
DOWN, ACROSS = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
LATTICES = {
    "crosses of 4": (DOWN % 4 == 0) | (ACROSS % 4 == 0),
    "diagonals of 3": (DOWN + ACROSS) % 3 == 0,
    "leaning waves": torch.sin(2 * torch.pi * (6 * DOWN + 13 * ACROSS) / 32),
}
LEARN = [name for name in recipes.names() if "weight_lattice" in vars(recipes.module(name).PRESETS["tiny"])]


def textures(seed: int) -> torch.Tensor:
    """Noise whose spectrum falls as 1 / f, as natural pictures' does: float (8, 3, 64, 64)."""
    random = torch.Generator().manual_seed(seed)
    noise = torch.randn(8, 3, SIDE, SIDE, generator=random)
    rate = torch.fft.fftfreq(SIDE)
    far = torch.hypot(rate[:, None], rate).clamp_min(1 / SIDE)
    return 0.02 * torch.fft.ifft2(torch.fft.fft2(noise) / far).real


def test_pictures_have_no_lines_beyond_their_own():
    assert lattice(textures(0), textures(0)) == 0


@pytest.mark.parametrize("name", LATTICES)
def test_a_lattice_is_unlearnt(name):
    """One of ten grey levels, whose height is the only weight that learns."""
    pattern = LATTICES[name].float()
    pattern -= pattern.mean()
    height = torch.tensor(20 / 255, requires_grad=True)
    adam = torch.optim.Adam([height], 2e-3)
    first = lattice(textures(1) + height * pattern, textures(0))
    for _ in range(60):
        loss = lattice(textures(1) + height * pattern, textures(0))
        adam.zero_grad()
        loss.backward()
        adam.step()
    assert loss < first / 2
    assert abs(height) < 5 / 255


@pytest.mark.parametrize("side", [8, 48])
def test_small_pictures_are_blocks_of_their_own(side):
    fake = textures(0)[..., :side, :side].requires_grad_()
    lattice(fake, textures(1)[..., :side, :side]).backward()
    assert fake.grad is not None and fake.grad.isfinite().all()


@pytest.mark.parametrize("name", LEARN)
def test_who_learns_by_it_says_so(name):
    """The weight brings a term of its own, and is off without it."""
    module = recipes.module(name)
    config = models.module(name).PRESETS["tiny"]
    for weight in (0.0, 50.0):
        hyper = replace(module.PRESETS["tiny"], weight_lattice=weight)
        recipe = module.Recipe(config, hyper, None)
        batch = module.Recipe.kind(config).fake(2, (32, 32))
        terms = [loss.terms for loss in recipe.step(batch) if loss.player == "generator"]
        assert ("lattice" in terms[0]) == bool(weight)
