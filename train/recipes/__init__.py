"""How each model learns: one file each, found by its name. Adding a model changes nothing here.

A recipe's file has `Hyper` (a frozen dataclass: learning), `PRESETS` (name -> Hyper) and `Recipe`, a class as
`RecipeOf` describes it; the file ends with a line that has a type checker compare the two.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from cgan import models

if TYPE_CHECKING:  # whoever asks for the names only should not wait for torch
    from torch import Tensor, nn

    from cgan.labels import Palette
    from train.data.folders import Say
    from train.data.protocol import Batch, Data, Size

C = TypeVar("C")  # the model's Config
H = TypeVar("H", contravariant=True)  # the recipe's Hyper
D = TypeVar("D", bound="Data[Any]")  # the data it reads
M = TypeVar("M", bound="nn.Module")  # the network that is saved
B = TypeVar("B", bound="Batch", contravariant=True)  # the kind of batch it learns from


class Loss(NamedTuple):
    """What a player minimises in its turn: the sum of the terms, (), each with its weight in it."""

    player: str
    terms: dict[str, Tensor]

    @property
    def total(self) -> Tensor:
        """The sum of the terms, ()."""
        first, *rest = self.terms.values()
        return sum(rest, first)


@dataclass
class Player:
    """A network that learns from losses of its own.

    `normalised`: its layers under spectral norm; `rate`: Adam's learning rate at the start; `betas`: Adam's.
    """

    module: nn.Module
    rate: float
    betas: tuple[float, float]
    normalised: Sequence[nn.Module] = ()


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Inside, `module` computes with constants: it gets no gradients. Never yield inside."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


class Recipe(Protocol[M, B]):
    """What the trainer asks of a recipe. Images are float (B, 3, H, W) in [-1, 1], on the model's device."""

    @property
    def batch(self) -> type[Any]:
        """The kind of batch it learns from, one of `train.data.batches`."""

    @property
    def model(self) -> M:
        """The network that is saved."""

    @property
    def saved(self) -> str:
        """The player whose weights are the model's."""

    @property
    def players(self) -> Mapping[str, Player]:
        """The networks that learn, by name."""

    def step(self, batch: B) -> Iterator[Loss]:
        """Yield one Loss a turn; the trainer descends it before the next turn begins."""

    def calibrate(self, model: M, batch: B) -> Tensor:
        """A training-mode pass of an averaged `model`, for its statistics -> (B, …) for `finish`."""

    def finish(self, model: M, facts: Tensor) -> None:
        """Note in `model` what `calibrate` gave for all batches (N, …)."""


class RecipeOf(Protocol[C, H, D, M, B]):
    """A recipe's class: it makes the recipe of a run, once it is known what the data are like."""

    def __call__(self, config: C, hyper: H, perceptual: nn.Module | None) -> Recipe[M, B]:
        """The recipe. perceptual: fake and real images -> a distance (), or None."""

    def kind(self, config: C) -> type[Any]:
        """The kind of batch that a model of this Config learns from: `batch`, before there is a recipe."""

    def read(self, folder: Path, size: Size, hyper: H, say: Say) -> D:
        """The data of a folder, checked whole; DataError lists what is wrong."""

    def builtin(self, size: Size, seed: int, hyper: H, say: Say) -> D:
        """The data used where no folder is given."""

    def configure(self, config: C, data: D) -> C:
        """The Config that fits the data."""

    def palette(self, data: D) -> Palette | None:
        """The classes that the model paints, where it paints label maps."""

    def about(self, data: D) -> dict[str, Any]:
        """What the checkpoint should tell about the data beside their name, for its config.json."""


SIDES = 32  # discriminators and judges halve pictures so often that it divides their sides
AnyRecipe = RecipeOf[Any, Any, Any, Any, Any]  # which one, only its name says


def kind_of(name: str, config: Any) -> type[Any]:
    """The kind of batch that model `name` of this Config learns from, one of `train.data.batches`."""
    kind: type[Any] = module(name).Recipe.kind(config)
    return kind


def multiple_of(name: str, config: Any) -> int:
    """What divides the sides of the pictures that model `name` of this Config learns from."""
    import torch

    with torch.device("meta"):  # its shape, without memory
        model = models.module(name).Model(config)
    return math.lcm(SIDES, model.multiple)


def names() -> list[str]:
    """The models that have a recipe, in alphabetical order; a file whose name begins with _ is none."""
    return sorted(it.name for it in pkgutil.iter_modules(__path__) if not it.name.startswith("_"))


def module(name: str) -> ModuleType:
    """The recipe of model `name`; ValueError lists the names there are."""
    if name not in names():
        raise ValueError(f"no model {name!r}; there are: {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{name}")
