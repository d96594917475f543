"""Draw the typefaces of this machine as a data set: a folder each, with a picture of each letter and digit.

    python -m train glyphs --out letters
    python -m train funit --data letters --pairs --no-flip --grey --size 64

Black on white, each typeface in one size and on one baseline, each letter in the middle. Typefaces that lack
one of the 62 characters, draw boxes or symbols in their place, or look as another one already did are
skipped, and counted. A font's licence may say what may be made of it: look before you share a checkpoint.
"""

import argparse
import hashlib
import os
import re
import shutil
import string
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cgan.errors import DataError
from cgan.ranges import whole
from train.log import STOPPED, finishing, say

CHARACTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits
FILES = (".ttf", ".otf", ".ttc", ".otc")  # whose letters have Unicode numbers; in Type 1, "A" may be a flower
NOWHERE = "\U0010fffe"  # no character at all: what a font draws instead is what it draws for all it lacks
DIFFERENT = 26  # pictures that a typeface needs: capitals may be drawn as small letters, boxes are all alike
FILLED = 0.92  # of a picture's height or width, by the typeface's largest letters
COLLECTION = 64  # typefaces in a file, at most

READABLE = (
    0.06  # of the letters are nearest to themselves in Pillow's own font: italics have 0.1, flowers 0.04
)
SHAPE = 16  # pixels of a side, when letters are compared

LACKS, BOXES, SYMBOLS = "lack letters", "draw boxes", "draw symbols"
TWICE, UNREADABLE = "look as another one", "cannot be read"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `python -m train glyphs`."""
    parser.add_argument("--out", type=Path, required=True, help="write a folder for each typeface here")
    parser.add_argument("--fonts", type=Path, help="take the fonts in this folder (default: this machine's)")
    parser.add_argument(
        "--size", type=whole(16, 512), default=64, help="height and width in pixels (default %(default)s)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Do what the flags ask. Gives the exit code; ValueError for flags that make no sense."""
    if arguments.out.exists() and any(arguments.out.iterdir()):
        raise ValueError(f"{arguments.out} is not empty; give a new folder")
    if arguments.fonts is not None and not arguments.fonts.is_dir():
        raise ValueError(f"{arguments.fonts} is not a folder; --fonts takes a folder of font files")
    files = in_folder(arguments.fonts) if arguments.fonts else installed()
    say(f"{len(files)} font files")
    with finishing("this typeface") as stopped:
        count, skipped = write(files, arguments.out, arguments.size, stopped)
    if stopped():
        say(f"stopped: {arguments.out} has the {count} typefaces that were drawn, all whole")
        return STOPPED
    left_out = f"; skipped: {', '.join(f'{n} {why}' for why, n in skipped.items())}" if skipped else ""
    if not count:
        raise DataError(f"no typeface of the {len(CHARACTERS)} letters and digits was found{left_out}")
    found = f"{count} typeface{'s' if count > 1 else ''}"
    say(f"{found} of {len(CHARACTERS)} letters and digits in {arguments.out}{left_out}")
    size = arguments.size // 32 * 32 or 32
    say(f"train with: python -m train funit --data {arguments.out} --pairs --no-flip --grey --size {size}")
    return 0


# ---- Which fonts there are


def installed() -> list[Path]:
    """The font files of this machine: those that fontconfig knows, else those in the usual folders."""
    if program := shutil.which("fc-list"):
        told = subprocess.run([program, "--format", "%{file}\n"], capture_output=True, text=True, check=False)
        if files := sorted({Path(line) for line in told.stdout.splitlines() if is_font(Path(line))}):
            return files
    return sorted({file for folder in usual_folders() for file in in_folder(folder)})


def usual_folders() -> list[Path]:
    """Where Linux, macOS and Windows keep fonts, as far as these folders are there."""
    own, windows = Path.home(), Path(os.environ.get("WINDIR", "C:/Windows"))
    local = Path(os.environ.get("LOCALAPPDATA", own / "AppData/Local"))
    folders = [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path("/Library/Fonts")]
    folders += [Path("/System/Library/Fonts"), windows / "Fonts", local / "Microsoft/Windows/Fonts"]
    folders += [own / name for name in (".fonts", ".local/share/fonts", "Library/Fonts")]
    return [folder for folder in folders if folder.is_dir()]


def in_folder(folder: Path) -> list[Path]:
    """The font files in a folder and in those inside it."""
    return sorted(path for path in folder.rglob("*") if is_font(path) and path.is_file())


def is_font(path: Path) -> bool:
    """Whether a file's name is that of a font with outlines."""
    return path.suffix.lower() in FILES


# ---- From fonts to pictures


