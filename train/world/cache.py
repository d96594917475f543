"""Bakes kept on disk, fp16 where that is enough: worlds' maps, and tiles that all share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from train import cache

VERSION = 10  # raise it when a bake changes: old files are then ignored
KEPT = 48  # bakes kept, about 23 MB each; the longest unused go first


def folder() -> Path:
    """Where bakes are kept; made by `baked` when the first one is written."""
    return cache.folder("world")


def baked(name: str, bake: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors called `name`, from disk if they are there, otherwise from `bake()`, which is then written.

    `bake` returns fp16 where that is enough: a fresh bake then equals one that was read. Returns fp32 on the
    CPU.
    """
    path = folder() / f"{name}-v{VERSION}.safetensors"
    tensors = cache.read(path)
    if tensors is None:
        tensors = {key: value.cpu() for key, value in bake().items()}
        cache.write(path, tensors, KEPT, among="land-*.safetensors")
    return {key: value.float() for key, value in tensors.items()}
