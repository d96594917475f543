"""What a task asks of its models: the contracts that a type checker holds `cgan.models` to.

Each model's file ends with a line that says which of these it keeps. All are torch modules; every tensor is
on the model's device, images are float (B, 3, H, W) in [-1, 1], and `multiple` divides H and W.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from torch import Tensor

from cgan.runtime import Movable


class Model(Movable, Protocol):
    """What all models have."""

    @property
    def task(self) -> str:
        """A key of `cgan.tasks.TASKS`."""

    @property
    def multiple(self) -> int:
        """Height and width must be multiples of so many pixels."""


# --- painting: label maps become pictures


class PaintingConfig(Protocol):
    """What a painter reads of a model's Config."""

    @property
    def classes(self) -> int:
        """Classes of the label maps, at least 1."""

    @property
    def style(self) -> int:
        """Length of a style vector; 0: no styles."""

    @property
    def looks(self) -> int:
        """How many looks of each class single things can be given; 0: none."""


class Faster(Protocol):
    """What paints as its model does, sooner: in float32, on a CPU, one map at a time."""

    def symbols(self, labels: Tensor) -> Tensor:
        """What it reads of a map: int64 (1, 1, H, W) -> int64 (1, 1, H, W)."""

    def __call__(self, symbols: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        """int64 (H, W), (B, style), N(0, 1) (B, 1, H, W) -> images (B, 3, H, W)."""


class PaintingModel(Model, Protocol):
    """A label map and a style become an image."""

    @property
    def config(self) -> PaintingConfig:
        """The shape of its weights."""

    @property
    def style_mean(self) -> Tensor:
        """The mean of the styles that `draw` gives, (style,)."""

    def condition(self, labels: Tensor, instances: Tensor | None = None) -> Tensor:
        """Labels and, where there are any, instances, int64 (B, 1, H, W) -> (B, conditions, H, W)."""

    def encode(self, image: Tensor, labels: Tensor | None = None) -> Tensor:
        """The style of images; with `looks`, of images and their maps int64 (B, 1, H, W) -> (B, style)."""

    def draw(self, normal: Tensor) -> Tensor:
        """N(0, 1) (B, style) -> styles such as the training pictures have, (B, style)."""

    def faster(self) -> Faster | None:
        """What paints the same sooner with the same weights, in eval mode on a CPU; None if nothing does."""

    def __call__(self, condition: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        """(B, conditions, H, W), (B, style), N(0, 1) (B, 1, H, W) -> images; in what autocast says.

        With `looks`, the style may be given for each pixel, as `RestylingModel.features` spreads it.
        """


class RestylingModel(PaintingModel, Protocol):
    """A painting model with `looks`: single things can be given one of their own."""

    @property
    def clusters(self) -> Tensor:
        """The looks of each class, from dark to light: (classes, looks, features)."""

    def features(
        self,
        labels: Tensor,
        style: Tensor,
        instances: Tensor | None = None,
        overrides: Mapping[int, Tensor] | None = None,
    ) -> Tensor:
        """Spread a style over a map; `overrides`: number of the instance -> its features (features,).

        Shapes: labels and instances int64 (B, 1, H, W); style (B, style); out (B, features, H, W).
        """


# --- labelling: photographs become label maps


class LabellingConfig(Protocol):
    """What a labeller reads of a model's Config."""

    @property
    def classes(self) -> int:
        """Classes that it tells apart, at least 1."""


class LabellingModel(Model, Protocol):
    """The class of each pixel of an image."""

    @property
    def config(self) -> LabellingConfig:
        """The shape of its weights."""

    def __call__(self, image: Tensor) -> Tensor:
        """How likely each class is, as logits: (B, 3, H, W) -> (B, classes, H, W); in what autocast says."""


# --- translating: pictures become their counterparts. `styles` says what decides the look.


class TranslatingModel(Model, Protocol):
    """An image has content, which a translation keeps. A direction is "ab" or, where it is learnt, "ba"."""

    @property
    def config(self) -> Any:
        """The shape of its weights."""

    @property
    def directions(self) -> tuple[str, ...]:
        """The directions there are, the usual one first."""

    def content(self, image: Tensor, direction: str = "ab") -> Tensor:
        """What is kept of images of the source: (B, 3, H, W) -> (B, channels, h, w)."""


class PlainModel(TranslatingModel, Protocol):
    """An image has one translation."""

    @property
    def styles(self) -> Literal["none"]:
        """There are no styles."""

    def decode(self, content: Tensor, style: None = None, direction: str = "ab") -> Tensor:
        """The translation of a content: (B, channels, h, w) -> (B, 3, H, W)."""


class StyleConfig(Protocol):
    """What a translator reads of a Config with styles."""

    @property
    def style(self) -> int:
        """Length of a style vector."""


class StyledModel(TranslatingModel, Protocol):
    """The style of images decides, too."""

    @property
    def config(self) -> StyleConfig:
        """The shape of its weights."""

    def encode(self, image: Tensor, direction: str = "ab") -> Tensor:
        """The styles of images of the target: (B, 3, H, W) -> float32 (B, style)."""

    def decode(self, content: Tensor, style: Tensor, direction: str = "ab") -> Tensor:
        """The content in the style: (B, channels, h, w), (B, style) -> (B, 3, H, W)."""


class ShownModel(StyledModel, Protocol):
    """Styles come from pictures alone, one or more, of classes that need not have been learnt."""

    @property
    def styles(self) -> Literal["pictures"]:
        """Styles come from pictures."""


class DrawingModel(StyledModel, Protocol):
    """Styles can be drawn as well."""

    @property
    def styles(self) -> Literal["random"]:
        """Styles come from pictures or from a seed."""

    def draw(self, normal: Tensor, direction: str = "ab") -> Tensor:
        """N(0, 1) (B, style) -> styles of the target, (B, style)."""


AnyTranslatingModel = PlainModel | ShownModel | DrawingModel
