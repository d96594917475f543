"""What `evaluate` does once its flags are read (`train.judge.command`): load, judge, print, draw a sheet."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

import cgan
from cgan.errors import DataError
from cgan.files import replaced
from cgan.tasks import Animator, Painter, Task
from train import judge as judges
from train import recipes
from train.data.batches import Painted
from train.data.painted import PaintedData
from train.judge import parts, sheet
from train.judge.examination import Examination
from train.judge.frame_by_frame import check_painter
from train.judge.metrics import Metrics
from train.judge.report import SAMPLES, arranged, put_scores, tables
from train.judge.sheet import Cells
from train.log import finishing, say
from train.teachers import networks as teachers

SHOWN = 16  # samples on the sheet


def run(arguments: argparse.Namespace) -> int:
    """Evaluate a checkpoint: print tables and the same as JSON. Returns the exit code."""
    task = cgan.load(arguments.checkpoint, device=arguments.device)
    judge = judges.of(recipes.kind_of(task.checkpoint.model, task.model.config))
    metrics = networks(arguments, task)
    data = judge.read(arguments.data, task)
    training = None if arguments.against is None else judge.read(arguments.against, task)
    painter = painter_beside(arguments, task)
    examination = Examination(
        metrics,
        arguments.seed,
        arguments.pictures,
        not arguments.no_cache,
        arguments.seconds,
        lent_styles(arguments.styles, task),
        painter,
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
        with finishing("samples and card"):
            show(arguments, task, cells, text)
    print(json.dumps(result, ensure_ascii=False))
    if arguments.json is not None:
        with replaced(arguments.json) as beside:
            beside.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def lent_styles(folder: Path | None, task: Task) -> PaintedData | None:
    """The data whose photographs lend their styles; DataError for a model that is no painter of maps."""
    if folder is None:
        return None
    if recipes.kind_of(task.checkpoint.model, task.model.config) is not Painted:
        raise DataError("--styles is for painters of label maps")
    data: PaintedData = judges.of(Painted).read(folder, task)
    return data


def painter_beside(arguments: argparse.Namespace, task: Task) -> Painter | None:
    """The painter that --painter names, if any; DataError where it cannot stand beside the task."""
    if arguments.painter is None:
        return None
    if not isinstance(task, Animator) or task.references[1]:
        raise DataError("--painter is compared with models of label videos: vid2vid, wc_vid2vid")
    painter = cgan.load(arguments.painter, device=arguments.device)
    if not isinstance(painter, Painter):
        raise DataError(
            f"--painter {arguments.painter} is a {painter.checkpoint.model}, which paints no maps"
        )
    check_painter(painter, task)
    return painter


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
