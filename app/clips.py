"""Clips that drive an animator: what clients send, and the examples.

A clip is a list of label maps, a picture each (data URIs); or one sheet of them, cut into frames of the size
that the model was trained at, row by row; or a video of the palette's colours. Models of drawn lines take any
video: its outlines are drawn.

Examples lie in static/examples/video: a folder for each set of classes, with a palette.json and sheets of
maps, of which each row is a clip, and perhaps `characters` to begin with.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from app import requests
from app.drawings import as_drawing, is_drawing
from app.examples import FOLDER, named, picture_file
from app.maps import fit, fitted, read_map, write_map
from cgan import DataError, Palette
from cgan.edges import edge_labels, edge_palette
from cgan.label_videos import ColourKey
from cgan.tasks import Animator
from cgan.video import Limits, Video

MAX_FRAMES = 600
MAX_PIXELS = 1024 * 1024  # of a frame
MAX_SECONDS = 60.0
RATE = 8.0  # pictures a second, where a clip has none of its own
WAYS = ("up", "left", "down", "right")  # rows of a sheet of four
SHAPE = "a list of label maps, a sheet of them or a label video, as data URIs"
LIMITS = Limits(MAX_FRAMES, 1920 * 1088, MAX_SECONDS, requests.MAX_BYTES)


@dataclass(frozen=True)
class Clip:
    """Label maps, uint8 (H, W), to be read once; how many there are, if that is known; pictures a second."""

    maps: Iterator[np.ndarray]
    count: int | None
    rate: float = RATE


def read_clip(sent: str | list, animator: Animator) -> Clip:
    """The clip that a client sent; its frames are read when they are wanted, the first one at once.

    Raises `DataError` and `MediaError`, also while it is read.
    """
    if isinstance(sent, str) and requests.is_film(sent):
        return _film(requests.film(sent, "the clip"), animator)
    if isinstance(sent, str):
        frames = cut(read_map(sent, animator.palette, "the clip"), animator.size)
        return Clip(iter(frames), len(frames))
    if not isinstance(sent, list) or not sent:
        raise DataError(f"the clip must be {SHAPE}")
    if len(sent) > MAX_FRAMES:
        raise DataError(f"the clip has {len(sent)} frames; at most {MAX_FRAMES} are allowed")
    return Clip(_begun(_each(sent, animator.palette)), len(sent))


def cut(sheet: np.ndarray, size: tuple[int, int]) -> list[np.ndarray]:
    """The frames of `size` (H, W) of a sheet, uint8 (rows H, columns W), row by row."""
    (height, width), (high, wide) = sheet.shape, size
    if height % high or width % wide:
        raise DataError(
            f"the sheet is {width}×{height}; this model's frames are {wide}×{high}, so both sides must be "
            "multiples of theirs"
        )
    count = (height // high) * (width // wide)
    if count > MAX_FRAMES:
        raise DataError(f"the sheet has {count} frames; at most {MAX_FRAMES} are allowed")
    rows = sheet.reshape(height // high, high, width // wide, wide).swapaxes(1, 2)
    return list(np.ascontiguousarray(rows.reshape(-1, high, wide)))


def draws_lines(palette: Palette) -> bool:
    """Whether a model's classes are paper and line: then any video can drive it."""
    return palette.names == edge_palette().names


def example_clips(animator: Animator) -> list[dict]:
    """The example clips whose classes the model all has, at its size: [{"name", "group", "picture": URI,
    "frames"}], each a strip of frames side by side.
    """
    found = []
    for folder in _fitting(animator.palette):
        own = Palette.read(folder / "palette.json")
        places = np.array([animator.palette.names.index(name) for name in own.names], np.uint8)
        for path in sorted(folder.glob("*.png")):
            sheet = places[np.asarray(Image.open(path))]
            found += _rows(named(path), sheet, animator)
    return found


def example_subjects(animator: Animator) -> list[dict]:
    """Pictures of subjects to begin with, for a model's classes: [{"name", "picture": data URI}]."""
    files = [
        path for folder in _fitting(animator.palette) for path in sorted(folder.glob("characters/*.png"))
    ]
    return [{"name": named(path), "picture": picture_file(path)} for path in files]


def _fitting(palette: Palette) -> list[Path]:
    """The folders of examples whose classes are all in `palette`."""
    folders = sorted(path.parent for path in (FOLDER / "video").glob("*/palette.json"))
    return [each for each in folders if {*Palette.read(each / "palette.json").names} <= {*palette.names}]


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
    return strips


def _each(sent: list, palette: Palette) -> Iterator[np.ndarray]:
    for number, uri in enumerate(sent, 1):
        labels = read_map(uri, palette, f"frame {number} of the clip")
        if labels.size > MAX_PIXELS:
            allowed = f"at most {MAX_PIXELS:,} pixels are allowed"
            raise DataError(f"frame {number} of the clip is {labels.shape[1]}×{labels.shape[0]}; {allowed}")
        yield labels


def _begun(maps: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """The same maps; what is wrong with the first is told now."""
    return chain([next(maps)], maps)


def _film(data: bytes, animator: Animator) -> Clip:
    """A video: of labels, or for models of lines of anything."""
    video = Video(data, "the clip", limits=LIMITS)
    rate = min(max(float(video.rate), 1.0), 60.0)
    lines = draws_lines(animator.palette)
    count = video.frames if video.frames else None
    maps = _outlines(video, animator) if lines else _labels(video, animator)
    return Clip(_begun(maps), count, rate)


def _labels(video: Video, animator: Animator) -> Iterator[np.ndarray]:
    key = ColourKey(animator.palette)
    with video:
        for number, picture in enumerate(video, 1):
            yield fit(key.ids(picture, f"frame {number} of the clip"), animator.size)


def _outlines(video: Video, animator: Animator) -> Iterator[np.ndarray]:
    with video:
        for picture in video:
            small = cv2.resize(picture, fitted(picture.shape, animator.size), interpolation=cv2.INTER_AREA)
            yield as_drawing(small, animator.size) if is_drawing(small) else edge_labels(small)
