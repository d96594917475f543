"""What the readers of all data folders share: finding files, reading pictures, one report of all problems.

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
from cgan.pictures import read_picture
from train.data.protocol import Size
from train.log import tally

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
LOSSLESS = {".png", ".bmp", ".tif", ".tiff", ".gif"}
REPORTED = 20  # lines of a report before "and N more"
READERS = 4  # threads
SLIGHT = 0.01  # of a side may be cut off unsaid
LISTED = 10  # names in a message before "and N more"

N = TypeVar("N", bound=np.generic)  # the type of an array's numbers
T = TypeVar("T")
R = TypeVar("R")
Say = Callable[[str], None]
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


def listed(names: Sequence[str]) -> str:
    """Names for a message."""
    rest = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {rest} more" if rest > 0 else "")


def attempt(read: Callable[[], NDArray[N]], problems: list[str]) -> NDArray[N] | None:
    """What `read` gives, or None and another problem."""
    try:
        return read()
    except CganError as error:
        problems.append(str(error))
        return None


# Finding


def by_stem(folder: Path, suffixes: set[str], problems: list[str]) -> dict[str, Path]:
    """The pictures in `folder` by stem, sorted."""
    if not folder.is_dir():
        problems.append(f"there is no folder {folder.name}/")
        return {}
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        suffix = path.suffix.lower()
        if path.name.startswith(".") or suffix not in PICTURES | LOSSLESS:
            continue
        if suffix not in suffixes:
            allowed = ", ".join(sorted(suffixes))
            problems.append(f"{folder.name}/{path.name}: maps must be lossless; allowed: {allowed}")
        elif path.stem in found:
            problems.append(f"{folder.name}/{path.name} and {found[path.stem].name} have the same stem")
        else:
            found[path.stem] = path
    if not found:
        problems.append(f"there are no pictures in {folder.name}/")
    return found


def without(files: dict[str, Path], partners: dict[str, Path], what: str) -> list[str]:
    """A problem for each of `files` that has no partner."""
    lonely = [path for stem, path in files.items() if stem not in partners]
    return [f"{path.parent.name}/{path.name} has no {what}" for path in lonely]


def groups(folder: Path, problems: list[str]) -> dict[str, list[Path]]:
    """The pictures in each sub-folder of `folder` and in the folders inside it; by name, all sorted.

    What is hidden is passed over. Links are followed to files inside of `folder` only.
    """
    root = folder.resolve()
    found = {}
    for part in sorted(folder.iterdir()):
        if part.is_dir() and not part.name.startswith("."):
            found[part.name] = _pictures(part, folder, root, problems)
    return found


def _pictures(part: Path, folder: Path, root: Path, problems: list[str]) -> list[Path]:
    """The pictures anywhere in `part`."""
    if part.is_symlink():
        problems.append(f"{part.name}/ is a link; put the folder itself there")
        return []
    pictures = []
    for path in sorted(part.rglob("*")):
        inner = path.relative_to(folder)
        if any(name.startswith(".") for name in inner.parts):
            continue
        if path.is_symlink() and not path.resolve().is_relative_to(root):
            problems.append(f"{inner} is a link that leads out of the folder")
        elif path.suffix.lower() in PICTURES and path.is_file():
            pictures.append(path)
    if not pictures:
        problems.append(f"there are no pictures in {part.name}/")
    return pictures


# Reading


def read_all(read: Callable[[T], R], items: Sequence[T], say: Say = silent, what: str = "reading") -> list[R]:
    """`read` of each item, several at a time, in order; `say` is told `what` is done, and how far it is."""
    done: list[R] = []
    reached = tally(say, what, len(items))
    with ThreadPoolExecutor(READERS) as pool:
        for result in pool.map(read, items):
            done.append(result)
            reached(len(done))
    return done


def read_pictures(
    files: Sequence[Path],
    folder: Path,
    canvas: Size,
    problems: list[str],
    drawings: bool = False,
    say: Say = silent,
) -> tuple[Tensor, list[Size]]:
    """(pictures uint8 (N, 3, *canvas), their (height, width) in the files, which are not all of one shape).

    Pictures are cut at the centre; with `drawings`, their outlines take their place. Messages call files as
    seen from `folder`; what cannot be read stays black and is (0, 0) large.
    """
    pictures = torch.zeros(len(files), 3, *canvas, dtype=torch.uint8)

    def read(index: int) -> tuple[list[str], Size]:
        wrong: list[str] = []
        name = str(files[index].relative_to(folder))
        picture = attempt(lambda: read_picture(files[index], name), wrong)
        if picture is None:
            return wrong, (0, 0)
        box = centre(picture.shape[:2], canvas)
        stored = _drawn(picture, canvas, box) if drawings else fitted(picture, canvas, box)
        pictures[index] = torch.from_numpy(stored).permute(2, 0, 1)
        return wrong, picture.shape[:2]

    deed = "drawing the outlines of" if drawings else "reading"
    name = os.path.commonpath([file.parent for file in files]) if files else folder
    done = read_all(read, range(len(files)), say, f"{deed} {len(files)} pictures in {Path(name).name}/")
    problems += [line for wrong, _ in done for line in wrong]
    return pictures, [shape for _, shape in done]


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


def told(shape: Sequence[int]) -> str:
    """(height, width, …) as width×height, for messages."""
    return f"{shape[1]}×{shape[0]}"


def centre(shape: Sequence[int], canvas: Size) -> Box:
    """The largest centred box of the canvas's shape in a picture of `shape` = (height, width)."""
    scale = min(shape[0] / canvas[0], shape[1] / canvas[1])
    height, width = canvas[0] * scale, canvas[1] * scale
    top, left = (shape[0] - height) / 2, (shape[1] - width) / 2
    return left, top, left + width, top + height


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
