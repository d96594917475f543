"""What a judge must be able to do: one kind of batch, judged while a run learns from it and by `evaluate`.

A judge's file has a class `Judge` that keeps this protocol; `train.judge.of` finds it by its `batch`. Words:
a *picture* is uint8 (H, W, 3), *pictures* (N, H, W, 3), an *image* float (B, 3, H, W) in [-1, 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from torch import Tensor

from cgan.labels import Palette
from train.data.protocol import Size
from train.judge.examination import Examination
from train.judge.metrics import Metrics, Row
from train.judge.sheet import Cells, Picture

About: TypeAlias = dict[str, Any]  # what a checkpoint tells, as JSON
Model: TypeAlias = Any  # one of cgan.models; which methods it has, its task says

Data = TypeVar("Data")  # a data set of the kind
Task = TypeVar("Task", contravariant=True)  # what `cgan.load` makes of its models: Painter, Translator, …
Batch = TypeVar("Batch", contravariant=True)
Given = TypeVar("Given", covariant=True)


class Source(Protocol[Given]):
    """Data that a run is judged by, in memory or sent to a device in batches."""

    def __len__(self) -> int: ...

    @property
    def size(self) -> Size:
        """The (height, width) that they were stored for."""

    def batch(self, indices: Sequence[int] | Tensor, seed: int, size: Size, *, augment: bool) -> Given:
        """The samples at `indices` at `size`; without `augment` whole and without chance."""


@dataclass
class Sitting(Generic[Given]):
    """What a run is judged by while it learns.

    shown: whose samples are on the sheets; validation: what chooses the weights, None where nothing does;
    palette: the classes of a painter; kept: what a judge computes of real pictures but once, by name.
    """

    shown: Source[Given]
    validation: Source[Given] | None
    size: Size
    metrics: Metrics
    palette: Palette | None = None
    kept: dict[str, Tensor] = field(default_factory=dict)


class Sheets(NamedTuple):
    """Pictures of a run: of its samples, and what may lie beside the checkpoint."""

    samples: Picture
    preview: Picture


@dataclass(frozen=True)
class Section:
    """One table: its title, its rows, and what must be known to read it."""

    title: str
    rows: dict[str, Row]
    note: str = ""


class Judge(Protocol[Data, Task, Batch]):
    """Judges what learns from one kind of batch. It has no state: what it is asked about it is given."""

    batch: ClassVar[type]  # the kind of batch, one of `train.data.batches`
    scored: ClassVar[str]  # what `scores` compares, for the card: "pictures, translated"

    # --- while a run learns

    def sheets(self, model: Model, sitting: Sitting[Batch]) -> Sheets:
        """A few samples of `sitting.shown`, spread evenly, and the checkpoint's preview."""

    def scores(self, model: Model, sitting: Sitting[Batch]) -> dict[str, float]:
        """Scores on the validation data, lower is better; none where nothing can be measured."""

    # --- `evaluate`

    def read(self, folder: Path, task: Task) -> Data:
        """The data of a folder at the task's size; DataError where they do not fit the checkpoint."""

    def pictures(self, data: Data) -> list[Tensor]:
        """The real pictures of the data as they are stored, each uint8 (N, 3, h, w), to know them again."""

    def sections(
        self, task: Task, data: Data, training: Data | None, examination: Examination
    ) -> list[Section]:
        """All tables. training: the data that were learnt from, where they are given."""

    def cells(
        self,
        task: Task,
        data: Data,
        training: Data | None,
        examination: Examination,
        most: int,
        outputs_only: bool,
    ) -> Cells:
        """At most so many samples that nobody picked; `outputs_only` leaves the data's pictures out."""

    # --- the card

    def usage(self, name: str, model: Model) -> str:
        """Lines of Python that show what the checkpoint called `name` is for."""

    def caption(self, model: Model, about: About) -> str:
        """What the preview shows."""
