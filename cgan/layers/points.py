"""A world of coloured points: what was painted once is seen again from wherever the camera goes.

Mallya, Wang, Sapra, Liu: World-Consistent Video-to-Video Synthesis, ECCV 2020 (section 3.1: guidance images;
section 3.2: the point cloud is coloured by what was painted first). There the points come from structure from
motion; here each frame's depth and camera make them, on the device.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

TOLERANCE = 0.03  # a point is hidden where it is farther than the surface by more than this share


class Place(NamedTuple):
    """Where a frame is seen from: depth (B, 1, H, W) in metres along the camera's axis, 0 where unknown; pose
    (B, 4, 4), camera to world; intrinsics (B, 4): fx, fy, cx, cy in pixels, the first pixel's middle at 0.5.
    """

    depth: Tensor
    pose: Tensor
    intrinsics: Tensor


class Points(NamedTuple):
    """N points of each of B worlds, in the order in which they were painted.

    position (B, N, 3) in metres; colour (B, N, 3) in [-1, 1]; there (B, N): 1, or 0 for a place not in use.
    """

    position: Tensor
    colour: Tensor
    there: Tensor


def no_points(place: Place) -> Points:
    """A world without points."""
    empty = place.depth.new_zeros(len(place.depth), 0, 3)
    return Points(empty, empty, empty[..., 0])


def lift(place: Place) -> tuple[Tensor, Tensor]:
    """The points (B, H W, 3) that a frame's pixels show, and which of them there are (B, H W)."""
    height, width = place.depth.shape[2:]
    depth = place.depth.flatten(1)
    row = torch.arange(height, device=depth.device).repeat_interleave(width) + 0.5
    column = torch.arange(width, device=depth.device).repeat(height) + 0.5
    fx, fy, cx, cy = place.intrinsics[:, :, None].unbind(1)
    camera = torch.stack([(column - cx) / fx * depth, (row - cy) / fy * depth, depth], 2)
    world = camera @ place.pose[:, :3, :3].transpose(1, 2) + place.pose[:, None, :3, 3]
    return world, (depth > 0).to(depth.dtype)


def project(points: Points, place: Place) -> tuple[Tensor, Tensor]:
    """The pixel (B, N) that each point falls on, counted row by row (H W for none), and its depth (B, N)."""
    height, width = place.depth.shape[2:]
    seen = (points.position - place.pose[:, None, :3, 3]) @ place.pose[:, :3, :3]  # its inverse is transposed
    depth = seen[..., 2]
    ahead = depth.clamp(min=1e-3)
    fx, fy, cx, cy = place.intrinsics[:, :, None].unbind(1)
    column = (seen[..., 0] / ahead * fx + cx).floor()
    row = (seen[..., 1] / ahead * fy + cy).floor()
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    inside &= (depth > 1e-3) & (points.there > 0)
    pixel = (row.clamp(0, height - 1) * width + column.clamp(0, width - 1)).long()
    return torch.where(inside, pixel, height * width), depth


def render(points: Points, place: Place) -> tuple[Tensor, Tensor]:
    """The points as seen from `place`: colours (B, 3, H, W), 0 where there are none, and where there are some
    (B, 1, H, W).

    A z-buffer: on each pixel the nearest point wins, and of equally near ones the first painted. A point that
    lies behind what the frame's depth shows is hidden.
    """
    batch, _, height, width = place.depth.shape
    pixel, depth = project(points, place)
    surface = torch.cat([place.depth.flatten(1), place.depth.new_zeros(batch, 1)], 1).gather(1, pixel)
    hidden = (surface > 0) & (depth > surface * (1 + TOLERANCE))
    pixel = torch.where(hidden, height * width, pixel)
    nearest = depth.new_full((batch, height * width + 1), float("inf"))
    nearest.scatter_reduce_(1, pixel, depth, "amin")
    count = points.position.shape[1]
    order = torch.arange(count, device=depth.device).expand(batch, -1)
    wins = depth <= nearest.gather(1, pixel)
    first = pixel.new_full((batch, height * width + 1), count)
    first.scatter_reduce_(1, torch.where(wins, pixel, height * width), order, "amin")
    first = first[:, :-1]
    covered = (first < count) & (nearest[:, :-1] < float("inf"))
    colours = torch.cat([points.colour, points.colour.new_zeros(batch, 1, 3)], 1)
    chosen = torch.where(covered, first, count)[:, :, None].expand(-1, -1, 3)
    image = colours.gather(1, chosen).transpose(1, 2)
    return image.reshape(batch, 3, height, width), covered.to(depth.dtype).view(batch, 1, height, width)


def grown(points: Points, image: Tensor, covered: Tensor, place: Place, limit: int) -> Points:
    """The points, and those of a frame's pixels that were not `covered` yet, in the frame's colours.

    image (B, 3, H, W); covered (B, 1, H, W). Where there would be more than `limit` points, the oldest go.
    """
    position, there = lift(place)
    there = there * (1 - covered.flatten(1))
    colour = image.flatten(2).transpose(1, 2).to(position.dtype)
    parts = zip(points, (position, colour, there), strict=True)
    together = Points(*(torch.cat([old, new], 1) for old, new in parts))
    if len(there) == 1:
        together = Points(*(part[:, together.there[0] > 0] for part in together))
    if together.there.shape[1] <= limit:
        return together
    # those in use to the end, in their order; the cut takes empty places first, then the oldest
    order = together.there.argsort(dim=1, stable=True)[:, -limit:]
    kept = order[:, :, None].expand(-1, -1, 3)
    return Points(
        together.position.gather(1, kept), together.colour.gather(1, kept), together.there.gather(1, order)
    )
