"""How styles of training pictures are distributed: what later ones are drawn from."""

import torch
from torch import Tensor


def fit(styles: Tensor) -> tuple[Tensor, Tensor]:
    """The mean (style,) and a factor (style, style) of the covariance of styles (N, style), N at least 2.

    mean + factor @ normal, of N(0, 1), is distributed as they are, if they are normal.
    """
    covariance = torch.cov(styles.double().T) + 1e-6 * torch.eye(styles.shape[1], device=styles.device)
    return styles.mean(0), torch.linalg.cholesky(covariance)
