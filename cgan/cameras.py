"""Depth maps and cameras of recorded clips, from the files that people have, or their contents.

Depth is a 16-bit PNG in millimetres along the camera's axis, 0 and 65535 where there is none. A pose is a
text file of 4×4 numbers, camera to world, the camera's axes to the right, down and ahead. Intrinsics are a
text file, 3×3 numbers or the four fx fy cx cy, or JSON {"fx": …, "fy": …, "cx": …, "cy": …, "width": …,
"height": …}, in pixels; the size is needed where it is not that of the frames, or half or twice as much.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cgan.errors import DataError
from cgan.pictures import open_picture
from cgan.poses import read_json

NOTHING = 65535  # millimetres: the other number that means none, beside 0
KEYS = ("fx", "fy", "cx", "cy")
CENTRED = 0.15  # of the frame: how far from the middle a principal point may be
RIGID = 0.02  # how far a rotation's columns may be from unit length and right angles
BANDS, NEAREST, FARTHEST = 16, 0.4, 40.0  # of depth as labels; metres: where the first ends, the last begins

Numbers = NDArray[np.float64]
Size = tuple[int, int]  # height, width


def read_depth(source: Path | bytes, name: str) -> NDArray[np.float32]:
    """Depth in metres, (H, W), 0 where it is unknown; `DataError` for anything but 16-bit grey."""
    picture = open_picture(source, name)
    if picture.mode not in ("I", "I;16", "I;16B", "I;16L"):
        raise DataError(f"{name} has the mode {picture.mode}; depth is 16-bit grey, in millimetres")
    millimetres = np.array(picture, np.int64)
    if millimetres.min() < 0 or millimetres.max() > NOTHING:
        raise DataError(f"{name} holds 32-bit numbers; depth is 16-bit grey, in millimetres")
    return np.asarray(np.where(millimetres == NOTHING, 0, millimetres) / 1000, np.float32)


def depth_labels(depth: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Depth (H, W) as labels: 0 unknown, then 16 bands, each as much farther as the one before."""
    steps = np.log(np.maximum(depth, 1e-3) / NEAREST) / np.log(FARTHEST / NEAREST) * (BANDS - 2)
    return np.where(depth > 0, 2 + np.floor(steps).clip(-1, BANDS - 2), 0).astype(np.uint8)


def read_pose(source: Path | bytes, name: str) -> Numbers:
    """Camera to world, (4, 4); `DataError` where the numbers are no place and direction."""
    numbers = _numbers(source, name)
    if len(numbers) not in (12, 16):
        raise DataError(f"{name} must be 4×4 numbers, camera to world; there are {len(numbers)}")
    pose = np.concatenate([numbers, [0.0, 0, 0, 1]])[:16].reshape(4, 4)
    turn = pose[:3, :3]
    rigid = np.abs(turn.T @ turn - np.eye(3)).max() < RIGID and np.linalg.det(turn) > 0
    if not rigid or np.abs(pose[3] - [0, 0, 0, 1]).max() > 1e-4:
        raise DataError(f"{name} is no camera's pose: its 3×3 part must be a rotation, its last row 0 0 0 1")
    return pose


def read_intrinsics(source: Path | bytes, name: str, frame: Size) -> Numbers:
    """(fx, fy, cx, cy) in pixels of frames of `frame` = (height, width), by which they are scaled.

    The ending of the file's name, of `name` where its contents are given, tells JSON from text.
    """
    if (source if isinstance(source, Path) else Path(name)).suffix.lower() == ".json":
        values, stated = _from_json(source, name)
    else:
        numbers = _numbers(source, name)
        if len(numbers) not in (4, 9):
            raise DataError(f"{name} must be 3×3 numbers or fx fy cx cy; there are {len(numbers)}")
        values, stated = (numbers if len(numbers) == 4 else numbers[[0, 4, 2, 5]]), None
    if min(values[0], values[1]) <= 0:
        raise DataError(f"{name}: the focal lengths {values[0]:g} and {values[1]:g} must be above 0")
    height, width = frame
    for scale in (1.0, 0.5, 2.0) if stated is None else (width / stated[1],):
        scaled = values * scale
        off = np.abs(scaled[2:] / [width, height] - 0.5).max()
        if off < CENTRED:
            if stated is not None and abs(stated[0] * scale - height) > 0.02 * height:
                break
            return np.asarray(scaled)
    size = "no size" if stated is None else f"the size {stated[1]:g}×{stated[0]:g}"
    raise DataError(
        f"{name} does not fit frames of {width}×{height}: its centre is {values[2]:g}, {values[3]:g}, "
        f"with {size}; give width and height, in JSON"
    )


def _from_json(source: Path | bytes, name: str) -> tuple[Numbers, tuple[float, float] | None]:
    found = read_json(source, name)
    allowed = (*KEYS, "width", "height")
    if not isinstance(found, dict) or not set(KEYS) <= set(found):
        raise DataError(f"{name} must have the fields {', '.join(allowed)}")
    numbers = [found[key] for key in allowed if key in found]
    if not all(type(number) in (int, float) and abs(number) < 1e6 for number in numbers):
        raise DataError(f"{name}: {', '.join(allowed)} must be numbers of pixels")
    size = (float(found["height"]), float(found["width"])) if {"width", "height"} <= set(found) else None
    if size is not None and min(size) <= 0:
        raise DataError(f"{name}: width and height must be above 0")
    return np.array([found[key] for key in KEYS], np.float64), size


def _numbers(source: Path | bytes, name: str) -> Numbers:
    try:
        data = source.read_bytes() if isinstance(source, Path) else source
        words = data.decode().replace(",", " ").split()
        numbers = np.array([float(word) for word in words[:100]], np.float64)
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise DataError(f"{name} must hold numbers only") from error
    if not np.isfinite(numbers).all():
        raise DataError(f"{name} holds numbers that are not finite")
    return numbers
