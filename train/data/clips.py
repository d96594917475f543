"""Flights through the built-in world, with their geometry: what video models learn from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cgan.errors import DataError
from train.data.batches import Clip
from train.data.folders import Say, silent
from train.data.stored import Size
from train.world.camera import Camera
from train.world.noise import generator
from train.world.styles import Style
from train.world.views import VIEWS, world_of
from train.world.world import Flight, clip


@dataclass
class Window:
    """How many frames a batch's clips have: `frames`, which data and their parts share.

    It is `first` and doubles after every `every` samples of a run, up to `most`; with 0 it is `first` always.
    """

    first: int = 4
    every: int = 0
    most: int = 16
    frames: int = 0

    def __post_init__(self) -> None:
        self.advance(0)

    def advance(self, samples: int) -> None:
        """Be as long as after so many samples of a run."""
        doublings = min(samples // self.every, 10) if self.every else 0
        self.frames = min(self.most, self.first * 2**doublings)


def whole(window: Window) -> Window:
    """One that has grown already, for validation."""
    return Window(window.most, 0, window.most)


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


def read_few_shot_clips(folder: Path, size: Size, window: Window, say: Say = silent) -> Any:
    """Read and check what few-shot video models learn from: for now, sheets of characters."""
    from train.data.sprites import read_sprites  # which needs Window

    return read_sprites(folder, size, window, say)


def read_clips(folder: Path, size: Size, window: Window, say: Say = silent) -> Any:
    """Read and check label videos with their pictures: not yet."""
    raise DataError(f"{folder}: folders of clips cannot be read yet; leave --data out for the built-in world")
