"""The parts of translators: content encoder, style encoder, the net that spreads a style, and decoder.

Liu, Breuel, Kautz: Unsupervised Image-to-Image Translation Networks, NIPS 2017; Huang, Liu, Belongie, Kautz:
Multimodal Unsupervised Image-to-Image Translation, ECCV 2018 (section 5.1 and appendix B).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan.layers.blocks import Conv, ConvBlock, PostResidual, PreResidual, double
from cgan.layers.precision import wide


def widths(filters: int, halvings: int, limit: int) -> list[int]:
    """Channels of the first convolution and after each halving: they double up to `limit`."""
    return [min(filters * 2**i, limit) for i in range(halvings + 1)]


def residuals(count: int, channels: int, style: int | None = 0, order: str = "NACNAC") -> nn.ModuleList:
    """`count` residual blocks: of order NACNAC, CNACN or CNACNA; `style` as in `cgan.layers.blocks.norm`."""
    if order == "NACNAC":
        return nn.ModuleList(PreResidual(channels, channels, style) for _ in range(count))
    last = {"CNACN": False, "CNACNA": True}[order]
    return nn.ModuleList(PostResidual(channels, style, last) for _ in range(count))


class ContentEncoder(nn.Module):
    """A picture's structure: a 7x7 convolution, `halvings` 4x4 ones of stride 2, residual blocks.

    `channels` is the number of its output's channels.
    Shapes: image (B, 3, H, W); out (B, channels, H / 2^halvings, W / 2^halvings).
    """

    def __init__(self, filters: int, halvings: int, limit: int, blocks: int, order: str = "NACNAC"):
        super().__init__()
        steps = widths(filters, halvings, limit)
        self.channels = steps[-1]
        self.start = ConvBlock(3, steps[0], 7)
        self.downs = nn.ModuleList(ConvBlock(a, b, 4, 2) for a, b in zip(steps, steps[1:], strict=False))
        self.blocks = residuals(blocks, self.channels, order=order)

    def forward(self, image: Tensor) -> Tensor:
        x = self.start(image)
        for layer in (*self.downs, *self.blocks):
            x = layer(x)
        return x


class StyleEncoder(nn.Module):
    """A picture's style: convolutions of stride 2 without norms, averaged over the picture.

    A norm would remove what style is made of: brightness and colour. The code is computed in fp32.
    Shapes: image (B, 3, H, W); out float32 (B, style).
    """

    def __init__(self, filters: int, halvings: int, limit: int, style: int):
        super().__init__()
        steps = widths(filters, halvings, limit)
        self.start = ConvBlock(3, steps[0], 7, style=None)
        self.downs = nn.ModuleList(
            ConvBlock(a, b, 4, 2, style=None) for a, b in zip(steps, steps[1:], strict=False)
        )
        self.code = nn.Linear(steps[-1], style)

    def forward(self, image: Tensor) -> Tensor:
        x = self.start(image)
        for layer in self.downs:
            x = layer(x)
        with torch.autocast(x.device.type, enabled=False):
            return F.linear(wide(x).mean((2, 3)), wide(self.code.weight), self.code.bias)


class Spread(nn.Module):
    """Two linear layers with ReLU that make of a style what all AdaINs read.

    Shapes: style (B, style); out (B, hidden).
    """

    def __init__(self, style: int, hidden: int):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(style, hidden), nn.Linear(hidden, hidden)])

    def forward(self, style: Tensor) -> Tensor:
        for layer in self.layers:
            style = F.relu(layer(style))
        return style


class Decoder(nn.Module):
    """Content (and a style) back to a picture: residual blocks, doublings with a convolution, a 7x7 one.

    `style`: length of what the AdaINs read; 0: affine instance norms. The result is linear, as in the
    papers: what saturates would take the gradients where a picture is white.
    Shapes: content (B, channels, h, w); style (B, style) or None; out (B, 3, h * 2^halvings, w * 2^halvings).
    """

    def __init__(self, filters: int, halvings: int, limit: int, blocks: int, kernel: int = 5, style: int = 0):
        super().__init__()
        steps = widths(filters, halvings, limit)[::-1]
        self.blocks = residuals(blocks, steps[0], style)
        self.ups = nn.ModuleList(
            ConvBlock(a, b, kernel, style=style) for a, b in zip(steps, steps[1:], strict=False)
        )
        self.to_rgb = Conv(steps[-1], 3, 7)

    def forward(self, content: Tensor, style: Tensor | None = None) -> Tensor:
        x = content
        for block in self.blocks:
            x = block(x, style)
        for up in self.ups:
            x = up(double(x), style)
        return self.to_rgb(x)
