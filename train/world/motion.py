"""Exact optical flow and visibility between two cameras' frames, from depth."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

from train.world.camera import Camera


def flow(depth: Tensor, camera: Camera, other: Camera) -> Tensor:
    """Where each pixel of `camera`'s frame is in `other`'s: (B, 2, H, W) in pixels, right and down.

    `depth` (B, 1, H, W) in metres along the view axis, as `Frame` has it.
    """
    moved, _ = _moved(depth, camera, other)
    height, width = depth.shape[2:]
    u = torch.arange(width, device=depth.device) + 0.5
    v = torch.arange(height, device=depth.device) + 0.5
    return torch.stack([moved[0] - u, moved[1] - v[:, None]], 1)


def _moved(depth: Tensor, camera: Camera, other: Camera) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Column and row (B, H, W) in `other`'s frame of what `camera` sees, and its depth there."""
    height, width = depth.shape[2:]
    point = camera.rays(height, width) * depth[:, 0, ..., None] + camera.position[:, None, None]
    column, row, ahead = other.project(point[..., 0], point[..., 1], point[..., 2], height, width)
    return (column, row), ahead


def warp(image: Tensor, motion: Tensor, mode: str = "bilinear") -> Tensor:
    """Fetch `image` (B, C, H, W) of the other frame along `motion` (B, 2, H, W): this frame, as far as it is
    visible.
    """
    height, width = motion.shape[2:]
    u = torch.arange(width, device=motion.device) + 0.5 + motion[:, 0]
    v = (torch.arange(height, device=motion.device) + 0.5)[:, None] + motion[:, 1]
    grid = torch.stack([u / width, v / height], -1) * 2 - 1
    return functional.grid_sample(image, grid, mode=mode, padding_mode="border", align_corners=False)


def visibility(
    depth: Tensor, other_depth: Tensor, camera: Camera, other: Camera, tolerance: float = 0.03
) -> Tensor:
    """1 where a pixel of `camera`'s frame is seen in `other`'s too, 0 where it is hidden or outside: (B, 1,
    H, W).

    A point is hidden where the other frame is nearer by more than `tolerance` of its depth.
    """
    (column, row), ahead = _moved(depth, camera, other)
    height, width = depth.shape[2:]
    inside = (column > 0) & (column < width) & (row > 0) & (row < height) & (ahead > 0)
    # compare inverse depths: these are linear in the picture on planes, so that interpolation is right
    found = 1 / warp(1 / other_depth, flow(depth, camera, other))[:, 0]
    seen = (found - ahead).abs() < tolerance * ahead.abs() + 0.5
    far = (depth[:, 0] > 1e5) & (found > 1e4)
    return (inside & (seen | far)).float()[:, None]
