"""`python -m train bench --inference <checkpoint or preset>`: how long a picture takes, in several ways.

On a CPU: plainly, with folded norms, and by patch tables. On a GPU: plainly, with folded norms, in fp16, and
in fp16 from a CUDA graph.

The ways take turns in one process, so that another program's load falls on all of them. The table has the
medians, and the largest difference to the plain way in the units of an image, [-1, 1]. The two maps are
drawn: a street full of detail, and a doodle of a few large shapes.
"""

import argparse
import copy
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan import models
from cgan.checkpoint import load_model, locate
from cgan.graphs import Replayed
from cgan.layers.spade.norm import SpadeBlock, SpadeNorm
from cgan.models import spade
from cgan.ranges import whole
from cgan.runtime import Runtime, allow_tf32
from train.bench.neighbours import neighbours
from train.publish.publisher import hardware, versions

Paint = Callable[[Tensor], Tensor]  # ids int64 (1, 1, H, W) -> image (1, 3, H, W)
Measured = dict[str, tuple[float, float]]  # by way: median in milliseconds, largest difference
PLAIN, DENSE = "plain", "norms folded, channels last"
COLD, WARM = "patch tables, the first map", "patch tables, after a stroke"
HALF, GRAPH = "fp16, norms folded, channels last", "the same from a CUDA graph"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `python -m train bench --inference`."""
    parser.add_argument(
        "--inference",
        default="small",
        metavar="CHECKPOINT",
        help=f"a SPADE checkpoint: folder, name or Hub id; or {', '.join(spade.PRESETS)} with random weights",
    )
    parser.add_argument("--model", choices=models.names(), help="whose preset it is (default: spade)")
    parser.add_argument(
        "--size", type=whole(1, 4096), default=256, help="height and width of the map (default: 256)"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    parser.add_argument(
        "--rounds", type=whole(1), default=11, help="pictures painted in each way (default: 11)"
    )
    parser.add_argument(
        "--neighbours", type=whole(0), default=0, help="measure beside up to so many busy programs too (0)"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the table here too")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print the table; 0. Raises ValueError and CganError for what cannot be measured."""
    runtime = Runtime.choose(arguments.device, "fp32")
    if arguments.model not in (None, "spade"):
        raise ValueError(f"{arguments.model} is neither spade nor a video model: only these are measured")
    if arguments.size % spade.Model.multiple or arguments.size < spade.Model.multiple:
        raise ValueError(f"--size {arguments.size}: give a multiple of {spade.Model.multiple}")
    allow_tf32(False)
    model = model_of(arguments.inference).eval().requires_grad_(False)
    columns = []
    for draw in (street, doodle):
        labels = draw(arguments.size, model.config.classes)
        race = Race(model, runtime, labels)
        columns.append(race.run(arguments.rounds) | race.beside(arguments.neighbours, arguments.rounds))
    where = f"{hardware(runtime.device)}, torch {versions()['torch']}"
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    size = f"{arguments.size}x{arguments.size}"
    text = f"{arguments.inference}: {millions:.1f} M weights, {size}, fp32, {where}\n\n{table(*columns)}\n"
    print(text)
    if arguments.out is not None:
        arguments.out.write_text(text, encoding="utf-8")
    return 0


def table(street_: Measured, doodle_: Measured) -> str:
    """Markdown of {way: (milliseconds, largest difference)} for both maps."""
    lines = ["| way | street, ms | | doodle, ms | | largest difference |", "|---|---|---|---|---|---|"]
    for way in street_:
        cells = []
        for column in (street_, doodle_):
            cells.append(f"{column[way][0]:.3g} | {column[PLAIN][0] / column[way][0]:.1f}x")
        difference = max(street_[way][1], doodle_[way][1])
        lines.append(f"| {way} | {' | '.join(cells)} | {difference:.0e} |")
    return "\n".join(lines)


def model_of(name: str) -> spade.Model:
    """A checkpoint's model; or a preset, with random weights and statistics as if it had been trained."""
    if name not in spade.PRESETS:
        _, model = load_model(locate(name))
        if not isinstance(model, spade.Model):
            raise ValueError(f"{name} is no spade; only spade is measured")
        return model
    torch.manual_seed(0)
    model = spade.Model(spade.PRESETS[name])
    for key, value in model.state_dict().items():
        if key.endswith("base.variance"):
            value.uniform_(0.5, 2)
        elif key.endswith("base.mean") or "noise" in key:
            value.normal_(std=0.2)
    model.to_rgb.weight.data *= 8  # so that pictures are not all but grey
    return model


