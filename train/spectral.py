"""Spectral norm for all layers of a network at once: one power iteration and one sigma for each turn.

Miyato, Kataoka, Koyama, Yoshida: Spectral Normalization for Generative Adversarial Networks, ICLR 2018
(algorithm 1; equation 12 for the gradient). Iteration and sigma are fp32 (fp64 in checks), whatever the
precision of the step.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS = 1e-12
WARM_UP = 15  # iterations at the start, as torch does


def as_matrix(flat: Tensor, layer: nn.Module) -> Tensor:
    """A layer's weight, channels last in `flat`, as the matrix (outputs, all else) whose norm is meant.

    The order of the columns differs from `weight.reshape(outputs, -1)`; singular values do not.
    """
    if isinstance(layer, nn.ConvTranspose2d):
        return flat.view(-1, layer.weight.shape[1]).T
    return flat.view(layer.weight.shape[0], -1)


class Spectral:
    """The singular vectors and values of some matrices: u (rows,), v (columns,), sigma.

    `matrices` are views of the master weights, so that they are always current.
    """

    def __init__(self, matrices: list[Tensor], generator: torch.Generator):
        self.matrices = matrices
        like = {"dtype": matrices[0].dtype, "device": matrices[0].device} if matrices else {}

        def unit(length: int) -> Tensor:
            return F.normalize(torch.randn(length, generator=generator).to(**like), dim=0, eps=EPS)

        self.u = [unit(len(matrix)) for matrix in matrices]
        self.v = [unit(matrix.shape[1]) for matrix in matrices]
        self.sigma = torch.ones(len(matrices), **like)

    @torch.no_grad()
    def iterate(self, times: int = 1) -> None:
        """Iterate in the order of torch's parametrization: u from Wv, then v and sigma from Wᵀu."""
        for _ in range(times):
            for i, matrix in enumerate(self.matrices):
                torch.mv(matrix, self.v[i], out=self.u[i])
                self.u[i].div_(torch.linalg.vector_norm(self.u[i]).clamp(min=EPS))
                torch.mv(matrix.T, self.u[i], out=self.v[i])
                torch.linalg.vector_norm(self.v[i], out=self.sigma[i])
                self.v[i].div_(self.sigma[i].clamp(min=EPS))

    @torch.no_grad()
    def normalise(self, out: list[Tensor]) -> None:
        """Write Ŵ = W / sigma into the matrices `out`."""
        for matrix, sigma, target in zip(self.matrices, self.sigma, out, strict=True):
            torch.div(matrix, sigma, out=target)

    @torch.no_grad()
    def correct(self, gradients: list[Tensor], normalised: list[Tensor]) -> None:
        """Turn gradients of Ŵ into gradients of W, in place: (g − ⟨g, Ŵ⟩ u vᵀ) / sigma (equation 12)."""
        for gradient, weight, u, v, sigma in zip(
            gradients, normalised, self.u, self.v, self.sigma, strict=True
        ):
            along = (gradient * weight).sum()
            gradient.addr_(u * -along, v).div_(sigma)

    def state(self) -> dict[str, Tensor]:
        """u, v and sigma by name, for saving."""
        vectors = {f"u.{i}": u for i, u in enumerate(self.u)} | {f"v.{i}": v for i, v in enumerate(self.v)}
        return vectors | {"sigma": self.sigma}

    def load(self, state: dict[str, Tensor]) -> None:
        """Take back what `state` gave."""
        for name, value in self.state().items():
            value.copy_(state[name])
