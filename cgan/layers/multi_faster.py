"""The blocks of the video models, sooner on a CPU: the same but for rounding.

A pixel's channels lie side by side, so that a 1x1 convolution is a product of matrices. All modulations of a
norm are done for some thousands of pixels at a time, which stay in the processor's cache, and the two norms
of a block's input normalise it once.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan.layers.adain import instance_norm
from cgan.layers.multi import Conditions, MultiBlock, MultiNorm

CHUNK = 2**17  # numbers that are modulated at a time
SLOPE = 0.2  # of every leaky ReLU

Product = tuple[Tensor, Tensor]  # (inputs, 2 channels) and (2 channels,): what gives 1 + gamma, then beta


def hasten(blocks: nn.ModuleList) -> None:
    """Let each `MultiBlock` compute sooner from now on."""
    for block in blocks:
        if isinstance(block, MultiBlock):
            block.instead = FasterBlock(block)


class FasterBlock:
    """Computes as `block` does. It has copies of the small weights: they must not change any more."""

    def __init__(self, block: MultiBlock):
        self.block = block
        norms = [block.norm_0, block.norm_1, *([block.norm_s] if block.learned_shortcut else [])]
        self.products = [products_of(norm) for norm in norms]

    def __call__(
        self,
        x: Tensor,
        conditions: Conditions,
        parts: Tensor | None,
        weights: Sequence[Tensor] | None,
        noise: Tensor | None = None,
    ) -> Tensor:
        """One sample after another; the arguments are those of `MultiBlock`."""
        found = []
        for i in range(len(x)):
            given = [None if each is None else rows_of(each[i : i + 1]) for each in conditions]
            made: list[Product | None] = [None] * 3
            if parts is not None and weights is not None:
                given = [rows_of(parts[i : i + 1]), *given]
                made = [product_of(weight[i, :, :, 0, 0], None) for weight in weights]
            own = None if noise is None else noise[i : i + 1]
            found.append(self._one(x[i : i + 1], given, made, own))
        return found[0] if len(found) == 1 else torch.cat(found)

    def _one(
        self, x: Tensor, given: list[Tensor | None], made: list[Product | None], noise: Tensor | None
    ) -> Tensor:
        block, (height, width) = self.block, x.shape[2:]

        def norm(which: int, normal: Tensor, slope: float | None) -> Tensor:
            first = made[which]
            steps = [*([] if first is None else [first]), *self.products[which]]
            there = [(rows, *step) for rows, step in zip(given, steps, strict=True) if rows is not None]
            return modulated(normal, there, slope).view(1, height, width, -1).permute(0, 3, 1, 2)

        normal = rows_of(instance_norm(x))
        h = block.conv_0(norm(0, normal, SLOPE))
        h = h if noise is None else h.addcmul_(block.noise_0, noise)
        shortcut = block.conv_s(norm(2, normal, None)) if block.learned_shortcut else x
        h = block.conv_1(norm(1, rows_of(instance_norm(h)), SLOPE))
        h = h if noise is None else h.addcmul_(block.noise_1, noise)
        return h.add_(shortcut)


def modulated(x: Tensor, steps: Sequence[tuple[Tensor, Tensor, Tensor]], slope: float | None) -> Tensor:
    """x (pixels, channels) times 1 + gamma plus beta for each step, then a leaky ReLU if there is a slope.

    A step: the condition (pixels, inputs), and its product as `Product`.
    """
    channels, out = x.shape[1], torch.empty_like(x)
    size = max(1, CHUNK // (2 * channels))
    for first in range(0, len(x), size):
        here = slice(first, first + size)
        y = x[here]
        for rows, weight, bias in steps:
            gamma, beta = torch.addmm(bias, rows[here], weight).split(channels, 1)
            y = torch.addcmul(beta, y, gamma)
        out[here] = y if slope is None else F.leaky_relu(y, slope)
    return out


def products_of(norm: MultiNorm) -> list[Product]:
    """Those of a norm's modulations."""
    convolutions = [
        (layer.get_parameter("weight"), layer.get_parameter("bias")) for layer in norm.modulations
    ]
    return [product_of(weight[:, :, 0, 0], bias) for weight, bias in convolutions]


def product_of(weight: Tensor, bias: Tensor | None) -> Product:
    """A modulation's weight (2 channels, inputs) and bias as a product that adds the one of 1 + gamma."""
    shift = weight.new_zeros(len(weight)) if bias is None else bias.clone()
    shift[: len(weight) // 2] += 1
    return weight.t().contiguous(), shift


def rows_of(x: Tensor) -> Tensor:
    """A sample's pixels as rows: (1, channels, h, w) -> (h * w, channels); a view where channels are last."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])
