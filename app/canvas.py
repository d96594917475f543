"""The label painter: a canvas whose pixels are class ids, and the maps that travel between it and Python.

A map travels as a PNG of 8 bits with a palette, in a data URI: its bytes *are* the ids, and seen as a picture
it has the colours of the classes. The browser writes and reads it by hand (static/png.js).
"""

import io

import cv2
import numpy as np
from PIL import Image

from app import uris
from app.widgets import Widget
from cgan import Palette
from cgan.pictures import open_picture

MAX_SIDE = 1024  # of the canvas
FINE_SIDE, FINER = 192, 2  # small models draw at up to this side, and at most so many times their own size


class LabelCanvas(Widget):
    """The painter. Its value is the map, painted by `checkpoint` (a name).

    `palette` is that of `Palette.to_list`, `size` (H, W) the checkpoint's, `first` a map to begin with or "",
    `looks` how many looks a single thing can be given.

    Events: `input` when the map changed and should be painted, `submit` for Ctrl+Enter.
    """

    markup, scripts = "canvas", ("png", "raster", "canvas")

    def __init__(
        self,
        value: str | None = None,
        *,
        checkpoint: str = "",
        palette: list[dict] | None = None,
        size: list[int] | None = None,
        first: str = "",
        looks: int = 0,
        **options,
    ):
        palette, size = palette or [], size or [256, 256]
        super().__init__(
            value, checkpoint=checkpoint, palette=palette, size=size, first=first, looks=looks, **options
        )


def read_map(uri: str, palette: Palette, name: str = "the label map") -> np.ndarray:
    """A map that a client sent -> labels, uint8 (H, W). A PNG of ids or of the palette's colours will do.

    Raises `MediaError` for what is no picture, too large or not a data URI, and `DataError` for ids and
    colours that are no class.
    """
    return palette.ids(open_picture(uris.contents(uri, name), name, uris.MAX_PIXELS), name)


def has_other_colours(uri: str, palette: Palette, labels: np.ndarray) -> bool:
    """Whether a map that was read as ids, uint8 (H, W), shows them in other colours than `palette`.

    Then they may be the ids of other classes. A ramp of greys, or black throughout, says nothing of the kind.
    """
    picture = open_picture(uris.contents(uri, "the label map"), "the label map", uris.MAX_PIXELS)
    if picture.mode != "P" or not np.array_equal(np.asarray(picture), labels):
        return False
    used = np.unique(labels)
    shown = np.array(picture.getpalette("RGB"), np.uint8).reshape(-1, 3)[used]
    coloured = (shown.max(axis=1) != shown.min(axis=1)).any()
    return bool(coloured and (shown != palette.rgb[used]).any())


def write_map(labels: np.ndarray, palette: Palette) -> str:
    """Labels, uint8 (H, W), as the data URI that the canvas reads."""
    picture = Image.fromarray(labels)
    picture.putpalette(palette.rgb.tobytes())
    file = io.BytesIO()
    picture.save(file, "PNG", bits=8)  # few classes need fewer, but the canvas reads a byte a pixel
    return uris.from_file(file.getvalue())


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
    height, width = labels.shape
    scale = min(min(size) / min(height, width), MAX_SIDE / max(height, width))
    target = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(labels, target, interpolation=cv2.INTER_NEAREST_EXACT)
