"""Features of real pictures kept on disk, so that they are computed once for each network and data set.

A file's name is a hash of all that the features depend on, the pixels and the network's weights among it:
nothing stale can be read. Where files lie: `train.cache`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from train import cache

VERSION = 1  # raise it when features are computed in another way: old files are then ignored
KEPT = 64  # files kept, 5 MB for a thousand pictures; the longest unused go first


def folder() -> Path:
    """Where features are kept; made when the first ones are written."""
    return cache.folder("features")


def cached(
    network: nn.Module,
    pictures: Tensor,
    size: tuple[int, int],
    compute: Callable[[], Tensor],
    say: Callable[[str], None],
) -> Tensor:
    """The features (N, F), float32, that `network` gives for `pictures`, uint8 (N, 3, h, w), at `size`.

    They are read if they are there; otherwise `compute` makes them, and they are written. A damaged file is
    made anew, which `say` is told; a full or read-only disk is no error.
    """
    path = folder() / f"{key(network, pictures, size)}.safetensors"
    if path.is_file():
        features = (cache.read(path) or {}).get("features")
        if features is not None and len(features) == len(pictures) and features.isfinite().all():
            return features
        say(f"{path} is damaged: its features are computed again")
    features = compute()
    cache.write(path, {"features": features.float()}, KEPT)
    return features


def key(network: nn.Module, pictures: Tensor, size: tuple[int, int]) -> str:
    """What the features depend on, as a short hash: the network's weights, the pixels and the size."""
    digest = hashlib.sha256(f"{VERSION} {type(network).__name__} {size} {tuple(pictures.shape)}".encode())
    for name, tensor in network.state_dict().items():
        digest.update(name.encode())
        digest.update(content_of(tensor))
    for picture in pictures:
        digest.update(content_of(picture))
    return digest.hexdigest()[:32]


def content_of(tensor: Tensor) -> memoryview:
    """The bytes of a tensor."""
    return tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data
