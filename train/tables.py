"""Patch tables while learning: SPADE's gamma and beta, computed once for each distinct patch of a batch.

Gamma and beta come from the label maps by two 3x3 convolutions, which are most of a SPADE generator's
arithmetic. At a pixel they depend on 5x5 labels only, and most of those patches are equal. So, in each
resolution, for all its norms:

    each distinct 3x3 patch   -> hidden channels (the first convolution), times all nine taps of the second
    each distinct 5x5 patch   -> the sum of nine of these products: a row of gamma and a row of beta
    each pixel                -> x * (1 + gamma) + beta, with its patch's rows

The result is that of the convolutions but for rounding, and so are the gradients: a row's is the sum over its
pixels. All sums over lists (of taps, of pixels, of patches) are embedding bags, each with its list sorted
once a batch; they add in a fixed order, on however many threads.

The numbers come from `cgan/layers/patches.py`, and `cgan/layers/tables.py` is the same thing for painting,
where the rows are kept and the norm's statistics are folded into them.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan.layers.patches import DIGITS, OUTSIDE, Patches
from cgan.layers.spade import SpadeNorm
from train.compiling import is_compiled

Wish = Literal["auto", "on", "off"]
CHUNK = 2**17  # numbers that are modulated at a time, so that they stay in the processor's cache


class Painter(Protocol):
    """A generator that paints label maps and takes Modulators, as `cgan.models.spade.Model` does."""

    def symbols(self, labels: Tensor, instances: Tensor | None) -> Tensor:
        """One number for what a pixel shows the convolutions."""

    def vectors(self) -> Tensor:
        """What the convolutions see of each symbol: (symbols, conditions)."""


class Tables:
    """Makes the tables of a batch, in the resolutions where they pay.

    Args: `scales`: by how much the resolutions are smaller than the maps. `wish`: "auto": on a CPU, where a
    batch has enough equal patches; "on": wherever its patches can be numbered; "off": nowhere. A compiled
    network gets none: its graph has no place for tables whose sizes change from batch to batch.
    """

    def __init__(self, scales: Iterable[int], wish: Wish = "auto"):
        self.scales, self.wish = sorted(set(scales)), wish

    @torch.no_grad()
    def __call__(
        self, model: nn.Module, labels: Tensor, instances: Tensor | None = None
    ) -> dict[int, "Level"]:
        """The levels by scale, for `model(…, modulators)`: maps int64 (B, 1, H, W), as a batch has them."""
        weight = next(model.parameters())
        if self.wish == "off" or is_compiled(model) or (self.wish == "auto" and weight.device.type != "cpu"):
            return {}
        spelt = spell(model.symbols(labels, instances)[:, 0].cpu().numpy())
        if spelt is None:
            return {}
        digits, present = spelt
        vectors = F.pad(model.vectors()[present], (0, 0, 1, 0)).to(weight)
        levels = {}
        for scale in self.scales:
            level = Level(np.ascontiguousarray(digits[:, ::scale, ::scale]), vectors)
            if self.wish == "on" or level.pays():
                levels[scale] = level
        return levels


def spell(symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Maps of symbols, int64, in digits, uint8, and the symbol of each digit but OUTSIDE; None: too many."""
    present = np.flatnonzero(np.bincount(symbols.ravel()))
    if len(present) >= DIGITS:
        return None
    digit = np.zeros(present[-1] + 1, np.uint8)
    digit[present] = 1 + np.arange(len(present))
    return digit[symbols], present


class Lists:
    """Lists of rows to sum: list i holds the rows `members[starts[i] : starts[i + 1]]`.

    of: int64 (n,): the list of each row. Each list is in the order of its rows.
    """

    def __init__(self, of: np.ndarray, count: int):
        self.members = torch.from_numpy(np.argsort(of, kind="stable"))
        self.starts = torch.from_numpy(np.concatenate([[0], np.bincount(of, minlength=count).cumsum()]))

    def sums(self, rows: Tensor) -> Tensor:
        """(n, channels) -> (lists, channels)."""
        return bags(rows, self.members, self.starts)


def bags(rows: Tensor, members: Tensor, starts: Tensor) -> Tensor:
    """The sums of rows (n, channels) -> (len(starts) - 1, channels), one for each list of `members`."""
    return torch.embedding_bag(rows, members, starts, include_last_offset=True)[0]


class SumOfTaps(torch.autograd.Function):
    """Sums of nine: products (n, channels) -> rows (m, channels), as the level's `tap_members` say."""

    @staticmethod
    def forward(ctx, products: Tensor, level: "Level") -> Tensor:
        """In fp32 at least, whatever the products are in."""
        ctx.level, ctx.type = level, products.dtype
        return bags(wide(products), level.tap_members, level.tap_starts)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        """Each product's gradient is the sum of those of the rows it went into."""
        level = ctx.level
        return bags(gradient.contiguous(), level.uses, level.use_starts).to(ctx.type), None


