"""How MUNIT learns (section 4 of the paper; see `cgan/models/munit.py`)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from cgan.models import munit
from cgan.ranges import Beta, Depth, Rate, Share, Weight, Width
from train.adversaries import losses
from train.data.batches import Unpaired
from train.processes import normal
from train.recipes import Loss, RecipeOf, frozen
from train.recipes._styles import fit, resized
from train.recipes.unit import Data, TwoDomains, l1


@dataclass(frozen=True)
class Hyper:
    """How MUNIT learns."""

    rate: Rate = 1e-4  # Adam's learning rate of the encoders and decoders
    discriminator_rate: Rate = 4e-4  # Adam's learning rate of the discriminators
    beta_1: Beta = 0.5  # Adam's first beta
    beta_2: Beta = 0.999  # Adam's second beta
    adversary: Literal["hinge", "least_squares"] = "hinge"  # the adversarial loss
    weight_fool: Weight = 1.0  # weight of the adversarial loss
    weight_image: Weight = 10.0  # weight of the pictures decoded from their own content and style
    weight_content: Weight = 1.0  # weight of the contents found again in translations
    weight_style: Weight = 1.0  # weight of the drawn styles found again in translations
    weight_cycle: Weight = 0.0  # weight of the pictures taken to the other domain and back
    weight_perceptual: Weight = 0.0  # weight of the perceptual distance: from source or, with pairs, target
    weight_lattice: Weight = 0.0  # weight of lines in the power spectrum that real pictures lack
    discriminator: Literal["patch", "projected", "global"] = "patch"  # of patches, features or whole pictures
    discriminator_filters: Width = 48  # channels of the discriminators' first layer
    discriminator_layers: Depth = 4  # layers that halve (not projected)
    discriminator_scales: Depth = 3  # patch: scales, each half as large as the one before
    augment: Share = 0.0  # how strongly what the discriminators see is changed (few pictures: 0.5)
    dither: Share = 0.01  # noise on pictures that are encoded, its standard deviation (range: 2)
    edges: str = ""  # the folder whose photographs become edge drawings
    pairs: bool = False  # files of one name show the same thing in both domains: translations are known
    weight_target: Weight = 10.0  # weight of the distance of translations and their targets, with pairs
    zoom: Share = 0.0  # with pairs: styles are read from pictures that are so much larger or smaller


# In short runs with patches larger rates find contents and styles again sooner: after 300 steps at 64x64,
# their losses were 1.54 and 1.63 at 6e-4 for both players, and 2.17 and 1.85 at 2e-4 and 4e-4. With a
# projected discriminator and 2e-4 for both, edges and clothing (64x64) had a Fréchet distance of 530 after
# 4,000 pictures; with patches, one of 758 after far more. The first program's weight of the pictures is 10,
# that of the reference's configuration for edges and shoes 1.
PROJECTED = Hyper(
    rate=2e-4,
    discriminator_rate=2e-4,
    weight_cycle=5.0,
    discriminator="projected",
    discriminator_filters=64,
)
PRESETS = {
    "tiny": replace(PROJECTED, weight_cycle=1.0, discriminator_filters=8),
    "small": PROJECTED,
    "paper": Hyper(
        weight_image=1.0, discriminator="global", discriminator_filters=32, discriminator_layers=6
    ),
}


class Recipe(TwoDomains[munit.Config, Hyper, munit.Model]):
    """The two players of MUNIT: all encoders and decoders, and a discriminator for each domain."""

    @staticmethod
    def make(config: munit.Config) -> munit.Model:
        """The model that learns."""
        return munit.Model(config)

    @staticmethod
    def configure(config: munit.Config, data: Data) -> munit.Config:
        """The Config for this data: with pairs, the styles that are drawn are fitted."""
        return replace(config, fitted=config.fitted or data.pairs)

    def step(self, batch: Unpaired) -> Iterator[Loss]:
        """One step: the discriminators' turn, then the generator's, on the same fake pictures.

        Contents and styles are found again in the translations (equations 2 and 3), pictures in their own
        codes (equation 1) and, where `weight_cycle` asks for it, at the end of a cycle (section 5.1).
        """
        model, hyper = self.model, self.hyper
        content_a, content_b = self.content(batch.a, "ab"), self.content(batch.b, "ba")
        style_a, style_b = model.encode(batch.a, "ba"), model.encode(batch.b, "ab")
        drawn_a, drawn_b = self._draw(style_a), self._draw(style_b)
        fake_b, fake_a = model.decode(content_a, drawn_b, "ab"), model.decode(content_b, drawn_a, "ba")
        turns = self.turns(batch, fake_a, fake_b)
        yield self.judge(*turns)

        own_a, own_b = model.decode(content_a, style_a, "ba"), model.decode(content_b, style_b, "ab")
        again_a, again_b = self.content(fake_b, "ba"), self.content(fake_a, "ab")
        contents = losses.relative_l1(again_a, content_a) + losses.relative_l1(again_b, content_b)
        terms = {
            "fool": hyper.weight_fool * self.fool(*turns),
            "image": hyper.weight_image * (l1(own_a, batch.a) + l1(own_b, batch.b)),
            "content": hyper.weight_content * contents,
            "style": hyper.weight_style * self._found((fake_a, drawn_a, "ba"), (fake_b, drawn_b, "ab")),
        }
        if hyper.weight_cycle:
            back_a, back_b = model.decode(again_a, style_a, "ba"), model.decode(again_b, style_b, "ab")
            terms["cycle"] = hyper.weight_cycle * (l1(back_a, batch.a) + l1(back_b, batch.b))
        if hyper.pairs:  # in the partner's style, what a picture becomes is known
            if hyper.zoom:  # how much of its picture a thing fills is no style
                style_a = model.encode(resized(batch.a, hyper.zoom), "ba")
                style_b = model.encode(resized(batch.b, hyper.zoom), "ab")
            made_a, made_b = model.decode(content_b, style_a, "ba"), model.decode(content_a, style_b, "ab")
            made = [turn.shifted(x) for turn, x in zip(turns, (made_a, made_b), strict=True)]
            terms |= self.known(*((x, turn.real) for turn, x in zip(turns, made, strict=True)))
        else:
            terms |= self.likeness(*turns)
        yield Loss("generator", terms | self.lattice(*turns))

    def _draw(self, styles: Tensor) -> Tensor:
        """A style for each picture, as `styles`, float32 (B, style): drawn or, with pairs, the next one's."""
        if self.hyper.pairs:
            return styles.detach().roll(1, 0)
        return normal(*styles.shape, like=styles)

    def _found(self, *made: tuple[Tensor, Tensor, str]) -> Tensor:
        """How far the styles of pictures are from those that they were made in; both and the direction.

        Styles of other pictures would be found again most easily if they were all alike: with pairs, the
        encoders learn nothing by this.
        """
        if not self.hyper.pairs:
            return losses.added([l1(self.model.encode(fake, way), style) for fake, style, way in made])
        with frozen(self.model.style_a), frozen(self.model.style_b):
            found = [(self.model.encode(fake, way), style) for fake, style, way in made]
        return losses.added([losses.relative_l1(one, style) for one, style in found])

    @torch.no_grad()
    def calibrate(self, model: munit.Model, batch: Unpaired) -> Tensor:
        """The styles of both domains, B's first, (B, 2 * style), where they are fitted; else (B, 0)."""
        if not model.config.fitted:
            return super().calibrate(model, batch)
        return torch.cat([model.encode(batch.b, "ab"), model.encode(batch.a, "ba")], 1)

    @torch.no_grad()
    def finish(self, model: munit.Model, facts: Tensor) -> None:
        """Note the mean and covariance of the training pictures' styles in `model`, where they are fitted."""
        if model.config.fitted:
            for row, styles in enumerate(facts.chunk(2, 1)):
                model.style_mean[row], model.style_factor[row] = fit(styles)


if TYPE_CHECKING:
    _: RecipeOf[munit.Config, Hyper, Data, munit.Model, Unpaired] = Recipe
