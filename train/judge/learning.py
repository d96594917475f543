"""What the judges of translators share while a run learns: batches in order, translations, sheets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import torch
from torch import Tensor

from cgan.pictures import to_pictures
from train.judge import sheet
from train.judge.metrics import Metrics, frechet
from train.judge.protocol import Model, Sheets, Sitting

SHOWN = 6  # samples on a sheet
BATCH = 8  # pictures that are translated at once

Batch = TypeVar("Batch")
Pairs = dict[str, tuple[Tensor, Tensor]]  # by direction: translations, real pictures to compare them with


def shown(sitting: Sitting[Batch]) -> Batch:
    """The samples that the sheets show, spread evenly, whole."""
    rows = sheet.evenly(len(sitting.shown), SHOWN)
    return sitting.shown.batch(rows, 0, sitting.size, augment=False)


def batches(sitting: Sitting[Batch]) -> Iterator[tuple[int, Batch]]:
    """All validation data, in order and whole: (number of the first, batch)."""
    if sitting.validation is None:
        return
    for start in range(0, len(sitting.validation), BATCH):
        rows = range(start, min(start + BATCH, len(sitting.validation)))
        yield start, sitting.validation.batch(rows, start, sitting.size, augment=False)


def can_compare(sitting: Sitting[Batch]) -> bool:
    """Whether there is validation data enough, and a network for its features."""
    enough = sitting.validation is not None and len(sitting.validation) > 1
    return enough and sitting.metrics.features is not None


def features_of(metrics: Metrics, images: Tensor) -> Tensor:
    """The features of images (B, 3, H, W), on the CPU: (B, F). There must be a network for them."""
    features = metrics.embed(images.float())
    if features is None:
        raise ValueError("there is no network for features")
    return features


@torch.no_grad()
def translate(
    model: Model, image: Tensor, direction: str, seed: int = 0, style_image: Tensor | None = None
) -> Tensor:
    """Translate images (B, 3, H, W), in styles drawn by `seed` or those of `style_image` (B, 3, H, W)."""
    dtype = next(model.parameters()).dtype
    style = None
    if style_image is not None:
        style = model.encode(style_image.to(dtype), direction)
    elif model.styles == "random":
        generator = torch.Generator().manual_seed(seed)
        normal = torch.randn(len(image), model.config.style, generator=generator)
        style = model.draw(normal.to(image.device, dtype), direction)
    translated: Tensor = model.decode(model.content(image.to(dtype), direction), style, direction).float()
    return translated


def distances(sitting: Sitting[Batch], pairs_of: Callable[[int, Batch], Pairs]) -> dict[str, float]:
    """The Fréchet distance of each direction's translations from real pictures of its target.

    pairs_of: what there is to compare in a batch, whose first sample has this number.
    """
    fake: dict[str, list[Tensor]] = {}
    real: dict[str, list[Tensor]] = {}
    for start, batch in batches(sitting):
        for direction, (translated, target) in pairs_of(start, batch).items():
            fake.setdefault(direction, []).append(features_of(sitting.metrics, translated))
            if direction not in sitting.kept:
                real.setdefault(direction, []).append(features_of(sitting.metrics, target))
    sitting.kept |= {direction: torch.cat(parts) for direction, parts in real.items()}
    return {
        "frechet" if len(fake) == 1 else f"frechet_{direction}": frechet(
            torch.cat(parts), sitting.kept[direction]
        )
        for direction, parts in fake.items()
    }


def sheets_of(columns: Mapping[str, Tensor], short: int) -> Sheets:
    """Sheets of images (B, 3, H, W) side by side, by heading.

    The preview has the first `short` columns without headings, two rows in one.
    """
    pictures = [to_pictures(column.float().cpu()) for column in columns.values()]
    rows = [list(row) for row in zip(*pictures, strict=True)]
    pairs = [rows[i][:short] + rows[i + 1][:short] for i in range(0, len(rows) - 1, 2)] or rows
    return Sheets(sheet.grid(rows, [*columns]), sheet.grid(pairs))


def usage(name: str, call: str, count: int = 1) -> str:
    """The lines of Python that show what a translator is for."""
    return f'''translator = cgan.load("{name}")
pictures = translator.translate{call}  # uint8 (H, W, 3) -> uint8 ({count}, H, W, 3)'''
