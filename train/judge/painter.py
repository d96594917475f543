"""How good a painter is: what it makes of held-back maps beside the photographs, with baselines.

LPIPS runs on SqueezeNet, the backbone of the default perceptual loss: it favours models trained with that
loss. A segmenter, where there is one, labels the paintings: mIoU tells whether they show what their maps say.
Style followed: each map is painted in the style of *another* map's photograph, drawn by chance, and the mean
brightness of these photographs is correlated with that of the paintings; a map's own content explains
nothing of it. 0.9 is wanted. Where the held-back photographs are all about as bright, the maps' contents
decide, and nothing is told: other photographs may lend their styles. Class by class, contents have no part in
it: a road is compared with the style picture's road. (Of two views of the built-in world in one style the
renderer itself has 0.3, as forests are dark in any light.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from cgan.pictures import to_image, to_pictures
from cgan.tasks import Painter
from train.data.batches import Painted
from train.data.painted import PaintedData
from train.judge import cache as feature_cache
from train.judge import learning, maps, protocol, sheet
from train.judge.examination import Examination
from train.judge.grid import Spectra, brightness, class_brightness, grid_score, spectra
from train.judge.maps import batches, judged, needed
from train.judge.metrics import (
    Metrics,
    Row,
    confusion,
    correlation,
    correlation_within,
    frechet,
    map_scores,
    mean_scores,
    set_scores,
)
from train.judge.protocol import About, Model, Section, Sheets, Sitting, Source
from train.judge.sheet import Cells, Picture, Pictures
from train.log import say

Paint = Callable[[Painted], Tensor]  # a batch -> images (B, 3, H, W) in [-1, 1]
Table = dict[str, Row]


class Judge(maps.Judging[Painter], protocol.Judge[PaintedData, Painter, Painted]):
    """Judges painters of label maps."""

    batch: ClassVar[type] = Painted
    scored: ClassVar[str] = "maps, each painted in its own photograph's style"

    def sheets(self, model: Model, sitting: Sitting[Painted]) -> Sheets:
        """Rows of map, photograph, own style, drawn style; the preview shows no photographs."""
        palette = needed(sitting.palette)
        batch = learning.shown(sitting)
        own, drawn = (painted(model, batch, 0, own_style) for own_style in (True, False))
        columns = {"own style": own, "drawn style": drawn}
        return Sheets(sheet.samples(batch, palette, columns), sheet.preview(batch, palette, drawn))

    def scores(self, model: Model, sitting: Sitting[Painted]) -> dict[str, float]:
        """LPIPS and the Fréchet distance of maps painted in their photographs' own styles."""
        if sitting.validation is None:
            return {}
        if "photographs" not in sitting.kept:
            real = real_features(sitting.validation, sitting.metrics)
            sitting.kept |= {} if real is None else {"photographs": real}
        return painter_scores(
            lambda batch: painted(model, batch, 0, own_style=True),
            sitting.validation,
            sitting.metrics,
            sitting.kept.get("photographs"),
        )

    def sections(
        self, task: Painter, data: PaintedData, training: PaintedData | None, examination: Examination
    ) -> list[Section]:
        """One table."""
        lent = examination.styles
        rows = evaluate_painter(
            task, data, training, examination.metrics, examination.seed, examination.cache, lent
        )
        return [Section(f"{len(data)} held-back maps", rows, _about_styles(lent or data, bool(lent)))]

    def cells(
        self,
        task: Painter,
        data: PaintedData,
        training: PaintedData | None,
        examination: Examination,
        most: int,
        outputs_only: bool,
    ) -> Cells:
        """Map, photograph, painting in a drawn style, for maps spread evenly; or the paintings alone."""
        batch = data.batch(sheet.evenly(len(data), most), 0, data.size, augment=False)
        paintings = to_pictures(paint_drawn(task, examination.seed)(batch))
        if outputs_only:
            return sheet.labelled(["drawn style"], ([painting] for painting in paintings))
        maps = [data.palette.colours(ids) for ids in batch.labels[:, 0].byte().cpu().numpy()]
        photographs = to_pictures(batch.images.cpu())
        return sheet.labelled(
            ["map", "photograph", "drawn style"], zip(maps, photographs, paintings, strict=True)
        )

    def usage(self, name: str, model: Model) -> str:
        """A map goes in."""
        return f'''painter = cgan.load("{name}")
pictures = painter.paint(labels)  # uint8 (H, W) of class ids -> uint8 (1, H, W, 3)'''

    def caption(self, model: Model, about: About) -> str:
        """Maps and paintings."""
        return "Maps and what became of them, each in a style drawn by seed 0."


