"""A discriminator that already knows what pictures are: heads on the features of a frozen network.

Sauer, Chitta, Müller, Geiger: Projected GANs Converge Faster, NeurIPS 2021. Features of EfficientNet-Lite0 at
five strides are mixed across channels (section 3.2, CCM) and from deep to shallow across scales (CSM) by
fixed random convolutions; a small head judges each of the five. Written from the paper.

- Features are divided by their root mean square, so that no scale drowns another.
- A strided network's gradients have a phase: each step judges everything shifted alike (`Shift`), without
  which they draw a lattice into the pictures.
- What the frozen part sees of a picture serves both turns of a step (`train/recipes/_turns.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan.layers.efficientnet import CHANNELS
from cgan.layers.precision import wide
from train.adversaries.losses import Judgement
from train.teachers.backbone import EfficientNetLite0

MIXED = 64  # channels of each mixed map
SEED = 2021  # of the mixers: the same in all runs, so that heads can be carried from one to the next
REACH = 16  # pixels of the largest shift


class Shift:
    """A shift of pictures by whole pixels, the border mirrored: called on (B, c, H, W), gives the same shape.

    The offsets are tensors, so that a CUDA graph draws anew at each replay.
    """

    def __init__(self, rows: Tensor, columns: Tensor):
        self.rows, self.columns = rows, columns

    @classmethod
    def drawn(cls, like: Tensor) -> Shift:
        """A random one for pictures of the size of `like`, from torch's generator of its device.

        Offsets are uniform in [-reach, reach) by `reach_of`: 2 * reach of them, each phase of a stride of up
        to 2 * reach equally often.
        """
        height, width = like.shape[-2:]
        reach = reach_of(min(height, width))
        down, right = torch.randint(-reach, reach, (2,), device=like.device).unbind()
        return cls(mirrored(height, down), mirrored(width, right))

    def __call__(self, x: Tensor) -> Tensor:
        shifted = x.index_select(2, self.rows).index_select(3, self.columns)  # forgets the memory format
        return shifted.contiguous(memory_format=memory_format(x))


def memory_format(x: Tensor) -> torch.memory_format:
    """How images (B, c, h, w) lie in memory."""
    last = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
    return torch.channels_last if last else torch.contiguous_format


def reach_of(side: int) -> int:
    """The largest shift of pictures with this shorter side: a power of two, at most an eighth of it and 16.

    16 covers all phases of the strides 2 to 32; more would mirror too much of a small picture. What is left
    for small ones is the phase of strides that have but two or four positions there.
    """
    return min(REACH, 2 ** int(math.log2(max(side // 8, 1))))


def mirrored(length: int, offset: Tensor) -> Tensor:
    """Where each of `length` places is read from when shifted by `offset`, () int64, at most length - 1.

    Mirrored at the border's pixel, which is not repeated: … 2 1 0 1 2 …
    """
    places = (torch.arange(length, device=offset.device) + offset).abs()
    return (length - 1) - ((length - 1) - places).abs()


def unit(x: Tensor) -> Tensor:
    """Each picture's features (B, c, h, w) divided by their root mean square."""
    size = wide(x).square().mean((1, 2, 3), keepdim=True)
    return x * (size + 1e-6).rsqrt().to(x.dtype)


class Eyes(nn.Module):
    """The frozen part: EfficientNet-Lite0 and its mixers, which are the same on every machine.

    In fp32 whatever the step's precision. In bf16, rounding that grows through fifty layers was a fifth to a
    third of the discriminator's gradient (SPADE SMALL, 64x64, after 20 and 160 pictures); so it is a fiftieth
    to a tenth, and on a CPU a step takes as long.

    Shapes: image (B, 3, H, W) in [-1, 1]; out five maps (B, 64, ⌈H / stride⌉, ⌈W / stride⌉), strides 2 to 32,
    each picture's with root mean square 1.
    """

    def __init__(self) -> None:
        super().__init__()
        self.backbone = EfficientNetLite0()
        generator = torch.Generator().manual_seed(SEED)
        self.across_channels = nn.ParameterList(mixer(inputs, 1, generator) for inputs in CHANNELS)
        self.across_scales = nn.ParameterList(mixer(MIXED, 3, generator) for _ in CHANNELS[1:])
        self.to(memory_format=torch.channels_last)
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> list[Tensor]:
        with torch.autocast(image.device.type, enabled=False):
            return self._seen(wide(image))

    def _seen(self, image: Tensor) -> list[Tensor]:
        features = self.backbone(image)
        mixed = [F.conv2d(unit(x), weight) for x, weight in zip(features, self.across_channels, strict=True)]
        for i in reversed(range(len(self.across_scales))):  # convolved where it is small, then enlarged
            deeper = F.conv2d(mixed[i + 1], self.across_scales[i], padding=1)
            size = mixed[i].shape[-2:]
            mixed[i] = mixed[i] + F.interpolate(deeper, size, mode="bilinear", align_corners=False)
        return [unit(x) for x in mixed]


