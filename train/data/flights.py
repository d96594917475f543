"""Flights through the built-in world, with exact geometry: what video models learn from without a folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor

from train.data import folders
from train.data.batches import Clip
from train.data.clips import MOST_DEPTH, ClipData, Window
from train.data.folders import Say
from train.data.growing import CAPACITY, Pool, stored_images
from train.data.stored import Size
from train.world import classes
from train.world.camera import Camera
from train.world.noise import generator
from train.world.styles import Style
from train.world.views import STYLES_A_VIEW, VIEWS, View, kept, world_of
from train.world.world import Flight, clip

LENGTH = 16  # frames of a flight
LEAST_STEP, MOST_STEP = 1.0, 4.0  # metres a frame
TURN = 0.015  # radians a frame, at most, to either side
RETURNING = 4  # one flight of so many turns round half-way and comes back as it went
GLANCE = (32, 32)  # the size at which a view is looked at before it is flown through


class Flights(Pool):
    """A pool of flights, as `ClipData`, which grows while a run goes on.

    length: frames of a flight; window: how many of them a sample has; instances: whether the numbers of
    things are kept. Some flights come back the way they went, as world-consistent models need.
    """

    start, aside, every = 8 * LENGTH, 4 * LENGTH, 96

    def __init__(
        self,
        size: Size,
        first: int = 0,
        length: int = LENGTH,
        window: Window | None = None,
        instances: bool = False,
        **options: Any,
    ) -> None:
        self.window = window or Window(most=length)
        if self.window.most > length:
            raise ValueError(f"flights of {length} frames cannot give clips of {self.window.most}")
        self.palette, self.length, self.instances = classes.palette(), length, instances
        super().__init__(size, first, **options)

    @property
    def canvas(self) -> Size:
        """The (height, width) of the frames."""
        height, width = self.stored
        return height, width

    def far(self, first: int, count: int) -> ClipData:
        """Flights through other worlds, whose window does not grow."""
        window = Window(self.window.first, 0, self.window.most)
        flown = Flights(self.size, first, self.length, window, self.instances, count=count)
        return cast(ClipData, flown.frames)

    def made(self, **tensors: Any) -> ClipData:
        """Flights of these tensors."""
        count = len(tensors["images"]) // self.length
        names = tuple(f"flight {number}" for number in range(count))
        return ClipData(
            **tensors, lengths=(self.length,) * count, names=names, palette=self.palette, window=self.window
        )

    def next(self) -> ClipData:
        """The next flight that is worth it."""
        flown = None
        while flown is None:
            flown = flight(self.view, self.length, self.canvas, self.device)
            self.view += 1
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
        if self.instances:
            tensors["instances"] = shots.instances.int()
        return self.made(**{name: tensor.cpu() for name, tensor in tensors.items()})

    def advance(self, images: int) -> None:
        """Let the pool and the window grow as a run of so many samples should have them."""
        self.window.advance(images)
        super().advance(images)

    def _grow(self) -> None:
        """Add a flight and keep the latest, each whole."""
        super()._grow()
        most = max(CAPACITY // self.length, 1) * self.length
        if len(self) % self.length or len(self) > most:
            tensors = self.frames.tensors()
            keep = min(len(self) // self.length * self.length, most)
            self.frames = self.made(**{name: tensor[-keep:] for name, tensor in tensors.items()})


def world_clips(
    size: Size,
    seed: int = 0,
    window: Window | None = None,
    length: int = LENGTH,
    instances: bool = False,
    say: Say = folders.silent,
) -> Flights:
    """The built-in world for video models: flights of `length` frames, with flow, depth and camera."""
    return Flights(size, 10_000 * (seed % 100), length, window, instances, say=say)


def flight(
    number: int, length: int, size: Size, device: torch.device | str = "cpu", supersampling: int = 2
) -> Flight | None:
    """The flight with this number, from a view of a world in a drawn style; None where the view is dull."""
    world = world_of(number // VIEWS, device)
    if number % VIEWS >= len(world.cameras):
        return None
    style = Style.drawn(number * STYLES_A_VIEW)
    path = route(world.path, number, length)
    glance = world.frame(path[0], style, GLANCE, supersampling=1)
    if not kept(glance.labels[0], View(number // VIEWS, number % VIEWS, (style,))):
        return None
    return clip(world, path, length, style, size, supersampling)


def route(path: Callable[..., Camera], number: int, length: int) -> Camera:
    """The cameras of a flight: `path` is a world's, `number` decides on speed, turn and return."""
    speed, turn = torch.rand(2, generator=generator(number * 7 + 13)).tolist()
    step = LEAST_STEP + speed * (MOST_STEP - LEAST_STEP)
    there = path(number % VIEWS, length, step=step, turn=(2 * turn - 1) * TURN)
    if number % RETURNING != RETURNING - 1:
        return there
    half = (length + 1) // 2
    return there[[min(place, length - 1 - place) for place in range(length)] if half > 1 else [0] * length]


def _with_first(motion: Tensor) -> Tensor:
    """(T - 1, …) with zeros for the first frame, which follows none."""
    return torch.cat([torch.zeros_like(motion[:1]), motion])


def clips(count: int, length: int, size: Size, first: int = 0, device: torch.device | str = "cpu") -> Clip:
    """`count` flights of `length` frames, each through a view of a world in a drawn style."""
    rows = []
    for number in range(count):
        world = world_of(first + number // VIEWS, device)
        turn = float(torch.rand(1, generator=generator(number + 13))) * 0.03 - 0.015
        path = world.path(number % len(world.cameras), length, step=4.0, turn=turn)
        rows.append(_clip(clip(world, path, length, Style.drawn(first * VIEWS + number), size)))
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


def pose_of(camera: Camera) -> Tensor:
    """Camera-to-world matrices (B, 4, 4) of the world's cameras.

    The camera's axes point to the right, down and ahead, the world's east, down and north (its own points up,
    which would make a mirror of the rotation).
    """
    sin, cos = camera.yaw.sin(), camera.yaw.cos()
    zero, one = torch.zeros_like(sin), torch.ones_like(sin)
    x, y, z = camera.position.unbind(-1)
    rows = [[cos, zero, sin, x], [zero, one, zero, -y], [-sin, zero, cos, z], [zero, zero, zero, one]]
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def intrinsics_of(camera: Camera, size: Size) -> Tensor:
    """(fx, fy, cx, cy) in pixels of pictures of `size`: the horizon's height is the principal point's."""
    focal = camera.focal * size[1]
    return torch.tensor(
        [focal, focal, size[1] / 2, camera.horizon * size[0]], device=camera.yaw.device
    ).float()
