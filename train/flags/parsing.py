"""The command line's parser: a wrong word gets one line, with the nearest right one."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` that knows no abbreviations and tells what is wrong in one line."""

    def __init__(self, command: str, description: str | None = None, **options: Any):
        text = argparse.RawDescriptionHelpFormatter
        super().__init__(
            command, description=description, allow_abbrev=False, formatter_class=text, **options
        )

    def parse_args(  # type: ignore[override]  # argparse lists its ways to be called one by one
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> Any:
        """As argparse's; a flag that is none is told with the nearest one."""
        known, strange = self.parse_known_args(args, namespace)
        if strange:
            word = next((word for word in strange if word.startswith("-")), strange[0])
            self.refuse(word, [flag for action in self._actions for flag in action.option_strings])
        return known

    def refuse(self, word: str, flags: Iterable[str]) -> NoReturn:
        """End as `error` does, because `word` is none of the flags."""
        word = word.split("=")[0]
        self.error(f"no flag {word}{nearest(word, flags)}; `{self.prog} --help` lists them")

    def error(self, message: str) -> NoReturn:
        """End with status 2 and this line."""
        self.exit(2, f"error: {message}\n")


def nearest(word: str, among: Iterable[str]) -> str:
    """The one of `among` that was probably meant, in brackets; "" where none is like it."""
    found = difflib.get_close_matches(word, list(among), 1)
    return f" (did you mean {found[0]}?)" if found else ""
