"""`python -m train tune CHECKPOINT --references FOLDER --out FOLDER`: few-shot video of one subject, better.

Wang, Liu, Tao, Liu, Kautz, Catanzaro: Few-shot Video-to-Video Synthesis, NeurIPS 2019 (section 3.3: the model
is fine-tuned on the references before a video is made). What makes weights of references and the generator's
blocks learn to give each reference from the others, or from itself where it is alone; the references are
moved and mirrored, so that they are not copied in place. There is no discriminator.

FOLDER is laid out as a folder of one clip: images/, and labels/, poses/ or landmarks/ with files of the same
names; nothing but images/ for a model of edges.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

import cgan
from cgan.checkpoint import Checkpoint, load_model, locate
from cgan.errors import DataError
from cgan.models import fs_vid2vid
from cgan.ranges import real, whole
from cgan.runtime import Runtime
from train.data import folders
from train.data.clip_reading import gather, mirror_of
from train.data.clips import Window
from train.judge.animation import GREYS, labels_of
from train.log import finishing, say
from train.recipes.fs_vid2vid import PRESETS, Recipe
from train.teachers import networks as teachers

MOST_STEPS = 1000  # after so many, a model has forgotten all others
ROLL = 16  # a reference is moved by less than this share of its side


class Shown(NamedTuple):
    """References: images (N, 3, H, W), labels int64 (N, 1, H, W), and whether they may be mirrored."""

    images: Tensor
    labels: Tensor
    mirrored: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `python -m train tune`."""
    flag = parser.add_argument
    flag("checkpoint", help="folder, name or Hub id of a checkpoint of fs_vid2vid")
    flag(
        "--references", type=Path, required=True, metavar="FOLDER", help="pictures of the subject, with maps"
    )
    flag("--out", type=Path, required=True, metavar="FOLDER", help="where the tuned checkpoint goes")
    flag("--steps", type=whole(1, MOST_STEPS), default=50, help=f"steps, at most {MOST_STEPS} (default: 50)")
    flag("--rate", type=real(0, 1), default=1e-4, help="Adam's learning rate (default: 0.0001)")
    flag("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    flag("--seed", type=whole(0), default=0, help="of the moves (default: 0)")


def run(arguments: argparse.Namespace) -> int:
    """Tune a checkpoint and write another: 0. What cannot be is a ValueError or a CganError."""
    if (arguments.out / "model.safetensors").exists():
        raise ValueError(f"{arguments.out} holds a checkpoint already; choose another --out")
    checkpoint, model = load_model(locate(arguments.checkpoint))
    if not isinstance(model, fs_vid2vid.Model):
        raise ValueError(
            f"{arguments.checkpoint} is a {checkpoint.model}; only fs_vid2vid learns from references"
        )
    device = Runtime.choose(arguments.device, "fp32").device
    shown = read(arguments.references, checkpoint, model.references[1])
    shown = Shown(shown.images.to(device), shown.labels.to(device), shown.mirrored)
    before, after = tune(model.to(device), shown, arguments.steps, arguments.rate, arguments.seed)
    say(
        f"L1 of {len(shown.images)} reference(s): {GREYS * before:.2f} grey levels before, "
        f"{GREYS * after:.2f} now"
    )
    if not after < before:
        raise DataError(
            "the references are met no better than before: nothing was written; try another --rate"
        )
    with finishing("the checkpoint"):
        write(arguments, checkpoint, model.cpu(), len(shown.images))
    say(f"{arguments.out} is ready: cgan.load({str(arguments.out)!r})")
    return 0


def read(folder: Path, checkpoint: Checkpoint, most: int) -> Shown:
    """The references of a folder, with maps of the checkpoint's classes; DataError lists what is wrong."""
    folders.check_folder(folder, "images/ and labels/ (or poses/, landmarks/) of the subject")
    problems: list[str] = []
    height, width = checkpoint.about["size"]
    gathered = gather(folder, (height, width), labels_of(checkpoint.about), 1, problems)
    count = sum(len(clip.fields.get("images", ())) for clip in gathered.clips)
    if count > most:
        problems.append(f"there are {count} pictures; a model takes at most {most} references")
    folders.check(folder, problems)
    theirs = gathered.palette or checkpoint.palette
    if checkpoint.palette is None or theirs is None or theirs.names != checkpoint.palette.names:
        names = (", ".join(it.names) if it else "none" for it in (theirs, checkpoint.palette))
        raise DataError(f"{folder} and the checkpoint have other classes: {' and '.join(names)}")
    gathered.palette = checkpoint.palette
    data = gathered.data(folder, (height, width), Window(1, 0, 1), False, say)
    highest = int(data.labels.max())
    if highest >= len(checkpoint.palette):
        raise DataError(f"{folder} has id {highest} in its maps; allowed: {checkpoint.palette.describe()}")
    batch = data.batch(range(count), 0, (height, width), augment=False)
    return Shown(batch.images[:, 0], batch.labels[:, 0], mirror_of(checkpoint.palette.names) is None)


def tune(
    model: fs_vid2vid.Model, shown: Shown, steps: int, rate: float, seed: int = 0
) -> tuple[float, float]:
    """Teach `model`, in place, to give each reference: L1 before and after, (-1, 1) being all colours.

    The losses are those of the recipe for pairs.
    """
    like = next(model.parameters())
    perceptual = teachers.perceptual("auto")
    recipe = Recipe(
        model.config, PRESETS["small"], None if perceptual is None else perceptual.to(like.device)
    )
    taught = [*model.weights.parameters(), *model.blocks.parameters(), *model.to_rgb.parameters()]
    model.requires_grad_(False)
    for parameter in taught:
        parameter.requires_grad_(True)
    adam = torch.optim.Adam(taught, rate, (0.5, 0.99))
    generator = torch.Generator().manual_seed(seed)
    before = apart(model, shown)
    for step in range(steps):
        images, labels = moved(shown, generator)
        number = step % len(images)
        frame = made(model, shown, number, labels[number : number + 1])
        loss = sum(
            recipe.pictured(frame, images[number : number + 1]).values(), torch.zeros((), device=like.device)
        )
        adam.zero_grad()
        loss.backward()
        adam.step()
    return before, apart(model, shown)


def made(model: fs_vid2vid.Model, shown: Shown, number: int, labels: Tensor) -> fs_vid2vid.Frame:
    """The frame of `labels` (1, 1, H, W) by all references but this one, or by it where it is alone."""
    others = [i for i in range(len(shown.images)) if i != number] or [number]
    look = model.look(shown.images[None, others], shown.labels[None, others])
    frame: fs_vid2vid.Frame = model(labels, look)
    return frame


def moved(shown: Shown, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Images and labels, rolled alike by a few pixels, and mirrored half of the time where that may be."""
    height, width = shown.images.shape[2:]
    down, right = (
        int(torch.randint(-(side // ROLL), side // ROLL + 1, (), generator=generator))
        for side in (height, width)
    )
    flip = shown.mirrored and bool(torch.rand((), generator=generator) < 0.5)
    parts = [part.roll((down, right), (2, 3)) for part in shown[:2]]
    images, labels = (part.flip(3) for part in parts) if flip else parts
    return images, labels


@torch.no_grad()
def apart(model: fs_vid2vid.Model, shown: Shown) -> float:
    """The mean L1 of all references, each made as `made` does, where it is."""
    found = [
        (made(model, shown, i, shown.labels[i : i + 1]).image - shown.images[i : i + 1]).abs().mean()
        for i in range(len(shown.images))
    ]
    return torch.stack(found).mean().item()


def write(arguments: argparse.Namespace, checkpoint: Checkpoint, model: nn.Module, count: int) -> None:
    """The tuned checkpoint, whose words are the old one's and what was done to it."""
    done: dict[str, Any] = {
        "from": checkpoint.name,
        "references": count,
        "steps": arguments.steps,
        "rate": arguments.rate,
    }
    cgan.save(arguments.out, model, checkpoint.palette, checkpoint.about | {"tuned": done})
    card = arguments.out / "README.md"
    card.write_text(
        f"# {arguments.out.name}\n\n{checkpoint.name}, tuned on {count} picture(s) of one subject in "
        f"{arguments.steps} steps. It may make other subjects worse. Licence and attribution are those of "
        f"{checkpoint.name}, and of the pictures.\n",
        encoding="utf-8",
    )
