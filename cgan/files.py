"""Files that are whole or not there: written beside, then renamed; and the order of their names."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO


def cache(kind: str) -> Path:
    """The folder of what is kept to be made only once, `$CGAN_CACHE/KIND` or `~/.cache/cgan/KIND`.

    It is made when the first one is written.
    """
    return Path(os.environ.get("CGAN_CACHE") or Path.home() / ".cache" / "cgan") / kind


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
    except BaseException:  # Ctrl-C too
        beside.unlink(missing_ok=True)
        raise


@contextmanager
def held(path: Path) -> Iterator[bool]:
    """Hold a lock file, made if need be; gives False where another process holds it. A crash lets go of it.

    Where a file system knows no locks, it is taken as held. OSError where the file cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        yield _locked(file)


def _locked(file: BinaryIO) -> bool:
    """Whether nobody else has locked `file`, which then is ours until it is closed."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)
    return True


def parsed(text: str | bytes) -> Any:
    """What JSON holds. ValueError for what is none, also where it is nested deeper than Python goes."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


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


def natural(text: str) -> list[tuple[int, str]]:
    """A key that sorts frame2 before frame10."""
    words = re.split(r"(\d+)", text)
    return [(int(word), "") if word.isdecimal() else (-1, word.lower()) for word in words]
