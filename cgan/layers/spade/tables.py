"""Patch tables: SPADE's modulation looked up instead of convolved. Exact, for inference on a CPU.

With fixed statistics the whole norm is one affine function for each distinct patch of labels (patches.py):

    y = (x - mean) / deviation * (1 + gamma) + beta = x * scale + shift

A `Table` has one row of scales and one of shifts for each patch, and keeps them from map to map: after a
stroke of the brush only the patches that the stroke has made are computed. `modulate` looks them up.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cgan.layers.spade.norm import SpadeNorm
from cgan.layers.spade.patches import OUTSIDE, Patches

CHUNK = 2**18  # numbers that are modulated at a time, so that they stay in the processor's cache
BATCH = 2**21  # numbers in the rows that are computed at a time
# A matrix product may round a row differently if there are few others. Rows are filled up to a multiple of
# this, so that those computed after a stroke are those of a fresh start.
ROWS = 64
KEPT_SPACE = 2**24  # numbers of working memory that are kept from picture to picture


class Space:
    """Working memory that is lent again and again: fresh memory takes longer to get than to compute in."""

    def __init__(self):
        self._numbers = torch.empty(0)

    def lend(self, *shape: int) -> Tensor:
        """A tensor of this shape. What was lent before, and what was in it, is lost."""
        count = math.prod(shape)
        if count > self._numbers.numel():
            self._numbers = torch.empty(count)
        return self._numbers[:count].view(shape)

    def shrink(self) -> None:
        """Give back what is more than one should keep."""
        if self._numbers.numel() > KEPT_SPACE:
            self._numbers = torch.empty(0)


class Table:
    """What each patch makes of a pixel, for one norm in eval mode.

    The weights are those of the norm at the time that rows are first computed.

    Args: `vectors` (symbols, conditions), what the convolutions see of each symbol; the digits of the patches
    are translated to symbols by the `alphabet` given to `rows`. `space` is used during `rows` only.
    """

    def __init__(self, norm: SpadeNorm, vectors: Tensor, space: Space):
        self.norm, self._space = norm, space
        hidden, conditions = norm.shared.weight.shape[:2]
        seen = torch.einsum("sc,hckl->sklh", vectors, norm.shared.weight)
        outside = torch.zeros(1, 3, 3, hidden)
        self._embedding = torch.cat([outside, seen]).flatten(0, 2)  # (9 * (1 + symbols), hidden)
        self._era, self._filled = 0, 0
        self._scale = self._shift = torch.empty(0, norm.base.mean.numel())

    def rows(self, patches: Patches, alphabet: np.ndarray) -> tuple[Tensor, Tensor]:
        """The scales and the shifts, (at least len(patches), channels) each, computed where they are new.

        `alphabet`, int64: digit -> 1 + symbol; 0 for OUTSIDE.
        """
        if patches.era != self._era:
            self._era, self._filled = patches.era, 0
        self._reserve(len(patches))
        step = max(ROWS, BATCH // (2 * self._scale.shape[1]))
        for first in range(self._filled, len(patches), step):
            taps = patches.taps[:, first : first + step]
            rows = slice(first, first + taps.shape[1])
            self._scale[rows], self._shift[rows] = self._compute(patches, taps, alphabet)
            self._filled = rows.stop
        return self._scale, self._shift

    def _reserve(self, count: int) -> None:
        """Make room for `count` rows; at least twice as many as before, so that rows are seldom copied."""
        if count > len(self._scale):
            more = max(count, 2 * self._filled)
            self._scale, self._shift = (
                torch.cat([old[: self._filled], old.new_empty(more - self._filled, old.shape[1])])
                for old in (self._scale, self._shift)
            )

    def _compute(self, patches: Patches, taps: np.ndarray, alphabet: np.ndarray) -> tuple[Tensor, Tensor]:
        """The rows of the patches with these taps (9, n): (n, channels) each.

        Overlapping patches share most 3x3 patches: each of these meets the second convolution once.
        """
        used = np.zeros(patches.digits.shape[1], bool)
        used[taps] = True
        hidden = self._hidden(patches.digits[:, used], alphabet)
        weight = self.norm.modulation.weight
        partial = self._space.lend(9, len(hidden), len(weight))
        for tap in range(9):
            torch.mm(hidden, weight[:, :, tap // 3, tap % 3].T, out=partial[tap])
        position = np.cumsum(used) - 1
        bags = torch.from_numpy((position[taps] + len(hidden) * np.arange(9)[:, None]).T.copy())
        rows = F.embedding_bag(bags, partial.flatten(0, 1), mode="sum").add_(self.norm.modulation.bias)
        gamma, beta = rows.chunk(2, 1)
        base = self.norm.base
        scale = (1 + gamma) * torch.rsqrt(base.variance + base.eps)
        return scale, torch.addcmul(beta, scale, base.mean, value=-1)

    def _hidden(self, digits: np.ndarray, alphabet: np.ndarray) -> Tensor:
        """What the first convolution makes of 3x3 patches (9, n): (n filled up to a multiple, hidden)."""
        symbols = alphabet[digits] * 9 + np.arange(9)[:, None]
        hidden = F.embedding_bag(torch.from_numpy(symbols.T.copy()), self._embedding, mode="sum")
        hidden = hidden.add_(self.norm.shared.bias).relu_()
        hidden[torch.from_numpy(digits[4] == OUTSIDE)] = 0  # the second convolution pads with zeros as well
        return F.pad(hidden, (0, 0, 0, -len(hidden) % ROWS))


def modulate(
    x: Tensor,
    index: Tensor,
    rows: tuple[Tensor, Tensor],
    out: Tensor,
    parents: Tensor | None = None,
    slope: float | None = None,
) -> None:
    """Scale and shift each pixel as its patch asks; then a leaky ReLU, if there is a `slope`.

    Shapes: x (B, pixels, channels), or, with `parents` int64 (n,), of another resolution, of which `parents`
    names the pixel to take for each; index int64 (n,); rows as from `Table.rows`; out (B, n, channels), which
    may be x.
    """
    channels = x.shape[2]
    step = max(1, CHUNK // channels)
    scale, shift, source = (x.new_empty(min(step, len(index)), channels) for _ in range(3))
    for first in range(0, len(index), step):
        part = index[first : first + step]
        last, n = first + len(part), len(part)
        torch.index_select(rows[0], 0, part, out=scale[:n])
        torch.index_select(rows[1], 0, part, out=shift[:n])
        for image, result in zip(x, out, strict=True):
            if parents is None:
                taken = image[first:last]
            else:
                taken = torch.index_select(image, 0, parents[first:last], out=source[:n])
            torch.addcmul(shift[:n], taken, scale[:n], out=result[first:last])
            if slope is not None:
                F.leaky_relu_(result[first:last], slope)
