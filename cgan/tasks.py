"""What people do with a model: paint a label map, translate a picture. Outside numpy, inside tensors.

`cgan.load` returns one of these, ready to use; a model names its task, and TASKS finds the class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from cgan.errors import DataError
from cgan.layers.instances import components
from cgan.pictures import to_image, to_pictures
from cgan.runtime import Runtime

if TYPE_CHECKING:
    from cgan.checkpoint import Checkpoint

MAX_PAINTED_PIXELS = MAX_TRANSLATED_PIXELS = 2048 * 2048
STRAY = 0.3  # how far the further variations of a style picture leave it, in standard deviations


class Painter:
    """Label maps in, pictures out.

    Attributes: `palette` (the classes), `size` ((height, width) of the training pictures, at which the model
    is at its best), `looks` (how many looks of each class can be chosen for a single thing; 0: none),
    `checkpoint`, `runtime`, `model`, and `faster`, which paints for `model` where it can.
    """

    def __init__(self, checkpoint: Checkpoint, model: nn.Module, runtime: Runtime):
        self.checkpoint, self.runtime = checkpoint, runtime
        self.model = runtime.prepare(model)
        exact = runtime.device.type == "cpu" and runtime.dtype == torch.float32
        self.faster = model.faster() if exact else None
        self.palette, self.looks = checkpoint.palette, model.config.looks
        self.size = tuple(checkpoint.about["size"])

    @torch.no_grad()
    def paint(
        self,
        labels: np.ndarray,
        style: np.ndarray | None = None,
        seed: int = 0,
        variations: int = 1,
        restyle: Mapping[tuple[int, int], int] | None = None,
    ) -> np.ndarray:
        """Paint a label map: uint8 (H, W) of class ids, any height and width -> uint8 (variations, H, W, 3).

        `style` is a picture, uint8 (H, W, 3), whose light and colours are taken over; or a style vector,
        float (style,); or None, for a style drawn by `seed`. Variation i uses seed + i: another style, or,
        with a style given, other fine detail; of a style picture every further variation strays a little. The
        same call gives the same pictures, on a CPU to the bit.

        `restyle` gives single things another look, where the model has `looks`: (row, column) of any pixel of
        the thing -> number of the look, 0 to looks - 1, from dark to light.

        Raises DataError for ids that are no class or for a map that is too large, ValueError for wrong
        shapes and for looks that there are not.
        """
        self._check(labels)
        if variations < 1:
            raise ValueError(f"variations is {variations}; it must be at least 1")
        height, width = labels.shape
        padded = np.pad(labels, [(0, -n % self.model.multiple) for n in labels.shape], mode="edge")
        ids = torch.from_numpy(padded.astype(np.int64))[None, None].to(self.runtime.device)
        normal = [self._normal(seed + i, padded.shape) for i in range(variations)]
        styles = self._styles(style, torch.cat([z for z, _ in normal]), ids)
        if restyle:
            styles = self._restyled(ids, styles, restyle, labels.shape)
        noise = torch.cat([n for _, n in normal])
        with self.runtime.autocast():
            image = self._paint(ids, styles, noise)
        return to_pictures(image[:, :, :height, :width].float())

    @torch.no_grad()
    def encode(self, picture: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """The style of a picture: uint8 (H, W, 3) -> float32 (style,).

        Models with `looks` need to know what is where on it: `labels`, uint8 (H, W) of any height and width.
        """
        ids = None
        if labels is not None:
            self._check(labels)
            ids = torch.from_numpy(labels.astype(np.int64))[None, None].to(self.runtime.device)
        return self._encode(picture, ids)[0].cpu().numpy()

    @torch.no_grad()
    def draw(self, seed: int) -> np.ndarray:
        """The style that `seed` draws: float32 (style,)."""
        normal, _ = self._normal(seed, (1, 1))
        return self.model.draw(normal)[0].cpu().numpy()

    def _paint(self, ids: Tensor, styles: Tensor, noise: Tensor) -> Tensor:
        """Ids int64 (1, 1, H, W) -> image (B, 3, H, W), in the quickest way that this device has."""
        if self.faster is not None:
            return self.faster(self.model.symbols(ids)[0, 0], styles, noise)
        condition = self.model.condition(ids).expand(len(styles), -1, -1, -1)
        if self.runtime.channels_last:
            condition = condition.contiguous(memory_format=torch.channels_last)
        return self.model(condition, styles, noise)

    def _check(self, labels: np.ndarray) -> None:
        if not isinstance(labels, np.ndarray):
            raise ValueError(f"labels must be a numpy array, uint8 (H, W), not a {type(labels).__name__}")
        if labels.ndim != 2 or labels.dtype != np.uint8 or not labels.size:
            raise ValueError(f"labels must be uint8 (H, W), not {labels.dtype} {labels.shape}")
        if labels.size > MAX_PAINTED_PIXELS:
            raise DataError(
                f"the label map is {labels.shape[1]}x{labels.shape[0]}; at most {MAX_PAINTED_PIXELS} pixels"
            )
        classes = self.model.config.classes
        if labels.max() >= classes:
            bad = labels[labels >= classes]
            names = ", ".join(f"{label.id} {label.name}" for label in self.palette.labels)
            raise DataError(
                f"the label map has id {bad[0]} ({bad.size} pixels ≥ {classes}); allowed: {names}"
            )

    def _normal(self, seed: int, shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """What `seed` draws: N(0, 1) for the style (1, style) and for the noise (1, 1, H, W)."""
        generator = torch.Generator().manual_seed(seed)  # on the CPU: the same numbers on every device
        style = torch.randn(1, self.model.config.style, generator=generator)
        noise = torch.randn(1, 1, *shape, generator=generator)
        return style.to(self.runtime.device), noise.to(self.runtime.device)

    def _encode(self, picture: np.ndarray, ids: Tensor | None) -> Tensor:
        """The style of a picture, laid under the map `ids` (1, 1, H, W) where that matters: (1, style)."""
        check_picture(picture)
        image = to_image(picture)
        if self.looks:
            if ids is None:
                raise ValueError("this model takes a style from a picture and its label map: give labels too")
            image = F.interpolate(image, size=ids.shape[2:], mode="bilinear", antialias=True)
        return self.model.encode(image.to(self.runtime.device), ids)

    def _styles(self, style: np.ndarray | None, normal: Tensor, ids: Tensor) -> Tensor:
        """One style vector for each variation: (variations, style)."""
        if style is None:
            return self.model.draw(normal)
        if style.ndim == 1:
            if style.shape != (self.model.config.style,):
                raise ValueError(
                    f"a style vector has {self.model.config.style} numbers, not {style.shape[0]}"
                )
            vector = torch.from_numpy(style.astype(np.float32)).to(self.runtime.device)
            return vector.expand(len(normal), -1)
        mean = self._encode(style, ids)
        stray = (self.model.draw(normal) - self.model.style_mean) * STRAY
        return mean + stray * (torch.arange(len(normal), device=mean.device) > 0)[:, None]

    def _restyled(self, ids: Tensor, styles: Tensor, restyle: Mapping, shape: tuple[int, int]) -> Tensor:
        """The styles spread over the map, other looks for single things: (variations, features, H, W)."""
        if not self.looks:
            raise ValueError("this model has no looks to choose single things from")
        things = torch.from_numpy(components(ids[0, 0].cpu().numpy())).to(ids.device)[None, None]
        overrides = {}
        for (row, column), look in restyle.items():
            if not (0 <= row < shape[0] and 0 <= column < shape[1] and 0 <= look < self.looks):
                raise ValueError(
                    f"restyle has ({row}, {column}): {look}; the map has {shape[0]} rows and {shape[1]} "
                    f"columns, and looks go from 0 to {self.looks - 1}"
                )
            overrides[int(things[0, 0, row, column])] = self.model.clusters[ids[0, 0, row, column], look]
        count = len(styles)
        return self.model.features(
            ids.expand(count, -1, -1, -1), styles, things.expand(count, -1, -1, -1), overrides
        )


class Translator:
    """Pictures in, pictures of another domain or class out.

    Attributes: `styles`, what decides the look: "none" (each picture has one translation), "random" (a seed
    or a picture of the target domain) or "pictures" (one or more of the class wanted, which need not have
    been seen in training); `directions` ("ab", and "ba" where the model goes back too); `domains`, the names
    of a and b; `edges`, the domain that consists of drawings, black lines on white, or None; `size` ((height,
    width) of the training pictures), `checkpoint`, `runtime`, `model`.
    """

    def __init__(self, checkpoint: Checkpoint, model: nn.Module, runtime: Runtime):
        self.checkpoint, self.runtime = checkpoint, runtime
        self.model = runtime.prepare(model)
        self.styles, self.directions = model.styles, model.directions
        self.domains = tuple(checkpoint.about.get("domains", ("A", "B")))
        self.edges = checkpoint.about.get("edges")
        self.size = tuple(checkpoint.about["size"])

    @torch.no_grad()
    def translate(
        self,
        picture: np.ndarray,
        style: np.ndarray | Sequence[np.ndarray] | None = None,
        weights: Sequence[float] | None = None,
        direction: str | None = None,
        seed: int = 0,
        variations: int = 1,
    ) -> np.ndarray:
        """Translate a picture, uint8 (H, W, 3) of any height and width -> uint8 (variations, H, W, 3).

        `style` is a picture, several (mixed with `weights`, equal ones by default), or a style vector, float
        (style,), of `encode` or `draw`; None draws one by `seed` where the model can. Variation i uses seed +
        i; of a style that was given every further variation strays a little. `direction` is one of
        `directions`, None the first.

        Raises DataError for a picture that is too large, ValueError for what the model cannot do.
        """
        check_picture(picture)
        direction = self._direction(direction)
        height, width = picture.shape[:2]
        if height * width > MAX_TRANSLATED_PIXELS:
            raise DataError(f"the picture is {width}x{height}; at most {MAX_TRANSLATED_PIXELS} pixels")
        if variations < 1 or (variations > 1 and self.styles != "random"):
            most = "at least 1" if self.styles == "random" else "1: this model has one answer to a picture"
            raise ValueError(f"variations is {variations}; it must be {most}")
        image = to_image(np.pad(picture, self._margins(height, width), mode="edge")).to(self.runtime.device)
        if self.runtime.channels_last:
            image = image.contiguous(memory_format=torch.channels_last)
        with self.runtime.autocast():
            styles = self._styles(style, weights, direction, seed, variations)
            content = self.model.content(image, direction)
            rows = [None] if styles is None else styles.split(1)  # one by one: many large ones fill a memory
            translated = torch.cat([self.model.decode(content, row, direction).float() for row in rows])
        return to_pictures(translated[:, :, :height, :width])

    @torch.no_grad()
    def encode(
        self,
        pictures: np.ndarray | Sequence[np.ndarray],
        weights: Sequence[float] | None = None,
        direction: str | None = None,
    ) -> np.ndarray:
        """The style of one picture, uint8 (H, W, 3), or the weighted mean of several: float32 (style,)."""
        with self.runtime.autocast():
            style = self._encode(pictures, weights, self._direction(direction))
        return style[0].float().cpu().numpy()

    @torch.no_grad()
    def draw(self, seed: int, direction: str | None = None) -> np.ndarray:
        """The style that `seed` draws: float32 (style,). ValueError where styles come from pictures."""
        if self.styles != "random":
            raise ValueError("this model draws no styles")
        return self.model.draw(self._normal(seed, 1), self._direction(direction))[0].float().cpu().numpy()

    def _direction(self, direction: str | None) -> str:
        if direction is not None and direction not in self.directions:
            raise ValueError(f"no direction {direction!r}; there are: {', '.join(self.directions)}")
        return direction or self.directions[0]

    def _margins(self, height: int, width: int) -> list[tuple[int, int]]:
        """What is added below and on the right: a multiple of the model's, and enough for its padding."""
        step = self.model.multiple
        return [(0, max(-side % step, 4 * step - side)) for side in (height, width)] + [(0, 0)]

    def _normal(self, seed: int, variations: int) -> Tensor:
        """N(0, 1) (variations, style), row i from seed + i; drawn on the CPU: the same on every device."""
        length = self.model.config.style
        rows = [
            torch.randn(length, generator=torch.Generator().manual_seed(seed + i)) for i in range(variations)
        ]
        return torch.stack(rows).to(self.runtime.device)

    def _styles(self, style, weights, direction: str, seed: int, variations: int) -> Tensor | None:
        """The style vectors (variations, style), None for a model without styles."""
        if self.styles == "none":
            if style is not None:
                raise ValueError("this model takes no style")
            return None
        if style is None:
            if self.styles == "pictures":
                raise ValueError("this model needs a style: one or more pictures of the class wanted")
            return self.model.draw(self._normal(seed, variations), direction)
        if isinstance(style, np.ndarray) and style.ndim == 1:
            if style.shape != (self.model.config.style,):
                raise ValueError(
                    f"a style vector has {self.model.config.style} numbers, not {style.shape[0]}"
                )
            given = torch.from_numpy(style.astype(np.float32)).to(self.runtime.device)[None]
        else:
            given = self._encode(style, weights, direction)
        if variations == 1:
            return given
        stray = STRAY * self.model.draw(self._normal(seed, variations), direction)
        return given + stray * (torch.arange(variations, device=stray.device) > 0)[:, None]

    def _encode(self, pictures, weights: Sequence[float] | None, direction: str) -> Tensor:
        """The weighted mean of the pictures' styles: (1, style)."""
        if self.styles == "none":
            raise ValueError("this model has no styles")
        pictures = [pictures] if isinstance(pictures, np.ndarray) else list(pictures)
        weights = [1.0] * len(pictures) if weights is None else [float(weight) for weight in weights]
        if not pictures or len(weights) != len(pictures):
            raise ValueError(f"{len(pictures)} style pictures and {len(weights)} weights; give one for each")
        if min(weights) < 0 or not 0 < sum(weights) < float("inf"):
            raise ValueError(f"the weights are {weights}; none may be negative, and one must be positive")
        codes = []
        for picture in pictures:
            check_picture(picture)
            image = to_image(_fitted(picture, self.size)).to(self.runtime.device)
            codes.append(self.model.encode(image, direction).float())
        shares = torch.tensor(weights, device=codes[0].device) / sum(weights)
        return (torch.cat(codes) * shares[:, None]).sum(0, keepdim=True)


def check_picture(picture: np.ndarray) -> None:
    """Raise ValueError unless `picture` is uint8 (H, W, 3) with pixels."""
    if not isinstance(picture, np.ndarray):
        raise ValueError(f"a picture must be a numpy array, uint8 (H, W, 3), not a {type(picture).__name__}")
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
        raise ValueError(f"a picture must be uint8 (H, W, 3), not {picture.dtype} {picture.shape}")


def _fitted(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The largest centred part of a picture of the shape of `size`, resized to it: what training saw."""
    (tall, wide), (height, width) = picture.shape[:2], size
    scale = min(tall / height, wide / width)
    box = height * scale, width * scale
    top, left = (tall - box[0]) / 2, (wide - box[1]) / 2
    part = Image.fromarray(picture).resize(
        (width, height), Image.Resampling.LANCZOS, box=(left, top, left + box[1], top + box[0])
    )
    return np.asarray(part)


TASKS = {"paint": Painter, "translate": Translator}
