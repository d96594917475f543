"""Styles: encoded from pictures, each once, and mixed from several.

A client sends {"parts": [{"picture": data URI or "seed": int, "weight": from 0 to 1}, …], "strength": from 0
to 1}. It has the weighted mean of the styles of its parts: those of pictures are encoded, those of seeds
drawn; the rest is the look of the seed. To a painter a part may be {"ready": int}, a style that the
checkpoint brings along, and a single picture's data URI is a style, too; to a translator the list of parts
alone is one.
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
from cgan import Checkpoint, DataError, models, styles
from cgan.tasks import Painter, Translator

MAX_STYLES = 8
MAX_BLENDED = 3  # styles of a painter's blend
ENCODED = 64  # style vectors that are kept
SHAPE = '[{"picture": "data:image/…", "weight": 1}, …]'


@dataclass(frozen=True)
class Part:
    """A part of a mix and how much it counts, from 0 to 1.

    It is a picture, uint8 (H, W, 3), a seed, or the number of a ready style.
    """

    weight: float
    picture: np.ndarray | None = None
    seed: int | None = None
    ready: int | None = None


@dataclass(frozen=True)
class Blend:
    """A style: a mix, and how strong it is beside the look of the seed, from 0 to 1."""

    parts: list[Part]
    strength: float = 1.0

    def to_json(self, model: str) -> dict:
        """What a client sends for this blend; ready styles are those of the checkpoint `model`."""
        parts: list[dict] = []
        for part in self.parts:
            if part.picture is not None:
                source: dict = {"picture": requests.picture_uri(part.picture)}
            elif part.seed is not None:
                source = {"seed": part.seed}
            else:
                source = {"ready": part.ready, "model": model}
            parts.append(source | {"weight": part.weight})
        return {"parts": parts, "strength": self.strength}


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

        Where it `needs_map`, which changes at every stroke, it is the picture.
        """
        return picture if painter.needs_map else self._encoded(painter, picture)

    def blended(self, painter: Painter, blend: Blend, labels: np.ndarray, seed: int) -> np.ndarray:
        """What `Painter.paint` takes as style for a blend, on the map `labels`, uint8 (H, W)."""
        first = blend.parts[0]
        if len(blend.parts) == 1 and blend.strength == 1 and first.picture is not None:
            return self.of_painter(painter, first.picture)
        weights = np.array([part.weight for part in blend.parts])
        vectors = np.stack([self._vector(painter, part, labels) for part in blend.parts])
        mixed = weights / weights.sum() @ vectors
        return (blend.strength * mixed + (1 - blend.strength) * painter.draw(seed)).astype(np.float32)

    def _vector(self, painter: Painter, part: Part, labels: np.ndarray) -> np.ndarray:
        """The style of one part: float32 (style,)."""
        if part.picture is not None:
            known = not painter.needs_map
            return self._encoded(painter, part.picture) if known else painter.encode(part.picture, labels)
        return painter.draw(part.seed) if part.seed is not None else painter.ready.vectors[part.ready]

    def of_translator(self, translator: Translator, picture: np.ndarray, direction: str) -> np.ndarray:
        """The style of a picture, uint8 (H, W, 3), of where `direction` goes to: float32 (style,)."""
        return self._encoded(translator, picture, direction=direction)

    def mixed(self, translator: Translator, blend: Blend, direction: str, seed: int) -> np.ndarray:
        """The style of a blend, float32 (style,). One of its weights is positive."""
        weights = np.array([part.weight for part in blend.parts])
        vectors = [
            self.of_translator(translator, part.picture, direction) if part.seed is None
            else translator.draw(part.seed, direction)
            for part in blend.parts
        ]  # fmt: skip
        mixed = weights / weights.sum() @ np.stack(vectors)
        if blend.strength < 1:
            mixed = blend.strength * mixed + (1 - blend.strength) * translator.draw(seed, direction)
        return mixed.astype(np.float32)

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


def read_style(uri: str, size: tuple[int, int], name: str = "the style picture") -> np.ndarray:
    """A style picture that a client sent, uint8 (h, w, 3), no larger than `size` (H, W) asks for."""
    picture = requests.read_picture(uri, name)
    height, width = picture.shape[:2]
    scale = min(1, max(size) / max(height, width))
    target = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(picture, target, interpolation=cv2.INTER_AREA)


