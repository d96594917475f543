"""Flights through the built-in world, with their geometry: what video models learn from."""

from __future__ import annotations

import torch
from torch import Tensor

from train.data.batches import Clip
from train.data.stored import Size
from train.world.camera import Camera
from train.world.noise import generator
from train.world.styles import Style
from train.world.views import VIEWS, world_of
from train.world.world import Flight, clip


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
        intrinsics_of(shots.camera, shots.image.shape[2:]),
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
