"""Render landscapes: a data folder of pictures or clips, or a contact sheet of worlds in six styles."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from cgan.files import replaced
from cgan.ranges import whole
from train.log import STOPPED, finishing, say
from train.world import folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `python -m train world`."""
    parser.add_argument(
        "--out", type=Path, help="write a data folder here: images/, labels/, instances/, palette.json"
    )
    parser.add_argument("--images", type=whole(1), default=2000, help="how many frames (default %(default)s)")
    parser.add_argument(
        "--clips",
        type=whole(1),
        help="write so many flights instead, with depth and cameras, for video models",
    )
    parser.add_argument(
        "--frames", type=whole(2), default=16, help="frames of each flight (default %(default)s)"
    )
    parser.add_argument(
        "--size", type=whole(1, 4096), default=256, help="height and width in pixels (default %(default)s)"
    )
    parser.add_argument(
        "--first", type=whole(0), default=0, help="seed of the first world (default %(default)s)"
    )
    parser.add_argument("--sheet", type=Path, help="write a contact sheet to this picture file instead")
    parser.add_argument(
        "--side",
        type=whole(1, 4096),
        default=160,
        help="pixels of one picture of the sheet (default %(default)s)",
    )
    parser.add_argument("--device", default="cpu", help="where to render: cpu, cuda, … (default %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Do what the flags ask. Gives the exit code; ValueError for flags that make no sense."""
    if (arguments.out is None) == (arguments.sheet is None):
        raise ValueError("give either --out FOLDER or --sheet FILE")
    side = arguments.side if arguments.sheet else arguments.size
    if not 32 <= side <= 2048 or side % 4:
        raise ValueError(f"a size of {side} does not work; give 32 to 2048 pixels, a multiple of 4")
    device = torch.device(arguments.device)
    if arguments.sheet:
        return _sheet(arguments.sheet, side, device)
    return _write(arguments, device)


def _write(arguments: argparse.Namespace, device: torch.device) -> int:
    """Write the folder, with a line every ten seconds."""
    if arguments.out.exists() and any(arguments.out.iterdir()):
        raise ValueError(f"{arguments.out} is not empty; give a new folder")
    size, begin = (arguments.size,) * 2, time.monotonic()
    if arguments.clips is None:
        whole, what = arguments.images, "images"
        counts = folder.write(arguments.out, whole, size, arguments.first, device)
    else:
        whole, what = arguments.clips, "flights"
        counts = folder.write_clips(arguments.out, whole, arguments.frames, size, arguments.first, device)
    told, count = begin, 0
    with finishing("this view" if what == "images" else "this flight") as stopped:
        for count in counts:
            now = time.monotonic()
            if now - told > 10:
                told = now
                left = (now - begin) / count * (whole - count)
                print(f"{count} of {whole} {what}, {left / 60:.0f} minutes left", flush=True)
            if stopped():
                break
    if count < whole:
        say(f"stopped: {arguments.out} has {count} of {whole} {what}, all whole: --data {arguments.out}")
        return STOPPED
    print(f"{arguments.out} is ready: train with --data {arguments.out}")
    return 0


def _sheet(path: Path, side: int, device: torch.device) -> int:
    """Write the contact sheet, two worlds in a row."""
    strips = []
    for strip in folder.sheet(side, device=device):
        strips.append(strip)
        print(f"world {len(strips)} of {folder.SHEET_SEEDS}", flush=True)
    rows = [np.concatenate(strips[i : i + 2], 1) for i in range(0, len(strips), 2)]
    with replaced(path) as beside:
        Image.fromarray(np.concatenate(rows)).save(beside, "JPEG", quality=85)
    print(f"{path} is ready")
    return 0
