"""FUNIT: a picture is redrawn as one of a class that a few other pictures show.

Liu, Huang, Mallya, Karras, Aila, Lehtinen, Kautz: Few-Shot Unsupervised Image-to-Image Translation, ICCV 2019
(section 3 and appendix A). The class may be one that was never trained on: its code is the mean of the codes
of the pictures that show it. The decoder's second convolutions have a kernel of their own size, `kernel`,
since they take most of its time.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn

from cgan.layers.autoencoder import ContentEncoder, Spread, StyleEncoder, residuals, widths
from cgan.layers.blocks import Conv
from cgan.layers.few_shot import UpResidual
from cgan.layers.precision import wide
from cgan.ranges import Halvings, Kernel, Length, Times, Width, grown

if TYPE_CHECKING:
    from cgan.tasks.protocols import ShownModel


@dataclass(frozen=True)
class Config:
    """The shape of FUNIT's weights."""

    filters: Width = 24  # channels of the first and of the last features; they double with each halving
    halvings: Halvings = 3  # how often the content is halved against the picture
    limit: Width = 256  # most channels of the content
    blocks: Times = 2  # residual blocks before and after the content
    kernel: Kernel = 3  # of the decoder's second convolutions
    style_filters: Width = 24  # channels of the style encoder's first convolution
    style_halvings: Halvings = 4  # convolutions of stride 2 in the style encoder
    style_limit: Width = 256  # most channels of the style encoder
    style: Length = 64  # length of a style code
    hidden: Width = 256  # length of what the norms read of a style
    classes: Length = 1  # training classes, which the discriminator tells apart; the model does not use it
    grey: bool = grown(False)  # pictures without colour, such as letters: the mean of the three channels


PRESETS = {
    "tiny": Config(filters=4, halvings=2, blocks=1, style_filters=4, style_halvings=2, style=8, hidden=16),
    "small": Config(),
    "paper": Config(filters=64, halvings=4, limit=1024, kernel=5, style_filters=64, style_halvings=5),
}


class Decoder(nn.Module):
    """Content and style become a picture: residual blocks with AdaIN, growing ones, and a 7x7 convolution.

    The last step is in fp32: in bf16, tanh is 1 from 3.1 on, and what is 1 has no gradient.
    Shapes: content (B, channels, h, w); style (B, hidden); out (B, 3, h * 2^halvings, w * 2^halvings) in
    [-1, 1].
    """

    def __init__(self, config: Config):
        super().__init__()
        self.grey = config.grey
        steps = widths(config.filters, config.halvings, config.limit)[::-1]
        self.blocks = residuals(config.blocks, steps[0], config.hidden, "CNACNA")
        self.ups = nn.ModuleList(
            UpResidual(a, b, config.hidden, config.kernel) for a, b in zip(steps, steps[1:], strict=False)
        )
        self.to_rgb = Conv(steps[-1], 3, 7)

    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        x = content
        for block in (*self.blocks, *self.ups):
            x = block(x, style)
        image = torch.tanh(wide(self.to_rgb(x)))
        return image.mean(1, keepdim=True).expand_as(image) if self.grey else image


class Model(nn.Module):
    """The translator: what a picture shows (content), how a class looks (style), and both in one picture."""

    task: ClassVar[str] = "translate"
    directions: ClassVar[tuple[str, ...]] = ("ab",)
    styles: ClassVar[Literal["pictures"]] = "pictures"

    def __init__(self, config: Config):
        super().__init__()
        self.config, self.multiple = config, 2**config.halvings
        self.content_encoder = ContentEncoder(
            config.filters, config.halvings, config.limit, config.blocks, "CNACNA"
        )
        self.style_encoder = StyleEncoder(
            config.style_filters, config.style_halvings, config.style_limit, config.style
        )
        self.spread = Spread(config.style, config.hidden)
        self.decoder = Decoder(config)

    def content(self, image: Tensor, direction: str = "ab") -> Tensor:
        """What is kept of a picture, its pose: (B, 3, H, W) -> (B, channels, h, w)."""
        return self.content_encoder(image)

    def encode(self, image: Tensor, direction: str = "ab") -> Tensor:
        """The codes of pictures of the class that is wanted, to be averaged: (B, 3, H, W) -> (B, style)."""
        return self.style_encoder(image)

    def decode(self, content: Tensor, style: Tensor, direction: str = "ab") -> Tensor:
        """The content as one of the style's class: (B, channels, h, w), (B, style) -> (B, 3, H, W)."""
        return self.decoder(content, self.spread(style))


if TYPE_CHECKING:
    _: type[ShownModel] = Model
