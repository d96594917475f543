"""Styles that are mixed from several: [{"picture": data URI or "seed": int, "weight": from 0 to 1}, …].

A mix has the weighted mean of the styles of its parts: those of pictures are encoded, those of seeds drawn.
"""

import math
import zlib

import numpy as np

from app import uris
from app.paint import check_seed
from cgan import DataError
from cgan.tasks import Translator

MAX_STYLES = 8
SHAPE = '[{"picture": "data:image/…", "weight": 1}, …]'


def read_mix(sent: list | None, translator: Translator) -> list[dict]:
    """The parts that a client sent, with pictures decoded to uint8 (H, W, 3).

    Raises `DataError` and `MediaError` for what is no mix, or none that this model can follow.
    """
    if not sent:
        return []
    if translator.styles == "none":
        return []  # styles that were chosen for another model wait there
    if not isinstance(sent, list) or len(sent) > MAX_STYLES:
        raise DataError(f"the styles must be a list of at most {MAX_STYLES}: {SHAPE}")
    mix = [_part(part, number, translator) for number, part in enumerate(sent, 1)]
    if not sum(part["weight"] for part in mix) > 0:
        raise DataError("every style has weight 0: give one of them more")
    return mix


def mixed(translator: Translator, mix: list[dict], direction: str) -> np.ndarray:
    """The style of a mix, float32 (style,). One of its weights is positive."""
    weights = np.array([part["weight"] for part in mix], np.float32)
    codes = [
        translator.draw(part["seed"], direction) if "seed" in part
        else translator.encode(part["picture"], direction=direction)
        for part in mix
    ]  # fmt: skip
    return (weights / weights.sum()) @ np.stack(codes)


def mark(part: dict) -> int:
    """A number by which a part, as a client sends it, is known again: that of its picture or seed."""
    return zlib.crc32(str(part.get("picture", part.get("seed"))).encode())


def path(stops: int, steps: int) -> list[list[float]]:
    """Weights of the stops at each of so many even steps from the first to the last: (steps, stops)."""
    walked = []
    for place in np.linspace(0, stops - 1, steps):
        walked.append([max(0.0, 1 - abs(float(place) - stop)) for stop in range(stops)])
    return walked


def _part(part: dict, number: int, translator: Translator) -> dict:
    name = f"style {number}"
    if not isinstance(part, dict) or len({"picture", "seed"} & set(part)) != 1:
        raise DataError(f"{name} must have a picture or a seed; styles are {SHAPE}")
    weight = part.get("weight", 1)
    if type(weight) not in (int, float) or not math.isfinite(weight) or not 0 <= weight <= 1:
        raise DataError(f"the weight of {name} is {weight!r}; it must be from 0 to 1")
    if "picture" in part:
        return {"picture": uris.picture(part["picture"], name), "weight": float(weight)}
    if translator.styles != "random":
        raise DataError(f"{name} is a seed; this model takes its style from pictures")
    check_seed(part["seed"])
    return {"seed": part["seed"], "weight": float(weight)}
