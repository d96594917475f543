"""What a run is judged by, and what its samples show: one examiner for each kind of model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from cgan.labels import Palette
from cgan.pictures import to_pictures
from train.data.batches import FewShot, Paired, Unpaired
from train.judge import sheet
from train.judge.command import Metrics, frechet, painter_scores, real_features
from train.recipes import Recipe

SHOWN = 6  # samples on a sheet
BATCH = 8  # pictures that are translated at once
Columns = list[Tensor]  # what stands beside each other on a sheet, each (B, 3, H, W) in [-1, 1]


class Examiner(Protocol):
    """What the publisher asks for."""

    def look(self, recipe: Recipe, model: nn.Module) -> tuple[np.ndarray, np.ndarray]:
        """(sheet of samples, preview for the checkpoint), pictures uint8 (H, W, 3)."""

    def scores(self, recipe: Recipe, model: nn.Module) -> dict[str, float]:
        """Scores on the validation data, lower is better; none where nothing can be measured."""


def examiner(
    task: str,
    palette: Palette | None,
    shown: Any,
    validation: Any | None,
    size: tuple[int, int],
    metrics: Metrics,
) -> Examiner:
    """The examiner for models of `task`: samples of `shown`, scores on `validation`, if there is any.

    palette: the classes of a painter.
    """
    judged = validation if metrics.available else None
    if task == "paint":
        return Paintings(shown, judged, size, metrics, palette)
    if task == "animate":
        from train.judge.video import Animations

        return Animations(shown, judged, size, metrics, palette)
    return Translations(shown, judged, size, metrics)


@dataclass
class Paintings:
    """Paints the maps of `shown` and `validation` and compares with their photographs."""

    shown: Any
    validation: Any | None
    size: tuple[int, int]
    metrics: Metrics
    palette: Palette
    real: Tensor | None = None  # the photographs' features, kept from the first time on

    def look(self, recipe: Recipe, model: nn.Module) -> tuple[np.ndarray, np.ndarray]:
        """Rows of map, photograph, own style, drawn style; the preview shows no photographs."""
        batch = self.shown.batch(sheet.evenly(len(self.shown), SHOWN), 0, self.size, augment=False)
        own, drawn = (self._paint(recipe, model, batch, own_style) for own_style in (True, False))
        return (
            sheet.samples(batch, self.palette, [own, drawn]),
            sheet.preview(batch, self.palette, drawn),
        )

    def scores(self, recipe: Recipe, model: nn.Module) -> dict[str, float]:
        """LPIPS and the Fréchet distance of maps painted in their photographs' own styles."""
        if self.validation is None:
            return {}
        if self.real is None:
            self.real = real_features(self.validation, self.metrics)
        return painter_scores(
            lambda batch: self._paint(recipe, model, batch, True), self.validation, self.metrics, self.real
        )

    def _paint(self, recipe: Recipe, model: nn.Module, batch: Any, own_style: bool) -> Tensor:
        typed = batch._replace(images=batch.images.to(next(model.parameters()).dtype))
        return recipe.paint(model, typed, seed=0, own_style=own_style).float()


