"""COCO-FUNIT: FUNIT whose style depends on the content too, so that poses survive unusual style pictures.

Saito, Saenko, Liu: COCO-FUNIT: Few-Shot Unsupervised Image Translation with a Content Conditioned Style
Encoder, ECCV 2020 (section 3, figure 4).
"""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from cgan.layers.start import normal
from cgan.models import funit
from cgan.ranges import Width

if TYPE_CHECKING:
    from cgan.tasks.protocols import ShownModel


@dataclass(frozen=True)
class Config(funit.Config):
    """The shape of COCO-FUNIT's weights."""

    bias: Width = 256  # length of the constant that stands beside each style code


PRESETS = {
    name: Config(**{field.name: vars(config)[field.name] for field in fields(config)}, bias=bias)
    for (name, config), bias in zip(funit.PRESETS.items(), (16, 256, 1024), strict=True)
}


class Mlp(nn.Module):
    """Two linear layers, each followed by a ReLU.

    Shapes: x (B, inputs); out (B, outputs).
    """

    def __init__(self, inputs: int, hidden: int, outputs: int):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(inputs, hidden), nn.Linear(hidden, outputs)])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.relu(layer(x))
        return x


class Model(funit.Model):
    """FUNIT's encoders and decoder, with the content-conditioned style between them.

    The constant style bias, the same for all pictures, steadies the style: what a single style picture shows
    by chance (its pose, its background) counts for less.
    """

    def __init__(self, config: Config):
        super().__init__(config)
        self.bias = nn.Parameter(normal(config.bias))
        self.of_content = Mlp(self.content_encoder.channels, config.hidden, config.style)
        self.of_style = Mlp(config.style + config.bias, config.hidden, config.style)

    def decode(self, content: Tensor, style: Tensor, direction: str = "ab") -> Tensor:
        """The content as one of the style's class: (B, channels, h, w), (B, style) -> (B, 3, H, W)."""
        return super().decode(content, self.mix(content, style))

    def mix(self, content: Tensor, style: Tensor) -> Tensor:
        """The style as it suits the content: (B, channels, h, w), (B, style) -> (B, style)."""
        constant = self.bias.to(style.dtype).expand(len(style), -1)
        return self.of_content(content.mean((2, 3))) * self.of_style(torch.cat([style, constant], 1))


if TYPE_CHECKING:
    _: type[ShownModel] = Model
