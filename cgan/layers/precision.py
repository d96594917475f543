"""What is reduced in full precision, whatever the precision of the networks around it."""

import torch
from torch import Tensor


def wide(x: Tensor) -> Tensor:
    """`x` in fp32, or in fp64 where it is that already."""
    return x if x.dtype == torch.float64 else x.float()
