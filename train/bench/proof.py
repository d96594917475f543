"""`python -m train proof --data FOLDER --out FOLDER`: what a GPU must show, in one go of 25 minutes.

The parts, each with a file of its own in --out, and each optional (--parts):

- *tests*: kernels and graphs against plain torch, and against torch's parametrization, on this GPU.
- *kernels*: time and bandwidth of spectral norm beside those of a copy.
- *bench*: the tables of `python -m train bench` for SPADE at SMALL and PAPER size.
- *inference*: one picture, eager and from a CUDA graph.
- *quality*: SPADE SMALL at 128 px on the built-in world, same data, seed and images, in each precision:
  LPIPS, Fréchet and kernel distances at five points of the run, beside real pictures against real ones, as a
  table (quality.md), a plot (quality.png) and numbers (quality.json).

--data holds two data folders, `training` and `validation` (`python -m train world --size 160`); what is not
there is rendered on the GPU. Each part has its share of --minutes and leaves out what no longer fits; quality
takes what the others leave. Runs that quality.json has are not made again, so that the same command goes on
where it was stopped. LPIPS shares its backbone with the perceptual loss of the runs.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from cgan.errors import DataError
from cgan.graphs import Replayed
from cgan.models import spade
from cgan.ranges import whole
from cgan.runtime import allow_tf32
from train import recipes
from train.bench import learning as bench
from train.bench.curves import Curve, Panel, plot
from train.data.batches import Painted
from train.data.painted import PaintedData, read_painted
from train.engine.bank import PRECISIONS, Bank
from train.engine.spectral import Spectral
from train.engine.trainer import Trainer
from train.judge.metrics import Metrics, frechet, kernel_distance
from train.judge.painter import measure, painted, photographs
from train.log import say
from train.publish.publisher import hardware
from train.run import Run
from train.teachers import networks as teachers
from train.world import folder as world

# The parts, and the minute of the whole by which each must have come to its end.
PARTS = {"tests": 3, "kernels": 4, "bench": 11, "inference": 12, "quality": 25}
TESTS = ("tests/test_spectral.py", "tests/test_bank.py", "tests/test_graphs.py")
FAR = 500_000  # the first world of the held-out frames
PRECISIONS_COMPARED = ("fp32", "bf16", "fp16")
BYTES = 34  # that spectral norm and its gradient correction move for each weight in half precision


def kernels(device: torch.device) -> list[str]:
    """Spectral norm of SPADE's generator at PAPER size: milliseconds and bytes a second, by backend."""
    block = torch.empty(2**29, dtype=torch.float16, device=device)
    ceiling = block.nbytes / seconds_of(
        lambda: block[: 2**28].copy_(block[2**28 :])
    )  # a half read, one written
    lines = [f"{hardware(device)}: a copy moves {ceiling / 1e12:.2f} TB/s", ""]
    lines += ["| spectral norm | of the weights | of the gradients | TB/s |", "|---|---|---|---|"]
    recipe = recipes.module("spade").Recipe(
        spade.PRESETS["paper"], recipes.module("spade").PRESETS["paper"], None
    )
    player = recipe.players["generator"]
    player.module.to(device)
    bank = Bank(player, PRECISIONS["fp16"])
    pieces, weights = bank.spectral.pieces, sum(p.rows * p.columns for p in bank.spectral.pieces)
    for backend in ("triton", "plain"):
        it = Spectral(bank.master.detach(), pieces, torch.Generator().manual_seed(0), backend)
        refresh = seconds_of(partial(it.refresh, bank.effective, bank.half))
        correct = seconds_of(partial(it.correct, bank.gradient, bank.effective))
        rate = f"{BYTES * weights / (refresh + correct) / 1e12:.2f}"
        lines.append(f"| {backend} | {1000 * refresh:.3f} ms | {1000 * correct:.3f} ms | {rate} |")
    return [*lines, "", f"{weights / 1e6:.1f} M normalised weights in {len(pieces)} layers, fp32 and fp16."]