@dataclass
class Translations:
    """Translates the pictures of `shown` and `validation`, and compares with real ones of the target."""

    shown: Any
    validation: Any | None
    size: tuple[int, int]
    metrics: Metrics
    real: dict[str, Tensor] = field(default_factory=dict)  # features of the real pictures, by direction

    def look(self, recipe: Recipe, model: nn.Module) -> tuple[np.ndarray, np.ndarray]:
        """Rows of input, style picture, translations; the preview shows one direction, two rows in one."""
        batch = self.shown.batch(sheet.evenly(len(self.shown), SHOWN), 0, self.size, augment=False)
        columns = [to_pictures(column.float().cpu()) for column in columns_of(model, batch)]
        rows = [list(row) for row in zip(*columns, strict=True)]
        short = 2 if model.styles == "none" else 3
        pairs = [rows[i][:short] + rows[i + 1][:short] for i in range(0, len(rows) - 1, 2)] or rows
        return sheet.grid(rows), sheet.grid(pairs)

    def scores(self, recipe: Recipe, model: nn.Module) -> dict[str, float]:
        """The Fréchet distance of each direction's translations from real pictures of its target.

        For few-shot models the class distance, as copying the input would give the best Fréchet distance: the
        contents are of the same classes as the targets.
        """
        if self.validation is None or self.metrics.features is None or len(self.validation) < 2:
            return {}
        if model.styles == "pictures":
            return self._class_distance(model)
        fake: dict[str, list[Tensor]] = {}
        real: dict[str, list[Tensor]] = {}
        for start, batch in self._batches():
            for direction, (images, target) in translations(model, batch, start).items():
                fake.setdefault(direction, []).append(self._features(images))
                if direction not in self.real:
                    real.setdefault(direction, []).append(self._features(target))
        self.real |= {direction: torch.cat(parts) for direction, parts in real.items()}
        return self._distance_of_pairs(model) | {
            "frechet" if len(fake) == 1 else f"frechet_{direction}": frechet(
                torch.cat(parts), self.real[direction]
            )
            for direction, parts in fake.items()
        }

    def _distance_of_pairs(self, model: nn.Module) -> dict[str, float]:
        """The mean LPIPS between translations and what they should be, where the data are pairs."""
        distances = []
        for _, batch in self._batches():
            if self.metrics.lpips is None or not isinstance(batch, Paired):
                return {}
            images = translate(model, batch.inputs, "ab").to(self.metrics.device)
            distances.append(self.metrics.lpips(images, batch.images.float().to(self.metrics.device)).cpu())
        return {"lpips": torch.cat(distances).mean().item()}

    def _class_distance(self, model: nn.Module) -> dict[str, float]:
        """How far translations into a class are from its real pictures, mean features each, over all classes.

        In units of the distance at which the classes lie from the middle of all pictures: 0 for translations
        that cannot be told from the classes, 1 for real pictures of any class, more for what looks like none.
        A single class is far from nothing: then there is no score.
        """
        parts = []
        for _, batch in self._batches():
            images, target = translations(model, batch)["ab"]
            parts.append((self._features(images), self._features(target), batch.style_classes.cpu()))
        fake, real, classes = (torch.cat(part) for part in zip(*parts, strict=True))
        if len(classes.unique()) < 2:
            return {}
        means = torch.stack(
            [torch.stack([x[classes == each].mean(0) for x in (fake, real)]) for each in classes.unique()]
        )
        apart = (means[:, 0] - means[:, 1]).square().sum(1).mean()
        spread = (means[:, 1] - real.mean(0)).square().sum(1).mean()
        return {"class_distance": (apart / spread.clamp(min=1e-12)).sqrt().item()}

    def _batches(self) -> Iterator[tuple[int, Any]]:
        """All validation data, in order and whole: (number of the first, batch)."""
        for start in range(0, len(self.validation), BATCH):
            rows = range(start, min(start + BATCH, len(self.validation)))
            yield start, self.validation.batch(rows, start, self.size, augment=False)

    @torch.no_grad()
    def _features(self, images: Tensor) -> Tensor:
        return self.metrics.features(images.float().to(self.metrics.device)).cpu()


def translations(model: nn.Module, batch: Any, seed: int = 0) -> dict[str, tuple[Tensor, Tensor]]:
    """By direction: (translations of the batch's pictures, real pictures of the target to compare with)."""
    match batch:
        case Unpaired(a, b):
            sides = {"ab": (a, b), "ba": (b, a)}
            return {
                direction: (translate(model, image, direction, seed), target)
                for direction, (image, target) in sides.items()
                if direction in model.directions
            }
        case FewShot():
            return {"ab": (translate(model, batch.contents, "ab", pictures=batch.styles), batch.styles)}
        case Paired(inputs, images):
            return {"ab": (translate(model, inputs, "ab"), images)}
    raise TypeError(f"no translations of a {type(batch).__name__}")


def columns_of(model: nn.Module, batch: Any) -> Columns:
    """What a sheet shows of a batch, from left to right."""
    match batch:
        case Unpaired(a, b):
            columns = [a, translate(model, a, "ab", 0)]
            if model.styles == "random":
                columns.append(translate(model, a, "ab", 100))
            return columns + ([b, translate(model, b, "ba", 0)] if "ba" in model.directions else [])
        case FewShot():
            return [
                batch.contents, batch.styles, translate(model, batch.contents, "ab", pictures=batch.styles)
            ]
        case Paired(inputs, images):
            return [inputs, translate(model, inputs, "ab"), images]
    raise TypeError(f"no sheet of a {type(batch).__name__}")


@torch.no_grad()
def translate(
    model: nn.Module, image: Tensor, direction: str, seed: int = 0, pictures: Tensor | None = None
) -> Tensor:
    """Translate `image` (B, 3, H, W), in styles drawn by `seed` or those of `pictures` (B, 3, H, W)."""
    dtype = next(model.parameters()).dtype
    style = None
    if model.styles == "random":
        generator = torch.Generator().manual_seed(seed)
        normal = torch.randn(len(image), model.config.style, generator=generator)
        style = model.draw(normal.to(image.device, dtype), direction)
    elif model.styles == "pictures":
        style = model.encode(pictures.to(dtype), direction)
    return model.decode(model.content(image.to(dtype), direction), style, direction).float()
