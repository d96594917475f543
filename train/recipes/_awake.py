"""A style encoder that is awake when learning begins.

SPADE's weights start with a gain of 0.02, and spectral norm lets each convolution shrink what differs between
two pictures. Styles started as good as constant (a KL divergence of 1e-7), and the encoder slept for the
first thousand pictures: the generator learnt not to listen.
"""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor

from cgan.models.spade import StyleEncoder

PICTURES = 64  # to measure the spread of styles with
SEED = 7


@torch.no_grad()
def wake(encoder: StyleEncoder) -> None:
    """Scale the layer `mean` of a StyleEncoder so that drawn pictures' styles have mean 0 and deviation 1.

    encoder: its `convolutions` will be under spectral norm, and are measured so. That leaves their size free:
    it gets He's, as Adam's first steps would else turn the small weights, and all styles, by a seventh each.
    """
    for convolution in encoder.convolutions:
        weight = convolution.get_parameter("weight")
        weight.mul_((2 / weight[0].numel()) ** 0.5 / weight.std())
    normal = copy.deepcopy(encoder)
    for convolution in normal.convolutions:
        weight = convolution.get_parameter("weight")
        weight.div_(torch.linalg.matrix_norm(weight.flatten(1), 2))
    styles, _ = normal(pictures(encoder.size).to(encoder.mean.weight))
    spread = styles.std(0).clamp(min=1e-12)
    encoder.mean.weight.div_(spread[:, None])
    encoder.mean.bias.sub_(styles.mean(0)).div_(spread)


def pictures(side: int) -> Tensor:
    """Smooth pictures whose light and colours differ as those of photographs do -> (64, 3, side, side)."""
    generator = torch.Generator().manual_seed(SEED)

    def drawn(places: int, deviation: float, channels: int = 3) -> Tensor:
        coarse = torch.randn(PICTURES, channels, places, places, generator=generator) * deviation
        return F.interpolate(coarse, (side, side), mode="bicubic", align_corners=False)

    return (drawn(1, 0.25, 1) + drawn(1, 0.1) + drawn(4, 0.3, 1) + drawn(32, 0.2)).clamp(-1, 1)
