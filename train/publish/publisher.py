"""From an averaged model to a checkpoint folder: the best so far is saved, with card and preview."""

import math
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

import cgan
from train.data.batches import Painted
from train.judge import sheet
from train.judge.protocol import Judge, Sitting
from train.judge.sheet import Picture
from train.publish import card

EXAMPLES = 6  # label maps beside a painter
SAMPLES = Path("training") / "samples"  # in the checkpoint's folder: a sheet for each evaluation


@dataclass
class Publisher:
    """Has averaged models judged and saves the best as a checkpoint; without scores, the last.

    judge: that of the batches learnt from; sitting: what it judges by; about: what config.json tells beside
    the scores.
    """

    folder: Path
    judge: Judge[Any, Any, Any]
    sitting: Sitting[Any]
    about: dict[str, Any]
    say: Callable[[str], None]
    best: float | None = None
    published: bool = False
    silent: bool = False  # it was said that there are no scores

    def consider(self, model: nn.Module, seen: int, seconds: float) -> dict[str, float]:
        """The scores of `model`, which has `seen` so many pictures in so many seconds.

        Saves samples, and the model unless an earlier one was better.
        """
        samples, preview = self.judge.sheets(model, self.sitting)
        sheet.write(self.folder / SAMPLES / f"{seen:09d}.jpg", samples)
        scores = self.judge.scores(model, self.sitting)
        score = total(scores)
        if score is not None and not math.isfinite(score):
            self.say(f"{seen} images: the scores are not finite, so this model is not published")
        elif self.best is None or score is None or score <= self.best:
            self.best = score
            self._publish(model, preview, scores, seen, seconds)
        self._tell(scores, seen)
        return scores

    def _tell(self, scores: dict[str, float], seen: int) -> None:
        """Say the scores; where there are none although there should be, say so once."""
        words = "  ".join(f"{name} {value:.4g}" for name, value in scores.items())
        if not scores and self.sitting.validation is not None and not self.silent:
            self.silent = True
            count = len(self.sitting.validation)
            self.say(f"scores: off, as {count} validation picture(s) are too few; the last weights are kept")
        self.say(f"{seen} images: {words or 'saved'} · samples: {self.folder / SAMPLES / f'{seen:09d}.jpg'}")

    def _publish(
        self, model: nn.Module, preview: Picture, scores: dict[str, float], seen: int, seconds: float
    ) -> None:
        about = self.about | {
            "images": seen,
            "minutes": round(seconds / 60, 1),
            "scores": {name: round(value, 4) for name, value in scores.items()},
        }
        cgan.save(self.folder, model, self.sitting.palette, about)
        sheet.write(self.folder / "preview.jpg", preview)
        if model.task == "paint":
            self._write_examples()
        card.write(self.folder, model, about, self.judge)
        self.published = True

    def _write_examples(self) -> None:
        """Lay label maps of the shown data beside a painter: with them the app's canvas begins."""
        folder, palette = self.folder / "examples", self.sitting.palette
        if palette is None or folder.exists():
            return
        rows = sheet.evenly(len(self.sitting.shown), EXAMPLES)
        batch = self.sitting.shown.batch(rows, 0, self.sitting.size, augment=False)
        if isinstance(batch, Painted):
            folder.mkdir()
            for number, ids in enumerate(batch.labels[:, 0].byte().cpu().numpy(), 1):
                palette.write_ids(folder / f"{number}.png", ids)

    def facts(self) -> dict[str, Any]:
        """What must survive in the training state."""
        return {
            "best": self.best,
            "published": self.published,
            "options": self.about["options"],
            "chosen_by": self.about["chosen_by"],
        }

    def resume(self, facts: dict[str, Any]) -> None:
        """Take back what `facts` gave; a score on other validation data is none (old states tell of none)."""
        self.best, self.published = facts["best"], facts["published"]
        if facts.get("chosen_by", self.about["chosen_by"]) != self.about["chosen_by"]:
            self.best = None
            self.say("the validation data are others than before: the best model is chosen anew")


def total(scores: dict[str, float]) -> float | None:
    """One number to choose by, lower is better: the geometric mean, which needs no weights."""
    if not scores:
        return None
    product = 1.0
    for value in scores.values():
        product *= max(value, 1e-9)
    return float(product ** (1 / len(scores)))


def hardware(device: torch.device) -> str:
    """The name of the processor that trains."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    name = platform.processor() or platform.machine()
    if sys.platform == "linux":
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), name)
    threads = torch.get_num_threads()
    return f"{name}, {threads} thread{'s' if threads > 1 else ''} of {os.cpu_count()} cores"


def versions() -> dict[str, str]:
    """The versions that made the checkpoint."""
    return {"python": platform.python_version(), "torch": torch.__version__.split("+")[0]}
