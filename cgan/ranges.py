"""What the fields of a dataclass may hold: types, and ranges of numbers, declared in the field's own type.

    filters: Width = 64  # channels of the first layer

A `Width` is an int from 1 to 16384. The command line asks `refusal`, a checkpoint's config goes through
`made`: what is out of range costs nothing, as it is told before anything is built.
"""

import argparse
import dataclasses
import inspect
import math
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Protocol, TypeVar

MANY = 10**9  # an upper bound that nobody need be told
GROWN = "grown"  # in the metadata of fields that older checkpoints lack


class Range(NamedTuple):
    """The finite numbers from `low` to `high`."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether `value` is one of them."""
        return math.isfinite(value) and self.low <= value <= self.high

    def __str__(self) -> str:
        return f"at least {self.low:g}" if self.high >= MANY else f"from {self.low:g} to {self.high:g}"


Width = Annotated[int, Range(1, 16384)]  # channels, or the length of a vector that there is
Length = Annotated[int, Range(0, 16384)]  # the same; 0: there is none
Depth = Annotated[int, Range(1, 64)]  # layers, blocks, scales
Times = Annotated[int, Range(0, 64)]  # the same; 0: there are none
Halvings = Annotated[int, Range(0, 12)]
Side = Annotated[int, Range(1, 4096)]  # pixels
Sides = Annotated[tuple[int, int], Range(32, 4096)]  # height, width
Kernel = Annotated[int, Range(1, 31)]
Count = Annotated[int, Range(1, MANY)]
Whole = Annotated[int, Range(0, MANY)]  # a count that may be 0
Batches = Annotated[int, Range(1, 4096)]  # pictures or batches that are at work at once
Seed = Annotated[int, Range(0, 2**31 - 1)]
Rate = Annotated[float, Range(0, 1)]
Beta = Annotated[float, Range(0, 0.999999)]
Weight = Annotated[float, Range(0, 1e6)]
Share = Annotated[float, Range(0, 1)]
Minutes = Annotated[float, Range(0, 1e6)]


class Dataclass(Protocol):
    """What dataclasses have in common."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


T = TypeVar("T", bound=Dataclass)


def hints_of(kind: type[Any]) -> dict[str, tuple[Any, Range | None]]:
    """The fields of a dataclass: name -> (type, range or None)."""
    hints = typing.get_type_hints(kind, include_extras=True)
    return {field.name: parted(hints[field.name]) for field in dataclasses.fields(kind)}


def parted(hint: Any) -> tuple[Any, Range | None]:
    """`Annotated[int, Range(1, 3)]` -> (int, Range(1, 3)); other types have no range."""
    if typing.get_origin(hint) is not Annotated:
        return hint, None
    plain, *extras = typing.get_args(hint)
    return plain, next((extra for extra in extras if isinstance(extra, Range)), None)


def refusal(value: Any, limits: Range | None) -> str | None:
    """What a value of the right type must be where it is out of range or not finite; None if it is fine."""
    numbers = value if isinstance(value, tuple) else (value,)
    for number in numbers:
        if isinstance(number, int | float) and not isinstance(number, bool):
            if limits is not None and not limits.holds(number):
                return str(limits)
            if not math.isfinite(number):
                return "a finite number"
    return None


def grown(default: Any) -> Any:
    """A field of a Config that older checkpoints lack: there it is `default`, which stays what it is."""
    return dataclasses.field(default=default, metadata={GROWN: True})


def made(kind: type[T], values: Mapping[str, Any]) -> T:
    """The instance of `kind` with these values, as JSON holds them; fields that lack take their defaults.

    ValueError: for unknown or missing fields, for a wrong type, and for what is out of range.
    """
    hints = hints_of(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    if unknown := sorted(set(values) - set(fields)):
        raise ValueError(f"unknown {', '.join(unknown)} in {kind.__name__}; there are: {', '.join(fields)}")
    needed = [name for name, it in fields.items() if it.default is it.default_factory is dataclasses.MISSING]
    if missing := [name for name in needed if name not in values]:
        raise ValueError(f"{kind.__name__} lacks {', '.join(missing)}")
    typed: dict[str, Any] = {}
    for name, value in values.items():
        hint, limits = hints[name]
        typed[name] = of_type(value, hint, name)
        if wanted := refusal(typed[name], limits):
            raise ValueError(f"{name} is {value!r:.40}; it must be {wanted}")
    return kind(**typed)


def of_type(value: Any, hint: Any, name: str) -> Any:
    """A JSON value as `hint` wants it, or ValueError."""
    hint, _ = parted(hint)
    hint, optional = without_none(hint)
    if value is None and optional:
        return None
    if typing.get_origin(hint) is Literal:
        return _one_of(value, typing.get_args(hint), name)
    if typing.get_origin(hint) is tuple and isinstance(value, list | tuple):
        parts = typing.get_args(hint)
        if parts[-1] is Ellipsis:
            parts = parts[:1] * len(value)
        if len(parts) == len(value):
            return tuple(of_type(part, kind, name) for part, kind in zip(value, parts, strict=True))
    elif hint is Path and isinstance(value, str | Path):
        return Path(value)
    elif hint is float and type(value) in (int, float):
        return float(value)
    elif type(value) is hint:
        return value
    raise ValueError(f"{name} is {value!r:.40}; it must be {inspect.formatannotation(hint)}")


def without_none(hint: Any) -> tuple[Any, bool]:
    """`X | None` -> (X, True); any other hint -> (hint, False)."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        rest = [part for part in typing.get_args(hint) if part is not type(None)]
        if len(rest) == 1:
            return rest[0], True
        raise TypeError(f"{hint} cannot be a flag: at most one type beside None")
    return hint, False


def whole(least: int, most: int = MANY) -> Callable[[str], int]:
    """For argparse: reads a whole number in this range."""
    limits = Range(least, most)

    def number(text: str) -> int:
        if not text.isdecimal() or not limits.holds(int(text[:20])):
            raise argparse.ArgumentTypeError(f"{text!r:.40}: it must be a whole number, {limits}")
        return int(text)

    return number


def real(least: float, most: float = MANY) -> Callable[[str], float]:
    """For argparse: reads a number in this range."""
    limits = Range(least, most)

    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not limits.holds(value):
            raise argparse.ArgumentTypeError(f"{text!r:.40}: it must be a number, {limits}")
        return value

    return number


def _one_of(value: Any, allowed: tuple[Any, ...], name: str) -> Any:
    if value not in allowed:
        raise ValueError(f"{name} is {value!r:.40}; it must be one of: {', '.join(map(str, allowed))}")
    return value
