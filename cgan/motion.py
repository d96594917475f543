"""Optical flow between two pictures, and how far it can be trusted: OpenCV's DIS (Kroeger et al., 2016).

No weights are needed. A flow is float32 (H, W, 2) in pixels, right and down: what is at a pixel of the first
picture is there, moved by it, in the second.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 192  # pixels: smaller pictures are enlarged, so that the smallest patches fit what moves
LARGEST = 640  # larger ones are reduced: twice the pixels cost twice the time and add little
TOLERANCE, SHARE = (
    0.5,
    0.01,
)  # there and back may miss by so many square pixels, and by this share of the flows

Picture = NDArray[np.uint8]
Flow = NDArray[np.float32]


def flow(picture: Picture, other: Picture) -> Flow:
    """Where each pixel of `picture` is in `other`; both uint8 (H, W, 3) of one size."""
    height, width = picture.shape[:2]
    scale = max(SIDE / min(height, width), 1.0) if min(height, width) < SIDE else 1.0
    scale = min(scale, LARGEST / max(height, width)) if max(height, width) * scale > LARGEST else scale
    size = (max(16, round(width * scale)), max(16, round(height * scale)))
    grey, other_grey = (_grey(it, size) for it in (picture, other))
    found = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(
        grey, other_grey, np.zeros((*grey.shape, 2), np.float32)
    )
    if size != (width, height):
        found = cv2.resize(
            found, (width, height), interpolation=cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
        )
        found *= np.array([width / size[0], height / size[1]], np.float32)
    return np.asarray(found, np.float32)


def _grey(picture: Picture, size: tuple[int, int]) -> Picture:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    if size != grey.shape[::-1]:
        grey = cv2.resize(
            grey, size, interpolation=cv2.INTER_LINEAR if size[0] > grey.shape[1] else cv2.INTER_AREA
        )
    return np.asarray(grey, np.uint8)


def agreement(there: Flow, back: Flow) -> NDArray[np.bool_]:
    """Where the flow `there` can be trusted, (H, W): `back`, at its end, leads to where it began.

    False where the other picture hides the place or does not reach so far.
    """
    height, width = there.shape[:2]
    ends = positions(there)
    returned = fetched(back, ends)
    missed = ((there + returned) ** 2).sum(2)
    lengths = (there**2).sum(2) + (returned**2).sum(2)
    x, y = ends[..., 0], ends[..., 1]
    inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    return np.asarray(inside & (missed < TOLERANCE + SHARE * lengths))


def positions(motion: Flow) -> Flow:
    """Where each pixel ends up, (H, W, 2): column and row, the first pixel's middle at 0."""
    rows, columns = np.indices(motion.shape[:2], np.float32)
    return np.asarray(motion + np.stack([columns, rows], 2), np.float32)


def fetched(values: NDArray[np.float32], places: Flow) -> NDArray[np.float32]:
    """What float32 `values` (H, W) or (H, W, C) have at `places` (H, W, 2), between pixels too."""
    x, y = (np.ascontiguousarray(places[..., axis]) for axis in (0, 1))
    found = cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32)
