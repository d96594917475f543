"""What the judges of animators share: videos of batches, sheets, flicker, and drift.

Videos are float (B, T, 3, H, W) in [-1, 1]. Flicker: how far a frame is from the one before, moved along the
true pictures' flow, where the one before shows it. Drift: how far a clip's last frame is from its first one
at the points of the world that both show. Both are low for a still grey video too: they say nothing without
the other scores. Flow: how far a true frame is from the true one before, moved along the flow that a model
finds, at the same places. All in grey levels (0 to 255).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from cgan.labels import Palette
from cgan.layers.flow import warp
from cgan.layers.points import Place, Points, lift, render
from cgan.pictures import to_pictures
from cgan.tasks import Animator
from train.data.batches import Clip, FewShotClip
from train.judge import sheet
from train.judge.metrics import Metrics, Row, mean_scores
from train.judge.protocol import About, Batch, Model, Sheets, Sitting
from train.judge.sheet import Cells, Picture, Pictures

SHOWN, FRAMES = 6, 4  # clips on a sheet, and frames of each
BATCH = 4  # clips that are animated at once
JUDGED = 48  # clips of the validation data, at most, that score a run
LONGEST = 16  # frames of a clip that `evaluate` animates
ALIKE = "Frames of a clip are alike: what is said of sets of frames is less sure than its interval."
GREYS = 127.5  # grey levels that one unit of an image is


def frames_of(about: About) -> int:
    """How many frames in a row `evaluate` animates: as many as were learnt, at least 2, at most `LONGEST`."""
    learnt = about.get("options", {}).get("hyper", {}).get("frames", LONGEST)
    return int(min(max(learnt, 2), LONGEST))


def labels_of(about: About) -> str:
    """What a checkpoint's label maps are made of; those of older ones are what is there."""
    return str(about.get("labels", "auto"))


@torch.no_grad()
def animated(
    model: Model, batch: Clip | FewShotClip, drawn: Sequence[int] | None = None, alone: bool = False
) -> Tensor:
    """The videos of a batch, on the CPU.

    Few-shot models see the references, not their maps. The others follow the style of the clip's first true
    frame, or one drawn by the seeds `drawn`, one for each clip; they are not shown that frame as their past.
    alone: each frame is made as if it were a clip's first.
    """
    if drawn is None or isinstance(batch, FewShotClip):
        start = begun(model, batch)
    else:
        rows = [torch.randn(model.config.style, generator=torch.Generator().manual_seed(s)) for s in drawn]
        normal = torch.stack(rows).to(batch.images.device, next(model.parameters()).dtype)
        start = model.begin(None, None, None, normal)
    return torch.stack([frame.image.float().cpu() for frame in filmed(model, batch, start, alone)], 1)


def filmed(model: Model, batch: Clip | FewShotClip, start: Any, alone: bool = False) -> Iterator[Any]:
    """The frames of a batch one after the other, as the model's `film` gives them; `start`: see `begun`."""
    state = start
    for t, labels in enumerate(batch.labels.unbind(1)):
        place = place_of(batch, t) if model.needs_geometry else None
        frame, state = model.film(labels, start if alone else state, place)
        yield frame


def begun(model: Model, batch: Clip | FewShotClip) -> Any:
    """What a model remembers before a batch's first frame, as `animated` begins where no style is drawn."""
    dtype = next(model.parameters()).dtype
    if isinstance(batch, FewShotClip):
        return model.begin(batch.references.to(dtype), None, None, None)
    return model.begin(None, None, batch.images[:, 0].to(dtype), None)._replace(images=())


def performed(
    task: Animator, batch: Clip | FewShotClip, drawn: Sequence[int] | None = None, alone: bool = False
) -> Tensor:
    """`animated` by a checkpoint, on its device and in its precision."""
    with task.runtime.autocast():
        return animated(task.model, batch.to(task.runtime.device), drawn, alone)


@torch.no_grad()
def found_flow(task: Animator, batch: Clip | FewShotClip) -> Tensor:
    """The flow that a checkpoint finds from each frame to the one before, in pixels: (B, T - 1, 2, H, W)."""
    sent = batch.to(task.runtime.device)
    with task.runtime.autocast():
        frames = list(filmed(task.model, sent, begun(task.model, sent)))
    return torch.stack([frame.flow.float().cpu() for frame in frames[1:]], 1)


def place_of(batch: Clip | FewShotClip, t: int) -> Place | None:
    """Where frame `t` was seen from, if the batch tells."""
    if isinstance(batch, FewShotClip):
        return None
    if batch.depth is None or batch.pose is None or batch.intrinsics is None:
        return None
    return Place(batch.depth[:, t].float(), batch.pose[:, t], batch.intrinsics)


def judged(sitting: Sitting[Batch]) -> Iterator[Batch]:
    """Clips that are spread over the validation data, in batches, the same ones each time."""
    if sitting.validation is None:
        return
    rows = sheet.evenly(len(sitting.validation), JUDGED)
    for part in rows.split(BATCH):
        yield sitting.validation.batch(part.tolist(), 0, sitting.size, augment=False)


def flat(video: Tensor) -> Tensor:
    """The frames of videos, one after the other: (B T, 3, H, W)."""
    return video.flatten(0, 1).float().cpu()


def pictures_of(videos: Sequence[Tensor]) -> Pictures:
    """The frames of videos as pictures, uint8 (N, H, W, 3)."""
    return to_pictures(torch.cat([flat(video) for video in videos]))


