"""What a batch and a data set must be able to do: the contracts that a type checker holds the others to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, Self, TypeVar

import torch
from torch import Tensor

Size = tuple[int, int]  # height, width
Indices = Sequence[int] | Tensor  # of samples; a tensor is int64 (n,)


class Batch(Protocol):
    """A named tuple of tensors with a row for each sample; a part that the data have not got is None.

    Images are float (B, 3, H, W) in [-1, 1]; see `train.data.batches`.
    """

    def __iter__(self) -> Iterator[Any]:
        """The parts, each a tensor or None."""

    def _asdict(self) -> dict[str, Any]:
        """The parts by name."""

    def _replace(self, *nothing: Any, **parts: Any) -> Self:
        """The same with other `parts`."""

    def to(self, device: torch.device | str) -> Self:
        """The same on `device`."""


B = TypeVar("B", bound=Batch)
B_co = TypeVar("B_co", bound=Batch, covariant=True)


def each(batch: B, change: Callable[[Tensor], Tensor]) -> B:
    """The same batch after a `change` of each of its tensors; what is None stays so."""
    parts = batch._asdict().items()
    return batch._replace(**{name: part if part is None else change(part) for name, part in parts})


class Samples(Protocol[B_co]):
    """What learning asks of a data set, wherever its pictures lie. `len` counts samples."""

    def __len__(self) -> int: ...

    @property
    def size(self) -> Size:
        """The (height, width) of crops that the pictures are stored for."""

    @property
    def bytes(self) -> int:
        """The memory that the pictures take, or will take."""

    def batch(
        self, indices: Indices, seed: int, size: Size, augment: bool = True, row_offset: int = 0
    ) -> B_co:
        """The samples at `indices`, cropped to `size`, on the data's device.

        With `augment`, each is flipped, scaled and moved at random. The random numbers of a sample depend on
        `seed` and on its place, `row_offset` + row, alone: processes that take parts of a batch see what one
        process would see. Without, the largest centre crop is taken.
        """

    def advance(self, images: int) -> None:
        """Become what a run that has seen `images` should learn from; that depends on nothing else."""

    def state(self) -> dict[str, Tensor]:
        """What must be saved with a run, by name."""

    def load(self, state: dict[str, Tensor]) -> None:
        """Take back what `state` gave."""


class Data(Samples[B_co], Protocol[B_co]):
    """A data set as it is read or rendered: it can be parted and moved."""

    def split(self, fraction: float, seed: int = 0) -> tuple[Data[B_co], Data[B_co]]:
        """(training part, validation part): `seed` sets `fraction` of the samples aside, at least one."""

    def to(self, device: torch.device | str) -> Data[B_co]:
        """The same data, held by `device`."""
