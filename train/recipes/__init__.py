"""How each model learns: one file each, found by its name. Adding a model changes nothing here.

A recipe's file has `Hyper` (a frozen dataclass: learning), `PRESETS` (name -> Hyper) and `Recipe`, as
described below.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, NamedTuple, Protocol

from torch import Tensor, nn

from cgan.labels import Palette
from train.engine.bank import Player


class Loss(NamedTuple):
    """What a player minimises in its turn: the sum of the terms, each with its weight in it."""

    player: str
    terms: dict[str, Tensor]


class Recipe(Protocol):
    """What the trainer asks of a recipe. It is made by Recipe(config, hyper, perceptual loss or None)."""

    batch: ClassVar[type]  # the kind of batch it learns from, one of `train.data.batches`
    model: nn.Module  # the network that is saved
    saved: str  # the player whose weights are the model's
    players: dict[str, Player]  # the networks that learn, by name

    @staticmethod
    def read(folder: Path, size: tuple[int, int], hyper: Any, say: Callable[[str], None]) -> Any:
        """The data of a folder, checked whole; DataError lists what is wrong."""

    @staticmethod
    def builtin(size: tuple[int, int], seed: int, hyper: Any, say: Callable[[str], None]) -> Any:
        """The data used where no folder is given."""

    @staticmethod
    def configure(config: Any, data: Any) -> Any:
        """The Config that fits the data."""

    @staticmethod
    def palette(data: Any) -> Palette | None:
        """The classes that the model paints, where it paints label maps."""

    @staticmethod
    def about(data: Any) -> dict[str, Any]:
        """What the checkpoint should tell about the data beside their name, for its config.json."""

    def step(self, batch: Any) -> Iterator[Loss]:
        """Yield one Loss a turn; the trainer descends it before the next turn begins."""

    def calibrate(self, model: nn.Module, batch: Any) -> Tensor:
        """A training-mode pass of an averaged `model`, for its statistics -> (B, …) for `finish`."""

    def finish(self, model: nn.Module, facts: Tensor) -> None:
        """Note in `model` what `calibrate` gave for all batches (N, …)."""

    def paint(self, model: nn.Module, batch: Any, seed: int, own_style: bool) -> Tensor:
        """Painters only: what `model` makes of a batch, (B, 3, H, W) in [-1, 1], to judge and to show it."""

    def animate(self, model: nn.Module, batch: Any) -> Tensor:
        """Animators only: the videos of a batch, (B, T, 3, H, W) in [-1, 1], to judge and to show them."""


def names() -> list[str]:
    """The models that have a recipe, in alphabetical order; a file whose name begins with _ is none."""
    return sorted(it.name for it in pkgutil.iter_modules(__path__) if not it.name.startswith("_"))


def module(name: str) -> ModuleType:
    """The recipe of model `name`; ValueError lists the names there are."""
    if name not in names():
        raise ValueError(f"no model {name!r}; there are: {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{name}")
