"""Styles: encoded from pictures, each once, and mixed from several.

A client sends a mix as [{"picture": data URI or "seed": int, "weight": from 0 to 1}, …]. It has the weighted
mean of the styles of its parts: those of pictures are encoded, those of seeds drawn.
"""

import hashlib
import math
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Lock

import cv2
import numpy as np

from app import requests
from cgan import DataError
from cgan.tasks import Painter, Translator

MAX_STYLES = 8
ENCODED = 64  # style vectors that are kept
SHAPE = '[{"picture": "data:image/…", "weight": 1}, …]'


@dataclass(frozen=True)
class Part:
    """A part of a mix: a picture, uint8 (H, W, 3), or a seed, and how much it counts, from 0 to 1."""

    weight: float
    picture: np.ndarray | None = None
    seed: int | None = None


class Encoder:
    """Encodes style pictures, each once for a checkpoint: every stroke and step of a blend finds it again.

    Keeps the `kept` vectors that were used last. Two pictures of the same pixels are the same.
    """

    def __init__(self, kept: int = ENCODED):
        self.kept = kept
        self._vectors: OrderedDict[tuple[str, ...], np.ndarray] = OrderedDict()
        self._lock = Lock()

    def of_painter(self, painter: Painter, picture: np.ndarray) -> np.ndarray:
        """What `Painter.paint` takes as style for a picture, uint8 (H, W, 3): its vector, float32 (style,).

        With `looks` a style depends on the map too, which changes at every stroke: then it is the picture.
        """
        return picture if painter.looks else self._encoded(painter, picture)

    def of_translator(self, translator: Translator, picture: np.ndarray, direction: str) -> np.ndarray:
        """The style of a picture, uint8 (H, W, 3), of where `direction` goes to: float32 (style,)."""
        return self._encoded(translator, picture, direction=direction)

    def mixed(self, translator: Translator, mix: Sequence[Part], direction: str) -> np.ndarray:
        """The style of a mix, float32 (style,). One of its weights is positive."""
        weights = np.array([part.weight for part in mix])
        vectors = [
            self.of_translator(translator, part.picture, direction) if part.seed is None
            else translator.draw(part.seed, direction)
            for part in mix
        ]  # fmt: skip
        return (weights / weights.sum() @ np.stack(vectors)).astype(np.float32)

    def _encoded(self, model: Painter | Translator, picture: np.ndarray, **options: str) -> np.ndarray:
        checkpoint = model.checkpoint
        pixels = hashlib.sha256(np.ascontiguousarray(picture)).hexdigest()
        key = (checkpoint.name, checkpoint.sha256, *options.values(), str(picture.shape), pixels)
        with self._lock:
            if key not in self._vectors:
                self._vectors[key] = model.encode(picture, **options)
            self._vectors.move_to_end(key)
            while len(self._vectors) > self.kept:
                self._vectors.popitem(last=False)
            return self._vectors[key]


def read_style(uri: str, size: tuple[int, int]) -> np.ndarray:
    """A style picture that a client sent, uint8 (h, w, 3), no larger than `size` (H, W) asks for."""
    picture = requests.read_picture(uri, "the style picture")
    height, width = picture.shape[:2]
    scale = min(1, max(size) / max(height, width))
    target = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(picture, target, interpolation=cv2.INTER_AREA)


def read_mix(sent: list | None, translator: Translator) -> list[Part]:
    """The parts that a client sent.

    Raises `DataError` and `MediaError` for what is no mix, or none that this model can follow.
    """
    if not sent:
        return []
    if translator.styles == "none":
        return []  # styles that were chosen for another model wait there
    if not isinstance(sent, list) or len(sent) > MAX_STYLES:
        raise DataError(f"the styles must be a list of at most {MAX_STYLES}: {SHAPE}")
    mix = [_read_part(part, f"style {place}", translator) for place, part in enumerate(sent, 1)]
    if not sum(part.weight for part in mix) > 0:
        raise DataError("every style has weight 0: give one of them more")
    return mix


def weighted(mix: Sequence[Part], weights: Sequence[float]) -> list[Part]:
    """A mix with other weights."""
    return [replace(part, weight=weight) for part, weight in zip(mix, weights, strict=True)]


def mark(part: dict) -> int:
    """A number by which a part, as a client sends it, is known again: that of its picture or seed."""
    return zlib.crc32(str(part.get("picture", part.get("seed"))).encode())


def path(stops: int, steps: int) -> list[list[float]]:
    """Weights of the stops at each of so many even steps from the first to the last: (steps, stops)."""
    walked = []
    for place in np.linspace(0, stops - 1, steps):
        walked.append([max(0.0, 1 - abs(float(place) - stop)) for stop in range(stops)])
    return walked


def _read_part(part: dict, name: str, translator: Translator) -> Part:
    if not isinstance(part, dict) or len({"picture", "seed"} & set(part)) != 1:
        raise DataError(f"{name} must have a picture or a seed; styles are {SHAPE}")
    weight = part.get("weight", 1)
    if type(weight) not in (int, float) or not math.isfinite(weight) or not 0 <= weight <= 1:
        raise DataError(f"the weight of {name} is {weight!r}; it must be from 0 to 1")
    if "picture" in part:
        return Part(float(weight), picture=requests.read_picture(part["picture"], name))
    if translator.styles != "random":
        raise DataError(f"{name} is a seed; this model takes its style from pictures")
    requests.check_seed(part["seed"])
    return Part(float(weight), seed=part["seed"])
