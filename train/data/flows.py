"""Optical flow of real clips, by OpenCV's DIS, kept on disk: it is computed once for each clip and size.

The folder is `$CGAN_CACHE/flows`, or `~/.cache/cgan/flows`. A file's name is a hash of the frames: nothing
stale can be read.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from cgan.motion import agreement, flow
from train.data.folders import Say, read_all
from train.world import cache

VERSION = 1  # raise it when flows are computed in another way: old files are then ignored
KEPT = 4 * 2**30  # bytes of files; the longest unused go first


def folder() -> Path:
    """Where flows are kept; made when the first ones are written."""
    return cache.folder().parent / "flows"


def kept_flow(images: Tensor, say: Say) -> tuple[Tensor, Tensor] | None:
    """What `new_flow` gave for the same clip before, uint8 (T, 3, H, W), or None."""
    if len(images) == 1:  # nothing moves
        return _none(images)
    path = _path(images)
    if not path.is_file():
        return None
    try:
        tensors = load_file(path)
        if len(tensors["flow"]) == len(images) == len(tensors["seen"]):
            path.touch()
            return tensors["flow"], tensors["seen"]
    except (SafetensorError, OSError, KeyError):
        pass
    say(f"{path} is damaged: its flow is computed again")
    return None


def new_flow(images: Tensor) -> tuple[Tensor, Tensor]:
    """(flow float16 (T, 2, H, W), seen uint8 (T, 1, H, W)) of a clip, uint8 (T, 3, H, W), which is kept.

    From each frame back to the one before, in pixels; 0 in the first frame. seen: 1 where the flow in the
    other direction agrees. A full or read-only disk is no error.
    """
    found, seen = flow_back(images)
    _write(_path(images), {"flow": found, "seen": seen})
    return found, seen


def _none(images: Tensor) -> tuple[Tensor, Tensor]:
    """Flow of 0, of which nothing is seen."""
    count, _, height, width = images.shape
    motion = torch.zeros(count, 2, height, width, dtype=torch.float16)
    return motion, torch.zeros(count, 1, height, width, dtype=torch.uint8)


def flow_back(images: Tensor) -> tuple[Tensor, Tensor]:
    """What `new_flow` gives, which is not kept."""
    count = len(images)
    motion, seen = _none(images)
    pictures = np.ascontiguousarray(images.permute(0, 2, 3, 1).cpu().numpy())

    def one(number: int) -> None:
        late, early = pictures[number], pictures[number - 1]
        there, back = flow(late, early), flow(early, late)
        motion[number] = torch.from_numpy(there).permute(2, 0, 1).half()
        seen[number, 0] = torch.from_numpy(agreement(there, back)).byte()

    read_all(one, range(1, count))
    return motion, seen


def _path(images: Tensor) -> Path:
    digest = hashlib.sha256(f"{VERSION} {tuple(images.shape)}".encode())
    digest.update(images.cpu().contiguous().numpy().data)
    return folder() / f"{digest.hexdigest()[:32]}.safetensors"


def _write(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write beside and rename, so that a reader never meets half a file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(f".{os.getpid()}.part")
        save_file(tensors, beside)
        beside.replace(path)
        files = sorted(path.parent.glob("*.safetensors"), key=lambda file: -file.stat().st_mtime)
        total = 0
        for file in files:
            total += file.stat().st_size
            if total > KEPT and file != path:
                file.unlink(missing_ok=True)
    except (OSError, SafetensorError):
        return
