"""What every task checks before it begins: what a picture will become, how many are made, seeds and styles.

A map of 1 x 80000 pixels is small until it is padded; so what counts is what it becomes.
"""

import operator
from typing import SupportsIndex

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgan.errors import DataError

MAX_PIXELS = 2048 * 2048  # of a picture, padded
MAX_SIDE = 8192  # of a picture, padded
MAX_MADE = 4 * MAX_PIXELS  # pixels of all variations together
AT_ONCE = 2**21  # pixels of variations that are made side by side
LAST_SEED = 2**63 - 1


def check_size(shape: tuple[int, ...], margins: tuple[int, ...], what: str) -> None:
    """Raise `DataError` where `what`, (H, W), is too large once `margins` are added."""
    height, width = (side + margin for side, margin in zip(shape, margins, strict=True))
    if height * width > MAX_PIXELS or max(height, width) > MAX_SIDE:
        padded = "" if not any(margins) else f", {width}×{height} with its margins"
        raise DataError(
            f"{what} is {shape[1]}×{shape[0]}{padded}; at most {MAX_PIXELS:,} pixels and {MAX_SIDE:,} a side"
        )


def whole(value: object) -> int | None:
    """A whole number of Python's or numpy's; None for anything else, truth values too."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, SupportsIndex):
        return None
    try:
        return operator.index(value)
    except TypeError:  # an array of several
        return None


def side_of(size: int) -> int:
    """The side of a picture, in pixels. `ValueError` for what is none."""
    number = whole(size)
    if number is None or not 1 <= number <= MAX_SIDE:
        raise ValueError(f"the size is {size!r:.60}; it must be a whole number from 1 to {MAX_SIDE} pixels")
    return number


def variations_of(variations: int, pixels: int) -> int:
    """How many pictures of so many pixels are made; `ValueError` for no number, and for too many at once."""
    most, number = max(1, MAX_MADE // pixels), whole(variations)
    if number is None or not 1 <= number <= most:
        raise ValueError(f"variations is {variations!r:.60}; it must be a whole number from 1 to {most}, "
                         "more at a time are too many pixels")  # fmt: skip
    return number


def seed_of(seed: int, variations: int = 1) -> int:
    """A seed as torch takes it, with room for so many variations. `ValueError` for what is no seed."""
    number = whole(seed)
    if number is None:
        raise ValueError(f"the seed is {seed!r:.60}; it must be a whole number")
    if not 0 <= number <= LAST_SEED - variations:
        raise ValueError(f"the seed is {number}; it must be from 0 to {LAST_SEED - variations}")
    return number


def vector_of(style: NDArray[np.floating], length: int) -> Tensor:
    """A style vector as float32 (length,). `ValueError` for another length, and for what is not finite."""
    if style.shape != (length,):
        raise ValueError(f"a style vector has {length} numbers, not {style.shape[0]}")
    if style.dtype.kind not in "fiu":
        raise ValueError(f"a style vector holds numbers, not {style.dtype}")
    with np.errstate(over="ignore"):
        numbers = style.astype(np.float32)
    if not np.isfinite(numbers).all():
        raise ValueError("a style vector holds finite numbers; this one has NaN or infinity")
    return torch.from_numpy(numbers)


def check_made(image: Tensor) -> None:
    """Raise `ValueError` where a model gave anything but numbers: black would be a lie."""
    if not image.isfinite().all():
        raise ValueError("the picture is not finite: the style is too far from those of training pictures")
