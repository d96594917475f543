"""How good a few-shot animator is (fs_vid2vid): clips of subjects that one picture shows, beside the truth.

"Right subject" is for sheets of characters, where all poses of all characters are known: the share of frames
that are nearest, by L1 on pixels, to the character wanted among all characters of the data in the same pose.
Whether the subjects are new to the model is for whoever gives --data to see to.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from cgan.pictures import to_pictures
from cgan.tasks import Animator
from train.data.batches import FewShotClip
from train.data.clips import Window
from train.data.few_shot_clips import FewShotClipData, read_few_shot_clips
from train.data.flows import flow_back
from train.data.sprites import SpriteData
from train.judge import animation, protocol, sheet
from train.judge.endurance import RATE, Scene, endurance
from train.judge.examination import HALVES, Examination, Summary, real_against_real, whole
from train.judge.maps import check_classes
from train.judge.metrics import Row, mean_scores
from train.judge.protocol import About, Model, Section, Sheets, Sitting, Source
from train.judge.sheet import Cells, Pictures
from train.log import say

Data = FewShotClipData | SpriteData
LONGEST = 15 * RATE  # frames of a clip that a long film is made of: there and back is half a minute
COUNTS = {1: "one reference", 2: "two references", 4: "four references"}  # that are compared


class Judge(protocol.Judge[Data, Animator, FewShotClip]):
    """Judges animators of subjects of which a few pictures are shown."""

    batch: ClassVar[type] = FewShotClip
    scored: ClassVar[str] = "clips, each animated from one picture of its subject"

    def sheets(self, model: Model, sitting: Sitting[FewShotClip]) -> Sheets:
        """Rows of the reference, then maps, true frames and results; the preview shows no true frames."""
        rows = spread(sitting.shown, animation.SHOWN)
        batch = sitting.shown.batch(rows, 0, sitting.size, augment=False)
        return animation.sheets_of(animation.animated(model, batch), batch, sitting.palette)

    def scores(self, model: Model, sitting: Sitting[FewShotClip]) -> dict[str, float]:
        """L1 in grey levels and LPIPS between frames and true ones, which are known."""
        clips = list(animation.judged(sitting))
        if not clips:
            return {}
        made, truth = [animation.animated(model, clip) for clip in clips], [clip.images for clip in clips]
        off = [animation.apart(*pair) for pair in zip(made, truth, strict=True)]
        lpips = animation.perceived(made, truth, sitting.metrics)
        scores = {"l1": torch.cat(off).mean().item()}
        return scores if lpips is None else scores | {"lpips": lpips.mean().item()}

    def read(self, folder: Path, task: Animator) -> Data:
        """The subjects of a folder; DataError when their classes are not the animator's."""
        frames = animation.frames_of(task.checkpoint.about)
        labels = animation.labels_of(task.checkpoint.about)
        data = read_few_shot_clips(folder, task.size, Window(frames, 0, frames), say, labels)
        check_classes(folder, data.palette, task.palette)
        return data

    def pictures(self, data: Data) -> list[Tensor]:
        """The frames of all clips or sheets."""
        return [data.images.flatten(0, -4)]

    def sections(
        self, task: Animator, data: Data, training: Data | None, examination: Examination
    ) -> list[Section]:
        """Clips animated from one picture and more, the first itself, and the true frames; `endurance`."""
        rows_of, table = parts_of(data, animation.frames_of(task.checkpoint.about), examination.most), {}
        every = [row for rows in rows_of.values() for row in rows]
        real = examination.real(animation.pictures_of([batch.images for batch in batches(data, every)]))
        for name, rows in rows_of.items():
            for count, many in COUNTS.items():
                title = f"{many}{name}"
                say(f"measuring: {title}")
                clips = batches(data, rows, count)
                made = [animation.performed(task, clip) for clip in clips]
                table[title] = row_of(made, clips, real, examination) | right(made, data, rows)
                table[title] |= animation.led([animation.found_flow(task, clip) for clip in clips], clips)
            say(f"measuring: one reference{name}, each frame alone")
            clips = batches(data, rows)
            made = [animation.performed(task, clip, alone=True) for clip in clips]
            scores = row_of(made, clips, real, examination) | right(made, data, rows)
            table[f"one reference{name}, each frame alone"] = scores | animation.led(
                [None] * len(clips), clips
            )
        clips = batches(data, every)
        copies = [clip.references[:, :1].expand_as(clip.images).cpu() for clip in clips]
        table["the reference itself"] = row_of(copies, clips, real, examination) | right(copies, data, every)
        truth = [clip.images.cpu() for clip in clips]
        table["the true frames"] = animation.steadiness(truth, clips) | right(truth, data, every)
        table["the true frames"] |= animation.led([clip.flow for clip in clips], clips)
        others = None if training is None else frames_of(training)
        name, floor = real_against_real(animation.pictures_of(truth), others, examination)
        shown = sum(len(animation.flat(video)) for video in truth)
        title = f"{len(every)} held-back clips, {shown} frames"
        words = [animation.ALIKE, *([] if training is not None else [HALVES])]
        if isinstance(data, SpriteData):
            count = len(data.names)
            words.append(
                f"Right subject: nearest by L1 on pixels among {count} characters in the same pose; chance "
                f"is {1 / count:.2f}."
            )
        sections = [Section(title, table | {name: floor}, " ".join(words))]
        if examination.seconds:
            sections.append(endurance(task, longest_scene(data), examination))
        return sections

    def cells(
        self,
        task: Animator,
        data: Data,
        training: Data | None,
        examination: Examination,
        most: int,
        outputs_only: bool,
    ) -> Cells:
        """Reference, map, result and true frame, the last of each clip, for clips spread evenly."""
        clips = batches(data, spread(data, most))
        made = [animation.performed(task, clip) for clip in clips]
        return animation.cells_of(made, clips, data.palette, outputs_only)

    def usage(self, name: str, model: Model) -> str:
        """Maps go in, and pictures of a subject."""
        return f'''animator = cgan.load("{name}")
for frame in animator.animate(maps, references=[picture]):  # uint8 (H, W) of class ids each
    ...  # uint8 (H, W, 3)'''

    def caption(self, model: Model, about: About) -> str:
        """A reference and frames."""
        return "A clip a row: the picture that shows the subject, and some of the frames made of it."


