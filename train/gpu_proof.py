"""`python -m train.gpu_proof --data FOLDER --out FOLDER`: what a GPU must show, in one go.

The parts, each with a file of its own in --out, and each optional (--parts):

- *tests*: the kernels against plain torch and against torch's parametrization, on this GPU.
- *kernels*: time and bandwidth of spectral norm beside those of a copy.
- *bench*: the tables of `python -m train bench` for SPADE at SMALL and PAPER size.
- *inference*: one picture, as a CUDA graph.
- *quality*: SPADE SMALL at 128 px on the built-in world, same data, seed and images, in each precision:
  LPIPS, Fréchet and kernel distances at five points of the run, beside real pictures against real ones.

--data holds two data folders, `training` and `validation` (`python -m train world --size 160`); what is not
there is rendered on the GPU. When --minutes are over, no further seed begins.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cgan.models import spade
from train import bench, recipes, teachers
from train.bank import PRECISIONS, Bank
from train.batches import Painted
from train.data import PaintedData, read_painted
from train.evaluate import Metrics, frechet, kernel_distance, photographs
from train.log import say
from train.publish import hardware
from train.run import Run
from train.spectral import Spectral
from train.trainer import Trainer
from train.world import folder as world

PARTS = ("tests", "kernels", "bench", "inference", "quality")
SIZE, STORED, HELD_OUT, TRAINING = (128, 128), (160, 160), 2000, 4000
FAR = 500_000  # the first world of the held-out frames
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
        refresh = seconds_of(lambda it=it: it.refresh(bank.effective, bank.half))
        correct = seconds_of(lambda it=it: it.correct(bank.gradient, bank.effective))
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


def benches(device: torch.device, steps: int = 10) -> list[str]:
    """The tables: SMALL and PAPER, eager in all precisions, and compiled in one."""
    torch.backends.cudnn.benchmark = True
    lines = []
    runs = [("small", 128, 4, False), ("small", 128, 64, False), ("paper", 256, 16, False)]
    runs += [("small", 128, 4, True), ("paper", 256, 16, True)]
    for preset, side, batch, compiled in runs:
        judge = "vgg19" if preset == "paper" else "squeezenet"
        new = bench.maker("spade", preset, (side, side), batch, device, judge)
        ways = bench.choose_ways("fp16" if compiled else None, compiled, device)
        measured = {}
        for group in bench.grouped(ways, apart=True):
            measured |= bench.measure(group, new, steps)
            torch.cuda.empty_cache()
        table = bench.table(measured, batch)
        lines += [f"SPADE {preset}, {side}x{side}, batch {batch}, {judge}, {hardware(device)}", "", table, ""]
    return lines


@torch.no_grad()
def inference(device: torch.device) -> list[str]:
    """Milliseconds for one picture of 256x256 in fp16, eager and as a CUDA graph."""
    lines = [
        f"One picture, 256x256, {hardware(device)}",
        "",
        "| | fp16, eager | fp16, graph |",
        "|---|---|---|",
    ]
    for preset in ("small", "paper"):
        model = spade.Model(spade.PRESETS[preset]).to(device, torch.float16).eval()
        model.to(memory_format=torch.channels_last)
        labels = Painted.fake(1, (256, 256), model.config.classes, device).labels
        style = torch.randn(1, model.config.style, device=device, dtype=torch.float16)
        noise = torch.randn(1, 1, 256, 256, device=device, dtype=torch.float16)

        def paint(model: nn.Module = model, labels=labels, style=style, noise=noise) -> torch.Tensor:
            condition = model.condition(labels).half().contiguous(memory_format=torch.channels_last)
            return model(condition, style, noise)

        eager = seconds_of(paint)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            paint()
        replayed = seconds_of(graph.replay)
        lines.append(f"| {preset} | {1000 * eager:.2f} ms | {1000 * replayed:.2f} ms |")
    return lines


class Judge:
    """In a publisher's place: it measures the averaged model at each evaluation, and saves nothing."""

    def __init__(self, held_out: PaintedData, metrics: Metrics, real: torch.Tensor, folder: Path):
        self.held_out, self.metrics, self.real, self.folder = held_out, metrics, real, folder
        self.rows: list[dict[str, float]] = []
        self.published = False

    def judge(self, recipe: Any, model: nn.Module, images: int, seconds: float) -> dict[str, float]:
        """LPIPS, Fréchet and kernel distance of the pictures in their photographs' styles."""
        measured = self.metrics.measure(
            lambda batch: recipe.paint(model, batch, seed=0, own_style=True), self.held_out
        )
        row = {"images": images, "seconds": round(seconds, 1)} | scores(measured, self.real)
        self.rows.append(row)
        self.published = True
        say(f"{images} images: {row}")
        return row

    def facts(self) -> dict:
        """Nothing that the training state would need."""
        return {}


def scores(measured: Any, real: torch.Tensor) -> dict[str, float]:
    """What was measured against the features of the real pictures."""
    found = {} if measured.distances is None else {"lpips": measured.distances.mean().item()}
    return found | {
        "frechet": frechet(measured.features, real),
        "kid": kernel_distance(measured.features, real),
    }