class Race:
    """The ways to paint one map, in turns.

    Args: `labels` uint8 (H, W), the map; strokes are painted on copies of it.
    """

    def __init__(self, model: spade.Model, runtime: Runtime, labels: np.ndarray):
        self.runtime, self.labels, self.random = runtime, labels, np.random.default_rng(0)
        device = runtime.device
        plain = copy.deepcopy(model).to(device).to(memory_format=torch.contiguous_format)
        dense = folded(plain).to(memory_format=torch.channels_last)
        self.ways: dict[str, Paint] = {
            PLAIN: lambda ids: plain(plain.condition(ids), self.style, self.noise),
            DENSE: lambda ids: dense(last_channels(dense.condition(ids)), self.style, self.noise),
        }
        self.style = torch.randn(1, model.config.style).to(device)
        self.noise = torch.randn(1, 1, *labels.shape).to(device)
        self.prepare: dict[str, Callable[[], object]] = {}
        if device.type == "cpu":
            tables = copy.deepcopy(model).to(memory_format=torch.channels_last)
            cold, warm = tables.faster(), tables.faster()
            self.prepare = {COLD: cold.clear, WARM: lambda: self.ways[WARM](self.ids(labels))}
            self.ways[COLD] = lambda ids: cold(tables.symbols(ids)[0, 0], self.style, self.noise)
            self.ways[WARM] = lambda ids: warm(tables.symbols(ids)[0, 0], self.style, self.noise)
        if device.type == "cuda":
            self._add_halves(copy.deepcopy(dense).half())

    def _add_halves(self, half: spade.Model) -> None:
        """The ways of a model whose weights are fp16 too: autocast would cast them for each picture."""

        def paint(ids: Tensor, style: Tensor, noise: Tensor) -> Tensor:
            return half(last_channels(half.condition(ids).half()), style, noise).float()

        replayed = Replayed(paint)
        halves = self.style.half(), self.noise.half()
        self.ways[HALF] = lambda ids: paint(ids, *halves)
        self.ways[GRAPH] = lambda ids: replayed(ids, *halves)

    def ids(self, labels: np.ndarray) -> Tensor:
        """uint8 (H, W) -> int64 (1, 1, H, W) on the device."""
        return torch.from_numpy(labels.astype(np.int64))[None, None].to(self.runtime.device)

    def beside(self, most: int, rounds: int) -> Measured:
        """The quickest way again, beside one to `most` busy neighbours."""
        way = WARM if WARM in self.ways else DENSE
        found: Measured = {}
        for count in range(1, most + 1):
            with neighbours(count):
                found[f"{way}, {count} busy beside"] = self.run(rounds)[way]
        return found

    @torch.no_grad()
    def run(self, rounds: int) -> Measured:
        """{way: (median in milliseconds, largest difference to PLAIN)}; a first round does not count."""
        times: dict[str, list[float]] = {way: [] for way in self.ways}
        apart, images = dict.fromkeys(self.ways, 0.0), {}
        for _ in range(rounds + 1):
            ids = self.ids(self._with_a_stroke())
            for way, paint in self.ways.items():
                self.prepare.get(way, lambda: None)()
                with self.runtime.computing(ids.numel()):
                    began = self._now()
                    image = paint(ids)
                    times[way].append((self._now() - began) * 1000)
                images[way] = image
                apart[way] = max(apart[way], (image - images[PLAIN]).abs().max().item())
        return {way: (statistics.median(times[way][1:]), apart[way]) for way in self.ways}

    def _now(self) -> float:
        if self.runtime.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def _with_a_stroke(self) -> np.ndarray:
        """The map with a short stroke of the brush, each time at another place."""
        size, painted = len(self.labels), self.labels.copy()
        start = self.random.integers(size // 8, size * 7 // 8, 2)
        end = start + self.random.integers(-size // 8, size // 8, 2)
        label = int(self.random.integers(self.labels.max() + 1))
        cv2.line(painted, start.tolist(), end.tolist(), label, thickness=max(2, size // 32))
        return painted


class FoldedNorm(nn.Module):
    """A SpadeNorm whose statistics are part of the second convolution's weights: for comparison.

    Shapes: as SpadeNorm.
    """

    def __init__(self, norm: SpadeNorm):
        super().__init__()
        self.shared, self.modulation = norm.shared, copy.deepcopy(norm.modulation)
        factor = torch.rsqrt(norm.base.variance + norm.base.eps)
        weight, bias = (self.modulation.get_parameter(name) for name in ("weight", "bias"))
        for value, one in ((weight.data, 0), (bias.data, 1)):
            scale, shift = value.chunk(2)
            shape = (-1,) + (1,) * (value.dim() - 1)
            scale.add_(one).mul_(factor.view(shape))
            shift.sub_(scale * norm.base.mean.view(shape))

    def forward(self, x: Tensor, onehot: Tensor) -> Tensor:
        scale, shift = self.modulation(F.relu(self.shared(onehot))).chunk(2, 1)
        return torch.addcmul(shift, x, scale)


def folded(model: spade.Model) -> spade.Model:
    """A copy of a model in eval mode, with a FoldedNorm for each SpadeNorm."""
    model = copy.deepcopy(model)
    for block in model.blocks:
        assert isinstance(block, SpadeBlock)
        for name, part in list(block.named_children()):
            if isinstance(part, SpadeNorm):
                setattr(block, name, FoldedNorm(part))
    return model


def last_channels(x: Tensor) -> Tensor:
    """`x` (B, channels, H, W), its channels side by side in memory."""
    return x.contiguous(memory_format=torch.channels_last)


def street(size: int, classes: int) -> np.ndarray:
    """Sky, road, pavements, houses, trees, poles, signs and cars: uint8 (size, size), ids below `classes`."""
    random, labels = np.random.default_rng(1), np.zeros((size, size), np.uint8)
    label, horizon = _labels(classes), size * 2 // 5
    labels[horizon:] = label(1)
    road = np.array([[0.45, 0.4], [0.55, 0.4], [0.95, 1], [0.05, 1]]) * size
    cv2.fillPoly(labels, [road.astype(np.int32)], label(2))
    for _ in range(10):  # houses
        left, wide, tall = (
            int(random.integers(0, size)),
            int(random.integers(size // 12, size // 5)),
            random.uniform(0.1, 0.4),
        )
        cv2.rectangle(
            labels, (left, horizon - int(tall * size)), (left + wide, horizon + size // 20), label(3), -1
        )
    for _ in range(14):  # trees: ragged crowns
        x, y = int(random.integers(0, size)), int(random.integers(size // 5, horizon))
        for _ in range(30):
            spot = (x + int(random.normal(0, size / 30)), y + int(random.normal(0, size / 30)))
            cv2.circle(labels, spot, max(1, int(random.integers(size // 100, size // 30 + 2))), label(4), -1)
    for _ in range(8):  # poles with signs
        x, y = int(random.integers(0, size)), int(random.integers(size // 6, horizon))
        cv2.line(labels, (x, y), (x, horizon + size // 10), label(5), max(1, size // 128))
        cv2.circle(labels, (x, y), max(1, size // 50), label(6), -1)
    for number in range(24):  # cars and people, on bikes perhaps
        x, y, r = (
            int(random.integers(0, size)),
            int(random.integers(horizon, size)),
            int(random.integers(2, 18)),
        )
        r = r * size // 256 + 1
        cv2.ellipse(
            labels,
            (x, y),
            (2 * r, r) if number % 2 else (r // 2 + 1, r),
            0,
            0,
            360,
            label(7 + number % 3),
            -1,
        )
    return labels


def doodle(size: int, classes: int) -> np.ndarray:
    """A few large shapes: uint8 (size, size), ids below `classes`."""
    labels, label = np.zeros((size, size), np.uint8), _labels(classes)
    labels[size // 2 :] = label(1)
    cv2.ellipse(labels, (size // 3, size // 2), (size // 4, size // 5), 0, 180, 360, label(2), -1)
    cv2.rectangle(labels, (size * 5 // 8, size * 3 // 8), (size * 7 // 8, size * 5 // 8), label(3), -1)
    cv2.circle(labels, (size // 2, size * 3 // 4), size // 8, label(4), -1)
    return labels


def _labels(classes: int) -> Callable[[int], int]:
    """Ids for the things that are drawn, however few classes there are."""
    return lambda thing: thing % classes