def seconds_of(function: Callable[[], Any], times: int = 30) -> float:
    """The mean of `times` calls, after some to warm up."""
    for _ in range(5):
        function()
    torch.cuda.synchronize()
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for _ in range(times):
        function()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end) / 1000 / times


def benches(device: torch.device, deadline: float, steps: int = 10) -> list[str]:
    """The tables: SMALL and PAPER, eager in all precisions, and compiled in one; both also from graphs."""
    torch.backends.cudnn.benchmark = True
    lines = []
    runs = [("small", 128, 4, False), ("small", 128, 64, False), ("paper", 256, 16, False)]
    runs += [("small", 128, 4, True), ("paper", 256, 16, True)]
    for preset, side, batch, compiled in runs:
        if late(deadline, f"the bench of {preset}, batch {batch}{', compiled' if compiled else ''}"):
            continue
        judge = "vgg19" if preset == "paper" else "squeezenet"
        new = bench.maker("spade", preset, (side, side), batch, device, judge)
        ways = bench.choose_ways("fp16" if compiled else None, compiled, device, True)
        measured: dict[bench.Way, bench.Measured] = {}
        for group in bench.grouped(ways, apart=True):
            measured |= bench.measure(group, new, steps)
            torch.cuda.empty_cache()
        table = bench.table(measured, batch)
        lines += [f"SPADE {preset}, {side}x{side}, batch {batch}, {judge}, {hardware(device)}", "", table, ""]
    return lines


@torch.no_grad()
def inference(device: torch.device) -> list[str]:
    """Milliseconds for one picture of 256x256 in fp16, eager and as a CUDA graph."""
    lines = [f"One picture, 256x256, {hardware(device)}", "", "| | fp16 | fp16, graph |", "|---|---|---|"]
    for preset in ("small", "paper"):
        model = spade.Model(spade.PRESETS[preset]).to(device, torch.float16).eval()
        model.to(memory_format=torch.channels_last)
        labels = Painted.fake(1, (256, 256), model.config.classes, device).labels
        style = torch.randn(1, model.config.style, device=device, dtype=torch.float16)
        noise = torch.randn(1, 1, 256, 256, device=device, dtype=torch.float16)

        def paint(
            labels: torch.Tensor, style: torch.Tensor, noise: torch.Tensor, model: spade.Model = model
        ) -> torch.Tensor:
            condition = model.condition(labels).half().contiguous(memory_format=torch.channels_last)
            return model(condition, style, noise)

        replayed = Replayed(paint)
        eager, graph = (seconds_of(partial(way, labels, style, noise)) for way in (paint, replayed))
        lines.append(f"| {preset} | {1000 * eager:.2f} ms | {1000 * graph:.2f} ms |")
    return lines


def late(deadline: float, what: str) -> bool:
    """Whether the time is over; then it says that `what` is left out."""
    over = time.monotonic() > deadline
    if over:
        say(f"no time for {what}")
    return over


class Judge:
    """In a publisher's place: it measures the averaged model at each evaluation, and saves nothing."""

    def __init__(self, world: "World", folder: Path, deadline: float):
        self.world, self.folder, self.deadline = world, folder, deadline
        self.trainer: Trainer[Any, Any] | None = None  # whom it stops when the time is over
        self.rows: list[dict[str, float]] = []
        self.published = False

    def consider(self, model: nn.Module, seen: int, seconds: float) -> dict[str, float]:
        """LPIPS, Fréchet and kernel distance of the pictures in their photographs' styles."""
        measured = measure(
            self.world.metrics,
            lambda batch: painted(model, batch, seed=0, own_style=True),
            self.world.held_out,
        )
        row = {"images": seen, "seconds": round(seconds, 1)} | scores(measured, self.world.real)
        self.rows.append(row)
        self.published = True
        say(f"{seen} images: {row}")
        if self.trainer is not None and late(self.deadline, "the rest of this run"):
            self.trainer.stopping = True
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
    """The data folder, rendered if it is not there, without instances and on the GPU."""
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


