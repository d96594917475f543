"""What all data sets share: pictures in memory as uint8, a little larger than they are trained at.

Flips, scales and crops are one batched operation on the device that holds them. The reading and the checks
that all folders have in common are in `train.data.folders`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cgan.errors import DataError
from train.data.packed import mapped
from train.data.protocol import B, Data, Indices, Samples, Size, each

MARGIN = 1.125  # stored pictures are this much larger than the crops, so that crops can move and scale
LEAST = 2  # pictures to learn from
MOST_ASIDE = 1000  # samples that choose the weights
SHARE = 0.5  # of a device's free memory that data may fill: the rest is for the networks


@dataclass(frozen=True)
class Stored(Generic[B]):
    """Pictures in memory: a data set's fields, of which the first is uint8 (N, 3, H, W).

    Fields that are tensors or lists have a row for each sample; the others tell of all of them.
    """

    def __len__(self) -> int:
        return len(self.pictures)

    def batch(self, indices: Indices, seed: int, size: Size, augment: bool = True, row_offset: int = 0) -> B:
        """As `train.data.protocol.Samples` says; each kind has its own."""
        raise NotImplementedError

    @property
    def pictures(self) -> Tensor:
        """The first field."""
        return next(iter(self.tensors().values()))

    @property
    def size(self) -> Size:
        """The (height, width) of crops that this was stored for."""
        height, width = self.pictures.shape[-2:]
        return int(height / MARGIN), int(width / MARGIN)

    @property
    def bytes(self) -> int:
        """The memory that the tensors take."""
        return sum(tensor.nbytes for tensor in self.tensors().values())

    def tensors(self) -> dict[str, Tensor]:
        """The samples' tensors by name."""
        return {name: part for name, part in vars(self).items() if isinstance(part, Tensor)}

    def to(self, device: torch.device | str) -> Self:
        """The same data, held by `device`."""
        return replace(self, **{name: tensor.to(device) for name, tensor in self.tensors().items()})

    @property
    def packed(self) -> bool:
        """Whether the pictures lie in files (see `train.data.packed`), of which no large part is copied."""
        return mapped(self.pictures)

    def subset(self, indices: Sequence[int]) -> Self:
        """The samples at `indices`, in that order."""
        chosen: dict[str, Any] = {name: take(tensor, indices) for name, tensor in self.tensors().items()}
        lists = {name: part for name, part in vars(self).items() if isinstance(part, list)}
        chosen |= {name: [part[index] for index in indices] for name, part in lists.items()}
        return replace(self, **chosen)

    def split(self, fraction: float, seed: int = 0) -> tuple[Self, Self]:
        """(training part, validation part): `seed` sets `fraction` of the samples aside, at least one."""
        training, aside = parted(len(self), fraction, seed, self.packed)
        check_left(len(training), len(self))
        return self.subset(training), self.subset(aside)

    def advance(self, images: int) -> None:
        """Nothing changes while a run goes on (unlike in `train.data.growing`)."""

    def state(self) -> dict[str, Tensor]:
        """Nothing need be saved with a run."""
        return {}

    def load(self, state: dict[str, Tensor]) -> None:
        """Nothing was."""


def take(tensor: Tensor, rows: Sequence[int]) -> Tensor:
    """The rows of a tensor, in that order; where they are a stretch of it, nothing is copied."""
    rows = list(rows)
    if rows and rows == list(range(rows[0], rows[0] + len(rows))):
        return tensor[rows[0] : rows[0] + len(rows)]
    return tensor[torch.tensor(rows, dtype=torch.int64, device=tensor.device)]


def parted(count: int, fraction: float, seed: int, last: bool = False) -> tuple[list[int], list[int]]:
    """(numbers below `count` that stay, those that `seed` sets aside: `fraction` of them, at least one).

    They are `MOST_ASIDE` at most, as every evaluation looks at all of them: ten thousand took ten minutes.
    last: the last ones are set aside, of what was shuffled when it was packed.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"the validation fraction is {fraction}; it must lie between 0 and 1")
    order = list(range(count))[::-1] if last else np.random.default_rng(seed).permutation(count).tolist()
    aside = min(max(1, round(fraction * count)), count - 1, MOST_ASIDE)
    return sorted(order[aside:]), sorted(order[:aside])


def check_left(left: int, count: int, what: str = "pictures") -> None:
    """Raise `DataError` where fewer than two of `count` are left to learn from: one has no spread."""
    if left < LEAST:
        raise DataError(
            f"{count} {what}: {left} would be left to learn from, at least {LEAST} are needed; add some, "
            "or use --validation none"
        )


def canvas(size: Size) -> Size:
    """The (height, width) at which pictures are stored for crops of `size`."""
    return math.ceil(size[0] * MARGIN), math.ceil(size[1] * MARGIN)


# Crops


def numbers(seed: int, first: int, count: int, columns: int = 4) -> Tensor:
    """Uniform random numbers (count, columns): one sample's depend on `seed` and its place only."""
    rows = [np.random.default_rng((seed, row)).random(columns) for row in range(first, first + count)]
    return torch.from_numpy(np.stack(rows))


