"""SPADE with several conditions, one after the other: the norm and the block of all video models.

Park et al., CVPR 2019 (SPADE); Mallya, Wang, Sapra, Liu: World-Consistent Video-to-Video Synthesis, ECCV 2020
(section 4 and figure 4: multi-SPADE); Wang et al.: Few-shot Video-to-Video Synthesis, NeurIPS 2019 (weights
that are generated for each sample).
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan.layers.adain import instance_norm
from cgan.layers.hyper import conv_each
from cgan.layers.start import normal

STRENGTH = 0.1  # of the noise in the beginning: enough to be learnt from

Conditions = Sequence[Tensor | None]  # features of the size of what they modulate; None: there is none now


class MultiNorm(nn.Module):
    """Instance-normalise `x`; then for each condition in order x * (1 + gamma) + beta, from a 1x1 convolution
    of it.

    The networks that embed the conditions have done the work of SPADE's hidden layer. `generated` modulates
    first: a map of parts and the weights of its convolution, which are made for each sample.

    Shapes: x (B, channels, h, w); conditions (B, conditions[i], h, w); generated ((B, parts, h, w), (B,
    2 channels, parts, 1, 1)); out as x.
    """

    def __init__(self, channels: int, conditions: Sequence[int]):
        super().__init__()
        self.modulations = nn.ModuleList(nn.Conv2d(inputs, 2 * channels, 1) for inputs in conditions)

    def forward(
        self, x: Tensor, conditions: Conditions, generated: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        x = instance_norm(x)
        if generated is not None:
            x = modulated(x, conv_each(*generated))
        for condition, modulation in zip(conditions, self.modulations, strict=True):
            if condition is not None:
                x = modulated(x, modulation(condition))
        return x


def modulated(x: Tensor, modulation: Tensor) -> Tensor:
    """x * (1 + gamma) + beta, of (B, c, h, w) and (B, 2c, h, w): gamma, then beta."""
    gamma, beta = modulation.to(x.dtype).chunk(2, 1)
    return torch.addcmul(beta, x, 1 + gamma)


class MultiBlock(nn.Module):
    """SPADE's residual block: twice norm, leaky ReLU and a 3x3 convolution, beside a shortcut.

    `generated`: how many generated weights it takes: one for each norm, so 0, 2 or 3; `made_for` lists their
    channels. The shortcut is a 1x1 convolution of the normalised input where the channels differ. With
    `noise`, a noise picture times a learned strength for each channel follows each 3x3 convolution.

    Shapes: x (B, inputs, h, w); conditions as `MultiNorm`; parts (B, parts, h, w) and a weight for each norm,
    or None; noise (B, 1, h, w) or None; out (B, outputs, h, w).
    """

    def __init__(self, inputs: int, outputs: int, conditions: Sequence[int], noise: bool = False):
        super().__init__()
        middle = min(inputs, outputs)
        self.norm_0, self.conv_0 = MultiNorm(inputs, conditions), nn.Conv2d(inputs, middle, 3, padding=1)
        self.norm_1, self.conv_1 = MultiNorm(middle, conditions), nn.Conv2d(middle, outputs, 3, padding=1)
        self.made_for = [2 * inputs, 2 * middle]
        self.learned_shortcut = inputs != outputs
        if self.learned_shortcut:
            self.norm_s = MultiNorm(inputs, conditions)
            self.conv_s = nn.Conv2d(inputs, outputs, 1, bias=False)
            self.made_for.append(2 * inputs)
        if noise:
            self.noise_0 = nn.Parameter(normal(middle, 1, 1, scale=STRENGTH))
            self.noise_1 = nn.Parameter(normal(outputs, 1, 1, scale=STRENGTH))
        self.instead: Callable[..., Tensor] | None = None  # computes the same, sooner (multi_faster.py)

    def forward(
        self,
        x: Tensor,
        conditions: Conditions,
        parts: Tensor | None = None,
        weights: Sequence[Tensor] | None = None,
        noise: Tensor | None = None,
    ) -> Tensor:
        if self.instead is not None:
            return self.instead(x, conditions, parts, weights, noise)
        made: list[tuple[Tensor, Tensor] | None] = [None] * len(self.made_for)
        if parts is not None and weights is not None:
            made = [(parts, weight) for weight in weights]
        shortcut = self.conv_s(self.norm_s(x, conditions, made[2])) if self.learned_shortcut else x
        h = self.conv_0(F.leaky_relu(self.norm_0(x, conditions, made[0]), 0.2))
        h = h if noise is None else torch.addcmul(h, self.noise_0, noise)
        h = self.conv_1(F.leaky_relu(self.norm_1(h, conditions, made[1]), 0.2))
        h = h if noise is None else torch.addcmul(h, self.noise_1, noise)
        out: Tensor = shortcut + h
        return out
