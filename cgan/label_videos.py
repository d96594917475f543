"""Label videos: colour maps that were squeezed by a codec become label maps again.

No colour survives a lossy codec exactly, and chroma runs over edges: pixels near a palette colour are its
class, and the others take the class of the nearest such pixel in the picture, which invents no class there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cgan.errors import DataError
from cgan.labels import LEAST_EXACT_SHARE, Palette, nearest_exact
from cgan.video import LIMITS, Limits, read_video

NEAR = 40.0  # the farthest that a colour of the palette may be moved by a codec, in RGB units; and at most
SURE = 0.45  # of the distance to the next colour of the palette

_CELL = 8  # colours are looked up in cells of so many levels a channel


class ColourKey:
    """Reads the classes of squeezed colour maps of one palette."""

    def __init__(self, palette: Palette) -> None:
        self.palette = palette
        own = palette.rgb.astype(np.float32)
        levels = np.arange(_CELL // 2, 256, _CELL, dtype=np.float32)
        cells = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(-1, 3)
        distances = np.stack([((cells - colour) ** 2).sum(1) for colour in own], 1)
        self._table = distances.argmin(1).astype(np.uint8)
        gaps = ((own[:, None] - own[None]) ** 2).sum(2)
        np.fill_diagonal(gaps, np.inf)
        self._reach = np.minimum(NEAR**2, SURE**2 * gaps.min(1)) if len(own) > 1 else np.array([NEAR**2])

    def ids(self, picture: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
        """Labels, uint8 (H, W), of a picture, uint8 (H, W, 3).

        Raises `DataError` where fewer than half of the pixels are near a colour of the palette; `name` is
        what the message calls the picture.
        """
        cells = (picture // _CELL).astype(np.int32)
        per = 256 // _CELL
        ids = self._table[(cells[..., 0] * per + cells[..., 1]) * per + cells[..., 2]]
        missed = ((picture.astype(np.float32) - self.palette.rgb.astype(np.float32)[ids]) ** 2).sum(2)
        near = missed <= self._reach[ids]
        if near.mean() < LEAST_EXACT_SHARE:
            raise DataError(
                f"only {near.mean():.0%} of {name}'s pixels are near a colour of the palette: it is no label "
                f"video of these classes; allowed: {self.palette.describe()}"
            )
        return ids if near.all() else nearest_exact(ids, near)


def read_label_video(
    source: Path | bytes,
    palette: Palette,
    name: str | None = None,
    rate: float | None = None,
    limits: Limits = LIMITS,
) -> Iterator[NDArray[np.uint8]]:
    """The label maps, uint8 (H, W), of a video of the palette's colours; see `cgan.video.Video`."""
    name = name or (source.name if isinstance(source, Path) else "the label video")
    key = ColourKey(palette)
    pictures = read_video(source, name, rate, limits)
    return (key.ids(picture, f"{name} (frame {number})") for number, picture in enumerate(pictures))
