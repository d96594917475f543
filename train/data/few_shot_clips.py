"""Clips of many subjects, each shown by a few other pictures: what few-shot video models learn from.

A data set is a folder with a sub-folder for each subject, which is itself a folder of clips (see
`train.data.clip_folders`; palette.json may lie beside them, once for all), or sheets of pixel-art characters
(see `train.data.sprites`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from cgan.errors import DataError
from train.data import folders
from train.data.batches import FewShotClip
from train.data.clip_reading import Gathered, gather, motion_of
from train.data.clips import CROP, LEAST, Frames, Window
from train.data.folders import Say
from train.data.protocol import Indices, Size
from train.data.sprites import MAPS, SHOTS, SpriteData, read_sprites
from train.data.stored import affine, numbers, parted

OWN_CROP = CROP + 1  # where the random numbers of the references' crop begin: scale and place
FIRST_SHOT = OWN_CROP + 3  # where those of the references do


@dataclass(frozen=True)
class FewShotClipData(Frames[FewShotClip]):
    """Label videos of subjects, from which references are taken too.

    Further shapes: flow float16 (F, 2, H, W) and seen uint8 (F, 1, H, W) as in `ClipData`, or None. subjects:
    the number of each clip's subject, whose clips follow each other; stills: whether a clip gives references
    only, or None where none does.
    """

    flow: Tensor | None = None
    seen: Tensor | None = None
    subjects: tuple[int, ...] = ()
    stills: tuple[bool, ...] | None = None

    def of_clips(self) -> tuple[str, ...]:
        """The fields that have an entry for each clip."""
        return *super().of_clips(), "subjects", "stills"

    def split(self, fraction: float, seed: int = 0) -> tuple[Self, Self]:
        """(subjects to learn, subjects set aside): `seed` picks `fraction` of them, at least one."""
        known = sorted(set(self.subjects))
        if len(known) < 2:
            raise DataError(
                f"{len(known)} subject(s): none can be spared for validation; use --validation none"
            )
        sides = [{known[number] for number in part} for part in parted(len(known), fraction, seed)]
        stay, gone = (
            self.subset([clip for clip, subject in enumerate(self.subjects) if subject in side])
            for side in sides
        )
        return self._growing(stay), gone

    def longest(self) -> int:
        """The frames of the longest clip that is no stills."""
        stills = self.stills or (False,) * len(self.lengths)
        return max(length for length, still in zip(self.lengths, stills, strict=True) if not still)

    def free(self, lengths: Tensor, frames: int) -> Tensor:
        """How many windows of so many frames each clip has: stills none."""
        free = super().free(lengths, frames)
        return free if self.stills is None else free * ~torch.tensor(self.stills)

    def batch(
        self,
        indices: Indices,
        seed: int,
        size: Size,
        augment: bool = True,
        row_offset: int = 0,
        shots: int = 1,
    ) -> FewShotClip:
        """Windows of the clips with the frames `indices`, and references of the same subjects.

        References come from other clips of the subject where there are any, else from frames outside of the
        window. With `augment`, their number is drawn, for all samples alike, and they are scaled and moved
        independently of the window, but flipped with it; without, there are `shots`. The rest is as in
        `ClipData`.
        """
        count = len(indices)
        shots = SHOTS[int(numbers(seed, 0, 1)[0, 0] * len(SHOTS))] if augment else shots
        vanishing = len(self.vanishing or ())
        drawn = numbers(seed, row_offset, count, FIRST_SHOT + max(SHOTS) + 1 + vanishing)
        frames = self.windows(indices, drawn[:, CROP] if augment else None)
        places = (torch.arange(shots) / shots).expand(count, shots)
        if augment:
            places = places + drawn[:, FIRST_SHOT : FIRST_SHOT + shots] / shots
            places = (places + drawn[:, FIRST_SHOT + max(SHOTS), None]) % 1
        shown = self._references(frames, places)
        stored = self.images.shape[-2:]
        theta = affine(stored, size, count, drawn[:, :CROP] if augment else None)
        others = torch.cat([drawn[:, :1], drawn[:, OWN_CROP:FIRST_SHOT]], 1)
        reference_theta = affine(stored, size, count, others if augment else None)
        flow, seen = self.motion_of(frames, theta, size) or (None, None)
        gone = drawn[:, drawn.shape[1] - vanishing :] if augment and vanishing else None
        return FewShotClip(
            self.labels_of(frames, theta, size, gone),
            self.cut_out("images", frames, theta, size),
            self.cut_out("images", shown, reference_theta, size),
            self.labels_of(shown, reference_theta, size, None),
            flow,
            seen,
        )

    def _references(self, frames: Tensor, places: Tensor) -> Tensor:
        """Frames (B, K) of the subjects of windows (B, T), at `places` (B, K) in [0, 1) of those allowed."""
        starts, lengths = torch.tensor(self.starts), torch.tensor(self.lengths)
        subjects = torch.tensor(self.subjects)
        clips = torch.searchsorted(lengths.cumsum(0), frames[:, 0].contiguous(), right=True)
        of_subject = subjects[clips][:, None] == subjects[None]  # (B, clips)
        many = lengths.sum()
        begin = torch.where(of_subject, starts, many).amin(1)
        end = torch.where(of_subject, starts + lengths, 0).amax(1)
        alone = of_subject.sum(1) == 1
        hole = torch.where(alone, frames[:, 0], starts[clips])
        wide = torch.where(alone, frames.shape[1], lengths[clips])
        allowed = end - begin - wide
        wide = torch.where(allowed > 0, wide, 0)  # the window is all there is
        allowed = torch.where(allowed > 0, allowed, end - begin)
        found = begin[:, None] + (places * allowed[:, None]).long()
        return found + wide[:, None] * (found >= hole[:, None])


def read_few_shot_clips(
    folder: Path,
    size: Size,
    window: Window | None = None,
    say: Say = folders.silent,
    labels: str = "auto",
    flow: bool = True,
) -> FewShotClipData | SpriteData:
    """Read and check clips of subjects, or sheets of characters; the arguments are `read_clips`'.

    Raises one DataError that lists all problems.
    """
    folder = Path(folder)
    folders.check_folder(folder, "a sub-folder of clips, or of sheets, for each subject")
    window = window or Window()
    subjects = sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
    if any(path.name.endswith(MAPS) for subject in subjects for path in subject.iterdir()):
        if labels not in ("auto", "labels"):
            raise DataError(
                f"{folder} has sheets of characters, which bring label maps: --labels {labels} does not fit"
            )
        return read_sprites(folder, size, window, say)
    problems: list[str] = []
    if len(subjects) < 2:
        problems.append(f"{len(subjects)} sub-folder(s), one for each subject; at least 2 are needed")
    read = [_subject(subject, size, labels, window, problems) for subject in subjects]
    sources = sorted({part.source for part in read})
    palettes = [part.palette for part in read]
    if len(sources) > 1:
        problems.append(f"labels come from {' and '.join(sources)}: say which; all subjects need the same")
    elif any(palette != palettes[0] for palette in palettes):
        problems.append("the subjects have different palettes; put one palette.json beside them")
    folders.check(folder, problems)
    return _joined(read, folder, size, window, flow, say)


def _subject(folder: Path, size: Size, labels: str, window: Window, problems: list[str]) -> Gathered:
    """A subject's clips; its problems are told under its name."""
    wrong: list[str] = []
    read = gather(folder, size, labels, max(LEAST, window.first), wrong)
    if not wrong and len(read.clips) == 1 and len(read.clips[0].fields["images"]) <= window.first:
        wrong.append("there is no frame beside the window to be shown as a reference")
    problems += [f"{folder.name}: {line}" for line in wrong]
    return read


def _joined(
    read: Sequence[Gathered], folder: Path, size: Size, window: Window, flow: bool, say: Say
) -> FewShotClipData:
    clips = [clip for part in read for clip in part.clips]
    subjects = tuple(
        int(number) for number in np.repeat(np.arange(len(read)), [len(it.clips) for it in read])
    )
    folders.say_cut(say, [clip.shape for clip in clips], folder, size)
    shared = Gathered(clips, read[0].source, read[0].palette).shared(say)
    motion: dict[str, Any] = motion_of(clips, say) if flow else {}
    return FewShotClipData(**shared, **motion, window=window, subjects=subjects)
