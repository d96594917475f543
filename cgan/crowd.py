"""Other programs on our cores: noticed by the time that we are kept from one, and made way for.

A thread that looks for its next piece of work instead of sleeping (`cgan.threads`) makes an idle machine
quicker and a busy one slower: what it spends looking is taken from what the system would give it afterwards.
So it should look while the cores are ours alone, and sleep at once while they are not. libgomp reads how
long to look only once, but lets no thread look while it counts more threads than cores (its manual,
`GOMP_SPINCOUNT`). One more team of threads, which does nothing but exist, is therefore the switch; the
threads that compute, and with them the picture to its last bit, stay as they are.

Whether others want our cores is told by the thread that asks for a picture: it computes all the time, but
for when it has no core, or waits for another of its team that has none.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

OURS = 0.7  # of the time computing: on idle cores 0.76 and more, with a busy neighbour 0.64 and less
LONG = 0.005  # seconds: what ended sooner tells nothing
LIBGOMP = hasattr(os, "sched_getaffinity")  # Linux, whose torch computes with it


class Crowd:
    """The team that does nothing; while it is there, threads that wait sleep at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._leave: threading.Event | None = None

    def __bool__(self) -> bool:
        """Whether the team is there."""
        return self._leave is not None

    def gather(self, wanted: bool) -> None:
        """Have it there, or not."""
        with self._lock:
            if wanted and self._leave is None:
                came, leave = threading.Event(), threading.Event()
                threading.Thread(target=_stand, args=(came, leave), name="cgan-crowd", daemon=True).start()
                came.wait()
                self._leave = leave
            elif not wanted and self._leave is not None:
                self._leave.set()
                self._leave = None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Inside, several threads compute; how much this one did decides how the next ones wait."""
        began, computed = time.perf_counter(), time.thread_time()
        yield
        seconds = time.perf_counter() - began
        if LIBGOMP and seconds >= LONG:
            self.gather(time.thread_time() - computed < OURS * seconds)


def _stand(came: threading.Event, leave: threading.Event) -> None:
    """Be a thread with a team of its own, one for each core that libgomp knows, until told to leave."""
    import torch

    cores, before = len(os.sched_getaffinity(0)), torch.get_num_threads()
    torch.set_num_threads(cores)
    torch.zeros(cores << 16).add_(1)  # large enough that torch shares it out among the whole team
    torch.set_num_threads(before)
    came.set()
    leave.wait()


CROWD = Crowd()
