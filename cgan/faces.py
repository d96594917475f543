"""Faces as 68 landmarks become label maps: curves through the points, a class for each part of the face.

A file is JSON of one frame: a list of 68 [x, y] in pixels, in dlib's order (jaw, brows, nose, eyes, lips).
The points show no forehead: the jaw, mirrored, closes the contour. `Reshaper` moves one person's face as
another's moves, so that a driving clip need not show the same person (few-shot vid2vid).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cgan.errors import DataError
from cgan.labels import Label, Palette
from cgan.poses import FARTHEST, Box, Points, polyline, read_json

LANDMARKS = 68
# name: its points (the right is the person's own), whether the curve is closed, colour
PARTS: dict[str, tuple[range, bool, str]] = {
    "jaw": (range(17), False, "#e8b088"),
    "right brow": (range(17, 22), False, "#d04030"),
    "left brow": (range(22, 27), False, "#3060d0"),
    "nose ridge": (range(27, 31), False, "#40b060"),
    "nostrils": (range(31, 36), False, "#208048"),
    "right eye": (range(36, 42), True, "#f09030"),
    "left eye": (range(42, 48), True, "#30b0f0"),
    "outer lips": (range(48, 60), True, "#c02080"),
    "inner lips": (range(60, 68), True, "#f070b0"),
}
CLASSES = ("background", *PARTS, "forehead")
FOREHEAD_ID = len(CLASSES) - 1
FOREHEAD = 2 / 3  # of the jaw's depth: foreheads are lower
# What moves as one when a face is re-shaped.
GROUPS = (
    range(17),
    range(17, 22),
    range(22, 27),
    range(27, 36),
    range(36, 42),
    range(42, 48),
    range(48, 68),
)
SMOOTHNESS = 8  # straight pieces between two points
WIDTH = 1 / 128  # of the picture's short side
MOMENTUM = 0.9  # of the ratios, from frame to frame
STEADY = 5  # frames whose median is taken
MOST = 3.0  # times that a part may be stretched, or shrunk


def read_landmarks(source: Path | bytes, name: str | None = None) -> Points:
    """The landmarks of a frame, float (68, 2) in pixels.

    `name`: what messages call the file. Raises `DataError` for anything but a list of 68 [x, y].
    """
    name = name or (source.name if isinstance(source, Path) else "the landmarks")
    found = read_json(source, name)
    if not isinstance(found, list) or len(found) != LANDMARKS:
        there = f"{len(found)} entries" if isinstance(found, list) else type(found).__name__
        raise DataError(f"{name} must be a list of {LANDMARKS} points [x, y], not {there}")
    for number, point in enumerate(found):
        is_point = isinstance(point, list) and len(point) == 2
        if not is_point or not all(type(part) in (int, float) and abs(part) < FARTHEST for part in point):
            raise DataError(f"{name}: point {number} must be [x, y] in pixels, not {str(point)[:40]}")
    return np.array(found, np.float64)


def palette() -> Palette:
    """The classes: background, the parts of the face, the forehead."""
    colours = ["#000000", *(colour for _, _, colour in PARTS.values()), "#a07850"]
    return Palette(tuple(Label(id, CLASSES[id], colour) for id, colour in enumerate(colours)))


def draw(points: Points, size: tuple[int, int], box: Box) -> NDArray[np.uint8]:
    """The label map, uint8 (H, W) of `size`, of what `box` of the frame shows of a face, (68, 2)."""
    labels = np.zeros(size, np.uint8)
    width = max(1, round(min(size) * WIDTH))
    polyline(labels, curve(forehead(points)), FOREHEAD_ID, width, box)
    for id, (part, closed, _) in enumerate(PARTS.values(), 1):
        polyline(labels, curve(points[list(part)], closed), id, width, box)
    return labels


def forehead(points: Points) -> Points:
    """The jaw (17, 2) mirrored at the line between its ends, and made lower: where the face ends above."""
    jaw = points[:17]
    along = jaw[-1] - jaw[0]
    length = float(np.linalg.norm(along))
    if length < 1e-6:
        return jaw
    across = np.array([-along[1], along[0]]) / length
    return np.asarray(jaw - (1 + FOREHEAD) * ((jaw - jaw[0]) @ across)[:, None] * across)


def curve(points: Points, closed: bool = False) -> Points:
    """A smooth line through points (n, 2) -> (m, 2): the cubic of Catmull and Rom (1974)."""
    if closed:
        padded = np.concatenate([points[-1:], points, points[:2]])
    else:  # go on beyond the ends as the ends do
        padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    before, start, stop, after = (padded[i : len(padded) - 3 + i, None] for i in range(4))
    t = np.arange(SMOOTHNESS)[None, :, None] / SMOOTHNESS
    pieces = start + 0.5 * t * (
        stop
        - before
        + t * (2 * before - 5 * start + 4 * stop - after + t * (3 * (start - stop) + after - before))
    )
    return np.concatenate([pieces.reshape(-1, 2), padded[-2:-1]])


# Driving


class Reshaper:
    """Moves the face of `reference`, landmarks (68, 2), as driving landmarks move: call it frame by frame.

    The whole face stands where the reference's stood when the driving clip began, and is as large; each part
    gets the reference's spread and its offset from the face's middle, by ratios that follow the driving face
    slowly, so that what is quick is expression and what stays is shape.
    """

    def __init__(self, reference: Points) -> None:
        self._reference = reference
        self._middle, self._size = _measure(reference)
        self._ratios: NDArray[np.float64] | None = None
        self._first: tuple[Points, float] | None = None

    def __call__(self, driving: Points) -> Points:
        """The driving landmarks (68, 2) of the next frame, as the reference's face would show them."""
        middle, size = _measure(driving)
        ratios = np.stack([self._ratio(driving, middle, size, group) for group in GROUPS])
        old = ratios if self._ratios is None else self._ratios
        self._ratios = MOMENTUM * old + (1 - MOMENTUM) * ratios
        first, first_size = self._first = self._first or (middle, size)
        scale = self._size / first_size
        moved = np.empty_like(driving)
        for group, (spread, offset) in zip(GROUPS, self._ratios, strict=True):
            part = driving[list(group)]
            own = part.mean(0)
            moved[list(group)] = (part - own) * spread + (own - middle) * offset
        return np.asarray(moved * scale + self._middle + (middle - first) * scale)

    def _ratio(self, driving: Points, middle: Points, size: float, group: range) -> NDArray[np.float64]:
        """Reference to driving, each by the size of its face: (2, 2), spread and offset by x and y."""
        ratios = []
        for points, centre, unit in ((self._reference, self._middle, self._size), (driving, middle, size)):
            part = points[list(group)]
            ratios.append(np.stack([part.std(0), part.mean(0) - centre]) / unit)
        ours, theirs = ratios
        clear = np.minimum(np.abs(ours), np.abs(theirs)) > 0.02  # of the face: a ratio of less says nothing
        same_side = clear & (np.sign(ours) == np.sign(theirs))
        ratio = np.where(same_side, ours / np.where(same_side, theirs, 1), 1)
        return np.asarray(ratio.clip(1 / MOST, MOST))


def _measure(points: Points) -> tuple[Points, float]:
    """The middle (2,) of a face and its size: the distance of its points from there, root mean square."""
    middle = points.mean(0)
    return middle, max(float(np.sqrt(((points - middle) ** 2).sum(1).mean())), 1e-6)


def steadied(frames: Iterable[Points]) -> Iterator[Points]:
    """Landmarks without jitter: the median of five frames, two before and two after (fewer at the ends)."""
    half, seen = STEADY // 2, 0
    recent: deque[Points] = deque(maxlen=STEADY)
    for seen, points in enumerate(frames, 1):
        recent.append(points)
        if seen > half:
            yield np.asarray(np.median(list(recent), axis=0))
    gone = seen - len(recent)  # frames that are no longer in `recent`
    for frame in range(max(0, seen - half), seen):
        yield np.asarray(np.median(list(recent)[max(0, frame - half - gone) :], axis=0))