class Modulate(torch.autograd.Function):
    """y = x * (1 + gamma) + beta, each pixel with its patch's rows.

    Shapes: x (pixels, channels); rows (2, m, channels): gamma, then beta; out as x. Nothing of the size of x
    is kept but x.
    """

    @staticmethod
    def forward(ctx, x: Tensor, rows: Tensor, level: "Level") -> Tensor:
        """Chunk by chunk."""
        scale, shift = (1 + rows[0]).to(x.dtype), rows[1].to(x.dtype)
        ctx.save_for_backward(x, scale)
        ctx.level, ctx.type = level, rows.dtype
        y = torch.empty_like(x)
        for pixels in level.chunks(x.shape[1]):
            here = level.index[pixels]
            torch.addcmul(shift.index_select(0, here), x[pixels], scale.index_select(0, here), out=y[pixels])
        return y

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        """The rows' gradients are summed in fp32 at least."""
        x, scale = ctx.saved_tensors
        level, of_x, of_rows = ctx.level, None, None
        gradient = gradient.contiguous()
        if ctx.needs_input_grad[1]:
            full = wide(gradient)
            of_rows = torch.stack([level.pixels.sums(full * x), level.pixels.sums(full)]).to(ctx.type)
        if ctx.needs_input_grad[0]:
            of_x = torch.empty_like(x)
            for pixels in level.chunks(x.shape[1]):
                here = scale.index_select(0, level.index[pixels])
                torch.mul(gradient[pixels], here, out=of_x[pixels])
        return of_x, of_rows, None


def wide(x: Tensor) -> Tensor:
    """`x` in fp32, or in fp64 where it is that already."""
    return x if x.dtype == torch.float64 else x.float()


class Level:
    """The maps of a batch in one resolution, as the distinct patches of all of them.

    digits: uint8 (B, h, w), as in patches.py; vectors: (digits, conditions), what the convolutions see of
    each digit. Attributes: `index` int64 (B * h * w,), the number of the 5x5 patch around each pixel;
    `seen` (n, 9 * digits), the distinct 3x3 patches one-hot; `inside` (n, 1): 0 for those around a place
    outside the picture, where the second convolution pads with zeros.
    """

    def __init__(self, digits: np.ndarray, vectors: Tensor):
        self.vectors = vectors
        index, patches, taps = distinct(digits)
        self.index = torch.from_numpy(index)
        self.threes, self.fives = patches.shape[1], taps.shape[1]
        self.taps = taps
        self.inside = torch.from_numpy(patches[4] != OUTSIDE)[:, None].to(vectors.dtype)
        self.seen = F.one_hot(torch.from_numpy(patches.T.astype(np.int64)), len(vectors)).flatten(1)
        self.seen = self.seen.to(vectors.dtype)
        places = np.arange(9)[:, None] + 18 * taps  # of gamma's products; beta's follow
        self.places = np.concatenate([places, places + 9], 1)
        self.tap_members = torch.from_numpy(self.places.T.ravel())
        self.tap_starts = torch.arange(0, 9 * 2 * self.fives + 1, 9)

    @cached_property
    def pixels(self) -> Lists:
        """The pixels of each 5x5 patch."""
        return Lists(self.index.numpy(), self.fives)

    @cached_property
    def _uses(self) -> Lists:
        return Lists(self.places.ravel(), 18 * self.threes)

    @cached_property
    def uses(self) -> Tensor:
        return self._uses.members % (2 * self.fives)

    @property
    def use_starts(self) -> Tensor:
        return self._uses.starts

    def pays(self) -> bool:
        """Whether tables are quicker than convolutions here."""
        return self.threes < 0.5 * len(self.index)

    def chunks(self, channels: int) -> list[slice]:
        """Slices of the pixels."""
        step = max(1, CHUNK // channels)
        return [slice(first, first + step) for first in range(0, len(self.index), step)]

    def modulate(self, norm: SpadeNorm, x: Tensor) -> Tensor:
        """As `cgan.layers.spade.Modulator` says."""
        flat = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])
        y = Modulate.apply(flat, self.rows(norm), self)
        return y.view(len(x), *x.shape[2:], -1).permute(0, 3, 1, 2)

    def rows(self, norm: SpadeNorm) -> Tensor:
        """Gamma and beta of each distinct 5x5 patch: (2, m, channels)."""
        first, second = norm.shared.weight, norm.modulation.weight
        kernel = torch.einsum("dc,hckl->hkld", self.vectors, first).flatten(1)
        hidden = F.relu(F.linear(self.seen, kernel, norm.shared.bias)) * self.inside
        channels = len(second) // 2
        kernel = second.unflatten(0, (2, channels)).permute(0, 3, 4, 1, 2).reshape(-1, second.shape[1])
        products = F.linear(hidden, kernel).view(-1, channels)  # (n * 2 * 9, channels)
        rows = SumOfTaps.apply(products, self).view(2, -1, channels)
        return rows + norm.modulation.bias.view(2, 1, channels)


def distinct(digits: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """The distinct patches of maps uint8 (B, h, w); None where there are more than can be numbered.

    -> the number of the 5x5 patch around each pixel, int64 (B * h * w,); the 3x3 patches, uint8 (9, n); the
    numbers of the nine 3x3 patches of each 5x5 patch, int64 (9, m).
    """
    count, height, width = digits.shape
    # One tall map, with two rows between the maps: as far as a patch looks.
    apart = np.pad(digits, ((0, 0), (0, 2), (0, 0)), constant_values=OUTSIDE)
    patches = Patches(digits.size)
    index = patches.number(apart.reshape(-1, width))
    if index is None:
        return None
    index = index.reshape(count, height + 2, width)[:, :height].ravel()
    index, fives = renumbered(index, len(patches))
    taps, threes = renumbered(patches.taps[:, fives], patches.digits.shape[1])
    return index, patches.digits[:, threes], taps


def renumbered(numbers: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers below `count` without gaps, and which of the old ones there are: bool (count,)."""
    used = np.zeros(count, bool)
    used[numbers] = True
    return (used.cumsum() - 1)[numbers], used
