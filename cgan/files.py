"""Files that are whole or not there: written beside, then renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replaced(path: Path, shared: bool = False, durable: bool = False) -> Iterator[Path]:
    """A name beside `path` to write to; at the end what was written takes the place of `path`.

    A reader meets the old file or the new one, never half of one; where writing fails, the old one stays and
    nothing else. shared: several processes may write at once, each under a name of its own; durable: it is
    forced to the disk before it takes the place. Folders that lack are made. OSError where the disk refuses.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}.part" if shared else f"{path.name}.part")
    try:
        yield beside
        if durable:
            with beside.open("rb+") as file:
                os.fsync(file.fileno())
        os.replace(beside, path)
    except Exception:
        beside.unlink(missing_ok=True)
        raise


def write_through(path: Path, content: bytes) -> None:
    """Write `content` and force it to the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Force the folder's names to the disk; Windows has no such call."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
