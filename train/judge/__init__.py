"""How good a model is: scores while it trains, the tables of `evaluate`, sheets of samples.

There is one judge for each kind of batch, a file with a class `Judge` (see `train.judge.protocol`). It is
found by the kind that it names: a new kind is a new file here, and nothing else changes.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

from cgan.errors import DataError

if TYPE_CHECKING:
    from train.judge.protocol import Judge

PROTOCOL = "protocol"  # the file that says what a judge is, and is none


@functools.cache
def kinds() -> dict[type, str]:
    """By kind of batch: the file here that has its judge."""
    found = {}
    for name in sorted(it.name for it in pkgutil.iter_modules(__path__) if it.name != PROTOCOL):
        judge = vars(importlib.import_module(f"{__name__}.{name}")).get("Judge")
        if judge is not None and judge.__module__ == f"{__name__}.{name}":
            found[judge.batch] = name
    return found


def of(kind: type) -> Judge[Any, Any, Any]:
    """The judge of a kind of batch. DataError, which lists the kinds there are, where nobody judges it."""
    if kind not in kinds():
        known = ", ".join(sorted(each.__name__ for each in kinds()))
        raise DataError(f"nobody judges what learns from {kind.__name__} batches; there are: {known}")
    judge: Judge[Any, Any, Any] = importlib.import_module(f"{__name__}.{kinds()[kind]}").Judge()
    return judge
