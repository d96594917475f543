"""A small U-Net whose features at every scale are used: it embeds label maps and pictures.

Ronneberger, Fischer, Brox: U-Net, MICCAI 2015; as the label embedder of Mallya, Wang, Sapra, Liu:
World-Consistent Video-to-Video Synthesis, ECCV 2020 (section 4).
"""

import torch.nn.functional as F
from torch import Tensor, nn

from cgan.layers.autoencoder import widths
from cgan.layers.blocks import double


class Pyramid(nn.Module):
    """Convolutions of stride 2 down, and back with the features of the way down added.

    `widths`: the channels of its outputs; `finest`: the first scale that is wanted; `style`: the length of a
    vector that is added at both ends of the way down (0: none). There is no norm, which would remove colours,
    counts and the style.
    Shapes: x (B, inputs, H, W); style (B, style); out for each scale i from `finest` to `halvings` (B,
    widths[i], H / 2^i, W / 2^i).
    """

    def __init__(self, inputs: int, filters: int, halvings: int, limit: int, finest: int = 0, style: int = 0):
        super().__init__()
        self.widths = widths(filters, halvings, limit)
        pairs = list(zip(self.widths, self.widths[1:], strict=False))
        self.start = nn.Conv2d(inputs, filters, 3, padding=1)
        self.downs = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairs)
        self.bottom = nn.Conv2d(self.widths[-1], self.widths[-1], 3, padding=1)
        self.ups = nn.ModuleList(nn.Conv2d(b, a, 3, padding=1) for a, b in pairs[finest:])
        self.styles = nn.ModuleList(
            nn.Linear(style, width) for width in (self.widths[0], self.widths[-1]) if style
        )

    def forward(self, x: Tensor, style: Tensor | None = None) -> list[Tensor]:
        return self.after(self.start(x), style)

    def after(self, started: Tensor, style: Tensor | None = None) -> list[Tensor]:
        """What follows the first convolution, whose result (B, filters, H, W) is given."""
        levels = [started]
        if style is not None:
            levels[0] = levels[0] + self.styles[0](style)[:, :, None, None]
        for down in self.downs:
            levels.append(down(F.leaky_relu(levels[-1], 0.2)))
        if style is not None:
            levels[-1] = levels[-1] + self.styles[1](style)[:, :, None, None]
        x = levels[-1] + self.bottom(F.leaky_relu(levels[-1], 0.2))
        features = [x]
        for level, up in zip(levels[-2::-1], reversed(self.ups), strict=False):
            x = level + double(up(F.leaky_relu(x, 0.2)))
            features.append(x)
        return features[::-1]
