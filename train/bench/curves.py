"""Plots of how scores change over a run: panels side by side, a curve with a band for each way to learn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 440, 330  # of a panel, in pixels
LEFT, RIGHT, TOP, BOTTOM = 64, 22, 44, 52  # from its edges to the axes
FOOT = 40  # below the panels, for the legend
FINER = 3  # drawn so much larger and then reduced, which smooths the lines
PAPER, INK, GREY, FAINT = "#ffffff", "#1f2328", "#6e7781", "#e4e7eb"
# Of the curves, in order; a further one begins again.
COLOURS = ("#2f6fbb", "#d9772b", "#3a9b58", "#8a55a8", "#c0394d", "#2a9d9d")
FONT = 13

Font = ImageFont.ImageFont | ImageFont.FreeTypeFont


@dataclass(frozen=True)
class Curve:
    """A name, and at each place of x the mean of a score and the least and the largest of all seeds."""

    name: str
    x: Sequence[float]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True)
class Panel:
    """One score. `floor`: the value that cannot be beaten (real against real), None where there is none."""

    title: str
    curves: list[Curve]
    floor: float | None = None


class Axis(NamedTuple):
    """Values from `first` to `last`, drawn from pixel `start` to `end`; `ticks` are written beside it."""

    first: float
    last: float
    start: float
    end: float
    ticks: list[float]

    def place(self, value: float) -> float:
        """The pixel of a value."""
        return self.start + (value - self.first) / (self.last - self.first) * (self.end - self.start)


def plot(panels: list[Panel], across: str, floor: str = "") -> np.ndarray:
    """Draw the panels in a row, uint8 (height, width, 3).

    across: what x is, written below each panel; floor: what the dashed lines are, for the legend.
    """
    size = (WIDTH * len(panels) * FINER, (HEIGHT + FOOT) * FINER)
    picture = Image.new("RGB", size, PAPER)
    draw, font = ImageDraw.Draw(picture, "RGBA"), ImageFont.load_default(FONT * FINER)
    for i, panel in enumerate(panels):
        _panel(draw, font, panel, WIDTH * FINER * i, across)
    names = list(dict.fromkeys(curve.name for panel in panels for curve in panel.curves))
    _legend(draw, font, names, floor if any(panel.floor is not None for panel in panels) else "", size)
    return np.asarray(picture.resize((size[0] // FINER, size[1] // FINER), Image.Resampling.LANCZOS))


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Some `about` round numbers that span `low` to `high`: steps of 1, 2 or 5 times a power of ten."""
    if not high > low:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * next(size for size in (1, 2, 5, 10) if size * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [step * n for n in range(first, last + 1)]


def _panel(draw: ImageDraw.ImageDraw, font: Font, panel: Panel, left: int, across: str) -> None:
    """Axes, floor, bands and lines of one score."""
    values = [value for curve in panel.curves for value in (*curve.low, *curve.high)]
    values += [] if panel.floor is None else [panel.floor]
    steps = [x for curve in panel.curves for x in curve.x]
    marks, along = ticks(min(values), max(values)), ticks(0, max(steps))
    x = Axis(along[0], along[-1], left + LEFT * FINER, left + (WIDTH - RIGHT) * FINER, along)
    y = Axis(marks[0], marks[-1], (HEIGHT - BOTTOM) * FINER, TOP * FINER, marks)
    _axes(draw, font, x, y)
    draw.text((x.start, 14 * FINER), panel.title, INK, font)
    draw.text(((x.start + x.end) / 2, (HEIGHT - 22) * FINER), across, GREY, font, anchor="ma")
    if panel.floor is not None:
        _dashed(draw, x.start, x.end, y.place(panel.floor))
    for curve, colour in zip(panel.curves, cycle(COLOURS), strict=False):
        places = [x.place(value) for value in curve.x]
        band = [*zip(places, map(y.place, curve.high), strict=True)]
        band += reversed([*zip(places, map(y.place, curve.low), strict=True)])
        if len(places) > 1:
            draw.polygon(band, fill=f"{colour}30")
    for curve, colour in zip(panel.curves, cycle(COLOURS), strict=False):
        points = [(x.place(a), y.place(b)) for a, b in zip(curve.x, curve.mean, strict=True)]
        draw.line(points, colour, 2 * FINER, joint="curve")
        for a, b in points:
            r = 3 * FINER
            draw.ellipse((a - r, b - r, a + r, b + r), colour, PAPER, FINER)


def _axes(draw: ImageDraw.ImageDraw, font: Font, x: Axis, y: Axis) -> None:
    for value in y.ticks:
        at = y.place(value)
        draw.line((x.start, at, x.end, at), FAINT, FINER)
        draw.text((x.start - 8 * FINER, at), f"{value:.6g}", GREY, font, anchor="rm")
    for value in x.ticks:
        at = x.place(value)
        draw.line((at, y.start, at, y.start + 4 * FINER), GREY, FINER)
        draw.text((at, y.start + 7 * FINER), f"{value:.6g}", GREY, font, anchor="ma")
    draw.line((x.start, y.start, x.end, y.start), GREY, FINER)


def _dashed(draw: ImageDraw.ImageDraw, start: float, end: float, at: float) -> None:
    for a in np.arange(start, end, 9 * FINER):
        draw.line((a, at, min(a + 5 * FINER, end), at), INK, FINER)


def _legend(
    draw: ImageDraw.ImageDraw, font: Font, names: list[str], floor: str, size: tuple[int, int]
) -> None:
    """A line and a name for each curve, in the middle below the panels."""
    words = [*names, floor] if floor else names
    mark, gap = 28 * FINER, 26 * FINER
    widths = [mark + draw.textlength(word, font) + gap for word in words]
    left, at = (size[0] - sum(widths) + gap) / 2, size[1] - FOOT * FINER / 2
    for word, width, colour in zip(words, widths, [*islice(cycle(COLOURS), len(names)), None], strict=False):
        if colour is None:
            _dashed(draw, left, left + mark - 6 * FINER, at)
        else:
            draw.line((left, at, left + mark - 6 * FINER, at), colour, 3 * FINER)
        draw.text((left + mark, at), word, INK, font, anchor="lm")
        left += width