def write(
    files: list[Path], folder: Path, size: int, stopped: Callable[[], bool] = lambda: False
) -> tuple[int, Counter[str]]:
    """Write the typefaces of font files, unless it is `stopped`: (how many; those skipped, by why)."""
    drawn: set[bytes] = set()
    names: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    for font in (font for file in files for font in typefaces(file)):
        if stopped():
            break
        pictures = None if font is None else letters(font, size)
        why = fault(font, pictures, drawn)
        if why or font is None or pictures is None:
            skipped[why] += 1
            continue
        name = folder_name(font)
        names[name] += 1
        name += f"-{names[name]}" if names[name] > 1 else ""
        (folder / name).mkdir(parents=True)
        for character, picture in zip(CHARACTERS, pictures, strict=True):
            Image.fromarray(picture).save(folder / name / f"{file_name(character)}.png")
    return len(names), skipped


def typefaces(file: Path) -> Iterator[ImageFont.FreeTypeFont | None]:
    """The typefaces in a font file; one None where FreeType cannot read it."""
    for index in range(COLLECTION if file.suffix.lower() in (".ttc", ".otc") else 1):
        try:
            yield ImageFont.truetype(file, 64, index)
        except OSError:
            if index == 0:
                yield None
            return


def letters(font: ImageFont.FreeTypeFont, size: int) -> np.ndarray | None:
    """The pictures of all characters, uint8 (62, size, size), white 255; None where one is empty.

    The largest size at which all of them fit, the same baseline for all, each in the middle across.
    """
    boxes = np.array([font.getbbox(character, anchor="ls") for character in CHARACTERS])
    left, top, right, bottom = boxes.T
    if not ((right > left) & (bottom > top)).all():
        return None
    tall, wide = float(bottom.max() - top.min()), float((right - left).max())
    scale = FILLED * size / max(tall, wide)
    fitted = font.font_variant(size=font.size * scale)
    baseline = (size - tall * scale) / 2 - float(top.min()) * scale
    pictures = []
    for character, middle in zip(CHARACTERS, (left + right) / 2 * scale, strict=True):
        picture = Image.new("L", (size, size), 255)
        ImageDraw.Draw(picture).text((size / 2 - middle, baseline), character, 0, fitted, anchor="ls")
        pictures.append(np.asarray(picture))
    return np.stack(pictures)


def fault(font: ImageFont.FreeTypeFont | None, pictures: np.ndarray | None, drawn: set[bytes]) -> str:
    """Why a typeface is skipped; "" for a good one, whose pictures are noted in `drawn`."""
    if font is None:
        return UNREADABLE
    if pictures is None or any(same(font, character, NOWHERE) for character in CHARACTERS):
        return LACKS
    if len(np.unique(pictures.reshape(len(pictures), -1), axis=0)) < DIFFERENT:
        return BOXES
    if readable(pictures) < READABLE:
        return SYMBOLS
    mark = hashlib.sha256(pictures.tobytes()).digest()
    if mark in drawn:
        return TWICE
    drawn.add(mark)
    return ""


def same(font: ImageFont.FreeTypeFont, one: str, other: str) -> bool:
    """Whether a font draws two characters alike."""
    masks = [font.getmask(character) for character in (one, other)]
    return masks[0].size == masks[1].size and bytes(masks[0]) == bytes(masks[1])


def readable(pictures: np.ndarray) -> float:
    """The share of letters, of pictures as of `letters`, whose shape is nearest to their own in a plain font.

    Upper and lower case are not told apart: boxes of all heights are brought to one size.
    """
    lower = np.array([character.lower() for character in CHARACTERS if character.isalpha()])
    nearest = (shapes(pictures) @ plain_shapes().T).argmax(1)
    return float((lower[nearest] == lower).mean())


@cache
def plain_shapes() -> np.ndarray:
    """The shapes of the letters of the font that Pillow brings along."""
    plain = ImageFont.load_default(64)
    pictures = letters(plain, 64) if isinstance(plain, ImageFont.FreeTypeFont) else None
    if pictures is None:
        raise DataError("this Pillow was built without FreeType, which draws fonts: install another one")
    return shapes(pictures)


def shapes(pictures: np.ndarray) -> np.ndarray:
    """Letters as vectors of length 1: what is inked, brought to one size and blurred (52, 256)."""
    found = []
    for picture, character in zip(pictures, CHARACTERS, strict=True):
        if character.isalpha():
            ink = 255 - picture
            rows, columns = (np.flatnonzero(ink.any(axis)) for axis in (1, 0))
            ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            small = cv2.resize(ink, (SHAPE, SHAPE), interpolation=cv2.INTER_AREA).astype(np.float32)
            shape = cv2.GaussianBlur(small, (0, 0), 1.5).ravel()
            found.append((shape - shape.mean()) / max(float(shape.std()), 1e-6) / SHAPE)
    return np.stack(found)


def folder_name(font: ImageFont.FreeTypeFont) -> str:
    """A typeface's family and style as the name of a folder: "dejavu-sans-bold"."""
    words = " ".join(part for part in font.getname() if part).lower()
    return re.sub(r"[^a-z0-9]+", "-", words).strip("-") or "typeface"


def file_name(character: str) -> str:
    """ "upper-A", "lower-a", "digit-0": names that differ where upper and lower case count as one."""
    kind = "digit" if character.isdigit() else "upper" if character.isupper() else "lower"
    return f"{kind}-{character}"
