"""Translating: a picture becomes its counterpart of another domain or class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from cgan.errors import DataError
from cgan.pictures import check_picture, fitted, to_image, to_pictures
from cgan.runtime import Runtime

if TYPE_CHECKING:
    from cgan.checkpoint import Checkpoint

MAX_PIXELS = 2048 * 2048
STRAY = 0.3  # how far the further variations of a style picture leave it, in standard deviations


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
        if height * width > MAX_PIXELS:
            raise DataError(f"the picture is {width}x{height}; at most {MAX_PIXELS} pixels")
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
            image = to_image(fitted(picture, self.size)).to(self.runtime.device)
            codes.append(self.model.encode(image, direction).float())
        shares = torch.tensor(weights, device=codes[0].device) / sum(weights)
        return (torch.cat(codes) * shares[:, None]).sum(0, keepdim=True)
