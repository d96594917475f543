"""What some parameters and buffers begin as, made so that a model without memory costs nothing either.

A checkpoint's model is built on torch's meta device. What torch has no kernel for there, such as `torch.eye`,
its compiler works out, whose import takes a second. These have kernels, or ask for none.
"""

import torch
from torch import Tensor


def identity(size: int, count: int | None = None) -> Tensor:
    """(size, size), 1 on the diagonal, else 0; or `count` of them, (count, size, size)."""
    matrix = torch.zeros(size, size) if count is None else torch.zeros(count, size, size)
    matrix.diagonal(dim1=-2, dim2=-1).fill_(1)
    return matrix


def normal(*shape: int, scale: float = 1.0) -> Tensor:
    """Normal numbers of mean 0 and this standard deviation; undrawn on the meta device."""
    numbers = torch.empty(*shape)
    return numbers if numbers.is_meta else numbers.normal_(std=scale)
