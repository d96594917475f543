"""How many threads compute, and how they wait: chosen for machines that have something else to do as well.

Between two pieces of work libgomp's threads spin, and a thread whose core somebody else wants keeps all
others waiting. Threads that sleep leave the core to whoever needs it, but waking them costs a third of an
idle machine's speed. So they look for work some 20 microseconds long, and sleep then: as quick as spinning
where nobody else computes; where somebody does they sleep at once (`cgan.crowd`; README, "How fast it is").
libgomp reads its wishes when it is loaded, so this module comes before torch, and imports it only inside its
functions. What the user has set stays.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from cgan.crowd import CROWD

LOOKS = 700  # for work, before a waiting thread sleeps; each is a pause of the processor, 20 to 40 ns

OURS = "OMP_WAIT_POLICY" not in os.environ  # the user has said nothing about how threads wait

if OURS:
    os.environ["OMP_WAIT_POLICY"] = "passive"
    os.environ.setdefault("GOMP_SPINCOUNT", str(LOOKS))

SHARE = 128 * 128  # pixels of a picture for which a further thread pays

_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of cgroups, version 2; and of version 1:
_OLD_QUOTA = [Path("/sys/fs/cgroup/cpu") / name for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")]


def allowed() -> int:
    """The cores that this process may use: by its affinity, and by the quota of its container."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota()
    return cores if quota is None else max(1, min(cores, int(quota)))


def for_pixels(pixels: int) -> int:
    """The threads that a picture of so many pixels is worth, on this machine."""
    return max(1, min(allowed(), pixels // SHARE))


def settle() -> None:
    """Have torch use no more threads than this process has cores."""
    import torch

    torch.set_num_threads(min(torch.get_num_threads(), allowed()))


@contextmanager
def fitting(pixels: int) -> Iterator[None]:
    """Inside, this thread of Python computes with no more threads than a picture of so many pixels is worth.

    Never yield inside: whoever asks for the next piece would compute with them.
    """
    import torch

    before = torch.get_num_threads()
    count = min(before, for_pixels(pixels))
    torch.set_num_threads(count)
    try:
        with CROWD.watched() if OURS and count > 1 else nullcontext():
            yield
    finally:
        torch.set_num_threads(before)


def _quota() -> float | None:
    """The cores that a container may keep busy, if it is bounded."""
    try:
        words = _QUOTA.read_text().split() if _QUOTA.exists() else [it.read_text() for it in _OLD_QUOTA]
        quota, period = (float(word) for word in words)  # "max" is no number: unbounded
    except (OSError, ValueError):
        return None
    return quota / period if quota > 0 < period else None
