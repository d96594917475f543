"""`python -m train evaluate CHECKPOINT --data FOLDER`: how good a checkpoint is, beside its baselines.

Painters are judged on held-back maps, translators on held-back pictures of both domains, on pairs, or on
classes that training has not seen. What is measured, and by whose networks: `train.judge.metrics`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import cgan
from cgan.errors import DataError
from cgan.tasks import Painter, Translator
from train import recipes
from train.data.batches import FewShot, Painted, Paired, Unpaired
from train.data.few_shot import FewShotData, read_few_shot
from train.data.paired import PairedData, read_paired
from train.data.unpaired import UnpairedData, read_unpaired
from train.judge import painter as evaluate_painter
from train.judge import sheet
from train.judge.few_shot import few_shot
from train.judge.few_shot import samples as few_shot_samples
from train.judge.metrics import Metrics, Row, frechet, kernel_distance
from train.judge.painter import painter_scores, photographs, real_features
from train.judge.translator import (
    Examination,
    Grid,
    Section,
    paired,
    paired_samples,
    unpaired,
    unpaired_samples,
)
from train.log import say
from train.publish import card
from train.teachers import networks as teachers

__all__ = ["Metrics", "frechet", "kernel_distance", "painter_scores", "photographs", "real_features"]

SAMPLES = 16  # on the sheet
ACROSS = 10  # pictures in a row of the sheet, at most
SPACE = 18  # pixels between the samples in a row
LPIPS_NOTE = "LPIPS v0.1 on SqueezeNet 1.1, which it shares with the default perceptual loss."

# By score: heading, digits, factor.
COLUMNS = {
    "lpips": ("LPIPS ↓", 3, 1),
    "frechet": ("{frechet} ↓", 1, 1),
    "kid": ("KID × 1000 ↓", 1, 1000),
    "precision": ("precision", 2, 1),
    "recall": ("recall", 2, 1),
    "density": ("density", 2, 1),
    "coverage": ("coverage", 2, 1),
    "right": ("right class", 2, 1),
    "kept": ("LPIPS from the input", 3, 1),
    "diversity": ("diversity (LPIPS)", 3, 1),
    "accuracy": ("pixel accuracy", 2, 1),
    "miou": ("mIoU", 2, 1),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `python -m train evaluate`."""
    flag = parser.add_argument
    flag("checkpoint", help="folder, name or Hub id of a checkpoint")
    flag("--data", type=Path, required=True, metavar="FOLDER", help="held-back data, in training's format")
    flag("--against", type=Path, metavar="FOLDER", help="the training data: for real against real")
    flag("--metric-weights", type=Path, metavar="FILE", help="other features of MobileNetV2, for FID-MNv2")
    flag("--perceptual-weights", type=Path, metavar="FILE", help="other features of SqueezeNet, for LPIPS")
    flag(
        "--features",
        choices=("auto", "inception", "mobilenet", "squeezenet"),
        default="auto",
        help="whose features distances are between (default: the first of these that can be had)",
    )
    flag("--segmenter", type=Path, metavar="FILE", help="lraspp_mobilenet_v3_large, for mIoU (painters)")
    flag("--pictures", type=int, default=500, help="most pictures that are translated (default: 500)")
    flag("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    flag("--seed", type=int, default=0, help="draws the styles (default: 0)")
    flag("--no-cache", action="store_true", help="neither read nor keep features of real pictures")
    flag("--json", type=Path, metavar="FILE", help="write the scores here too")
    flag("--samples", type=Path, metavar="FILE", help="write a sheet of 16 unpicked samples (JPEG)")
    flag("--outputs-only", action="store_true", help="no pictures of the data on the sheet")
    flag("--card", action="store_true", help="put table and sheet into the checkpoint's README.md")


def run(arguments: argparse.Namespace) -> int:
    """Evaluate a checkpoint: print tables and the same as JSON. Returns the exit code."""
    task = cgan.load(arguments.checkpoint, device=arguments.device)
    if not isinstance(task, Painter | Translator):
        raise DataError(f"{arguments.checkpoint} neither paints nor translates: it cannot be judged yet")
    metrics = networks(arguments, task)
    data = read(arguments.data, task)
    training = None if arguments.against is None else read(arguments.against, task)
    examination = Examination(metrics, arguments.seed, arguments.pictures, not arguments.no_cache)
    result = {
        "checkpoint": task.checkpoint.name,
        "size": list(task.size),
        "frechet": metrics.frechet_name,
        "tables": [vars(section) for section in sections(task, data, training, examination)],
    }
    text = tables(result)
    print(text)
    show(arguments, task, lambda: cells(task, data, training, examination, arguments.outputs_only), text)
    print(json.dumps(result, ensure_ascii=False))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def networks(arguments: argparse.Namespace, task: Painter | Translator) -> Metrics:
    """The networks that the flags ask for; DataError for one that cannot be had."""
    features = None
    if arguments.features in ("auto", "inception"):
        try:
            features = teachers.inception()
        except DataError as error:
            if arguments.features == "inception":
                raise
            say(f"FID: off ({error})")
    elif arguments.features == "squeezenet":
        features = teachers.SqueezeNetFeatures(teachers.lpips(arguments.perceptual_weights).features)
    segmenter = None
    if arguments.segmenter is not None:
        if not isinstance(task, Painter):
            raise DataError("--segmenter compares with label maps: it is for painters")
        segmenter = teachers.segmenter(arguments.segmenter, len(task.palette))
    weights = arguments.perceptual_weights, arguments.metric_weights
    return Metrics(*weights, task.runtime.device, features, segmenter)


def read(folder: Path, task: Painter | Translator) -> Any:
    """The data of a folder at the size of the task, checked against what the checkpoint knows."""
    if isinstance(task, Painter):
        return evaluate_painter.read(folder, task)
    kind = recipes.module(task.checkpoint.model).Recipe.batch
    if kind is FewShot:
        return read_few_shot(folder, task.size, say=say)
    if kind in (Paired, Painted):  # a painter's model, but of pictures
        return read_paired(folder, task.size, say)
    if kind is not Unpaired:
        raise DataError(f"{task.checkpoint.name}: there is no evaluation of {task.checkpoint.model} yet")
    data = read_unpaired(folder, task.size, task.edges, say)
    if data.domains != task.domains:
        raise DataError(
            f"{folder} has the domains {' and '.join(data.domains)}, the checkpoint "
            f"{' and '.join(task.domains)}"
        )
    return data


def sections(task: Any, data: Any, training: Any | None, examination: Examination) -> list[Section]:
    """All tables of an evaluation."""
    match data:
        case UnpairedData():
            return list(unpaired(task, data, training, examination))
        case FewShotData():
            return [few_shot(task, data, training, examination)]
        case PairedData():
            return [paired(task, data, training, examination)]
    rows = evaluate_painter.evaluate_painter(
        task, data, training, examination.metrics, examination.seed, examination.cache
    )
    return [Section(f"{len(data)} held-back maps", rows)]


def cells(task: Any, data: Any, training: Any | None, examination: Examination, outputs_only: bool) -> Grid:
    """16 samples that nobody picked: the pictures of each, from left to right."""
    seed = examination.seed
    match data:
        case UnpairedData():
            return unpaired_samples(task, data, SAMPLES, seed, outputs_only)
        case FewShotData():
            return few_shot_samples(task, data, training, SAMPLES, examination, outputs_only)
        case PairedData():
            return paired_samples(task, data, SAMPLES, outputs_only)
    return evaluate_painter.samples(task, data, SAMPLES, seed, outputs_only)


# What is shown


def show(
    arguments: argparse.Namespace, task: Painter | Translator, make: Callable[[], Grid], text: str
) -> None:
    """Write the sheet that `make` gives the samples for, and the card, where the flags ask for them."""
    if arguments.samples is None and not arguments.card:
        return
    picture = arranged(make())
    if arguments.samples is not None:
        sheet.write(arguments.samples, picture)
    if arguments.card:
        folder = task.checkpoint.folder
        card.put_scores(folder, f"![Samples that nobody picked]({card.SAMPLES})\n\n{text}")
        sheet.write(folder / card.SAMPLES, picture)
        if not arguments.outputs_only:
            say(
                f"{folder / card.SAMPLES} shows pictures of the data; where their licence forbids that, "
                "give --outputs-only"
            )


def arranged(samples: Grid) -> np.ndarray:
    """Samples, several in a row with some space between them, as one picture."""
    across = max(1, ACROSS // len(samples[0]))
    height = samples[0][0].shape[0]
    space = np.full((height, SPACE, 3), sheet.PAPER, np.uint8)
    rows = []
    for start in range(0, len(samples), across):
        row: list[np.ndarray] = []
        for sample in samples[start : start + across]:
            row += [space, *sample] if row else [*sample]
        rows.append(row)
    return sheet.grid(rows)


def tables(result: dict) -> str:
    """All tables of an evaluation as Markdown, with what must be known to read them."""
    size = "×".join(map(str, reversed(result["size"])))
    lines = []
    for section in result["tables"]:
        lines += [f"{result['checkpoint']}, {section['title']} at {size}", ""]
        lines += [*table(section["rows"], result), ""]
        lines += [section["note"], ""] if section["note"] else []
    return "\n".join([*lines, note(result)])


def table(rows: dict[str, Row], result: dict) -> list[str]:
    """One table, with the columns that any row has something for."""
    used = [key for key in COLUMNS if any(key in row for row in rows.values())]
    names = [COLUMNS[key][0].format(frechet=result["frechet"]) for key in used]
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(used) + 1) + "|"]
    for name, row in rows.items():
        lines.append(f"| {name} | {' | '.join(_cell(row, key) for key in used)} |")
    return lines


def note(result: dict) -> str:
    """How the tables are to be read."""
    rows = [row for section in result["tables"] for row in section["rows"].values()]
    used = {key for row in rows for key in row}
    words = [f"{result['frechet']} is a Fréchet distance on other features than a published FID's."]
    if result["frechet"] == "FID":
        words = ["FID on torch-fidelity's Inception; of so few pictures it is far above that of thousands."]
    if used & {"lpips", "kept", "diversity"}:
        words.append(LPIPS_NOTE)
    if "precision" in used:
        words.append("Precision, recall, density, coverage: k = 5, on the same features.")
    words.append("In brackets: 95 % bootstrap intervals over the held-back pictures.")
    return " ".join(words)


def _cell(row: Row, key: str) -> str:
    if key not in row:
        return "–"
    _, digits, factor = COLUMNS[key]
    text = f"{factor * row[key]:.{digits}f}"
    if f"{key}_interval" not in row:
        return text
    low, high = row[f"{key}_interval"]
    return f"{text} ({factor * low:.{digits}f}–{factor * high:.{digits}f})"
