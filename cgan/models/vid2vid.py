"""vid2vid: a label video becomes a video.

Wang, Liu, Zhu, Liu, Tao, Kautz, Catanzaro: Video-to-Video Synthesis, NeurIPS 2018, with the generator of
Mallya, Wang, Sapra, Liu: World-Consistent Video-to-Video Synthesis, ECCV 2020 (section 4), in which SPADE is
conditioned on labels, on the past frame warped by flow, and there on guidance from a point cloud too.

A frame is painted from the features of its labels and of the past frame. A style vector, one for a clip,
decides what labels leave open; it is read from a picture or drawn, so that the network makes the first frame
itself. The embedding of the labels reads it: added to the generator's features, instance norm would take it
away. Noise that moves with the flow gives large areas of one label a texture (`cgan/layers/grain.py`). With
`blend` the past frame, moved, is laid over what is painted as the mask says (2018, equation 4).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan.labels import onehot
from cgan.layers import grain
from cgan.layers.autoencoder import StyleEncoder
from cgan.layers.blocks import double, seamless
from cgan.layers.flow import CELL, FlowNet, warp
from cgan.layers.grain import Grain
from cgan.layers.lookup import Lookup
from cgan.layers.matching import matched
from cgan.layers.multi import Conditions, MultiBlock
from cgan.layers.multi_faster import hasten
from cgan.layers.points import Place, Points
from cgan.layers.precision import wide
from cgan.layers.pyramid import Pyramid
from cgan.layers.start import identity
from cgan.ranges import Depth, Halvings, Length, Times, Width, grown

TEXTURE = 2.0  # what differences of pictures weigh beside those of label maps where flow is guessed


@dataclass(frozen=True)
class Config:
    """The shape of vid2vid's weights."""

    classes: Length = 12  # number of classes in the label maps
    filters: Width = 24  # channels at full size; they double with each halving
    limit: Width = 192  # most channels
    halvings: Halvings = 5  # how often the frame is halved
    pasts: Depth = 2  # past frames that are looked at
    finest: Times = 3  # scales at which warped pictures are conditions
    style: Length = 32  # length of the style vector
    noise: bool = grown(False)  # feed noise to the blocks
    match: bool = grown(False)  # give the flow network a first guess, which it corrects
    blend: bool = grown(False)  # lay the warped past frame over what is painted, where the mask trusts it
    smooth: bool = grown(False)  # double coarse features bilinearly: no seams (see `seamless`)


PRESETS = {
    "tiny": Config(filters=4, limit=8, halvings=3, style=4, noise=True, match=True, smooth=True),
    "small": Config(noise=True, match=True, smooth=True),
    "paper": Config(filters=32, limit=1024, halvings=7, style=256),
}


class Past(NamedTuple):
    """What is remembered of a clip: its style (B, style) and, newest first, up to `pasts` label maps int64
    (B, 1, H, W) and images (B, 3, H, W); and, for models that have them, the points painted so far and
    the latest frame's noise.
    """

    style: Tensor
    labels: tuple[Tensor, ...] = ()
    images: tuple[Tensor, ...] = ()
    points: Points | None = None
    grain: Grain | None = None


class Frame(NamedTuple):
    """A frame and where it came from: image (B, 3, H, W) in fp32; the past frame warped (B, 3, H, W) by flow
    (B, 2, H, W) in pixels, and its mask (B, 1, H, W), 1 where it shows what is wanted; None for a first one.
    guide (B, 3, H, W): what was painted before as seen from here, and covered (B, 1, H, W), where it is
    known. grain: its noise.
    """

    image: Tensor
    warped: Tensor | None = None
    flow: Tensor | None = None
    mask: Tensor | None = None
    guide: Tensor | None = None
    covered: Tensor | None = None
    grain: Grain | None = None


