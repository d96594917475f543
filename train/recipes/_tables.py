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

The numbers come from `cgan/layers/spade/patches.py`; `tables.py` beside it is the same thing for painting,
where the rows are kept and the norm's statistics are folded into them.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan.layers.precision import wide
from cgan.layers.spade.norm import SpadeNorm
from cgan.layers.spade.patches import DIGITS, OUTSIDE, Patches
from cgan.models.spade import Model
from train.processes import average_over_processes
from train.recipes import Recipe

Wish = Literal["auto", "on", "off"]
# What summing a patch's taps and looking up a pixel cost, forward and backward: as much as so many
# multiplications of a convolution, for each of its 18 * channels weights of a hidden channel. Fitted to times
# of single norms (8 to 128 hidden channels, 1/1 to 1/16 of 128x128, one core with AVX-512), whose quotients
# with convolutions they foretell within a quarter.
SUM, LOOK_UP = 80, 20
CHUNK = 2**19  # numbers that are modulated at a time, so that they stay in the processor's cache


@runtime_checkable
class Painter(Protocol):
    """A generator that paints label maps and takes Modulators, as `cgan.models.spade.Model` does."""

    def symbols(self, labels: Tensor, instances: Tensor | None) -> Tensor:
        """One number for what a pixel shows the convolutions."""

    def vectors(self) -> Tensor:
        """What the convolutions see of each symbol: (symbols, conditions)."""


class Tables:
    """Makes the tables of a batch, in the resolutions where they pay.

    Args: `scales`: by how much the resolutions are smaller than the maps; `hidden`: channels between labels
    and gamma. `wish`: "auto": on a CPU, where a
    batch has enough equal patches; "on": wherever its patches can be numbered; "off": nowhere. A compiled
    network gets none: its graph has no place for tables whose sizes change from batch to batch.
    """

    def __init__(self, scales: Iterable[int], hidden: int, wish: Wish = "auto"):
        self.scales, self.hidden, self.wish = sorted(set(scales)), hidden, wish

    @torch.no_grad()
    def __call__(self, model: Model, labels: Tensor, instances: Tensor | None = None) -> dict[int, "Level"]:
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
            numbered = distinct(digits[:, ::scale, ::scale])
            if numbered is None:
                continue
            level = Level(*numbered, vectors)
            if self.wish == "on" or level.pays(self.hidden):
                levels[scale] = level
        return levels


def is_compiled(network: nn.Module) -> bool:
    """Whether calls of `network` run compiled code."""
    return network._compiled_call_impl is not None


def use_tables(recipe: Recipe[Any, Any], wish: Wish) -> None:
    """Tell the recipe's tables; ValueError where they are to be on, and it has none."""
    found = [part for part in vars(recipe).values() if isinstance(part, Tables)]
    if wish == "on" and not found:
        raise ValueError("--tables on: this model has no SPADE norms; leave it out")
    for part in found:
        part.wish = wish


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

    Args: `of` int64 (n,), the list of each of n entries, and `rows` int64 (n,), their rows; `count` lists,
    fewer than 2**32. Each list is in the order of its entries.
    """

    def __init__(self, of: np.ndarray, rows: np.ndarray, count: int, device: torch.device):
        order = np.argsort(of.astype(np.uint16), kind="stable")  # of 16 bits, in a tenth of the time of 64
        if count > 2**16:
            order = order[np.argsort((of >> 16)[order].astype(np.uint16), kind="stable")]
        starts = np.concatenate([[0], np.bincount(of, minlength=count).cumsum()])
        self.members, self.starts = (torch.from_numpy(part).to(device) for part in (rows[order], starts))

    def __call__(self, rows: Tensor) -> Tensor:
        """The sum of each list: (n, channels) -> (lists, channels)."""
        return bags(rows, self.members, self.starts)


def bags(rows: Tensor, members: Tensor, starts: Tensor) -> Tensor:
    """The sums of rows (n, channels) -> (len(starts) - 1, channels), one for each list of `members`."""
    return torch.embedding_bag(rows, members, starts, include_last_offset=True)[0]


class SumOfTaps(torch.autograd.Function):
    """The row of each 5x5 patch: products (9 * n, channels) -> (m, channels), nine of them each."""

    @staticmethod
    def forward(ctx: Any, products: Tensor, level: "Level") -> Tensor:
        """Sums in fp32 at least, whatever the products are in."""
        ctx.level, ctx.type = level, products.dtype
        return bags(wide(products), level.summands, level.summand_starts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Each product's gradient is the sum of those of the rows that it went into."""
        return ctx.level.uses(gradient.contiguous()).to(ctx.type), None


