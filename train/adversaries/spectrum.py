"""A loss that keeps a generator from leaving a lattice: power spectra as those of real pictures.

Layers that enlarge in a fixed rhythm print a pattern of 2 to 8 pixels on what they draw, and a discriminator
that halves its input at once hardly sees it (Durall, Keuper, Keuper: Watch your Up-Convolution, CVPR 2020,
who compare spectra too, of whole pictures and averaged over directions). And a generator that is given flat
colours makes texture by itself, with a rhythm of its own and no multiple of two: most lines stood there. A
texture is a broad hill in a spectrum, a lattice a spike; so frequencies are compared one by one, each as it
stands above its neighbours.
"""

import math

import torch
from torch import Tensor

from cgan.layers.precision import wide

SIDE = 32  # pixels of a block; its spectrum has a line for each period of 2, 4 and 8
FAINT = (2 / 255) ** 2  # power that is added everywhere: noise of one grey level


def power(images: Tensor) -> Tensor:
    """The mean power spectrum of the blocks of images (B, 3, H, W) in [-1, 1]: (3, side, side), in fp32.

    Blocks are of 32x32, or as large as a smaller picture allows, each half over its neighbour, without their
    mean and under a Hann window (Welch 1967). White noise of variance s² has the power s² everywhere.
    """
    side = min(SIDE, *images.shape[-2:])
    hann = torch.hann_window(side, device=images.device)
    window = hann[:, None] * hann
    step = max(1, side // 2)
    blocks = wide(images).unfold(2, side, step).unfold(3, side, step)
    blocks = (blocks - blocks.mean((-2, -1), keepdim=True)) * window
    spectra = torch.view_as_real(torch.fft.fft2(blocks)).square().sum(-1)
    return spectra.mean((0, 2, 3)) / window.square().sum() + FAINT


def standing_out(levels: Tensor) -> Tensor:
    """How far each frequency of log spectra (3, side, side) stands above the mean of those around it.

    Those around are the sixteen two steps away, as the window smears a line over one.
    """
    reach = range(-2, 3)
    steps = [(down, across) for down in reach for across in reach if 2 in (abs(down), abs(across))]
    around = torch.stack([levels.roll(step, (-2, -1)) for step in steps])
    return levels - around.mean(0)


def lattice(fake: Tensor, real: Tensor) -> Tensor:
    """How much higher lines stand in the spectrum of fakes than in that of real pictures: ().

    The mean square over all frequencies, in nepers of power. What stands lower counts nothing, and what is
    chance neither: the mean of n blocks of noise is off by 1 / sqrt(n), and twice that is let pass. Else, as
    a blurred picture has no power to stand out with, generators blurred. Images (B, 3, H, W) in [-1, 1]; the
    real ones, as many, get no gradient.
    """
    with torch.no_grad():
        wanted = standing_out(power(real).log())
    count, _, height, width = fake.shape
    blocks = max(1, count * (height // SIDE) * (width // SIDE))
    excess = standing_out(power(fake).log()) - wanted - 2 / math.sqrt(blocks)
    return excess.clamp_min(0).square().mean()