@torch.no_grad()
def painted(model: Model, batch: Painted, seed: int, own_style: bool) -> Tensor:
    """Paint the batch's maps, in their photographs' styles or drawn ones -> images float32 (B, 3, H, W)."""
    images = batch.images.to(next(model.parameters()).dtype)
    condition = model.condition(batch.labels, batch.instances).to(images.dtype)
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randn(len(condition), model.config.style, generator=generator).to(condition)
    noise = torch.randn(batch.labels.shape, generator=generator).to(condition)
    style = model.encode(images, batch.labels) if own_style else model.draw(normal)
    result: Tensor = model(condition, style, noise).float()
    return result


@dataclass(frozen=True)
class Measured:
    """What is known of N paintings: LPIPS distances (N,) to their photographs, features (N, F), how often
    each class was taken for each (N, classes, classes), power spectra, and brightness (N,) in grey levels,
    also that of each class (N, classes).
    """

    distances: Tensor | None
    features: Tensor | None
    counts: Tensor | None = None
    spectra: Spectra | None = None
    brightness: NDArray[np.float64] | None = None
    lights: NDArray[np.float64] | None = None


@torch.no_grad()
def measure(metrics: Metrics, paint: Paint, data: Source[Painted]) -> Measured:
    """Paint all maps of `data` and compare with its photographs, batch by batch."""
    distances, features, counts = [], [], []
    for batch in batches(data):
        images = paint(batch).to(metrics.device)
        if metrics.segmenter is not None:
            found, labels = metrics.segmenter(images), batch.labels[:, 0].to(metrics.device)
            counts.append(confusion(found, labels, metrics.segmenter.classes).cpu())
        distances.append(metrics.distances(images, batch.images))
        features.append(metrics.embed(images))
    return Measured(_joined(distances), _joined(features), _joined(counts))


def _joined(parts: Sequence[Tensor | None]) -> Tensor | None:
    """All of them, or None where there is none."""
    there = [part for part in parts if part is not None]
    return torch.cat(there) if there else None


def watched(metrics: Metrics, paint: Paint, data: PaintedData) -> Measured:
    """As `measure`, with the spectra and the brightness of what was painted."""
    powers, levels, lights = [], [], []

    def paint_and_look(batch: Painted) -> Tensor:
        images = paint(batch)
        pictures = to_pictures(images)
        powers.append(spectra(pictures))
        levels.append(brightness(pictures))
        lights.append(class_brightness(pictures, _maps(batch), len(data.palette)))
        return images

    measured = measure(metrics, paint_and_look, data)
    power = Spectra(torch.cat([part.power for part in powers]), powers[0].blocks)
    return replace(measured, spectra=power, brightness=np.concatenate(levels), lights=np.concatenate(lights))


def _maps(batch: Painted) -> NDArray[np.int64]:
    """The label maps of a batch, (N, H, W)."""
    return batch.labels[:, 0].cpu().numpy()


def painter_scores(
    paint: Paint, data: Source[Painted], metrics: Metrics, real: Tensor | None = None
) -> dict[str, float]:
    """The mean LPIPS and the Fréchet distance of what `paint` makes of the maps of `data`; lower is better.

    `real`: the features of the photographs, where the caller has kept them (see `real_features`).
    Keys: "lpips", "frechet"; those that cannot be measured are left out.
    """
    measured = measure(metrics, paint, data)
    scores = {}
    if measured.distances is not None:
        scores["lpips"] = measured.distances.mean().item()
    real = real_features(data, metrics) if real is None else real
    if measured.features is not None and real is not None and len(data) > 1:
        scores["frechet"] = frechet(measured.features, real)
    return scores


def real_features(data: Source[Painted], metrics: Metrics) -> Tensor | None:
    """The features of the photographs of `data` (N, F), or None where there is no network for them."""
    return _joined([metrics.embed(batch.images) for batch in batches(data)])


def cached_features(data: PaintedData, metrics: Metrics, cache: bool) -> Tensor | None:
    """`real_features`, read from the cache or written to it where `cache` allows."""
    if metrics.features is None or not cache:
        return real_features(data, metrics)

    def compute() -> Tensor:
        features = real_features(data, metrics)
        return torch.zeros(0) if features is None else features

    return feature_cache.cached(metrics.features, data.images, data.size, compute, say)


def real_spectra(data: PaintedData) -> Spectra:
    """The power spectra of the photographs of `data`."""
    return spectra(photographs_of(data))


def photographs_of(data: PaintedData) -> Pictures:
    """The photographs of `data`, whole: uint8 (N, H, W, 3)."""
    return np.concatenate([to_pictures(batch.images.cpu()) for batch in batches(data)])


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

    def paint(labels: NDArray[np.uint8], picture: Picture) -> Picture:
        style = painter.encode(picture, labels) if painter.looks else picture
        painting: Picture = painter.paint(labels, style=style, seed=seed)[0]
        return painting

    return _paint_each(paint)


