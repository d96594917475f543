"""What the readers of all data folders share: reading pictures, one report of all problems.

Nothing is guessed: whatever a reader does not understand becomes a line of the report, and one `DataError`
tells them all before anything is started.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from cgan.edges import SIDE, edge_drawing
from cgan.errors import CganError, DataError
from cgan.pictures import FEW_BITS, centre, orientation, read_picture, size_of
from train.data.finding import LOSSLESS, PICTURES, Say, listed
from train.data.packed import Room
from train.data.protocol import Size
from train.log import tally

__all__ = ["LOSSLESS", "PICTURES", "Say", "listed"]

REPORTED = 20  # lines of a report before "and N more"
READERS = 4  # threads
TURNED = "not turned as EXIF asks"  # a note
SLIGHT = 0.01  # of a side may be cut off unsaid

N = TypeVar("N", bound=np.generic)  # the type of an array's numbers
T = TypeVar("T")
R = TypeVar("R")
Box = tuple[float, float, float, float]  # left, top, right, bottom


def silent(line: str) -> None:
    """Say nothing."""


def check(folder: Path, problems: list[str]) -> None:
    """Raise the one `DataError` that lists all problems, if there are any."""
    if problems:
        lines = [f"  {problem}" for problem in problems[:REPORTED]]
        if len(problems) > REPORTED:
            lines.append(f"  and {len(problems) - REPORTED} more")
        raise DataError(f"{folder} cannot be used, nothing was started:\n" + "\n".join(lines))


def check_folder(folder: Path, expected: str) -> None:
    """Raise `DataError` where `folder` is none, telling what is expected."""
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; expected a folder with {expected}")


def attempt(read: Callable[[], NDArray[N]], problems: list[str]) -> NDArray[N] | None:
    """What `read` gives, or None and another problem."""
    try:
        return read()
    except CganError as error:
        problems.append(str(error))
        return None


# Reading


def read_all(read: Callable[[T], R], items: Sequence[T], say: Say = silent, what: str = "reading") -> list[R]:
    """`read` of each item, several at a time, in order; `say` is told `what` is done, and how far it is."""
    done: list[R] = []
    reached = tally(say, what, len(items))
    pool = ThreadPoolExecutor(READERS)
    try:
        for result in pool.map(read, items):
            done.append(result)
            reached(len(done))
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C waits for none but those that are being read
    return done


def read_pictures(
    files: Sequence[Path],
    folder: Path,
    canvas: Size,
    problems: list[str],
    drawings: bool = False,
    say: Say = silent,
    notes: list[str] | None = None,
) -> tuple[Tensor, list[Size]]:
    """(pictures uint8 (N, 3, *canvas), their (height, width) in the files, which are not all of one shape).

    Pictures are cut at the centre; with `drawings`, their outlines take their place. Messages call files as
    seen from `folder`; what cannot be read stays black and is (0, 0) large. notes: see `read_picture`.
    """
    room = Room(files, canvas, len(files), 3, f"pictures {drawings}")
    pictures = room.tensor("pictures", (len(files), 3, *canvas))
    notes = [] if notes is None else notes
    room.tell(say)
    if room.facts is not None:
        notes += room.facts["notes"]
        return pictures, [(height, width) for height, width in room.facts["shapes"]]

    def read(index: int) -> tuple[list[str], Size]:
        wrong: list[str] = []
        name = str(files[index].relative_to(folder))
        picture = attempt(lambda: read_picture(files[index], name, notes=notes), wrong)
        if picture is None:
            return wrong, (0, 0)
        box = centre(picture.shape[:2], canvas)
        stored = _drawn(picture, canvas, box) if drawings else fitted(picture, canvas, box)
        pictures[index] = torch.from_numpy(stored).permute(2, 0, 1)
        return wrong, picture.shape[:2]

    deed = "drawing the outlines of" if drawings else "reading"
    name = os.path.commonpath([file.parent for file in files]) if files else folder
    done = read_all(read, range(len(files)), say, f"{deed} {len(files)} pictures in {Path(name).name}/")
    shapes = [shape for _, shape in done]
    problems += [line for wrong, _ in done for line in wrong]
    if not any(wrong for wrong, _ in done):
        room.finish({"shapes": shapes, "notes": notes})
    return pictures, shapes


def say_cut(say: Say, shapes: Sequence[Size], folder: Path, size: Size) -> None:
    """Tell in one line how many pictures of these (height, width) were cut to get the shape of `size`."""
    cut = 0
    for height, width in shapes:
        left, top, _, _ = centre((height, width), size)
        cut += max(top / height, left / width) > SLIGHT
    if cut:
        say(
            f"{cut} of {len(shapes)} pictures in {folder} have another shape than {size[0]}x{size[1]} "
            "(height x width): cut at the centre"
        )


def say_dark(say: Say, notes: Sequence[str], folder: Path) -> None:
    """Tell, once, that pictures of 16 bits use fewer, and how to scale them."""
    if few := notes.count(FEW_BITS):
        say(
            f"{few} pictures in {folder} hold 16 bits, of which 12 or less are used: they are nearly black; "
            f"to scale them: python -m train arrange {folder} --out FOLDER --bits 12"
        )


def as_its_partner(path: Path, partner: Path, problems: list[str], notes: list[str]) -> bool:
    """Whether a picture is to be turned as its EXIF data ask, beside the map or picture of the same place.

    Where they ask to turn one of the two only, their sizes may say whether they fit as they lie.
    """
    ours, theirs = orientation(path), orientation(partner)
    raw, other = size_of(path), size_of(partner)
    if ours == theirs or ours == 1 or theirs != 1 or raw is None or other is None:
        return True
    if ours >= 5 and raw[0] != raw[1]:  # a quarter turn: the sizes tell
        if raw == other:
            notes.append(TURNED)
        return raw != other
    problems.append(
        f"{path.parent.name}/{path.name} is to be turned (EXIF orientation {ours}), its partner not; if they "
        "fit as they lie, remove the tag (exiftool -Orientation= FILE), else save the picture upright"
    )
    return True


def say_turned(say: Say, notes: Sequence[str]) -> None:
    """Tell how many pictures were not turned though EXIF asks for it."""
    if turned := notes.count(TURNED):
        say(f"{turned} pictures are not turned as their EXIF data ask: their maps fit them as they lie")


def told(shape: Sequence[int]) -> str:
    """(height, width, …) as width×height, for messages."""
    return f"{shape[1]}×{shape[0]}"


def fitted(array: NDArray[N], canvas: Size, box: Box) -> NDArray[N]:
    """Cut `box` out and resize it to `canvas`: Lanczos for pictures, nearest for maps."""
    method = Image.Resampling.LANCZOS if array.ndim == 3 else Image.Resampling.NEAREST
    return np.array(Image.fromarray(array).resize(canvas[::-1], method, box=box), dtype=array.dtype)


def _drawn(picture: NDArray[np.uint8], canvas: Size, box: Box) -> NDArray[np.uint8]:
    """The outlines of what `box` shows, found at full resolution where the canvas is smaller."""
    scale = max(1.0, SIDE / min(canvas))
    large = (round(canvas[0] * scale), round(canvas[1] * scale))
    drawing = edge_drawing(fitted(picture, large, box))
    return np.asarray(cv2.resize(drawing, canvas[::-1], interpolation=cv2.INTER_AREA), np.uint8)
