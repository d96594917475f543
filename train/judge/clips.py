"""How good an animator of label videos is (vid2vid, wc_vid2vid): its frames beside true ones, and how steady.

Clips are animated frame after frame, in the style of their first true frame, which is not shown as a past, or
in drawn styles. Beside them: frames each made alone, which no past holds together, a painter's if there is
one, and the true frames.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from cgan.tasks import Animator, Painter
from train.data.batches import Clip
from train.data.clip_reading import read_clips
from train.data.clips import ClipData, Window
from train.judge import animation, protocol, sheet
from train.judge.endurance import Scene, endurance
from train.judge.examination import HALVES, Examination, Summary, real_against_real, whole
from train.judge.frame_by_frame import WORDS, painted_one_by_one, side_of
from train.judge.maps import check_classes
from train.judge.metrics import Row, frechet, mean_scores
from train.judge.protocol import About, Model, Section, Sheets, Sitting
from train.judge.sheet import Cells
from train.log import say


class Judge(protocol.Judge[ClipData, Animator, Clip]):
    """Judges animators of label videos."""

    batch: ClassVar[type] = Clip
    scored: ClassVar[str] = "clips, each animated in its first frame's style"

    def sheets(self, model: Model, sitting: Sitting[Clip]) -> Sheets:
        """Rows of maps, true frames and results; the preview shows no true frames."""
        rows = sheet.evenly(len(sitting.shown), animation.SHOWN).tolist()
        batch = sitting.shown.batch(rows, 0, sitting.size, augment=False)
        return animation.sheets_of(animation.animated(model, batch), batch, sitting.palette)

    def scores(self, model: Model, sitting: Sitting[Clip]) -> dict[str, float]:
        """LPIPS from the true frames, and the Fréchet distance of all frames."""
        metrics, lpips, fake, real = sitting.metrics, [], [], []
        for batch in animation.judged(sitting):
            made, truth = animation.flat(animation.animated(model, batch)), animation.flat(batch.images)
            lpips.append(metrics.distances(made, truth))
            fake.append(metrics.embed(made))
            if "frames" not in sitting.kept:
                real.append(metrics.embed(truth))
        known = [part for part in lpips if part is not None]
        scores = {"lpips": torch.cat(known).mean().item()} if known else {}
        theirs, ours = ([part for part in parts if part is not None] for parts in (real, fake))
        sitting.kept |= {"frames": torch.cat(theirs)} if theirs else {}
        if ours and len(sitting.kept["frames"]) > 1:
            scores["frechet"] = frechet(torch.cat(ours), sitting.kept["frames"])
        return scores

    def read(self, folder: Path, task: Animator) -> ClipData:
        """The clips of a folder; DataError when their classes are not the animator's."""
        frames = animation.frames_of(task.checkpoint.about)
        labels = animation.labels_of(task.checkpoint.about)
        data = read_clips(folder, task.size, Window(2, 0, frames), say, labels, geometry=task.needs_geometry)
        check_classes(folder, data.palette, task.palette)
        return data

    def pictures(self, data: ClipData) -> list[Tensor]:
        """The frames of all clips."""
        return [data.images]

    def sections(
        self, task: Animator, data: ClipData, training: ClipData | None, examination: Examination
    ) -> list[Section]:
        """Styles of first frames and drawn ones, frames alone, and the true frames; then `endurance`."""
        clips = spread_clips(data, animation.frames_of(task.checkpoint.about), examination.most)
        truth = [clip.images.cpu() for clip in clips]
        real = examination.real(animation.pictures_of(truth))
        seeds = [[examination.seed + i] for i in range(len(clips))]
        rows: dict[str, Row] = {}
        for name, drawn, alone in (
            ("the first frames' styles", False, False),
            ("each frame alone", False, True),
            ("drawn styles", True, False),
        ):
            say(f"measuring: {name}")
            made = [
                animation.performed(task, clip, seed if drawn else None, alone)
                for clip, seed in zip(clips, seeds, strict=True)
            ]
            rows[name] = self._row(made, truth, real, examination, own_style=not drawn)
            rows[name] |= animation.steadiness(made, clips)
        found = [animation.found_flow(task, clip) for clip in clips]
        rows["the first frames' styles"] |= animation.led(found, clips)
        rows["each frame alone"] |= animation.led([None] * len(clips), clips)
        note = animation.ALIKE
        if examination.painter is not None:
            name, row, words = self._frame_by_frame(examination.painter, clips, truth, real, examination)
            rows[name], note = row, f"{note} {words}"
        rows["the true frames"] = animation.steadiness(truth, clips)
        rows["the true frames"] |= animation.led([clip.flow for clip in clips], clips)
        others = None if training is None else whole(training.images, training.size)
        name, floor = real_against_real(animation.pictures_of(truth), others, examination)
        note = note if training is not None else f"{note} {HALVES}"
        count = sum(len(video[0]) for video in truth)
        title = f"{len(clips)} pieces of held-back clips, {count} frames"
        sections = [Section(title, rows | {name: floor}, note)]
        if examination.seconds:
            sections.append(endurance(task, longest_scene(data), examination))
        return sections

    def _frame_by_frame(
        self,
        painter: Painter,
        clips: list[Clip],
        truth: list[Tensor],
        real: Summary,
        examination: Examination,
    ) -> tuple[str, Row, str]:
        """The frames of a painter: what the row is called, its scores, and how they were made."""
        name = f"{painter.checkpoint.name}, frame by frame"
        say(f"measuring: {name}")
        made = painted_one_by_one(painter, clips, examination.seed)
        row = self._row(made, truth, real, examination, own_style=True) | animation.steadiness(made, clips)
        height, width = truth[0].shape[-2:]
        side = side_of(painter, (height, width))
        return name, row, WORDS.format(name=painter.checkpoint.name, side=side)

    def _row(
        self,
        made: list[Tensor],
        truth: list[Tensor],
        real: Summary,
        examination: Examination,
        own_style: bool,
    ) -> Row:
        """How far frames are from the true ones; LPIPS tells nothing where styles are drawn."""
        row = examination.generated(animation.pictures_of(made)).against(real)
        if not own_style:
            return row
        return mean_scores("lpips", animation.perceived(made, truth, examination.metrics)) | row

    def cells(
        self,
        task: Animator,
        data: ClipData,
        training: ClipData | None,
        examination: Examination,
        most: int,
        outputs_only: bool,
    ) -> Cells:
        """Map, result and true frame, each the last of a clip's piece, for pieces spread evenly."""
        frames = animation.frames_of(task.checkpoint.about)
        clips = spread_clips(data, frames, most * frames)
        made = [animation.performed(task, clip) for clip in clips]
        return animation.cells_of(made, clips, data.palette, outputs_only)

    def usage(self, name: str, model: Model) -> str:
        """Maps go in."""
        places = ", geometry=places" if model.needs_geometry else ""
        return f'''animator = cgan.load("{name}")
for frame in animator.animate(maps{places}):  # uint8 (H, W) of class ids each -> uint8 (H, W, 3)
    ...'''

    def caption(self, model: Model, about: About) -> str:
        """A map and frames."""
        return "A clip a row: its first map, and some of the frames that its maps became."


def longest_scene(data: ClipData) -> Scene:
    """The longest clip, to be filmed."""
    number = max(range(len(data.lengths)), key=lambda clip: data.lengths[clip])
    return Scene(
        data.names[number], data.lengths[number], lambda place: data.clip(number, data.size, place, 1)
    )


def spread_clips(data: ClipData, frames: int, most: int) -> list[Clip]:
    """Pieces of so many frames in a row, or as many as a clip has, spread evenly: `most` frames or so in all.

    Each is a batch of one, whole.
    """
    pieces = [
        (number, start)
        for number, length in enumerate(data.lengths)
        for start in range(0, max(length - frames, 0) + 1, frames)
    ]
    chosen = sheet.evenly(len(pieces), max(1, most // frames)).tolist()
    return [data.clip(pieces[i][0], data.size, pieces[i][1], frames) for i in chosen]
