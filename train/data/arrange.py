"""`python -m train arrange FOLDER --out FOLDER`: a copy of a data set that is laid out as training reads it.

    --split AB     pictures that are two side by side, as pix2pix's: the left half goes to inputs/, the right
                   one to images/; with BA the other way round
    --bits 12      pictures of 16 bits of which so many are used become pictures of 8 bits
    --cut-out      of photographs of one thing each, that thing on white; what cannot be cut out is left out
    --square       on a square of white, larger or smaller and somewhere in it, as people draw

What needs no change is copied as it is.
"""

import argparse
import shutil
from collections import Counter
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cgan.errors import CganError, DataError
from cgan.pictures import read_picture
from cgan.ranges import whole
from train.data.cutting import cut_out, on_square
from train.data.finding import PICTURES, files_in
from train.data.folders import REPORTED
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
    parser.add_argument("--square", action="store_true", help="what is not white, with room around it")


def run(arguments: argparse.Namespace) -> int:
    """Do what the flags ask. Gives the exit code; DataError lists all that is wrong."""
    source, out = arguments.folder, arguments.out
    if not source.is_dir():
        raise DataError(f"{source} is not a folder")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out} is there already; give a folder that is not there yet, or an empty one")
    if not (arguments.split or arguments.bits or arguments.cut_out or arguments.square):
        raise ValueError("say what is to be changed: --split, --bits, --cut-out or --square")
    if arguments.split and (arguments.cut_out or arguments.square):
        raise ValueError("--cut-out and --square are for photographs, --split for pairs: give one of them")
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
    if not files:
        problems.append("there are no pictures")
    elif not written and not problems:
        problems.append(f"none of {len(files)} pictures could be cut out")
    if problems:
        there = f"; {written} others are in {out}" if written else ", and nothing was written"
        lines = "\n".join(f"  {problem}" for problem in problems[:REPORTED])
        lines += f"\n  and {len(problems) - REPORTED} more" if len(problems) > REPORTED else ""
        raise DataError(f"{source} cannot be arranged as it is{there}:\n{lines}")
    left = f"; {len(files) - written} could not be cut out" if arguments.cut_out else ""
    say(f"{written} pictures are in {out}{left}")
    return 0


def _write(path: Path, inner: Path, out: Path, asked: argparse.Namespace) -> bool:
    """Write one picture, changed as it is asked for. Tells whether it could be."""
    picture = read_picture(path, str(inner), bits=asked.bits or 16)
    if asked.cut_out or asked.square:
        thing = cut_out(picture) if asked.cut_out else picture
        if thing is not None:
            _save(on_square(thing, crc32(inner.as_posix().encode())) if asked.square else thing, inner, out)
        return thing is not None
    if asked.split is None:
        if _deep(path):
            _save(picture, inner, out)
        else:
            shutil.copyfile(path, _free(out / inner, inner))
        return True
    if picture.shape[1] % 2:
        raise DataError(f"{inner} is {picture.shape[1]} pixels wide: an odd number has no halves")
    for name, half in zip(SIDES[asked.split], np.split(picture, 2, axis=1), strict=True):
        _save(half, inner, out / name)
    return True


def _save(picture: NDArray[np.uint8], inner: Path, out: Path) -> None:
    """Write a PNG, whatever the ending was."""
    Image.fromarray(picture).save(_free((out / inner).with_suffix(".png"), inner))


def _free(target: Path, inner: Path) -> Path:
    """`target`, whose folder is made; DataError where another picture took the name."""
    if target.exists():
        raise DataError(f"{inner} would become {target.name}, as another picture did: rename one of them")
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _deep(path: Path) -> bool:
    """Whether a picture holds 16 bits."""
    with Image.open(path) as picture:
        return picture.mode.startswith("I")
