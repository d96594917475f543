"""Whether half precision, and our spectral norm, cost any quality: runs alike but for their arm.

For `python -m train proof`. Each run is SPADE on the built-in world. Runs of one seed start from the same
weights and see the same pictures in the same order; the averaged model, in fp32, is judged at five points on
frames of other worlds, each painted in its photograph's style: LPIPS, Fréchet and kernel distance. All is
kept in quality.json, written anew after each run; a run that is there is not made again.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from cgan.errors import DataError
from cgan.files import parsed
from cgan.models import spade
from cgan.runtime import allow_tf32
from train import recipes
from train.bench.arms import parse, title, trainer_of
from train.bench.curves import Curve, Panel, plot
from train.bench.learning import Way
from train.data.painted import PaintedData, read_painted
from train.engine.trainer import Trainer
from train.judge.metrics import Metrics, frechet, kernel_distance
from train.judge.painter import measure, painted, photographs
from train.log import say
from train.run import Run
from train.teachers import networks as teachers
from train.world import folder as world

FAR = 500_000  # the first world of the held-out frames
ALIKE = ("preset", "size", "images", "batch", "frames")  # what all runs of a quality.json have in common
POINTS = 5  # evaluations of a run


def late(deadline: float, what: str) -> bool:
    """Whether the time is over; then it says that `what` is left out."""
    over = time.monotonic() > deadline
    if over:
        say(f"no time for {what}")
    return over


# --- the runs


class Judge:
    """In a publisher's place: it measures the averaged model at each evaluation, and saves nothing."""

    def __init__(self, world: "World", folder: Path, deadline: float):
        self.world, self.folder, self.deadline = world, folder, deadline
        self.trainer: Trainer[Any, Any] | None = None  # whom it stops when the time is over
        self.rows: list[dict[str, float]] = []
        self.published = False
        self.over = False  # the time

    def consider(self, model: nn.Module, seen: int, seconds: float) -> dict[str, float]:
        """LPIPS, Fréchet and kernel distance of the pictures in their photographs' styles."""
        allow_tf32(False)
        measured = measure(
            self.world.metrics,
            lambda batch: painted(model, batch, seed=0, own_style=True),
            self.world.held_out,
        )
        row = {"images": seen, "seconds": round(seconds, 1)} | scores(measured, self.world.real)
        self.rows.append(row)
        self.published = True
        say(f"{seen} images: {row}")
        if self.trainer is not None:
            allow_tf32(self.trainer.precision.tf32)
            self.over = late(self.deadline, "the rest of this run")
            self.trainer.stopping |= self.over
        return row

    def facts(self) -> dict[str, Any]:
        """Nothing that the training state would need."""
        return {}

    def resume(self, facts: dict[str, Any]) -> None:
        """Nothing was saved."""


def scores(measured: Any, real: torch.Tensor) -> dict[str, float]:
    """What was measured against the features of the real pictures."""
    found = {} if measured.distances is None else {"lpips": measured.distances.mean().item()}
    return found | {
        "frechet": frechet(measured.features, real),
        "kid": kernel_distance(measured.features, real),
    }


