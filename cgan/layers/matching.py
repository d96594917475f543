"""A first guess of optical flow, without weights: Lucas and Kanade's, from coarse to fine.

Lucas, Kanade: An Iterative Image Registration Technique, IJCAI 1981; Bouguet: Pyramidal Implementation of the
Lucas Kanade Feature Tracker, 2000. A network learns to match pictures only from far more films than there
are: those of this package had learnt to answer 0. What it is given here it only has to correct.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from cgan.layers.flow import warp

LEAST = 8  # pixels of the coarsest scale's shorter side
WINDOW = 11  # pixels: the neighbourhood that moves as one
ROUNDS = 2  # steps at each scale
RIDGE = 1e-2  # squared slopes: what has less of a pattern stays where the coarser scale put it
FARTHEST = 1.0  # pixels that a step may go


@torch.no_grad()
def matched(now: Tensor, before: Tensor) -> Tensor:
    """Where each pixel of `now` is in `before`, both (B, channels, H, W): (B, 2, H, W) in pixels, fp32.

    Found at half the size, as sums over all channels; a constant for what learns.
    """
    with torch.autocast(now.device.type, enabled=False):
        scales = [(F.avg_pool2d(now.float(), 2), F.avg_pool2d(before.float(), 2))]
        while min(scales[-1][0].shape[2:]) // 2 >= LEAST:
            scales.append((F.avg_pool2d(scales[-1][0], 2), F.avg_pool2d(scales[-1][1], 2)))
        flow = torch.zeros_like(scales[-1][0][:, :2])
        for late, early in reversed(scales):
            flow = refined(late, early, resized_flow(flow, late.shape[2:]))
        return resized_flow(flow, now.shape[2:])


def refined(now: Tensor, before: Tensor, flow: Tensor) -> Tensor:
    """A better flow at this scale: where there is little to see, that of the neighbours with more."""
    padded = F.pad(now, (1, 1, 1, 1), mode="replicate")
    across = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    down = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    products = ((across * across).sum(1), (across * down).sum(1), (down * down).sum(1))
    xx, xy, yy = _mean(torch.stack(products, 1)).unbind(1)
    pattern = (xx + yy + RIDGE / 4)[:, None]
    xx, yy = xx + RIDGE, yy + RIDGE
    for _ in range(ROUNDS):
        apart = warp(before, flow) - now
        x, y = _mean(torch.stack([(across * apart).sum(1), (down * apart).sum(1)], 1)).unbind(1)
        step = torch.stack([xy * y - yy * x, xy * x - xx * y], 1) / (xx * yy - xy * xy)[:, None]
        flow = flow + step.clamp(-FARTHEST, FARTHEST)
    return _mean(flow * pattern) / _mean(pattern)


def _mean(x: Tensor) -> Tensor:
    """Over the window around each pixel, as far as it lies in the frame."""
    return F.avg_pool2d(x, WINDOW, 1, WINDOW // 2, count_include_pad=False)


def resized_flow(flow: Tensor, size: torch.Size) -> Tensor:
    """Flow of another size, in its pixels."""
    tall, wide = flow.shape[2:]
    if (tall, wide) == tuple(size):
        return flow
    x, y = F.interpolate(flow, size=size, mode="bilinear").unbind(1)
    return torch.stack([x * (size[1] / wide), y * (size[0] / tall)], 1)  # an odd side is no twice its half
