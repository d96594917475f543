"""Noise that sticks to what is filmed: what large areas of one label are given a texture of.

A network that sees only labels paints the same at each place of a large area of one label: stripes, or a
lattice in the rhythm of its enlargements. Noise tells the places apart (Karras et al., A Style-Based
Generator, 2019, section 3.2). In a video, noise drawn anew would flicker, and noise that stood still would
lie on the lens: it moves along the flow, and is refreshed slowly, as what comes nearer would be stretched.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from cgan.layers.precision import wide

KEPT = 0.98  # correlation of the noise at a thing from one frame to the next
STEPS = (37, 61)  # rows and columns that the supply moves in a frame: coprime to multiples of 32


class Grain(NamedTuple):
    """Noise of N(0, 1), two of (B, 1, H, W): that of the latest frame, and a supply for the next ones."""

    latest: Tensor
    supply: Tensor


def begun(noise: Tensor) -> Grain:
    """The grain of a first frame: noise (B, 1, H, W) of N(0, 1)."""
    return Grain(noise, noise)


def drawn(like: Tensor) -> Tensor:
    """Noise (B, 1, H, W) for labels (B, 1, H, W): the same for each sample and on every device."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(1, 1, *like.shape[-2:], generator=generator)
    return noise.to(like.device).expand(len(like), -1, -1, -1)


@torch.no_grad()
def moved(grain: Grain, flow: Tensor) -> Grain:
    """The grain of the next frame, whose flow (B, 2, H, W) leads back to the latest one, in pixels.

    Each pixel takes one of the latest, as blended ones would be weaker; what comes in is new.
    """
    height, width = flow.shape[2:]
    flow = wide(flow)
    column = (torch.arange(width, device=flow.device) + flow[:, 0]).round().long()
    row = (torch.arange(height, device=flow.device)[:, None] + flow[:, 1]).round().long()
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    place = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
    supply = grain.supply.roll(STEPS, (2, 3))
    old = grain.latest.flatten(1).gather(1, place.flatten(1)).view_as(supply)
    mixed = KEPT * old + math.sqrt(1 - KEPT**2) * supply
    return Grain(torch.where(inside[:, None], mixed, supply), supply)


def at_scale(noise: Tensor, halvings: int) -> Tensor:
    """Noise (B, 1, H, W) for a smaller frame: sums of its pixels, of N(0, 1) again, which move as these."""
    scale: int = 2**halvings
    return noise if scale == 1 else F.avg_pool2d(noise, scale) * scale