def mixer(inputs: int, kernel: int, generator: torch.Generator) -> nn.Parameter:
    """A random convolution (64, inputs, kernel, kernel) that keeps the mean square of what it mixes.

    Uniform, not normal: torch draws uniform numbers of a seed to the bit alike on every processor.
    """
    drawn = torch.rand(MIXED, inputs, kernel, kernel, generator=generator)
    return nn.Parameter((2 * drawn - 1) * math.sqrt(3 / (inputs * kernel**2)), requires_grad=False)


class Head(nn.Module):
    """It judges one map: 3x3, 4x4 of stride 2, 3x3, with leaky ReLUs, and 1x1 to scores.

    With `classes`, a class's score is added to each position's: the inner product of its embedding and the
    mean features (Miyato and Koyama, 2018); then the features to be matched are means, as two pictures of a
    class have their things in different places.

    Shapes: x (B, inputs, h, w), of any size; classes int64 (B,); out three features, (B, c, h, w) or (B, c),
    and last the scores (B, 1, h, w).
    """

    def __init__(self, inputs: int, filters: int, classes: int = 0):
        super().__init__()
        self.convolutions = nn.ModuleList(
            [
                nn.Conv2d(inputs, filters, 3, padding=1),
                nn.Conv2d(filters, filters, 4, stride=2, padding=1),
                nn.Conv2d(filters, filters, 3, padding=1),
            ]
        )
        self.scores = nn.Conv2d(filters, 1, 1)
        self.embedding = nn.Embedding(classes, filters) if classes else None

    def forward(self, x: Tensor, classes: Tensor | None = None) -> list[Tensor]:
        # small pictures end in a map of one row or column; 4x4 of stride 2 needs two
        x = F.pad(x, (0, max(2 - x.shape[3], 0), 0, max(2 - x.shape[2], 0)), mode="replicate")
        features = []
        for convolution in self.convolutions:
            x = F.leaky_relu(convolution(x), 0.2)
            features.append(x)
        scores = self.scores(x)
        if self.embedding is None:
            return [*features, scores]
        means = [wide(feature).mean((2, 3)) for feature in features]
        belongs = (wide(self.embedding(classes)) * means[-1]).sum(1)
        return [*means, wide(scores) + belongs[:, None, None, None]]


class Projected(nn.Module):
    """The discriminator: `look` at pictures through the frozen eyes, then judge what was seen.

    Each of the five heads judges at any size of picture. A map of 2x2 or 1x1 is none to be left out: it is
    the deepest, and knows best what things are; and heads that came and went with the size could not be
    carried from small pictures to large ones.

    conditions: channels of what is known of a picture (a label map, another picture), 0 for none; classes:
    how many classes are asked for, 0 for none; eyes: those of another discriminator, to be shared.
    Shapes: *seen what `look` gives; classes int64 (B,); out for each of five scales what `Head` gives.
    """

    def __init__(self, conditions: int = 0, filters: int = 64, classes: int = 0, eyes: Eyes | None = None):
        super().__init__()
        self.heads = nn.ModuleList(Head(MIXED + conditions, filters, classes) for _ in CHANNELS)
        self._eyes = [Eyes() if eyes is None else eyes]  # in a list: they are none of the player's weights

    @property
    def eyes(self) -> Eyes:
        """The frozen part."""
        return self._eyes[0]

    def _apply(self, function: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """The eyes move where the heads move (`to`), though nobody sees, learns or saves them."""
        self.eyes._apply(function, recurse)  # type: ignore[no-untyped-call]
        super()._apply(function, recurse)  # type: ignore[no-untyped-call]
        return self

    def look(self, image: Tensor, condition: Tensor | None = None) -> list[Tensor]:
        """The mixed features of images (B, 3, H, W) in [-1, 1] -> five maps (B, 64 + conditions, h, w).

        condition: (B, conditions, H, W), averaged down to each map's size and put beside it.
        """
        seen = self.eyes(image)
        if condition is None:
            return seen
        joined = []
        for x in seen:
            condition = F.adaptive_avg_pool2d(condition, x.shape[-2:])
            joined.append(torch.cat([x, condition.to(x.dtype)], 1))
        return joined

    def forward(self, *seen: Tensor, classes: Tensor | None = None) -> Judgement:
        return [head(x, classes) for head, x in zip(self.heads, seen, strict=True)]

    def normalised(self) -> list[nn.Module]:
        """The layers to be held under spectral norm: all but the embeddings (see projection.py)."""
        return [layer for layer in self.modules() if isinstance(layer, nn.Conv2d)]
