"""How good a translator is: held-back pictures translated, beside real ones and beside doing nothing.

Here are unpaired (UNIT, MUNIT) and paired translators (pix2pixHD from pictures), and what few-shot ones
share with them. A translator could cheat a distance between sets by forgetting its input, and one to the
input by copying it: so "LPIPS from the input" stands beside the distances, and the inputs are a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cgan.pictures import to_pictures
from cgan.tasks import Translator
from train.data.paired import PairedData
from train.data.stored import crops
from train.data.unpaired import UnpairedData
from train.judge import cache as feature_cache
from train.judge import sheet
from train.judge.metrics import Metrics, Row, mean_scores, set_scores
from train.log import say

STYLES = 4  # translations of one input whose diversity is measured
DIVERSE = 50  # inputs for which it is
SHOWN = 3  # drawn styles in a sample

Pictures = np.ndarray  # uint8 (N, H, W, 3)
Grid = list[list[np.ndarray]]  # rows of pictures, uint8 (H, W, 3)


@dataclass(frozen=True)
class Section:
    """One table: its title, its rows, and what must be known to read it."""

    title: str
    rows: dict[str, Row]
    note: str = ""


@dataclass(frozen=True)
class Examination:
    """What all evaluations need: the networks, the seed, the most pictures to translate, whether to cache."""

    metrics: Metrics
    seed: int = 0
    most: int = 500
    cache: bool = False

    def embed(self, pictures: Pictures) -> Tensor:
        """The features of generated pictures (N, F)."""
        return self.metrics.embed(images(pictures))

    def real(self, pictures: Pictures) -> Tensor:
        """The features of real pictures (N, F), from the cache if it may be used."""
        network = self.metrics.features
        if not self.cache:
            return self.embed(pictures)
        pixels = torch.from_numpy(pictures)
        return feature_cache.cached(network, pixels, pictures.shape[1:3], lambda: self.embed(pictures), say)

    def kept(self, inputs: Pictures, outputs: Pictures) -> Row:
        """The mean LPIPS between inputs and outputs."""
        return mean_scores("kept", self.metrics.distances(images(inputs), images(outputs)))

    def diversity(self, groups: Sequence[Pictures]) -> Row:
        """The mean over groups of the mean LPIPS between a group's pictures."""
        values = [self.metrics.diversity(images(group)) for group in groups if len(group) > 1]
        return {} if not values or values[0] is None else mean_scores("diversity", torch.tensor(values))

    def random(self) -> np.random.Generator:
        """Random numbers that depend on the seed alone."""
        return np.random.default_rng(self.seed)


