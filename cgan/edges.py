"""Photographs become drawings: black lines on white where a person with a pen would put outlines.

Canny's edges (1986) of the smoothed colours, after texture has been held down by its surround (Grigorescu,
Petkov and Westenberg, 2003: an edge among many is not an outline). Short lines are left out and the rest is
drawn with a pen.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from cgan.labels import Label, Palette

SIDE = 256  # the short side, in pixels, at which lines are looked for: the same ones at every size
PEN = 2.4  # pixels at that size: the width of a line
SMOOTH = 1.6  # pixels: the standard deviation of the blur before the gradient
SURROUND = 10.0  # pixels: how far the texture around an edge counts against it
INHIBITION = 0.6  # times the mean gradient around it is taken from an edge
STRONG, WEAK = 0.95, 0.82  # quantiles of the gradients: lines begin above the first, go on above the second
FAINTEST = 12.0  # units of Lab over a pixel-wide Sobel: nothing below is a line, however plain the picture
FAINT = 192  # lighter than this is paper: lines of small pictures are thinner than a pixel, thus grey
SHORTEST = 36  # pixels: shorter lines are specks
LONGEST = 4096  # pixels: the most that the long side may become there; thin pictures get a shorter SIDE


def edge_drawing(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Draw the outlines of a photograph: uint8 (H, W, 3) -> uint8 (H, W, 3), black on white, smooth lines.

    The width of the lines follows the picture's size, as if it were drawn with one pen on one canvas: about
    2.4 pixels where the short side is 256. The same picture always gives the same drawing.
    """
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise ValueError(f"a picture must be uint8 (H, W, 3), not {picture.dtype} {picture.shape}")
    height, width = picture.shape[:2]
    scale = min(SIDE / min(height, width), LONGEST / max(height, width))
    small = (max(1, round(width * scale)), max(1, round(height * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    lines = _long(_lines(np.asarray(cv2.resize(picture, small, interpolation=method), np.uint8)))
    ink = _inked(lines, (height, width))
    return np.repeat(255 - ink[:, :, None], 3, axis=2)


def _lines(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Where lines run, uint8 (H, W) of 0 and 255, a pixel wide."""
    calm = cv2.bilateralFilter(picture, 9, 40, 7)
    lab = cv2.GaussianBlur(cv2.cvtColor(calm, cv2.COLOR_RGB2LAB), (0, 0), SMOOTH).astype(np.float32)
    across, down = cv2.Sobel(lab, cv2.CV_32F, 1, 0), cv2.Sobel(lab, cv2.CV_32F, 0, 1)
    steepest = np.argmax(across**2 + down**2, axis=2)[:, :, None]  # the colour channel that changes most
    across = np.take_along_axis(across, steepest, 2)[:, :, 0]
    down = np.take_along_axis(down, steepest, 2)[:, :, 0]
    strength = np.hypot(across, down)
    left = np.maximum(strength - INHIBITION * cv2.GaussianBlur(strength, (0, 0), SURROUND), 0)
    keep = left / np.maximum(strength, 1e-6)
    weak, strong = np.quantile(left, (WEAK, STRONG)).tolist()
    high = max(strong, FAINTEST)
    low = min(max(weak, FAINTEST / 2), high)
    across, down = ((part * keep).clip(-32768, 32767).astype(np.int16) for part in (across, down))
    return cv2.Canny(across, down, low, high, L2gradient=True)


def _long(lines: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The lines of at least SHORTEST pixels."""
    count, names, facts, _ = cv2.connectedComponentsWithStats(lines, connectivity=8)
    kept = facts[:, cv2.CC_STAT_AREA] >= SHORTEST
    kept[0] = False  # the paper
    return kept[names].astype(np.uint8) * 255


def _inked(lines: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Draw `lines` with the pen on paper of `size` = (height, width): uint8 (H, W), 255 is black."""
    distance = cv2.distanceTransform(255 - lines, cv2.DIST_L2, 5).clip(max=SIDE)  # without lines, endless
    distance = cv2.GaussianBlur(distance, (0, 0), 1.0)  # the hand rounds the pixels' corners
    distance = cv2.resize(distance, size[::-1], interpolation=cv2.INTER_LINEAR)
    pixel = max(1.0, SIDE / min(size))  # the edge of a line is about a pixel soft
    return ((0.5 + (PEN / 2 + 0.3 - distance) / pixel).clip(0, 1) * 255).round().astype(np.uint8)


def edge_labels(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The outlines of a photograph, uint8 (H, W, 3), as a label map, uint8 (H, W): 0 paper, 1 line."""
    return np.asarray(edge_drawing(picture)[..., 0] < FAINT, np.uint8)


def edge_palette() -> Palette:
    """The classes of `edge_labels`."""
    return Palette((Label(0, "paper", "#ffffff"), Label(1, "line", "#000000")))
