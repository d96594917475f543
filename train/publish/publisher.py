"""From an averaged model to a checkpoint folder: the best so far is saved, with card and preview."""

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
from cgan.labels import Palette
from train.judge import sheet
from train.judge.examiners import Examiner
from train.publish import card
from train.recipes import Recipe


@dataclass
class Publisher:
    """Has averaged models judged and saves the best as a checkpoint; without scores, the last.

    examiner: judges, and draws the samples; palette: the classes of a painter, else None; about: what
    config.json tells beside the scores.
    """

    folder: Path
    examiner: Examiner
    palette: Palette | None
    about: dict
    say: Callable[[str], None]
    best: float | None = None
    published: bool = False

    def judge(self, recipe: Recipe, model: nn.Module, images: int, seconds: float) -> dict[str, float]:
        """Scores of `model` after `images`; saves samples, and the model unless an earlier one was better."""
        samples, preview = self.examiner.look(recipe, model)
        sheet.write(self.folder / "training" / "samples" / f"{images:09d}.jpg", samples)
        scores = self.examiner.scores(recipe, model)
        score = total(scores)
        if self.best is None or score is None or score <= self.best:
            self.best = score
            self._publish(model, preview, scores, images, seconds)
        words = "  ".join(f"{name} {value:.4g}" for name, value in scores.items())
        self.say(f"{images} images: {words or 'not judged'}")
        return scores

    def _publish(self, model: nn.Module, preview: Any, scores: dict, images: int, seconds: float) -> None:
        about = self.about | {
            "images": images,
            "minutes": round(seconds / 60, 1),
            "scores": {name: round(value, 4) for name, value in scores.items()},
        }
        cgan.save(self.folder, model, self.palette, about)
        sheet.write(self.folder / "preview.jpg", preview)
        card.write(self.folder, model, about)
        self.published = True

    def facts(self) -> dict:
        """What must survive in the training state."""
        return {"best": self.best, "published": self.published, "options": self.about["options"]}

    def resume(self, facts: dict) -> None:
        """Take back what `facts` gave."""
        self.best, self.published = facts["best"], facts["published"]


def total(scores: dict[str, float]) -> float | None:
    """One number to choose by, lower is better: the geometric mean, which needs no weights."""
    if not scores:
        return None
    product = 1.0
    for value in scores.values():
        product *= max(value, 1e-9)
    return product ** (1 / len(scores))


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
