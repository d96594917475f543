"""The growing blocks of the few-shot translators' decoder.

Liu et al., Few-Shot Unsupervised Image-to-Image Translation, ICCV 2019 (appendix A).
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan.layers.adain import AdaIN, instance_norm
from cgan.layers.blocks import Conv, double, mirror


class DoublingConv(nn.Module):
    """Nearest-neighbour doubling and a 5x5 convolution, as one 3x3 convolution before the doubling.

    Of the 25 pixels under the kernel only 9 differ, so that each of the four pixels that come from one is a
    3x3 convolution of the small picture, whose weights are sums of the 25: 2.8 times less to do. The small
    picture is mirrored at the border.

    Shapes: x (B, inputs, h, w); out (B, outputs, 2h, 2w).
    """

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        bare = nn.Conv2d(inputs, outputs, 5)
        self.weight, self.bias = bare.weight, cast(nn.Parameter, bare.bias)  # it was not told to have none

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(F.conv2d(mirror(x, 1), *self.folded()), 2)

    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight (4 outputs, inputs, 3, 3) and bias (4 outputs,) of the 3x3 convolutions."""
        folded = self._fold(self._fold(self.weight, -2, 1), -1, 2)  # (outputs, 2, 2, inputs, 3, 3)
        return folded.flatten(0, 2), self.bias.repeat_interleave(4)

    def _fold(self, weight: Tensor, dim: int, place: int) -> Tensor:
        """Five taps along `dim` become three, for the first and (side by side at `place`) the second twin.

        The first of two equal pixels sees a pair, a pair and one more; the second one, a pair and a pair.
        """
        a, b, c, d, e = weight.unbind(dim)
        taps = [a + b, c + d, e], [a, b + c, d + e]
        return torch.stack([torch.stack(three, dim) for three in taps], place)


class UpResidual(nn.Module):
    """A residual block that doubles the picture: twice AdaIN, ReLU and a convolution, beside a shortcut.

    The shortcut, a 1x1 convolution of the plainly normalised features, knows nothing of the style. It doubles
    last: the result is the same as if it did so first.

    Shapes: x (B, inputs, h, w); style (B, style); out (B, outputs, 2h, 2w).
    """

    def __init__(self, inputs: int, outputs: int, style: int, kernel: int):
        super().__init__()
        self.norm_0, self.norm_1 = AdaIN(inputs, style), AdaIN(outputs, style)
        self.conv_0, self.conv_1 = DoublingConv(inputs, outputs), Conv(outputs, outputs, kernel)
        self.conv_s = Conv(inputs, outputs, 1)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        h = self.conv_0(F.relu(self.norm_0(x, style)))
        h = self.conv_1(F.relu(self.norm_1(h, style)))
        return h + double(self.conv_s(F.relu(instance_norm(x))))
