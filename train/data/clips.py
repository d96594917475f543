"""Label videos in memory, and the windows of them that video models learn from.

The frames of all clips lie one after the other, as uint8 and a little larger than they are trained at. A
sample is a few frames in a row, cut by one crop, one scale and one flip, which flow and camera follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import torch
import torch.nn.functional as functional
from torch import Tensor

from cgan.errors import DataError
from cgan.labels import Palette
from train.data import drift
from train.data.batches import Clip
from train.data.protocol import B, Indices, Size
from train.data.stored import MARGIN, Stored, affine, cut, nearest, numbers, parted

MOST_DEPTH = 6e4  # metres: what is farther away is there, which half precision still holds
LEAST = 2  # frames of a clip: one is a picture
CROP = 4  # random numbers of a crop; the next one places the window
SINGLE = 0.5  # how often a batch has windows of one frame, where there are clips of one
BATCHES = 2**30  # the row of random numbers that belong to no sample, but to the batch


@dataclass
class Window:
    """How many frames a batch's clips have: `frames`, which data and their parts share.

    It is `first` and doubles after every `every` samples of a run, up to `most`; with 0 it is `first` always.
    It follows from the number of samples alone, so that an interrupted run goes on alike.
    """

    first: int = 4
    every: int = 0
    most: int = 16
    frames: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.first <= self.most or self.every < 0:
            how = f"doubling every {self.every} samples"
            raise ValueError(f"clips of {self.first} frames cannot grow to {self.most}, {how}")
        self.advance(0)

    def advance(self, samples: int) -> None:
        """Be as long as after so many samples of a run."""
        doublings = min(samples // self.every, 10) if self.every else 0
        self.frames = min(self.most, self.first * 2**doublings)


def whole(window: Window) -> Window:
    """One that has grown already, for validation."""
    return Window(window.most, 0, window.most)


@dataclass(frozen=True)
class Frames(Stored[B]):
    """Frames of clips: what all data of video models share.

    Shapes, with F frames of all clips in order: images uint8 (F, 3, H, W); labels uint8 (F, 1, H, W).
    lengths and names: the clips' numbers of frames and names. window: how many frames a sample has, or as
    many as the longest clip has, where that is shorter. source: what the labels were made of. mirror: the
    class of each class when a picture is flipped, or None where none changes. vanishing: how often each
    class is left out of a sample's labels, or None.
    """

    images: Tensor
    labels: Tensor
    lengths: tuple[int, ...]
    names: tuple[str, ...]
    palette: Palette
    window: Window = field(default_factory=Window, compare=False)
    source: str = "labels"
    mirror: tuple[int, ...] | None = None
    vanishing: tuple[float, ...] | None = None

    @property
    def starts(self) -> list[int]:
        """The number of the first frame of each clip."""
        ends = torch.tensor(self.lengths).cumsum(0).tolist()
        return [end - length for end, length in zip(ends, self.lengths, strict=True)]

    def advance(self, images: int) -> None:
        """Let the window grow as a run of so many samples should have it."""
        self.window.advance(images)

    def subset(self, indices: Sequence[int]) -> Self:
        """The clips with these numbers, in that order; their window has grown already."""
        starts = self.starts
        parts = [range(starts[number], starts[number] + self.lengths[number]) for number in indices]
        return self._taken([frame for part in parts for frame in part], indices)

    def split(self, fraction: float, seed: int = 0) -> tuple[Self, Self]:
        """(training part, validation part): `seed` sets `fraction` of the clips aside, at least one.

        Of a single clip the end is set aside.
        """
        if len(self.lengths) > 1:
            stay, gone = parted(len(self.lengths), fraction, seed)
            return self._growing(self.subset(stay)), self.subset(gone)
        parted(2, fraction, seed)  # checks the fraction
        (length,) = self.lengths
        aside, least = max(round(fraction * length), LEAST), max(self.window.first, LEAST)
        if length - aside < least:
            raise DataError(
                f"the only clip has {length} frames: none can be spared for validation; use --validation none"
            )
        training = self._taken(range(length - aside), [0], (length - aside,))
        return self._growing(training), self._taken(range(length - aside, length), [0], (aside,))

    def _taken(
        self, frames: Sequence[int], clips: Sequence[int], lengths: tuple[int, ...] | None = None
    ) -> Self:
        rows = torch.as_tensor(list(frames), dtype=torch.int64, device=self.images.device)
        chosen: dict[str, Any] = {name: tensor[rows] for name, tensor in self.tensors().items()}
        for name in self.of_clips():
            listed = vars(self)[name]
            chosen[name] = None if listed is None else tuple(listed[number] for number in clips)
        if lengths is not None:
            chosen["lengths"] = lengths
        return replace(self, **chosen, window=whole(self.window))

    def _growing(self, part: Self) -> Self:
        return replace(part, window=self.window)

    def of_clips(self) -> tuple[str, ...]:
        """The fields that have an entry for each clip."""
        return "lengths", "names"

    # --- samples

    def windows(self, indices: Indices, places: Tensor | None, frames: int | None = None) -> Tensor:
        """The frames of each sample, int64 (B, T): of the clips that hold the frames `indices`.

        places (B,) in [0, 1) says where in the clip; with None, windows begin at these frames, or as late as
        they can. Clips that are too short make room for others. frames: T, if not the window's.
        """
        wanted = torch.as_tensor(indices, dtype=torch.int64).cpu()
        lengths, starts = torch.tensor(self.lengths), torch.tensor(self.starts)
        frames = min(frames or self.window.frames, self.longest())
        free = self.free(lengths, frames)
        clips = torch.searchsorted(lengths.cumsum(0), wanted, right=True)
        ends = free.cumsum(0)
        total = int(ends[-1])
        any_window = wanted % total if places is None else (places * total).long().clamp(max=total - 1)
        elsewhere = torch.searchsorted(ends, any_window, right=True)
        short = free[clips] == 0
        clips = torch.where(short, elsewhere, clips)
        first = wanted - starts[clips] if places is None else (places * free[clips]).long()
        first = torch.where(short, any_window - (ends - free)[clips], first)
        first = torch.minimum(first, free[clips] - 1)
        return (starts[clips] + first)[:, None] + torch.arange(frames)

    def longest(self) -> int:
        """The frames of the longest clip that windows are taken from."""
        return max(self.lengths)

    def free(self, lengths: Tensor, frames: int) -> Tensor:
        """How many windows of so many frames each clip has."""
        return (lengths - frames + 1).clamp(min=0)

    def cut_out(self, name: str, frames: Tensor, theta: Tensor, size: Size) -> Tensor:
        """The field `name` of frames (B, T), cut along theta (B, T, 2, 3) -> (B, T, C, *size).

        Or along (B, 2, 3), all frames of a clip alike.
        """
        device = self.images.device
        values = vars(self)[name][frames.flatten().to(device)]
        each = theta if theta.dim() == 4 else theta[:, None].expand(-1, frames.shape[1], -1, -1)
        flat = each.flatten(0, 1).float()
        where = functional.affine_grid(flat, [len(flat), 1, *size], align_corners=False).to(device)
        if name == "images":
            found = cut(values, where)
        elif name in ("labels", "instances"):
            found = nearest(values, where)
        else:
            mode = "bilinear" if name == "flow" else "nearest"
            found = functional.grid_sample(values.float(), where, mode, "border", align_corners=False)
        return found.view(*frames.shape, *found.shape[1:])

    def labels_of(self, frames: Tensor, theta: Tensor, size: Size, drawn: Tensor | None) -> Tensor:
        """The labels of frames (B, T), as `cut_out` gives them, with left and right as a flip leaves them.

        drawn (B, classes) in [0, 1) says which classes vanish.
        """
        labels = self.cut_out("labels", frames, theta, size)
        if self.mirror is not None:
            flipped = (theta.flatten(1)[:, 0] < 0).view(-1, 1, 1, 1, 1).to(labels.device)
            swapped = torch.tensor(self.mirror, device=labels.device)[labels]
            labels = torch.where(flipped, swapped, labels)
        if self.vanishing is not None and drawn is not None:
            gone = drawn < torch.tensor(self.vanishing)
            kept = torch.where(gone, 0, torch.arange(gone.shape[1])).to(labels.device)
            labels = kept.gather(1, labels.flatten(1)).view(labels.shape)
        return labels

    def motion_of(self, frames: Tensor, theta: Tensor, size: Size) -> tuple[Tensor, Tensor] | None:
        """(flow, seen) of frames (B, T) from each back to the one before, in pixels of `size`, or None.

        What leaves the crop is not seen.
        """
        if vars(self)["flow"] is None:
            return None
        if frames.shape[1] == 1:
            nothing = torch.zeros(len(frames), 0, 2, *size, device=self.images.device)
            return nothing, nothing[:, :, :1]
        flow = self.cut_out("flow", frames[:, 1:], theta, size)
        (tall, wide), (height, width) = self.images.shape[-2:], size
        turn = torch.stack([theta[:, 0, 0] * wide / width, theta[:, 1, 1] * tall / height], 1)
        flow = flow / turn.float().view(-1, 1, 2, 1, 1).to(flow.device)
        x = torch.arange(width, device=flow.device) + 0.5 + flow[:, :, 0]
        y = (torch.arange(height, device=flow.device) + 0.5)[:, None] + flow[:, :, 1]
        inside = (x >= 0) & (x <= width) & (y >= 0) & (y <= height)
        return flow, self.cut_out("seen", frames[:, 1:], theta, size) * inside[:, :, None]


@dataclass(frozen=True)
class ClipData(Frames[Clip]):
    """Label videos with what is known of their geometry.

    Further shapes: flow float16 (F, 2, H, W), from each frame back to the one before, in stored pixels, and
    seen uint8 (F, 1, H, W), meaningless in a clip's first frame; depth float16 (F, 1, H, W) in metres, 0
    where unknown; pose float32 (F, 4, 4), camera to world; intrinsics float32 (F, 4) in stored pixels;
    instances int32 (F, 1, H, W). Each may be None.

    drift: how much narrower the view of a still picture may become with each frame, as a share of it (see
    `train.data.drift`); 0: it does not move.
    """

    flow: Tensor | None = None
    seen: Tensor | None = None
    depth: Tensor | None = None
    pose: Tensor | None = None
    intrinsics: Tensor | None = None
    instances: Tensor | None = None
    drift: float = 0.0

    def batch(
        self, indices: Indices, seed: int, size: Size, augment: bool = True, row_offset: int = 0
    ) -> Clip:
        """Windows of the clips with the frames `indices`, cropped to `size`, on the data's device.

        With `augment`, the window's place is drawn, and each sample is flipped, scaled and moved at random,
        all its frames alike. The random numbers of a sample depend on `seed` and on its place, `row_offset` +
        row, alone. Without, windows begin at `indices`, and the largest centre crop is taken.

        Clips of one frame are never part of a longer window; where there are any, each second batch or so has
        windows of one frame, by `seed`, or with `drift` as many frames as others, over which a camera drifts.
        """
        if not augment:
            return self._clip(self.windows(indices, None), size, None)
        drifting = CROP + 1 + len(self.vanishing or ())
        drawn = numbers(seed, row_offset, len(indices), drifting + drift.DRAWN)
        single = min(self.lengths) == 1 and numbers(seed, BATCHES, 1)[0, 0] < SINGLE
        frames = self.windows(indices, drawn[:, CROP], 1 if single else None)
        if single and self.drift and self.pose is None:
            seen = drift.views(self.window.frames, self.drift, drawn[:, drifting:])
            return self._clip(frames.expand(-1, self.window.frames), size, drawn[:, :drifting], seen)
        return self._clip(frames, size, drawn[:, :drifting])

    def clip(self, number: int, size: Size, start: int = 0, frames: int | None = None) -> Clip:
        """A whole clip, or `frames` of it from `start` on, as a batch of one: what a judge looks at."""
        stop = self.lengths[number] if frames is None else min(start + frames, self.lengths[number])
        if not 0 <= start < stop:
            raise ValueError(f"clip {number} has {self.lengths[number]} frames: none from {start} on")
        return self._clip((self.starts[number] + torch.arange(start, stop))[None], size, None)

    def _clip(self, frames: Tensor, size: Size, drawn: Tensor | None, views: Tensor | None = None) -> Clip:
        theta = affine(self.images.shape[-2:], size, len(frames), None if drawn is None else drawn[:, :CROP])
        if views is None:
            flow, seen = self.motion_of(frames, theta, size) or (None, None)
        else:
            theta = drift.through(theta, views)
            flow, seen = (part.to(self.images.device) for part in drift.motion(views, size))
        known = {name for name in ("depth", "instances") if vars(self)[name] is not None}
        cut_out = {name: self.cut_out(name, frames, theta, size) for name in known}
        return Clip(
            self.labels_of(frames, theta, size, None if drawn is None else drawn[:, CROP + 1 :]),
            self.cut_out("images", frames, theta, size),
            flow,
            seen,
            cut_out.get("depth"),
            self._pose(frames, theta),
            self._intrinsics(frames, theta, size),
            cut_out.get("instances"),
        )

    def _pose(self, frames: Tensor, theta: Tensor) -> Tensor | None:
        """Camera to world (B, T, 4, 4); where pictures are flipped, the world is too, east for west."""
        if self.pose is None:
            return None
        pose = self.pose[frames.to(self.pose.device)]
        mirror = torch.ones(len(frames), 4)
        mirror[:, 0] = theta[:, 0, 0].sign()
        mirror = mirror.to(pose.device)[:, None]
        return mirror[..., None] * pose * mirror[..., None, :]

    def _intrinsics(self, frames: Tensor, theta: Tensor, size: Size) -> Tensor | None:
        """(fx, fy, cx, cy) of each sample's crop, (B, 4) in its pixels."""
        if self.intrinsics is None:
            return None
        fx, fy, cx, cy = self.intrinsics[frames[:, 0].to(self.intrinsics.device)].double().unbind(1)
        (tall, wide), (height, width) = self.images.shape[-2:], size
        across, down = theta[:, 0].to(fx.device), theta[:, 1].to(fx.device)
        cx = ((2 * cx / wide - 1 - across[:, 2]) / across[:, 0] + 1) / 2 * width
        cy = ((2 * cy / tall - 1 - down[:, 2]) / down[:, 1] + 1) / 2 * height
        fx, fy = fx * width / (wide * across[:, 0].abs()), fy * height / (tall * down[:, 1])
        return torch.stack([fx, fy, cx, cy], 1).float()


__all__ = ["MARGIN", "MOST_DEPTH", "ClipData", "Frames", "Window", "whole"]
