"""The shelf of checkpoints: lists those of a folder, lends loaded models, keeps the last few in memory.

Guests are checkpoints from elsewhere, another folder or the Hub, which somebody at this machine has added:
they are listed and lent like the others until the app ends.
"""

import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import cgan
from cgan import models
from cgan.checkpoint import locate
from cgan.tasks import TASKS, Animator, Labeller, Painter, Task, Translator
from cgan.tasks.labeller import labeller_in, same_classes

KEPT = 3  # loaded models
ORDER = "order.txt"  # which checkpoints are shown first


class Shelf:
    """The checkpoints under `root`, loaded for `device` in `precision` (both as in `cgan.load`).

    The folder is looked at anew at every call: new checkpoints appear, and retrained ones are loaded afresh.
    """

    def __init__(self, root: Path, device: str = "auto", precision: str = "auto"):
        self.root, self.device, self.precision = Path(root), device, precision
        self.guests: dict[str, Path] = {}
        self._loaded: OrderedDict[tuple[str, str], Task] = OrderedDict()  # by name and hash
        self._labellers: OrderedDict[tuple[str, str], Task] = OrderedDict()  # by folder and hash
        self._lock = Lock()

    def where(self) -> str:
        """On what its models compute, in words: "CPU · fp32"."""
        return cgan.Runtime.choose(self.device, self.precision).describe()

    def find(self, task: str | None = None) -> cgan.Found:
        """The checkpoints for a task, one of `cgan.tasks.TASKS`, or all, best first, and the broken ones."""
        found = cgan.find(self.root)
        for name, folder in self.guests.items():
            try:
                found.checkpoints.append(cgan.read_checkpoint(folder))
            except cgan.CheckpointError as error:
                found.broken[name] = error
        fit = [checkpoint for checkpoint in found.checkpoints if task in (None, task_of(checkpoint))]
        order = self.order()
        fit.sort(key=lambda checkpoint: order.get(checkpoint.name, len(order)))
        return cgan.Found(fit, {name: self._as_told(error) for name, error in found.broken.items()})

    def order(self) -> dict[str, int]:
        """The places of the checkpoints that `ORDER` in the folder names, a line each, the best first."""
        try:
            lines = (self.root / ORDER).read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError):  # a folder without one, or with another's
            return {}
        names = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        return {name: place for place, name in enumerate(names)}

    def checkpoint(self, name: str, task: str | None = None) -> cgan.Checkpoint:
        """What the checkpoint called `name` says about itself.

        Raises `CheckpointError` if it is not here, or not for `task`.
        """
        # Clients send names, or anything: a path or a Hub id is not looked for.
        folder = self._folders().get(name) if isinstance(name, str) else None
        if folder is None:
            names = ", ".join(each.name for each in self.find(task).checkpoints) or "none"
            raise cgan.CheckpointError(f"no checkpoint {name!r:.80} here; there are: {names}")
        with self._unplaced():
            checkpoint = cgan.read_checkpoint(folder)
        if task not in (None, task_of(checkpoint)):
            raise cgan.CheckpointError(f"the checkpoint {name!r} is no {TASKS[task].__name__.lower()}")
        return checkpoint

    def add(self, source: str) -> cgan.Checkpoint:
        """List the checkpoint in a folder, or on the Hub as "owner/name", from now on; it is read whole.

        Only for who may name folders of this machine. Raises `CheckpointError`.
        """
        checkpoint, _ = cgan.load_model(locate(source, root=self.root))
        there = self._folders().get(checkpoint.name)
        if there is not None and there.resolve() != checkpoint.folder.resolve():
            raise cgan.CheckpointError(f"there is another {checkpoint.name} here already: rename the folder")
        if there is None:
            self.guests[checkpoint.name] = checkpoint.folder
        return checkpoint

    def loaded(self) -> set[str]:
        """The names of the checkpoints that are in memory."""
        with self._lock:
            return {name for name, _ in self._loaded}

    def unload(self, name: str) -> None:
        """Take a checkpoint out of memory; it is loaded again when it is asked for."""
        with self._lock:
            for key in [key for key in self._loaded if key[0] == name]:
                del self._loaded[key]

    def _folders(self) -> dict[str, Path]:
        """The folder of each name that clients may send."""
        there = {path.name: path for path in self.root.iterdir()} if self.root.is_dir() else {}
        return self.guests | there

    def painter(self, name: str) -> Painter:
        """The checkpoint called `name`, ready to paint. Raises `CheckpointError`."""
        return self._lend(name, "paint")

    def translator(self, name: str) -> Translator:
        """The checkpoint called `name`, ready to translate. Raises `CheckpointError`."""
        return self._lend(name, "translate")

    def animator(self, name: str) -> Animator:
        """The checkpoint called `name`, ready to animate. Raises `CheckpointError`."""
        return self._lend(name, "animate")

    def labels(self, checkpoint: cgan.Checkpoint) -> Path | None:
        """Where the label network for a checkpoint lies, None where there is none.

        It is the one that came with the checkpoint, else any here that knows the same classes by name.
        """
        if inside := labeller_in(checkpoint.folder):
            return inside
        alike = [each for each in self.find().checkpoints if same_classes(each.palette, checkpoint.palette)]
        places = [each.folder if task_of(each) == "label" else labeller_in(each.folder) for each in alike]
        return next((place for place in places if place), None)

    def labeller(self, name: str) -> Labeller:
        """What labels photographs for the checkpoint called `name`. Raises `CheckpointError`."""
        checkpoint = self.checkpoint(name)
        place = self.labels(checkpoint)
        if place is None:
            raise cgan.CheckpointError(
                f"{name} has no label network, and there is none of its classes here; "
                "python -m train label --data FOLDER trains one"
            )
        with self._unplaced():
            told = cgan.read_checkpoint(place)
            if task_of(told) != "label" or not same_classes(told.palette, checkpoint.palette):
                raise cgan.CheckpointError(f"the label network of {name} knows other classes, or is none")
            return self._kept(self._labellers, (str(place), told.sha256), place)

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
        checkpoint = self.checkpoint(name, task)
        with self._unplaced():
            return self._kept(self._loaded, (name, checkpoint.sha256), checkpoint.folder)

    def _kept(self, among: OrderedDict[tuple[str, str], Task], key: tuple[str, str], folder: Path) -> Task:
        """What is kept under `key`, loaded from `folder` if need be; the last `KEPT` stay."""
        with self._lock:
            if key not in among:
                among[key] = cgan.load(folder, self.device, self.precision)
            among.move_to_end(key)
            while len(among) > KEPT:
                among.popitem(last=False)
            return among[key]


def task_of(checkpoint: cgan.Checkpoint) -> str:
    """What a checkpoint is for. pix2pixHD paints where it has classes and translates where it has none."""
    task = models.module(checkpoint.model).Model.task
    return "translate" if task == "paint" and not checkpoint.palette else task
