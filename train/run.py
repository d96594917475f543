"""The options of a run, and the paths, the schedule and the order of pictures that follow from them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from cgan.ranges import Batches, Count, Minutes, Seed, Share, Sides, Whole


@dataclass(frozen=True)
class Run:
    """This machine and this folder."""

    data: Path | None = None  # folder of training data; none: the built-in world
    out: Path | None = None  # folder of the checkpoint (default: checkpoints/MODEL-DATA)
    size: Sides = (128, 128)  # height x width of the training crops, multiples of 32 or more
    images: Count = 40_000  # pictures to see in all: the unit of progress
    batch: Batches = 4  # pictures in a batch, on each process
    accumulate: Batches = 1  # batches whose gradients are added up in a step
    precision: Literal["auto", "fp16", "bf16", "tf32", "fp32", "fp64"] = "auto"  # fp16 on CUDA, else fp32
    device: str = "auto"  # auto, cpu, cuda, cuda:N, mps
    compile: bool = False  # compile the networks (torch.compile); eager, with the reason, where that fails
    graphs: bool | None = None  # whole steps as CUDA graphs; else eager, and why (default: on one GPU)
    tables: Literal["auto", "on", "off"] = "auto"  # SPADE: patch tables (auto: on a CPU, where they pay)
    seed: Seed = 0  # of weights, order, crops and noise
    decay_from: Share = 0.5  # share of the run after which the learning rates fall linearly to zero
    validation: str = "0.05"  # chooses the weights: a folder, a share (set aside: 1,000 at most), or none
    evaluate_every: Whole = 0  # pictures between evaluations (0: a twentieth of the run, sooner at first)
    save_minutes: Minutes = 5.0  # minutes between two saves of the training state
    calibrate: Batches = 30  # batches over which the averaged model's statistics are estimated
    perceptual: Literal["auto", "squeezenet", "vgg19", "none"] = "auto"  # its network (auto: SqueezeNet)
    perceptual_weights: Path | None = None  # other weights (safetensors) than the bundled or downloaded
    metric_weights: Path | None = None  # other MobileNet features (safetensors) for the distance
    start_from: str | None = None  # fine-tune this checkpoint: a name, a folder or a Hub repository
    fresh: bool = False  # delete the run in --out and start anew
    data_name: str | None = None  # what the model card calls the data (default: the folder's name)
    class_names: str = ""  # names of classes for which the data have but numbers, by id: sky,road,…
    licence: str = "not stated"  # licence of the checkpoint, for the model card
    attribution: str = ""  # who must be named, for the model card


# What a preset changes in Run.
PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {"size": (64, 64), "images": 2_000},
    "small": {},
    "paper": {"size": (256, 256), "images": 1_000_000, "batch": 16},
}

# Headings of the help, and which options stand under each; the first has what most people need.
GROUPS = {
    "what matters most": (
        *("data", "out", "size", "images", "batch"),
        *("validation", "device", "precision", "start_from"),
    ),
    "on this machine": ("accumulate", "compile", "graphs", "tables", "save_minutes", "fresh"),
    "course and scores": (
        *("seed", "decay_from", "evaluate_every", "calibrate"),
        *("perceptual", "perceptual_weights", "metric_weights"),
    ),
    "for the model card": ("data_name", "class_names", "licence", "attribution"),
}

# Options that may differ when a run is resumed. They change where it runs, what is said of it and how long it
# is, not what a step computes. But `images` moves the end towards which the learning rates fall: a run that
# was lengthened goes on with other rates than one that was as long from the start.
MAY_DIFFER = {
    *("data", "out", "images", "device", "compile", "graphs", "save_minutes", "evaluate_every", "fresh"),
    *("tables", "perceptual_weights", "metric_weights", "data_name", "licence", "attribution"),
}


def check(run: Run, multiple: int) -> None:
    """Raise ValueError for what no range can tell, naming the flag and what is allowed.

    multiple: what must divide height and width.
    """
    check_size(run.size, multiple)


def check_size(size: tuple[int, int], multiple: int) -> None:
    """Raise ValueError for a size whose sides are no multiples, naming the nearest that is one."""
    height, width = size
    if height % multiple or width % multiple:
        near = "x".join(str(max(1, round(side / multiple)) * multiple) for side in size)
        raise ValueError(
            f"--size {height}x{width}: height and width must be multiples of {multiple}, such as {near}"
        )


def wants_graphs(run: Run, device: torch.device, processes: int) -> bool:
    """Whether steps are to come from CUDA graphs: as was said, else on one GPU, unless it is to compile.

    From a graph, a small network's step took a third to a half of the time; several processes stay eager.
    """
    if run.graphs is not None:
        return run.graphs
    return device.type == "cuda" and processes == 1 and not run.compile


def rate(base: float, images: int, run: Run) -> float:
    """The learning rate after `images`: constant, then falling linearly to zero at the end of the run."""
    left = (run.images - images) / run.images
    return base * min(1.0, left / (1 - run.decay_from)) if run.decay_from < 1 else base


def order(start: int, count: int, length: int, seed: int) -> torch.Tensor:
    """Which of `length` samples are the images `start` to `start + count` of a run, shuffled each epoch."""
    picked = []
    for epoch in range(start // length, (start + count - 1) // length + 1):
        generator = torch.Generator().manual_seed(mix(seed, epoch))
        first = epoch * length
        shuffled = torch.randperm(length, generator=generator)
        picked.append(shuffled[max(start - first, 0) : start + count - first])
    return torch.cat(picked)


def mix(*numbers: int) -> int:
    """One seed made of several numbers (FNV-1a)."""
    value = 0xCBF29CE484222325
    for number in numbers:
        value = ((value ^ (number & 0xFFFFFFFF)) * 0x100000001B3) & 0x7FFFFFFFFFFFFFFF
    return value
