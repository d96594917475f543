"""`python -m train proof --data FOLDER --out FOLDER`: that half precision pays and costs no quality, here.

The parts, each with a file of its own in --out, and each optional (--parts). The first four need a GPU, where
all of it takes 25 minutes; on a CPU the other two are made, smaller.

- *tests*: kernels and graphs against plain torch, and against torch's parametrization, on this GPU.
- *kernels*: time and bandwidth of spectral norm beside those of a copy.
- *bench*: the tables of `python -m train bench` for SPADE at SMALL and PAPER size.
- *inference*: one picture, eager and from a CUDA graph.
- *speed*: pictures a second and memory of SPADE SMALL in each arm (`--precisions`), the arms taking turns.
- *quality*: SPADE SMALL on the built-in world, same data, seed and images, in each arm: LPIPS, Fréchet and
  kernel distances at five points of the run, with the noise of seeds, beside real pictures against real ones,
  as tables (quality.md), a plot (quality.png) and numbers (quality.json).

An arm is a precision with our spectral norm, or with torch's: `bf16`, `bf16:torch`. On a CPU without bf16
units bf16 is slow: give `--precisions fp32,fp32:torch`.

--data holds two data folders, `training` and `validation` (`python -m train world --size 160`); what is not
there is rendered. Each part has its share of --minutes and leaves out what no longer fits; quality takes what
the others leave. Runs that quality.json has are not made again, so that the same command goes on where it was
stopped. LPIPS shares its backbone with the perceptual loss of the runs.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from cgan.files import parsed
from cgan.graphs import Replayed
from cgan.models import spade
from cgan.ranges import real, whole
from cgan.runtime import Runtime
from train import recipes
from train.bench import arms
from train.bench import learning as bench
from train.bench.pace import pace, table
from train.bench.quality import late, quality
from train.data.batches import Painted
from train.engine.bank import PRECISIONS, Bank
from train.engine.memory import keep_freed
from train.engine.spectral import Spectral
from train.log import say
from train.publish.publisher import hardware, versions

# The parts, and the minute of the whole by which each must have come to its end.
PARTS = {"tests": 3, "kernels": 4, "bench": 11, "inference": 12, "speed": 13, "quality": 25}
NEED_GPU = ("tests", "kernels", "bench", "inference")
TESTS = ("tests/test_spectral.py", "tests/test_bank.py", "tests/test_graphs.py")
# What is taken where a flag is not given. On a CPU a run is one of minutes.
ON_GPU = {"parts": ",".join(PARTS), "minutes": 25, "images": 40_000, "batch": 16, "size": 128, "frames": 4000}
ON_CPU = {"parts": "speed,quality", "minutes": 120, "images": 2000, "batch": 4, "size": 64, "frames": 1000}
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `python -m train proof`."""
    add = parser.add_argument

    def differs(name: str) -> str:
        return f"(default: {ON_GPU[name]} on a GPU, {ON_CPU[name]} elsewhere)"

    add("--data", type=Path, required=True, help="folder with training and validation, or where to put them")
    add("--out", type=Path, required=True, help="folder of the results")
    add("--parts", help=f"of {', '.join(PARTS)} (default: all on a GPU, {ON_CPU['parts']} elsewhere)")
    add("--minutes", type=real(0, 100_000), help=f"for all parts together {differs('minutes')}")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:N (default: a GPU if there is one)")
    add(
        "--preset", choices=spade.PRESETS, default="small", help="of speed and quality (default: %(default)s)"
    )
    add("--precisions", metavar="ARMS", help=f"{', '.join(arms.ON_GPU)}, … (default: what suits the device)")
    add("--images", type=whole(1), help=f"of each run {differs('images')}")
    add("--batch", type=whole(1), help=f"of each run {differs('batch')}")
    add("--seeds", type=whole(1), default=3, help="at most (default: %(default)s)")
    add("--size", type=whole(1, 4096), help=f"height and width of its pictures {differs('size')}")
    add("--frames", type=whole(1), help=f"to learn from; half as many to judge {differs('frames')}")
    add("--perceptual-weights", type=Path, metavar="FILE", help="another SqueezeNet (safetensors)")
    add("--metric-weights", type=Path, metavar="FILE", help="another MobileNetV2 (safetensors)")


def complete(arguments: argparse.Namespace, device: torch.device) -> list[str]:
    """Fill in what was not given, as it suits the device -> the parts. ValueError for what is not there."""
    suits = ON_GPU if device.type == "cuda" else ON_CPU
    given = {name: value for name, value in vars(arguments).items() if value is not None}
    vars(arguments).update({**suits, "precisions": arms.default(device), **given})
    parts: list[str] = arguments.parts.split(",")
    if set(parts) - set(PARTS):
        raise ValueError(f"--parts {arguments.parts}: there are {', '.join(PARTS)}")
    if device.type != "cuda" and set(parts) & set(NEED_GPU):
        raise ValueError(f"--parts {arguments.parts}: {', '.join(NEED_GPU)} need a GPU")
    arms.parse(arguments.precisions, device)
    return parts


def speed(arguments: argparse.Namespace, device: torch.device) -> list[str]:
    """Pictures a second and memory of each arm; speed.json keeps them for quality's table."""
    compared = arms.parse(arguments.precisions, device)
    measured = pace(compared, arguments.preset, arguments.size, arguments.batch, device)
    (arguments.out / "speed.json").write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    size = f"{arguments.size}x{arguments.size}"
    heading = f"SPADE {arguments.preset}, {size}, batch {arguments.batch}, {here(device)}"
    return [heading, "", *table(measured, compared)]


def measured_speed(arguments: argparse.Namespace) -> dict[str, Any]:
    """What part *speed* left in --out, now or before."""
    file = arguments.out / "speed.json"
    return parsed(file.read_text(encoding="utf-8")) if file.is_file() else {}


def here(device: torch.device) -> str:
    """The machine, and its torch."""
    return f"{hardware(device)}, torch {versions()['torch']}"


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
    device, code = Runtime.choose(arguments.device).device, 0
    parts = complete(arguments, device)
    if device.type == "cpu":
        keep_freed()
    arguments.out.mkdir(parents=True, exist_ok=True)
    began, whole = time.monotonic(), 60 * arguments.minutes
    end_of = {name: began + whole * minute / PARTS["quality"] for name, minute in PARTS.items()}
    tasks: dict[str, Callable[[], list[str]]] = {
        "kernels": lambda: kernels(device),
        "bench": lambda: benches(device, end_of["bench"]),
        "inference": lambda: inference(device),
        "speed": lambda: speed(arguments, device),
        "quality": lambda: quality(
            arguments, device, end_of["quality"], here(device), measured_speed(arguments)
        ),
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
