"""A SPADE generator in eval mode, sooner on a CPU: the same pictures but for rounding, by patch tables.

What it does otherwise than the plain forward pass, and why that is exact:
- gamma and beta are looked up (tables.py), with the batch norm folded into them;
- the label map stays a map of symbols: only the first layer, at 1/32, sees it one-hot;
- features are enlarged where they are read, a pixel's channels stay side by side (channels last), and noise,
  sums and leaky ReLUs are computed in place.

A resolution at which a map has hardly two equal patches (noise, say) is convolved as ever.

How exact: with the bundled painters and their example maps, at most 4e-6 from the same model in float64 and
from the plain pass, which is about as far from float64 itself. On maps that make no sense to a painter, 3e-5
from either; two memory formats of the plain pass are then 4e-5 apart, and tables computed in float64 are no
nearer, as it is the convolutions between them that round.
"""

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan.layers.blocks import double
from cgan.layers.spade.norm import SLOPE, SpadeBlock, SpadeNorm
from cgan.layers.spade.patches import DIGITS, Patches
from cgan.layers.spade.tables import Space, Table, modulate

KEPT_BYTES = 2**25  # of the rows of one resolution, from map to map


class Level:
    """One resolution: the patches of its label map, and a table for each of its norms.

    Args: `blocks` those of this resolution; `vectors` (symbols, conditions), what the convolutions see of
    each; `space` for its tables to work in.
    """

    def __init__(self, blocks: Sequence[SpadeBlock], vectors: Tensor, space: Space):
        norms = [part for block in blocks for part in block.children() if isinstance(part, SpadeNorm)]
        self.tables = {norm: Table(norm, vectors, space) for norm in norms}
        self.patches = Patches(KEPT_BYTES // sum(8 * norm.base.mean.numel() for norm in norms))
        self.vectors = vectors
        self.symbols, self.alphabet = np.empty((0, 0), np.int64), np.empty(0, np.int64)
        self.index: Tensor | None = None  # None: convolve
        self.parents = torch.empty(0, dtype=torch.int64)  # each pixel's place at half the resolution

    def look(self, symbols: np.ndarray, digits: np.ndarray | None, alphabet: np.ndarray) -> None:
        """Turn to the map that is to be painted: int64 (h, w), and spelt in digits, uint8 (h, w).

        `alphabet` as in `Table.rows`. Without digits, all is convolved.
        """
        if symbols.shape != self.symbols.shape:
            height, width = symbols.shape
            above = torch.arange(height)[:, None] // 2 * (width // 2)
            self.parents = (above + torch.arange(width) // 2).flatten()
        self.symbols, self.alphabet = symbols, alphabet
        self.index = None if digits is None else self.patches.index(digits)

    def norm(self, norm: SpadeNorm, x: Tensor, out: Tensor, slope: float | None = None) -> Tensor:
        """One of the norms, then a leaky ReLU if there is a `slope`.

        Shapes: x (B, channels, h, w) or, to be doubled first, (B, channels, h / 2, w / 2); out, where the
        result may be put, (B, channels, h, w) with channels last, perhaps x itself.
        """
        half = x.shape[2:] != out.shape[2:]
        if self.index is None:
            x = double(x) if half else x
            condition = self.vectors[torch.from_numpy(self.symbols)].permute(2, 0, 1)[None]
            y = norm(x, condition)
            return y if slope is None else F.leaky_relu_(y, slope)
        rows = self.tables[norm].rows(self.patches, self.alphabet)
        modulate(pixels(x), self.index, rows, pixels(out), self.parents if half else None, slope)
        return out


class Generator(Protocol):
    """What `Faster` needs of a SPADE generator; see `cgan.models.spade`."""

    @property
    def start(self) -> nn.Module:
        """The first layer: (B, conditions, h, w) -> (B, channels, h, w)."""

    @property
    def style(self) -> nn.Module:
        """What is added to it everywhere: (B, style) -> (B, channels)."""

    @property
    def blocks(self) -> nn.ModuleList:
        """The `SpadeBlock`s, in order."""

    @property
    def to_rgb(self) -> nn.Module:
        """The last layer: (B, channels, H, W) -> (B, 3, H, W)."""

    def symbols(self, labels: Tensor, instances: Tensor | None = None) -> Tensor:
        """A map in one number a pixel: int64 (B, 1, H, W) -> int64 (B, 1, H, W)."""


class Faster:
    """Paints as `model`, a SPADE generator in eval mode, does. In float32 on the CPU; one call at a time.

    It has `model`'s weights, not copies of them; what was computed from them is kept from call to call, so
    that they must not change any more.

    Args: `scales`: by how much the map is smaller at each block; `vectors` (symbols, conditions), what the
    convolutions see of each symbol; `smooth`: whether features are doubled bilinearly to such a scale.
    """

    def __init__(
        self, model: Generator, scales: Sequence[int], vectors: Tensor, smooth: Callable[[int], bool]
    ):
        self.model, self.scales, self.vectors, self.smooth = model, tuple(scales), vectors, smooth
        self._blocks = [block for block in model.blocks if isinstance(block, SpadeBlock)]
        self._features, self._rows = Space(), Space()
        self._levels = {}
        for scale in dict.fromkeys(self.scales):
            blocks = [block for block, at in zip(self._blocks, scales, strict=True) if at == scale]
            self._levels[scale] = Level(blocks, vectors, self._rows)
        self._alphabet = np.zeros(1, np.int64)  # digit -> 1 + symbol
        self._lock = Lock()

    def clear(self) -> None:
        """Forget what was computed for earlier maps."""
        self._alphabet = np.zeros(1, np.int64)
        for level in self._levels.values():
            level.patches.clear()

    def symbols(self, labels: Tensor) -> Tensor:
        """What a call reads of a map: int64 (1, 1, H, W) -> int64 (1, 1, H, W)."""
        return self.model.symbols(labels)

    @torch.no_grad()
    def __call__(self, symbols: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        """Paint one map in as many styles as are given. Height and width must be multiples of 32.

        Shapes: symbols int64 (H, W); style (B, style); noise (B, 1, H, W); out (B, 3, H, W) in [-1, 1].
        """
        with self._lock:
            try:
                return self._paint(symbols.numpy(), style, noise)
            except BaseException:  # a table may be half filled
                self.clear()
                raise

    def _paint(self, symbols: np.ndarray, style: Tensor, noise: Tensor) -> Tensor:
        model = self.model
        self._look(symbols)
        start = self.vectors[torch.from_numpy(symbols[:: self.scales[0], :: self.scales[0]].copy())]
        x = model.start(start.permute(2, 0, 1)[None]) + model.style(style)[:, :, None, None]
        for block, scale in zip(self._blocks, self.scales, strict=True):
            level = self._levels[scale]
            if self.smooth(scale) and x.shape[2] != len(level.symbols):
                x = last_channels(double(x, smooth=True))
            x = self._block(block, level, x, noise[:, :, ::scale, ::scale])
        self._features.shrink()
        self._rows.shrink()
        return torch.tanh_(model.to_rgb(F.leaky_relu_(x, SLOPE)))

    def _look(self, symbols: np.ndarray) -> None:
        """Spell the map in digits, and turn all levels to it."""
        present = 1 + np.flatnonzero(np.bincount(symbols.ravel()))
        new = np.setdiff1d(present, self._alphabet)
        if len(self._alphabet) + len(new) > DIGITS:
            self.clear()
            new = present
        digits = None
        if len(self._alphabet) + len(new) <= DIGITS:
            self._alphabet = np.concatenate([self._alphabet, new])
            digit = np.zeros(self._alphabet.max() + 1, np.uint8)
            digit[self._alphabet] = np.arange(len(self._alphabet))
            digits = digit[symbols + 1]
        for scale, level in self._levels.items():
            grid = slice(None, None, scale)
            spelt = None if digits is None else digits[grid, grid].copy()
            level.look(symbols[grid, grid].copy(), spelt, self._alphabet)

    def _block(self, block: SpadeBlock, level: Level, x: Tensor, noise: Tensor) -> Tensor:
        """A residual block, as in spade.py; x may have half the resolution of its output."""
        height, width = level.symbols.shape
        if not block.learned_shortcut and x.shape[2] != height:
            x = double(x)
        space = self._features.lend(len(x), height, width, x.shape[1]).permute(0, 3, 1, 2)
        shortcut = block.conv_s(level.norm(block.norm_s, x, space)) if block.learned_shortcut else x
        h = last_channels(block.conv_0(level.norm(block.norm_0, x, space, SLOPE)))
        h = h.addcmul_(noise, block.noise_0) if block.noisy else h
        h = block.conv_1(level.norm(block.norm_1, h, h, SLOPE))
        h = h.addcmul_(noise, block.noise_1) if block.noisy else h
        return h.add_(shortcut)


def last_channels(x: Tensor) -> Tensor:
    """`x` (B, channels, h, w), its channels side by side in memory."""
    return x.contiguous(memory_format=torch.channels_last)


def pixels(x: Tensor) -> Tensor:
    """The same memory as pixels: (B, channels, h, w), channels last -> (B, h * w, channels)."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)
