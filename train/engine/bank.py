"""A player's weights: the fp32 masters that learn, and the leaves that the network computes with.

Spectral norm and mixed precision belong to training, so modules are bare, and this is where both live. The
bank writes each module's parameters (the *leaves*), which stay at fixed addresses: Ŵ = W / sigma for
normalised layers, W for others, in the precision of the step. A turn ends with `descend`: the gradients of
the leaves, added up in fp32, are corrected for spectral norm, averaged over the processes and given to Adam,
and the leaves are written anew.
"""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from train.engine.adam import EPS, Adam
from train.engine.spectral import WARM_UP, Spectral, pieces_of
from train.processes import average_over_processes
from train.recipes import Player


@dataclass(frozen=True)
class Precision:
    """In what the networks compute.

    `autocast`: the type for matrix products, None for no autocast; `master`: the type of weights and sums;
    `tf32`: whether a GPU may round the factors of fp32 products (see `cgan.runtime.allow_tf32`).
    """

    name: str
    autocast: torch.dtype | None = None
    master: torch.dtype = torch.float32
    tf32: bool = False

    @property
    def leaf(self) -> torch.dtype:
        """The type in which the normalised weights are handed to the layers."""
        return self.autocast or self.master


PRECISIONS = {
    "fp16": Precision("fp16", torch.float16),
    "bf16": Precision("bf16", torch.bfloat16),
    "fp32": Precision("fp32"),
    "tf32": Precision("tf32", tf32=True),
    "fp64": Precision("fp64", master=torch.float64),
}


