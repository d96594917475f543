"""What a run of a video model is judged by and what its samples show, while it learns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cgan.labels import Palette
from cgan.pictures import to_pictures
from train.data.batches import FewShotClip
from train.judge import sheet
from train.judge.command import Metrics
from train.recipes import Recipe

SHOWN, FRAMES = 6, 4  # clips on a sheet, and frames of each
BATCH = 4  # clips that are animated at once
JUDGED = 96  # clips of the validation data, at most


@dataclass
class Animations:
    """Animates the maps of `shown` and `validation`, and compares with their true frames.

    palette: the classes of the maps.
    """

    shown: Any
    validation: Any | None
    size: tuple[int, int]
    metrics: Metrics
    palette: Palette

    def look(self, recipe: Recipe, model: nn.Module) -> tuple[np.ndarray, np.ndarray]:
        """Rows of a clip each: the reference (where there is one), and for some frames map, truth and result.
        """
        batch = self.shown.batch(sheet.evenly(len(self.shown), SHOWN), 0, self.size, augment=False)
        made = recipe.animate(model, batch).float()
        references = batch.references[:, 0] if isinstance(batch, FewShotClip) else None
        rows, short = [], []
        for i, labels in enumerate(batch.labels):
            times = sheet.evenly(len(labels), FRAMES).tolist()
            maps = [self.palette.colours(labels[t, 0].byte().cpu().numpy()) for t in times]
            truth, ours = (to_pictures(frames[i][times].float().cpu()) for frames in (batch.images, made))
            start = [] if references is None else [to_pictures(references[i : i + 1].float().cpu())[0]]
            rows.append([*start, *(it for parts in zip(maps, truth, ours, strict=True) for it in parts)])
            short.append([*(maps[:1] if references is None else start), *ours])
        return sheet.grid(rows), sheet.grid(short)

    def scores(self, recipe: Recipe, model: nn.Module) -> dict[str, float]:
        """LPIPS between frames and true ones, where it can be had, and their mean distance (of 0 to 255)."""
        if self.validation is None:
            return {}
        apart, perceived = [], []
        for batch in self._batches():
            made, truth = (x.flatten(0, 1).float() for x in (recipe.animate(model, batch), batch.images))
            apart.append(127.5 * (made - truth).abs().mean((1, 2, 3)).cpu())
            if self.metrics.lpips is not None:
                made, truth = made.to(self.metrics.device), truth.to(self.metrics.device)
                perceived.append(self._lpips(made, truth))
        scores = {"l1": torch.cat(apart).mean().item()}
        return scores | ({"lpips": torch.cat(perceived).mean().item()} if perceived else {})

    @torch.no_grad()
    def _lpips(self, made: Tensor, truth: Tensor) -> Tensor:
        assert self.metrics.lpips is not None
        distance: Tensor = self.metrics.lpips(made, truth).cpu()
        return distance

    def _batches(self) -> Iterator[Any]:
        """Clips that are spread over the validation data."""
        data: Any = self.validation
        rows = sheet.evenly(len(data), JUDGED).tolist()
        for start in range(0, len(rows), BATCH):
            part = rows[start : start + BATCH]
            yield data.batch(part, start, self.size, augment=False)
