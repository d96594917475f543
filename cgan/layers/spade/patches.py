"""The distinct patches of a label map, numbered: what patch tables (tables.py) are indexed by.

SPADE's gamma and beta come from the label map by two 3x3 convolutions, so that at a pixel they depend on 5x5
labels and on nothing else. Labels are piecewise constant: of the 65,536 patches of a 256x256 map only some
thousands are distinct.

A map is given as *digits*, uint8 (H, W): a digit stands for what one pixel shows the convolutions (its class,
and whether an edge runs through it), and OUTSIDE for the zeros with which they pad the picture. The numbers
come from exact codes, not from hashes: two patches have the same number if, and only if, they are equal.
"""

from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor

OUTSIDE = 0  # the digit of what lies outside the picture
DIGITS = 138  # digits there can be, OUTSIDE among them: the most of which nine fit into 64 bits
THREES = 2**16  # 3x3 patches there can be at a time: four of their numbers fit into 64 bits
CORNERS = (0, 2, 6, 8)  # of a 3x3 square, counted row by row
WORTHWHILE = 4096  # pixels: below, tables are kept for the sake of the next map even if no two patches agree


class Numbers:
    """Gives codes the numbers 0, 1, 2, … as new ones come. A code keeps its number."""

    def __init__(self):
        self._codes = np.empty(0, np.uint64)  # sorted
        self._numbers = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self._codes)

    def of(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of codes, uint64 (n,) -> int64 (n,), and by number where each new code stands first."""
        at = np.searchsorted(self._codes, codes)
        known = at < len(self)
        known[known] = self._codes[at[known]] == codes[known]
        numbers = np.empty(len(codes), np.int64)
        numbers[known] = self._numbers[at[known]]
        unknown = np.flatnonzero(~known)
        if not len(unknown):
            return numbers, unknown
        new, first, inverse = np.unique(codes[unknown], return_index=True, return_inverse=True)
        numbers[unknown] = len(self) + inverse
        before = np.searchsorted(self._codes, new)
        self._numbers = np.insert(self._numbers, before, np.arange(len(self), len(self) + len(new)))
        self._codes = np.insert(self._codes, before, new)
        return numbers, unknown[first]


class Patches:
    """The distinct patches of the maps of one resolution. Numbers are kept from map to map.

    A 3x3 patch is coded by its nine digits, and a 5x5 patch by its four 3x3 corners, which cover it.
    Attributes: `digits` uint8 (9, n), the 3x3 patches; `taps` int64 (9, m), each 5x5 patch as the numbers of
    the 3x3 patches around its nine inner pixels; `era`, another one whenever the numbers begin anew.

    Args: `limit` with more 5x5 patches than these, the next new map begins anew.
    """

    def __init__(self, limit: int):
        self.limit, self.era = limit, 0
        self.clear()

    def __len__(self) -> int:
        return self.taps.shape[1]

    def clear(self) -> None:
        """Forget everything: what was computed for these numbers is void."""
        self.era += 1
        self._threes, self._fives = Numbers(), Numbers()
        self.digits, self.taps = np.empty((9, 0), np.uint8), np.empty((9, 0), np.int64)
        self._seen = np.empty((0, 0), np.uint8)  # the last map
        self._index: Tensor | None = None

    def index(self, digits: np.ndarray) -> Tensor | None:
        """The number of the patch around each pixel: uint8 (h, w) -> int64 (h * w,).

        None where a map is so varied that it is better convolved; that depends on no other map.
        """
        if np.array_equal(digits, self._seen):
            return self._index
        fresh = not len(self)
        index = self.number(digits) if len(self) <= self.limit else None
        if index is None and not fresh:  # full; but most of it may belong to earlier maps
            self.clear()
            index = self.number(digits)
        if index is None or _varied(index):
            self.clear()
            index = None
        self._seen, self._index = digits.copy(), None if index is None else torch.from_numpy(index.ravel())
        return self._index

    def number(self, digits: np.ndarray) -> np.ndarray | None:
        """The numbers of the 5x5 patches, int64 (h, w); None where there are too many 3x3 patches."""
        padded = np.pad(digits, 2, constant_values=OUTSIDE)
        inner = np.ascontiguousarray(padded[1:-1, 1:-1])
        threes, new = _number_places(
            self._threes, inner, _mixed(padded, 3), lambda places: _code_of_digits(_squares(padded, places))
        )
        if len(self._threes) > THREES:
            return None
        self.digits = np.concatenate([self.digits, _squares(padded, new)], 1)
        index, new = _number_places(
            self._fives,
            digits,
            _mixed(padded, 5),
            lambda places: _code_of_corners(_squares(threes, places, CORNERS)),
        )
        self.taps = np.concatenate([self.taps, _squares(threes, new)], 1)
        return index


def _number_places(
    numbers: Numbers, digits: np.ndarray, mixed: np.ndarray, code: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Number the patches around all pixels: int64 (h, w); and for each new number a place that shows it.

    Most patches show one digit only. For these one place stands for all of its digit; only where the patch is
    `mixed` does each place have its `code` computed (of places int64 (n,), uint64 (n,)).
    """
    flat, mixed = digits.ravel(), mixed.ravel()
    plain, varied = np.flatnonzero(~mixed), np.flatnonzero(mixed)
    example = np.full(DIGITS, -1)
    example[flat[plain]] = plain
    shown = np.flatnonzero(example >= 0)
    places = np.concatenate([example[shown], varied])
    found, first = numbers.of(code(places))
    of_digit = np.zeros(DIGITS, np.int64)
    of_digit[shown] = found[: len(shown)]
    result = of_digit.take(flat)
    result[varied] = found[len(shown) :]
    return result.reshape(digits.shape), places[first]


def _mixed(padded: np.ndarray, size: int) -> np.ndarray:
    """Where a square of `size` shows more than one digit: bool, for all squares that fit into `padded`."""
    square, margin = np.ones((size, size), np.uint8), size // 2
    mixed = cv2.dilate(padded, square) != cv2.erode(padded, square)
    return mixed[margin:-margin, margin:-margin]


def _squares(surround: np.ndarray, places: np.ndarray, taps: tuple[int, ...] = tuple(range(9))) -> np.ndarray:
    """The 3x3 squares around places, of a map with one more row and column on each side: (taps, n)."""
    flat, wide = surround.ravel(), surround.shape[1]
    corners = places + 2 * (places // (wide - 2))
    return np.stack([flat.take(corners + (tap // 3 * wide + tap % 3)) for tap in taps])


def _code_of_digits(digits: np.ndarray) -> np.ndarray:
    """Nine digits (9, n) as one number, uint64 (n,)."""
    code = digits[0].astype(np.uint64)
    for digit in digits[1:]:
        code *= np.uint64(DIGITS)
        code += digit
    return code


def _code_of_corners(corners: np.ndarray) -> np.ndarray:
    """Four numbers of 16 bits (4, n) as one, uint64 (n,)."""
    a, b, c, d = corners.astype(np.uint64)
    bits = np.uint64(16)
    return ((a << bits | b) << bits | c) << bits | d


def _varied(index: np.ndarray) -> bool:
    """Whether more than half of a map's patches are distinct: then tables cost more than they save."""
    if index.size <= WORTHWHILE or index.max() < index.size // 2:
        return False
    return np.count_nonzero(np.bincount(index.ravel())) > index.size // 2
