"""`python -m train bench vid2vid --inference small`: how long a frame of a video takes, in several ways.

A street is seen by a camera that goes to the right, so that each map shares most of its patches with the one
before. Beside the model, plain and sooner, the same maps are painted one by one by SPADE of the same preset,
by patch tables. The ways take turns in one process. Time of day depends on the machine's other programs, the
processor's time does not: the table has both.

All ways of the model make each frame of the plain way's past: two films of random weights would part soon, as
each frame feeds the next. And noise moves by whole pixels along the flow (`cgan/layers/grain.py`): where that
lies half-way between two, rounding decides which noise a pixel gets. Such frames are as good, but not the
same; they are told apart.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from cgan import models
from cgan.checkpoint import load_model, locate, read
from cgan.models import spade, vid2vid
from cgan.runtime import Runtime, allow_tf32
from train import recipes
from train.bench import inference
from train.publish.publisher import hardware, versions
from train.run import check_size

PLAIN, SOONER, ALONE = "plain", "sooner: labels looked up", "SPADE, frame by frame, patch tables"
STEP = 2  # pixels that the camera moves on in a frame
DISTANCE = 10.0  # metres to everything that it sees

# The next map, int64 (1, 1, H, W), and what is remembered (None: nothing yet) -> image (1, 3, H, W), what is
# remembered then
Film = Callable[[Tensor, Any], tuple[Tensor, Any]]


class Times(NamedTuple):
    """Medians of the seconds that a frame takes, of the day and of the processor; the largest difference from
    the plain way's frames, and `tipped`: that of each frame whose noise rounding has moved.
    """

    day: float
    processor: float
    apart: float
    tipped: Sequence[float] = ()


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

    def paint(labels: Tensor, past: Any) -> tuple[Tensor, Any]:
        ids = labels % painter.config.classes
        if faster is not None:
            return faster(painter.symbols(ids)[0, 0], style, noise), None
        return painter(painter.condition(ids), style.to(ids.device), noise.to(ids.device)), None

    return ways | {ALONE: paint}


def filmed(model: Any, size: tuple[int, int]) -> Film:
    """The next frame by a video model, of a clip that begins with the first call."""
    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(0)
    references = torch.rand(1, 1, 3, *size, generator=generator).to(device) * 2 - 1
    normal = torch.randn(1, model.config.style, generator=generator).to(device)
    start = model.begin(references if model.references[0] else None, None, None, normal)
    count = 0

    def film(labels: Tensor, past: Any) -> tuple[Tensor, Any]:
        nonlocal count
        place = None
        if model.needs_geometry:
            pose = torch.eye(4, device=device)[None]
            pose[0, 0, 3] = count * STEP * DISTANCE / size[1]
            camera = torch.tensor([[size[1], size[1], size[1] / 2, size[0] / 2]], device=device).float()
            place = torch.full((1, 1, *size), DISTANCE, device=device), pose, camera
        count += 1
        made: tuple[Tensor, Any] = model.advance(labels, start if past is None else past, place)
        return made

    return film


def clip(size: tuple[int, int], classes: int) -> Callable[[int], np.ndarray]:
    """The map of each frame, uint8 (H, W)."""
    street = inference.street(size[0], classes)
    return lambda number: np.roll(street, -STEP * number, 1)


@torch.inference_mode()
def race(
    ways: dict[str, Film], maps: Callable[[int], np.ndarray], rounds: int, device: torch.device
) -> dict[str, Times]:
    """Frames by all ways in turn, each of the plain way's past; the first three, which have less of a past,
    are not timed.
    """
    days: dict[str, list[float]] = {way: [] for way in ways}
    processors: dict[str, list[float]] = {way: [] for way in ways}
    apart, tipped = dict.fromkeys(ways, 0.0), {way: list[float]() for way in ways}
    past: Any = None
    for number in range(rounds + 3):
        ids = torch.from_numpy(maps(number).astype(np.int64))[None, None].to(device)
        made: dict[str, tuple[Tensor, Any]] = {}
        for way, film in ways.items():
            began, worked = time.perf_counter(), time.process_time()
            made[way] = film(ids, past)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            days[way].append(time.perf_counter() - began)
            processors[way].append(time.process_time() - worked)
        truth, then = made[PLAIN]
        for way, (image, remembered) in made.items():
            difference = (image - truth).abs().max().item()
            if same_noise(remembered, then):
                apart[way] = max(apart[way], difference)
            else:
                tipped[way].append(difference)
        past = then
    return {
        way: Times(
            statistics.median(days[way][3:]), statistics.median(processors[way][3:]), apart[way], tipped[way]
        )
        for way in ways
    }


def same_noise(one: Any, other: Any) -> bool:
    """Whether two ways of making a frame have moved its noise alike; so too where there is none."""
    for past in (one, other):
        if not isinstance(past, vid2vid.Past) or past.grain is None:
            return True
    return torch.equal(one.grain.latest, other.grain.latest)


def table(measured: dict[str, Times]) -> str:
    """Markdown of the times; SPADE paints other pictures, so that nothing is compared with it."""
    lines = [
        "| way | ms a frame | frames/s | the processor's ms | largest difference |",
        "|---|---|---|---|---|",
    ]
    notes = []
    for way, (day, processor, apart, tipped) in measured.items():
        difference = "–" if way == ALONE else f"{apart:.0e}"
        lines.append(f"| {way} | {1000 * day:.3g} | {1 / day:.3g} | {1000 * processor:.3g} | {difference} |")
        if tipped:
            shown = f"{len(tipped)}, up to {max(tipped):.0e} apart"
            notes += ["", f"{way}: frames in which rounding gave a pixel other noise: {shown}."]
    return "\n".join(lines + notes)
