"""Translating: a picture becomes its counterpart of another domain or class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from cgan import contents
from cgan.checkpoint import Checkpoint
from cgan.pictures import PictureLike, as_picture, fitted, to_image, to_pictures
from cgan.runtime import Runtime
from cgan.tasks.bounds import check_made, check_size, seed_of, variations_of, vector_of
from cgan.tasks.protocols import AnyTranslatingModel, DrawingModel, ShownModel

T = TypeVar("T")

STRAY = 0.3  # how far the further variations of a style picture leave it, in standard deviations

Style = PictureLike | Sequence[PictureLike]  # pictures, or one vector
StyledModel = ShownModel | DrawingModel


class Translator:
    """Pictures in, pictures of another domain or class out.

    Attributes: `styles`, what decides the look: "none" (each picture has one translation), "random" (a seed
    or a picture of the target domain) or "pictures" (one or more of the class wanted, which need not have
    been seen in training); `directions` ("ab", and "ba" where the model goes back too); `domains`, the names
    of a and b; `edges`, the domain that consists of drawings, black lines on white, or None; `size` ((height,
    width) of the training pictures), `contents` (pictures that a checkpoint of letters or the like brings
    along, by name; else empty), `checkpoint`, `runtime`, `model`.
    """

    def __init__(self, checkpoint: Checkpoint, model: AnyTranslatingModel, runtime: Runtime):
        self.checkpoint, self.runtime = checkpoint, runtime
        self.model: AnyTranslatingModel = runtime.prepare(model)
        self.styles, self.directions = model.styles, model.directions
        first, second = checkpoint.about.get("domains", ("A", "B"))
        self.domains: tuple[str, str] = (first, second)
        self.edges: str | None = checkpoint.about.get("edges")
        height, width = checkpoint.about["size"]
        self.size: tuple[int, int] = (height, width)
        self.contents = contents.unpack(checkpoint.about.get("contents"), self.size)

    @torch.no_grad()
    def translate(
        self,
        picture: PictureLike,
        style: Style | None = None,
        weights: Sequence[float] | None = None,
        direction: str | None = None,
        seed: int = 0,
        variations: int = 1,
    ) -> np.ndarray:
        """Translate a picture of any height and width -> uint8 (variations, H, W, 3).

        Pictures are uint8 (H, W, 3), Pillow's, or a Path.

        `style` is a picture, several (mixed with `weights`, equal ones by default), or a style vector, float
        (style,), of `encode` or `draw`; None draws one by `seed` where the model can. Variation i uses seed +
        i; of a style that was given every further variation strays a little. `direction` is one of
        `directions`, None the first.

        Raises DataError for a picture that is too large, ValueError for what the model cannot do.
        """
        picture = as_picture(picture)
        direction = self._direction(direction)
        height, width = picture.shape[:2]
        margins = self._margins(height, width)
        below, right = margins[0][1], margins[1][1]
        check_size((height, width), (below, right), "the picture")
        variations = variations_of(variations, (height + below) * (width + right))
        if variations > 1 and self.styles != "random":
            raise ValueError(f"variations is {variations}; it must be 1: a picture has one answer here")
        seed = seed_of(seed, variations)
        image = to_image(np.pad(picture, margins, mode="edge")).to(self.runtime.device)
        if self.runtime.channels_last:
            image = image.contiguous(memory_format=torch.channels_last)
        with self.runtime.computing(image.shape[2] * image.shape[3]):
            translated = self._translated(image, style, weights, direction, seed, variations)
        check_made(translated)
        return to_pictures(translated[:, :, :height, :width])

    def sheet(self, style: Style, weights: Sequence[float] | None = None) -> np.ndarray:
        """All of `contents` in one style, as an alphabet of letters: a picture, uint8 (H, W, 3).

        `style` and `weights` as for `translate`. ValueError where the checkpoint brought no contents along.
        """
        if not self.contents:
            raise ValueError("this checkpoint has no contents of its own: translate pictures one by one")
        vector = isinstance(style, np.ndarray) and style.ndim == 1
        code = style if vector else self.encode(style, weights)
        return contents.sheet(
            {name: self.translate(picture, code)[0] for name, picture in self.contents.items()}
        )

    @torch.no_grad()
    def encode(
        self,
        pictures: Style,
        weights: Sequence[float] | None = None,
        direction: str | None = None,
    ) -> np.ndarray:
        """The style of one picture, uint8 (H, W, 3), or the weighted mean of several: float32 (style,)."""
        if self.model.styles == "none":
            raise ValueError("this model has no styles")
        with self.runtime.autocast():
            style = self._encode(self.model, pictures, weights, self._direction(direction))
        return style[0].float().cpu().numpy()

    @torch.no_grad()
    def draw(self, seed: int, direction: str | None = None) -> np.ndarray:
        """The style that `seed` draws: float32 (style,). ValueError where styles come from pictures."""
        if self.model.styles != "random":
            raise ValueError("this model draws no styles")
        return self._draw(self.model, seed_of(seed), 1, self._direction(direction))[0].float().cpu().numpy()

    def _translated(
        self,
        image: Tensor,
        style: Style | None,
        weights: Sequence[float] | None,
        direction: str,
        seed: int,
        variations: int,
    ) -> Tensor:
        """The translations of an image (1, 3, H, W): float32 (variations, 3, H, W)."""
        model = self.model
        if model.styles == "none":
            if style is not None or weights is not None:
                raise ValueError("this model takes no style")
            return model.decode(model.content(image, direction), None, direction).float()
        styles = self._styles(model, style, weights, direction, seed, variations)
        content = model.content(image, direction)
        rows = styles.split(1)  # one by one: many large ones fill a memory
        return torch.cat([model.decode(content, row, direction).float() for row in rows])

    def _direction(self, direction: str | None) -> str:
        if direction is not None and direction not in self.directions:
            raise ValueError(f"no direction {direction!r}; there are: {', '.join(self.directions)}")
        return direction or self.directions[0]

    def _margins(self, height: int, width: int) -> list[tuple[int, int]]:
        """What is added below and on the right: a multiple of the model's, and enough for its padding."""
        step = self.model.multiple
        return [(0, max(-side % step, 4 * step - side)) for side in (height, width)] + [(0, 0)]

    def _draw(self, model: DrawingModel, seed: int, variations: int, direction: str) -> Tensor:
        """Styles (variations, style), row i from seed + i; drawn on the CPU: the same on every device."""
        length = model.config.style
        rows = [
            torch.randn(length, generator=torch.Generator().manual_seed(seed + i)) for i in range(variations)
        ]
        return model.draw(torch.stack(rows).to(self.runtime.device), direction)

    def _styles(
        self,
        model: StyledModel,
        style: Style | None,
        weights: Sequence[float] | None,
        direction: str,
        seed: int,
        variations: int,
    ) -> Tensor:
        """The style vectors (variations, style)."""
        vector = isinstance(style, np.ndarray) and style.ndim == 1
        if weights is not None and (vector or style is None):
            raise ValueError("weights are those of style pictures, and none are given")
        if style is None:
            if model.styles == "pictures":
                raise ValueError("this model needs a style: one or more pictures of the class wanted")
            return self._draw(model, seed, variations, direction)
        if isinstance(style, np.ndarray) and style.ndim == 1:
            given = vector_of(style, model.config.style).to(self.runtime.device)[None]
        else:
            given = self._encode(model, style, weights, direction)
        if variations == 1 or model.styles != "random":
            return given
        stray = STRAY * self._draw(model, seed, variations, direction)
        return given + stray * (torch.arange(variations, device=stray.device) > 0)[:, None]

    def _encode(
        self, model: StyledModel, pictures: Style, weights: Sequence[float] | None, direction: str
    ) -> Tensor:
        """The weighted mean of the pictures' styles: (1, style)."""
        pictures = [pictures] if isinstance(pictures, PictureLike) else listed(pictures, "the style")
        weights = [1.0] * len(pictures) if weights is None else numbers(weights)
        if not pictures or len(weights) != len(pictures):
            raise ValueError(f"{len(pictures)} style pictures and {len(weights)} weights; give one for each")
        if not all(0 <= weight < float("inf") for weight in weights) or not max(weights) > 0:
            raise ValueError(f"the weights are {weights}; none may be negative, and one must be positive")
        largest = max(weights)  # those of very small and of very large numbers are shares like any other
        weights = [weight / largest for weight in weights]
        codes = []
        for picture in pictures:
            image = to_image(fitted(as_picture(picture), self.size)).to(self.runtime.device)
            codes.append(model.encode(image, direction).float())
        shares = torch.tensor(weights, device=codes[0].device) / sum(weights)
        return (torch.cat(codes) * shares[:, None]).sum(0, keepdim=True)


def listed(several: Iterable[T], name: str) -> list[T]:
    """A list of several things; `ValueError` for what is one."""
    if not isinstance(several, Iterable):
        raise ValueError(f"{name} is {several!r:.60}; it must be a picture, several, or a style vector")
    return list(several)


def numbers(weights: Iterable[float]) -> list[float]:
    """Weights as numbers of Python's; `ValueError` for what is none."""
    try:
        return [float(weight) for weight in weights]
    except TypeError:
        raise ValueError(f"the weights are {weights!r:.60}; give a number for each style picture") from None
