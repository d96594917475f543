"""Label: a photograph becomes its label map, by a small network that finds the class of each pixel.

The body is EfficientNet-Lite0's (`cgan.layers.efficientnet`). The head brings its features from coarse to
fine as a feature pyramid does (Lin et al., Feature Pyramid Networks for Object Detection, 2017), in depthwise
separable convolutions; what the whole picture shows gates the coarsest ones, as in LR-ASPP (Howard et al.,
Searching for MobileNetV3, 2019).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan.layers.efficientnet import CHANNELS, KEPT, STAGES, Body
from cgan.ranges import Length, Range, Width

if TYPE_CHECKING:
    from cgan.tasks.protocols import LabellingModel

FINEST = 1  # the head ends at the features of this place in `KEPT`, of stride 4


@dataclass(frozen=True)
class Config:
    """The shape of the network's weights."""

    classes: Length = 12  # number of classes that it tells apart
    filters: Width = 96  # channels of the head
    stages: Annotated[int, Range(3, len(STAGES))] = len(STAGES)  # of the body: 7 reach a stride of 32


PRESETS = {"tiny": Config(filters=16, stages=3), "small": Config(), "paper": Config(filters=160)}


class Model(nn.Module):
    """The body, and the head: from the coarsest features down to those of stride 4, then the classes."""

    task: ClassVar[str] = "label"
    multiple: ClassVar[int] = 1  # any height and width

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.body = Body(config.stages)
        channels = [c for c, stage in zip(CHANNELS, KEPT, strict=True) if stage < config.stages][FINEST:]
        width = config.filters
        self.gate = nn.Conv2d(channels[-1], width, 1)
        self.sides = nn.ModuleList(nn.Conv2d(c, width, 1) for c in channels)
        self.mixes = nn.ModuleList(Separable(width) for _ in channels)
        self.to_classes = nn.Conv2d(width, config.classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """How much each class is thought likely: (B, 3, H, W) in [-1, 1] -> logits (B, classes, H, W)."""
        features = self.body(image)[FINEST:]
        gate = torch.sigmoid(self.gate(features[-1].mean((2, 3), keepdim=True)))
        h = self.mixes[-1](self.sides[-1](features[-1]) * gate)
        for x, side, mix in reversed([*zip(features, self.sides, self.mixes, strict=True)][:-1]):
            h = mix(side(x) + F.interpolate(h, size=x.shape[-2:], mode="bilinear"))
        return F.interpolate(self.to_classes(h), size=image.shape[-2:], mode="bilinear")


class Separable(nn.Module):
    """A 3×3 convolution of each channel, then one across channels, added. Shapes: (B, channels, h, w)."""

    def __init__(self, channels: int):
        super().__init__()
        self.each = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.across = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + F.relu(self.across(F.relu(self.each(x))))


if TYPE_CHECKING:
    _: type[LabellingModel] = Model
