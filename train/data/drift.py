"""A camera that drifts over a still picture: clips for video models where there are only photographs.

The view of each frame is a part of the picture, between one drawn for the first frame and one for the last:
the camera comes nearer, goes away or turns. What moves where is known exactly, without optical flow. No
thing hides another, which only true films teach.
"""

from __future__ import annotations

import torch
from torch import Tensor

from train.data.protocol import Size

DRAWN = 6  # random numbers of a sample: scale, horizontal and vertical place of its first and last view
LARGEST = 0.3  # of the picture's sides: how much of it a clip's views may leave out


def views(count: int, rate: float, drawn: Tensor) -> Tensor:
    """Where `count` frames look, in the whole view's coordinates from -1 to 1: float64 (B, T, 3).

    Each is (scale s, x, y): a point u of the frame shows the point s u + (x, y) of the whole view. rate: how
    much narrower a view may become with each frame, as a share. drawn: (B, 6) in [0, 1).
    """
    most = min(rate * (count - 1), LARGEST)
    ends = drawn.double().view(-1, 2, 3)
    scale = 1 - most * ends[..., :1]
    ends = torch.cat([scale, (2 * ends[..., 1:] - 1) * (1 - scale)], 2)
    along = torch.linspace(0, 1, count, dtype=torch.float64).view(1, -1, 1)
    return torch.lerp(ends[:, :1], ends[:, 1:], along)


def through(theta: Tensor, seen: Tensor) -> Tensor:
    """The crops theta (B, 2, 3) seen through views (B, T, 3): (B, T, 2, 3)."""
    frames = theta[:, None].repeat(1, seen.shape[1], 1, 1)
    frames[..., 2] += (frames[..., :2] @ seen[..., 1:, None])[..., 0]
    frames[..., :2] *= seen[..., :1, None]
    return frames


def motion(seen: Tensor, size: Size) -> tuple[Tensor, Tensor]:
    """(flow (B, T - 1, 2, H, W), seen (B, T - 1, 1, H, W)) of views (B, T, 3), as a `Clip` has them.

    From each frame back to the one before, in pixels, and 1 where that one shows it.
    """
    height, width = size
    y = (torch.arange(height, dtype=torch.float64) * 2 + 1) / height - 1
    x = (torch.arange(width, dtype=torch.float64) * 2 + 1) / width - 1
    points = torch.stack(torch.meshgrid(x, y, indexing="xy"))  # (2, H, W)
    now, before = seen[:, 1:, :, None, None], seen[:, :-1, :, None, None]
    found = (now[:, :, :1] * points + now[:, :, 1:] - before[:, :, 1:]) / before[:, :, :1]
    inside = (found.abs() <= 1).all(2, keepdim=True)
    half = torch.tensor([width / 2, height / 2], dtype=torch.float64).view(2, 1, 1)
    return ((found - points) * half).float(), inside.float()