def images(pictures: Pictures) -> Tensor:
    """Pictures, uint8 (N, H, W, 3), as images (N, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def whole(stored: Tensor, size: tuple[int, int]) -> Pictures:
    """Stored pictures, uint8 (N, 3, h, w), at `size` without chance, as training sees them when it judges."""
    parts = [to_pictures(crops(stored, rows, size, None)) for rows in torch.arange(len(stored)).split(64)]
    return np.concatenate(parts) if parts else np.zeros((0, *size, 3), np.uint8)


def translate(
    translator: Translator, pictures: Pictures, direction: str, seed: int, styles: Pictures | None = None
) -> Pictures:
    """Translate one picture after another, as a user would, in styles drawn by seed, seed + 1, … or given."""
    given = [None] * len(pictures) if styles is None else styles
    return np.concatenate(
        [
            translator.translate(picture, style=style, direction=direction, seed=seed + i)
            for i, (picture, style) in enumerate(zip(pictures, given, strict=True))
        ]
    )


def spread(pictures: Pictures, most: int) -> Pictures:
    """At most `most` pictures, evenly spread: nobody has picked them."""
    return pictures[sheet.evenly(len(pictures), most).numpy()]


def real_against_real(
    held_back: Pictures, training: Pictures | None, examination: Examination
) -> tuple[str, Row]:
    """(name, scores) of what a perfect model would get: other real pictures against the held-back ones.

    They are as many training pictures, or, without any, one half of the held-back ones against the other.
    """
    order, real = examination.random().permutation(len(held_back)), examination.real(held_back)
    if training is not None:
        drawn = examination.random().permutation(len(training))[: len(held_back)]
        return "real against real (training)", set_scores(examination.embed(training[np.sort(drawn)]), real)
    half = len(order) // 2
    return "real against real (halves)", set_scores(real[order[:half]], real[order[half:]])


HALVES = "Halves are small sets, whose distances are larger; --against gives as many training pictures."


# Unpaired


def unpaired(
    translator: Translator, data: UnpairedData, training: UnpairedData | None, examination: Examination
) -> Iterator[Section]:
    """A table for each direction: translations, drawn and in styles of real pictures, and the baselines."""
    sides = {name: spread(pictures, examination.most) for name, pictures in sides_of(data).items()}
    more = {} if training is None else sides_of(training)
    for direction in translator.directions:
        source, target = direction
        names = dict(zip("ab", translator.domains, strict=True))
        title = f"{names[source]} → {names[target]}, {len(sides[source])} held-back pictures"
        say(f"measuring: {title}")
        rows = dict(
            _unpaired_rows(translator, direction, sides[source], sides[target], more.get(target), examination)
        )
        yield Section(title, rows, "" if more else HALVES)


def sides_of(data: UnpairedData) -> dict[str, Pictures]:
    """The pictures of both domains, whole."""
    return {"a": whole(data.images_a, data.size), "b": whole(data.images_b, data.size)}


def _unpaired_rows(
    translator: Translator,
    direction: str,
    inputs: Pictures,
    target: Pictures,
    training: Pictures | None,
    examination: Examination,
) -> Iterator[tuple[str, Row]]:
    real = examination.real(target)

    def row(outputs: Pictures) -> Row:
        return set_scores(examination.embed(outputs), real) | examination.kept(inputs, outputs)

    if translator.styles == "random":
        drawn = row(translate(translator, inputs, direction, examination.seed))
        groups = [
            translator.translate(picture, direction=direction, seed=examination.seed, variations=STYLES)
            for picture in spread(inputs, DIVERSE)
        ]
        yield "drawn styles", drawn | examination.diversity(groups)
        styles = target[examination.random().integers(0, len(target), len(inputs))]
        yield "styles of real pictures", row(translate(translator, inputs, direction, 0, styles))
    else:
        yield "translations", row(translate(translator, inputs, direction, 0))
    yield "the inputs themselves", set_scores(examination.real(inputs), real)
    name, floor = real_against_real(target, training, examination)
    if translator.styles == "random":
        random, many = examination.random(), min(STYLES, len(target))
        groups = [target[random.choice(len(target), many, replace=False)] for _ in range(DIVERSE)]
        floor |= examination.diversity(groups)
    yield name, floor


# Paired


def paired(
    translator: Translator, data: PairedData, training: PairedData | None, examination: Examination
) -> Section:
    """Translations beside the pictures that they should be, and the inputs beside them."""
    inputs, truth = (spread(part, examination.most) for part in pairs_of(data))
    real = examination.real(truth)
    title = f"{len(inputs)} held-back pairs"
    say(f"measuring: {title}")

    def row(outputs: Pictures) -> Row:
        distances = examination.metrics.distances(images(outputs), images(truth))
        return mean_scores("lpips", distances) | set_scores(examination.embed(outputs), real)

    rows = {
        "translations": row(translate(translator, inputs, "ab", 0)),
        "the inputs themselves": row(inputs),
    }
    name, floor = real_against_real(truth, None if training is None else pairs_of(training)[1], examination)
    return Section(title, rows | {name: floor}, "" if training is not None else HALVES)


def pairs_of(data: PairedData) -> tuple[Pictures, Pictures]:
    """All inputs and what becomes of them, whole."""
    return whole(data.inputs, data.size), whole(data.images, data.size)


# Samples


def unpaired_samples(
    translator: Translator, data: UnpairedData, count: int, seed: int, outputs_only: bool
) -> Grid:
    """Cells of an input and its translations, for `count` inputs, evenly spread over the directions' own."""
    sides, cells = sides_of(data), []
    many = SHOWN if translator.styles == "random" else 1
    for direction in translator.directions:
        for i, picture in enumerate(spread(sides[direction[0]], count // len(translator.directions))):
            outputs = translator.translate(
                picture, direction=direction, seed=seed + many * i, variations=many
            )
            cells.append([*([] if outputs_only else [picture]), *outputs])
    return cells


def paired_samples(translator: Translator, data: PairedData, count: int, outputs_only: bool) -> Grid:
    """Cells of input, translation and what it should be, for `count` pairs spread evenly."""
    inputs, truth = (spread(part, count) for part in pairs_of(data))
    outputs = translate(translator, inputs, "ab", 0)
    if outputs_only:
        return [[output] for output in outputs]
    return [list(cell) for cell in zip(inputs, outputs, truth, strict=True)]
