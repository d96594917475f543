"""The data that are there when no folder is given: the built-in world, rendered while the run goes on.

A run begins with a few views and gets a new one at fixed numbers of images, so that what it has seen depends
on nothing but the number of images: an interrupted run goes on with the same pictures. When the pool is full,
the oldest view makes room. Painters learn from the `Landscapes` here; the pools of translators are in
`train.data.unpaired` and `train.data.few_shot`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, Generic, Self, TypeVar

import torch
from torch import Tensor

from cgan.pictures import to_pictures
from train.data.batches import Painted
from train.data.painted import PaintedData
from train.data.protocol import B, Indices, Size
from train.data.stored import MARGIN, Stored
from train.log import tally
from train.world import classes
from train.world.render import Frame
from train.world.views import View, view_at, view_frame

START = 32  # frames before the first step
CAPACITY = 1024  # frames kept
EVERY = 48  # images of a run between two new views: under a tenth of its time, on a CPU and on a GPU
ASIDE = 24  # frames for validation, from worlds that no run reaches:
FAR_AWAY = 1_000_000  # the number of their first view


F = TypeVar("F", bound=Stored[Any])  # how the frames are stored


class Pool(Generic[F, B]):
    """Frames with the face of `Stored` data, which grow with `advance`. Its kinds say what a view gives.

    size: (height, width) of the crops; stored: that of the frames; `view`: the number of the next view to
    render; `first`: where it began; distinct: each view is shown but once, as validation wants: two frames of
    one view may differ by a few grey levels.
    """

    start: ClassVar[int] = START
    aside: ClassVar[int] = ASIDE
    every: ClassVar[int] = EVERY
    capacity: ClassVar[int] = CAPACITY

    def __init__(
        self,
        size: Size,
        first: int = 0,
        count: int | None = None,
        say: Callable[[str], None] = lambda line: None,
        distinct: bool = False,
    ):
        self.distinct = distinct
        count = self.start if count is None else count
        self.size, self.first, self.view, self.grown = size, first, first, 0
        self.device = torch.device("cpu")
        height, width = (4 * math.ceil(side * MARGIN / 4) for side in size)
        self.stored: Size = (height, width)
        self.say = say
        purpose = "for validation" if first >= FAR_AWAY else "to begin with"
        reached = tally(say, f"rendering {count} landscapes {purpose}", count)
        self.frames = self.next()
        while len(self) < count:
            reached(len(self))
            self._grow()

    def styled(self, view: View) -> View:
        """The view in all its styles, or, where frames are `distinct`, in the first."""
        return view._replace(styles=view.styles[:1]) if self.distinct else view

    # --- what each kind says

    def next(self) -> F:
        """Render the next view that is worth it, and move `view` on -> its frames."""
        raise NotImplementedError

    def made(self, **tensors: Tensor) -> F:
        """Frames of these tensors."""
        raise NotImplementedError

    def far(self, first: int, count: int) -> F:
        """`count` frames of other worlds, from the view `first` on."""
        raise NotImplementedError

    # --- the face of stored data

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def bytes(self) -> int:
        """The memory that the pool takes when it is full."""
        return self.frames.bytes * max(self.capacity, len(self)) // len(self)

    def to(self, device: torch.device | str) -> Self:
        """Keep and render the frames on `device` from now on."""
        self.device = torch.device(device)
        self.frames = self.frames.to(device)
        return self

    def batch(self, indices: Indices, seed: int, size: Size, augment: bool = True, row_offset: int = 0) -> B:
        """As the frames' own."""
        batch: B = self.frames.batch(indices, seed, size, augment, row_offset)
        return batch

    def split(self, fraction: float, seed: int = 0) -> tuple[Self, F]:
        """(this pool, frames of other worlds for validation), whatever the fraction."""
        return self, self.far(FAR_AWAY, self.aside)

    def advance(self, images: int) -> None:
        """Render what a run that has seen `images` should have, and drop what is too much."""
        while self.grown < images // self.every:
            self._grow()
            self.grown += 1

    def state(self) -> dict[str, Tensor]:
        """The pool, for the training state."""
        return self.frames.tensors() | {"counts": torch.tensor([self.view, self.grown])}

    def load(self, state: dict[str, Tensor]) -> None:
        """Take back what `state` gave."""
        self.view, self.grown = state["counts"].tolist()
        self.frames = self.made(**{k: v for k, v in state.items() if k != "counts"}).to(self.device)

    def _grow(self) -> None:
        """Add a view and keep the latest."""
        old, new = self.frames.tensors(), self.next().to(self.device).tensors()
        self.frames = self.made(**{name: torch.cat([old[name], new[name]])[-self.capacity :] for name in old})


class Landscapes(Pool[PaintedData, Painted]):
    """A pool of frames for painters, as `PaintedData`; with the numbers of things, if `instances` is true."""

    def __init__(self, size: Size, first: int = 0, instances: bool = False, **options: Any):
        self.palette, self.instances = classes.palette(), instances
        super().__init__(size, first, **options)

    def far(self, first: int, count: int) -> PaintedData:
        """Frames of other worlds."""
        return Landscapes(self.size, first, self.instances, count=count, distinct=True, say=self.say).frames

    def made(self, **tensors: Tensor) -> PaintedData:
        """Frames of these tensors."""
        names = [f"landscape {i}" for i in range(len(tensors["images"]))]
        images, labels, instances = tensors["images"], tensors["labels"], tensors.get("instances")
        return PaintedData(images, labels, instances, self.palette, names)

    def next(self) -> PaintedData:
        """The frames of the next view that is worth it."""
        frame = None
        while frame is None:
            frame = view_frame(self.styled(view_at(self.view)), self.stored, self.device)
            self.view += 1
        frames = self.made(images=stored_images(frame), labels=frame.labels.cpu().byte())
        return replace(frames, instances=frame.instances.cpu().int()) if self.instances else frames


def stored_images(frame: Frame) -> Tensor:
    """The images of a rendered frame as they are stored: uint8 (B, 3, H, W) on the CPU."""
    return torch.from_numpy(to_pictures(frame.image)).permute(0, 3, 1, 2).contiguous()