def read_blend(sent: str | dict | None, checkpoint: Checkpoint) -> Blend | None:
    """The style that a client sent for a painter; None for none.

    Ready styles of other checkpoints wait: they are left out. Raises `DataError` and `MediaError`.
    """
    if not sent:
        return None
    blend = {"parts": [{"picture": sent}]} if isinstance(sent, str) else sent
    parts = blend.get("parts") if isinstance(blend, dict) else None
    if not isinstance(blend, dict) or not isinstance(parts, list) or len(parts) > MAX_BLENDED:
        allowed = f'{{"parts": {SHAPE}, "strength": 1}} with at most {MAX_BLENDED} parts'
        raise DataError(f"the style must be a picture as a data URI, or {allowed}")
    strength = _share(blend.get("strength", 1), "the strength of the style")
    known = [
        _read_painted_part(part, f"style {place}", checkpoint)
        for place, part in enumerate(parts, 1)
        if not isinstance(part, dict) or part.get("model", checkpoint.name) == checkpoint.name
    ]
    if known and not sum(part.weight for part in known) > 0:
        raise DataError("every style has weight 0: give one of them more")
    return Blend(known, strength) if known else None


def ready_of(checkpoint: Checkpoint) -> styles.Ready:
    """The ready styles that a checkpoint brings along. Raises `CheckpointError`."""
    length = models.module(checkpoint.model).Config(**checkpoint.config).style
    return styles.read(checkpoint, length)


def _read_painted_part(part: dict, name: str, checkpoint: Checkpoint) -> Part:
    if not isinstance(part, dict) or len({"picture", "seed", "ready"} & set(part)) != 1:
        raise DataError(f"{name} must have a picture, a seed or the number of a ready style")
    weight = _share(part.get("weight", 1), f"the weight of {name}")
    if "picture" in part:
        return Part(weight, picture=read_style(part["picture"], checkpoint.about["size"], name))
    if "seed" in part:
        requests.check_seed(part["seed"])
        return Part(weight, seed=part["seed"])
    count = len(ready_of(checkpoint))
    if type(part["ready"]) is not int or not 0 <= part["ready"] < count:
        allowed = f"it has {count}, counted from 0" if count else "it brings none along"
        raise DataError(f"{checkpoint.name} has no ready style {part['ready']!r:.40}: {allowed}")
    return Part(weight, ready=part["ready"])


def _share(value: float, name: str) -> float:
    if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value <= 1:
        raise DataError(f"{name} is {value!r:.40}; it must be from 0 to 1")
    return float(value)


def read_mix(sent: list | dict | None, translator: Translator) -> Blend | None:
    """The style that a client sent for a translator; None for none.

    Raises `DataError` and `MediaError` for what is no style, or none that this model can follow.
    """
    if not sent or translator.styles == "none":
        return None  # styles that were chosen for another model wait there
    blend = sent if isinstance(sent, dict) else {"parts": sent}
    parts = blend.get("parts")
    if not isinstance(parts, list) or len(parts) > MAX_STYLES:
        raise DataError(f"the styles must be a list of at most {MAX_STYLES}: {SHAPE}")
    strength = _share(blend.get("strength", 1), "the strength of the style")
    if strength < 1 and translator.styles != "random":
        raise DataError("this model draws no looks: its styles have strength 1")
    mix = [_read_part(part, f"style {place}", translator) for place, part in enumerate(parts, 1)]
    if mix and not sum(part.weight for part in mix) > 0:
        raise DataError("every style has weight 0: give one of them more")
    return Blend(mix, strength) if mix else None


def parts_of(sent: list | dict | None) -> list:
    """The parts of a style for a translator, as a client sent them."""
    parts = sent.get("parts") if isinstance(sent, dict) else sent
    return parts if isinstance(parts, list) else []


def weighted(mix: Sequence[Part], weights: Sequence[float]) -> Blend:
    """A mix with other weights."""
    return Blend([replace(part, weight=weight) for part, weight in zip(mix, weights, strict=True)])


def mark(part: dict) -> int:
    """A number by which a part, as a client sends it, is known again: that of its picture or seed."""
    return zlib.crc32(str(part.get("picture", part.get("seed"))).encode())


def farthest(vectors: np.ndarray, count: int) -> list[int]:
    """So many rows of `vectors` (n, length), by number: the first, then each as far as can be from those."""
    chosen = [0]
    while len(chosen) < count:
        apart = np.linalg.norm(vectors[:, None] - vectors[chosen], axis=2).min(axis=1)
        chosen.append(int(apart.argmax()))
    return chosen


def path(stops: int, steps: int) -> list[list[float]]:
    """Weights of the stops at each of so many even steps from the first to the last: (steps, stops)."""
    walked = []
    for place in np.linspace(0, stops - 1, steps):
        walked.append([max(0.0, 1 - abs(float(place) - stop)) for stop in range(stops)])
    return walked


def _read_part(part: dict, name: str, translator: Translator) -> Part:
    if not isinstance(part, dict) or len({"picture", "seed"} & set(part)) != 1:
        raise DataError(f"{name} must have a picture or a seed; styles are {SHAPE}")
    weight = _share(part.get("weight", 1), f"the weight of {name}")
    if "picture" in part:
        return Part(weight, picture=requests.read_picture(part["picture"], name))
    if translator.styles != "random":
        raise DataError(f"{name} is a seed; this model takes its style from pictures")
    requests.check_seed(part["seed"])
    return Part(weight, seed=part["seed"])
