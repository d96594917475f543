"""What the evaluations of all kinds share: the networks, and the ways to compare sets of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgan.pictures import to_pictures
from cgan.tasks import Painter, Translator
from train.data.painted import PaintedData
from train.data.protocol import Size
from train.data.stored import crops
from train.judge import cache as feature_cache
from train.judge import sheet
from train.judge.grid import Spectra, grid_score, spectra
from train.judge.metrics import Metrics, Row, mean_scores, set_scores
from train.judge.sheet import Pictures
from train.log import say

HALVES = "Halves are small sets, whose distances are larger; --against gives as many training pictures."


@dataclass(frozen=True)
class Summary:
    """What N pictures are compared by: features (N, F), None without a network, and power spectra."""

    features: Tensor | None
    spectra: Spectra

    def rows(self, places: NDArray[np.int64]) -> Summary:
        """That of some of the pictures."""
        features = None if self.features is None else self.features[places]
        return Summary(features, self.spectra.rows(places))

    def against(self, real: Summary) -> Row:
        """The scores of generated pictures beside real ones, set against set."""
        return set_scores(self.features, real.features) | grid_score(self.spectra, real.spectra)


@dataclass(frozen=True)
class Examination:
    """What all evaluations need: the networks, the seed, the most pictures to translate, whether to cache.

    seconds: how long one more clip is filmed, by models that could drift away (0: none is); styles: whose
    photographs painters take styles from, if not the held-back ones; painter: what paints the frames of clips
    one by one, for video models to be compared with.
    """

    metrics: Metrics
    seed: int = 0
    most: int = 500
    cache: bool = False
    seconds: float = 0.0
    styles: PaintedData | None = None
    painter: Painter | None = None

    def random(self) -> np.random.Generator:
        """Random numbers that depend on the seed alone."""
        return np.random.default_rng(self.seed)

    def generated(self, pictures: Pictures) -> Summary:
        """What generated pictures are compared by."""
        return Summary(self.metrics.embed(as_images(pictures)), spectra(pictures))

    def real(self, pictures: Pictures) -> Summary:
        """What real pictures are compared by; their features come from the cache if it may be used."""
        network = self.metrics.features
        if not self.cache or network is None:
            return self.generated(pictures)
        size = (pictures.shape[1], pictures.shape[2])
        features = feature_cache.cached(
            network, torch.from_numpy(pictures), size, lambda: self._embed(pictures), say
        )
        return Summary(features, spectra(pictures))

    def _embed(self, pictures: Pictures) -> Tensor:
        features = self.metrics.embed(as_images(pictures))
        return torch.zeros(0) if features is None else features

    def kept(self, inputs: Pictures, outputs: Pictures) -> Row:
        """The mean LPIPS between inputs and outputs."""
        return mean_scores("kept", self.metrics.distances(as_images(inputs), as_images(outputs)))

    def diversity(self, groups: Sequence[Pictures]) -> Row:
        """The mean over groups of the mean LPIPS between a group's pictures."""
        found = [self.metrics.diversity(as_images(group)) for group in groups if len(group) > 1]
        values = [value for value in found if value is not None]
        return mean_scores("diversity", torch.tensor(values)) if values else {}


def as_images(pictures: Pictures) -> Tensor:
    """Pictures, uint8 (N, H, W, 3), as images (N, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def whole(stored: Tensor, size: Size) -> Pictures:
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
    chosen: Pictures = pictures[sheet.evenly(len(pictures), most).numpy()]
    return chosen


def real_against_real(
    held_back: Pictures, training: Pictures | None, examination: Examination
) -> tuple[str, Row]:
    """(name, scores) of what a perfect model would get: other real pictures against the held-back ones.

    They are as many training pictures, or, without any, one half of the held-back ones against the other.
    """
    order, real = examination.random().permutation(len(held_back)), examination.real(held_back)
    if training is not None:
        drawn = examination.random().permutation(len(training))[: len(held_back)]
        others = examination.generated(training[np.sort(drawn)])
        return "real against real (training)", others.against(real)
    half = len(order) // 2
    return "real against real (halves)", real.rows(order[:half]).against(real.rows(order[half:]))
