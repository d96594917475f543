"""`python -m train bench vid2vid --inference small`: how long a frame of a video takes, in several ways.

A street is seen by a camera that goes to the right, so that each map shares most of its patches with the one
before. Beside the model, plain and sooner, the same maps are painted one by one by SPADE of the same preset,
by patch tables. The ways take turns in one process. Time of day depends on the machine's other programs, the
processor's time does not: the table has both.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from cgan import models
from cgan.checkpoint import load_model, locate, read
from cgan.models import spade
from cgan.runtime import Runtime, allow_tf32
from train import recipes
from train.bench import inference
from train.publish.publisher import hardware, versions
from train.run import check_size

PLAIN, SOONER, ALONE = "plain", "sooner: labels looked up", "SPADE, frame by frame, patch tables"
STEP = 2  # pixels that the camera moves on in a frame
DISTANCE = 10.0  # metres to everything that it sees

Film = Callable[[Tensor], Tensor]  # the next map, int64 (1, 1, H, W) -> image (1, 3, H, W)


class Times(NamedTuple):
    """Medians of the seconds that a frame takes, of the day and of the processor; the largest difference."""

    day: float
    processor: float
    apart: float


def films(model: str | None, source: str) -> bool:
    """Whether a preset `source` of `model`, or else the checkpoint `source`, makes videos."""
    if model is None:
        if source in spade.PRESETS:
            return False
        model = read(locate(source)).model
    task: str = models.module(model).Model.task
    return task == "animate"


def run(arguments: argparse.Namespace) -> int:
    """Measure and print the table; 0. Raises ValueError and CganError for what cannot be measured."""
    runtime, source = Runtime.choose(arguments.device, "fp32"), arguments.inference
    if arguments.rounds < 1:
        raise ValueError(f"--rounds {arguments.rounds}: at least 1")
    size = arguments.size, arguments.size
    model, preset = model_of(arguments.model, source, size)
    allow_tf32(False)
    ways, maps = ways_of(model, preset, size, runtime), clip(size, model.config.classes)
    measured = race(ways, maps, arguments.rounds, runtime.device)
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    name = f"{arguments.model} {source}" if arguments.model else source
    where = f"{hardware(runtime.device)}, {torch.get_num_threads()} threads, torch {versions()['torch']}"
    text = f"{name}: {millions:.1f} M weights, {size[0]}x{size[1]}, fp32, {where}\n\n{table(measured)}\n"
    print(text)
    if arguments.out is not None:
        arguments.out.write_text(text, encoding="utf-8")
    return 0


def model_of(name: str | None, source: str, size: tuple[int, int]) -> tuple[Any, str]:
    """A preset's model with random weights, or a checkpoint's; and the preset's name.

    ValueError where it cannot make frames of that size.
    """
    if name is None:
        checkpoint, module = load_model(locate(source))
        model: Any = module
        check_size(size, model.multiple)
        return model, str(checkpoint.about.get("preset", "small"))
    presets = models.module(name).PRESETS
    if source not in presets:
        raise ValueError(f"{name} has no preset {source!r}; there are: {', '.join(presets)}")
    check_size(size, recipes.multiple_of(name, presets[source]))
    torch.manual_seed(0)
    return models.module(name).Model(presets[source]), source


def ways_of(model: Any, preset: str, size: tuple[int, int], runtime: Runtime) -> dict[str, Film]:
    """What makes the next frame, in each way."""
    ways = {PLAIN: filmed(runtime.prepare(model), size)}
    if runtime.device.type == "cpu":
        sooner = copy.deepcopy(model)
        sooner.faster()
        ways[SOONER] = filmed(sooner, size)
    painter = runtime.prepare(inference.model_of(preset))
    faster = painter.faster() if runtime.device.type == "cpu" else None
    style, noise = torch.zeros(1, painter.config.style), torch.zeros(1, 1, *size)

    def paint(labels: Tensor) -> Tensor:
        ids = labels % painter.config.classes
        if faster is not None:
            return faster(painter.symbols(ids)[0, 0], style, noise)
        return painter(painter.condition(ids), style.to(ids.device), noise.to(ids.device))

    return ways | {ALONE: paint}


def filmed(model: Any, size: tuple[int, int]) -> Film:
    """The next frame by a video model, which remembers the frames before."""
    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(0)
    references = torch.rand(1, 1, 3, *size, generator=generator).to(device) * 2 - 1
    normal = torch.randn(1, model.config.style, generator=generator).to(device)
    state = model.begin(references if model.references[0] else None, None, None, normal)
    count = 0

    def film(labels: Tensor) -> Tensor:
        nonlocal state, count
        place = None
        if model.needs_geometry:
            pose = torch.eye(4, device=device)[None]
            pose[0, 0, 3] = count * STEP * DISTANCE / size[1]
            camera = torch.tensor([[size[1], size[1], size[1] / 2, size[0] / 2]], device=device).float()
            place = torch.full((1, 1, *size), DISTANCE, device=device), pose, camera
        image, state = model.advance(labels, state, place)
        count += 1
        out: Tensor = image
        return out

    return film


def clip(size: tuple[int, int], classes: int) -> Callable[[int], np.ndarray]:
    """The map of each frame, uint8 (H, W)."""
    street = inference.street(size[0], classes)
    return lambda number: np.roll(street, -STEP * number, 1)


@torch.inference_mode()
def race(
    ways: dict[str, Film], maps: Callable[[int], np.ndarray], rounds: int, device: torch.device
) -> dict[str, Times]:
    """Frames by all ways in turn; the first three, which have less of a past, do not count."""
    days: dict[str, list[float]] = {way: [] for way in ways}
    processors: dict[str, list[float]] = {way: [] for way in ways}
    apart, images = dict.fromkeys(ways, 0.0), {}
    for number in range(rounds + 3):
        ids = torch.from_numpy(maps(number).astype(np.int64))[None, None].to(device)
        for way, film in ways.items():
            began, worked = time.perf_counter(), time.process_time()
            image = film(ids)
            if image.device.type == "cuda":
                torch.cuda.synchronize(image.device)
            days[way].append(time.perf_counter() - began)
            processors[way].append(time.process_time() - worked)
            images[way] = image
            apart[way] = max(apart[way], (image - images[PLAIN]).abs().max().item())
    return {
        way: Times(statistics.median(days[way][3:]), statistics.median(processors[way][3:]), apart[way])
        for way in ways
    }


def table(measured: dict[str, Times]) -> str:
    """Markdown of the times; SPADE paints other pictures, so that nothing is compared with it."""
    lines = [
        "| way | ms a frame | frames/s | the processor's ms | largest difference |",
        "|---|---|---|---|---|",
    ]
    for way, (day, processor, apart) in measured.items():
        difference = "–" if way == ALONE else f"{apart:.0e}"
        lines.append(f"| {way} | {1000 * day:.3g} | {1 / day:.3g} | {1000 * processor:.3g} | {difference} |")
    return "\n".join(lines)
