"""The discriminator of FUNIT: it judges patches, and whether the picture belongs to a given class.

Miyato and Koyama, cGANs with Projection Discriminator, ICLR 2018 (the class as an inner product); Liu et al.,
Few-Shot Unsupervised Image-to-Image Translation, ICCV 2019 (the residual network).
"""

import torch.nn.functional as F
from torch import Tensor, nn

from cgan.layers.precision import wide
from train.adversaries.losses import Judgement


class Block(nn.Module):
    """A residual block without norms: twice leaky ReLU and a 3x3 convolution, beside a shortcut.

    Shapes: x (B, inputs, h, w); out (B, outputs, h, w).
    """

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        middle = min(inputs, outputs)
        self.conv_0 = nn.Conv2d(inputs, middle, 3, padding=1)
        self.conv_1 = nn.Conv2d(middle, outputs, 3, padding=1)
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv_0(F.leaky_relu(x, 0.2))
        return self.shortcut(x) + self.conv_1(F.leaky_relu(h, 0.2))


class Projection(nn.Module):
    """Stages of two residual blocks, the second of which doubles the channels, with a halving between stages.

    Each position's score is a 1x1 convolution of its features, plus the inner product of the class's
    embedding and the picture's mean features.

    Shapes: image (B, 3, H, W) in [-1, 1]; classes int64 (B,), from 0 to classes - 1; out, as a judgement of
    one scale, the mean features (B, c), to be matched, and the scores (B, 1, h, w).
    """

    def __init__(self, classes: int, filters: int, layers: int, cap: int = 1024):
        super().__init__()
        widths = [min(filters * 2**i, cap) for i in range(layers + 1)]
        self.start = nn.Conv2d(3, filters, 7, padding=3)
        self.stages = nn.ModuleList(
            nn.Sequential(Block(a, a), Block(a, b)) for a, b in zip(widths, widths[1:], strict=False)
        )
        self.embedding = nn.Embedding(classes, widths[-1])
        self.scores = nn.Conv2d(widths[-1], 1, 1)

    def forward(self, image: Tensor, classes: Tensor) -> Judgement:
        x = self.start(image)
        for i, stage in enumerate(self.stages):
            x = F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False) if i else x
            x = stage(x)
        x = F.leaky_relu(x, 0.2)
        mean = wide(x).mean((2, 3))
        belongs = (wide(self.embedding(classes)) * mean).sum(1)
        return [[mean, wide(self.scores(x)) + belongs[:, None, None, None]]]

    def normalised(self) -> list[nn.Module]:
        """The layers to be held under spectral norm: all but the embedding.

        Under spectral norm the mean features are small; an embedding as small would leave the class unheard.
        """
        return [layer for layer in self.modules() if isinstance(layer, nn.Conv2d)]
