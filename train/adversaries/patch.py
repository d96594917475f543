"""Patch discriminators: they judge patches of a picture at several scales.

Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2017 (the patches);
Wang et al., High-Resolution Image Synthesis with Conditional GANs, 2018 (the scales, the features).
"""

import torch.nn.functional as F
from torch import Tensor, nn

from cgan.layers.adain import instance_norm
from cgan.layers.precision import wide


class Scores(nn.Conv2d):
    """A convolution of stride 1 to one channel.

    A CPU's convolutions make sixteen channels even where one is asked for. So there each tap of the kernel
    becomes a channel of a 1x1 convolution, and these are moved to their places and added: three times as fast
    there and back (256 channels, 4x4, 18x18 places).

    Shapes: x (B, inputs, H, W); out (B, 1, H + 2 * padding + 1 - kernel, W + 2 * padding + 1 - kernel).
    """

    def __init__(self, inputs: int, kernel: int, padding: int):
        super().__init__(inputs, 1, kernel, padding=padding)
        self.kernel, self.margin = kernel, padding

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu":
            return super().forward(x)
        taps = self.weight.flip(2, 3).flatten(2).transpose(0, 2).unsqueeze(3)  # (kernel², inputs, 1, 1)
        moved = F.conv2d(x, taps).flatten(2)
        height, width = (side + 2 * self.margin + 1 - self.kernel for side in x.shape[2:])
        scores = F.fold(wide(moved), (height, width), self.kernel, padding=self.kernel - 1 - self.margin)
        return (scores + self.get_parameter("bias")).to(moved.dtype)


class Patch(nn.Module):
    """One scale: 4x4 convolutions, of stride 2 but for the last two; instance norm on the inner ones.

    Shapes: x (B, inputs, H, W); out the features of every layer, each (B, c, h, w), and last the scores (B,
    1, h, w).
    """

    def __init__(self, inputs: int, filters: int, layers: int):
        super().__init__()
        widths = [inputs] + [filters * min(2**i, 8) for i in range(layers)]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(a, b, 4, stride=1 if i == layers - 1 else 2, padding=2)
            for i, (a, b) in enumerate(zip(widths, widths[1:], strict=False))
        )
        self.scores = Scores(widths[-1], 4, padding=2)

    def forward(self, x: Tensor) -> list[Tensor]:
        features = []
        for i, convolution in enumerate(self.convolutions):
            x = convolution(x)
            x = F.leaky_relu(instance_norm(x) if i else x, 0.2)
            features.append(x)
        return [*features, self.scores(x)]


class MultiScale(nn.Module):
    """The same patch discriminator at several scales, each half as large as the one before.

    Shapes: x (B, inputs, H, W); out for each scale what `Patch` gives.
    """

    def __init__(self, inputs: int, filters: int, layers: int = 4, scales: int = 2):
        super().__init__()
        self.patches = nn.ModuleList(Patch(inputs, filters, layers) for _ in range(scales))

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        judged = []
        for i, patch in enumerate(self.patches):
            x = F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False) if i else x
            judged.append(patch(x))
        return judged


class SharedPatch(nn.Module):
    """One patch discriminator that judges every scale: 3x3 convolutions of stride 2, without norms.

    With spectral norm it needs no other, and instance norm would hide from it how bright a picture is and
    what colours it has.
    Shapes: x (B, inputs, H, W); out for each scale the features of every layer, and last the scores.
    """

    def __init__(self, inputs: int, filters: int, layers: int = 4, scales: int = 3, limit: int = 512):
        super().__init__()
        self.scales = scales
        widths = [inputs] + [min(filters * 2**i, limit) for i in range(layers)]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in zip(widths, widths[1:], strict=False)
        )
        self.scores = Scores(widths[-1], 3, padding=1)

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        judged = []
        for i in range(self.scales):
            x = F.avg_pool2d(x, 2, ceil_mode=True) if i else x
            judged.append(self._judge(x))
        return judged

    def _judge(self, x: Tensor) -> list[Tensor]:
        features = []
        for convolution in self.convolutions:
            x = F.leaky_relu(convolution(x), 0.2)
            features.append(x)
        return [*features, self.scores(x)]


class PerDomain(nn.Module):
    """A discriminator for each of two domains, which learn as one player: called as `of.a(x)`, `of.b(x)`."""

    def __init__(self, a: nn.Module, b: nn.Module):
        super().__init__()
        self.a, self.b = a, b
