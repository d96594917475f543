"""MUNIT: a picture of one domain becomes many pictures of another, learned without pairs.

Huang, Liu, Belongie, Kautz: Multimodal Unsupervised Image-to-Image Translation, ECCV 2018. A picture is
content, which both domains have, and style, which is its own domain's (figure 2). To translate is to decode
the content with a style of the target domain: that of a picture, or one drawn from N(0, 1). Learned with
pairs, which the paper does without, styles are drawn as the training pictures' are distributed.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn

from cgan.layers.autoencoder import ContentEncoder, Decoder, Spread, StyleEncoder
from cgan.layers.start import identity
from cgan.models.unit import check
from cgan.ranges import Halvings, Kernel, Length, Times, Width, grown

if TYPE_CHECKING:
    from cgan.tasks.protocols import DrawingModel


@dataclass(frozen=True)
class Config:
    """The shape of MUNIT's weights."""

    filters: Width = 16  # channels at full size; each halving doubles them
    limit: Width = 96  # most channels anywhere in content encoder and decoder
    halvings: Halvings = 2  # times that the content's height and width are halved, at most 3
    blocks: Times = 3  # residual blocks of each content encoder and of each decoder
    kernel: Kernel = 3  # size of the convolutions after the doublings
    style: Length = 8  # length of the style vector
    style_filters: Width = 16  # channels of the style encoder at full size
    style_limit: Width = 128  # most channels of the style encoder
    style_halvings: Halvings = 4  # times that the style encoder halves height and width
    hidden: Width = 128  # channels of the layers between the style and the norms
    fitted: bool = grown(False)  # styles are drawn with the training pictures' mean and covariance


PRESETS = {
    "tiny": Config(filters=4, limit=8, blocks=2, style_filters=4, style_limit=8, style_halvings=3, hidden=8),
    "small": Config(),
    "paper": Config(filters=64, limit=256, blocks=4, kernel=5, style_filters=64, style_limit=256, hidden=256),
}


class StyledDecoder(nn.Module):
    """The content in a style, as a picture: the norms of the decoder read the style (section 5.1).

    Shapes: content (B, c, h, w); style (B, style); out (B, 3, H, W).
    """

    def __init__(self, config: Config):
        super().__init__()
        self.spread = Spread(config.style, config.hidden)
        self.decoder = Decoder(
            config.filters, config.halvings, config.limit, config.blocks, config.kernel, config.hidden
        )

    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        return self.decoder(content, self.spread(style))


class Model(nn.Module):
    """Both domains; the direction "ab" takes pictures of A to B.

    Where the Config says `fitted`, `style_mean` and `style_factor` hold the mean and a factor of the
    covariance of B's styles (row 0) and of A's (row 1).
    """

    task: ClassVar[str] = "translate"
    multiple: ClassVar[int] = 8
    directions: ClassVar[tuple[str, ...]] = ("ab", "ba")
    styles: ClassVar[Literal["random"]] = "random"
    style_mean: Tensor  # (2, style)
    style_factor: Tensor  # (2, style, style)

    def __init__(self, config: Config):
        super().__init__()
        check(config.halvings, self.multiple)
        self.config = config
        sizes = (config.filters, config.halvings, config.limit, config.blocks)
        self.content_a, self.content_b = ContentEncoder(*sizes), ContentEncoder(*sizes)
        sizes = (config.style_filters, config.style_halvings, config.style_limit, config.style)
        self.style_a, self.style_b = StyleEncoder(*sizes), StyleEncoder(*sizes)
        self.decoder_a, self.decoder_b = StyledDecoder(config), StyledDecoder(config)
        if config.fitted:
            self.register_buffer("style_mean", torch.zeros(2, config.style))
            self.register_buffer("style_factor", identity(config.style, 2))

    def content(self, image: Tensor, direction: str = "ab") -> Tensor:
        """The content of pictures of the source domain.

        Shapes: image (B, 3, H, W) in [-1, 1], H and W multiples of 8; out (B, c, h, w).
        """
        return (self.content_a if direction == "ab" else self.content_b)(image)

    def encode(self, image: Tensor, direction: str = "ab") -> Tensor:
        """The styles of pictures of the target domain: (B, 3, H, W) in [-1, 1] -> float32 (B, style)."""
        return (self.style_b if direction == "ab" else self.style_a)(image)

    def draw(self, normal: Tensor, direction: str = "ab") -> Tensor:
        """Styles of the target domain, of normal (B, style) of N(0, 1).

        That is what they are taught to be without pairs, and then they are as they were given.
        """
        if not self.config.fitted:
            return normal
        row = 0 if direction == "ab" else 1
        return self.style_mean[row] + normal @ self.style_factor[row].T

    def decode(self, content: Tensor, style: Tensor, direction: str = "ab") -> Tensor:
        """Pictures of the target domain, in [-1, 1] in eval mode.

        While training nothing is clamped, as that would take the gradients of what lies outside.
        Shapes: content (B, c, h, w); style (B, style); out (B, 3, H, W).
        """
        image = (self.decoder_b if direction == "ab" else self.decoder_a)(content, style)
        return image if self.training else image.clamp(-1, 1)

    def forward(self, image: Tensor, style: Tensor, direction: str = "ab") -> Tensor:
        """Translate: image (B, 3, H, W), style (B, style) -> (B, 3, H, W)."""
        return self.decode(self.content(image, direction), style, direction)


if TYPE_CHECKING:
    _: type[DrawingModel] = Model
