"""How good a label network is: its maps of held-back photographs beside the true ones.

mIoU is the mean over the classes of what the found and the true areas have in common, divided by what they
cover together (intersection over union), with all photographs counted as one. Pixels that the true map calls
unlabelled are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cgan.labels import Palette
from cgan.pictures import to_image, to_pictures
from cgan.tasks import Labeller
from train.data.batches import Labelled, Painted
from train.data.painted import PaintedData
from train.judge import learning, maps, protocol, sheet
from train.judge.examination import Examination
from train.judge.maps import batches, judged, needed
from train.judge.metrics import Row, confusion, map_scores
from train.judge.protocol import About, Model, Section, Sheets, Sitting, Source
from train.judge.sheet import Cells

Find = Callable[[Painted], Tensor]  # a batch -> the labels found, int64 (B, H, W)


class Judge(maps.Judging[Labeller], protocol.Judge[PaintedData, Labeller, Painted]):
    """Judges what labels photographs."""

    batch: ClassVar[type] = Labelled
    scored: ClassVar[str] = "photographs, labelled: 1 - mIoU"

    def sheets(self, model: Model, sitting: Sitting[Painted]) -> Sheets:
        """Rows of true map, photograph and found map; the preview shows no photographs."""
        palette = needed(sitting.palette)
        batch = learning.shown(sitting)
        found = coloured(find_by(model)(batch), palette)
        return Sheets(
            sheet.samples(batch, palette, {"found map": found}), sheet.preview(batch, palette, found)
        )

    def scores(self, model: Model, sitting: Sitting[Painted]) -> dict[str, float]:
        """What mIoU lacks of 1."""
        if sitting.validation is None:
            return {}
        palette = needed(sitting.palette)
        counts = counted(find_by(model), sitting.validation, len(palette))
        return {"missed": 1 - ious(counts.sum(0), judged(palette)).mean().item()}

    def sections(
        self, task: Labeller, data: PaintedData, training: PaintedData | None, examination: Examination
    ) -> list[Section]:
        """One table of the network beside the map that is usual, and one with each class."""
        classes = judged(task.palette)
        counts = counted(find_as_users(task), data, len(task.palette))
        usual = usual_map(training or data, len(task.palette))
        baseline = counted(lambda batch: usual.expand(len(batch.labels), -1, -1), data, len(task.palette))
        whole = {
            "the label network": map_scores(counts, classes),
            "the usual map": map_scores(baseline, classes),
        }
        note = "The usual map: at each place the class that is most frequent there" + (
            " in the training maps." if training is not None else "."
        )
        count = f"{len(data)} held-back photographs"
        by_class = class_rows(counts.sum(0), task.palette, classes)
        return [Section(count, whole, note), Section(f"{count}, class by class,", by_class)]

    def cells(
        self,
        task: Labeller,
        data: PaintedData,
        training: PaintedData | None,
        examination: Examination,
        most: int,
        outputs_only: bool,
    ) -> Cells:
        """Photograph, true map and found map; or the found maps alone."""
        batch = data.batch(sheet.evenly(len(data), most), 0, data.size, augment=False)
        found = [task.palette.colours(ids) for ids in find_as_users(task)(batch).byte().numpy()]
        if outputs_only:
            return sheet.labelled(["found map"], ([map_] for map_ in found))
        true = [data.palette.colours(ids) for ids in batch.labels[:, 0].byte().cpu().numpy()]
        pictures = zip(to_pictures(batch.images.cpu()), true, found, strict=True)
        return sheet.labelled(["photograph", "true map", "found map"], pictures)

    def usage(self, name: str, model: Model) -> str:
        """A photograph goes in."""
        return f'''labeller = cgan.load("{name}")
labels = labeller.label(photograph)  # uint8 (H, W, 3) -> uint8 (H, W) of class ids'''

    def caption(self, model: Model, about: About) -> str:
        """Maps, and no photographs."""
        return "Maps found in photographs, each beside the true one."


def coloured(labels: Tensor, palette: Palette) -> Tensor:
    """Labels int64 (B, H, W) in the palette's colours -> images (B, 3, H, W)."""
    return torch.cat([to_image(palette.colours(ids)) for ids in labels.byte().cpu().numpy()])


# --- finding labels


def find_by(model: Model) -> Find:
    """The classes that `model` thinks the likeliest, as it learns."""

    @torch.no_grad()
    def find(batch: Painted) -> Tensor:
        logits: Tensor = model(batch.images.to(next(model.parameters()).dtype))
        return logits.argmax(1)

    return find


def find_as_users(labeller: Labeller) -> Find:
    """The labels of one photograph after another, as a user would get them; on the CPU."""

    def find(batch: Painted) -> Tensor:
        maps = [labeller.label(picture) for picture in to_pictures(batch.images.cpu())]
        return torch.from_numpy(np.stack(maps).astype(np.int64))

    return find


def usual_map(data: PaintedData, classes: int) -> Tensor:
    """The class that the maps of `data` show most often at each place: int64 (H, W)."""
    height, width = data.size
    counts = torch.zeros(classes, height, width)
    for batch in batches(data):
        known = torch.ones_like(batch.labels) if batch.known is None else batch.known
        counts += (
            (F.one_hot(batch.labels[:, 0].cpu(), classes) * known[:, 0, ..., None].cpu()).sum(0).movedim(2, 0)
        )
    return counts.argmax(0)


# --- counting


@torch.no_grad()
def counted(find: Find, data: Source[Painted], classes: int) -> Tensor:
    """How often each class was taken for each: int64 (N, classes, classes); of pixels that are known."""
    counts = []
    for batch in batches(data):
        labels = batch.labels[:, 0]
        if batch.known is not None:
            labels = torch.where(batch.known[:, 0] > 0, labels, classes)
        found = find(batch).to(labels.device)
        counts.append(confusion(found, labels, classes + 1)[:, :classes, :classes].cpu())
    return torch.cat(counts)


def ious(total: Tensor, classes: Sequence[int]) -> Tensor:
    """Intersection over union of the judged `classes` that occur, from counts (classes, classes)."""
    rows = total[classes].double()
    hits, there = rows[range(len(classes)), classes], rows.sum(1)
    union = there + rows.sum(0)[classes] - hits
    return (hits / union.clamp(min=1))[there > 0]


def class_rows(total: Tensor, palette: Palette, classes: Sequence[int]) -> dict[str, Row]:
    """By name of each class that occurs: its intersection over union, and its share of the pixels."""
    there = total[classes].sum(1)
    names = [palette.names[id] for id, count in zip(classes, there, strict=True) if count > 0]
    shares = (there / there.sum())[there > 0].tolist()
    values = ious(total, classes).tolist()
    return {
        name: {"iou": iou, "share": share} for name, iou, share in zip(names, values, shares, strict=True)
    }