def spread(data: Source[FewShotClip], count: int) -> list[int]:
    """`count` samples spread over the data; of characters over those too, one further with each strip.

    Sheets have a row of samples for each strip, and steps as wide as a row would meet one character only.
    """
    rows: list[int] = sheet.evenly(len(data), count).tolist()
    if not isinstance(data, SpriteData):
        return rows
    many = len(data.names)
    return [row // many * many + (row + row // many) % many for row in rows]


def parts_of(data: Data, frames: int, most: int) -> dict[str, list[int]]:
    """The rows that are judged, spread evenly, by name: about `most` frames in all.

    The names follow "one reference". Characters are told apart by whose maps drive them, as the data have it
    for every second strip.
    """
    rows = spread(data, max(2, most // frames))
    if not isinstance(data, SpriteData):
        return {"": rows}
    borrowed = [row // len(data.names) % 2 == 1 for row in rows]
    parts = {
        f", {whose} maps": [row for row, other in zip(rows, borrowed, strict=True) if other == of]
        for whose, of in (("own", False), ("another's", True))
    }
    return {name: part for name, part in parts.items() if part}


def longest_scene(data: Data) -> Scene:
    """The longest clip, to be filmed from one reference; of characters a strip with its own maps."""
    if isinstance(data, SpriteData):
        which = max(range(0, len(data.strips), 2), key=lambda strip: data.strips[strip][1])
        row, length, name = which * len(data.names), data.strips[which][1], data.names[0]
    else:
        number = max(range(len(data.lengths)), key=lambda clip: data.lengths[clip])
        row, length, name = data.starts[number], min(data.lengths[number], LONGEST), data.names[number]
    longer = replace(data, window=Window(length, 0, length))
    clip = longer.batch([row], 0, data.size, augment=False)

    def frame(place: int) -> FewShotClip:
        here = slice(place, place + 1)
        return FewShotClip(clip.labels[:, here], clip.images[:, here], clip.references, clip.reference_labels)

    return Scene(name, length, frame)


def batches(data: Data, rows: list[int], count: int = 1) -> list[FewShotClip]:
    """The clips at `rows`, whole, with `count` references each, in batches; with the flow of characters."""
    parts = torch.tensor(rows).split(animation.BATCH)
    found = [data.batch(part.tolist(), 0, data.size, augment=False, shots=count) for part in parts]
    return [with_flow(clip) for clip in found] if isinstance(data, SpriteData) else found


def with_flow(clip: FewShotClip) -> FewShotClip:
    """The same clips with the optical flow of their true frames, which sheets of characters do not bring."""
    frames = [torch.from_numpy(to_pictures(video)).permute(0, 3, 1, 2) for video in clip.images]
    found = [flow_back(video) for video in frames]
    flow, seen = (torch.stack([each[part][1:] for each in found]) for part in (0, 1))
    return clip._replace(flow=flow, seen=seen)


def frames_of(data: Data) -> Pictures:
    """All true frames of the data, uint8 (N, H, W, 3)."""
    if isinstance(data, SpriteData):  # which are stored as they are shown
        return data.images.flatten(0, 1).permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return whole(data.images, data.size)


def row_of(made: list[Tensor], clips: list[FewShotClip], real: Summary, examination: Examination) -> Row:
    """All scores of the videos of batches, beside their true frames."""
    truth = [clip.images for clip in clips]
    row = mean_scores("lpips", animation.perceived(made, truth, examination.metrics))
    off = [animation.apart(*pair) for pair in zip(made, truth, strict=True)]
    row |= mean_scores("l1", torch.cat(off))
    row |= examination.generated(animation.pictures_of(made)).against(real)
    return row | animation.steadiness(made, clips)


def right(made: list[Tensor], data: Data, rows: list[int]) -> Row:
    """The share of frames that are nearest to the subject wanted in their pose; of characters only."""
    if not isinstance(data, SpriteData):
        return {}
    count, found = len(data.names), []
    for row, video in zip(rows, [video for part in made for video in part], strict=True):
        start = row // count * count  # the first character's sample of the same strip
        rivals = data.batch(range(start, start + count), 0, data.size, augment=False).images.cpu()
        off = (rivals - video.cpu()).abs().flatten(2).mean(2)  # (characters, T)
        found.append((off.argmin(0) == row % count).float().mean())
    return mean_scores("identified", torch.stack(found))
