"""The built-in world as video: flights that are rendered while a run goes on.

As `train.data.growing`, with a clip where that has a frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, cast

import torch
from torch import Tensor

from cgan.labels import Palette
from cgan.pictures import to_pictures
from train.data.batches import Clip, FewShotClip
from train.data.clips import Window, clips, whole
from train.data.folders import Say, silent
from train.data.growing import Pool
from train.data.stored import Indices, Size, Stored, numbers
from train.world import classes
from train.world.styles import Style
from train.world.views import VIEWS, world_of

FAR = 60_000.0  # metres: what half precision holds of the depth of the sky
SHOWN = 3  # other views of a subject's world


@dataclass(frozen=True)
class ClipData(Stored):
    """Clips of one length in memory, with exact flow and depth.

    images uint8 (N, T, 3, H, W); labels uint8 (N, T, 1, H, W); flow half (N, T - 1, 2, H, W); seen uint8 (N,
    T - 1, 1, H, W); depth half (N, T, 1, H, W); pose (N, T, 4, 4); intrinsics (N, 4). `window`: how many
    frames a batch shows.
    """

    images: Tensor
    labels: Tensor
    flow: Tensor
    seen: Tensor
    depth: Tensor
    pose: Tensor
    intrinsics: Tensor
    palette: Palette
    window: Window

    @property
    def size(self) -> Size:
        """The (height, width) of a frame."""
        height, width = self.images.shape[-2:]
        return height, width

    def batch(
        self, indices: Indices, seed: int, size: Size, augment: bool = True, row_offset: int = 0
    ) -> Clip:
        """The clips at `indices`: from a drawn frame on with `augment`, else from the first."""
        if size != self.size:
            raise ValueError(f"the clips are {self.size}, not {size}")
        device = self.images.device
        rows = torch.as_tensor(indices, dtype=torch.int64).to(device)[:, None]
        count = min(self.window.frames, self.images.shape[1])
        spare = self.images.shape[1] - count + 1
        start = (numbers(seed, row_offset, len(rows), 1) * spare * augment).long().to(device)
        frames = start + torch.arange(count, device=device)
        return Clip(
            self.labels[rows, frames].long(),
            self.images[rows, frames].float() / 127.5 - 1,
            self.flow[rows, frames[:, :-1]].float(),
            self.seen[rows, frames[:, :-1]].float(),
            self.depth[rows, frames].float(),
            self.pose[rows, frames],
            self.intrinsics[rows[:, 0]],
        )


@dataclass(frozen=True)
class FewShotClipData(ClipData):
    """Clips, and other pictures of what they show.

    references uint8 (N, K, 3, H, W); reference_labels uint8 (N, K, 1, H, W).
    """

    references: Tensor
    reference_labels: Tensor

    def batch(  # type: ignore[override]
        self, indices: Indices, seed: int, size: Size, augment: bool = True, row_offset: int = 0
    ) -> FewShotClip:
        """As `ClipData.batch`, with a drawn number of references; with one where nothing is drawn."""
        clip = super().batch(indices, seed, size, augment, row_offset)
        rows = torch.as_tensor(indices, dtype=torch.int64).to(self.images.device)
        shots = 1 + int(numbers(seed, 0, 1)[0, 1] * self.references.shape[1]) if augment else 1
        references = self.references[rows, :shots].float() / 127.5 - 1
        told = self.reference_labels[rows, :shots].long()
        return FewShotClip(clip.labels, clip.images, references, told, clip.flow, clip.seen)


class Flights(Pool):
    """A pool of flights, as `ClipData`; `flown`: frames of each, of which a batch shows `window.frames`."""

    start: ClassVar[int] = 8
    aside: ClassVar[int] = 4
    every: ClassVar[int] = 24
    capacity: ClassVar[int] = 256

    def __init__(self, size: Size, first: int, window: Window, count: int | None = None, **options: Any):
        self.palette, self.window, self.flown = classes.palette(), window, max(2, window.most)
        super().__init__(size, first, count, **options)

    def advance(self, images: int) -> None:
        """Show longer clips when the run has come so far, and render what it should have."""
        self.window.advance(images)
        super().advance(images)

    def far(self, first: int, count: int) -> ClipData:
        """Flights over other worlds."""
        return cast(ClipData, type(self)(self.size, first, whole(self.window), count).frames)

    def made(self, **tensors: Tensor) -> ClipData:
        """Clips of these tensors."""
        return ClipData(**tensors, palette=self.palette, window=self.window)

    def next(self) -> ClipData:
        """The next flight."""
        clip = clips(1, self.flown, self.size, view=self.view, device=self.device)
        self.view += 1
        return self.made(**stored(clip), **self.more(self.view - 1))

    def more(self, view: int) -> dict[str, Tensor]:
        """What is stored beside the clip of a view, by name."""
        return {}


class FewShotFlights(Flights):
    """Flights with other views of the same world in the same style, as `FewShotClipData`."""

    def made(self, **tensors: Tensor) -> FewShotClipData:
        """Clips of these tensors."""
        return FewShotClipData(**tensors, palette=self.palette, window=self.window)

    def more(self, view: int) -> dict[str, Tensor]:
        """Pictures from other places, and their maps."""
        world = world_of(view // VIEWS, self.device)
        places = [(view + 1 + i) % len(world.cameras) for i in range(SHOWN)]
        frame = world.frame(world.cameras[places], Style.drawn(view), self.size)
        return {
            "references": pictures_of(frame.image)[None],
            "reference_labels": frame.labels.cpu().byte()[None],
        }


def stored(clip: Clip) -> dict[str, Tensor]:
    """A clip's tensors as they are stored, on the CPU."""
    parts = {name: part.cpu() for name, part in clip._asdict().items() if part is not None}
    images = pictures_of(clip.images.flatten(0, 1)).view(clip.images.shape)
    return {
        "images": images,
        "labels": parts["labels"].byte(),
        "flow": parts["flow"].half(),
        "seen": parts["seen"].byte(),
        "depth": parts["depth"].clamp(max=FAR).half(),
        "pose": parts["pose"],
        "intrinsics": parts["intrinsics"],
    }


def pictures_of(images: Tensor) -> Tensor:
    """Images (B, 3, H, W) -> uint8 on the CPU."""
    return torch.from_numpy(to_pictures(images)).permute(0, 3, 1, 2).contiguous()


def world_clips(size: Size, seed: int, window: Window, say: Say = silent) -> Flights:
    """The built-in world for video models."""
    return Flights(size, 10_000 * (seed % 100), window, say=say)


def few_shot_world_clips(size: Size, seed: int, window: Window, say: Say = silent) -> FewShotFlights:
    """The built-in world for few-shot video models: a world in a style is a subject."""
    return FewShotFlights(size, 10_000 * (seed % 100), window, say=say)