def quality(arguments: argparse.Namespace, device: torch.device, deadline: float) -> list[str]:
    """Runs alike but for their precision; quality.json is written anew after each."""
    world, file = open_world(arguments, device), arguments.out / "quality.json"
    alike = {name: vars(arguments)[name] for name in ("preset", "size", "images", "batch", "frames")}
    found: dict[str, Any] = {"metric": world.metrics.frechet_name, "real": world.floor, "runs": []} | alike
    if file.is_file():
        before = json.loads(file.read_text(encoding="utf-8"))
        if before["metric"] == found["metric"] and all(before[key] == alike[key] for key in alike):
            found["runs"] = before["runs"]
    done, took = {(run["precision"], run["seed"]) for run in found["runs"]}, 0.0
    for seed in range(arguments.seeds):
        for precision in arguments.precisions.split(","):
            if (precision, seed) in done or late(deadline - took, f"{precision}, seed {seed}"):
                continue
            began = time.monotonic()
            rows = learn(arguments, world, device, precision, seed, deadline)
            took = max(took, time.monotonic() - began)
            if rows[-1]["images"] < arguments.images:  # the time was over
                continue
            found["runs"].append({"precision": precision, "seed": seed, "rows": rows})
            file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if found["runs"]:
        Image.fromarray(quality_plot(found)).save(arguments.out / "quality.png")
    return quality_table(found)


