"""A residual discriminator: it judges a picture as a whole (the "global" one of MUNIT's configurations)."""

import torch.nn.functional as F
from torch import Tensor, nn

from cgan.layers.blocks import PreResidual


class Residual(nn.Module):
    """It judges a picture as a whole: residual blocks, each halving it, and one score (the "global" one).

    It suits pictures of one thing each. The last features are brought to 4x4, whatever the picture's size,
    and weighed together.
    Shapes: x (B, inputs, H, W); out one scale: each block's features, and last the score (B, 1, 1, 1).
    """

    def __init__(self, inputs: int, filters: int, layers: int = 6, limit: int = 512):
        super().__init__()
        widths = [min(filters * 2**i, limit) for i in range(layers + 1)]
        self.start = nn.Conv2d(inputs, widths[0], 1)
        self.blocks = nn.ModuleList(
            PreResidual(a, b, style=None, slope=0.2) for a, b in zip(widths, widths[1:], strict=False)
        )
        self.whole = nn.Conv2d(widths[-1], widths[-1], 4)
        self.scores = nn.Conv2d(widths[-1], 1, 1)

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        x, features = self.start(x), []
        for block in self.blocks:
            x = F.avg_pool2d(block(x), 2, ceil_mode=True)
            features.append(x)
        x = F.adaptive_avg_pool2d(F.leaky_relu(x, 0.2), 4)
        return [[*features, self.scores(F.leaky_relu(self.whole(x), 0.2))]]
