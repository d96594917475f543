"""`python -m train evaluate CHECKPOINT --data FOLDER`: how good a checkpoint is, beside its baselines.

Painters are judged on held-back maps, label networks on held-back photographs, translators on held-back
pictures of both domains, on pairs, or on classes that training has not seen, animators on held-back clips.
What is measured, and by whose networks: `train.judge.metrics`.

Data have three parts: training (--data of a run, --against here), choosing (--validation of a run, which
picks the weights) and judging: --data here, which should be neither. Where it is, the tables say so.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

import cgan
from cgan.errors import DataError
from cgan.ranges import whole
from cgan.tasks import Task
from train import judge as judges
from train import recipes
from train.judge import parts, sheet
from train.judge.examination import Examination
from train.judge.metrics import Metrics
from train.judge.report import SAMPLES, arranged, put_scores, tables
from train.judge.sheet import Cells
from train.log import say
from train.teachers import networks as teachers

SHOWN = 16  # samples on the sheet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `python -m train evaluate`."""
    flag = parser.add_argument
    flag("checkpoint", help="folder, name or Hub id of a checkpoint")
    flag(
        "--data",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="the judging part, in training's format: it has neither taught the weights nor chosen them",
    )
    flag("--against", type=Path, metavar="FOLDER", help="the training part: for real against real")
    flag("--metric-weights", type=Path, metavar="FILE", help="other features of MobileNetV2, for FID-MNv2")
    flag("--perceptual-weights", type=Path, metavar="FILE", help="other features of SqueezeNet, for LPIPS")
    flag(
        "--features",
        choices=("auto", "inception", "mobilenet", "squeezenet"),
        default="auto",
        help="whose features distances are between (default: the first of these that can be had)",
    )
    flag("--segmenter", type=Path, metavar="FILE", help="lraspp_mobilenet_v3_large, for mIoU (painters)")
    flag("--pictures", type=whole(1), default=500, help="most pictures that are translated (default: 500)")
    flag(
        "--seconds",
        type=float,
        default=0.0,
        metavar="N",
        help="film one clip for so long, there and back, and see whether it drifts into noise (vid2vid, "
        "wc_vid2vid; default: 0, not at all; 30 is a good length)",
    )
    flag("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    flag("--seed", type=whole(0), default=0, help="draws the styles (default: 0)")
    flag("--no-cache", action="store_true", help="neither read nor keep features of real pictures")
    flag("--json", type=Path, metavar="FILE", help="write the scores here too")
    flag("--samples", type=Path, metavar="FILE", help="write a sheet of 16 unpicked samples (JPEG)")
    flag("--outputs-only", action="store_true", help="no pictures of the data on the sheet")
    flag("--card", action="store_true", help="put table and sheet into the checkpoint's README.md")


def run(arguments: argparse.Namespace) -> int:
    """Evaluate a checkpoint: print tables and the same as JSON. Returns the exit code."""
    task = cgan.load(arguments.checkpoint, device=arguments.device)
    judge = judges.of(recipes.kind_of(task.checkpoint.model, task.model.config))
    metrics = networks(arguments, task)
    data = judge.read(arguments.data, task)
    training = None if arguments.against is None else judge.read(arguments.against, task)
    examination = Examination(
        metrics, arguments.seed, arguments.pictures, not arguments.no_cache, arguments.seconds
    )
    if parts.unknown(task.checkpoint.about):
        say(f"{task.checkpoint.name} does not say what chose its weights: see that {arguments.data} did not")
    learnt = None if training is None else judge.pictures(training)
    result = {
        "checkpoint": task.checkpoint.name,
        "size": list(task.size),
        "frechet": metrics.frechet_name,
        "remarks": parts.remarks(task.checkpoint.about, judge.pictures(data), learnt),
        "tables": [vars(section) for section in judge.sections(task, data, training, examination)],
    }
    text = tables(result)
    print(text)
    if arguments.samples is not None or arguments.card:
        cells = judge.cells(task, data, training, examination, SHOWN, arguments.outputs_only)
        show(arguments, task, cells, text)
    print(json.dumps(result, ensure_ascii=False))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def networks(arguments: argparse.Namespace, task: Task) -> Metrics:
    """The networks that the flags ask for; DataError for one that cannot be had."""
    features: torch.nn.Module | None = None
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
        if task.checkpoint.palette is None:
            raise DataError("--segmenter compares with label maps: it is for painters")
        segmenter = teachers.segmenter(arguments.segmenter, len(task.checkpoint.palette))
    weights = arguments.perceptual_weights, arguments.metric_weights
    return Metrics(*weights, task.runtime.device, features, segmenter)


def show(arguments: argparse.Namespace, task: Task, cells: Cells, text: str) -> None:
    """Write the sheet of samples, and the card with the tables, where the flags ask for them."""
    picture = arranged(cells)
    if arguments.samples is not None:
        sheet.write(arguments.samples, picture)
    if arguments.card:
        folder = task.checkpoint.folder
        put_scores(folder, f"![Samples that nobody picked]({SAMPLES})\n\n{text}")
        sheet.write(folder / SAMPLES, picture)
        if not arguments.outputs_only:
            say(
                f"{folder / SAMPLES} shows pictures of the data; where their licence forbids that, "
                "give --outputs-only"
            )