class Bank:
    """The weights of one player, flat: `master` W, `gradient`, and `effective` Ŵ, one number a weight.

    Four-dimensional weights lie channels last in the flat tensors, and so do the leaves.
    """

    def __init__(self, player: Player, precision: Precision, seed: int = 0):
        self.player, self.precision = player, precision
        named = list(player.module.named_parameters())
        self.names = [name for name, _ in named]
        self.leaves = [parameter for _, parameter in named]
        sizes = [leaf.numel() for leaf in self.leaves]
        self.starts = [0, *itertools.accumulate(sizes)]
        flat = torch.cat([_channels_last(leaf.detach()).reshape(-1) for leaf in self.leaves])
        self.master = nn.Parameter(flat.to(precision.master))
        self.gradient = torch.zeros_like(self.master)
        self.effective = self.master.detach().clone()
        layer_of = {layer.get_parameter("weight"): layer for layer in player.normalised}
        self.layers = {i: layer_of[leaf] for i, leaf in enumerate(self.leaves) if leaf in layer_of}
        pieces = pieces_of(self.layers, self.starts)
        self.spectral = Spectral(self.master.detach(), pieces, torch.Generator().manual_seed(seed))
        self.half = self._half_weights() if precision.leaf != precision.master else None
        self._place_leaves()
        rate = torch.tensor(player.rate, device=self.master.device)  # there, so that a graph can read it
        self.adam = _adam(self.master, rate, player.betas)
        self.master.grad = self.gradient
        self.scaler = _scaler(precision, self.master.device)
        self.skipped = torch.zeros((), dtype=torch.long, device=self.master.device)  # turns in a row
        self.refresh(WARM_UP)

    # --- a turn

    def backward(self, loss: Tensor) -> None:
        """Gather the gradients of `loss`, (), scaled as the precision needs it."""
        self.scaler.scale(loss).backward()

    def set_rate(self, rate: float) -> None:
        """The learning rate of the turns to come."""
        self.adam.param_groups[0]["lr"].fill_(rate)

    def descend(self, rate: float | None = None) -> None:
        """End a turn: one step of Adam, or none where a gradient is not finite.

        `rate`: the learning rate from now on; None leaves it as it was set. Without it, all that happens here
        happens on the device: a CUDA graph can replay it.
        """
        if rate is not None:
            self.set_rate(rate)
        self.spectral.correct(self.gradient, self.effective)
        average_over_processes(self.gradient)
        finite = self.gradient.sum().isfinite()
        self.skipped.add_(1).mul_(~finite)
        self.scaler.step(self.adam)
        self.scaler.update()
        self.gradient.zero_()
        self.refresh()

    def refresh(self, iterations: int = 1) -> None:
        """Iterate `iterations` times and write the leaves."""
        self.spectral.refresh(self.effective, self.half, iterations)

    @contextmanager
    def captured(self) -> Iterator[None]:
        """Inside, a CUDA graph is captured; where that fails, nothing of it is left here."""
        group = self.adam.param_groups[0]
        group["capturable"] = True  # torch's word for it: warns where it is said too early
        scaler = self.scaler.state_dict()
        try:
            yield
        except BaseException:
            for leaf in self.leaves:
                leaf.grad = None
            for name in ("grad_scale", "found_inf"):  # a scaler's words to the optimiser
                vars(self.adam).pop(name, None)
            self.scaler = _scaler(self.precision, self.master.device)
            self.scaler.load_state_dict(scaler)
            raise
        finally:
            group["capturable"] = False

    def faults(self) -> list[str]:
        """The parameters whose gathered gradient is not finite, by name, in the order of the data's flow."""
        pieces = (self.gradient[a:b] for a, b in itertools.pairwise(self.starts))
        return [name for name, piece in zip(self.names, pieces, strict=True) if not piece.isfinite().all()]

    # --- views of the flat tensors

    def _view(self, flat: Tensor, i: int) -> Tensor:
        """Parameter `i` in `flat`, in its own shape."""
        return _shaped(flat[self.starts[i] : self.starts[i + 1]], self.leaves[i].shape)

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """All parameters in `flat` (as long as `master`) by name, in their own shapes."""
        return {name: self._view(flat, i) for i, name in enumerate(self.names)}

    def _half_weights(self) -> Tensor:
        """The flat tensor of the normalised weights in half precision, each well aligned."""
        last = max((piece.half + piece.stop - piece.start for piece in self.spectral.pieces), default=0)
        return torch.zeros(last, dtype=self.precision.leaf, device=self.master.device)

    def _place_leaves(self) -> None:
        """Make the module's parameters views of `effective`, or of `half`; gather gradients."""
        normalised = dict(zip(self.layers, self.spectral.pieces, strict=True))
        for i, leaf in enumerate(self.leaves):
            if self.half is not None and i in normalised:
                start = normalised[i].half
                leaf.data = _shaped(self.half[start : start + leaf.numel()], leaf.shape)
            else:
                leaf.data = self._view(self.effective, i)
            target = self._view(self.gradient, i)

            def gather(leaf: Tensor, target: Tensor = target) -> None:
                if leaf.grad is not None:
                    target.add_(leaf.grad)
                    leaf.grad = None

            leaf.register_post_accumulate_grad_hook(gather)

    # --- saving

    def state(self) -> dict[str, Tensor]:
        """Everything that must survive, by name."""
        state = {"master": self.master.detach()} | {
            f"spectral.{k}": v for k, v in self.spectral.state().items()
        }
        state |= {f"adam.{name}": value for name, value in self.adam.state[self.master].items()}
        scaler = {f"scaler.{k}": torch.tensor(float(v)) for k, v in self.scaler.state_dict().items()}
        return state | scaler

    def load(self, state: dict[str, Tensor]) -> None:
        """Take back what `state` gave: the leaves are rebuilt without iterating."""
        with torch.no_grad():
            self.master.copy_(state["master"])
        self.spectral.load(
            {k.removeprefix("spectral."): v for k, v in state.items() if k.startswith("spectral.")}
        )
        adam = {k.removeprefix("adam."): v for k, v in state.items() if k.startswith("adam.")}
        if adam:
            self.adam.state[self.master] = {k: v.to(self.master.device) for k, v in adam.items()}
        kinds = {k: type(v) for k, v in self.scaler.state_dict().items()}
        self.scaler.load_state_dict({k: kind(state[f"scaler.{k}"].item()) for k, kind in kinds.items()})
        self.refresh(0)

    @torch.no_grad()
    def start_from(self, weights: dict[str, Tensor]) -> list[str]:
        """Start with these weights (by parameter name) instead of random ones -> the names they lack."""
        lacking = []
        for name, view in self.views(self.master.detach()).items():
            if name in weights and weights[name].shape == view.shape:
                view.copy_(weights[name])
            else:
                lacking.append(name)
        self.refresh(WARM_UP)
        return lacking

    @torch.no_grad()
    def start_from_flat(self, master: Tensor) -> None:
        """Start with the masters of another run of the same network."""
        self.master.copy_(master)
        self.refresh(WARM_UP)


def _shaped(flat: Tensor, shape: torch.Size) -> Tensor:
    """A flat weight, channels last where it has four dimensions, in its own shape."""
    if len(shape) == 4:
        return flat.view(shape[0], shape[2], shape[3], shape[1]).permute(0, 3, 1, 2)
    return flat.view(shape)


def _channels_last(weight: Tensor) -> Tensor:
    return weight.permute(0, 2, 3, 1) if weight.dim() == 4 else weight


def _adam(parameter: nn.Parameter, rate: Tensor, betas: tuple[float, float]) -> torch.optim.Adam:
    """Adam for one parameter; on a CPU without the compiler that torch's own imports."""
    if parameter.device.type == "cpu":
        return cast("torch.optim.Adam", Adam(parameter, rate, betas))
    return torch.optim.Adam([parameter], lr=rate, betas=betas, eps=EPS, fused=True)


def _scaler(precision: Precision, device: torch.device) -> torch.amp.GradScaler:
    """For fp16, a scaler of losses; elsewhere its scale is 1 and only its check for overflow is used."""
    scaled = precision.autocast == torch.float16
    return torch.amp.GradScaler(
        device.type, init_scale=65536.0 if scaled else 1.0, growth_interval=2000 if scaled else 2**31 - 1
    )
