"""Clips to begin with, from static/examples.

`video/` has a folder for each set of classes, with a palette.json and sheets of maps, of which each row is a
clip, and perhaps `characters` to begin with. `flights/` has zips of flights (see `cgan.flights`). For classes
that have neither, the maps of the Paint tab are zoomed into and panned over.
"""

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from app.examples import FOLDER, examples, named, picture_file
from app.maps import fit, read_map, write_map
from app.sheets import cut
from cgan import DataError, Palette
from cgan.flights import PATHS, read_flight
from cgan.tasks import Animator

WAYS = ("up", "left", "down", "right")  # rows of a sheet of four
STILLS, STEPS = 3, 24  # maps of the Paint tab that are moved over, and in how many frames
ZOOM, MIDDLE = 1.5, 0.47  # times the size in the end; where the zoom goes to, from the top
PREVIEW = 48  # pixels: the shorter side of the frames that a flight is shown with


def example_clips(animator: Animator) -> list[dict]:
    """The example clips for a model's classes: [{"name", "group", "picture": URI of frames side by side,
    "frames", "clip"}], the last being what `app.clips.read_clip` takes.
    """
    if animator.needs_geometry:
        return _flights(animator.palette)
    return _actions(animator) or _flights(animator.palette) or _moves(animator)


def example_subjects(animator: Animator) -> list[dict]:
    """Pictures of subjects to begin with, for a model's classes: [{"name", "picture": data URI}]."""
    files = [
        path for folder in _fitting(animator.palette) for path in sorted(folder.glob("characters/*.png"))
    ]
    return [{"name": named(path), "picture": picture_file(path)} for path in files]


def example_flight(name: str) -> Path:
    """The zip of the example flight of that name; `DataError` where there is none."""
    there = {named(path): path for path in sorted((FOLDER / "flights").glob("*.zip"))}
    if name not in there:
        known = ", ".join(there) or "none"
        raise DataError(f"no flight {name!r:.60}: send a zip as data URI, or the name of an example: {known}")
    return there[name]


def _flights(palette: Palette) -> list[dict]:
    """The example flights whose classes `palette` all has."""
    return [each for path in sorted((FOLDER / "flights").glob("*.zip")) if (each := _flown(path, palette))]


@lru_cache(maxsize=32)
def _flown(path: Path, palette: Palette) -> dict | None:
    """An example flight; None where it shows other classes."""
    try:
        flight = read_flight(path, palette)
    except DataError:
        return None
    frames = [fit(flight.labels(number), (PREVIEW, PREVIEW)) for number in range(len(flight))]
    name = named(path)
    strip = write_map(np.concatenate(frames, 1), palette)
    clip = {"flight": name, "path": PATHS[0]}
    return {"name": name, "group": name, "picture": strip, "frames": len(frames), "clip": clip}


def _moves(animator: Animator) -> list[dict]:
    """Maps of the Paint tab, zoomed into and panned over."""
    height, width = animator.size
    found = []
    for each in examples(animator.palette, (2 * height, 2 * width))[:STILLS]:
        labels = read_map(each["picture"], animator.palette)
        for way, frames in (("zoom", _zoomed(labels)), ("pan", _panned(labels))):
            shown = [
                cv2.resize(frame, (width, height), interpolation=cv2.INTER_NEAREST_EXACT) for frame in frames
            ]
            strip = write_map(np.concatenate(shown, 1), animator.palette)
            name = f"{each['name']} {way}"
            found.append({"name": name, "group": each["name"], "picture": strip, "frames": len(shown)})
            found[-1]["clip"] = strip
    return found


def _zoomed(labels: np.ndarray) -> list[np.ndarray]:
    """Ever smaller parts of a map, uint8 (H, W), around its horizon."""
    height, width = labels.shape
    parts = []
    for scale in np.geomspace(1, ZOOM, STEPS):
        high, wide = round(height / scale), round(width / scale)
        top, left = round((height - high) * MIDDLE), (width - wide) // 2
        parts.append(labels[top : top + high, left : left + wide])
    return parts


def _panned(labels: np.ndarray) -> list[np.ndarray]:
    """Parts of a map, uint8 (H, W), from its left to its right."""
    height, width = labels.shape
    high, wide = round(height / ZOOM), round(width / ZOOM)
    top = round((height - high) * MIDDLE)
    lefts = np.linspace(0, width - wide, STEPS).round().astype(int)
    return [labels[top : top + high, left : left + wide] for left in lefts]


def _fitting(palette: Palette) -> list[Path]:
    """The folders of examples whose classes are all in `palette`."""
    folders = sorted(path.parent for path in (FOLDER / "video").glob("*/palette.json"))
    return [each for each in folders if {*Palette.read(each / "palette.json").names} <= {*palette.names}]


def _actions(animator: Animator) -> list[dict]:
    """The rows of the sheets in `video/`, at the model's size."""
    found = []
    for folder in _fitting(animator.palette):
        own = Palette.read(folder / "palette.json")
        places = np.array([animator.palette.names.index(name) for name in own.names], np.uint8)
        for path in sorted(folder.glob("*.png")):
            sheet = places[np.asarray(Image.open(path))]
            found += _rows(named(path), sheet, animator)
    return found


def _rows(name: str, sheet: np.ndarray, animator: Animator) -> list[dict]:
    """The rows of an example's sheet of square frames, each a strip."""
    side = sheet.shape[0] // len(WAYS)
    strips = []
    for way, row in zip(WAYS, np.split(sheet, len(WAYS)), strict=True):
        frames = [fit(frame, animator.size) for frame in cut(row, (side, side))]
        if frames[0].shape != tuple(animator.size):
            return []  # the model's frames have another shape
        strip = write_map(np.concatenate(frames, 1), animator.palette)
        strips.append({"name": f"{name} {way}", "group": name, "picture": strip, "frames": len(frames)})
        strips[-1]["clip"] = strip
    return strips
