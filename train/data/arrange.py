"""`python -m train arrange FOLDER --out FOLDER`: a copy of a data set that is laid out as training reads it.

    --split AB     pictures that are two side by side, as pix2pix's: the left half goes to inputs/, the right
                   one to images/; with BA the other way round
    --bits 12      pictures of 16 bits of which so many are used become pictures of 8 bits

What needs no change is copied as it is.
"""

import argparse
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from cgan.errors import CganError, DataError
from cgan.pictures import read_picture
from cgan.ranges import whole
from train.data.finding import PICTURES, files_in
from train.data.folders import check
from train.log import say

SIDES = {"AB": ("inputs", "images"), "BA": ("images", "inputs")}  # of the left half and of the right one


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `python -m train arrange`."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the pictures lie")
    parser.add_argument("--out", type=Path, required=True, help="a folder that is not there yet, or is empty")
    parser.add_argument(
        "--split", choices=SIDES, help="each picture is a pair; AB: the input is the left half"
    )
    parser.add_argument("--bits", type=whole(8, 16), help="how many bits are used of 16")


def run(arguments: argparse.Namespace) -> int:
    """Do what the flags ask. Gives the exit code; DataError lists all that is wrong."""
    source, out = arguments.folder, arguments.out
    if not source.is_dir():
        raise DataError(f"{source} is not a folder")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out} is there already; give a folder that is not there yet, or an empty one")
    if not arguments.split and not arguments.bits:
        raise ValueError("say what is to be changed: --split or --bits")
    problems: list[str] = []
    files = files_in(source, source, PICTURES, problems, Counter())
    for path in files:
        try:
            _write(path, path.relative_to(source), out, arguments.split, arguments.bits)
        except CganError as error:
            problems.append(str(error))
    check(source, problems)
    say(f"{len(files)} pictures are in {out}")
    return 0


def _write(path: Path, inner: Path, out: Path, split: str | None, bits: int | None) -> None:
    """Write one picture, changed as it is asked for."""
    if split is None and not _deep(path):
        target = out / inner
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        return
    picture = read_picture(path, str(inner), bits=bits or 16)
    parts = {"": picture}
    if split is not None:
        if picture.shape[1] % 2:
            raise DataError(f"{inner} is {picture.shape[1]} pixels wide: an odd number has no halves")
        parts = dict(zip(SIDES[split], np.split(picture, 2, axis=1), strict=True))
    for name, half in parts.items():
        target = (out / name / inner).with_suffix(".png")
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(half).save(target)


def _deep(path: Path) -> bool:
    """Whether a picture holds 16 bits."""
    with Image.open(path) as picture:
        return picture.mode.startswith("I")
