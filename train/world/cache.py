"""Bakes kept on disk as safetensors, fp16 where that is enough: worlds' maps, and tiles that all share.

The folder is `$CGAN_CACHE/world`, or `~/.cache/cgan/world`. Anything unreadable there is baked again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

VERSION = 10  # raise it when a bake changes: old files are then ignored
KEPT = 48  # bakes kept, about 23 MB each; the longest unused go first


def folder() -> Path:
    """Where bakes are kept; made by `baked` when the first one is written."""
    return Path(os.environ.get("CGAN_CACHE") or Path.home() / ".cache" / "cgan") / "world"


def baked(name: str, bake: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors called `name`, from disk if they are there, otherwise from `bake()`, which is then written.

    `bake` returns fp16 where that is enough: a fresh bake then equals one that was read. Returns fp32 on the
    CPU.
    """
    path = folder() / f"{name}-v{VERSION}.safetensors"
    if path.is_file():
        try:
            tensors = load_file(path)
            path.touch()
            return {key: value.float() for key, value in tensors.items()}
        except (SafetensorError, OSError):
            pass
    tensors = {key: value.contiguous().cpu() for key, value in bake().items()}
    _write(path, tensors)
    return {key: value.float() for key, value in tensors.items()}


def _write(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write beside and rename, so that a reader never meets half a file; a full or read-only disk is no
    error.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(f".{os.getpid()}.part")
        save_file(tensors, beside)
        beside.replace(path)
        worlds = sorted(path.parent.glob("land-*.safetensors"), key=lambda file: file.stat().st_mtime)
        for old in worlds[:-KEPT]:
            old.unlink(missing_ok=True)
    except (OSError, SafetensorError):
        return
