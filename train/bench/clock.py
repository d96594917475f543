"""A clock for the parts of a training step, which on a GPU does not make it wait."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

PARTS = ("forward", "backward", "descend", "spectral norm")


class Clock:
    """Marks the ends of a step's parts; `read` gives the seconds of each and of the whole step.

    On CUDA the marks are events in its stream, read when the step is over; elsewhere the time of day.
    """

    def __init__(self, device: torch.device):
        self.device, self.cuda = device, device.type == "cuda"
        self.marks: list[tuple[str, Any]] = []
        self.stands = False

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Inside, nothing is marked: a graph must not capture the clock."""
        self.stands = True
        try:
            yield
        finally:
            self.stands = False

    def start(self) -> None:
        """A step begins."""
        if self.cuda:
            torch.cuda.synchronize(self.device)
        self.began = time.perf_counter()
        self.marks = []
        self.mark("")

    def mark(self, part: str) -> None:
        """What was done since the last mark belongs to `part`."""
        if self.stands:
            return
        if self.cuda:
            event = torch.cuda.Event(enable_timing=True)
            event.record(torch.cuda.current_stream(self.device))
            self.marks.append((part, event))
        else:
            self.marks.append((part, time.perf_counter()))

    def around(self, part: str, function: Callable) -> Callable:
        """`function`, whose time belongs to `part` and not to `descend`, in which it is called."""

        def timed(*arguments: Any, **keywords: Any) -> Any:
            self.mark("descend")
            result = function(*arguments, **keywords)
            self.mark(part)
            return result

        return timed

    def read(self) -> dict[str, float]:
        """Seconds by part since `start`, and of the whole as "step"."""
        if self.cuda:
            torch.cuda.synchronize(self.device)
        seconds = dict.fromkeys(PARTS, 0.0) | {"step": time.perf_counter() - self.began}
        for (_, before), (part, after) in zip(self.marks, self.marks[1:], strict=False):
            seconds[part] += before.elapsed_time(after) / 1000 if self.cuda else after - before
        return seconds

    def launches(self, step: Callable[[], None]) -> int:
        """How many kernels and graphs the host launches in a step; 0 where there are none to launch."""
        if not self.cuda:
            return 0
        kinds = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
        with torch.profiler.profile(activities=kinds) as profile:
            step()
            torch.cuda.synchronize(self.device)
        events = profile.key_averages()
        return sum(it.count for it in events if "LaunchKernel" in it.key or "GraphLaunch" in it.key)
