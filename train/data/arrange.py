"""`python -m train arrange FOLDER --out FOLDER`: a copy of a data set that is laid out as training reads it.

    --split AB     pictures that are two side by side, as pix2pix's: the left half goes to inputs/, the right
                   one to images/; with BA the other way round
    --bits 12      pictures of 16 bits of which so many are used become pictures of 8 bits
    --cut-out      of photographs of one thing each, that thing on white; what cannot be cut out is left out

What needs no change is copied as it is.
"""

import argparse
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cgan.errors import CganError, DataError
from cgan.pictures import read_picture
from cgan.ranges import whole
from train.data.cutting import cut_out
from train.data.finding import PICTURES, files_in
from train.data.folders import check
from train.log import STOPPED, finishing, say, tally

SIDES = {"AB": ("inputs", "images"), "BA": ("images", "inputs")}  # of the left half and of the right one


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `python -m train arrange`."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the pictures lie")
    parser.add_argument("--out", type=Path, required=True, help="a folder that is not there yet, or is empty")
    parser.add_argument(
        "--split", choices=SIDES, help="each picture is a pair; AB: the input is the left half"
    )
    parser.add_argument("--bits", type=whole(8, 16), help="how many bits are used of 16")
    parser.add_argument("--cut-out", action="store_true", help="the thing in each photograph, on white")


def run(arguments: argparse.Namespace) -> int:
    """Do what the flags ask. Gives the exit code; DataError lists all that is wrong."""
    source, out = arguments.folder, arguments.out
    if not source.is_dir():
        raise DataError(f"{source} is not a folder")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out} is there already; give a folder that is not there yet, or an empty one")
    if not (arguments.split or arguments.bits or arguments.cut_out):
        raise ValueError("say what is to be changed: --split, --bits or --cut-out")
    if arguments.split and arguments.cut_out:
        raise ValueError("--cut-out is for photographs, --split for pairs: give one of them")
    problems: list[str] = []
    files = files_in(source, source, PICTURES, problems, Counter())
    written = 0
    reached = tally(say, f"arranging {len(files)} pictures", len(files))
    with finishing("this picture") as stopped:
        for number, path in enumerate(files, 1):
            try:
                written += _write(path, path.relative_to(source), out, arguments)
            except CganError as error:
                problems.append(str(error))
            reached(number)
            if stopped():
                say(f"stopped: {written} pictures are in {out}, of {number} of {len(files)}")
                return STOPPED
    check(source, problems)
    left = f"; {len(files) - written} could not be cut out" if arguments.cut_out else ""
    say(f"{written} pictures are in {out}{left}")
    return 0


def _write(path: Path, inner: Path, out: Path, asked: argparse.Namespace) -> bool:
    """Write one picture, changed as it is asked for. Tells whether it could be."""
    split, bits = asked.split, asked.bits
    if asked.cut_out:
        thing = cut_out(read_picture(path, str(inner), bits=bits or 16))
        if thing is not None:
            _save(thing, out / inner)
        return thing is not None
    if split is None and not _deep(path):
        target = out / inner
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        return True
    picture = read_picture(path, str(inner), bits=bits or 16)
    parts = {"": picture}
    if split is not None:
        if picture.shape[1] % 2:
            raise DataError(f"{inner} is {picture.shape[1]} pixels wide: an odd number has no halves")
        parts = dict(zip(SIDES[split], np.split(picture, 2, axis=1), strict=True))
    for name, half in parts.items():
        _save(half, out / name / inner)
    return True


def _save(picture: NDArray[np.uint8], path: Path) -> None:
    """Write a PNG, whatever the path's ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path.with_suffix(".png"))


def _deep(path: Path) -> bool:
    """Whether a picture holds 16 bits."""
    with Image.open(path) as picture:
        return picture.mode.startswith("I")
