"""Spatially-adaptive normalisation and the residual block made of it.

Park, Liu, Wang, Zhu: Semantic Image Synthesis with Spatially-Adaptive Normalization, CVPR 2019 (equations 1
to 3, figure 4 and appendix A).
"""

from collections.abc import Sequence
from typing import Protocol

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

SLOPE = 0.2  # of every leaky ReLU


def processes() -> int:
    """How many there are."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


class SumOverProcesses(torch.autograd.Function):
    """The sum of `x` over all processes; its gradient is the sum of the gradients."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> Tensor:
        """Add up copies of `x`, which may have any shape."""
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> Tensor:
        """Every process's output depends on every process's input."""
        total = gradient.clone()
        dist.all_reduce(total)
        return total


class BatchNorm(nn.Module):
    """Batch normalisation without scale and shift, over the pictures of all processes.

    torch's SyncBatchNorm refuses the CPU, so the moments are summed here where there are several processes;
    alone, it is `F.batch_norm`. `momentum` is the share of the newest batch in the running statistics.

    Shapes: x (B, channels, H, W); out as x.
    """

    mean: Tensor  # of the pictures seen: (channels,)
    variance: Tensor  # (channels,)

    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-5):
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))

    @torch.no_grad()
    def reset(self) -> None:
        """Forget the pictures seen. Whatever follows, what was not finite would stay so."""
        self.mean.zero_()
        self.variance.fill_(1)

    def forward(self, x: Tensor) -> Tensor:
        if self.training and processes() > 1:
            return self._over_processes(x)[0]
        return F.batch_norm(x, self.mean, self.variance, None, None, self.training, self.momentum, self.eps)

    @torch.no_grad()
    def measured(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What `forward` gives, without its graph, and what x was multiplied by, (channels,)."""
        if not self.training:
            return self(x), torch.rsqrt(self.variance + self.eps)
        if processes() > 1:
            return self._over_processes(x)
        settings = True, self.momentum, self.eps
        normal, _, rate = torch.native_batch_norm(x, None, None, self.mean, self.variance, *settings)
        return normal, rate

    def _over_processes(self, x: Tensor) -> tuple[Tensor, Tensor]:
        wide = x if x.dtype == torch.float64 else x.float()
        count = x.numel() // x.shape[1] * processes()
        mean = SumOverProcesses.apply(wide.sum((0, 2, 3))) / count
        centred = wide - mean[:, None, None]
        variance = SumOverProcesses.apply(centred.square().sum((0, 2, 3))) / count
        with torch.no_grad():
            self.mean.lerp_(mean, self.momentum)
            self.variance.lerp_(variance * (count / (count - 1)), self.momentum)
        rate = torch.rsqrt(variance + self.eps)
        return (centred * rate[:, None, None]).to(x.dtype), rate

    @torch.no_grad()
    def follow(self, twin: "BatchNorm") -> None:
        """Take over what `twin` has noted, which sees the same pictures."""
        self.mean.copy_(twin.mean)
        self.variance.copy_(twin.variance)


class Modulator(Protocol):
    """What stands for the maps of one resolution where gamma and beta are known without a convolution."""

    def modulate(self, x: Tensor, norms: Sequence[tuple["SpadeNorm", float]]) -> Sequence[Tensor]:
        """Several norms of the same x (B, channels, h, w), each with a leaky ReLU of the given slope after it
        (1: none) -> one of x's shape for each.
        """


class SpadeNorm(nn.Module):
    """Batch-normalise `x`, then scale and shift each pixel as its label asks (equation 1).

    Shapes: x (B, channels, h, w); condition: one-hot (B, conditions, h, w), of x's size; out as x.
    """

    def __init__(self, channels: int, conditions: int, hidden: int):
        super().__init__()
        self.base = BatchNorm(channels)
        self.shared = nn.Conv2d(conditions, hidden, 3, padding=1)
        self.modulation = nn.Conv2d(hidden, 2 * channels, 3, padding=1)  # gamma, then beta

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        gamma, beta = self.modulation(F.relu(self.shared(condition))).chunk(2, 1)
        return torch.addcmul(beta, self.base(x), 1 + gamma)


class SpadeBlock(nn.Module):
    """The residual block of figure 4: twice SPADE, leaky ReLU and a 3x3 convolution, beside a shortcut.

    The shortcut is learned (SPADE and a 1x1 convolution) where the numbers of channels differ. With `noise`,
    a noise picture times a learned strength for each channel follows each 3x3 convolution (Karras et al., A
    Style-Based Generator, 2019, section 3.2): it gives large areas of one label a texture that does not
    repeat.

    Shapes: x (B, inputs, h, w); condition as for SpadeNorm, or a Modulator; noise (B, 1, h, w); out (B,
    outputs, h, w).
    """

    def __init__(self, inputs: int, outputs: int, conditions: int, hidden: int, noise: bool):
        super().__init__()
        middle = min(inputs, outputs)
        self.norm_0 = SpadeNorm(inputs, conditions, hidden)
        self.conv_0 = nn.Conv2d(inputs, middle, 3, padding=1)
        self.norm_1 = SpadeNorm(middle, conditions, hidden)
        self.conv_1 = nn.Conv2d(middle, outputs, 3, padding=1)
        self.learned_shortcut = inputs != outputs
        if self.learned_shortcut:
            self.norm_s = SpadeNorm(inputs, conditions, hidden)
            self.conv_s = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.noisy = noise
        if noise:
            self.noise_0 = nn.Parameter(torch.zeros(middle, 1, 1))
            self.noise_1 = nn.Parameter(torch.zeros(outputs, 1, 1))

    def forward(self, x: Tensor, condition: Tensor | Modulator, noise: Tensor) -> Tensor:
        if self.learned_shortcut:
            h, shortcut = modulated(x, condition, (self.norm_0, SLOPE), (self.norm_s, 1.0))
            shortcut = self.conv_s(shortcut)
        else:
            (h,), shortcut = modulated(x, condition, (self.norm_0, SLOPE)), x
        h = self.conv_0(h)
        h = torch.addcmul(h, self.noise_0, noise) if self.noisy else h
        h = self.conv_1(*modulated(h, condition, (self.norm_1, SLOPE)))
        h = torch.addcmul(h, self.noise_1, noise) if self.noisy else h
        return shortcut + h


def modulated(x: Tensor, condition: Tensor | Modulator, *norms: tuple[SpadeNorm, float]) -> Sequence[Tensor]:
    """Several norms of the same x, each with a leaky ReLU of that slope after it (1: none)."""
    if not isinstance(condition, Tensor):
        return condition.modulate(x, norms)
    return [
        F.leaky_relu(norm(x, condition), slope) if slope < 1 else norm(x, condition) for norm, slope in norms
    ]
