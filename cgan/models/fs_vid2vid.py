"""Few-shot vid2vid: a label video and a few pictures of a subject become a video of that subject.

Wang, Liu, Tao, Liu, Kautz, Catanzaro: Few-shot Video-to-Video Synthesis, NeurIPS 2019. As there, the weights
of SPADE are generated from the references, attention mixes K of them, and the reference and the past frame,
warped by flow, are further conditions. Four things differ:
- Attention works at a fine scale and carries colours beside features, and its flow (where each place looked)
  warps the references, with a correction by a network. Both pictures enter the result by a blend as well:
  what can be copied need not be painted.
- The generated weights belong to soft parts, which a network finds in label maps and references alike, so
  that a reference needs no label map: its labels are hidden in a share of the training.
- The generator starts from the pose's features and the attended ones, not from the references' own.
- It is small: 1x1 modulations, one embedding for the reference's pictures, one for the past.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan.labels import onehot
from cgan.layers.attention import Found, ReferenceAttention, places_of
from cgan.layers.blocks import double
from cgan.layers.flow import FlowNet, enlarged, warp
from cgan.layers.hyper import WeightGenerator, pooled
from cgan.layers.lookup import Lookup
from cgan.layers.matching import matched
from cgan.layers.multi import MultiBlock
from cgan.layers.multi_faster import hasten
from cgan.layers.precision import wide
from cgan.layers.pyramid import Pyramid
from cgan.ranges import Halvings, Length, Width, grown


@dataclass(frozen=True)
class Config:
    """The shape of few-shot vid2vid's weights."""

    classes: Length = 8  # number of classes in the label maps
    filters: Width = 32  # channels at full size; they double with each halving
    limit: Width = 128  # most channels
    halvings: Halvings = 3  # how often the frame is halved
    attention: Halvings = 1  # halvings at which references are attended to
    query: Width = 32  # length of what attention compares
    values: Width = 32  # channels of the features that it carries, beside colours
    parts: Width = 32  # soft parts that generated weights tell apart
    hidden: Width = 128  # width of the network that generates weights
    match: bool = grown(False)  # give the past frame's flow network a first guess, which it corrects

    @property
    def style(self) -> int:
        """How many numbers are drawn for a clip: none, the references say it all."""
        return 0


PRESETS = {
    "tiny": Config(filters=4, limit=8, halvings=2, query=4, values=4, parts=4, hidden=8, match=True),
    "small": Config(match=True),
    "paper": Config(limit=1024, halvings=5, attention=3, query=64, values=256, parts=64, hidden=256),
}

FINEST = 2  # scales at which pictures (attended, warped) are conditions


class Past(NamedTuple):
    """The last frame: its label map int64 (B, 1, H, W), that map's features, and its image (B, 3, H, W)."""

    labels: Tensor
    pose: list[Tensor]
    image: Tensor


class Look(NamedTuple):
    """What is known of a subject, made once for each clip.

    pictures (B, K, 3, H, W), the references; keys (B, K, c, h, w) and values (B, K, v, h, w), their features
    at attention's scale; weights: one (B, outputs, parts, 1, 1) for each norm.
    """

    pictures: Tensor
    keys: Tensor
    values: Tensor
    weights: list[Tensor]


class Frame(NamedTuple):
    """A frame and what it was made of, all at its size, in fp32.

    pose: the features of its label map at all scales; image, copied (by attention) and warped (the
    references), each (B, 3, H, W); past (B, 3, H, W), the past frame warped by flow (B, 2, H, W), and its
    mask (B, 1, H, W) from 0 to 1, or None for a first frame.
    """

    pose: list[Tensor]
    image: Tensor
    copied: Tensor
    warped: Tensor
    past: Tensor | None = None
    flow: Tensor | None = None
    mask: Tensor | None = None


