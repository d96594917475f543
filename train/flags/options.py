"""Frozen dataclasses become command line flags, and JSON, and come back.

A field is one line: `name: type = default  # meaning`. The flag's name, its type with its range, its default
and its help all come from that line, so that nothing is written twice.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import functools
import inspect
import io
import textwrap
import tokenize
import typing
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from cgan import ranges

T = TypeVar("T", bound=ranges.Dataclass)


def add_flags(
    parser: argparse.ArgumentParser,
    kind: type,
    defaults: Any = None,
    without: Collection[str] = (),
    groups: Mapping[str, Collection[str]] | None = None,
) -> None:
    """Add a flag to `parser` for each field of the dataclass `kind`.

    `defaults`, an instance of `kind` or a mapping of field names, replaces the fields' defaults (a preset).
    Sizes are written `256` or `192x256`: height x width. A field without any default becomes required; those
    named in `without` keep their default and get no flag. `groups` puts fields under headings, in that order;
    the others stand under the first line of the class's docstring.
    """
    under: dict[str, Any] = {}
    for heading, names in (groups or {}).items():
        under |= dict.fromkeys(names, parser.add_argument_group(heading))
    rest = parser.add_argument_group(title_of(kind))
    meanings, hints = comments(kind), ranges.hints_of(kind)
    given = _values(defaults)
    for field in dataclasses.fields(kind):
        default = given[field.name] if field.name in given else _default(field)
        if field.name in without:
            parser.set_defaults(**{field.name: default})
            continue
        keywords = _keywords(hints[field.name][0])
        text = meanings.get(field.name, "")
        if default is dataclasses.MISSING:
            keywords["required"] = True
        else:
            keywords["default"] = default
            text += "" if "(default:" in text else f" (default: {show(default)})"
        keywords["help"] = text.strip().replace("%", "%%")
        under.get(field.name, rest).add_argument(flag(field.name), dest=field.name, **keywords)


def from_flags(arguments: argparse.Namespace, kind: type[T]) -> T:
    """The instance of `kind` that the parsed flags describe. ValueError: a number out of its range."""
    values = {field.name: vars(arguments)[field.name] for field in dataclasses.fields(kind)}
    for name, (_, limits) in ranges.hints_of(kind).items():
        if wanted := ranges.refusal(values[name], limits):
            raise ValueError(f"{flag(name)} {show(values[name])}: it must be {wanted}")
    return kind(**values)


def as_dict(instance: Any) -> dict[str, Any]:
    """All fields, defaults too, as JSON can hold them: paths become strings, tuples become lists."""
    return {field.name: _plain(vars(instance)[field.name]) for field in dataclasses.fields(instance)}


def flag(name: str) -> str:
    """`start_from` -> `--start-from`."""
    return "--" + name.replace("_", "-")


def show(value: Any) -> str:
    """A value as one would type it after its flag."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ("x" if len(value) == 2 else ",").join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def parse_size(text: str) -> tuple[int, int]:
    """`256` -> (256, 256); `192x256` -> (192, 256): height, then width."""
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) > 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write 256, or 192x256 for height x width")
    return int(parts[0]), int(parts[-1])


def title_of(kind: type) -> str:
    """The first line of the class's docstring, which heads its group of flags."""
    return (inspect.getdoc(kind) or kind.__name__).splitlines()[0].rstrip(".")


@functools.cache
def comments(kind: type) -> dict[str, str]:
    """The comment that ends each field's line, by field name; a base class's fields included."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if dataclasses.is_dataclass(base):
            found |= _comments_in(textwrap.dedent(inspect.getsource(base)))
    return found


def _comments_in(source: str) -> dict[str, str]:
    lines = {
        token.start[0]: token.string.lstrip("# ").strip()
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    kind = ast.parse(source).body[0]
    found: dict[str, str] = {}
    for node in kind.body if isinstance(kind, ast.ClassDef) else ():
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            end = node.end_lineno or node.lineno
            found |= {node.target.id: lines[end]} if end in lines else {}
    return found


def _values(defaults: Any) -> Mapping[str, Any]:
    if defaults is None:
        return {}
    return defaults if isinstance(defaults, Mapping) else vars(defaults)


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _keywords(hint: Any) -> dict[str, Any]:
    """What argparse needs to know of a type."""
    hint, optional = ranges.without_none(hint)
    if hint is bool:
        return {"action": argparse.BooleanOptionalAction}
    if typing.get_origin(hint) is Literal:
        return {"choices": typing.get_args(hint)}
    parse, metavar = _parser(hint)
    return {"type": _or_none(parse) if optional else parse, "metavar": metavar}


def _parser(hint: Any) -> tuple[Callable[[str], Any], str]:
    if hint == tuple[int, int]:
        return parse_size, "SIZE"
    if typing.get_origin(hint) is tuple:
        return functools.partial(_parse_many, typing.get_args(hint)[0]), "A,B,…"
    if hint in (int, float, str, Path):
        return hint, {int: "N", float: "X", str: "TEXT", Path: "PATH"}[hint]
    raise TypeError(f"{hint} cannot be a flag")


def _parse_many(kind: Callable[[str], Any], text: str) -> tuple[Any, ...]:
    try:
        return tuple(kind(part) for part in text.split(",") if part)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}; write commas between values") from error


def _or_none(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    def value(text: str) -> Any:  # argparse names this function in its errors: "invalid value: …"
        return None if text == "none" else parse(text)

    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return [_plain(part) for part in value] if isinstance(value, tuple | list) else value