def affine(stored: Sequence[int], size: Size, count: int, drawn: Tensor | None) -> Tensor:
    """Where `size` is cut out of pictures of the size `stored`: float64 (count, 2, 3).

    drawn: (count, 4) in [0, 1) for flip, scale, vertical and horizontal place; None takes the centre.
    """
    (tall, wide), (height, width) = stored, size
    cover = min(tall / height, wide / width)  # the largest box of the wanted shape
    box = torch.tensor([height * cover / tall, width * cover / wide], dtype=torch.float64).repeat(count, 1)
    theta = torch.zeros(count, 2, 3, dtype=torch.float64)
    flip = torch.ones(count, dtype=torch.float64)
    if drawn is not None:
        flip -= 2 * (drawn[:, 0] < 0.5)
        box *= 1 - (1 - 1 / MARGIN) * drawn[:, 1:2]
        theta[:, 1, 2] = (2 * drawn[:, 2] - 1) * (1 - box[:, 0])
        theta[:, 0, 2] = (2 * drawn[:, 3] - 1) * (1 - box[:, 1])
    theta[:, 0, 0], theta[:, 1, 1] = flip * box[:, 1], box[:, 0]
    return theta


def grid(stored: Sequence[int], size: Size, count: int, drawn: Tensor | None) -> Tensor:
    """The sampling grid (count, H, W, 2) of `affine`."""
    theta = affine(stored, size, count, drawn)
    return F.affine_grid(theta.float(), [count, 1, *size], align_corners=False)


def cut(pictures: Tensor, where: Tensor) -> Tensor:
    """Crops of pictures uint8 (B, 3, H, W) along grids (B, h, w, 2) -> images (B, 3, h, w) in [-1, 1]."""
    images = F.grid_sample(pictures.float(), where, "bicubic", "border", align_corners=False)
    return (images / 127.5 - 1).clamp(-1, 1)


def nearest(ids: Tensor, where: Tensor) -> Tensor:
    """Crops of ids (B, 1, H, W), which are not blended -> int64 (B, 1, h, w)."""
    return F.grid_sample(ids.float(), where, "nearest", "border", align_corners=False).long()


def crops(pictures: Tensor, rows: Tensor, size: Size, drawn: Tensor | None) -> Tensor:
    """The pictures at `rows` of uint8 (N, 3, H, W), cut to `size` -> images (B, 3, *size) in [-1, 1].

    drawn: as `grid` takes it.
    """
    rows = rows.to(pictures.device, non_blocking=True)
    where = grid(pictures.shape[-2:], size, len(rows), drawn)
    return cut(pictures[rows], where.to(pictures.device, non_blocking=True))


# Where the data lie


class Sent(Generic[B]):
    """Data too large for a device: they stay in the computer's memory, and their batches travel."""

    def __init__(self, data: Data[B], device: torch.device):
        self.data, self.device = data, device
        self.size, self.bytes = data.size, data.bytes

    def __len__(self) -> int:
        return len(self.data)

    def batch(self, indices: Indices, seed: int, size: Size, augment: bool = True, row_offset: int = 0) -> B:
        """As the data's own, on the device: cut on the CPU, then copied while the device works on."""
        batch = self.data.batch(indices, seed, size, augment, row_offset)
        if self.device.type == "cuda":
            batch = each(batch, lambda part: part.pin_memory())
        return batch.to(self.device)

    def advance(self, images: int) -> None:
        """As the data's own."""
        self.data.advance(images)

    def state(self) -> dict[str, Tensor]:
        """As the data's own."""
        return self.data.state()

    def load(self, state: dict[str, Tensor]) -> None:
        """As the data's own."""
        self.data.load(state)


def place(data: Data[B], device: torch.device | str, free: int | None = None) -> Samples[B]:
    """`data` on `device` where they fill less than half of its free memory, else `Sent` there in batches.

    `free`: bytes; by default what a CUDA device has free. Devices of other kinds are not asked.
    """
    device = torch.device(device)
    if free is None and device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0]
    return data.to(device) if free is None or data.bytes < SHARE * free else Sent(data, device)
