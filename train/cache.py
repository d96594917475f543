"""What is kept on a disk so that it is computed once: tensors in safetensors files, one folder a kind.

The folder is `$CGAN_CACHE/KIND`, or `~/.cache/cgan/KIND`. A full or read-only disk is no error, and whatever
cannot be read is as good as not there.
"""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from cgan import files


def folder(kind: str) -> Path:
    """Where this kind of things is kept; made when the first one is written."""
    return files.cache(kind)


def read(path: Path) -> dict[str, Tensor] | None:
    """The tensors in a file, which counts as used from now on; None where it is missing or damaged."""
    try:
        tensors = load_file(path)
        path.touch()
    except (SafetensorError, OSError):
        return None
    return tensors


def write(path: Path, tensors: dict[str, Tensor], most: int, among: str = "*.safetensors") -> None:
    """Keep the tensors; of the files called like `among`, the `most` that were used last stay."""
    try:
        with files.replaced(path, shared=True) as beside:
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, beside)
        there = sorted(path.parent.glob(among), key=lambda file: file.stat().st_mtime)
        for old in there[:-most]:
            old.unlink(missing_ok=True)
    except (OSError, SafetensorError):
        return
