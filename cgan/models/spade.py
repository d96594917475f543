"""SPADE: a label map and a style become a picture.

Park, Liu, Wang, Zhu: Semantic Image Synthesis with Spatially-Adaptive Normalization, CVPR 2019. The generator
is the paper's (appendix A) with the style encoder of its section 4, at any height and width divisible by 32.
Three things differ: the style vector is *added* to the convolved, downsampled labels (the paper's generator
starts from the vector alone, which fixes the size of the picture), an optional noise picture feeds every
block (see `SpadeBlock`), and coarse features can be doubled smoothly (see `seamless`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan.labels import instance_edges, onehot
from cgan.layers.blocks import double, seamless
from cgan.layers.spade.faster import Faster
from cgan.layers.spade.norm import Modulator, SpadeBlock
from cgan.layers.start import identity
from cgan.ranges import Length, Side, Width, grown

if TYPE_CHECKING:
    from cgan.tasks.protocols import PaintingModel


@dataclass(frozen=True)
class Config:
    """The shape of SPADE's weights."""

    classes: Length = 12  # number of classes in the label maps
    edges: bool = False  # add a channel with the boundaries of the instances
    filters: Width = 16  # channels of the last block; the first has 16 times as many
    hidden: Width = 64  # channels between the labels and each gamma and beta
    style: Length = 64  # length of the style vector
    encoder_filters: Width = 16  # channels of the style encoder's first convolution
    encoder_size: Side = 128  # pictures are resized to this height and width before they are encoded
    encoder_pool: Side = 1  # the encoder's last features are averaged to this height and width
    noise: bool = True  # feed noise to the blocks
    smooth: bool = grown(False)  # double coarse features bilinearly: no seams (see `seamless`)

    @property
    def looks(self) -> int:
        """How many looks single things can be given: none, as a style is of the whole picture."""
        return 0


PRESETS = {
    "tiny": Config(filters=2, hidden=8, style=8, encoder_filters=4, encoder_size=32, smooth=True),
    "small": Config(smooth=True),
    "paper": Config(
        filters=64, hidden=128, style=256, encoder_filters=64, encoder_size=256, encoder_pool=4, noise=False
    ),
}

# Width (in units of `filters`) of each block's output, and how often its input has been halved against the
# picture.
BLOCKS = ((16, 5), (16, 4), (16, 4), (8, 3), (4, 2), (2, 1), (1, 0))


class StyleEncoder(nn.Module):
    """The mean and the log-variance of the style of a photograph (section 4, "multi-modal synthesis").

    Convolutions of stride 2 until the features are 4x4. There is no normalisation, which would remove what
    style is made of: brightness and colour.

    Shapes: image (B, 3, H, W) in [-1, 1]; out two of (B, style).
    """

    def __init__(self, config: Config):
        super().__init__()
        self.size, self.pool = config.encoder_size, config.encoder_pool
        halvings = self.size.bit_length() - 3
        widths = [3] + [config.encoder_filters * min(2**i, 8) for i in range(halvings)]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in zip(widths, widths[1:], strict=False)
        )
        self.mean = nn.Linear(widths[-1] * self.pool**2, config.style)
        self.log_variance = nn.Linear(widths[-1] * self.pool**2, config.style)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        x = F.interpolate(image, size=(self.size, self.size), mode="bilinear", antialias=True)
        for convolution in self.convolutions:
            x = F.leaky_relu(convolution(x), 0.2)
        x = F.adaptive_avg_pool2d(x, self.pool).flatten(1)
        return self.mean(x), self.log_variance(x)


