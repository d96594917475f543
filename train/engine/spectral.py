"""Spectral norm for all layers of a network at once: one power iteration and one sigma for each turn.

Miyato, Kataoka, Koyama, Yoshida: Spectral Normalization for Generative Adversarial Networks, ICLR 2018
(algorithm 1; equation 12 for the gradient). Iteration and sigma are fp32 (fp64 in checks), whatever the
precision of the step.

Two backends compute the same. `triton`, on CUDA, takes three kernels for a network to iterate and to write
all weights, and two for the gradients (`train.engine.spectral_triton`). `plain`, elsewhere, is a loop of
torch's matrix-vector products: on a CPU, where launches cost nothing, batching what lies between them gained
nothing.
"""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS = 1e-12
WARM_UP = 15  # iterations at the start, as torch does
ALIGNED = 64  # half-precision weights begin at multiples of so many numbers, as fast convolutions want it


@dataclass(frozen=True)
class Piece:
    """A normalised weight in a flat tensor, channels last, and the matrix (outputs, all else) that is meant.

    It lies there row by row, but transposed (column by column) for a transposed convolution, whose outputs
    come second. The columns stand in another order than in `weight.reshape(outputs, -1)`: singular values do
    not depend on it. `half`: where it begins in the flat tensor of half-precision weights.
    """

    start: int
    rows: int
    columns: int
    transposed: bool
    half: int

    @property
    def stop(self) -> int:
        """Where the next parameter begins."""
        return self.start + self.rows * self.columns

    def of(self, flat: Tensor) -> Tensor:
        """The matrix (rows, columns) in `flat`, a view."""
        numbers = flat[self.start : self.stop]
        return (
            numbers.view(self.columns, self.rows).T
            if self.transposed
            else numbers.view(self.rows, self.columns)
        )


def pieces_of(layers: dict[int, nn.Module], starts: list[int]) -> list[Piece]:
    """The pieces of `layers`, by their weights' numbers among the parameters, which begin at `starts`."""
    pieces, half = [], 0
    for i, layer in layers.items():
        transposed = isinstance(layer, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d)
        count, rows = layer.weight.numel(), layer.weight.shape[1 if transposed else 0]
        pieces.append(Piece(starts[i], rows, count // rows, transposed, half))
        half += -(-count // ALIGNED) * ALIGNED
    return pieces


def choose_backend(master: Tensor) -> str:
    """`triton` for fp32 weights on CUDA where Triton is installed, else `plain`."""
    fits = master.device.type == "cuda" and master.dtype == torch.float32
    return "triton" if fits and importlib.util.find_spec("triton") else "plain"


class Spectral:
    """The singular vectors and values of the normalised weights: u (rows,), v (columns,), sigma.

    `master` holds all weights of a player, flat, and `pieces` tells where the normalised ones are. `backend`
    is `triton` or `plain`; by default, what suits the device.
    """

    def __init__(
        self, master: Tensor, pieces: list[Piece], generator: torch.Generator, backend: str | None = None
    ):
        self.master, self.pieces = master, pieces
        self.u_flat, self.u = self._units([piece.rows for piece in pieces], generator)
        self.v_flat, self.v = self._units([piece.columns for piece in pieces], generator)
        self.sigma = master.new_ones(len(pieces))
        self.backend = backend or choose_backend(master)
        self.kernels = None
        if self.backend == "triton":
            from train.engine.spectral_triton import Kernels

            self.kernels = Kernels(self)

    def _units(self, lengths: list[int], generator: torch.Generator) -> tuple[Tensor, list[Tensor]]:
        """Random vectors of length one: all in one flat tensor, and each as a view."""
        flat = self.master.new_empty(sum(lengths))
        views = list(flat.split(lengths)) if lengths else []
        for view in views:
            random = torch.randn(len(view), generator=generator).to(view)
            view.copy_(F.normalize(random, dim=0, eps=EPS))
        return flat, views

    @property
    def matrices(self) -> list[Tensor]:
        """The normalised weights W as matrices, views of `master`."""
        return [piece.of(self.master) for piece in self.pieces]

    def gaps(self) -> Iterator[tuple[int, int]]:
        """The (start, stop) of all that lies between the pieces: the weights that are not normalised."""
        starts = [0, *(piece.stop for piece in self.pieces)]
        stops = [*(piece.start for piece in self.pieces), len(self.master)]
        return ((start, stop) for start, stop in zip(starts, stops, strict=True) if start < stop)

    @torch.no_grad()
    def refresh(self, effective: Tensor, half: Tensor | None, iterations: int = 1) -> None:
        """Iterate, and write Ŵ = W / sigma (and the other weights as they are) into `effective`, as `master`.

        The order is that of torch's parametrization: u from Wv, then v and sigma from Wᵀu. `half` takes Ŵ
        rounded, each piece at its place there; None where the layers take fp32.
        """
        if self.kernels is not None:
            self.kernels.refresh(effective, half, iterations)
            return
        for _ in range(iterations):
            self._iterate()
        for start, stop in self.gaps():
            effective[start:stop].copy_(self.master[start:stop])
        for piece, sigma in zip(self.pieces, self.sigma, strict=True):
            target = effective[piece.start : piece.stop]
            torch.div(self.master[piece.start : piece.stop], sigma, out=target)
            if half is not None:
                half[piece.half : piece.half + len(target)].copy_(target)

    def _iterate(self) -> None:
        for matrix, u, v, sigma in zip(self.matrices, self.u, self.v, self.sigma, strict=True):
            torch.mv(matrix, v, out=u)
            u.div_(torch.linalg.vector_norm(u).clamp(min=EPS))
            torch.mv(matrix.T, u, out=v)
            torch.linalg.vector_norm(v, out=sigma)
            v.div_(sigma.clamp(min=EPS))

    @torch.no_grad()
    def correct(self, gradient: Tensor, effective: Tensor) -> None:
        """Turn gradients of Ŵ into gradients of W, in place: (g − ⟨g, Ŵ⟩ u vᵀ) / sigma (equation 12).

        `gradient` and `effective` lie as `master` does.
        """
        if self.kernels is not None:
            self.kernels.correct(gradient, effective)
            return
        for piece, u, v, sigma in zip(self.pieces, self.u, self.v, self.sigma, strict=True):
            along = torch.dot(gradient[piece.start : piece.stop], effective[piece.start : piece.stop])
            piece.of(gradient).addr_(u * -along, v).div_(sigma)

    def state(self) -> dict[str, Tensor]:
        """u, v and sigma by name, for saving."""
        vectors = {f"u.{i}": u for i, u in enumerate(self.u)} | {f"v.{i}": v for i, v in enumerate(self.v)}
        return vectors | {"sigma": self.sigma}

    def load(self, state: dict[str, Tensor]) -> None:
        """Take back what `state` gave."""
        for name, value in self.state().items():
            value.copy_(state[name])