def paint_exchanged(painter: Painter, data: PaintedData, others: Sequence[int], seed: int) -> Paint:
    """Pictures in other maps' photographs' styles: `others` are places in `data`, in the maps' order."""
    position = iter(others)

    def paint(labels: NDArray[np.uint8], picture: Picture) -> Picture:
        other = data.batch([next(position)], 0, data.size, augment=False)
        map_ = other.labels[0, 0].cpu().numpy().astype(np.uint8) if painter.looks else None
        style = painter.encode(to_pictures(other.images.cpu())[0], map_)
        painting: Picture = painter.paint(labels, style=style, seed=seed)[0]
        return painting

    return _paint_each(paint)


def exchanged(count: int, seed: int) -> NDArray[np.int64]:
    """For each of `count` maps another one, each taken once, by `seed`: places (count,)."""
    order = np.random.default_rng(seed).permutation(count)
    others = np.empty(count, np.int64)
    others[order] = np.roll(order, -1)
    return others


def _paint_each(paint: Callable[[NDArray[np.uint8], Picture], Picture]) -> Paint:
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
    lent: PaintedData | None = None,
) -> Table:
    """The scores of a painter on held-back `data`, beside its baselines.

    Rows: drawn styles, the photographs' own styles and those of other photographs (where the model has
    styles), each class in its mean colour, and, with `training`, real against real: for LPIPS the nearest
    training photograph by label agreement, for the Fréchet distance as many training photographs as there are
    held-back ones, drawn by `seed`. The other photographs are those of `lent`, where it is given: as many,
    drawn by `seed`. With a segmenter, the last row says how it labels the true photographs:
    no painter needs more.
    """
    real = Measured(None, cached_features(data, metrics, cache), spectra=real_spectra(data))
    classes = judged(data.palette)
    paints = {"drawn styles": paint_drawn(painter, seed)}
    model: Model = painter.model
    if model.config.style:
        paints["the photographs' styles"] = paint_styled(painter, seed)
    paints["each class in its mean colour"] = paint_flat(mean_colours(training or data))
    rows: Table = {}
    for name, paint in paints.items():
        say(f"measuring: {name}")
        rows[name] = _row(watched(metrics, paint, data), real, classes)
        if name == "the photographs' styles" and len(data) > 1:
            say("measuring: other photographs' styles")
            row = _exchanged_row(painter, data, metrics, seed, real, classes, lent)
            rows["other photographs' styles"] = row
    if training is not None:
        say("measuring: real against real")
        rows["real against real"] = _row(_real_against_real(data, training, metrics, seed), real, classes)
    if metrics.segmenter is not None:
        rows["the photographs themselves"] = map_scores(measure(metrics, photographs, data).counts, classes)
    return rows


def _exchanged_row(
    painter: Painter,
    data: PaintedData,
    metrics: Metrics,
    seed: int,
    real: Measured,
    classes: list[int],
    lent: PaintedData | None = None,
) -> Row:
    """The scores of maps painted in other photographs' styles: LPIPS from their own says nothing there."""
    if lent is None:
        lent, others = data, exchanged(len(data), seed)
    else:
        others = np.random.default_rng(seed).choice(len(lent), len(data), replace=len(lent) < len(data))
    measured = watched(metrics, paint_exchanged(painter, lent, others.tolist(), seed), data)
    row = _row(replace(measured, distances=None), real, classes)
    if measured.brightness is None or measured.lights is None:
        return row
    seen = photographs_of(lent)
    row |= correlation("followed", brightness(seen)[others], measured.brightness)
    maps_ = np.concatenate([_maps(batch) for batch in batches(lent)])
    lights = class_brightness(seen, maps_, len(lent.palette))[others]
    return row | correlation_within("followed_classes", lights, measured.lights)


def _about_styles(lent: PaintedData, others: bool) -> str:
    """How much there is to follow, in words."""
    levels = brightness(photographs_of(lent))
    return (
        f"The other photographs are {len(lent)} of {'another set' if others else 'these'}, whose mean "
        f"brightness is {levels.mean():.0f} ± {levels.std():.0f} grey levels."
    )


def _real_against_real(data: PaintedData, training: PaintedData, metrics: Metrics, seed: int) -> Measured:
    """What a perfect painter would get: training photographs, the nearest by map, and drawn ones."""
    nearest = training.subset(nearest_photographs(data, training))
    pairs = zip(batches(nearest), batches(data), strict=True)
    distances = [metrics.distances(other.images, batch.images) for other, batch in pairs]
    random = np.random.default_rng(seed)
    drawn = training.subset(
        random.choice(len(training), min(len(data), len(training)), replace=False).tolist()
    )
    return Measured(_joined(distances), real_features(drawn, metrics), spectra=real_spectra(drawn))


def _row(measured: Measured, real: Measured, classes: list[int]) -> Row:
    row = mean_scores("lpips", measured.distances) | set_scores(measured.features, real.features)
    return row | grid_score(measured.spectra, real.spectra) | map_scores(measured.counts, classes)