class Model(nn.Module):
    """The generator and its style encoder.

    `style_mean` and `style_factor` describe the styles of the training pictures: their mean and a factor of
    their covariance. Styles drawn from there are more varied than those from N(0, 1), which the KL term only
    approaches.
    """

    task: ClassVar[str] = "paint"
    multiple: ClassVar[int] = 2 ** BLOCKS[0][1]
    config: Config
    style_mean: Tensor  # (style,)
    style_factor: Tensor  # (style, style)

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        conditions, widths = config.classes + config.edges, [config.filters * width for width, _ in BLOCKS]
        self.encoder = StyleEncoder(config)
        self.start = nn.Conv2d(conditions, widths[0], 3, padding=1)
        self.style = nn.Linear(config.style, widths[0])
        self.blocks = nn.ModuleList(
            SpadeBlock(a, b, conditions, config.hidden, config.noise)
            for a, b in zip([widths[0], *widths], widths, strict=False)
        )
        self.to_rgb = nn.Conv2d(widths[-1], 3, 3, padding=1)
        self.register_buffer("style_mean", torch.zeros(config.style))
        self.register_buffer("style_factor", identity(config.style))

    def condition(self, labels: Tensor, instances: Tensor | None = None) -> Tensor:
        """What the generator sees of a map: int64 (B, 1, H, W) -> (B, conditions, H, W) of 0 and 1.

        Without instances, the boundaries between the classes stand in for theirs.
        """
        condition = onehot(labels, self.config.classes)
        return torch.cat([condition, self._edges(labels, instances)], 1) if self.config.edges else condition

    def symbols(self, labels: Tensor, instances: Tensor | None = None) -> Tensor:
        """The same in one number a pixel, for `faster`: the class, plus the number of classes on an edge."""
        if not self.config.edges:
            return labels
        return labels + self.config.classes * self._edges(labels, instances).long()

    def vectors(self) -> Tensor:
        """What the convolutions see of each symbol: (symbols, conditions) of 0 and 1."""
        vectors = torch.eye(self.config.classes)
        if self.config.edges:  # each class without an edge, then each with one
            edge = torch.arange(2.0).repeat_interleave(len(vectors))[:, None]
            vectors = torch.cat([vectors.repeat(2, 1), edge], 1)
        return vectors

    def _edges(self, labels: Tensor, instances: Tensor | None) -> Tensor:
        edges = instance_edges(labels)
        return edges if instances is None else torch.maximum(edges, instance_edges(instances))

    def encode(self, image: Tensor, labels: Tensor | None = None) -> Tensor:
        """The style of photographs (B, 3, H, W) -> (B, style); their maps are not needed."""
        return self.encoder(image)[0]

    def draw(self, normal: Tensor) -> Tensor:
        """Styles such as the training pictures have: normal (B, style) of N(0, 1) -> (B, style)."""
        return self.style_mean + normal @ self.style_factor.T

    def seamless(self, scale: int) -> bool:
        """Whether features are doubled bilinearly to what is `scale` times smaller than the picture."""
        return self.config.smooth and seamless(scale)

    def forward(
        self,
        condition: Tensor,
        style: Tensor,
        noise: Tensor,
        modulators: Mapping[int, Modulator] | None = None,
    ) -> Tensor:
        """Paint. Height and width must be multiples of 32.

        `modulators` stand for the condition at some resolutions, by how much these are smaller (1, 2, 4, …).
        Shapes: condition (B, conditions, H, W); style (B, style); noise (B, 1, H, W) of N(0, 1);
        out (B, 3, H, W) in [-1, 1].
        """
        scale = 2 ** BLOCKS[0][1]
        x = self.start(condition[:, :, ::scale, ::scale]) + self.style(style)[:, :, None, None]
        for block, (_, halvings) in zip(self.blocks, BLOCKS, strict=True):
            scale = 2**halvings
            if x.shape[2] * scale != condition.shape[2]:
                x = double(x, self.seamless(scale))
            here = (modulators or {}).get(scale, condition[:, :, ::scale, ::scale])
            x = block(x, here, noise[:, :, ::scale, ::scale])
        return torch.tanh(self.to_rgb(F.leaky_relu(x, 0.2)))

    def faster(self) -> Faster:
        """What paints the same in less time: in eval mode, on a CPU, in float32, a map given as `symbols`."""
        return Faster(self, [2**halvings for _, halvings in BLOCKS], self.vectors(), self.seamless)


if TYPE_CHECKING:
    _: type[PaintingModel] = Model
