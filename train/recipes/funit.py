"""How FUNIT learns (section 3.3 of the paper; see `cgan/models/funit.py`).

Two things are not the paper's. The discriminator, of patches or on a trained network's features, has one
score, which knows the class by projection, with a hinge loss and spectral norm; the paper's has one a class,
with a gradient penalty. And there may be a perceptual loss on what is rebuilt.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from cgan import contents
from cgan.layers.precision import wide
from cgan.models import funit
from cgan.ranges import Beta, Depth, Rate, Weight, Width
from train.adversaries import losses
from train.adversaries.projected import Projected
from train.adversaries.projection import Projection
from train.data.batches import FewShot
from train.data.few_shot import FewShotData, FewShotWorld, few_shot_world, read_few_shot
from train.data.folders import Say
from train.data.protocol import Size
from train.recipes import Loss, Player, RecipeOf
from train.recipes._turns import Turns

Data = FewShotData | FewShotWorld


@dataclass(frozen=True)
class Hyper:
    """How FUNIT learns."""

    rate: Rate = 1e-4  # Adam's learning rate of the generator
    discriminator_rate: Rate = 1e-4  # Adam's learning rate of the discriminator
    beta_1: Beta = 0.0  # Adam's first beta
    beta_2: Beta = 0.999  # Adam's second beta
    weight_fool: Weight = 1.0  # weight of the adversarial loss
    weight_reconstruction: Weight = 0.1  # weight of the distance of a picture and itself rebuilt
    pixels: Literal["l1", "entropy"] = "l1"  # distance of pixels: L1, or cross-entropy, for black and white
    weight_features: Weight = 1.0  # weight of matching the discriminator's mean features
    weight_perceptual: Weight = 0.0  # weight of the perceptual loss between a picture and itself rebuilt
    discriminator: Literal["patch", "projected", "none"] = "patch"  # of patches, on features, or (pairs) none
    discriminator_filters: Width = 64  # channels of the discriminator's first layer
    discriminator_layers: Depth = 6  # patch: stages, each half as large as the one before
    weight_target: Weight = 10.0  # weight of the distance of translations and their targets, with pairs
    pairs: bool = False  # files of one name show the same thing in every class: translations are known
    flip: bool = True  # pictures may be mirrored
    held_out: str = ""  # classes that are kept from training, with commas between; none: some, by the seed


# For short runs: at first the features, small under spectral norm, pull at a picture 30 times more weakly
# than the adversarial loss. With these weights the three pull about alike, and after 1,600 sprites of 32x32
# unseen ones lent their hues to others; with a reconstruction weight of 1 and rates of 4e-4 they did not (one
# run each). That was with patches, of 16 filters and 4 layers, and features of weight 5; the features of
# projected heads are larger.
PROJECTED = Hyper(
    rate=2e-4,
    discriminator_rate=2e-4,
    beta_2=0.9,
    weight_reconstruction=5.0,
    pixels="entropy",
    weight_features=2.0,
    discriminator="projected",
)
PRESETS = {
    "tiny": replace(PROJECTED, discriminator_filters=8, discriminator_layers=2),
    "small": PROJECTED,
    "paper": Hyper(),
}


class Recipe:
    """The two players of FUNIT: the translator, and a discriminator that knows the training classes."""

    batch: ClassVar[type] = FewShot
    network: ClassVar[type[funit.Model]] = funit.Model

    def __init__(self, config: funit.Config, hyper: Hyper, perceptual: nn.Module | None):
        self.hyper, self.saved = hyper, "generator"
        self.perceptual = perceptual if hyper.weight_perceptual else None
        self.model = self.network(config)
        initialise(self.model)
        betas = (hyper.beta_1, hyper.beta_2)
        self.players = {"generator": Player(self.model, hyper.rate, betas)}
        self.discriminator = judge_of(config, hyper)
        if self.discriminator is not None:
            normalised = self.discriminator.normalised()
            judge = Player(self.discriminator, hyper.discriminator_rate, betas, normalised)
            self.players = {"discriminator": judge} | self.players

    @staticmethod
    def kind(config: funit.Config) -> type:
        """FewShot, whatever the Config."""
        return FewShot

    @staticmethod
    def configure(config: funit.Config, data: Data) -> funit.Config:
        """The Config for this data: as many classes as it has."""
        return replace(config, classes=len(data.class_names))

    @staticmethod
    def palette(data: Data) -> None:
        """None: no label maps are painted."""

    @staticmethod
    def about(data: Data) -> dict[str, Any]:
        """The names of the classes that are learnt, and of those that are not; what they all show."""
        held_out = [] if data.held_out is None else data.held_out.class_names
        told: dict[str, Any] = {"classes": list(data.class_names), "held_out": list(held_out)}
        names, pictures = data.contents() if isinstance(data, FewShotData) else ([], ())
        if names:
            told["contents"] = contents.pack(names, [each.permute(1, 2, 0).numpy() for each in pictures])
        return told

    @staticmethod
    def read(folder: Path, size: Size, hyper: Hyper, say: Say) -> FewShotData:
        """The data of a folder with a folder of pictures for each class."""
        held_out = [name.strip() for name in hyper.held_out.split(",") if name.strip()]
        return read_few_shot(folder, size, held_out, say, hyper.pairs, hyper.flip)

    @staticmethod
    def builtin(size: Size, seed: int, hyper: Hyper, say: Say) -> FewShotWorld:
        """The built-in world."""
        return few_shot_world(size, seed, say)

    def step(self, batch: FewShot) -> Iterator[Loss]:
        """One step: the discriminator's turn, where there is one, then the generator's, on the same pictures.

        Each content is drawn twice: in the style of another picture, and in its own, which rebuilds it.
        """
        content = self.model.content(batch.contents)
        codes = self.model.encode(torch.cat([batch.styles, batch.contents]))
        drawn = self.model.decode(torch.cat([content, content]), codes)
        turns, terms = None, {}
        if self.discriminator is not None:
            turns = Turns(self.discriminator, drawn, batch.styles)  # the first half is what is translated
            fake, real = turns.discriminate(batch.style_classes)
            yield Loss("discriminator", {"fake": losses.hinge_fake(fake), "real": losses.hinge_real(real)})
            terms = self._adversarial(turns, batch)
        yield Loss("generator", terms | self._wanted(turns, drawn, batch))

    def _adversarial(self, turns: Turns, batch: FewShot) -> dict[str, Tensor]:
        """What the discriminator wants of both halves, and of the translations its mean features."""
        judged = turns.fool(torch.cat([batch.style_classes, batch.content_classes]))
        real = turns.compare(batch.style_classes)
        fake, _ = losses.halves(judged)
        return {
            "fool": self.hyper.weight_fool * losses.hinge_fool(judged),  # half of it for what is rebuilt
            "features": self.hyper.weight_features * losses.feature_matching(fake, real),
        }

    def _wanted(self, turns: Turns | None, drawn: Tensor, batch: FewShot) -> dict[str, Tensor]:
        """The distances of what is rebuilt from the pictures, and of translations from known targets."""
        hyper, (translated, rebuilt) = self.hyper, drawn.chunk(2)
        apart = self.apart(rebuilt, batch.contents).mean()
        terms = {"reconstruction": hyper.weight_reconstruction * apart}
        if batch.targets is not None and batch.known is not None:
            missed = self.apart(translated, batch.targets) * batch.known
            terms["target"] = hyper.weight_target * missed.sum() / batch.known.sum().clamp(min=1)
        if self.perceptual is not None:
            pair = self._compared(drawn, batch)
            a, b = (wide(x if turns is None else turns.shifted(x)) for x in pair)
            terms["perceptual"] = hyper.weight_perceptual * self.perceptual(a, b)
        return terms

    def apart(self, x: Tensor, target: Tensor) -> Tensor:
        """The distance of the pixels of each row, (B, 3, H, W) both, in fp32: (B,)."""
        if self.hyper.pixels == "entropy":
            return losses.cross_entropy(x, target).mean((1, 2, 3))
        return (wide(x) - wide(target)).abs().mean((1, 2, 3))

    @staticmethod
    def _compared(drawn: Tensor, batch: FewShot) -> tuple[Tensor, Tensor]:
        """(pictures, what they should be): the rebuilt ones, or translations where their targets are known.

        A translation whose target is not known is compared with itself.
        """
        translated, rebuilt = drawn.chunk(2)
        if batch.targets is None or batch.known is None:
            return rebuilt, batch.contents
        known = batch.known[:, None, None, None]
        return translated, torch.where(known > 0, batch.targets, translated.detach().to(batch.targets))

    @torch.no_grad()
    def calibrate(self, model: nn.Module, batch: FewShot) -> Tensor:
        """Nothing is to be estimated: (B, 0)."""
        return batch.contents.new_zeros(len(batch.contents), 0)

    def finish(self, model: nn.Module, facts: Tensor) -> None:
        """Nothing was."""


def judge_of(config: funit.Config, hyper: Hyper) -> Projected | Projection | None:
    """The discriminator that `hyper` asks for."""
    filters = hyper.discriminator_filters
    if hyper.discriminator == "none":
        return None
    if hyper.discriminator == "projected":
        return Projected(filters=filters, classes=config.classes)
    return Projection(config.classes, filters, hyper.discriminator_layers)


def initialise(model: nn.Module) -> None:
    """Kaiming-normal weights, no bias, for what a style passes through; torch's own for all else.

    No norm stands on the way of a style, and torch's own weights shrink what differs between two pictures at
    each layer: after eight of them, the drawn pictures differed by 4e-5, with these by 0.05.
    """
    for name, layer in model.named_modules():
        of_style = name.split(".")[0] in ("style_encoder", "spread", "of_content", "of_style")
        if of_style and isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


if TYPE_CHECKING:
    _: RecipeOf[funit.Config, Hyper, Data, funit.Model, FewShot] = Recipe