def frames(folder: Path, count: int, first: int, device: torch.device) -> PaintedData:
    """The data folder, rendered if it is not there, without instances and on the GPU."""
    if not folder.is_dir():
        say(f"rendering {count} frames into {folder}")
        for done in world.write(folder, count, STORED, first, device):
            if done % 500 < 8:
                say(f"{done} of {count}")
    return replace(read_painted(folder, SIZE, say), instances=None).to(device)


def quality(arguments: argparse.Namespace, device: torch.device, deadline: float) -> list[str]:
    """Runs alike but for their precision; quality.json is written anew after each."""
    training = frames(arguments.data / "training", TRAINING, 0, device)
    held_out = frames(arguments.data / "validation", HELD_OUT, FAR, device)
    metrics = Metrics(arguments.perceptual_weights, arguments.metric_weights, device, say)
    real = metrics.measure(photographs, held_out)
    others = metrics.measure(photographs, training.subset(range(min(len(training), len(held_out)))))
    found = {"metric": metrics.frechet_name, "real": scores(others, real.features), "runs": []}
    found["real"].pop("lpips", None)  # of a picture with itself
    took = 0.0
    for seed in range(arguments.seeds):
        if time.monotonic() + took > deadline:
            say(f"no time for seed {seed}")
            break
        began = time.monotonic()
        for precision in ("fp32", "bf16", "fp16"):
            rows = learn(arguments, training, held_out, metrics, real.features, device, precision, seed)
            found["runs"].append({"precision": precision, "seed": seed, "rows": rows})
            text = json.dumps(found, indent=1) + "\n"
            (arguments.out / "quality.json").write_text(text, encoding="utf-8")
        took = time.monotonic() - began
    return quality_table(found)


def learn(
    arguments: argparse.Namespace,
    training: PaintedData,
    held_out: PaintedData,
    metrics: Metrics,
    real: torch.Tensor,
    device: torch.device,
    precision: str,
    seed: int,
) -> list[dict[str, float]]:
    """One run of SPADE SMALL -> its rows of scores."""
    say(f"learning in {precision}, seed {seed}")
    strict = precision != "fp32"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = strict
    run = Run(
        size=SIZE, images=arguments.images, batch=arguments.batch, precision=precision, seed=seed,
        evaluate_every=arguments.images // 5, save_minutes=1e6, calibrate=30,
    )  # fmt: skip
    recipe_of = recipes.module("spade")
    torch.manual_seed(seed)
    config = recipe_of.Recipe.configure(spade.PRESETS["small"], training)
    perceptual = teachers.perceptual("auto", arguments.perceptual_weights, say)
    recipe = recipe_of.Recipe(config, recipe_of.PRESETS["small"], perceptual and perceptual.to(device))
    with tempfile.TemporaryDirectory() as folder:
        judge = Judge(held_out, metrics, real, Path(folder))
        Trainer(recipe, training, run, judge, device, precision).fit()
    return judge.rows


def quality_table(found: dict) -> list[str]:
    """Markdown: a row for each evaluation, a column of scores for each precision."""
    names = list(dict.fromkeys(run["precision"] for run in found["runs"]))
    lines = [f"LPIPS / {found['metric']} / KID x 1000, means of the seeds", ""]
    lines += [f"| images | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for i in range(min((len(run["rows"]) for run in found["runs"]), default=0)):
        cells = [str(found["runs"][0]["rows"][i]["images"])]
        for name in names:
            rows = [run["rows"][i] for run in found["runs"] if run["precision"] == name]
            means = {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]}
            cells.append(
                f"{means.get('lpips', float('nan')):.3f} / {means['frechet']:.1f} / {1000 * means['kid']:.1f}"
            )
        lines.append(f"| {' | '.join(cells)} |")
    real = found["real"]
    floor = f"Real against real: – / {real['frechet']:.1f} / {1000 * real['kid']:.1f}."
    return [*lines, "", floor, "LPIPS shares its backbone with the perceptual loss."]


def main() -> int:
    """Do the parts in turn; 1 if the tests of the kernels fail."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with training and validation")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--parts", default=",".join(PARTS), help="default: %(default)s")
    parser.add_argument("--minutes", type=float, default=25, help="default: %(default)s")
    parser.add_argument("--images", type=int, default=40_000, help="of each run (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=16, help="of each run (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="at most (default: %(default)s)")
    parser.add_argument("--perceptual-weights", type=Path, help="SqueezeNet (safetensors)")
    parser.add_argument("--metric-weights", type=Path, help="MobileNetV2 (safetensors)")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    deadline, device = time.monotonic() + 60 * arguments.minutes, torch.device("cuda", 0)
    tasks: dict[str, Callable[[], list[str]]] = {
        "kernels": lambda: kernels(device),
        "bench": lambda: benches(device),
        "inference": lambda: inference(device),
        "quality": lambda: quality(arguments, device, deadline),
    }
    for part in arguments.parts.split(","):
        if part == "tests":
            tests = [sys.executable, "-m", "pytest", "-q", "tests/test_spectral.py", "tests/test_bank.py"]
            if subprocess.run(tests, check=False).returncode:
                return 1
            continue
        text = "\n".join(tasks[part]()) + "\n"
        print(text, flush=True)
        (arguments.out / f"{part}.md").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
