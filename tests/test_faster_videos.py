"""Video models compute sooner on a CPU, and the same: labels looked up, modulations multiplied in rows."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cgan import models
from cgan.labels import onehot
from cgan.layers.lookup import LabelConvolution, Lookup
from cgan.layers.multi import MultiBlock
from cgan.layers.multi_faster import FasterBlock
from train.bench.filming import same_noise

VIDEO = [name for name in models.names() if models.module(name).Model.task == "animate"]
EXACT = 2e-5


def maps(batch: int, height: int, width: int, classes: int = 5) -> torch.Tensor:
    """Rectangles of labels with some noise in a corner, int64 (B, 1, H, W)."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randint(classes, (batch, 1, height // 4, width // 4), generator=generator)
    labels = coarse.repeat_interleave(4, 2).repeat_interleave(4, 3)
    labels[..., :7, :9] = torch.randint(classes, (batch, 1, 7, 9), generator=generator)
    return labels


@pytest.mark.parametrize("cell", [1, 2])
def test_a_convolution_of_labels_is_looked_up(cell):
    labels = maps(2, 24, 32)
    layer = nn.Conv2d(5 * cell**2, 7, 3, padding=1, bias=False).requires_grad_(False)
    truth = layer(F.pixel_unshuffle(onehot(labels, 5).float(), cell))
    found = LabelConvolution(layer.weight, cell)(labels)
    assert torch.allclose(found, truth, atol=EXACT)
    flat = torch.full((1, 1, 8, 12), 4)
    assert torch.allclose(
        LabelConvolution(layer.weight, cell)(flat),
        layer(F.pixel_unshuffle(onehot(flat, 5).float(), cell)),
        atol=EXACT,
    )


@pytest.mark.parametrize("cell", [1, 2])
def test_a_first_layer_reads_maps_and_images(cell):
    labels, image = [maps(2, 24, 32), maps(2, 24, 32).flip(3)], torch.randn(2, 3, 24, 32)
    layer = nn.Conv2d((10 + 3) * cell**2, 7, 3, padding=1).requires_grad_(False)
    x = torch.cat([*(onehot(each, 5).float() for each in labels), image], 1)
    assert torch.allclose(
        Lookup(layer, 5, 2, cell)(labels, [image]), layer(F.pixel_unshuffle(x, cell)), atol=EXACT
    )


@pytest.mark.parametrize("channels", [(6, 4), (4, 4)])
def test_a_block_is_the_same(channels):
    block = MultiBlock(*channels, [3, 2]).requires_grad_(False)
    x, one = torch.randn(2, channels[0], 8, 12), torch.randn(2, 3, 8, 12)
    parts = torch.randn(2, 5, 8, 12).softmax(1)
    weights = [torch.randn(2, width, 5, 1, 1) for width in block.made_for]
    for conditions in ([one, torch.randn(2, 2, 8, 12)], [one, None]):
        for made in ((None, None), (parts, weights)):
            assert torch.allclose(
                FasterBlock(block)(x, conditions, *made), block(x, conditions, *made), atol=EXACT
            )


@pytest.mark.parametrize("name", VIDEO)
def test_videos_are_the_same(name):
    """Frame after frame, so that what differs would add up.

    Where rounding moves the noise of a pixel to another place, both go on from one past.
    """
    module = models.module(name)
    plain = module.Model(module.PRESETS["tiny"]).eval().requires_grad_(False)
    sooner = copy.deepcopy(plain)
    sooner.faster()
    labels, (least, _) = maps(2, 32, 48), plain.references
    references = torch.rand(2, 1, 3, 32, 48) * 2 - 1 if least else None
    normal = torch.randn(2, plain.config.style)
    states = [model.begin(references, None, None, normal) for model in (plain, sooner)]
    place = (
        torch.full((2, 1, 32, 48), 5.0),
        torch.eye(4).repeat(2, 1, 1),
        torch.tensor([[48.0, 48, 24, 16]] * 2),
    )
    compared = 0
    for t in range(4):
        images = []
        for i, model in enumerate((plain, sooner)):
            shown = labels.roll(t, 3)
            image, states[i] = model.advance(shown, states[i], place if plain.needs_geometry else None)
            images.append(image)
        if not same_noise(*states):
            states[1] = states[0]
            continue
        compared += 1
        assert (images[0] - images[1]).abs().max() < EXACT and images[0].std() > 0.01
    assert compared > 1
