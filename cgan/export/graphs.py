"""What is exported of each kind of model: small modules of tensors alone.

`plain` is the copy that is traced: what can be computed beforehand is, and SPADE's batch norm goes into the
convolution that makes gamma and beta. The tricks of a CPU (patch tables, the instance norm of one picture as
a batch norm) stay behind.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan.errors import CganError
from cgan.layers.blocks import mirror
from cgan.layers.few_shot import DoublingConv
from cgan.layers.spade.norm import SpadeNorm

LEAST = 64  # pixels: the sides of the example by which a graph is traced are at least so long

STRIDE = 32  # of label networks: at multiples of it they see all pixels alike

IMAGE = "float32 (1, 3, H, W) in [-1, 1], RGB"
WORDS = {  # by name of an input or an output
    "labels": "uint8 (1, H, W): the class of each pixel",
    "image": IMAGE,
    "translated": IMAGE,
    "noise": "float32 (1, 1, H, W) of N(0, 1): fine detail",
    "style": "float32 (1, {style})",
    "logits": "float32 (1, {classes}, H, W): how likely each class is; the largest is the pixel's",
    "normal": "float32 (1, {style}) of N(0, 1)",
}
FREE = {"labels": (1, 2)} | dict.fromkeys(
    ("image", "translated", "noise", "logits"), (2, 3)
)  # axes of height and width


@dataclass(frozen=True)
class Graph:
    """A module that becomes a graph: its inputs in order and its output, by names of `WORDS`.

    `does`: what it is for; `multiple`: what divides height and width; `classes` and `style` as in the model.
    """

    name: str
    does: str
    module: nn.Module
    inputs: tuple[str, ...]
    output: str
    multiple: int
    classes: int
    style: int

    @property
    def least(self) -> int:
        """The smallest height and width that it was tried with."""
        return -(-LEAST // self.multiple) * self.multiple

    def example(self, more: tuple[int, int] = (0, 0), seed: int = 0) -> dict[str, Tensor]:
        """Inputs drawn at random, a little larger than the smallest: by `more` (height, width) multiples."""
        height, width = (self.least + extra * self.multiple for extra in more)
        generator = torch.Generator().manual_seed(seed)
        shapes = {"image": (1, 3, height, width), "noise": (1, 1, height, width)}
        made = {
            name: torch.randn(*shapes.get(name, (1, self.style)), generator=generator) for name in self.inputs
        }
        if "image" in made:
            made["image"].clamp_(-1, 1)
        if "labels" in made:
            ids = torch.randint(self.classes, (1, height // 8, width // 8), generator=generator)
            made["labels"] = ids.repeat_interleave(8, 1).repeat_interleave(8, 2).byte()
        return made


def graphs_of(model: Any) -> list[Graph]:
    """The graphs of a model of `cgan.models`, in eval mode with its weights in fp32 on the CPU.

    Raises `CganError` for a model that makes no single pictures.
    """
    if model.task == "paint":
        return _painting(model)
    if model.task == "translate":
        return _translating(model)
    if model.task == "label":
        told = "tells the class of each pixel of a photograph"
        return [Graph("label", told, model, ("image",), "logits", STRIDE, model.config.classes, 0)]
    raise CganError("export is for models of single pictures, and this one makes videos")


def _painting(model: Any) -> list[Graph]:
    config, sizes = model.config, (model.multiple, model.config.classes, model.config.style)
    paints = "paints a label map" + (" in a style" if config.style else "")
    graphs = [Graph("paint", paints, Paint(model), ("labels", "style", "noise"), "image", *sizes)]
    if config.style:
        seen = ("image", "labels") if config.looks else ("image",)
        told = "takes the style of a photograph" + (" and its label map" if config.looks else "")
        graphs.append(Graph("encode", told, Encode(model), seen, "style", *sizes))
        drawn = "draws a style such as the training pictures have"
        graphs.append(Graph("draw", drawn, Draw(model), ("normal",), "style", *sizes))
    return graphs


def _translating(model: Any) -> list[Graph]:
    graphs, styled = [], model.styles != "none"
    sizes = model.multiple, 0, model.config.style if styled else 0
    for direction in model.directions:
        end = f"_{direction}" if len(model.directions) > 1 else ""
        seen = ("image", "style") if styled else ("image",)
        does = f"translates a picture, {direction[0]} to {direction[1]}"
        graphs.append(Graph(f"translate{end}", does, Translate(model, direction), seen, "translated", *sizes))
        if styled:
            told = f"takes the style of a picture of {direction[1]}, at the training pictures' size"
            graphs.append(Graph(f"encode{end}", told, Encode(model, direction), ("image",), "style", *sizes))
    return graphs


# --- the modules


class Paint(nn.Module):
    """labels uint8 (1, H, W), style (1, style), noise (1, 1, H, W) -> image (1, 3, H, W)."""

    def __init__(self, model: Any):
        super().__init__()
        self.model = model

    def forward(self, labels: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        return self.model(self.model.condition(labels[:, None].long()), style, noise)


class Encode(nn.Module):
    """image (1, 3, H, W), and its labels uint8 (1, H, W) or the direction -> style (1, style)."""

    def __init__(self, model: Any, direction: str | None = None):
        super().__init__()
        self.model, self.direction = model, direction

    def forward(self, image: Tensor, labels: Tensor | None = None) -> Tensor:
        if self.direction is not None:
            return self.model.encode(image, self.direction)
        return self.model.encode(image, None if labels is None else labels[:, None].long())


class Draw(nn.Module):
    """normal (1, style) of N(0, 1) -> style (1, style)."""

    def __init__(self, model: Any):
        super().__init__()
        self.model = model

    def forward(self, normal: Tensor) -> Tensor:
        return self.model.draw(normal)


class Translate(nn.Module):
    """image (1, 3, H, W), style (1, style) where there are styles -> translated (1, 3, H, W)."""

    def __init__(self, model: Any, direction: str):
        super().__init__()
        self.model, self.direction = model, direction

    def forward(self, image: Tensor, style: Tensor | None = None) -> Tensor:
        return self.model.decode(self.model.content(image, self.direction), style, self.direction)


# --- computed beforehand


def plain(module: nn.Module) -> nn.Module:
    """A copy of a module in which is computed what depends on the weights alone."""
    copied = copy.deepcopy(module)
    _replace(copied)
    return copied


def _replace(module: nn.Module) -> None:
    for name, part in module.named_children():
        if isinstance(part, SpadeNorm):
            setattr(module, name, FoldedSpade(part))
        elif isinstance(part, DoublingConv):
            setattr(module, name, FoldedDoubling(part))
        else:
            _replace(part)


class FoldedSpade(nn.Module):
    """SpadeNorm with its batch norm inside the convolution.

    (x - mean) / deviation * (1 + gamma) + beta is x * scale + shift, where both are linear in what the
    convolution of gamma and beta sees.
    """

    def __init__(self, norm: SpadeNorm):
        super().__init__()
        self.shared, self.modulation = norm.shared, norm.modulation  # of a copy, which may be changed
        parameters = dict(self.modulation.named_parameters())
        inverse, mean = torch.rsqrt(norm.base.variance + norm.base.eps), norm.base.mean
        gamma, beta = parameters["weight"].chunk(2)
        one, shift = parameters["bias"].chunk(2)
        scale, first = gamma * inverse[:, None, None, None], (1 + one) * inverse
        parameters["weight"].copy_(torch.cat([scale, beta - mean[:, None, None, None] * scale]))
        parameters["bias"].copy_(torch.cat([first, shift - mean * first]))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.modulation(F.relu(self.shared(condition))).chunk(2, 1)
        return x * scale + shift


class FoldedDoubling(nn.Module):
    """DoublingConv with its sums of weights."""

    def __init__(self, convolution: DoublingConv):
        super().__init__()
        weight, bias = convolution.folded()
        self.weight, self.bias = (nn.Parameter(part, requires_grad=False) for part in (weight, bias))

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(F.conv2d(mirror(x, 1), self.weight, self.bias), 2)
