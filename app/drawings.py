"""Drawings for the models of edges: what may be laid on the paper of `components/pen`.

A drawing is a label map of two classes, paper and ink. As a picture it is black on white, which is what those
models were trained on (`cgan.edges`).
"""

import cv2
import numpy as np

from app.maps import fitted, write_map
from cgan import Palette
from cgan.edges import SIDE, edge_drawing

INK = Palette.from_list(
    [{"id": 0, "name": "paper", "colour": "#ffffff"}, {"id": 1, "name": "ink", "colour": "#000000"}]
)
LETTER = Palette.from_list(
    [{"id": 0, "name": "paper", "colour": "#ffffff"}, {"id": 1, "name": "letter", "colour": "#000000"}]
)
FINER = 2  # times the size at which outlines are looked for: the canvas, for smooth lines
DARK = 170  # ink is darker: the soft rim of a line belongs half to it
PAPER_SHARE, INK_SHARE = 0.6, 0.4  # of the pixels of a drawing: at least so much white, at most so much dark
COLOURLESS = 24  # the most that red, green and blue differ in a drawing, all but everywhere


def drawing_size(size: tuple[int, int]) -> tuple[int, int]:
    """The canvas (H, W) for a model trained at `size`: its shape, and fine enough for a smooth line."""
    scale = FINER * SIDE / min(size)
    return round(size[0] * scale), round(size[1] * scale)


def letter_size(size: tuple[int, int]) -> tuple[int, int]:
    """The paper (H, W) for a letter, for a model trained at `size`: its shape, 256 pixels or more."""
    scale = max(1, SIDE / min(size))
    return round(size[0] * scale), round(size[1] * scale)


def blank(size: tuple[int, int]) -> str:
    """An empty paper (H, W) for a letter, as a map."""
    return write_map(np.zeros(size, np.uint8), LETTER)


def is_blank(picture: np.ndarray) -> bool:
    """Whether there is no ink on a drawing, uint8 (H, W, 3)."""
    return int(picture.min()) > DARK


def is_drawing(picture: np.ndarray) -> bool:
    """Whether a picture, uint8 (H, W, 3), is dark lines on white paper rather than a photograph."""
    spread = picture.max(axis=2).astype(int) - picture.min(axis=2)
    light = picture.min(axis=2) > 225
    dark = picture.max(axis=2) < DARK
    colourless = np.quantile(spread, 0.995) < COLOURLESS
    return bool(colourless and light.mean() > PAPER_SHARE and 0 < dark.mean() < INK_SHARE)


def as_drawing(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture, uint8 (h, w, 3), as ids of `INK`, uint8, its shorter side that of `size` (H, W).

    A drawing stays what it is; of a photograph the outlines are drawn.
    """
    target = fitted(picture.shape, size)
    method = cv2.INTER_AREA if target < picture.shape[1::-1] else cv2.INTER_LINEAR
    lines = cv2.resize(picture, target, interpolation=method)
    if not is_drawing(picture):
        lines = edge_drawing(lines)
    return (lines.max(axis=2) < DARK).astype(np.uint8)
