"""Features of real pictures kept on disk, so that they are computed once for each network and data set.

The folder is `$CGAN_CACHE/features`, or `~/.cache/cgan/features`. A file's name is a hash of all that the
features depend on, the pixels and the network's weights among it: nothing stale can be read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from train.world import cache

VERSION = 1  # raise it when features are computed in another way: old files are then ignored
KEPT = 64  # files kept, 5 MB for a thousand pictures; the longest unused go first


def folder() -> Path:
    """Where features are kept; made when the first ones are written."""
    return cache.folder().parent / "features"


def cached(
    network: nn.Module,
    images: Tensor,
    size: tuple[int, int],
    compute: Callable[[], Tensor],
    say: Callable[[str], None],
) -> Tensor:
    """The features (N, F), float32, that `network` gives for `images`, uint8 (N, 3, h, w), at `size`.

    They are read if they are there; otherwise `compute` makes them, and they are written. A damaged file is
    made anew, which `say` is told; a full or read-only disk is no error.
    """
    path = folder() / f"{key(network, images, size)}.safetensors"
    if path.is_file():
        try:
            features = load_file(path)["features"]
            if len(features) == len(images) and features.isfinite().all():
                path.touch()
                return features
        except (SafetensorError, OSError, KeyError):
            pass
        say(f"{path} is damaged: its features are computed again")
    features = compute()
    _write(path, features)
    return features


def key(network: nn.Module, images: Tensor, size: tuple[int, int]) -> str:
    """What the features depend on, as a short hash: the network's weights, the pixels and the size."""
    digest = hashlib.sha256(f"{VERSION} {type(network).__name__} {size} {tuple(images.shape)}".encode())
    for name, tensor in network.state_dict().items():
        digest.update(name.encode())
        digest.update(_bytes(tensor))
    for image in images:
        digest.update(_bytes(image))
    return digest.hexdigest()[:32]


def _bytes(tensor: Tensor) -> memoryview:
    return tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data


def _write(path: Path, features: Tensor) -> None:
    """Write beside and rename, so that a reader never meets half a file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(f".{os.getpid()}.part")
        save_file({"features": features.float().contiguous()}, beside)
        beside.replace(path)
        files = sorted(path.parent.glob("*.safetensors"), key=lambda file: file.stat().st_mtime)
        for old in files[:-KEPT]:
            old.unlink(missing_ok=True)
    except (OSError, SafetensorError):
        return
