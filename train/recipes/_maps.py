"""What the recipes of models of label maps have in common: their classes are those of the data."""

from __future__ import annotations

from dataclasses import Field, replace
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from cgan.labels import Palette


class Shape(Protocol):
    """A Config, which is a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


class Mapped(Protocol):
    """Data with label maps."""

    @property
    def palette(self) -> Palette:
        """Their classes."""


C = TypeVar("C", bound=Shape)
D = TypeVar("D", bound=Mapped)


class OfMaps(Generic[C, D]):
    """The part of `train.recipes.RecipeOf` that the data's palette answers; `batch` is the recipe's own."""

    batch: ClassVar[type]

    @classmethod
    def kind(cls, config: C) -> type:
        """`batch`, whatever the Config."""
        return cls.batch

    @staticmethod
    def configure(config: C, data: D) -> C:
        """The Config for this data: as many classes as its palette has."""
        return replace(config, classes=len(data.palette))

    @staticmethod
    def palette(data: D) -> Palette:
        """The classes of the maps."""
        return data.palette

    @staticmethod
    def about(data: D) -> dict[str, Any]:
        """Nothing: the palette says it all."""
        return {}
