"""What a run's data are: saved with the run, so that it does not go on with others unnoticed.

Their *meaning* is what the weights rely on, such as the names of the classes: with another one a run stops
being that run. Their *marks* are a number for each picture and map: others are told, and learnt from.
"""

import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from cgan.labels import Palette
from train.data.stored import Stored

WORDS = {"palette": "classes", "held_out": "held-out classes"}  # what a meaning's parts are called
LISTED = 8  # names in a message


class Told(Protocol):
    """Whoever says a line."""

    def __call__(self, line: str, /) -> None: ...


@dataclass(frozen=True)
class Identity:
    """meaning: JSON by name; marks: int64 (N,) by the name of the tensor, empty where data are rendered."""

    meaning: Mapping[str, Any]
    marks: Mapping[str, Tensor]

    def compare(self, meaning: Mapping[str, Any] | None, marks: Mapping[str, Tensor], say: Told) -> None:
        """Compare with what a state tells, and say what differs. ValueError where that is the meaning.

        States from before there were identities tell nothing, and are believed.
        """
        for name, ours in self.meaning.items():
            theirs = ours if meaning is None else meaning.get(name)
            if theirs != ours:
                word = WORDS.get(name, name)
                raise ValueError(f"the run learns the {word} {named(theirs)}, these data have {named(ours)}")
        new = gone = 0
        for name, theirs in marks.items():
            now = Counter(self.marks[name].tolist() if name in self.marks else [])
            before = Counter(theirs.tolist())
            new, gone = max(new, (now - before).total()), max(gone, (before - now).total())
        if new or gone:
            say(
                f"the data are not those of before: {new} pictures or maps are new or changed, {gone} are "
                "gone; the run goes on with what is there"
            )


def identity(data: Any, palette: Palette | None, about: Mapping[str, Any]) -> Identity:
    """The identity of `data`, whose checkpoint tells `about`, before they are moved to a device."""
    meaning: dict[str, Any] = {"palette": palette.names} if palette else {}
    known = isinstance(data, Stored) and not data.packed  # a pack is known by its files
    return Identity(meaning | dict(about), marks_of(data.tensors()) if known else {})


def marks_of(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A number for each row of each tensor: equal rows have equal ones, others others but for chance."""
    return {
        name: torch.tensor([zlib.crc32(row.numpy()) for row in tensor.contiguous()], dtype=torch.int64)
        for name, tensor in tensors.items()
        if tensor.dim() > 1
    }


def named(value: Any) -> str:
    """Names for a message."""
    if not isinstance(value, list):
        return str(value)
    more = f" and {len(value) - LISTED} more" if len(value) > LISTED else ""
    return ", ".join(str(it) for it in value[:LISTED]) + more
