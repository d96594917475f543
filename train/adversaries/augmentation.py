"""What a discriminator is shown is changed at random, made and real pictures alike, where those are few.

Zhao, Liu, Lin, Zhu, Han: Differentiable Augmentation for Data-Efficient GAN Training, NeurIPS 2020: "color"
and "cutout" (section 3.3); "translation" is `Shift`, which all projected discriminators have. A discriminator
that sees a few hundred pictures again and again soon knows them by heart; it never sees these twice. The
generator learns through the change and does not paint it, as it is in real pictures too.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from cgan.layers.precision import wide
from train.processes import normal

HOLE = 0.5  # of the sides: the hole's sides, at full strength


class Augmentation(NamedTuple):
    """One change for each picture of a batch: called on images (B, 3, H, W), gives the same shape.

    brightness, saturation, contrast: (B, 1, 1, 1), what is added and what differences from a pixel's grey and
    the picture's mean are multiplied by; hole (B, 1, H, W): where the picture is hidden, behind grey.
    """

    brightness: Tensor
    saturation: Tensor
    contrast: Tensor
    hole: Tensor

    @classmethod
    def drawn(cls, like: Tensor, strength: float) -> Augmentation | None:
        """A random one for images of the size of `like` (B, 3, H, W); for strength 0 None, drawing nothing.

        At strength 1 brightness is uniform in ±0.5 (images: -1 to 1), saturation in 0 to 2, contrast in
        0.5 to 1.5, and the hole has half the sides, as in the paper; with less, all are nearer to no change.
        """
        if not strength:
            return None
        count, _, height, width = like.shape
        numbers = normal(count, 5, 1, 1, like=wide(like))
        shares = strength * (2 * torch.special.ndtr(numbers[:, :3]) - 1)  # uniform in ±strength
        rows, columns = torch.special.ndtr(numbers[:, 3:]).unbind(1)
        down = _between(rows[:, None], height, strength)
        right = _between(columns[:, None], width, strength).transpose(2, 3)
        return cls(0.5 * shares[:, :1], 1 + shares[:, 1:2], 1 + 0.5 * shares[:, 2:], down & right)

    def __call__(self, x: Tensor) -> Tensor:
        changed = wide(x) + self.brightness
        grey = changed.mean(1, keepdim=True)
        changed = torch.lerp(grey, changed, self.saturation)
        mean = changed.mean((1, 2, 3), keepdim=True)
        changed = torch.lerp(mean, changed, self.contrast)
        return changed.masked_fill(self.hole, 0.0).to(x.dtype)


def _between(place: Tensor, length: int, strength: float) -> Tensor:
    """Which of `length` places lie in a hole about `place` (B, 1, 1, 1), in 0 to 1: (B, 1, length, 1)."""
    places = (torch.arange(length, device=place.device)[:, None] + 0.5) / length
    return (places - place).abs() < 0.5 * HOLE * strength


def augmented(images: Tensor, change: Augmentation | None) -> Tensor:
    """Images (B, 3, H, W) as a discriminator is shown them."""
    return images if change is None else change(images)
