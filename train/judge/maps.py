"""What judges of label maps have in common: of what paints them, and of what finds them in photographs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from torch import Tensor

from cgan.errors import DataError
from cgan.labels import Palette
from train.data.batches import Painted
from train.data.painted import NOBODY_KNOWS, PaintedData, read_painted
from train.data.protocol import Size
from train.judge.metrics import BATCH
from train.judge.protocol import Source
from train.log import say


class OfMaps(Protocol):
    """A painter, or a label network."""

    size: Size
    palette: Palette


T = TypeVar("T", bound=OfMaps)


class Judging(Generic[T]):
    """The part of a judge that reads the data."""

    def read(self, folder: Path, task: T) -> PaintedData:
        """The data at the model's size; DataError when its classes are not the model's."""
        data = read_painted(folder, task.size, say)
        check_classes(folder, data.palette, task.palette, numbered=True)
        return data

    def pictures(self, data: PaintedData) -> list[Tensor]:
        """The photographs."""
        return [data.images]


def check_classes(folder: Path, data: Palette, model: Palette, numbered: bool = False) -> None:
    """Raise DataError unless the data of `folder` have the model's classes, by name.

    numbered: data without names ("class 0", …) will do, if they have no more classes than the model knows.
    """
    unnamed = all(label.name == f"class {label.id}" for label in data.labels)
    if data.names != model.names and not (numbered and unnamed and len(data) <= len(model)):
        raise DataError(
            f"{folder} and the checkpoint have other classes: {', '.join(data.names)} and "
            f"{', '.join(model.names)}"
        )


def needed(palette: Palette | None) -> Palette:
    """The palette, which every model of label maps has."""
    if palette is None:
        raise ValueError("a model of label maps has a palette")
    return palette


def judged(palette: Palette) -> list[int]:
    """The ids of the classes that are judged: all that name something."""
    return [label.id for label in palette.labels if label.name.lower() not in NOBODY_KNOWS]


def batches(data: Source[Painted]) -> Iterator[Painted]:
    """All samples of `data`, in order and whole, as `Painted` batches."""
    for start in range(0, len(data), BATCH):
        yield data.batch(range(start, min(start + BATCH, len(data))), 0, data.size, augment=False)
