"""What the recipes of the video models share: the terms of flow, and the past of a sequence."""

from __future__ import annotations

from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from cgan.layers.flow import warp
from cgan.layers.precision import wide
from train.data.clips import Window

Labels = Literal["auto", "labels", "poses", "landmarks", "edges", "depth"]
STRICT = 5.0  # a warped picture that is wrong by 1 / STRICT of the colours' half range counts 1 / e


def initialise(layer: nn.Module) -> None:
    """Xavier-normal weights with gain 0.02, no bias: for discriminators, as SPADE's authors start."""
    if isinstance(layer, nn.Conv2d):
        nn.init.xavier_normal_(layer.weight, gain=0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def awake(layer: nn.Module) -> None:
    """Kaiming-normal weights, no bias: through a style encoder without norms, torch's own let little pass.

    With them a style's divergence from N(0, 1) began at 2e-5, and styles slept.
    """
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def l1(x: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean distance of (B, c, H, W), in fp32; with a mask (B, 1, H, W), over what it covers."""
    apart = (wide(x) - wide(target)).abs().mean(1, keepdim=True)
    if mask is None:
        return apart.mean()
    return (apart * mask).sum() / mask.sum().clamp(min=1.0)


def agreement(warped: Tensor, target: Tensor) -> Tensor:
    """How well a warped picture shows what is wanted, from 1 to 0 at each pixel: (B, 1, H, W), a constant."""
    apart = (wide(warped) - wide(target)).abs().mean(1, keepdim=True)
    return (-STRICT * apart).exp().detach()


def flow_terms(
    warped: Tensor, flow: Tensor, mask: Tensor, target: Tensor, truth: Tensor | None, seen: Tensor | None
) -> dict[str, Tensor]:
    """What makes a flow network right (Wang et al., Video-to-Video Synthesis, 2018, equation 7).

    warped: the last true frame along `flow` (B, 2, H, W), should look like `target` (B, 3, H, W); `mask` (B,
    1, H, W) should be 1 where it does; and flow should be the truth, if it is known, where it was `seen`.
    """
    terms = {"warp": l1(warped, target, seen), "mask": l1(mask, agreement(warped, target))}
    if truth is not None:
        size = max(flow.shape[2:])  # in shares of the frame, so that all sizes weigh alike
        terms["flow"] = 10 * l1(flow / size, truth / size, seen)
    return terms


def unsteadiness(
    now: tuple[Tensor, Tensor], before: tuple[Tensor, Tensor], flow: Tensor, seen: Tensor | None
) -> Tensor:
    """How far the change from frame to frame is from the true one: L1, where the frame before shows it.

    now, before: what was made and what is true, each (B, 3, H, W); flow (B, 2, H, W) in pixels, to the frame
    before; seen (B, 1, H, W). After the short-term loss of Lai et al., Learning Blind Video Temporal
    Consistency, 2018, equation 3, which asks for no change at all; lights and shadows may change here as the
    true ones do.
    """
    made, true = (wide(one) - warp(other, flow) for one, other in zip(now, before, strict=True))
    return l1(made, true, seen)


def window(frames: int, growth: int) -> Window:
    """Clips of one frame that grow to `frames`, or of `frames` from the beginning where `growth` is 0."""
    return Window(1 if growth else frames, growth, frames)


def at(x: Tensor | None, t: int) -> Tensor | None:
    """Frame `t` of (B, T, …), if there is such a thing."""
    return None if x is None else x[:, t]


class Labelled(Protocol):
    """Data that know where their label maps come from."""

    @property
    def source(self) -> str:
        """One of `train.data.clip_folders.SOURCES`."""


def about_labels(data: Labelled) -> dict[str, Any]:
    """What a checkpoint tells of its label maps, so that an app knows how to make them of a video."""
    return {"labels": data.source}


@torch.no_grad()
def nothing(labels: Tensor) -> Tensor:
    """What `calibrate` gives where nothing is to be estimated, of a batch with these labels: (B, 0)."""
    return torch.zeros(len(labels), 0, device=labels.device)
