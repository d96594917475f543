"""Flights: where the camera goes in a clip of the built-in world, and what it is like there."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from train.world.camera import Camera
from train.world.noise import generator
from train.world.styles import Style
from train.world.views import STYLES_A_VIEW, VIEWS, Size, View, kept, world_of
from train.world.world import Flight, clip

LEAST_STEP, MOST_STEP = 1.0, 4.0  # metres a frame
TURN = 0.015  # radians a frame, at most, to either side
RETURNING = 4  # one flight of so many turns round half-way and comes back as it went
GLANCE = (32, 32)  # the size at which a view is looked at before it is flown through


def style_of(number: int) -> Style:
    """The style of the flight with this number."""
    return Style.drawn(number * STYLES_A_VIEW)


def flight(
    number: int, length: int, size: Size, device: torch.device | str = "cpu", supersampling: int = 2
) -> Flight | None:
    """The flight with this number, from a view of a world in a drawn style; None where the view is dull."""
    world = world_of(number // VIEWS, device)
    if number % VIEWS >= len(world.cameras):
        return None
    style = style_of(number)
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