class Modulate(torch.autograd.Function):
    """y = leaky_relu(normal(x) * (1 + gamma) + beta), with its patch's row at each pixel, for norms of one x.

    Their batch norm is the same, and is computed once. What its backward pass sums over the pixels, y's
    gradient times 1 + gamma, alone and times normal(x), are sums over the rows: no pass over the pixels.

    Shapes: x (B, channels, h, w); the level of its pixels; the norms, each with the slope of the leaky ReLU
    after it (1: none), and the rows of each, (m, 2 * channels), gamma and then beta, in fp32 at least, as
    their gradients are. Out, for each norm, (pixels, channels). Of what is as large, normal(x) and these are
    kept.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, level: "Level", norms: Sequence[tuple[SpadeNorm, float]], *rows: Tensor
    ) -> tuple[Tensor, ...]:
        """Chunk by chunk."""
        (first, *twins), slopes = ([norm.base for norm, _ in norms], [slope for _, slope in norms])
        normal, rate = first.measured(x)
        for twin in twins:
            twin.follow(first)
        normal = flat(normal)
        scales, shifts = zip(
            *((1 + row[:, : x.shape[1]], row[:, x.shape[1] :].contiguous()) for row in rows), strict=True
        )
        ys = [torch.empty_like(normal, dtype=rate.dtype) for _ in norms]
        for pixels in level.chunks(x.shape[1]):
            here, seen = level.index[pixels], wide(normal[pixels])
            for y, scale, shift, slope in zip(ys, scales, shifts, slopes, strict=True):
                made = y[pixels]
                torch.addcmul(shift.index_select(0, here), seen, scale.index_select(0, here), out=made)
                if slope != 1:
                    F.leaky_relu_(made, slope)
        ys = [y.to(x.dtype) for y in ys]
        ctx.save_for_backward(normal, rate, *scales, *ys)
        ctx.level, ctx.slopes, ctx.shape, ctx.learns = level, slopes, x.shape, first.training
        return tuple(ys)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        """First the rows' gradients, then that of x."""
        (normal, rate, *saved), count, level = ctx.saved_tensors, len(gradients), ctx.level
        scales, ys = saved[:count], saved[count:]
        inner = [
            leaky_backward(g.contiguous(), y, slope)
            for g, y, slope in zip(gradients, ys, ctx.slopes, strict=True)
        ]
        of_rows, sums = [], rate.new_zeros(2, len(rate))
        for gradient, scale in zip(inner, scales, strict=True):
            full = wide(gradient)
            of_scale, of_shift = level.pixels(full * normal), level.pixels(full)
            of_rows.append(torch.cat([of_scale, of_shift], 1))
            sums += torch.stack([(scale * part).sum(0) for part in (of_scale, of_shift)])
        sums = -rate * sums / len(normal) if ctx.learns else torch.zeros_like(sums)
        average_over_processes(sums)
        along, alone = sums
        of_x = torch.empty_like(normal, dtype=rate.dtype)
        scales = [scale * rate for scale in scales]
        for pixels in level.chunks(normal.shape[1]):
            here, made = level.index[pixels], of_x[pixels]
            torch.addcmul(alone, wide(normal[pixels]), along, out=made)
            for gradient, scale in zip(inner, scales, strict=True):
                made.addcmul_(wide(gradient[pixels]), scale.index_select(0, here))
        return pictures(of_x.to(normal.dtype), ctx.shape), None, None, *of_rows


