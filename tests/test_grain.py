"""Noise in videos: it gives areas of one label a texture, and moves as they do; older checkpoints lack it."""

import dataclasses

import pytest
import torch
from test_faster_videos import maps

import cgan
from cgan import models
from cgan.labels import Label, Palette
from cgan.layers import grain
from cgan.layers.multi import MultiBlock
from cgan.layers.multi_faster import FasterBlock
from cgan.models import vid2vid
from train import launch
from train.engine.starting import Start, adopted, load_start

TINY = vid2vid.PRESETS["tiny"]
PALETTE = Palette(tuple(Label(i, name, f"#{i:06x}") for i, name in enumerate("abcde")))


def model(noise: bool = True, classes: int = 5) -> vid2vid.Model:
    torch.manual_seed(0)
    return vid2vid.Model(dataclasses.replace(TINY, classes=classes, noise=noise)).eval().requires_grad_(False)


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def correlation(x: torch.Tensor, y: torch.Tensor) -> float:
    return float(torch.corrcoef(torch.stack([x.flatten(), y.flatten()]))[0, 1])


def test_it_moves_along_the_flow():
    first = grain.begun(noise(2, 1, 64, 96))
    flow = torch.zeros(2, 2, 64, 96)
    flow[:, 0], flow[:, 1] = 5.2, -2.8  # the latest frame's pixel lies 5 to the right and 3 above
    moved = grain.moved(first, flow)
    assert correlation(moved.latest[..., 3:, :-5], first.latest[..., :-3, 5:]) == pytest.approx(
        0.98, abs=0.01
    )
    assert abs(correlation(moved.latest[..., :-5], first.latest[..., 5:])) < 0.1
    assert torch.equal(moved.latest[..., :3, :], moved.supply[..., :3, :])  # what comes in is new
    for _ in range(100):
        moved = grain.moved(moved, flow)
    assert moved.latest.mean().abs() < 0.05 and moved.latest.std() == pytest.approx(1, abs=0.05)


def test_at_each_scale_it_is_noise_that_moves_as_well():
    whole = noise(1, 1, 256, 256)
    for halvings in range(5):
        small = grain.at_scale(whole, halvings)
        assert small.shape[2:] == (256 >> halvings, 256 >> halvings)
        assert small.std() == pytest.approx(1, abs=0.15)
    shifted = grain.at_scale(whole.roll(1, 3), 3)
    assert correlation(shifted, grain.at_scale(whole, 3)) > 0.8  # by an eighth of its pixels


@pytest.mark.parametrize("noisy", [False, True])
def test_an_area_of_one_label_repeats_itself_but_for_noise(noisy):
    """The middle of a frame, which its border does not reach, painted without a past."""
    network, labels = model(noisy), torch.zeros(1, 1, 64, 256, dtype=torch.int64)
    frame, past = network.film(labels, vid2vid.Past(torch.zeros(1, TINY.style)))
    middle = frame.image[..., 120:136]
    repeats = float((middle - frame.image[..., 128:144]).abs().max())  # a period of its enlargements on
    assert repeats > 1e-3 if noisy else repeats < 1e-5
    assert (past.grain is not None) == noisy
    again = network.film(labels, vid2vid.Past(torch.zeros(1, TINY.style)))[0].image
    assert torch.equal(frame.image, again)  # the same frames each time


def test_frames_go_on_with_the_noise_of_the_one_before():
    network, labels = model(), maps(2, 32, 48)
    past = vid2vid.Past(torch.zeros(2, TINY.style), grain=grain.begun(noise(2, 1, 32, 48)))
    first, past = network.film(labels, past)
    assert torch.equal(past.grain.latest, noise(2, 1, 32, 48))
    second, past = network.film(labels, past)
    assert torch.equal(past.grain.latest, grain.moved(first.grain, second.flow).latest)


def test_the_fast_block_adds_it_too():
    block = MultiBlock(6, 4, [3], noise=True).requires_grad_(False)
    x, condition, given = noise(2, 6, 8, 12), noise(2, 3, 8, 12), noise(2, 1, 8, 12)
    plain = block(x, [condition], noise=given)
    assert torch.allclose(FasterBlock(block)(x, [condition], None, None, given), plain, atol=2e-5)
    assert not torch.allclose(block(x, [condition]), plain)


@pytest.mark.parametrize("names", [("a", "b", "c", "d", "e"), ("a", "x")])
def test_a_run_adds_it_to_a_checkpoint_without(names, tmp_path):
    folder = cgan.save(tmp_path / "old", model(noise=False), PALETTE, {"size": [32, 48]})
    assert not cgan.load(folder, device="cpu").model.config.noise
    words = ["--preset", "tiny", "--start-from", str(folder)]
    assert not launch.parse("vid2vid", words)[1].noise
    _, config, _, _ = launch.parse("vid2vid", [*words, "--noise"])
    assert config.noise
    with pytest.raises(ValueError, match="the checkpoint decides the shape of the weights"):
        launch.parse("vid2vid", [*words, "--filters", "6"])
    fitted = dataclasses.replace(config, classes=len(names))
    palette = Palette(tuple(Label(i, name, f"#{i:06x}") for i, name in enumerate(names)))
    start = load_start(str(folder), fitted, palette)
    assert isinstance(start, Start)
    fresh = {key: value.detach() for key, value in models.module("vid2vid").Model(fitted).named_parameters()}
    lacking = fresh.keys() - adopted(start, fresh)
    assert lacking and all(".noise_" in name for name in lacking)