class Model(nn.Module):
    """The generator, with all that reads references, labels and the past frame."""

    task: ClassVar[str] = "animate"
    references: ClassVar[tuple[int, int]] = (1, 8)
    needs_geometry: ClassVar[bool] = False

    def __init__(self, config: Config):
        super().__init__()
        self.config, self.multiple = config, 2**config.halvings
        shape = config.filters, config.halvings, config.limit
        self.poses = Pyramid(config.classes, *shape)
        self.subjects = Pyramid(3 + config.classes + 1, *shape, finest=config.attention)
        widths = self.poses.widths
        at, patch = config.attention, 3 * 4**config.attention
        self.attention = ReferenceAttention(widths[at], widths[at], config.query)
        self.to_values = nn.Conv2d(widths[at], config.values, 1)
        inside, cell = (widths[at], 1, config.limit), 2**at
        self.reference_flow = FlowNet(widths[at] + config.values, *inside, reach=cell, cell=cell)
        self.past_flow = FlowNet(2 * widths[at] + patch, *inside, reach=cell, guessed=config.match, cell=cell)
        finest = config.filters // 2, min(FINEST, config.halvings + 1) - 1, config.limit
        self.of_references, self.of_past = Pyramid(7, *finest), Pyramid(4, *finest)
        self.to_parts = nn.ModuleList(nn.Conv2d(width, config.parts, 1) for width in widths)
        self.reference_parts = nn.Conv2d(widths[at], config.parts, 1)
        self.start = nn.Conv2d(widths[-1] + config.values, widths[-1], 3, padding=1)
        blocks = [self._block(level) for level in range(config.halvings + 1)]
        self.blocks, self.made_for = nn.ModuleList(blocks), [block.made_for for block in blocks]
        outputs = [width for widths_of in self.made_for for width in widths_of]
        self.weights = WeightGenerator(config.parts, widths[at] + 1, config.hidden, outputs)
        self.to_rgb = nn.Conv2d(widths[0], 3 + 3, 3, padding=1)
        self._sooner: Lookup | None = None

    def _block(self, level: int) -> MultiBlock:
        """The generator's block at a scale, which leaves as many channels as the next finer one has."""
        widths = self.poses.widths
        conditions = [widths[level], self.config.values]
        if level < FINEST:
            conditions += [self.of_references.widths[level], self.of_past.widths[level]]
        return MultiBlock(widths[level], widths[max(level - 1, 0)], conditions)

    # --- what is made once for each clip

    def look(self, pictures: Tensor, labels: Tensor | None = None) -> Look:
        """Read K references (B, K, 3, H, W); labels int64 (B, K, 1, H, W): `classes` where unknown."""
        classes = self.config.classes
        if labels is None:
            labels = torch.full_like(pictures[:, :, :1], classes, dtype=torch.long)
        told = onehot(labels.flatten(0, 1), classes + 1).to(pictures.dtype)
        features = self.subjects(torch.cat([pictures.flatten(0, 1), told], 1))[0]
        parts = wide(self.reference_parts(features)).softmax(1)
        values = self.to_values(features)
        keys, values, parts = (x.view(*pictures.shape[:2], *x.shape[1:]) for x in (features, values, parts))
        return Look(pictures, keys, values, self.weights(pooled(parts, keys)))

    def pose(self, labels: Tensor) -> list[Tensor]:
        """The features of a label map, int64 (B, 1, H, W), at all scales."""
        if self._sooner is not None:
            return self.poses.after(self._sooner([labels]))
        condition = onehot(labels, self.config.classes)
        features: list[Tensor] = self.poses(condition.to(self.start.weight.dtype))
        return features

    def faster(self) -> None:
        """Compute sooner from now on, for inference in fp32 on a CPU: the same but for rounding.

        The weights must not change any more.
        """
        hasten(self.blocks)
        self._sooner = Lookup(self.poses.start, self.config.classes, 1)

    # --- a clip

    def begin(
        self, references: Tensor, told: Tensor | None, first: Tensor | None, normal: Tensor
    ) -> tuple[Look, Past | None]:
        """What is remembered before the first frame: the subject; see `look`."""
        return self.look(references, told), None

    def advance(
        self, labels: Tensor, state: tuple[Look, Past | None], geometry: None = None
    ) -> tuple[Tensor, tuple[Look, Past]]:
        """The next frame, of labels int64 (B, 1, H, W): (image (B, 3, H, W), what is remembered then)."""
        frame, state = self.film(labels, state)
        return frame.image, state

    def film(
        self, labels: Tensor, state: tuple[Look, Past | None], place: None = None
    ) -> tuple[Frame, tuple[Look, Past]]:
        """The next frame, with what it was made of, and what is remembered then."""
        look, past = state
        frame = self(labels, look, past)
        return frame, (look, Past(labels, frame.pose, frame.image))

    # --- a frame

    def forward(self, labels: Tensor, look: Look, past: Past | None = None) -> Frame:
        """Make a frame of `labels`, int64 (B, 1, H, W), which shows the subject of `look`.

        past: None for a first frame. Height and width must be multiples of `multiple`.
        """
        at, pose = self.config.attention, self.pose(labels)
        query = pose[at]
        found = self._attend(query, look)
        attended, patches = found.values[:, : self.config.values], found.values[:, self.config.values :]
        copied = F.pixel_shuffle(patches, 2**at)
        attended = attended.to(query.dtype)
        warped, mask = self._warp_references(query, attended, found, look)
        seen = self.of_references(torch.cat([copied, warped, mask], 1).to(query.dtype))
        before: list[Tensor | None] = [None] * FINEST
        frame = Frame(pose, copied, copied, warped)
        if past is not None:
            moved, flow, kept = self._warp_past(query, labels, past)
            before = list(self.of_past(torch.cat([moved, kept], 1).to(query.dtype)))
            frame = Frame(pose, copied, copied, warped, moved, flow, kept)
        return frame._replace(image=self._paint(pose, attended, seen, before, look, frame))

    def _attend(self, query: Tensor, look: Look) -> Found:
        """Features and patches of colour of the references, for each place of the new frame."""
        pictures = look.pictures.to(look.values.dtype)
        patches = F.pixel_unshuffle(pictures.flatten(0, 1), 2**self.config.attention)
        patches = patches.view(*pictures.shape[:2], *patches.shape[1:])
        values = torch.cat([look.values, patches], 2)
        found: Found = self.attention(query, look.keys, values)
        return found

    def _warp_references(
        self, query: Tensor, attended: Tensor, found: Found, look: Look
    ) -> tuple[Tensor, Tensor]:
        """The references, warped to where attention looked and mixed by its mass; and a mask (logits)."""
        correction, mask = self.reference_flow(torch.cat([query, attended], 1))
        height, width = mask.shape[2:]
        away = found.places - places_of(found.places)
        away = torch.stack([away[:, :, 0] * width, away[:, :, 1] * height], 2)
        scale = 2**self.config.attention
        flow = enlarged(away.flatten(0, 1), scale) + correction.repeat_interleave(away.shape[1], 0)
        moved = warp(look.pictures.flatten(0, 1), flow).view(look.pictures.shape)
        return (moved * enlarged(found.mass, scale)[:, :, None]).sum(1), mask

    def _warp_past(self, query: Tensor, labels: Tensor, past: Past) -> tuple[Tensor, Tensor, Tensor]:
        """The past frame, warped; its flow and its mask, from 0 to 1."""
        at = self.config.attention
        seen = F.pixel_unshuffle(past.image.to(query.dtype), 2**at)
        told = torch.cat([query, past.pose[at], seen], 1)
        flow, mask = self.past_flow(told, self._guess(labels, past.labels))
        return warp(past.image, flow), flow, mask.sigmoid()

    def _guess(self, now: Tensor, before: Tensor) -> Tensor | None:
        """Flow that fits the two label maps."""
        if not self.config.match:
            return None
        return matched(*(onehot(labels, self.config.classes).float() for labels in (now, before)))

    def _paint(
        self,
        pose: list[Tensor],
        attended: Tensor,
        seen: list[Tensor],
        before: list[Tensor | None],
        look: Look,
        frame: Frame,
    ) -> Tensor:
        """From the coarsest scale to the finest, and the blend of what was painted, copied and warped."""
        weights = iter(look.weights)
        made = [[next(weights) for _ in widths] for widths in self.made_for]
        x = self.start(torch.cat([pose[-1], resized(attended, pose[-1])], 1))
        for level in range(self.config.halvings, -1, -1):
            conditions: list[Tensor | None] = [pose[level], resized(attended, pose[level])]
            if level < FINEST:
                conditions += [seen[level], before[level]]
            parts = self.to_parts[level](pose[level]).softmax(1)
            x = self.blocks[level](x, conditions, parts.to(x.dtype), made[level])
            x = double(x) if level else x
        painted, shares = wide(self.to_rgb(F.leaky_relu(x, 0.2))).chunk(2, 1)
        choices = torch.stack([painted.tanh(), frame.copied, frame.warped], 1)
        return (choices * shares.softmax(1)[:, :, None]).sum(1)


def resized(x: Tensor, like: Tensor) -> Tensor:
    """Features at the size of `like`: averaged down, or enlarged."""
    if x.shape[2:] == like.shape[2:]:
        return x
    if x.shape[2] > like.shape[2]:
        return F.adaptive_avg_pool2d(x, (like.shape[2], like.shape[3]))
    return F.interpolate(x, size=like.shape[2:], mode="bilinear")
