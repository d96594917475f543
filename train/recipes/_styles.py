"""How styles of training pictures are distributed, which later ones are drawn from; and what is no style."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from cgan.layers.precision import wide
from train.processes import normal


def fit(styles: Tensor) -> tuple[Tensor, Tensor]:
    """The mean (style,) and a factor (style, style) of the covariance of styles (N, style), N at least 2.

    mean + factor @ normal, of N(0, 1), is distributed as they are, if they are normal.
    """
    covariance = torch.cov(styles.double().T) + 1e-6 * torch.eye(styles.shape[1], device=styles.device)
    return styles.mean(0), torch.linalg.cholesky(covariance)


def resized(images: Tensor, share: float) -> Tensor:
    """Images (B, 3, H, W), each drawn to be larger or smaller, by `share` at most, about its middle.

    What lies beyond an image is as its border.
    """
    drawn = normal(len(images), like=wide(images)).clamp(-2, 2) / 2
    scale = (drawn * math.log1p(share)).exp()
    matrix = torch.eye(2, 3, device=images.device) / scale[:, None, None]
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(wide(images), grid, padding_mode="border", align_corners=False).to(images)