def frames(folder: Path, count: int, side: int, first: int, device: torch.device) -> PaintedData:
    """The data folder, rendered if it is not there, without instances and on the device."""
    if not folder.is_dir():
        say(f"rendering {count} frames into {folder}")
        beside = folder.with_name(folder.name + ".part")  # a folder that was cut short is not taken for whole
        for done in world.write(beside, count, (side * 5 // 4,) * 2, first, device):
            if done % 500 < 8:
                say(f"{done} of {count}")
        beside.rename(folder)
    return replace(read_painted(folder, (side, side), say), instances=None).to(device)


@dataclass
class World:
    """What all runs share: frames to learn from, others to be judged on, and the networks that judge.

    real: features of the held-out photographs; floor: the scores of other photographs against these.
    """

    training: PaintedData
    held_out: PaintedData
    metrics: Metrics
    real: torch.Tensor
    floor: dict[str, float]


def open_world(arguments: argparse.Namespace, device: torch.device) -> World:
    """Read the frames, or render them, and measure the photographs."""
    side = arguments.size
    training = frames(arguments.data / "training", arguments.frames, side, 0, device)
    held_out = frames(arguments.data / "validation", arguments.frames // 2, side, FAR, device)
    metrics = Metrics(arguments.perceptual_weights, arguments.metric_weights, device)
    real = measure(metrics, photographs, held_out).features
    if real is None:
        raise DataError("no network for features: nothing can be proved")
    others = training.subset(range(min(len(training), len(held_out))))
    floor = scores(measure(metrics, photographs, others), real)
    floor.pop("lpips", None)  # of a picture with itself
    return World(training, held_out, metrics, real, floor)


def quality(
    arguments: argparse.Namespace, device: torch.device, deadline: float, on: str, pace: dict[str, Any]
) -> list[str]:
    """Make the runs that are not there yet -> Markdown, with what part *speed* found.

    on: the machine, for the heading.
    """
    arms, file = parse(arguments.precisions, device), arguments.out / "quality.json"
    allow_tf32(False)
    world = open_world(arguments, device)
    alike = {name: vars(arguments)[name] for name in ALIKE}
    found: dict[str, Any] = {"metric": world.metrics.frechet_name, "real": world.floor, "runs": []} | alike
    if file.is_file():
        before = parsed(file.read_text(encoding="utf-8"))
        if before["metric"] == found["metric"] and all(before[key] == alike[key] for key in alike):
            found["runs"] = before["runs"]
    done, took = {(run["precision"], run["seed"]) for run in found["runs"]}, 0.0
    for seed in range(arguments.seeds):
        for word, way in arms.items():
            if (word, seed) in done or late(deadline - took, f"{title(word)}, seed {seed}"):
                continue
            began = time.monotonic()
            rows = learn(arguments, world, device, way, seed, deadline)
            took = max(took, time.monotonic() - began)
            if rows[-1]["images"] < arguments.images:  # the time was over
                continue
            found["runs"].append({"precision": word, "seed": seed, "rows": rows})
            file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    found["runs"] = [run for run in found["runs"] if run["precision"] in arms]
    if found["runs"]:
        Image.fromarray(picture(found)).save(arguments.out / "quality.png", optimize=True)
    return report(found, on, pace)


def learn(
    arguments: argparse.Namespace, world: World, device: torch.device, way: Way, seed: int, deadline: float
) -> list[dict[str, float]]:
    """One run of SPADE -> its rows of scores; cut short at the deadline. A signal ends the whole command."""
    say(f"learning in {way.title}, seed {seed}")
    run = Run(
        size=(arguments.size,) * 2, images=arguments.images, batch=arguments.batch, seed=seed,
        evaluate_every=max(arguments.images // POINTS, 1), save_minutes=1e6, calibrate=30,
    )  # fmt: skip
    recipe_of = recipes.module("spade")
    torch.manual_seed(seed)
    config = recipe_of.Recipe.configure(spade.PRESETS[arguments.preset], world.training)
    perceptual = teachers.perceptual("auto", arguments.perceptual_weights)
    hyper = recipe_of.PRESETS[arguments.preset]
    recipe = recipe_of.Recipe(config, hyper, perceptual and perceptual.to(device))
    with tempfile.TemporaryDirectory() as folder:
        judge = Judge(world, Path(folder), deadline)
        judge.trainer = trainer_of(way, recipe, world.training, run, judge, device)
        if not judge.trainer.fit() and not judge.over:
            raise KeyboardInterrupt
    return judge.rows


# --- what they show


def kinds(found: dict[str, Any]) -> Iterator[tuple[str, str, Callable[[float], str]]]:
    """The scores that there are: key, title, and how a value is written."""
    known: list[tuple[str, str, Callable[[float], str]]] = [
        ("lpips", "LPIPS", lambda value: f"{value:.3f}"),
        ("frechet", found["metric"], lambda value: f"{value:.0f}"),
        ("kid", "KID × 1000", lambda value: f"{1000 * value:.0f}"),
    ]
    there = found["runs"][0]["rows"][0]
    return (kind for kind in known if kind[0] in there)


def by_arm(found: dict[str, Any], key: str) -> dict[str, list[dict[int, float]]]:
    """Of each arm, at each point: the score of each seed."""
    points = min(len(run["rows"]) for run in found["runs"])
    arms: dict[str, list[dict[int, float]]] = {}
    for run in found["runs"]:
        at = arms.setdefault(run["precision"], [{} for _ in range(points)])
        for seeds, scored in zip(at, run["rows"], strict=False):
            seeds[run["seed"]] = scored[key]
    return arms


def spread(values: list[float], write: Callable[[float], str]) -> str:
    """Mean and standard deviation over seeds: "0.312 ± 0.004"."""
    mean = write(statistics.fmean(values))
    return f"{mean} ± {write(statistics.stdev(values))}" if len(values) > 1 else mean


def beside(values: dict[int, float], first: dict[int, float], write: Callable[[float], str]) -> str:
    """By how much an arm's values differ from the first's of the same seeds: mean (least to largest)."""
    differences = [values[seed] - first[seed] for seed in sorted(values.keys() & first.keys())]
    if not differences:
        return "–"

    def signed(value: float) -> str:
        words = write(abs(value))
        return f"{'−' if value < 0 and float(words) else '+'}{words}"

    return (
        f"{signed(statistics.fmean(differences))} ({signed(min(differences))} to {signed(max(differences))})"
    )


def report(found: dict[str, Any], on: str, pace: dict[str, Any]) -> list[str]:
    """Markdown: the arms at the end of their runs, with their speed, then all points of the runs."""
    heading = (
        f"SPADE {found['preset']}, {found['size']}x{found['size']}, {found['images']} pictures in batches of "
        f"{found['batch']}, from {found['frames']} frames; {on}"
    )
    if not found["runs"]:
        return [heading, "", "No run came to its end."]
    count = len({run["seed"] for run in found["runs"]})
    about = f"mean ± standard deviation of {count} seed{'s' * (count != 1)}"
    lines = [heading, "", f"At the end, {about}:", "", *ends(found, pace)]
    for key, name, write in kinds(found):
        arms = by_arm(found, key)
        first, *_ = arms
        marks = [str(at["images"]) for at in found["runs"][0]["rows"][: len(arms[first])]]
        heads = [f"{name} after", *marks, f"{marks[-1]}, beside {title(first)} of the same seed"]
        lines += ["", row(heads), "|---" * len(heads) + "|"]
        for arm, points in arms.items():
            cells = [spread([*seeds.values()], write) for seeds in points]
            difference = "" if arm == first else beside(points[-1], arms[first][-1], write)
            lines.append(row([title(arm), *cells, difference]))
    return [*lines, "", "LPIPS shares its backbone with the perceptual loss."]


def ends(found: dict[str, Any], pace: dict[str, Any]) -> list[str]:
    """A row an arm: what part *speed* measured, if it did, and the last scores; then real against real."""
    columns = list(dict.fromkeys(name for measured in pace.values() for name in measured))
    scored = list(kinds(found))
    lines = [
        row(["", *columns, *(name for _, name, _ in scored)]),
        "|---" * (1 + len(columns + scored)) + "|",
    ]
    for arm in by_arm(found, "frechet"):
        last = [spread([*by_arm(found, key)[arm][-1].values()], write) for key, _, write in scored]
        lines.append(row([title(arm), *(pace.get(arm, {}).get(name, "–") for name in columns), *last]))
    floor = [write(found["real"][key]) if key in found["real"] else "–" for key, _, write in scored]
    return [*lines, row(["real against real", *["–"] * len(columns), *floor])]


def row(cells: list[str]) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def picture(found: dict[str, Any]) -> np.ndarray:
    """A panel for each score, a curve for each arm with a band from the least to the largest seed."""
    panels, unit, across = [], 1, "pictures seen"
    if found["images"] > 10_000:
        unit, across = 1000, "thousand pictures seen"
    for key, name, _ in kinds(found):
        factor, curves = 1000 if key == "kid" else 1, []
        for arm, points in by_arm(found, key).items():
            values = [[factor * value for value in seeds.values()] for seeds in points]
            x = [at["images"] / unit for at in found["runs"][0]["rows"][: len(points)]]
            mean = [statistics.fmean(seeds) for seeds in values]
            curves.append(Curve(title(arm), x, mean, [*map(min, values)], [*map(max, values)]))
        floor = factor * found["real"][key] if key in found["real"] else None
        panels.append(Panel(name.replace("×", "x"), curves, floor))  # the font has no ×
    return plot(panels, across, "real against real")
