"""Models behind a service: what is asked of them, what answers, and what stands in for them on the page.

The page holds stand-ins (`FarPainter`, `FarTranslator`): what a model says of itself they know from its
checkpoint's config, and each of their calls becomes a `Call` that a `Replica` answers, anywhere. A checkpoint
travels once to each machine, as the contents of its files, and is kept there under its hash. Nothing here
knows how calls travel: that is `app.serve`.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch

import cgan
from app.shelf import KEPT
from cgan import Checkpoint, CheckpointError, DataError, MediaError, Runtime, contents, models, styles
from cgan.checkpoint import CONFIG, WEIGHTS
from cgan.files import cache, replaced
from cgan.tasks import Painter, Task
from cgan.tasks.labeller import needs_map

FILES = (CONFIG, WEIGHTS)
MAY = {"paint", "translate", "encode", "draw", "look", "sheet"}  # methods of tasks that may be called
TOLD = {kind.__name__: kind for kind in (CheckpointError, DataError, MediaError, ValueError)}


@dataclass(frozen=True)
class Call:
    """A method of the task of a checkpoint, named by its hash; `files` gives what it is read from.

    Two methods are the replica's own: "describe", on what it computes, and "count", what it has answered.
    """

    sha256: str
    method: str
    arguments: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    files: Callable[[], dict[str, bytes]] | None = None


@dataclass(frozen=True)
class Refusal:
    """An answer that is an error to be told: its kind, one of `TOLD`, and its message."""

    kind: str
    message: str

    def error(self) -> Exception:
        """The error, as it was raised far away."""
        return TOLD[self.kind](self.message)


Answer = np.ndarray | str | Refusal


def refusal(error: Exception) -> Refusal:
    """The answer that tells an error, which is of one of the kinds in `TOLD`."""
    return Refusal(next(name for name, kind in TOLD.items() if isinstance(error, kind)), str(error))


class Replica:
    """Answers calls with models of its own, of which the last few stay in memory."""

    def __init__(self, device: str = "auto", precision: str = "auto"):
        self.runtime = Runtime.choose(device, precision)
        self.device, self.precision = device, precision
        self._tasks: OrderedDict[str, Task] = OrderedDict()  # by hash
        self._lock, self.answered = Lock(), 0

    def healthy(self) -> None:
        """Raise what is wrong where the device computes no more."""
        if torch.ones(2, device=self.runtime.device).sum().item() != 2:
            raise RuntimeError(f"{self.runtime.device} cannot add any more")

    def answer(self, calls: Sequence[Call]) -> list[Answer]:
        """Answer calls that came together, those of one checkpoint in a row, and its paints in one pass."""
        answers: dict[int, Answer] = {}
        kinds: dict[tuple[str, bool], list[int]] = {}
        for place, call in enumerate(calls):
            kinds.setdefault((call.sha256, call.method == "paint"), []).append(place)
        with self._lock:
            for (_, painting), places in sorted(kinds.items()):
                alike = [calls[place] for place in places]
                found = self._paints(alike) if painting and len(alike) > 1 else map(self._one, alike)
                answers |= zip(places, found, strict=True)
        return [answers[place] for place in range(len(calls))]

    def _paints(self, calls: Sequence[Call]) -> list[Answer]:
        """Answer paints of one checkpoint together: see `Painter.paint_all`."""
        try:
            painter = self._task(calls[0])
            if not isinstance(painter, Painter):
                raise RuntimeError(f"a {type(painter).__name__} does not paint")
        except cgan.CganError as error:
            return [refusal(error)] * len(calls)
        answers: dict[int, Answer] = {}
        asked = {}
        for place, call in enumerate(calls):
            try:
                asked[place] = painter.asked(*call.arguments, **call.options)
            except (cgan.CganError, ValueError) as error:
                answers[place] = refusal(error)
        try:
            answers |= zip(asked, painter.paint_all([*asked.values()]), strict=True)
        except (cgan.CganError, ValueError):  # of one of them, which is told alone
            answers |= {place: self._one(calls[place]) for place in asked}
        self.answered += len(calls)
        return [answers[place] for place in range(len(calls))]

    def _one(self, call: Call) -> Answer:
        if call.method == "describe":
            return self.runtime.describe()
        if call.method == "count":
            return f"{os.getpid()} has answered {self.answered}"
        self.answered += 1
        if call.method not in MAY:
            raise RuntimeError(f"nobody may call {call.method}")
        try:
            task = self._task(call)
            answered = getattr(task, call.method)(*call.arguments, **call.options)
        except (cgan.CganError, ValueError) as error:
            return refusal(error)
        return np.asarray(answered)

    def _task(self, call: Call) -> Task:
        """The task of a checkpoint, loaded if need be."""
        if call.sha256 not in self._tasks:
            self._tasks[call.sha256] = cgan.load(unpacked(call), self.device, self.precision)
        self._tasks.move_to_end(call.sha256)
        while len(self._tasks) > KEPT:
            self._tasks.popitem(last=False)
        return self._tasks[call.sha256]


def packed(folder: Path) -> dict[str, bytes]:
    """The contents of a checkpoint's files."""
    return {name: (folder / name).read_bytes() for name in FILES}


