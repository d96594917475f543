"""A run of `python -m train`, ended at a moment: by its processor's time, or at a file that it touches.

Neither depends on a clock on the wall, nor on what else the machine does.
"""

import os
import signal
import sys
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import NamedTuple

import torch

from train.__main__ import main
from train.data.growing import Pool

# Forked from a process that has imported what takes most of a short run's time, and has one thread.
CONTEXT = get_context("forkserver")
RECIPES = [f"train.recipes.{name}" for name in ("spade", "munit", "funit")]
CONTEXT.set_forkserver_preload(
    ["fuzz.mortal", "train.launch", "train.judge.command", "torch._dynamo", *RECIPES]
)
TOUCHED = (
    "open",
    "os.rename",
    "os.remove",
    "os.mkdir",
    "os.truncate",
)  # of `sys.audit`; replacing is renaming


class Moment(NamedTuple):
    """When a run ends: after so many seconds of its processor, or at so many files that it touches."""

    seconds: float = 0.0  # none: 0
    touches: int = 0  # none: 0


NEVER = Moment()


class Lived(NamedTuple):
    """How a run ended: its exit code, or minus the signal that killed it; how long it was if none did."""

    code: int
    seconds: float = 0.0
    touches: int = 0


def live(words: list[str], moment: Moment = NEVER) -> Lived:
    """Run a command line, whose `--out` is the folder that counts, to its end or to a moment."""
    here, there = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=_live, args=(words, moment, there))
    process.start()
    there.close()
    process.join()
    return Lived(process.exitcode, *(here.recv() if process.exitcode == 0 else ()))


def _live(words: list[str], moment: Moment, told: Connection) -> None:
    torch.set_num_threads(1)
    Pool.every = 4  # pictures between two views that are rendered: some come within a short run
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # no test looks at what it says
    out, touches, began = words[words.index("--out") + 1], 0, time.process_time()

    def touched(event: str, arguments: tuple) -> None:
        nonlocal touches
        if event in TOUCHED and str(arguments[0]).startswith(out):
            touches += 1
            if touches == moment.touches:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(touched)
    signal.signal(
        signal.SIGPROF, signal.SIG_DFL
    )  # it ends a process as SIGKILL does: nothing is run any more
    signal.setitimer(signal.ITIMER_PROF, moment.seconds)
    code = main(words)
    signal.setitimer(signal.ITIMER_PROF, 0)
    told.send((time.process_time() - began, touches))
    sys.exit(code)
