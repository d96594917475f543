"""Data larger than memory, or of very many files: packed once, uncompressed, and read as they are needed.

They lie in the cache (`$CGAN_CACHE/packed`) as files that are mapped, and are found again by the names, sizes
and times of what they were made of, so that only the first start reads every picture. Samples are packed in
an order drawn once: parts of them, as those for validation, are then stretches of the files, which need not
be copied.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from cgan.errors import DataError
from cgan.files import parsed, replaced
from train import cache
from train.data.finding import Say
from train.data.protocol import Size

SHARE = 0.5  # of the memory that is free, which data may fill: the rest is for the networks
MANY = 50_000  # samples whose files would take more than a minute to read at each start
KEPT = 4  # packs that stay in the cache
FACTS = "facts.json"  # written when the pack is whole
# Two files each: how much may be taken in all, and how much is taken. Of cgroups, version 2 and 1.
GROUPS = [
    [Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")],
    [Path("/sys/fs/cgroup/memory") / name for name in ("memory.limit_in_bytes", "memory.usage_in_bytes")],
]
MEMORY = Path("/proc/meminfo")

T = TypeVar("T")


def free() -> int | None:
    """The bytes of memory that this process may still take; None where nobody says."""
    found = []
    if MEMORY.exists():
        lines = (line.split() for line in MEMORY.read_text().splitlines())
        found += [int(words[1]) * 1024 for words in lines if words[0] == "MemAvailable:"]
    for files in GROUPS:
        words = [file.read_text().strip() for file in files if file.exists()]
        if len(words) == len(files) and all(word.isdecimal() for word in words):
            found.append(int(words[0]) - int(words[1]))
    return min(found, default=None)


def in_order(samples: Sequence[T], canvas: Size, planes: int) -> list[T]:
    """The samples in the order in which they are packed, if they are too large; else in theirs."""
    if not too_large(len(samples) * planes * canvas[0] * canvas[1], len(samples)):
        return list(samples)
    return [samples[place] for place in np.random.default_rng(0).permutation(len(samples))]


def too_large(bytes: int, count: int) -> bool:
    """Whether data of so many bytes, of `count` samples, are to be packed."""
    memory = free()
    return count > MANY or (memory is not None and bytes > SHARE * memory)


class Room:
    """Where the tensors of a data set lie: in memory, or, where they are too large, in mapped files.

    files: what they are made of; canvas: (height, width) of a plane of bytes, `planes` for each of `count`
    samples. `facts` is what `finish` was given when the same files were packed before, else None.
    """

    def __init__(self, files: Sequence[Path], canvas: Size, count: int, planes: int, what: str = ""):
        self.count, self.bytes = count, count * planes * canvas[0] * canvas[1]
        self.packed = too_large(self.bytes, count)
        self.folder = cache.folder("packed") / _key(files, canvas, what) if self.packed else None
        self.facts: dict[str, Any] | None = None
        if self.folder is not None and (self.folder / FACTS).exists():
            self.facts = parsed((self.folder / FACTS).read_text(encoding="utf-8"))
            os.utime(self.folder / FACTS)

    def tensor(self, name: str, shape: Sequence[int], dtype: torch.dtype = torch.uint8) -> Tensor:
        """A tensor of zeros, or what was packed under this name. DataError where the disk is full."""
        if self.folder is None:
            return torch.zeros(*shape, dtype=dtype)
        path, numel = self.folder / f"{name}.bin", int(np.prod(shape))
        size = numel * dtype.itemsize
        try:
            if self.facts is None:
                self.folder.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as file:
                    _reserve(file.fileno(), size)
            return torch.from_file(str(path), shared=True, size=numel, dtype=dtype).reshape(*shape)
        except OSError as error:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise DataError(
                f"the data need {size / 2**30:.1f} GiB on the disk of {self.folder.parent}, which refuses "
                f"({error.strerror}); free some, or name another folder in CGAN_CACHE"
            ) from error

    def finish(self, facts: dict[str, Any]) -> None:
        """All is packed: note it, with what else the next start should know; the oldest packs go."""
        if self.folder is None or self.facts is not None:
            return
        with replaced(self.folder / FACTS) as beside:
            beside.write_text(json.dumps(facts), encoding="utf-8")
        whole = sorted(self.folder.parent.glob(f"*/{FACTS}"), key=lambda path: path.stat().st_mtime)
        for old in whole[:-KEPT]:
            shutil.rmtree(old.parent, ignore_errors=True)

    def tell(self, say: Say) -> None:
        """Say, in one line, where the data lie if not in memory."""
        if self.folder is not None:
            how = "packed once into" if self.facts is None else "read from"
            why = f"would fill {self.bytes / 2**30:.1f} GiB of memory"
            if self.count > MANY:
                why = f"are {self.count:,} samples"
            say(f"the data {why}: {how} {self.folder}")


def mapped(tensor: Tensor) -> bool:
    """Whether a tensor lies in a mapped file."""
    return tensor.untyped_storage().filename is not None


def _key(files: Sequence[Path], canvas: Size, what: str) -> str:
    """What tells a pack from others: its files with their sizes and times, and how they are stored."""
    digest = hashlib.sha256(f"{canvas} {what}".encode())
    for file in files:
        facts = file.stat()
        digest.update(f"{file} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]


def _reserve(handle: int, size: int) -> None:
    """Take so many bytes of the disk now: a mapped file that finds it full later would kill the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, max(size, 1))
    else:
        os.truncate(handle, size)
