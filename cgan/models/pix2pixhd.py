"""pix2pixHD: a label map, and what each thing on it should look like, become a picture.

Wang, Liu, Zhu, Tao, Kautz, Catanzaro: High-Resolution Image Synthesis and Semantic Manipulation with
Conditional GANs, CVPR 2018. The global generator and the local enhancers of section 3.1, the boundaries of
section 3.3, the features of section 3.4. Without classes it makes pictures of pictures.

Three things differ. What is enlarged is repeated and convolved (the paper's transposed convolutions leave
checkerboards). The last layer sees the features too, as instance norm keeps from it whether a whole picture
is light or dark. And an enhancer *adds* to the enlarged picture of the generator below it, from zero, so
that a new enhancer changes nothing until it has learned something.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan.labels import instance_edges, onehot
from cgan.layers.autoencoder import residuals, widths
from cgan.layers.blocks import Conv, ConvBlock, double
from cgan.layers.instances import class_means, components, pooled
from cgan.ranges import Halvings, Length, Times, Width

if TYPE_CHECKING:
    from cgan.tasks.protocols import PlainModel, RestylingModel


@dataclass(frozen=True)
class Config:
    """The shape of pix2pixHD's weights."""

    classes: Length = 12  # number of classes in the label maps; 0: pictures in, pictures out
    edges: bool = True  # add a channel with the boundaries of the instances
    features: Length = 3  # numbers that say what a thing looks like (0: no styles)
    clusters: Length = 10  # looks of each class that are remembered
    filters: Width = 24  # channels of the global generator's first and last layer
    downs: Halvings = 3  # how often it halves its input
    limit: Width = 256  # most channels of a layer
    blocks: Times = 6  # residual blocks of the global generator
    enhancers: Times = 0  # local enhancers, each of which doubles the picture's height and width
    enhancer_blocks: Times = 3  # residual blocks of each enhancer
    encoder_filters: Width = 8  # channels of the feature encoder's first convolution
    encoder_downs: Halvings = 2  # how often the feature encoder halves its input

    @property
    def style(self) -> int:
        """Length of a style vector: the features of all classes, one class after the other."""
        return self.classes * self.features

    @property
    def looks(self) -> int:
        """How many looks of each class there are to choose from, for single things."""
        return self.clusters if self.style else 0


PRESETS = {
    "tiny": Config(filters=4, downs=2, blocks=1, enhancer_blocks=1, encoder_filters=4, clusters=3),
    "small": Config(),
    "paper": Config(filters=64, downs=4, limit=1024, blocks=9, encoder_filters=16, encoder_downs=4),
}


COMMON = 0.75  # the share, in variance, of what all classes have in common when looks are drawn


class Global(nn.Module):
    """The global generator (section 3.1): down, residual blocks, and up again.

    The last layer sees the last `kept` channels of x once more, around all norms.
    Shapes: x (B, inputs, H, W), multiples of 2^downs; out its last features (B, filters, H, W) and the
    picture before tanh (B, 3, H, W).
    """

    def __init__(self, inputs: int, kept: int, config: Config):
        super().__init__()
        self.first = inputs - kept
        steps = widths(config.filters, config.downs, config.limit)
        back = steps[::-1]
        self.start = ConvBlock(inputs, steps[0], 7)
        self.downs = nn.ModuleList(ConvBlock(a, b, 3, 2) for a, b in zip(steps, steps[1:], strict=False))
        self.blocks = residuals(config.blocks, steps[-1], order="CNACN")
        self.ups = nn.ModuleList(ConvBlock(a, b) for a, b in zip(back, back[1:], strict=False))
        self.to_rgb = Conv(steps[0] + kept, 3, 7)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.start(x)
        for layer in (*self.downs, *self.blocks):
            h = layer(h)
        for up in self.ups:
            h = up(double(h))
        return h, self.to_rgb(torch.cat([h, x[:, self.first :]], 1))


class Enhancer(nn.Module):
    """A local enhancer: it works at half its output's size, beside the features of the generator below.

    Shapes: x (B, inputs, H, W); below (B, 2 filters, H/2, W/2) and rgb (B, 3, H/2, W/2), which the generator
    below gave; out its own features (B, filters, H, W) and the picture before tanh (B, 3, H, W).
    """

    def __init__(self, inputs: int, kept: int, filters: int, blocks: int):
        super().__init__()
        self.first = inputs - kept
        self.start = ConvBlock(inputs, filters, 7)
        self.down = ConvBlock(filters, 2 * filters, 3, 2)
        self.blocks = residuals(blocks, 2 * filters, order="CNACN")
        self.up = ConvBlock(2 * filters, filters)
        self.to_rgb = Conv(filters + kept, 3, 7)

    def forward(self, x: Tensor, below: Tensor, rgb: Tensor) -> tuple[Tensor, Tensor]:
        h = self.down(self.start(x)) + below
        for block in self.blocks:
            h = block(h)
        h = self.up(double(h))
        more = self.to_rgb(torch.cat([h, x[:, self.first :]], 1))
        return h, F.interpolate(rgb, scale_factor=2.0, mode="bilinear") + more


