"""Flights through the built-in world, with their geometry: what video models learn from."""

from __future__ import annotations

import torch
from torch import Tensor

from train.data.batches import Clip
from train.data.stored import Size
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
        shots.camera.position,
        shots.camera.yaw,
        shots.instances,
    )
