"""The grid that a generator leaves on its pictures: lines in the power spectrum that real pictures lack.

Layers that enlarge or stride in a fixed rhythm print a lattice of 2 to 8 pixels on whatever they draw
(Odena, Dumoulin, Olah: Deconvolution and Checkerboard Artifacts, Distill 2016). It hardly moves a Fréchet
distance, but eyes see it at once, and so does a spectrum: a texture is a broad hill there, a lattice a spike.

The measure, in decibels:

1. The luma of a picture, in grey levels, is cut into blocks of 32×32, half of each over its neighbour; their
   mean is taken off, and a Hann window laid over them (Welch 1967). The power spectrum is the mean of
   |FFT|² over the blocks, plus that of noise of one grey level, under which nobody sees a line.
2. A frequency (u, v) of the block stands out by its level, 10 log10 of the power, over its neighbours': the
   sixteen two steps away, as the window smears a line over one. Opposite ones are averaged, which makes no
   line of a slope, and of the eight means the median is taken.
3. The same of real pictures is taken off, as real streets have lines too.
4. The maximum over all frequencies whose period is 2 to 8 pixels down or across: lines that lie, stand or
   lean. A diagonal lattice of period p in both directions is at (32 / p, 32 / p).

The largest of 500 noisy numbers lies above zero, however alike two sets are. So the pictures are halved, each
second one: the line is looked for in one half and measured in the other, and the other way round; the result
is the mean. It is about 0 for sets alike and no smaller for a lattice, which stands out in both halves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SIDE = 32  # of a block
STEP = SIDE // 2  # from one block to the next
LONGEST = 8  # pixels, of the periods looked for; the shortest is 2
BLOCKS = 64  # of each set are needed, in at least PICTURES pictures
PICTURES = 4
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue (ITU-R BT.601)
LEAST_SHARE = 0.01  # of a picture: what takes less says little of its class
FAINT = 1.0  # grey levels squared, the power that is added everywhere


@dataclass(frozen=True)
class Spectra:
    """The power spectra of N pictures of one size: float64 (N, 32, 32), in grey levels squared.

    White noise of variance s² has the power s² at every frequency. blocks: how many each picture has, without
    those that lie over others; 0: the pictures are smaller than a block.
    """

    power: Tensor
    blocks: int

    def rows(self, places: slice | NDArray[np.int64]) -> Spectra:
        """Those of some of the pictures."""
        return Spectra(self.power[places], self.blocks)

    @property
    def enough(self) -> bool:
        """Whether they can be compared with others."""
        return len(self.power) >= PICTURES and len(self.power) * self.blocks >= BLOCKS


def spectra(pictures: NDArray[np.uint8]) -> Spectra:
    """The power spectra of pictures, uint8 (N, H, W, 3)."""
    blocks = (pictures.shape[1] // SIDE) * (pictures.shape[2] // SIDE)
    power = [_power(picture) for picture in pictures if blocks]
    return Spectra(torch.stack(power) if power else torch.zeros(len(pictures), SIDE, SIDE), blocks)


def _power(picture: NDArray[np.uint8]) -> Tensor:
    """The mean power spectrum of the blocks of a picture, uint8 (H, W, 3) -> (32, 32)."""
    hann = torch.hann_window(SIDE, periodic=True, dtype=torch.float64)
    window = hann[:, None] * hann
    luma = torch.from_numpy(picture.astype(np.float64)) @ torch.tensor(LUMA, dtype=torch.float64)
    blocks = luma.unfold(0, SIDE, STEP).unfold(1, SIDE, STEP).flatten(0, 1)
    blocks = (blocks - blocks.mean((1, 2), keepdim=True)) * window
    power: Tensor = torch.fft.fft2(blocks).abs().square().mean(0) / window.square().sum() + FAINT
    return power


def brightness(pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The mean luma of each picture, uint8 (N, H, W, 3) -> (N,), in grey levels."""
    means: NDArray[np.float64] = pictures.mean((1, 2), dtype=np.float64) @ np.array(LUMA)
    return means


def class_brightness(
    pictures: NDArray[np.uint8], labels: NDArray[np.integer[Any]], classes: int
) -> NDArray[np.float64]:
    """The mean luma of each class in each picture, uint8 (N, H, W, 3) under maps (N, H, W): (N, classes), in
    grey levels; NaN where a class takes less than `LEAST_SHARE` of the picture.
    """
    luma = pictures.astype(np.float64) @ np.array(LUMA)
    found = np.full((len(pictures), classes), np.nan)
    for row, (levels, ids) in enumerate(zip(luma, labels, strict=True)):
        counts = np.bincount(ids.ravel(), minlength=classes)
        there = counts >= max(1, LEAST_SHARE * ids.size)
        sums = np.bincount(ids.ravel(), levels.ravel(), classes)
        found[row, there] = sums[there] / counts[there]
    return found


def standing_out(power: Tensor) -> Tensor:
    """How far each frequency stands above its neighbours: power (N, 32, 32) of N pictures -> dB (32, 32)."""
    level = 10 * power.mean(0).log10()
    steps = [(2, across) for across in range(-2, 3)] + [(down, 2) for down in (-1, 0, 1)]
    around = [
        (level.roll((down, across), (0, 1)) + level.roll((-down, -across), (0, 1))) / 2
        for down, across in steps
    ]
    return level - torch.stack(around).quantile(0.5, dim=0)


def looked_for() -> Tensor:
    """The frequencies whose period, down or across, is 2 to 8 pixels: bool (32, 32)."""
    cycles = torch.fft.fftfreq(SIDE).abs()
    return torch.maximum(cycles[:, None], cycles) >= 1 / LONGEST


def grid(fake: Spectra, real: Spectra) -> float | None:
    """How much higher the strongest line of period 2 to 8 pixels is in fakes than in real pictures, in dB.

    None for too few of either. With the least that are taken, textures alike differ by a decibel; natural
    pictures, in which a few blocks have most of the power, want more: halves of a set of streets (192×256)
    differed by 0.4 dB (standard deviation) where 30 pictures, 1,440 blocks, made each half, by 1 dB with 15.
    """
    if not (fake.enough and real.enough):
        return None
    parts = [slice(half, None, 2) for half in (0, 1)]
    one, other = (
        (standing_out(fake.rows(part).power) - standing_out(real.rows(part).power))[looked_for()]
        for part in parts
    )
    return ((other[one.argmax()] + one[other.argmax()]) / 2).item()


def grid_score(fake: Spectra | None, real: Spectra | None) -> dict[str, float]:
    """`grid` as a score, {"grid": dB}; nothing where it cannot be told."""
    value = None if fake is None or real is None else grid(fake, real)
    return {} if value is None else {"grid": value}