def apart(made: Tensor, truth: Tensor) -> Tensor:
    """L1 between videos, in grey levels: (B,)."""
    return GREYS * (made - truth.float().cpu()).abs().mean((1, 2, 3, 4))


def perceived(made: Sequence[Tensor], truth: Sequence[Tensor], metrics: Metrics) -> Tensor | None:
    """The mean LPIPS between the frames of videos and their true ones, for each video (N,), or None."""
    found = []
    for ours, theirs in zip(made, truth, strict=True):
        distances = metrics.distances(flat(ours), flat(theirs))
        if distances is None:
            return None
        found.append(distances.view(len(ours), -1).mean(1))
    return torch.cat(found) if found else None


def flicker(made: Tensor, batch: Clip | FewShotClip) -> Tensor | None:
    """The flicker of each video of a batch (B,), or None where flow is not known or there is one frame."""
    return None if batch.flow is None else off_along(batch.flow, made, batch.seen)


def off_along(flow: Tensor, video: Tensor, seen: Tensor | None) -> Tensor | None:
    """How far the frames of videos are from those before, moved along `flow` (B, T - 1, 2, H, W): (B,).

    seen (B, T - 1, 1, H, W): where that counts. None where it is not known, or for one frame.
    """
    if seen is None or video.shape[1] < 2:
        return None
    moved, weight = warp(flat(video[:, :-1]), flat(flow)), flat(seen)
    off = (flat(video[:, 1:]) - moved).abs().mean(1, keepdim=True) * weight
    total, count = (part.view(len(video), -1).sum(1) for part in (off, weight))
    return GREYS * total / count.clamp(min=1.0)


def drift(made: Tensor, batch: Clip | FewShotClip) -> Tensor | None:
    """The drift of each video of a batch (B,), or None where depth and camera are not known."""
    first, last = place_of(batch, 0), place_of(batch, made.shape[1] - 1)
    if first is None or last is None or made.shape[1] < 2:
        return None
    first, last = (Place(*(part.float().cpu() for part in place)) for place in (first, last))
    position, there = lift(first)
    points = Points(position, made[:, 0].float().flatten(2).transpose(1, 2), there)
    seen_before, covered = render(points, last)
    off = (made[:, -1].float() - seen_before).abs().mean(1, keepdim=True) * covered
    return GREYS * off.sum((1, 2, 3)) / covered.sum((1, 2, 3)).clamp(min=1.0)


def steadiness(videos: Sequence[Tensor], batches: Sequence[Clip | FewShotClip]) -> Row:
    """The means of flicker and drift over all videos, with intervals, as far as they can be known."""
    row: Row = {}
    for name, measure in (("flicker", flicker), ("drift", drift)):
        found = [measure(video, batch) for video, batch in zip(videos, batches, strict=True)]
        known = [part for part in found if part is not None]
        row |= mean_scores(name, torch.cat(known) if known else None)
    return row


def led(flows: Sequence[Tensor | None], batches: Sequence[Clip | FewShotClip]) -> Row:
    """How far the true frames are from those before, moved along these flows, None for no motion."""
    found = []
    for flow, batch in zip(flows, batches, strict=True):
        still = torch.zeros_like(batch.images[:, 1:, :2])
        found.append(off_along(still if flow is None else flow, batch.images, batch.seen))
    known = [part for part in found if part is not None]
    return mean_scores("flow", torch.cat(known) if known else None)


def sheets_of(made: Tensor, batch: Clip | FewShotClip, palette: Palette | None) -> Sheets:
    """Rows of a clip each: the reference, where there is one, and for some frames map, truth and result.

    The preview shows no true frames: the reference or the first map, and the results.
    """
    if palette is None:
        raise ValueError("an animator has a palette")
    rows, short = [], []
    for i, labels in enumerate(batch.labels):
        times = sheet.evenly(len(labels), FRAMES).tolist()
        maps = [palette.colours(labels[t, 0].byte().cpu().numpy()) for t in times]
        truth, ours = (to_pictures(video[i][times].float().cpu()) for video in (batch.images, made))
        start = reference_of(batch, i)
        rows.append([*start, *(it for parts in zip(maps, truth, ours, strict=True) for it in parts)])
        short.append([*(start or maps[:1]), *ours])
    shown = ["map", "true", "made"] * ((len(rows[0]) - len(start)) // 3)
    return Sheets(sheet.grid(rows, ["reference"] * len(start) + shown), sheet.grid(short))


def reference_of(batch: Clip | FewShotClip, row: int) -> list[Picture]:
    """The first reference of a sample, if it has any."""
    if not isinstance(batch, FewShotClip):
        return []
    return [to_pictures(batch.references[row, :1].float().cpu())[0]]


def cells_of(
    videos: Sequence[Tensor], batches: Sequence[Clip | FewShotClip], palette: Palette, outputs_only: bool
) -> Cells:
    """For each sample of the batches, its last frame: reference, map, result and truth; or the result."""
    cells: Cells = []
    for video, batch in zip(videos, batches, strict=True):
        ours, truth = (to_pictures(part[:, -1].float().cpu()) for part in (video, batch.images))
        for i, labels in enumerate(batch.labels[:, -1, 0].byte().cpu().numpy()):
            made = [("made", ours[i])]
            reference = [("reference", picture) for picture in reference_of(batch, i)]
            beside = [*reference, ("map", palette.colours(labels))]
            cells.append(made if outputs_only else [*beside, *made, ("true", truth[i])])
    return cells
