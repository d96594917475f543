"""Painting: a label map and a style become a picture. Outside numpy, inside tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cgan import styles
from cgan.checkpoint import Checkpoint
from cgan.enlarging import long_side, moved, resized
from cgan.errors import DataError
from cgan.layers.instances import components
from cgan.pictures import PictureLike, as_picture, to_image, to_pictures
from cgan.runtime import Runtime
from cgan.tasks.bounds import (
    AT_ONCE,
    check_made,
    check_size,
    seed_of,
    side_of,
    variations_of,
    vector_of,
    whole,
)
from cgan.tasks.labeller import Labeller, labeller_of, needs_map
from cgan.tasks.protocols import PaintingModel, RestylingModel

STRAY = 0.3  # how far the further variations of a style picture leave it, in standard deviations


@dataclass(frozen=True)
class Asked:
    """What pictures are painted from.

    Attributes: `ids`, a map int64 (1, 1, H, W), enlarged and padded; of each variation the style and the
    noise, (V, style) or (V, features, H, W), and (V, 1, H, W); `shape`, the (height, width) without padding.
    """

    ids: Tensor
    styles: Tensor
    noise: Tensor
    shape: tuple[int, int]


class Painter:
    """Label maps in, pictures out.

    Attributes: `palette` (the classes), `size` ((height, width) of the training pictures, at which the model
    is at its best), `looks` (how many looks of each class can be chosen for a single thing; 0: none),
    `checkpoint`, `runtime`, `model`, and `faster`, which paints for `model` where it can.
    """

    def __init__(self, checkpoint: Checkpoint, model: PaintingModel, runtime: Runtime):
        self.checkpoint, self.runtime = checkpoint, runtime
        self.model = runtime.prepare(model)
        exact = runtime.device.type == "cpu" and runtime.dtype == torch.float32
        self.faster = model.faster() if exact else None
        if checkpoint.palette is None:
            raise ValueError(f"{checkpoint.name} has no palette: its maps cannot be read")
        self.palette, self.looks = checkpoint.palette, model.config.looks
        height, width = checkpoint.about["size"]
        self.size: tuple[int, int] = (height, width)

    @torch.no_grad()
    def paint(
        self,
        labels: np.ndarray,
        style: PictureLike | None = None,
        seed: int = 0,
        variations: int = 1,
        restyle: Mapping[tuple[int, int], int] | None = None,
        size: int | None = None,
    ) -> np.ndarray:
        """Paint a label map: uint8 (H, W) of class ids, any height and width -> uint8 (variations, H, W, 3).

        `style` is a picture (uint8 (H, W, 3), Pillow's, a Path), whose light is taken, as by `encode` (where
        that needs a map and has none: as if it showed this one); or a style vector, float (style,); or None,
        for a style drawn by `seed`. Variation i uses seed + i: another style, or, with a style given, other
        fine detail; of a style picture every further variation strays a little. The same call gives the same
        pictures, on a CPU to the bit.

        `restyle` gives single things another look, where the model has `looks`: (row, column) of any pixel of
        the thing -> number of the look, 0 to looks - 1, from dark to light.

        `size` is the longer side of the pictures in pixels, to which the map is brought with smooth borders
        (`cgan.enlarging`); None leaves it as it is. Above that of the training pictures borders get
        sharper, detail does not get finer, and wide areas may go flat.

        Raises DataError for ids that are no class or for a map that is too large, ValueError for wrong
        shapes and for looks that there are not.
        """
        return self.paint_all([self.asked(labels, style, seed, variations, restyle, size)])[0]

    @torch.no_grad()
    def asked(
        self,
        labels: np.ndarray,
        style: PictureLike | None = None,
        seed: int = 0,
        variations: int = 1,
        restyle: Mapping[tuple[int, int], int] | None = None,
        size: int | None = None,
    ) -> Asked:
        """What `paint` would begin with, for `paint_all`; takes and raises the same."""
        self._check(labels)
        restyle = self._things(restyle or {}, labels.shape)
        if size is not None:
            shape = long_side(labels.shape, side_of(size))
            check_size(shape, self._margins(shape), "the picture")
            restyle = {moved(labels, place, shape): look for place, look in restyle.items()}
            labels = resized(labels, shape)
        height, width = labels.shape
        margins = self._margins(labels.shape)
        variations = variations_of(variations, (height + margins[0]) * (width + margins[1]))
        seed = seed_of(seed, variations)
        padded = np.pad(labels, [(0, margin) for margin in margins], mode="edge")
        ids = torch.from_numpy(padded.astype(np.int64))[None, None].to(self.runtime.device)
        normal = [self._normal(seed + i, padded.shape) for i in range(variations)]
        styles = self._styles(style, torch.cat([z for z, _ in normal]), ids)
        if restyle:
            styles = self._restyled(ids, styles, restyle)
        return Asked(ids, styles, torch.cat([n for _, n in normal]), (height, width))

    @torch.no_grad()
    def paint_all(self, asked: Sequence[Asked]) -> list[np.ndarray]:
        """Paint what was asked for: for each uint8 (variations, H, W, 3), as `paint` but for rounding.

        Maps of one size are painted in one pass. Patch tables (`faster`) take one map at a time, in any
        number of styles: then only equal maps are. ValueError where the model gives anything but numbers.
        """
        groups: dict[tuple[object, ...], list[int]] = {}
        for place, each in enumerate(asked):
            map_ = each.ids.numpy().tobytes() if self.faster is not None else b""
            groups.setdefault((each.ids.shape, each.styles.shape[1:], map_), []).append(place)
        made: dict[int, np.ndarray] = {}
        for places in groups.values():
            group = [asked[place] for place in places]
            counts = [len(each.styles) for each in group]
            alike = self.faster is not None or len(group) == 1
            rows = [each.ids.expand(count, -1, -1, -1) for each, count in zip(group, counts, strict=True)]
            ids = group[0].ids if alike else torch.cat(rows)
            pictures = self._pass(
                ids, torch.cat([each.styles for each in group]), torch.cat([each.noise for each in group])
            )
            for place, part in zip(places, np.split(pictures, np.cumsum(counts)[:-1]), strict=True):
                height, width = asked[place].shape
                made[place] = part[:, :height, :width]
        return [made[place] for place in range(len(asked))]

    def _pass(self, ids: Tensor, styles: Tensor, noise: Tensor) -> np.ndarray:
        """Pictures of one map, or of as many as there are styles, at most so many at once as memory holds."""
        few = max(1, AT_ONCE // ids[0].numel())
        maps = ids.split(few) if len(ids) > 1 else [ids] * -(-len(styles) // few)
        parts = zip(maps, styles.split(few), noise.split(few), strict=True)
        return np.concatenate([self._painted(*part) for part in parts])

    @torch.no_grad()
    def encode(self, picture: PictureLike, labels: np.ndarray | None = None) -> np.ndarray:
        """The style of a picture: uint8 (H, W, 3) -> float32 (style,).

        Models with `looks` need to know what is where on it: `labels`, uint8 (H, W) of any height and width.
        None: the label network that came along finds them. ValueError where none did (see `needs_map`).
        """
        if labels is None:
            return self._encode(picture, self._found(picture))[0].cpu().numpy()
        self._check(labels)
        return self._encode(picture, self._ids(labels))[0].cpu().numpy()

    @cached_property
    def ready(self) -> styles.Ready:
        """The styles that the checkpoint brings along, those of a few training pictures; perhaps none.

        `paint` takes each of its `vectors` as style. Raises `CheckpointError` where the file is at fault.
        """
        return styles.read(self.checkpoint, self.model.config.style)

    @torch.no_grad()
    def draw(self, seed: int) -> np.ndarray:
        """The style that `seed` draws: float32 (style,)."""
        normal, _ = self._normal(seed_of(seed), (1, 1))
        return self.model.draw(normal)[0].cpu().numpy()

    @property
    def needs_map(self) -> bool:
        """Whether `encode` must be told what is where: with `looks`, but without a label network."""
        return needs_map(self.checkpoint, self.looks)

    def look(self, style: np.ndarray, label: int) -> int:
        """Which of its class's looks a style, float32 (style,), comes nearest to: from 0 to looks - 1."""
        clusters = cast(RestylingModel, self.model).clusters.cpu()
        own = torch.from_numpy(style).unflatten(0, (len(clusters), -1))[label]
        return int((clusters[label] - own).square().sum(1).argmin())

    @cached_property
    def labeller(self) -> Labeller:
        """The label network that came with the checkpoint; `CheckpointError` where none did."""
        return labeller_of(self.checkpoint, self.runtime)

    def label(self, picture: PictureLike, size: tuple[int, int] | None = None) -> np.ndarray:
        """The label map of a photograph, of which `paint` makes another: as `Labeller.label`."""
        return self.labeller.label(picture, size)

    def _painted(self, ids: Tensor, styles: Tensor, noise: Tensor) -> np.ndarray:
        """Pictures, uint8 (B, H, W, 3), of a few variations side by side."""
        with self.runtime.computing(ids.numel()):
            image = self._paint(ids, styles, noise).float()
        check_made(image)
        return to_pictures(image)

    def _margins(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """What is added below and on the right: up to a multiple of the model's."""
        return tuple(-side % self.model.multiple for side in shape)

    def _paint(self, ids: Tensor, styles: Tensor, noise: Tensor) -> Tensor:
        """Ids int64 (1 or B, 1, H, W) -> image (B, 3, H, W), in the quickest way that this device has."""
        if self.faster is not None:
            return self.faster(self.faster.symbols(ids)[0, 0], styles, noise)
        condition = self.model.condition(ids).expand(len(styles), -1, -1, -1)
        if self.runtime.channels_last:
            condition = condition.contiguous(memory_format=torch.channels_last)
        return self.model(condition, styles, noise)

    def _check(self, labels: np.ndarray) -> None:
        if not isinstance(labels, np.ndarray):
            raise ValueError(f"labels must be a numpy array, uint8 (H, W), not a {type(labels).__name__}")
        if labels.ndim != 2 or labels.dtype != np.uint8 or not labels.size:
            raise ValueError(f"labels must be uint8 (H, W), not {labels.dtype} {labels.shape}")
        check_size(labels.shape, self._margins(labels.shape), "the label map")
        classes = self.model.config.classes
        if labels.max() >= classes:
            bad = labels[labels >= classes]
            names = ", ".join(f"{label.id} {label.name}" for label in self.palette.labels)
            raise DataError(
                f"the label map has id {bad[0]} ({bad.size} pixels ≥ {classes}); allowed: {names}"
            )

    def _normal(self, seed: int, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """What `seed` draws: N(0, 1) for the style (1, style) and for the noise (1, 1, H, W)."""
        generator = torch.Generator().manual_seed(seed)  # on the CPU: the same numbers on every device
        style = torch.randn(1, self.model.config.style, generator=generator)
        noise = torch.randn(1, 1, *shape, generator=generator)
        return style.to(self.runtime.device), noise.to(self.runtime.device)

    def _ids(self, labels: np.ndarray) -> Tensor:
        """A label map (H, W) as the model takes it: int64 (1, 1, H, W)."""
        return torch.from_numpy(labels.astype(np.int64))[None, None].to(self.runtime.device)

    def _found(self, picture: PictureLike) -> Tensor | None:
        """What the label network finds in a style picture; None where there is none, or nobody asks."""
        return self._ids(self.label(picture)) if self.looks and not self.needs_map else None

    def _encode(self, picture: PictureLike, ids: Tensor | None) -> Tensor:
        """The style of a picture, laid under the map `ids` (1, 1, H, W) where that matters: (1, style)."""
        image = to_image(as_picture(picture))
        if self.looks:
            if ids is None:
                raise ValueError("this model takes a style from a picture and its label map: give labels too")
            image = F.interpolate(image, size=ids.shape[2:], mode="bilinear", antialias=True)
        return self.model.encode(image.to(self.runtime.device), ids)

    def _styles(self, style: PictureLike | None, normal: Tensor, ids: Tensor) -> Tensor:
        """One style vector for each variation: (variations, style)."""
        if style is None:
            return self.model.draw(normal)
        if isinstance(style, np.ndarray) and style.ndim == 1:
            vector = vector_of(style, self.model.config.style).to(self.runtime.device)
            return vector.expand(len(normal), -1)
        mean = self._encode(style, ids if self.needs_map else self._found(style))
        stray = (self.model.draw(normal) - self.model.style_mean) * STRAY
        return mean + stray * (torch.arange(len(normal), device=mean.device) > 0)[:, None]

    def _things(
        self, restyle: Mapping[tuple[int, int], int], shape: tuple[int, ...]
    ) -> Mapping[tuple[int, int], int]:
        """`restyle` in Python's own numbers, if it fits a map of `shape`; else a `ValueError`."""
        if restyle and not self.looks:
            raise ValueError("this model has no looks to choose single things from")
        if not isinstance(restyle, Mapping):
            raise ValueError(f"restyle is {restyle!r:.60}; it must be {{(row, column): look, …}}")
        limits = [range(limit) for limit in (*shape, self.looks)]
        found: dict[tuple[int, int], int] = {}
        for place, look in restyle.items():
            given = (*place, look) if isinstance(place, tuple) else ()
            numbers = [number for value in given if (number := whole(value)) is not None]
            if len(numbers) != 3 or not all(map(range.__contains__, limits, numbers)):
                raise ValueError(
                    f"restyle has {place!r:.60}: {look!r:.60}; the map has {shape[0]} rows and {shape[1]} "
                    f"columns, and looks go from 0 to {self.looks - 1}"
                )
            found[numbers[0], numbers[1]] = numbers[2]
        return found

    def _restyled(self, ids: Tensor, styles: Tensor, restyle: Mapping[tuple[int, int], int]) -> Tensor:
        """The styles spread over the map, other looks for single things: (variations, features, H, W)."""
        model = cast(RestylingModel, self.model)  # that is what looks promise
        things = torch.from_numpy(components(ids[0, 0].cpu().numpy())).to(ids.device)[None, None]
        overrides = {
            int(things[0, 0, row, column]): model.clusters[ids[0, 0, row, column], look]
            for (row, column), look in restyle.items()
        }
        count = len(styles)
        return model.features(
            ids.expand(count, -1, -1, -1), styles, things.expand(count, -1, -1, -1), overrides
        )
