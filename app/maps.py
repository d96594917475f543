"""Label maps on their way between clients and models.

A map travels as a PNG of 8 bits with a palette, in a data URI: its bytes *are* the ids, and seen as a picture
it has the colours of the classes. The browser writes and reads it by hand (scripts/png.js).
"""

import io

import cv2
import numpy as np
from PIL import Image

from app import requests
from cgan import DataError, Palette
from cgan.pictures import open_picture

MAX_SIDE = 1024  # of the canvas
COLOURED = ("P", "RGB", "RGBA")  # modes of pictures whose colours may tell classes
LOSSY = "The map was saved as JPEG, which changes colours: each pixel took the nearest class. Is it right?"
NEARLY = "Not all colours were those of the classes: each pixel took the nearest class. Is it right?"
OTHER_MODEL = "Was it drawn for another model?"
FINE_SIDE, FINER = 192, 2  # small models draw at up to this side, and at most so many times their own size


def read_map(uri: str, palette: Palette, name: str = "the label map") -> np.ndarray:
    """A map that a client sent -> labels, uint8 (H, W). A PNG of ids or of the palette's colours will do.

    Raises `MediaError` for what is no picture, too large or not a data URI, and `DataError` for ids and
    colours that are no class.
    """
    return palette.ids(_opened(uri, name), name)


def is_lossy(uri: str, name: str = "the label map") -> bool:
    """Whether a picture that a client sent is in a format that changes colours: JPEG, or lossy WebP."""
    start = requests.contents(uri, name)[:16]
    return start.startswith(b"\xff\xd8\xff") or (start[:4] == b"RIFF" and start[8:] == b"WEBPVP8 ")


def snap_map(uri: str, palette: Palette, name: str = "the label map") -> np.ndarray:
    """A map for which `is_lossy` -> labels, uint8 (H, W), as `Palette.snapped` reads them."""
    return palette.snapped(_opened(uri, name), name)


def open_map(uri: str, palette: Palette, ways: str) -> tuple[np.ndarray, str]:
    """A map that somebody opens -> labels, uint8 (H, W), and what is to be said of it, "" for nothing.

    Colours that are nearly those of the palette become their classes. `ways`: what can be done with a picture
    of other colours, for the one sentence that says that it is no map.
    """
    if not is_lossy(uri):
        try:
            return read_map(uri, palette), ""
        except DataError as error:
            if _opened(uri, "the label map").mode not in COLOURED:
                known = f"this model's classes are 0 to {len(palette) - 1}"
                raise DataError(f"the map has ids that are no class here: {known}. {OTHER_MODEL}") from error
    try:
        return snap_map(uri, palette), LOSSY if is_lossy(uri) else NEARLY
    except DataError as error:
        raise DataError(f"the colours of this picture are not those of the classes. {ways}") from error


def read_things(things: list, shape: tuple[int, int], looks: int) -> dict[tuple[int, int], int]:
    """What a client sent, [[row, column, look], …], for `Painter.paint`; `DataError` if it is not that.

    Things beyond the edge of the map, whose (H, W) is `shape`, belong to one that was there before, and go
    with it.
    """
    whole = isinstance(things, list) and all(
        isinstance(thing, list) and len(thing) == 3 and all(type(value) is int for value in thing)
        for thing in things
    )
    if not whole or any(not 0 <= look < looks for _, _, look in things):
        allowed = f"looks from 0 to {looks - 1}" if looks else "this model has no looks for single things"
        raise DataError(f"things must be a list of [row, column, look], not {things!r:.60}; {allowed}")
    return {
        (row, column): look for row, column, look in things if 0 <= row < shape[0] and 0 <= column < shape[1]
    }


def known_things(things: list | None, looks: int) -> list:
    """Those of a client's things, as `read_things` has them, that a model of so many looks knows."""
    sent = things if isinstance(things, list) else []
    return [each for each in sent if isinstance(each, list) and len(each) == 3 and each[2] in range(looks)]


def has_other_colours(uri: str, palette: Palette, labels: np.ndarray) -> bool:
    """Whether a map that was read as ids, uint8 (H, W), shows them in other colours than `palette`.

    Then they may be the ids of other classes. A ramp of greys, or black throughout, says nothing of the kind.
    """
    opened = _opened(uri, "the label map")
    if opened.mode != "P" or not np.array_equal(np.asarray(opened), labels):
        return False
    used = np.unique(labels)
    shown = np.array(opened.getpalette("RGB"), np.uint8).reshape(-1, 3)[used]
    coloured = (shown.max(axis=1) != shown.min(axis=1)).any()
    return bool(coloured and (shown != palette.rgb[used]).any())


def write_map(labels: np.ndarray, palette: Palette) -> str:
    """Labels, uint8 (H, W), as the data URI that the canvas reads."""
    ids = Image.fromarray(labels)
    ids.putpalette(palette.rgb.tobytes())
    file = io.BytesIO()
    ids.save(file, "PNG", bits=8)  # few classes need fewer, but the canvas reads a byte a pixel
    return requests.file_uri(file.getvalue())


def canvas_size(size: tuple[int, int]) -> tuple[int, int]:
    """The canvas (H, W) for a model trained at `size`: that size, but finer where it is small.

    Poles and people need pixels, and up to twice its size a model paints as well as at its own, only sharper.
    """
    scale = min(max(1, FINE_SIDE / min(size)), FINER)
    return round(size[0] * scale), round(size[1] * scale)


def fit(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Labels at the scale of a canvas of `size` (H, W): the shorter sides become equal.

    The shape stays, and a new pixel takes the nearest old one.
    """
    return cv2.resize(labels, fitted(labels.shape, size), interpolation=cv2.INTER_NEAREST_EXACT)


def fitted(shape: tuple[int, ...], size: tuple[int, int]) -> tuple[int, int]:
    """The (W, H), in OpenCV's order, of something of `shape` (H, W, …) on a canvas of `size` (H, W)."""
    height, width = shape[:2]
    scale = min(min(size) / min(height, width), MAX_SIDE / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _opened(uri: str, name: str) -> Image.Image:
    return open_picture(requests.contents(uri, name), name, requests.MAX_PIXELS)
