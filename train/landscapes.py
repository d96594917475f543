"""The data that are there when no folder is given: the built-in world, rendered while the run goes on.

A run begins with a few views and gets a new one at fixed numbers of images, so that what it has seen depends
on nothing but the number of images: an interrupted run goes on with the same pictures. When the pool is full,
the oldest view makes room.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from cgan.pictures import to_pictures
from train.batches import Painted
from train.data import MARGIN, PaintedData
from train.world import classes
from train.world.data import view_at, view_frame

START = 32  # frames before the first step
CAPACITY = 1024  # frames kept
EVERY = 48  # images of a run between two new views: under a tenth of its time, on a CPU and on a GPU
ASIDE = 24  # frames for validation, from worlds that no run reaches:
FAR_AWAY = 1_000_000  # the number of their first view


class Landscapes:
    """A pool of frames with the face of `PaintedData`, which grows with `advance`.

    size: (height, width) of the crops; `view`: the number of the next view to render; `first`: where it
    began.
    """

    def __init__(
        self, size: tuple[int, int], first: int = 0, count: int = START, say: Callable = lambda line: None
    ):
        self.size, self.first, self.view, self.grown = size, first, first, 0
        self.device = torch.device("cpu")
        self.palette = classes.palette()
        stored = tuple(4 * math.ceil(side * MARGIN / 4) for side in size)
        self._stored = stored
        say(f"rendering {count} landscapes to begin with")
        frames = self._next()
        while len(frames) < count:
            frames = _join(frames, self._next())
        self.frames = frames.subset(range(count))

    def __len__(self) -> int:
        return len(self.frames)

    def to(self, device: torch.device | str) -> Landscapes:
        """Keep and render the frames on `device` from now on."""
        self.device = torch.device(device)
        self.frames = self.frames.to(device)
        return self

    def batch(self, indices: Sequence[int] | Tensor, seed: int, size: tuple[int, int], **options) -> Painted:
        """As `PaintedData.batch`."""
        return self.frames.batch(indices, seed, size, **options)

    def split(self, fraction: float, seed: int = 0) -> tuple[Landscapes, PaintedData]:
        """(this pool, frames of other worlds for validation), whatever the fraction."""
        return self, Landscapes(self.size, FAR_AWAY, ASIDE).frames

    def advance(self, images: int) -> None:
        """Render what a run that has seen `images` should have, and drop what is too much."""
        while self.grown < images // EVERY:
            self.frames = _join(self.frames, self._next())
            self.frames = self.frames.subset(range(max(0, len(self) - CAPACITY), len(self)))
            self.grown += 1

    def state(self) -> dict[str, Tensor]:
        """The pool, for the training state."""
        counts = torch.tensor([self.view, self.grown])
        return {"images": self.frames.images, "labels": self.frames.labels, "counts": counts}

    def load(self, state: dict[str, Tensor]) -> None:
        """Take back what `state` gave."""
        self.view, self.grown = state["counts"].tolist()
        self.frames = _painted(state["images"], state["labels"]).to(self.device)

    def _next(self) -> PaintedData:
        """The frames of the next view that is worth it."""
        frame = None
        while frame is None:
            frame = view_frame(view_at(self.view), self._stored, self.device)
            self.view += 1
        images = torch.from_numpy(to_pictures(frame.image.cpu())).permute(0, 3, 1, 2).contiguous()
        return _painted(images, frame.labels.cpu().byte()).to(self.device)


def _painted(images: Tensor, labels: Tensor) -> PaintedData:
    names = [f"landscape {i}" for i in range(len(images))]
    return PaintedData(images, labels, None, classes.palette(), names)


def _join(a: PaintedData, b: PaintedData) -> PaintedData:
    return _painted(torch.cat([a.images, b.images]), torch.cat([a.labels, b.labels]))
