"""Videos that a painter makes one frame at a time: what an animator of the same classes is compared with."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cgan.errors import DataError
from cgan.pictures import fitted, to_image, to_pictures
from cgan.tasks import Animator, Painter
from train.data.batches import Clip
from train.judge.maps import needed

WORDS = (
    "{name}: each frame is painted by itself, in the style of the clip's first true frame and with the same "
    "fine detail, at {side} pixels, and made smaller."
)


def check_painter(painter: Painter, animator: Animator) -> None:
    """Raise DataError unless both know the same classes."""
    theirs, ours = (needed(task.palette).names for task in (painter, animator))
    if theirs != ours:
        raise DataError(
            f"{painter.checkpoint.name} and {animator.checkpoint.name} have other classes: "
            f"{', '.join(theirs)} and {', '.join(ours)}"
        )


def painted_one_by_one(painter: Painter, clips: Sequence[Clip], seed: int) -> list[Tensor]:
    """The videos of clips, batches of one each, on the CPU: see `WORDS`."""
    return [_video(painter, clip, seed) for clip in clips]


def side_of(painter: Painter, frames: tuple[int, int]) -> int:
    """The longer side of what it paints for frames of (height, width): that of its training, or theirs."""
    return max(*painter.size, *frames)


def _video(painter: Painter, clip: Clip, seed: int) -> Tensor:
    maps = clip.labels[0, :, 0].byte().cpu().numpy()
    first = to_pictures(clip.images[:, 0].cpu())[0]
    style = painter.encode(first, maps[0] if painter.looks else None)
    size = (maps.shape[1], maps.shape[2])
    side = side_of(painter, size)
    paintings = [painter.paint(labels, style=style, seed=seed, size=side)[0] for labels in maps]
    return torch.cat([to_image(fitted(picture, size)) for picture in paintings])[None]
