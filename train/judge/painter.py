"""How good a painter is: what it makes of held-back maps beside the photographs, with baselines.

LPIPS runs on SqueezeNet, the backbone of the default perceptual loss: it favours models trained with that
loss. A segmenter, where there is one, labels the paintings: mIoU tells whether they show what their maps say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cgan.errors import DataError
from cgan.labels import Palette
from cgan.pictures import to_image, to_pictures
from cgan.tasks import Painter
from train.data.batches import Painted
from train.data.painted import PaintedData, read_painted
from train.judge import cache as feature_cache
from train.judge import sheet
from train.judge.metrics import (
    BATCH,
    UNJUDGED,
    Metrics,
    Row,
    confusion,
    frechet,
    map_scores,
    mean_scores,
    set_scores,
)
from train.log import say

Paint = Callable[[Painted], Tensor]  # a batch -> images (B, 3, H, W) in [-1, 1]
Table = dict[str, Row]
Grid = list[list[np.ndarray]]  # rows of pictures, uint8 (H, W, 3)


@dataclass(frozen=True)
class Measured:
    """What the networks say of N pictures: LPIPS distances (N,) to their photographs, features (N, F), and
    how often each class was taken for each (N, classes, classes).
    """

    distances: Tensor | None
    features: Tensor | None
    counts: Tensor | None = None


@torch.no_grad()
def measure(metrics: Metrics, paint: Paint, data: PaintedData) -> Measured:
    """Paint all maps of `data` and compare with its photographs, batch by batch."""
    parts: list[tuple[Tensor | None, ...]] = []
    for batch in batches(data):
        images, counts = paint(batch).to(metrics.device), None
        if metrics.segmenter is not None:
            found = metrics.segmenter(images)
            counts = confusion(found, batch.labels[:, 0].to(metrics.device), metrics.segmenter.classes).cpu()
        parts.append((metrics.distances(images, batch.images), metrics.embed(images), counts))
    return Measured(*(None if part[0] is None else torch.cat(part) for part in zip(*parts, strict=True)))


def batches(data: PaintedData) -> Iterator[Painted]:
    """All samples of `data`, in order and whole, as `Painted` batches."""
    for start in range(0, len(data), BATCH):
        yield data.batch(range(start, min(start + BATCH, len(data))), 0, data.size, augment=False)


def painter_scores(
    paint: Paint, data: PaintedData, metrics: Metrics, real: Tensor | None = None
) -> dict[str, float]:
    """The mean LPIPS and the Fréchet distance of what `paint` makes of the maps of `data`; lower is better.

    `real`: the features of the photographs, where the caller has kept them (see `real_features`).
    Keys: "lpips", "frechet"; those that cannot be measured are left out.
    """
    measured = measure(metrics, paint, data)
    scores = {}
    if measured.distances is not None:
        scores["lpips"] = measured.distances.mean().item()
    if measured.features is not None and len(data) > 1:
        real = real_features(data, metrics) if real is None else real
        scores["frechet"] = frechet(measured.features, real)
    return scores


def real_features(data: PaintedData, metrics: Metrics) -> Tensor | None:
    """The features of the photographs of `data` (N, F), or None where there is no network for them."""
    if metrics.features is None:
        return None
    return torch.cat([metrics.embed(batch.images) for batch in batches(data)])


def cached_features(data: PaintedData, metrics: Metrics, cache: bool) -> Tensor | None:
    """`real_features`, read from the cache or written to it where `cache` allows."""
    if metrics.features is None or not cache:
        return real_features(data, metrics)
    return feature_cache.cached(
        metrics.features, data.images, data.size, lambda: real_features(data, metrics), say
    )


# The painters that are compared


def photographs(batch: Painted) -> Tensor:
    """The painter that cannot be beaten: the photographs themselves."""
    return batch.images


def paint_drawn(painter: Painter, seed: int) -> Paint:
    """Pictures in styles drawn by seed, seed + 1, … in the order of the maps."""
    position = iter(range(seed, 2**31))
    return _paint_each(lambda labels, picture: painter.paint(labels, seed=next(position))[0])


def paint_styled(painter: Painter, seed: int) -> Paint:
    """Pictures in the styles of the maps' own photographs."""
    return _paint_each(lambda labels, picture: painter.paint(labels, style=picture, seed=seed)[0])


