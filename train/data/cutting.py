"""Photographs of one thing each are cut out on white, as shops show what they sell.

GrabCut (Rother, Kolmogorov, Blake: "GrabCut": Interactive Foreground Extraction Using Iterated Graph Cuts,
SIGGRAPH 2004) parts a picture by its colours into a ground, which the border is sure to be, and a thing in
the middle. Whether that went well is told by what came of it, and doubtful pictures are given up.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 128  # pixels of the short side while cutting
BORDER = 0.03  # of the short side: certainly ground; up to
DOUBT = 0.08  # of it: probably
ROUNDS = 4  # of fitting colours and cutting
LEAST, MOST = 0.1, 0.75  # the share of the picture that a thing takes
TOUCHING = 0.06  # the share of the border that it may run along
STRAY = 0.1  # what may lie apart from it, as a share of all that is no ground
CONTRAST = 15.0  # units of Lab: how much the ground along the outline must differ from the thing
HOLE = 0.02  # the share of the picture below which a hole is none
WHITE = 250  # grey levels from which paper is nothing else
ROOM = (0.6, 0.97)  # the share of a square's side that a thing takes

Mask = NDArray[np.bool_]


def cut_out(picture: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """The thing in a photograph, uint8 (H, W, 3), on white, as large; None where it cannot be told.

    The same picture always gives the same.
    """
    height, width = picture.shape[:2]
    scale = SIDE / min(height, width)
    if max(height, width) * scale > 4 * SIDE:  # a strip
        return None
    size = (round(width * scale), round(height * scale))
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    thing = _largest(_grabbed(small))
    if thing is None or not _certain(small, thing):
        return None
    share = cv2.resize(thing.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    soft = cv2.GaussianBlur(share, (0, 0), 0.8)
    cover = ((soft - 0.5) * 3 + 0.5).clip(0, 1)[..., None]  # an edge of about a pixel
    return np.asarray((picture * cover + 255 * (1 - cover)).round(), np.uint8)


def on_square(picture: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """What is not white in a picture (H, W, 3), on a white square: `seed` draws how much room is around it.

    Whoever draws leaves some, and photographs hardly do: a network that never saw any painted it like cloth.
    """
    dark = picture.min(2) < WHITE
    rows, columns = (np.flatnonzero(dark.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return picture
    thing = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    share, *place = np.random.default_rng(seed).uniform([ROOM[0], 0, 0], [ROOM[1], 1, 1])
    side = round(max(thing.shape[:2]) / share)
    top, left = (round((side - length) * at) for length, at in zip(thing.shape[:2], place, strict=True))
    square = np.full((side, side, 3), 255, np.uint8)
    square[top : top + thing.shape[0], left : left + thing.shape[1]] = thing
    return square


def _margin(shape: Sequence[int], share: float) -> int:
    """So much of the short side of a picture of `shape` = (height, width, …), in pixels."""
    return max(2, round(min(shape[:2]) * share))


def _grabbed(picture: NDArray[np.uint8]) -> Mask:
    """What is no ground, bool (H, W)."""
    mask = np.full(picture.shape[:2], cv2.GC_BGD, np.uint8)
    for share, kind in ((BORDER, cv2.GC_PR_BGD), (DOUBT, cv2.GC_PR_FGD)):
        margin = _margin(picture.shape, share)
        mask[margin:-margin, margin:-margin] = kind
    cv2.setRNGSeed(0)
    calm = cv2.bilateralFilter(picture, 7, 30, 5)
    models = np.zeros((1, 65)), np.zeros((1, 65))  # of the colours: filled by it
    cv2.grabCut(calm, mask, (0, 0, 0, 0), *models, ROUNDS, cv2.GC_INIT_WITH_MASK)  # writes into the mask
    kept = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    opened = cv2.morphologyEx(kept, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return np.asarray(cv2.morphologyEx(opened, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)) > 0)


def _largest(mask: Mask) -> Mask | None:
    """The largest piece, its small holes filled; None where much lies apart from it, or nothing is there."""
    count, names, facts, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return None
    areas = facts[1:, cv2.CC_STAT_AREA]
    if areas.max() < (1 - STRAY) * areas.sum():
        return None
    thing = np.asarray(names == 1 + areas.argmax())
    count, names, facts, _ = cv2.connectedComponentsWithStats((~thing).astype(np.uint8), connectivity=4)
    small = [name for name in range(1, count) if facts[name, cv2.CC_STAT_AREA] < HOLE * mask.size]
    return np.asarray(thing | np.isin(names, small))


def _certain(picture: NDArray[np.uint8], thing: Mask) -> bool:
    """Whether the size, the place and the outline are those of one thing in the middle."""
    edge = _margin(thing.shape, BORDER)
    border = np.concatenate([thing[edge], thing[-edge - 1], thing[:, edge], thing[:, -edge - 1]])
    if not LEAST <= thing.mean() <= MOST or border.mean() > TOUCHING:
        return False
    whole, kernel = thing.astype(np.uint8), np.ones((5, 5), np.uint8)
    inside = thing & (cv2.erode(whole, kernel) == 0)
    outside = ~thing & (cv2.dilate(whole, kernel) > 0)
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return bool(np.linalg.norm(lab[inside].mean(0) - lab[outside].mean(0)) >= CONTRAST)
