"""How fast each arm of `python -m train proof` learns, and how much memory it needs, on whatever machine.

Each arm has a process of its own, so that its memory can be told from the others', and all take turns, a few
steps each, so that whatever else the machine does falls on all of them. A turn is timed twice: by the clock,
and by the CPU time that the process used, which hardly depends on its neighbours. A step is that of
`python -m train bench` on a batch of the built-in world's.
"""

import multiprocessing
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from typing import NamedTuple

import torch

from train.bench.learning import Learner, Way, maker
from train.engine.memory import keep_freed
from train.log import most_memory, say

ROUNDS, STEPS = 7, 3  # turns of each arm, and steps in a turn


class Turn(NamedTuple):
    """Some steps of an arm: seconds of each by the clock and of CPU time, and the most bytes used so far."""

    seconds: float
    cpu: float
    memory: int | None


class Worker:
    """What an arm's process keeps from turn to turn."""

    learner: Learner | None = None


def begin(way: Way, preset: str, side: int, batch: int, device: torch.device, threads: int) -> None:
    """In an arm's process: make what learns, and let it take its first steps."""
    torch.set_num_threads(threads)
    if device.type == "cpu":
        keep_freed()
    torch.backends.cudnn.benchmark = True  # as in a run
    learner = maker("spade", preset, (side, side), batch, device, "squeezenet", world=True)(way)
    learner.make_ready()
    Worker.learner = learner


def turn(steps: int) -> Turn:
    """In an arm's process: some steps."""
    learner = Worker.learner
    assert learner is not None
    began, used = time.perf_counter(), time.process_time()
    for _ in range(steps):
        learner.step()
        learner.clock.read()
    seconds, cpu = time.perf_counter() - began, time.process_time() - used
    return Turn(seconds / steps, cpu / steps, most_memory(learner.device))


def pace(
    arms: dict[str, Way], preset: str, side: int, batch: int, device: torch.device
) -> dict[str, dict[str, str]]:
    """Measure -> of each arm, for the columns of a table: medians of the turns, and the memory.

    An arm's process takes as many threads as this one has.
    """
    turns: dict[str, list[Turn]] = {word: [] for word in arms}
    fresh = multiprocessing.get_context("spawn")  # a fork would count its parent's memory as its own
    with ExitStack() as stack:
        pools = {}
        for word, way in arms.items():
            say(f"warming up: {way.title}")
            given = (way, preset, side, batch, device, torch.get_num_threads())
            pools[word] = stack.enter_context(ProcessPoolExecutor(1, fresh))
            pools[word].submit(begin, *given).result()
        for _ in range(ROUNDS):
            for word, pool in pools.items():
                turns[word].append(pool.submit(turn, STEPS).result())
    return {word: columns(taken, batch, device) for word, taken in turns.items()}


def columns(turns: list[Turn], batch: int, device: torch.device) -> dict[str, str]:
    """What the table tells of an arm, by column."""
    seconds, cpu = (statistics.median(getattr(turn, name) for turn in turns) for name in ("seconds", "cpu"))
    memory = turns[-1].memory
    told = {"pictures/s": f"{batch / seconds:.3g}"}
    if device.type == "cpu":
        told["CPU seconds a picture"] = f"{cpu / batch:.3f}"
    return told | {"memory": "?" if memory is None else f"{memory / 2**30:.2f} GiB"}


def table(measured: dict[str, dict[str, str]], arms: dict[str, Way]) -> list[str]:
    """Markdown."""
    heads = ["", *next(iter(measured.values()))]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    return lines + [
        f"| {' | '.join([arms[word].title, *cells.values()])} |" for word, cells in measured.items()
    ]