class Model(nn.Module):
    """The generator, its flow network, and the encoder of styles."""

    task: ClassVar[str] = "animate"
    references: ClassVar[tuple[int, int]] = (0, 0)
    needs_geometry: ClassVar[bool] = False
    guides: ClassVar[int] = 0  # channels of a further condition
    style_mean: Tensor  # (style,)
    style_factor: Tensor  # (style, style)

    def __init__(self, config: Config):
        super().__init__()
        self.config, self.multiple = config, 2**config.halvings
        shape = config.filters, config.halvings, config.limit
        encoder = config.filters, min(config.halvings, 5), 8 * config.filters
        self.encoder = StyleEncoder(*encoder, 2 * config.style)
        self.maps = Pyramid(config.classes, *shape, style=config.style)
        self.before = Pyramid(config.classes + 3, *shape, finest=config.finest)
        told = (config.pasts + 1) * config.classes + 3 * config.pasts
        inside = config.filters, config.halvings - 1, config.limit
        self.flow = FlowNet(CELL * CELL * told, *inside, guessed=config.match)
        small = config.filters, config.finest - 1, config.limit
        self.of_warped = Pyramid(4, *small)
        self.of_guide = Pyramid(self.guides, *small) if self.guides else None
        widths = self.maps.widths
        self.start = nn.Conv2d(widths[-1], widths[-1], 3, padding=1)
        self.blocks = nn.ModuleList(self._block(level) for level in range(config.halvings + 1))
        self.to_rgb = nn.Conv2d(widths[0], 3, 3, padding=1)
        self._sooner: dict[nn.Module, Lookup] = {}
        self.register_buffer("style_mean", torch.zeros(config.style))
        self.register_buffer("style_factor", identity(config.style))

    def _block(self, level: int) -> MultiBlock:
        """The block at a scale: pictures are conditions of the finest ones, features of the past of the
        others.
        """
        widths, finest = self.maps.widths, level < self.config.finest
        conditions = [widths[level], (self.of_warped if finest else self.maps).widths[level]]
        if finest and self.of_guide is not None:
            conditions.append(self.of_guide.widths[level])
        return MultiBlock(widths[level], widths[max(level - 1, 0)], conditions, self.config.noise)

    # --- styles

    def encode(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the style of images (B, 3, H, W), fp32: two of (B, style)."""
        mean, log_variance = self.encoder(image).chunk(2, 1)
        return mean, log_variance

    def draw(self, normal: Tensor) -> Tensor:
        """Styles such as the training clips have: normal (B, style) of N(0, 1) -> (B, style)."""
        return self.style_mean + normal @ self.style_factor.T

    # --- a clip

    def begin(self, references: None, told: None, first: Tensor | None, normal: Tensor) -> Past:
        """What is remembered before the first frame: a style, that of `first` (B, 3, H, W) or a drawn one."""
        if first is None:
            return Past(self.draw(normal))
        return Past(self.encode(first)[0], (), (first,))

    def advance(
        self, labels: Tensor, past: Past, geometry: tuple[Tensor, Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Past]:
        """The next frame, of labels int64 (B, 1, H, W): (image (B, 3, H, W), what is remembered then)."""
        if past.images and not past.labels:  # a first picture has no map: as if nothing had moved
            past = past._replace(labels=(labels,))
        frame, past = self.film(labels, past, None if geometry is None else Place(*geometry))
        return frame.image, past

    def film(self, labels: Tensor, past: Past, place: Place | None = None) -> tuple[Frame, Past]:
        """The next frame, and what is remembered then, without its gradients."""
        frame = self(labels, past)
        return frame, self.remembered(past, labels, frame)

    def remembered(self, past: Past, labels: Tensor, frame: Frame) -> Past:
        """The past of the frame after this one."""
        count = self.config.pasts
        return past._replace(
            style=past.style.detach(),
            labels=(labels, *past.labels)[:count],
            images=(frame.image.detach(), *past.images)[:count],
            grain=frame.grain,
        )

    # --- a frame

    def forward(self, labels: Tensor, past: Past, guide: Tensor | None = None) -> Frame:
        """Paint a frame. Height and width must be multiples of `multiple`.

        guide: (B, guides, H, W), a further condition, or None where there is nothing to go by.
        """
        dtype = self.start.weight.dtype
        maps = self.maps.after(self._started(self.maps.start, [labels]), past.style.to(dtype))
        conditions: list[list[Tensor | None]] = [[level, None] for level in maps]
        frame = Frame(past.style)
        noise = self._noise(labels, past)
        if past.images:
            latest, finest = past.images[0].to(dtype), self.config.finest
            before = self._started(self.before.start, past.labels[:1], [latest])
            for level, feature in enumerate(self.before.after(before)):
                conditions[finest + level][1] = feature
            flow, mask = self.flow.after(self._motion(labels, past), self._guess(labels, past))
            warped, mask = warp(latest, flow), mask.sigmoid()
            for level, feature in enumerate(self.of_warped(torch.cat([warped, mask], 1).to(dtype))):
                conditions[level][1] = feature
            frame = Frame(warped, warped, flow, mask)
            noise = None if noise is None else grain.moved(noise, flow)
        if self.of_guide is not None:
            guides: Conditions = [None] * self.config.finest
            if guide is not None:
                guides = self.of_guide(guide.to(dtype))
            for level, known in enumerate(guides):
                conditions[level].append(known)
        image = self._paint(maps, conditions, noise)
        if self.config.blend and frame.warped is not None and frame.mask is not None:
            image = torch.lerp(image, wide(frame.warped), wide(frame.mask))
        return frame._replace(image=image, grain=noise)

    def _noise(self, labels: Tensor, past: Past) -> Grain | None:
        """That of the frame before, or of a first one, if there is any."""
        if not self.config.noise:
            return None
        return grain.begun(grain.drawn(labels)) if past.grain is None else past.grain

    def _motion(self, labels: Tensor, past: Past) -> Tensor:
        """The flow network's first layer, which sees all in cells of 2x2 pixels.

        A past that is too short is repeated.
        """
        maps, images = (
            [*parts, *[parts[-1]] * self.config.pasts][: self.config.pasts]
            for parts in (past.labels, past.images)
        )
        return self._started(self.flow.body.start, [labels, *maps], images, CELL)

    def _guess(self, labels: Tensor, past: Past) -> Tensor | None:
        """Flow to the past frame that fits the maps, and the motion of the two frames before, if it lasts."""
        if not self.config.match:
            return None
        now, before = (onehot(each, self.config.classes).float() for each in (labels, past.labels[0]))
        if len(past.images) > 1:
            now, before = (
                torch.cat([maps, TEXTURE * wide(image)], 1)
                for maps, image in zip((now, before), past.images, strict=False)
            )
        return matched(now, before)

    def _started(
        self, layer: nn.Conv2d, maps: Sequence[Tensor], images: Sequence[Tensor] = (), cell: int = 1
    ) -> Tensor:
        """What a first layer makes of label maps and of images beside them, in cells of pixels."""
        dtype = self.start.weight.dtype
        if layer in self._sooner:
            return self._sooner[layer](maps, images)
        told = [onehot(each, self.config.classes).to(dtype) for each in maps]
        x = torch.cat([*told, *(each.to(dtype) for each in images)], 1)
        out: Tensor = layer(F.pixel_unshuffle(x, cell))
        return out

    def faster(self) -> None:
        """Compute sooner from now on, for inference in fp32 on a CPU: the same but for rounding.

        Now and then rounding gives a pixel its neighbour's noise (`grain.moved`): films part slowly from
        there, none worse than the other. The weights must not change any more.
        """
        hasten(self.blocks)
        classes, pasts = self.config.classes, self.config.pasts
        self._sooner = {
            self.maps.start: Lookup(self.maps.start, classes, 1),
            self.before.start: Lookup(self.before.start, classes, 1),
            self.flow.body.start: Lookup(self.flow.body.start, classes, 1 + pasts, CELL),
        }

    def _paint(
        self, maps: list[Tensor], conditions: list[list[Tensor | None]], noise: Grain | None
    ) -> Tensor:
        """From the coarsest scale to the finest."""
        x = self.start(maps[-1])
        for level in range(self.config.halvings, -1, -1):
            here = None if noise is None else grain.at_scale(noise.latest, level).to(x.dtype)
            x = self.blocks[level](x, conditions[level], noise=here)
            x = double(x, self.config.smooth and seamless(2 ** (level - 1))) if level else x
        return wide(self.to_rgb(F.leaky_relu(x, 0.2))).tanh()