def leaky_backward(gradient: Tensor, y: Tensor, slope: float) -> Tensor:
    """The gradient before a leaky ReLU that gave y; as it is where the slope is 1."""
    return gradient if slope == 1 else torch.ops.aten.leaky_relu_backward(gradient, y, slope, True)


def flat(x: Tensor) -> Tensor:
    """Pictures (B, channels, h, w) as pixels (B * h * w, channels)."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])


def pictures(pixels: Tensor, shape: torch.Size) -> Tensor:
    """What `flat` was given, of that shape, with channels last."""
    count, _, height, width = shape
    return pixels.view(count, height, width, -1).permute(0, 3, 1, 2)


class Level:
    """The maps of a batch in one resolution, as the distinct patches of all of them.

    Args: `index`, `patches` and `taps` as `distinct` gives them; `vectors` (digits, conditions), what the
    convolutions see of each digit. Attributes: `seen` (n, 9 * digits), the 3x3 patches one-hot; `inside`
    (n, 1): 0 for those around a place outside the picture, where the second convolution pads with zeros;
    `products` int64 (9 * m,): a 3x3 patch times a tap, for each tap of each 5x5 patch.
    """

    def __init__(self, index: np.ndarray, patches: np.ndarray, taps: np.ndarray, vectors: Tensor):
        self.vectors, self.index = vectors, torch.from_numpy(index).to(vectors.device)
        self.threes, self.fives = patches.shape[1], taps.shape[1]
        self.products = (9 * taps + np.arange(9)[:, None]).T.ravel()
        self.inside = torch.from_numpy(patches[4] != OUTSIDE)[:, None].to(vectors)
        self.seen = spread(patches, len(vectors)).to(vectors)
        self.summands = torch.from_numpy(self.products).to(vectors.device)
        self.summand_starts = 9 * torch.arange(self.fives + 1, device=vectors.device)

    @cached_property
    def pixels(self) -> Lists:
        """The pixels of each 5x5 patch."""
        of = self.index.cpu().numpy()
        return Lists(of, np.arange(len(of)), self.fives, self.index.device)

    @cached_property
    def uses(self) -> Lists:
        """The 5x5 patches of each product."""
        rows = np.arange(9 * self.fives) // 9
        return Lists(self.products, rows, 9 * self.threes, self.index.device)

    def pays(self, hidden: int) -> bool:
        """Whether tables are quicker than convolutions with so many hidden channels."""
        saved = 3 * hidden * (len(self.index) - self.threes)
        return saved > SUM * self.fives + LOOK_UP * len(self.index)

    def chunks(self, channels: int) -> list[slice]:
        """Slices of the pixels."""
        step = max(1, CHUNK // channels)
        return [slice(first, first + step) for first in range(0, len(self.index), step)]

    def modulate(self, x: Tensor, norms: Sequence[tuple[SpadeNorm, float]]) -> list[Tensor]:
        """As `cgan.layers.spade.norm.Modulator` says."""
        rows = [wide(self.rows(norm)) for norm, _ in norms]
        return [pictures(y, x.shape) for y in Modulate.apply(x, self, norms, *rows)]

    def rows(self, norm: SpadeNorm) -> Tensor:
        """Gamma and then beta of each distinct 5x5 patch: (m, 2 * channels)."""
        kernel = torch.einsum("dc,hckl->hkld", self.vectors, norm.shared.weight).flatten(1)
        hidden = F.relu(F.linear(self.seen, kernel, norm.shared.bias)) * self.inside
        weight = norm.modulation.weight  # (2 * channels, hidden, 3, 3)
        products = F.linear(hidden, weight.permute(2, 3, 0, 1).flatten(0, 2))  # (n, 9 * 2 * channels)
        return SumOfTaps.apply(products.view(-1, len(weight)), self) + norm.modulation.bias


def spread(patches: np.ndarray, digits: int) -> Tensor:
    """Patches of `digits` digits, (9, n), as 0 and 1: (n, 9 * digits)."""
    hot = np.zeros((patches.shape[1], 9 * digits), np.float32)
    hot[np.arange(len(hot))[:, None], patches.T + digits * np.arange(9)] = 1
    return torch.from_numpy(hot)


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
