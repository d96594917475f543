"""Layers whose weights are made for each sample, from pictures of what it should look like.

Wang, Liu, Tao, Liu, Kautz, Catanzaro: Few-shot Video-to-Video Synthesis, NeurIPS 2019 (section 3.2: the
weight generation module).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan.layers.precision import wide


def conv_each(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Convolve each sample with its own weights: one grouped convolution, or one product of matrices for 1x1.

    Shapes: x (B, inputs, h, w); weight (B, outputs, inputs, k, k), k odd; bias (B, outputs); out (B, outputs,
    h, w).
    """
    batch, outputs, _, kernel, _ = weight.shape
    if kernel == 1:
        out = torch.bmm(weight.flatten(2), x.flatten(2)).view(batch, outputs, *x.shape[2:])
        return out if bias is None else out + bias[:, :, None, None]
    folded = x.reshape(1, -1, *x.shape[2:])
    out = F.conv2d(
        folded,
        weight.flatten(0, 1),
        None if bias is None else bias.flatten(),
        padding=kernel // 2,
        groups=batch,
    )
    return out.view(batch, outputs, *x.shape[2:])


def pooled(parts: Tensor, features: Tensor) -> Tensor:
    """The mean feature of each soft part, over all of K pictures.

    Shapes: parts (B, K, parts, h, w), which sum to 1 over the parts; features (B, K, c, h, w); out (B, parts,
    c + 1), the last of which is the root of the part's share of the area.
    """
    parts, features = (wide(x).transpose(1, 2).flatten(2) for x in (parts, features))
    with torch.autocast(parts.device.type, enabled=False):
        mass = parts.sum(2, keepdim=True)
        mean = parts @ features.transpose(1, 2) / (mass + 1e-2)
    return torch.cat([mean, (mass / parts.shape[2] + 1e-6).sqrt()], 2)


class WeightGenerator(nn.Module):
    """What K pictures show of each part becomes that part's weights in several layers.

    A layer's weight for the part p is a linear function of what a small network makes of the mean features
    where the pictures show p: convolving a map of parts with these weights gives each part its own look.

    Shapes: matrix (B, parts, features), as `pooled` makes it; out for each of `outputs` a weight (B, outputs,
    parts, 1, 1).
    """

    def __init__(self, parts: int, features: int, hidden: int, outputs: list[int]):
        super().__init__()
        self.start, self.next = nn.Linear(features, hidden), nn.Linear(hidden, hidden)
        self.part = nn.Parameter(torch.zeros(parts, hidden))
        self.mixed = nn.Linear(hidden, hidden)
        self.heads = nn.ModuleList(nn.Linear(hidden, width) for width in outputs)

    def forward(self, matrix: Tensor) -> list[Tensor]:
        x = F.leaky_relu(self.start(matrix) + self.part, 0.2)
        x = x + self.mixed(x.mean(1, keepdim=True))  # every part knows of the whole
        x = F.leaky_relu(self.next(F.leaky_relu(x, 0.2)), 0.2)
        return [head(x).transpose(1, 2)[..., None, None] for head in self.heads]