def unpacked(call: Call) -> Path:
    """The folder of a checkpoint in this machine's cache, under its hash, where it is put if need be."""
    folder = cache("served") / call.sha256
    if not all((folder / name).is_file() for name in FILES):
        if call.files is None:
            raise CheckpointError("this checkpoint is not on the machine that should compute it")
        for name, data in call.files().items():
            if name in FILES:
                with replaced(folder / name, shared=True) as beside:
                    beside.write_bytes(data)
    return folder


# --- stand-ins


@dataclass(frozen=True)
class FarRuntime:
    """Where the models are, in words."""

    words: str

    def describe(self) -> str:
        """Device and precision of a replica."""
        return self.words


class Far:
    """A task that computes elsewhere; `ask` sends a call and gives its answer."""

    def __init__(self, checkpoint: Checkpoint, ask: Callable[[str, tuple, dict], Answer], words: str):
        self.checkpoint, self.runtime = checkpoint, FarRuntime(words)
        height, width = checkpoint.about["size"]
        self.size = (height, width)
        self._ask = ask

    def _asked(self, method: str, *arguments: Any, **options: Any) -> np.ndarray:
        answer = self._ask(method, arguments, options)
        if isinstance(answer, Refusal):
            raise answer.error()
        if not isinstance(answer, np.ndarray):
            raise RuntimeError(f"{method} was answered by a {type(answer).__name__}")
        return answer

    def encode(self, *arguments: Any, **options: Any) -> np.ndarray:
        """As the task's."""
        return self._asked("encode", *arguments, **options)

    def draw(self, *arguments: Any, **options: Any) -> np.ndarray:
        """As the task's."""
        return self._asked("draw", *arguments, **options)


class FarPainter(Far):
    """A `cgan.tasks.Painter` that computes elsewhere."""

    def __init__(self, checkpoint: Checkpoint, ask: Callable[[str, tuple, dict], Answer], words: str):
        super().__init__(checkpoint, ask, words)
        self.palette = checkpoint.palette
        self._config = models.module(checkpoint.model).Config(**checkpoint.config)
        self.looks = self._config.looks
        self.needs_map = needs_map(checkpoint, self.looks)

    @cached_property
    def ready(self) -> styles.Ready:
        """As `Painter.ready`: read here, where the checkpoint's folder is."""
        return styles.read(self.checkpoint, self._config.style)

    def look(self, *arguments: Any, **options: Any) -> int:
        """As `Painter.look`."""
        return int(self._asked("look", *arguments, **options))

    def paint(self, labels: np.ndarray, *arguments: Any, **options: Any) -> np.ndarray:
        """As `Painter.paint`."""
        return self._asked("paint", labels, *arguments, **options)


class FarTranslator(Far):
    """A `cgan.tasks.Translator` that computes elsewhere."""

    def __init__(self, checkpoint: Checkpoint, ask: Callable[[str, tuple, dict], Answer], words: str):
        super().__init__(checkpoint, ask, words)
        with torch.device("meta"):  # its shape alone says what it can do
            module = models.module(checkpoint.model)
            model = module.Model(module.Config(**checkpoint.config))
        self.styles, self.directions = model.styles, model.directions
        self.domains = tuple(checkpoint.about.get("domains", ("A", "B")))
        self.edges = checkpoint.about.get("edges")
        self.contents = contents.unpack(checkpoint.about.get("contents"), self.size)

    def translate(self, picture: np.ndarray, *arguments: Any, **options: Any) -> np.ndarray:
        """As `Translator.translate`."""
        return self._asked("translate", picture, *arguments, **options)

    def sheet(self, *arguments: Any, **options: Any) -> np.ndarray:
        """As `Translator.sheet`."""
        return self._asked("sheet", *arguments, **options)
