"""The shelf of checkpoints: lists those of a folder, lends loaded models, keeps the last few in memory."""

import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import cgan
from cgan import models
from cgan.tasks import TASKS, Animator, Painter, Task, Translator

KEPT = 3  # loaded models


class Shelf:
    """The checkpoints under `root`, loaded for `device` in `precision` (both as in `cgan.load`).

    The folder is looked at anew at every call: new checkpoints appear, and retrained ones are loaded afresh.
    """

    def __init__(self, root: Path, device: str = "auto", precision: str = "auto"):
        self.root, self.device, self.precision = Path(root), device, precision
        self._loaded: OrderedDict[tuple[str, str], Task] = OrderedDict()  # by name and hash
        self._lock = Lock()

    def find(self, task: str = "paint") -> cgan.Found:
        """The checkpoints for a task, one of `cgan.tasks.TASKS`, and what is wrong with the broken ones."""
        found = cgan.find(self.root)
        fit = [checkpoint for checkpoint in found.checkpoints if task_of(checkpoint) == task]
        return cgan.Found(fit, {name: self._as_told(error) for name, error in found.broken.items()})

    def checkpoint(self, name: str, task: str | None = None) -> cgan.Checkpoint:
        """What the checkpoint called `name` says about itself.

        Raises `CheckpointError` if it is not here, or not for `task`.
        """
        there = {path.name for path in self.root.iterdir()} if self.root.is_dir() else set()
        # Clients send names, or anything: a path or a Hub id is not looked for.
        if not isinstance(name, str) or name not in there:
            found = cgan.find(self.root).checkpoints
            names = ", ".join(each.name for each in found if task in (None, task_of(each))) or "none"
            raise cgan.CheckpointError(f"no checkpoint {name!r:.80} here; there are: {names}")
        with self._unplaced():
            checkpoint = cgan.read_checkpoint(self.root / name)
        if task not in (None, task_of(checkpoint)):
            raise cgan.CheckpointError(f"the checkpoint {name!r} is no {TASKS[task].__name__.lower()}")
        return checkpoint

    def painter(self, name: str) -> Painter:
        """The checkpoint called `name`, ready to paint. Raises `CheckpointError`."""
        return self._lend(name, "paint")

    def translator(self, name: str) -> Translator:
        """The checkpoint called `name`, ready to translate. Raises `CheckpointError`."""
        return self._lend(name, "translate")

    def animator(self, name: str) -> Animator:
        """The checkpoint called `name`, ready to animate. Raises `CheckpointError`."""
        return self._lend(name, "animate")

    def _as_told(self, error: cgan.CheckpointError) -> cgan.CheckpointError:
        """The same error, which names checkpoints and not where they lie on this machine."""
        return cgan.CheckpointError(str(error).replace(f"{self.root}{os.sep}", ""))

    @contextmanager
    def _unplaced(self) -> Iterator[None]:
        """Errors from inside name no folder of this machine."""
        try:
            yield
        except cgan.CheckpointError as error:
            raise self._as_told(error) from error

    def _lend(self, name: str, task: str) -> Task:
        key = (name, self.checkpoint(name, task).sha256)
        with self._lock:
            if key not in self._loaded:
                with self._unplaced():
                    self._loaded[key] = cgan.load(self.root / name, self.device, self.precision)
            self._loaded.move_to_end(key)
            while len(self._loaded) > KEPT:
                self._loaded.popitem(last=False)
            return self._loaded[key]


def task_of(checkpoint: cgan.Checkpoint) -> str:
    """What a checkpoint is for. pix2pixHD paints where it has classes and translates where it has none."""
    task = models.module(checkpoint.model).Model.task
    return "translate" if task == "paint" and not checkpoint.palette else task
