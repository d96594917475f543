"""What a run says while it learns: a progress bar or plain lines, `log.jsonl`, and TensorBoard if installed.

And how commands that write one thing after another hear Ctrl-C. (Runs save: see `train.engine.trainer`.)

Losses stay tensors until a line is due: reading one earlier would make the device wait.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import shutil
import signal
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, TypeAlias

from tqdm import tqdm

from cgan.files import parsed, replaced

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from torch.utils.tensorboard import SummaryWriter

Value: TypeAlias = "Tensor | float | int | str"
WIDTH = 80  # columns of a line, where the terminal has no fewer
LOSSES_EVERY = 30.0  # seconds between two lines of losses
STOPPED = 130  # the exit code of a command that Ctrl-C ended
ROWS_EVERY = 20.0  # seconds after which a row is due, however few images there were
BAR = "{percentage:3.0f}% {bar} {n_fmt}/{total_fmt} images, {rate_fmt}, {remaining} left"


def is_first() -> bool:
    """Whether this process is the one that speaks (torchrun numbers its processes in RANK)."""
    return os.environ.get("RANK", "0") == "0"


def say(line: str) -> None:
    """Print one line above the progress bar, from the first process only."""
    if is_first():
        with heard_or_not():
            tqdm.write(line, file=sys.stderr)
            sys.stderr.flush()


@contextmanager
def heard_or_not() -> Iterator[None]:
    """What is said inside may fail: where the terminal has gone, a run goes on in silence, and saves."""
    try:
        yield
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


@contextmanager
def finishing(what: str) -> Iterator[Callable[[], bool]]:
    """Inside, Ctrl-C lets `what` be finished: the function that is given tells that it came.

    A second one stops at once, as KeyboardInterrupt.
    """
    came = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = True
        say(f"stopping: finishing {what}; Ctrl-C again stops at once")

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield lambda: came
    finally:
        signal.signal(signal.SIGINT, before)


def tally(say: Callable[[str], None], what: str, total: int, every: float = 5.0) -> Callable[[int], None]:
    """Say at once what is begun; gives what to call with how much of it is done, which tells now and then.

    every: seconds between two lines; the last one is left out, as what comes next tells of it. What is
    left is reckoned from the first that was done on: before it, all were looked for.
    """
    began = told = time.monotonic()
    before = 0
    say(f"{what} …")

    def reached(done: int) -> None:
        nonlocal began, told, before
        now = time.monotonic()
        if not before:
            began, before = now, done
        elif now - told >= every and done < total:
            told = now
            say(f"  {done} of {total}, {duration((now - began) / (done - before) * (total - done))} left")

    return reached


class Log:
    """The progress of one run, from `start` to `total` images.

    folder: where `log.jsonl` (and TensorBoard's files) go; None writes nothing.
    every:  images between two rows of `log.jsonl`; a slow run writes one every 20 seconds.
    Rows beyond `start`, left by a run that was killed after its last save, are dropped at the opening.
    Processes other than the first build a Log that does nothing.
    """

    def __init__(self, folder: Path | None, total: int, start: int = 0, every: int = 200):
        self.total, self.every = total, every
        self.active = is_first()
        self.folder = folder if self.active else None
        self.began = self.row_at = time.monotonic()
        self.begun_at, self.written_at, self.shown, self.losses_at = start, start, 0.0, 0.0
        self.terminal = self.active and sys.stderr.isatty()
        self.width = min(WIDTH, shutil.get_terminal_size().columns) - 1
        self.bar = tqdm(
            total=total, initial=start, unit="", ncols=self.width, bar_format=BAR, disable=not self.terminal
        )
        self.board: SummaryWriter | None = None
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            keep_rows(self.folder / "log.jsonl", start)
            self.board = _tensorboard(self.folder)

    def progress(self, images: int, losses: Mapping[str, Tensor], facts: Mapping[str, Value]) -> None:
        """Tell that `images` have been seen. Losses (0-d tensors) are read only when a line is due.

        facts: what else to show, as {"memory": "1.2 GiB", "precision": "fp32"}.
        """
        if not self.active:
            return
        now = time.monotonic()
        ends = images >= self.total
        if now - self.shown > (0.5 if self.terminal else 10.0) or ends:
            self.shown = now
            with heard_or_not():
                self._show(images, losses, facts)
        if images - self.written_at >= self.every or now - self.row_at >= ROWS_EVERY or ends:
            self.written_at, self.row_at = images, now
            self.record("step", images, {**losses, "images_per_second": self.rate(images), **facts})

    def record(self, kind: str, images: int, values: Mapping[str, Value]) -> None:
        """Add a row {"kind", "images", …values} to `log.jsonl` and its numbers to TensorBoard."""
        if self.folder is None:
            return
        row = {name: read(value) for name, value in values.items()}
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"kind": kind, "images": images, **row}) + "\n")
        if self.board is not None:
            for name, value in row.items():
                if isinstance(value, int | float):
                    self.board.add_scalar(f"{kind}/{name}", value, images)

    def rate(self, images: int) -> float:
        """Images a second since this process began."""
        return round((images - self.begun_at) / max(time.monotonic() - self.began, 1e-9), 2)

    def close(self) -> None:
        """Finish the bar and the files; safe to call twice."""
        self.bar.close()
        if self.board is not None:
            self.board.close()

    def _show(self, images: int, losses: Mapping[str, Tensor], facts: Mapping[str, Value]) -> None:
        """Move the bar, or print a line; and at longer intervals the losses, on lines of their own."""
        if self.terminal:
            self.bar.update(images - self.bar.n)
        else:
            rate = self.rate(images)
            left = duration((self.total - images) / rate) if rate else "?"
            say(f"{images}/{self.total} images  {rate:g}/s  {left} left")
        now = time.monotonic()
        if now - self.losses_at >= LOSSES_EVERY or images >= self.total:
            self.losses_at = now
            words = [f"{name} {short(read(value))}" for name, value in losses.items()]
            words += [f"{name} {value}" for name, value in facts.items()]
            joined = "  ".join(word.replace(" ", "\N{NO-BREAK SPACE}") for word in words)
            for line in textwrap.wrap(joined, self.width, initial_indent="  ", subsequent_indent="  "):
                say(line.replace("\N{NO-BREAK SPACE}", " "))


def read(value: Value) -> float | int | str:
    """A 0-d tensor or a plain value as JSON can hold it: numbers that are not finite become words."""
    if not isinstance(value, float | int | str):
        value = value.detach().float().item()
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else str(value)
    return value


def short(value: float | int | str) -> str:
    """Three digits of a number; a word, as "nan", stays."""
    return value if isinstance(value, str) else f"{value:.3g}"


def keep_rows(path: Path, images: int) -> None:
    """Drop the rows of `path` beyond `images`, and what is no row, such as one that was cut in half."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = parsed(line)
        except ValueError:
            continue
        if isinstance(row, dict) and type(row.get("images")) is int and row["images"] <= images:
            kept.append(line + "\n")
    with replaced(path) as beside:
        beside.write_text("".join(kept), encoding="utf-8")


def duration(seconds: float) -> str:
    """3725 -> "1 h 02 min"; 65 -> "1 min 05 s"; 7 -> "7 s"."""
    minutes, rest = divmod(int(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def memory(device: torch.device) -> str:
    """The most memory used so far, in words; "?" where the system does not tell."""
    most = most_memory(device)
    return "?" if most is None else f"{most / 2**30:.1f} GiB"


def most_memory(device: torch.device) -> int | None:
    """The most bytes used so far: the GPU's for CUDA, this process's otherwise; None on Windows."""
    if device.type == "cuda":
        import torch

        return int(torch.cuda.max_memory_allocated(device))
    if importlib.util.find_spec("resource") is None:
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024)


def _tensorboard(folder: Path) -> SummaryWriter | None:
    """A SummaryWriter where TensorBoard is installed, else None."""
    if importlib.util.find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder / "tensorboard"))