def learn(
    arguments: argparse.Namespace,
    world: World,
    device: torch.device,
    precision: str,
    seed: int,
    deadline: float,
) -> list[dict[str, float]]:
    """One run of SPADE -> its rows of scores; cut short at the deadline."""
    say(f"learning in {precision}, seed {seed}")
    allow_tf32(False)
    run = Run(
        size=(arguments.size,) * 2, images=arguments.images, batch=arguments.batch, seed=seed,
        evaluate_every=max(arguments.images // 5, 1), save_minutes=1e6, calibrate=30,
    )  # fmt: skip
    recipe_of = recipes.module("spade")
    torch.manual_seed(seed)
    config = recipe_of.Recipe.configure(spade.PRESETS[arguments.preset], world.training)
    perceptual = teachers.perceptual("auto", arguments.perceptual_weights)
    hyper = recipe_of.PRESETS[arguments.preset]
    recipe = recipe_of.Recipe(config, hyper, perceptual and perceptual.to(device))
    with tempfile.TemporaryDirectory() as folder:
        judge = Judge(world, Path(folder), deadline)
        judge.trainer = Trainer(recipe, world.training, run, judge, device, precision)
        judge.trainer.fit()
    return judge.rows


def means(found: dict[str, Any]) -> dict[str, list[dict[str, list[float]]]]:
    """By precision, for each point of the runs: the scores of all seeds by name."""
    names = list(dict.fromkeys(run["precision"] for run in found["runs"]))
    points = min((len(run["rows"]) for run in found["runs"]), default=0)
    result = {}
    for name in names:
        runs = [run["rows"][:points] for run in found["runs"] if run["precision"] == name]
        result[name] = [{key: [row[key] for row in rows] for key in rows[0]}
                        for rows in zip(*runs, strict=True)]  # fmt: skip
    return result


def quality_table(found: dict[str, Any]) -> list[str]:
    """Markdown: a row for each evaluation, a column of scores for each precision."""
    by_name = means(found)
    seeds = len({run["seed"] for run in found["runs"]})
    lines = [f"LPIPS / {found['metric']} / KID x 1000, means of {seeds} seed{'s' * (seeds != 1)}", ""]
    lines += [f"| images | {' | '.join(by_name)} |", "|---" * (len(by_name) + 1) + "|"]
    for points in zip(*by_name.values(), strict=True):
        cells = [str(int(points[0]["images"][0]))]
        for point in points:
            mean = {key: statistics.fmean(values) for key, values in point.items()}
            lpips = f"{mean['lpips']:.3f}" if "lpips" in mean else "–"
            cells.append(f"{lpips} / {mean['frechet']:.1f} / {1000 * mean['kid']:.1f}")
        lines.append(f"| {' | '.join(cells)} |")
    real = found["real"]
    floor = f"Real against real: – / {real['frechet']:.1f} / {1000 * real['kid']:.1f}."
    return [*lines, "", floor, "LPIPS shares its backbone with the perceptual loss."]


def quality_plot(found: dict[str, Any]) -> np.ndarray:
    """A panel for each score, a curve for each precision with a band from the least to the largest seed."""
    panels = []
    for key, title, factor in (
        ("lpips", "LPIPS", 1), ("frechet", found["metric"], 1), ("kid", "KID, thousandths", 1000),
    ):  # fmt: skip
        curves = []
        for name, points in means(found).items():
            if points and key in points[0]:
                values = [[factor * value for value in point[key]] for point in points]
                x = [point["images"][0] / 1000 for point in points]
                mean = [statistics.fmean(seeds) for seeds in values]
                curves.append(Curve(name, x, mean, [*map(min, values)], [*map(max, values)]))
        if curves:
            floor = factor * found["real"][key] if key in found["real"] else None
            panels.append(Panel(title, curves, floor))
    return plot(panels, "thousand pictures seen", "real against real")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `python -m train proof`."""
    add = parser.add_argument
    add("--data", type=Path, required=True, help="folder with training and validation, or where to put them")
    add("--out", type=Path, required=True, help="folder of the results")
    add("--parts", default=",".join(PARTS), help="default: %(default)s")
    add("--minutes", type=float, default=25, help="for all parts together (default: %(default)s)")
    add("--device", default="cuda", help="quality can be tried on a cpu (default: %(default)s)")
    add("--preset", choices=spade.PRESETS, default="small", help="of quality's runs (default: %(default)s)")
    add("--precisions", default=",".join(PRECISIONS_COMPARED), help="of the runs (default: %(default)s)")
    add("--images", type=whole(1), default=40_000, help="of each run (default: %(default)s)")
    add("--batch", type=whole(1), default=16, help="of each run (default: %(default)s)")
    add("--seeds", type=whole(1), default=3, help="at most (default: %(default)s)")
    add(
        "--size",
        type=whole(1, 4096),
        default=128,
        help="height and width of its pictures (default: %(default)s)",
    )
    add("--frames", type=whole(1), default=4000, help="to learn from; half as many to judge (%(default)s)")
    add("--perceptual-weights", type=Path, metavar="FILE", help="another SqueezeNet (safetensors)")
    add("--metric-weights", type=Path, metavar="FILE", help="another MobileNetV2 (safetensors)")


def test(seconds: float) -> bool:
    """Run the tests that need a GPU, for at most so many `seconds`; False if one fails."""
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS]
    try:
        return subprocess.run(words, check=False, timeout=max(seconds, 1)).returncode == 0
    except subprocess.TimeoutExpired:
        say("the tests took too long and were stopped")
        return False


def run(arguments: argparse.Namespace) -> int:
    """Do the parts in turn; 1 if a test fails (the other parts are done all the same)."""
    parts, device, code = arguments.parts.split(","), torch.device(arguments.device), 0
    unknown = set(parts) - set(PARTS)
    if unknown:
        raise ValueError(f"--parts {arguments.parts}: there are {', '.join(PARTS)}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    began, whole = time.monotonic(), 60 * arguments.minutes
    end_of = {name: began + whole * minute / PARTS["quality"] for name, minute in PARTS.items()}
    tasks: dict[str, Callable[[], list[str]]] = {
        "kernels": lambda: kernels(device),
        "bench": lambda: benches(device, end_of["bench"]),
        "inference": lambda: inference(device),
        "quality": lambda: quality(arguments, device, end_of["quality"]),
    }
    for part in parts:
        say(f"{part}, after {(time.monotonic() - began) / 60:.1f} minutes")
        if part == "tests":
            code = 0 if test(end_of["tests"] - time.monotonic()) else 1
            continue
        text = "\n".join(tasks[part]()) + "\n"
        print(text, flush=True)
        (arguments.out / f"{part}.md").write_text(text, encoding="utf-8")
    return code
