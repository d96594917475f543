"""Instance normalisation, plain and adaptive.

Ulyanov, Vedaldi, Lempitsky: Instance Normalization, 2016; Huang, Belongie: Arbitrary Style Transfer in
Real-time with Adaptive Instance Normalization, ICCV 2017 (equation 8).
"""

import torch
from torch import Tensor, nn

from cgan.layers.precision import wide

EPS = 1e-5  # inside the root, so that a constant picture has finite values and finite gradients


def instance_norm(x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
    """Give every channel of every picture mean 0 and variance 1, then `weight` and `bias` (channels,).

    For one picture this is batch norm, and on a CPU for each of several: so it takes a quarter of the time
    of group norm with one channel a group there and back, and a picture is the same alone and among others.
    Elsewhere several are one group norm. All keep channels-last memory, where torch's instance norm copies;
    they sum in fp32 whatever x is, and take a 1x1 map, which becomes zero.

    Shapes: x (B, channels, h, w); out as x, in x's type.
    """
    if torch.onnx.is_in_onnx_export():  # ONNX has an operation for it (`cgan.export`)
        return torch.instance_norm(x, weight, bias, None, None, True, 0.0, EPS, False)
    with torch.autocast(x.device.type, enabled=False):  # CUDA's autocast would return fp32
        if x.device.type == "cpu" or len(x) == 1:
            settings = None, None, True, 0.0, EPS, torch.backends.cudnn.enabled
            each = [torch.batch_norm(one, weight, bias, *settings) for one in x.split(1)]
            return each[0] if len(x) == 1 else torch.cat(each)
        weight, bias = (part if part is None else part.to(x.dtype) for part in (weight, bias))
        return torch.group_norm(x, x.shape[1], weight, bias, EPS)


class InstanceNorm(nn.Module):
    """Instance normalisation, then a learned scale and shift of each channel.

    A style is taken and ignored, so that it and AdaIN are called alike.
    Shapes: x (B, channels, h, w); out as x.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        return instance_norm(x, self.weight, self.bias)


class AdaIN(nn.Module):
    """Instance normalisation, then x * (1 + gamma) + beta, which a linear layer makes of the style.

    Shapes: x (B, channels, h, w); style (B, style); out as x.
    """

    def __init__(self, channels: int, style: int):
        super().__init__()
        self.modulation = nn.Linear(style, 2 * channels)  # gamma, then beta

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        modulation = self.modulation(style)
        if len(x) == 1:
            gamma, beta = wide(modulation[0]).chunk(2)
            return instance_norm(x, 1 + gamma, beta)
        gamma, beta = modulation[:, :, None, None].to(x.dtype).chunk(2, 1)
        return torch.addcmul(beta, instance_norm(x), 1 + gamma)
