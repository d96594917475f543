"""The blocks of the translators: C is a convolution, N a norm, A an activation, named in their order.

He, Zhang, Ren, Sun: Deep Residual Learning, CVPR 2016 (CNACNA), and Identity Mappings in Deep Residual
Networks, ECCV 2016 (NACNAC); Johnson, Alahi, Fei-Fei: Perceptual Losses, ECCV 2016 (CNACN).

All blocks are called as block(x, style); without AdaIN, style may be left out.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from cgan.layers.adain import AdaIN, InstanceNorm

COARSE = 4  # features this many times smaller than the picture, or more, are coarse


class Conv(nn.Conv2d):
    """A convolution that mirrors its input at the border: zeros there would show as a frame.

    Maps too small to be mirrored have their border repeated. Stride 1 keeps height and width; stride 2, with
    a kernel of 3 or 4, halves even ones.

    Shapes: x (B, inputs, h, w); out (B, outputs, h / stride, w / stride).
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, bias: bool = True):
        super().__init__(inputs, outputs, kernel, stride, bias=bias)
        self.margin = (kernel - 1) // 2

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(mirror(x, self.margin))


def mirror(x: Tensor, margin: int) -> Tensor:
    """Widen (B, c, h, w) by `margin` on each side: mirrored, or repeated where x is not larger than that."""
    if not margin:
        return x
    return F.pad(x, [margin] * 4, mode="reflect" if min(x.shape[2:]) > margin else "replicate")


def norm(channels: int, style: int | None) -> nn.Module:
    """What normalises: AdaIN by a style of that length; affine instance norm for 0; nothing for None."""
    if style is None:
        return Nothing()
    return AdaIN(channels, style) if style else InstanceNorm(channels)


class Nothing(nn.Module):
    """No norm."""

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        return x


class ConvBlock(nn.Module):
    """CNA: a mirrored convolution, a norm (`style`: see `norm`) and ReLU.

    Shapes: x (B, inputs, h, w); style (B, style) or None; out (B, outputs, h / stride, w / stride).
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, style: int | None = 0):
        super().__init__()
        self.conv, self.norm = Conv(inputs, outputs, kernel, stride), norm(outputs, style)

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        return F.relu(self.norm(self.conv(x), style))


class PreResidual(nn.Module):
    """NACNAC beside a shortcut, which is a norm and a 1x1 convolution where the numbers of channels differ.

    `style`: see `norm`; `slope`: of the activation below zero.
    Shapes: x (B, inputs, h, w); style (B, style) or None; out (B, outputs, h, w).
    """

    def __init__(self, inputs: int, outputs: int, style: int | None = 0, slope: float = 0.0):
        super().__init__()
        middle, self.slope = min(inputs, outputs), slope
        self.norm_0, self.conv_0 = norm(inputs, style), Conv(inputs, middle)
        self.norm_1, self.conv_1 = norm(middle, style), Conv(middle, outputs)
        self.learned_shortcut = inputs != outputs
        if self.learned_shortcut:
            self.norm_s, self.conv_s = norm(inputs, style), Conv(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        shortcut = self.conv_s(self.norm_s(x, style)) if self.learned_shortcut else x
        h = self.conv_0(F.leaky_relu(self.norm_0(x, style), self.slope))
        return shortcut + self.conv_1(F.leaky_relu(self.norm_1(h, style), self.slope))


class PostResidual(nn.Module):
    """CNACN beside an identity shortcut; with `last`, CNACNA: ReLU after the sum.

    `style`: see `norm`. Shapes: x (B, channels, h, w); style (B, style) or None; out as x.
    """

    def __init__(self, channels: int, style: int | None = 0, last: bool = False):
        super().__init__()
        self.last = last
        self.conv_0, self.norm_0 = Conv(channels, channels), norm(channels, style)
        self.conv_1, self.norm_1 = Conv(channels, channels), norm(channels, style)

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        h = F.relu(self.norm_0(self.conv_0(x), style))
        h = x + self.norm_1(self.conv_1(h), style)
        return F.relu(h) if self.last else h


def seamless(scale: int) -> bool:
    """Whether features are better doubled bilinearly to what is `scale` times smaller than the picture.

    Repeated pixels of 1/32, 1/16 and 1/8 leave steps in each 32nd, 16th and 8th row: lines across whole
    meadows. Finer ones leave none that is seen, and bilinearly they would be blurred.
    """
    return scale >= COARSE


def double(x: Tensor, smooth: bool = False) -> Tensor:
    """Twice as large, each pixel repeated or, if `smooth`, bilinearly: (B, c, h, w) -> (B, c, 2 h, 2 w)."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear" if smooth else "nearest")