class Encoder(nn.Module):
    """The feature encoder (section 3.4): what each pixel looks like, in a few numbers.

    There are no norms, which would remove brightness and colour.
    Shapes: image (B, 3, H, W) in [-1, 1]; out (B, features, H, W) in [-1, 1].
    """

    def __init__(self, config: Config):
        super().__init__()
        steps = widths(config.encoder_filters, config.encoder_downs, 256)
        back = steps[::-1]
        self.start = ConvBlock(3, steps[0], 7, style=None)
        self.downs = nn.ModuleList(
            ConvBlock(a, b, 3, 2, style=None) for a, b in zip(steps, steps[1:], strict=False)
        )
        self.ups = nn.ModuleList(ConvBlock(a, b, style=None) for a, b in zip(back, back[1:], strict=False))
        self.end = Conv(steps[0], config.features)

    def forward(self, image: Tensor) -> Tensor:
        x = self.start(image)
        for down in self.downs:
            x = down(x)
        for up in self.ups:
            x = up(double(x))
        return torch.tanh(self.end(x)[:, :, : image.shape[2], : image.shape[3]])  # halves were rounded up


class Model(nn.Module):
    """The generator and its feature encoder.

    A style is a table (B, style): the features of each class. `clusters` (classes, clusters, features) are
    the looks that the classes have in the training pictures, from dark to light, `shares` (classes, clusters)
    how frequent each is. `looks` is how many a single thing can choose from.
    """

    task: str = "paint"  # "translate" where there are no classes
    directions: ClassVar[tuple[str, ...]] = ("ab",)
    styles: ClassVar[Literal["none"]] = "none"  # of a translator: a picture has one answer
    clusters: Tensor  # (classes, clusters, features), where there are styles
    shares: Tensor  # (classes, clusters)

    def __init__(self, config: Config):
        super().__init__()
        if config.filters % 2**config.enhancers:
            raise ValueError(
                f"filters is {config.filters}; with {config.enhancers} enhancers it must be divisible by "
                f"{2**config.enhancers}"
            )
        self.config, self.multiple = config, 2 ** (config.downs + config.enhancers)
        inputs, kept = config.classes + config.edges + config.features, config.features
        if not config.classes:
            inputs, kept, self.task = 3, 3, "translate"
        self.base = Global(inputs, kept, config)
        self.enhancers = nn.ModuleList(
            Enhancer(inputs, kept, config.filters // 2**i, config.enhancer_blocks)
            for i in range(1, config.enhancers + 1)
        )
        if config.style:
            self.encoder = Encoder(config)
            self.register_buffer("clusters", torch.zeros(config.classes, config.clusters, config.features))
            self.register_buffer("shares", torch.full((config.classes, config.clusters), 1 / config.clusters))

    # --- what it is given

    def condition(self, labels: Tensor, instances: Tensor | None = None) -> Tensor:
        """What the generator sees of a map: int64 (B, 1, H, W) -> (B, classes + edges, H, W) of 0 and 1.

        Without instances, the boundaries between the classes stand in for theirs.
        """
        condition = onehot(labels, self.config.classes)
        if not self.config.edges:
            return condition
        edges = instance_edges(labels)
        if instances is not None:
            edges = torch.maximum(edges, instance_edges(instances))
        return torch.cat([condition, edges], 1)

    def features(
        self,
        labels: Tensor,
        style: Tensor,
        instances: Tensor | None = None,
        overrides: Mapping[int, Tensor] | None = None,
    ) -> Tensor:
        """Spread a style over a map, with a look of their own for some things.

        overrides: by number of the instance, the features (features,) of that thing. Without instances, the
        connected parts of the classes are the things, numbered as `cgan.layers.instances.components` does.
        Shapes: labels and instances int64 (B, 1, H, W); style (B, style); out (B, features, H, W).
        """
        spread = self._spread(onehot(labels, self.config.classes).to(style.dtype), style)
        if not overrides:
            return spread
        if instances is None:
            parts = [components(ids[0]) for ids in labels.cpu().numpy()]
            instances = torch.stack([torch.from_numpy(part) for part in parts])[:, None].to(labels.device)
        for number, look in overrides.items():
            spread = torch.where(instances == number, look.to(spread)[:, None, None], spread)
        return spread

    def _spread(self, classes: Tensor, style: Tensor) -> Tensor:
        """The features of each pixel's class: one-hot (B, classes, H, W), style -> (B, features, H, W)."""
        table = style.unflatten(1, (self.config.classes, self.config.features))
        return torch.einsum("bchw,bcf->bfhw", classes, table)

    # --- styles

    def faster(self) -> None:
        """There is no faster way."""

    @property
    def style_mean(self) -> Tensor:
        """The mean look of each class, (style,)."""
        if not self.config.style:
            return self.base.to_rgb.weight.new_zeros(0)
        return (self.clusters * self.shares[:, :, None]).sum(1).flatten()

    def draw(self, normal: Tensor) -> Tensor:
        """For each class one of its looks, the frequent ones more often: N(0, 1) (B, style) -> (B, style).

        The paper draws each class by itself. Here most of the choice is common to all, from dark to light:
        the sun that shines on one shines on the others.
        """
        if not self.config.style:
            return normal
        normal = normal.unflatten(1, (self.config.classes, self.config.features))
        own, common = normal[..., 0], normal[:, :1, -1]
        if self.config.features > 1:  # else there are no numbers to spare
            own = (1 - COMMON) ** 0.5 * own + COMMON**0.5 * common
        place = torch.special.ndtr(own)[..., None]  # uniform in (0, 1)
        chosen = (place > self.shares.cumsum(1)).sum(-1).clamp(max=self.config.clusters - 1)
        rows = torch.arange(self.config.classes, device=normal.device)
        return self.clusters[rows, chosen].flatten(1).to(normal.dtype)

    def encode(self, image: Tensor, labels: Tensor | None = None) -> Tensor:
        """The style of a picture under its map: the mean features of each class, in fp32.

        A class that the map has not got looks as in the training pictures on average. Only a model without
        looks can do without a map.
        Shapes: image (B, 3, H, W) in [-1, 1]; labels int64 (B, 1, H, W); out (B, style).
        """
        if not self.config.style:
            return image.new_zeros(len(image), 0)
        if labels is None:
            raise ValueError("a style with looks is taken from a picture and its label map: give labels")
        means, shares = class_means(self.encoder(image), labels, self.config.classes)
        known = (shares > 0)[..., None]
        return torch.where(known, means, self.style_mean.view(means.shape[1:]).to(means)).flatten(1)

    def look(self, image: Tensor, labels: Tensor, instances: Tensor | None) -> Tensor:
        """What each thing of a picture looks like, at its pixels, for training: (B, features, H, W).

        Shapes: image (B, 3, H, W) in [-1, 1]; labels and instances int64 (B, 1, H, W).
        """
        return pooled(self.encoder(image), labels, instances)

    # --- pictures

    def forward(self, condition: Tensor, style: Tensor | None = None, noise: Tensor | None = None) -> Tensor:
        """Paint. Height and width must be multiples of `multiple`.

        Shapes: condition (B, classes + edges, H, W), or, without classes, an image (B, 3, H, W); style
        (B, style) or the features of each pixel (B, features, H, W), None for none; noise is not used, and
        there for models that do; out (B, 3, H, W) in [-1, 1].
        """
        scales = self._scales(condition, style)
        below, rgb = self.base(scales.pop())
        for enhancer in self.enhancers:
            below, rgb = enhancer(scales.pop(), below, rgb)
        return torch.tanh(rgb)

    def coarse(self, condition: Tensor, style: Tensor | None = None) -> Tensor:
        """What the global generator paints alone, (B, 3, H / 2^enhancers, W / 2^enhancers); see `forward`."""
        return torch.tanh(self.base(self._scales(condition, style)[-1])[1])

    def content(self, image: Tensor, direction: str = "ab") -> Tensor:
        """What a translation keeps of an image (B, 3, H, W): all of it, as every scale looks at it anew."""
        return image

    def decode(self, content: Tensor, style: Tensor | None = None, direction: str = "ab") -> Tensor:
        """Translate what `content` gave: (B, 3, H, W) in [-1, 1]. There are no styles."""
        return self(content)

    def _scales(self, condition: Tensor, style: Tensor | None) -> list[Tensor]:
        """The generator's input at every size, the largest first."""
        if style is not None and style.ndim == 2 and self.config.style:
            style = self._spread(condition[:, : self.config.classes], style.to(condition.dtype))
        scales = [condition]
        if style is not None and style.ndim == 4:
            scales = [torch.cat([condition, style.to(condition.dtype)], 1)]
        for _ in self.enhancers:
            scales.append(halved(scales[-1]))
        return scales


def halved(x: Tensor) -> Tensor:
    """Half the height and width (B, c, H, W), smoothed: the paper's pyramid."""
    return F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)


if TYPE_CHECKING:
    painting: type[RestylingModel] = Model
    translating: type[PlainModel] = Model