def _paint_each(paint: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Paint:
    """Paint one map after another, as a user would: labels (H, W) and photograph (H, W, 3) -> picture."""

    def paint_batch(batch: Painted) -> Tensor:
        labels = batch.labels[:, 0].cpu().numpy().astype(np.uint8)
        pictures = map(paint, labels, to_pictures(batch.images))
        return torch.cat([to_image(picture) for picture in pictures])

    return paint_batch


def mean_colours(data: PaintedData) -> Tensor:
    """The mean colour of each class over all pictures of `data`: (classes, 3) in [-1, 1].

    A class that never appears gets the mean of all pixels.
    """
    classes = len(data.palette)
    sums, counts = torch.zeros(classes, 3, dtype=torch.float64), torch.zeros(classes, dtype=torch.float64)
    for image, labels in zip(data.images.cpu(), data.labels.cpu(), strict=True):
        flat = labels.flatten().long()
        sums.index_add_(0, flat, image.flatten(1).T.double())
        counts += torch.bincount(flat, minlength=classes)
    grand = sums.sum(0) / counts.sum()
    colours = torch.where(counts[:, None] > 0, sums / counts.clamp(min=1)[:, None], grand)
    return (colours / 127.5 - 1).float()


def paint_flat(colours: Tensor) -> Paint:
    """The painter that gives each class its colour (classes, 3)."""
    return lambda batch: colours.to(batch.labels.device)[batch.labels[:, 0]].permute(0, 3, 1, 2)


def nearest_photographs(data: PaintedData, training: PaintedData) -> list[int]:
    """For each map of `data`, the training sample whose map agrees with it on most pixels."""
    small = [F.interpolate(part.labels.cpu().float(), (32, 32)).flatten(1) for part in (data, training)]
    return [int((small[1] == labels).sum(1).argmax()) for labels in small[0]]


# The evaluation


def evaluate_painter(
    painter: Painter,
    data: PaintedData,
    training: PaintedData | None,
    metrics: Metrics,
    seed: int = 0,
    cache: bool = False,
) -> Table:
    """The scores of a painter on held-back `data`, beside its baselines.

    Rows: drawn styles, the photographs' own styles (where the model has styles), each class in its mean
    colour, and, with `training`, real against real: for LPIPS the nearest training photograph by label
    agreement, for the Fréchet distance as many training photographs as there are held-back ones, drawn by
    `seed`. With a segmenter, the last row says how it labels the true photographs: no painter needs more.
    """
    real = cached_features(data, metrics, cache)
    judged = [label.id for label in data.palette.labels if label.name.lower() not in UNJUDGED]
    paints = {"drawn styles": paint_drawn(painter, seed)}
    if painter.model.config.style:
        paints["the photographs' styles"] = paint_styled(painter, seed)
    paints["each class in its mean colour"] = paint_flat(mean_colours(training or data))
    rows = {}
    for name, paint in paints.items():
        say(f"measuring: {name}")
        rows[name] = _row(measure(metrics, paint, data), real, judged)
    if training is not None:
        say("measuring: real against real")
        rows["real against real"] = _row(_real_against_real(data, training, metrics, seed), real, judged)
    if metrics.segmenter is not None:
        rows["the photographs themselves"] = map_scores(measure(metrics, photographs, data).counts, judged)
    return rows


def _real_against_real(data: PaintedData, training: PaintedData, metrics: Metrics, seed: int) -> Measured:
    nearest = training.subset(nearest_photographs(data, training))
    pairs = zip(batches(nearest), batches(data), strict=True)
    distances = [metrics.distances(other.images, batch.images) for other, batch in pairs]
    random = np.random.default_rng(seed)
    drawn = random.choice(len(training), min(len(data), len(training)), replace=False).tolist()
    return Measured(
        None if distances[0] is None else torch.cat(distances), real_features(training.subset(drawn), metrics)
    )


def _row(measured: Measured, real: Tensor | None, judged: list[int]) -> Row:
    row = mean_scores("lpips", measured.distances) | set_scores(measured.features, real)
    return row | map_scores(measured.counts, judged)


def read(folder: Path, painter: Painter) -> PaintedData:
    """The data at the painter's size; DataError when its classes are not the painter's."""
    data = read_painted(folder, painter.size, say)
    if not _same_classes(data.palette, painter.palette):
        raise DataError(
            f"{folder} and the checkpoint have other classes: {', '.join(data.palette.names)} and "
            f"{', '.join(painter.palette.names)}"
        )
    return data


def _same_classes(data: Palette, painter: Palette) -> bool:
    """Equal names; or no names at all ("class 0", …), and no more than the painter knows."""
    numbered = all(label.name == f"class {label.id}" for label in data.labels)
    return data.names == painter.names or (numbered and len(data) <= len(painter))


def samples(painter: Painter, data: PaintedData, count: int, seed: int, outputs_only: bool) -> Grid:
    """Cells of map, photograph, painting in a drawn style, for `count` maps spread evenly over `data`.

    `outputs_only` leaves the paintings: for data whose pictures and maps may not be shown.
    """
    batch = data.batch(sheet.evenly(len(data), count), 0, data.size, augment=False)
    paintings = to_pictures(paint_drawn(painter, seed)(batch))
    if outputs_only:
        return [[painting] for painting in paintings]
    maps = [data.palette.colours(ids) for ids in batch.labels[:, 0].byte().cpu().numpy()]
    return [list(cell) for cell in zip(maps, to_pictures(batch.images.cpu()), paintings, strict=True)]
