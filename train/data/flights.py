"""Flights through the built-in world, with exact geometry: what video models learn from without a folder."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from train.data import folders
from train.data.batches import Clip, FewShotClip
from train.data.clips import LEAST, MOST_DEPTH, ClipData, Window, whole
from train.data.few_shot_clips import FewShotClipData
from train.data.folders import Say
from train.data.growing import F, Pool, stored_images
from train.data.protocol import B, Size
from train.world import classes
from train.world.flights import flight, intrinsics_of, pose_of, style_of
from train.world.noise import generator
from train.world.styles import Style
from train.world.views import VIEWS, world_of
from train.world.world import Flight, clip

SHOWN = 3  # other views of a subject's world


class Flown(Pool[F, B]):
    """A pool of flights, which grows while a run goes on; what is kept of them its kinds say.

    window: how many frames a sample has; length: those of a flight, at least as many; instances: whether the
    numbers of things are kept; count: flights to begin with. Some flights come back the way they went, as
    world-consistent models need. The pool's length is that of its frames.
    """

    start: ClassVar[int] = 8
    aside: ClassVar[int] = 4
    every: ClassVar[int] = 24
    capacity: ClassVar[int] = 128  # flights; in frames once they are as long as they will be
    source: ClassVar[str] = "labels"  # what label maps were made of
    shown: ClassVar[int] = 0  # further pictures that come with a flight

    def __init__(
        self,
        size: Size,
        first: int = 0,
        window: Window | None = None,
        count: int | None = None,
        length: int | None = None,
        instances: bool = False,
        **options: Any,
    ) -> None:
        self.window = window or Window()
        self.length = length or max(LEAST, self.window.most)
        if self.window.most > self.length:
            raise ValueError(f"flights of {self.length} frames cannot give clips of {self.window.most}")
        self.palette, self.instances = classes.palette(), instances
        self.capacity = type(self).capacity * self.each  # type: ignore[misc]
        super().__init__(size, first, (type(self).start if count is None else count) * self.each, **options)

    @property
    def each(self) -> int:
        """The frames that come with each view."""
        return self.length + self.shown

    @property
    def canvas(self) -> Size:
        """The (height, width) of the frames."""
        height, width = self.stored
        return height, width

    def far(self, first: int, count: int) -> F:
        """Flights over other worlds, all frames of which are shown."""
        far = type(self)(
            self.size, first, whole(self.window), count, self.length, self.instances, say=self.say
        )
        return far.frames

    def next(self) -> F:
        """The next flight that is worth it."""
        flown = None
        while flown is None:
            number = self.view
            flown = flight(number, self.length, self.canvas, self.device)
            self.view += 1
        tensors = self.kept(flown, number)
        return self.made(**{name: tensor.cpu() for name, tensor in tensors.items()})

    def kept(self, flown: Flight, number: int) -> dict[str, Tensor]:
        """The tensors of the flight with this number, as they are stored."""
        raise NotImplementedError

    def advance(self, images: int) -> None:
        """Show longer clips when the run has come so far, and render what it should have."""
        self.window.advance(images)
        super().advance(images)


class Flights(Flown[ClipData, Clip]):
    """Flights, as `ClipData`."""

    def made(self, **tensors: Any) -> ClipData:
        """Flights of these tensors."""
        count = len(tensors["images"]) // self.each
        names = tuple(f"flight {number}" for number in range(count))
        return ClipData(
            **tensors, lengths=(self.length,) * count, names=names, palette=self.palette, window=self.window
        )

    def kept(self, flown: Flight, number: int) -> dict[str, Tensor]:
        """A flight, with all that is known of it."""
        shots = flown.frames
        tensors = {
            "images": stored_images(shots),
            "labels": shots.labels.byte(),
            "flow": _with_first(flown.back).half(),
            "seen": _with_first(flown.seen_back).byte(),
            "depth": shots.depth.clamp(max=MOST_DEPTH).half(),
            "pose": pose_of(shots.camera).float(),
            "intrinsics": intrinsics_of(shots.camera, self.canvas).repeat(self.length, 1),
        }
        return tensors | ({"instances": shots.instances.int()} if self.instances else {})


class FewShotFlights(Flown[FewShotClipData, FewShotClip]):
    """Flights with other views of the same world in the same style: together they are a subject."""

    shown: ClassVar[int] = SHOWN

    def made(self, **tensors: Any) -> FewShotClipData:
        """Flights and views of these tensors."""
        count = len(tensors["images"]) // self.each
        return FewShotClipData(
            **tensors,
            lengths=(self.length, SHOWN) * count,
            names=("flight", "views") * count,
            palette=self.palette,
            window=self.window,
            subjects=tuple(number for number in range(count) for _ in range(2)),
            stills=(False, True) * count,
        )

    def kept(self, flown: Flight, number: int) -> dict[str, Tensor]:
        """The flight, then pictures from other places; what only world-consistent models need is left out."""
        world = world_of(number // VIEWS, self.device)
        cameras = [(number + 1 + i) % len(world.cameras) for i in range(SHOWN)]
        views = world.frame(world.cameras[cameras], style_of(number), self.canvas)
        none = torch.zeros(SHOWN, 2, *self.canvas, dtype=torch.float16)
        return {
            "images": torch.cat([stored_images(flown.frames), stored_images(views)]),
            "labels": torch.cat([flown.frames.labels, views.labels]).byte(),
            "flow": torch.cat([_with_first(flown.back).half().cpu(), none]),
            "seen": torch.cat([_with_first(flown.seen_back).byte().cpu(), none[:, :1].byte()]),
        }


def world_clips(
    size: Size, seed: int, window: Window, say: Say = folders.silent, instances: bool = False
) -> Flights:
    """The built-in world for video models: flights with exact flow, depth and camera."""
    return Flights(size, 10_000 * (seed % 100), window, instances=instances, say=say)


def few_shot_world_clips(size: Size, seed: int, window: Window, say: Say = folders.silent) -> FewShotFlights:
    """The built-in world for few-shot video models: a world in a style is a subject."""
    return FewShotFlights(size, 10_000 * (seed % 100), window, say=say)


def _with_first(motion: Tensor) -> Tensor:
    """(T - 1, …) with zeros for the first frame, which follows none."""
    return torch.cat([torch.zeros_like(motion[:1]), motion])


def clips(
    count: int, length: int, size: Size, first: int = 0, view: int = 0, device: torch.device | str = "cpu"
) -> Clip:
    """`count` flights of `length` frames, each from a view of a world in a drawn style.

    The views follow each other from number `view` on, counted from world `first`.
    """
    rows = []
    for number in range(view + first * VIEWS, view + first * VIEWS + count):
        world = world_of(number // VIEWS, device)
        turn = float(torch.rand(1, generator=generator(number + 13))) * 0.03 - 0.015
        path = world.path(number % len(world.cameras), length, step=4.0, turn=turn)
        rows.append(_clip(clip(world, path, length, Style.drawn(number), size)))
    return Clip(*(torch.stack(parts) for parts in zip(*rows, strict=True)))


def _clip(flight: Flight) -> tuple[Tensor, ...]:
    shots = flight.frames
    return (
        shots.labels,
        shots.image,
        flight.back,
        flight.seen_back,
        shots.depth,
        pose_of(shots.camera),
        intrinsics_of(shots.camera, (shots.image.shape[2], shots.image.shape[3])),
        shots.instances,
    )
