"""The batches that recipes are fed: named tuples, each with a `fake` for tests and benchmarks."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Painted(NamedTuple):
    """Photographs with a label for each pixel.

    Shapes: labels int64 (B, 1, H, W), from 0 to classes - 1; images float32 (B, 3, H, W) in [-1, 1];
    instances int64 (B, 1, H, W), or None where the data have none: equal numbers belong to one thing.
    """

    labels: Tensor
    images: Tensor
    instances: Tensor | None = None

    @classmethod
    def fake(
        cls,
        batch: int = 2,
        size: tuple[int, int] = (64, 64),
        classes: int = 6,
        device="cpu",
        seed: int = 0,
        instances: bool = False,
    ) -> Painted:
        """Random labels in large squares and random pixels: the right shapes, no meaning."""
        generator = torch.Generator().manual_seed(seed)
        height, width = size
        coarse = torch.randint(classes, (batch, 1, -(-height // 16), -(-width // 16)), generator=generator)
        labels = coarse.repeat_interleave(16, 2).repeat_interleave(16, 3)[..., :height, :width].contiguous()
        images = torch.rand(batch, 3, height, width, generator=generator) * 2 - 1
        return cls(labels, images, labels.clone() if instances else None).to(device)

    def to(self, device: torch.device | str) -> Painted:
        """The same batch on `device`."""
        return Painted(*(part if part is None else part.to(device, non_blocking=True) for part in self))

    def rows(self, start: int, stop: int) -> Painted:
        """The samples from `start` to `stop`, for micro-batches."""
        return Painted(*(part if part is None else part[start:stop] for part in self))
