"""Label maps at another size, with smooth borders.

A map of 192 pixels has stairs along its borders; repeated pixels would make them large, and a model paints
what it is shown. So each class is spread a little and interpolated, and a pixel takes the class that is
strongest there. What is as thin as a lamp post would be lost that way: it is interpolated without spreading.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from cgan.layers.instances import components

SPREAD = 1.2  # standard deviation in pixels of the map: stairs vanish, and what is 3 pixels wide stays
THIN = np.ones((3, 3), np.uint8)  # where this has no room, a class is thin


def long_side(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """The (H, W) of something of `shape` (H, W, …) when its longer side has `side` pixels."""
    height, width = shape[:2]
    scale = side / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def resized(labels: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Labels, uint8 (h, w), at `shape` (H, W): larger with smooth borders, smaller by what covers most.

    The time is that of two pictures for each class in the map; the memory that of six, whatever the classes.
    """
    if labels.shape == shape:
        return labels.copy()
    if shape[0] < labels.shape[0]:
        return _strongest(labels, shape, cv2.INTER_AREA, 0)
    smooth = _strongest(labels, shape, cv2.INTER_LINEAR, SPREAD)
    thin = _thin(labels)
    if not thin.any():
        return smooth
    near = cv2.resize(thin.astype(np.float32), shape[::-1], interpolation=cv2.INTER_LINEAR) > 0.5
    return np.where(near, _strongest(labels, shape, cv2.INTER_LINEAR, 0), smooth)


def moved(labels: NDArray[np.uint8], place: tuple[int, int], shape: tuple[int, int]) -> tuple[int, int]:
    """Where the thing at `place` (row, column) is once the labels (h, w) have `shape`: its middle."""
    parts = components(labels)
    thing = np.pad((parts == parts[place]).astype(np.uint8), 1)
    inside = cv2.distanceTransform(thing, cv2.DIST_L2, 3)[1:-1, 1:-1]
    row, column = np.unravel_index(inside.argmax(), labels.shape)
    (height, width), (new_height, new_width) = labels.shape, shape
    return int((row + 0.5) * new_height / height), int((column + 0.5) * new_width / width)


def _strongest(
    labels: NDArray[np.uint8], shape: tuple[int, int], how: int, spread: float
) -> NDArray[np.uint8]:
    """The class that has most of each new pixel, one class after the other: uint8 of `shape`."""
    best = np.full(shape, -1, np.float32)
    ids = np.zeros(shape, np.uint8)
    for label in np.unique(labels):
        there = (labels == label).astype(np.float32)
        if spread:
            there = cv2.GaussianBlur(there, (0, 0), spread, borderType=cv2.BORDER_REPLICATE)
        score = cv2.resize(there, shape[::-1], interpolation=how)
        stronger = score > best
        best[stronger], ids[stronger] = score[stronger], label
    return ids


def _thin(labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where a class is less than 3 pixels wide: bool (h, w)."""
    thin = np.zeros(labels.shape, bool)
    for label in np.unique(labels):
        there = (labels == label).astype(np.uint8)
        thin |= cv2.morphologyEx(there, cv2.MORPH_OPEN, THIN, borderType=cv2.BORDER_REPLICATE) < there
    return thin
