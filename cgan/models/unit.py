"""UNIT: pictures of one domain become pictures of another, learned without pairs.

Liu, Breuel, Kautz: Unsupervised Image-to-Image Translation Networks, NIPS 2017. Each domain has an encoder
and a decoder, and the code between them means the same in both: to translate is to encode with one domain's
and to decode with the other's. Both forms are here. In the paper's, the encoders share their last residual
blocks and the decoders their first (`Config.shared`), and the codes are noisy (`weight_kl` of the recipe); in
the simple form nothing is shared, the code is exact, and the cycle alone ties the domains together.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from torch import Tensor, nn

from cgan.layers.autoencoder import ContentEncoder, Decoder, residuals
from cgan.ranges import Halvings, Kernel, Times, Width

if TYPE_CHECKING:
    from cgan.tasks.protocols import PlainModel


@dataclass(frozen=True)
class Config:
    """The shape of UNIT's weights."""

    filters: Width = 16  # channels at full size; each halving doubles them
    limit: Width = 96  # most channels anywhere
    halvings: Halvings = 2  # times that height and width are halved, at most 3
    blocks: Times = 3  # residual blocks of each encoder and of each decoder
    shared: Times = 1  # how many of them both encoders share, and both decoders
    kernel: Kernel = 3  # size of the convolutions after the doublings


PRESETS = {
    "tiny": Config(filters=4, limit=8, blocks=2),
    "small": Config(),
    "paper": Config(filters=48, limit=256, blocks=4, shared=0, kernel=5),
}


class Model(nn.Module):
    """Both domains' encoders and decoders; the direction "ab" takes pictures of A to B."""

    task: ClassVar[str] = "translate"
    multiple: ClassVar[int] = 8
    directions: ClassVar[tuple[str, ...]] = ("ab", "ba")
    styles: ClassVar[Literal["none"]] = "none"

    def __init__(self, config: Config):
        super().__init__()
        check(config.halvings, self.multiple)
        if not 0 <= config.shared <= config.blocks:
            raise ValueError(f"shared is {config.shared}; it must be from 0 to blocks, {config.blocks}")
        self.config = config
        own = config.blocks - config.shared
        sizes = (config.filters, config.halvings, config.limit, own)
        self.encoder_a, self.encoder_b = ContentEncoder(*sizes), ContentEncoder(*sizes)
        channels = self.encoder_a.channels
        self.to_common = residuals(config.shared, channels)
        self.from_common = residuals(config.shared, channels)
        self.decoder_a, self.decoder_b = Decoder(*sizes, config.kernel), Decoder(*sizes, config.kernel)

    def content(self, image: Tensor, direction: str = "ab") -> Tensor:
        """The common code of pictures of the source domain.

        Shapes: image (B, 3, H, W) in [-1, 1], H and W multiples of 8; out (B, c, h, w).
        """
        x = (self.encoder_a if direction == "ab" else self.encoder_b)(image)
        for block in self.to_common:
            x = block(x)
        return x

    def decode(self, content: Tensor, style: None = None, direction: str = "ab") -> Tensor:
        """Pictures of the target domain: content (B, c, h, w) -> (B, 3, H, W), in [-1, 1] in eval mode.

        While training nothing is clamped, as that would take the gradients of what lies outside.
        """
        for block in self.from_common:
            content = block(content)
        image = (self.decoder_b if direction == "ab" else self.decoder_a)(content)
        return image if self.training else image.clamp(-1, 1)

    def forward(self, image: Tensor, direction: str = "ab") -> Tensor:
        """Translate: (B, 3, H, W) -> (B, 3, H, W)."""
        return self.decode(self.content(image, direction), None, direction)


def check(halvings: int, multiple: int) -> None:
    """Raise ValueError where pictures of that multiple cannot be halved so often."""
    if halvings < 0 or multiple % 2**halvings:
        raise ValueError(f"halvings is {halvings}; it must be from 0 to {multiple.bit_length() - 1}")


if TYPE_CHECKING:
    _: type[PlainModel] = Model
