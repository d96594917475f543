"""How FUNIT learns (section 3.3 of the paper; see `cgan/models/funit.py`).

Two things are not the paper's. The discriminator, of patches or on a trained network's features, has one
score, which knows the class by projection, with a hinge loss and spectral norm; the paper's has one a class,
with a gradient penalty. And there may be a perceptual loss on what is rebuilt.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from cgan.layers.precision import wide
from cgan.models import funit
from train.adversaries import losses
from train.adversaries.projected import Projected
from train.adversaries.projection import Projection
from train.data.batches import FewShot
from train.data.few_shot import FewShotData, few_shot_world, read_few_shot
from train.engine.bank import Player
from train.recipes import Loss
from train.recipes._turns import Turns, split


@dataclass(frozen=True)
class Hyper:
    """How FUNIT learns."""

    rate: float = 1e-4  # Adam's learning rate of the generator
    discriminator_rate: float = 1e-4  # Adam's learning rate of the discriminator
    beta_1: float = 0.0  # Adam's first beta
    beta_2: float = 0.999  # Adam's second beta
    weight_fool: float = 1.0  # weight of the adversarial loss
    weight_reconstruction: float = 0.1  # weight of L1 between a picture and itself rebuilt
    weight_features: float = 1.0  # weight of matching the discriminator's mean features
    weight_perceptual: float = 0.0  # weight of the perceptual loss between a picture and itself rebuilt
    discriminator: Literal["patch", "projected"] = "patch"  # of patches, or on a trained network's features
    discriminator_filters: int = 64  # channels of the discriminator's first layer
    discriminator_layers: int = 6  # patch: stages, each half as large as the one before
    weight_target: float = 10.0  # weight of L1 between translations and their targets, with pairs
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
    network: ClassVar[type[nn.Module]] = funit.Model

    def __init__(self, config: funit.Config, hyper: Hyper, perceptual: nn.Module | None):
        self.hyper, self.saved = hyper, "generator"
        self.perceptual = perceptual if hyper.weight_perceptual else None
        self.model = self.network(config)
        initialise(self.model)
        filters = hyper.discriminator_filters
        if hyper.discriminator == "projected":
            self.discriminator = Projected(filters=filters, classes=config.classes)
        else:
            self.discriminator = Projection(config.classes, filters, hyper.discriminator_layers)
        betas = (hyper.beta_1, hyper.beta_2)
        self.players = {
            "discriminator": Player(
                self.discriminator, hyper.discriminator_rate, betas, self.discriminator.normalised()
            ),
            "generator": Player(self.model, hyper.rate, betas),
        }

    @staticmethod
    def kind(config: funit.Config) -> type:
        """FewShot, whatever the Config."""
        return FewShot

    @staticmethod
    def configure(config: funit.Config, data: FewShotData) -> funit.Config:
        """The Config for this data: as many classes as it has."""
        return replace(config, classes=len(data.class_names))

    @staticmethod
    def palette(data: FewShotData) -> None:
        """None: no label maps are painted."""

    @staticmethod
    def about(data: FewShotData) -> dict[str, Any]:
        """The names of the classes that are learnt, and of those that are not."""
        held_out = [] if data.held_out is None else data.held_out.class_names
        return {"classes": list(data.class_names), "held_out": list(held_out)}

    @staticmethod
    def read(folder: Path, size: tuple[int, int], hyper: Hyper, say: Callable[[str], None]) -> FewShotData:
        """The data of a folder with a folder of pictures for each class."""
        held_out = [name.strip() for name in hyper.held_out.split(",") if name.strip()]
        return read_few_shot(folder, size, held_out, say, hyper.pairs, hyper.flip)

    @staticmethod
    def builtin(size: tuple[int, int], seed: int, hyper: Hyper, say: Callable[[str], None]) -> FewShotData:
        """The built-in world."""
        return few_shot_world(size, seed, say)

    def step(self, batch: FewShot) -> Iterator[Loss]:
        """One step: the discriminator's turn, then the generator's, on the same translations.

        Each content is drawn twice: in the style of another picture, and in its own, which rebuilds it.
        """
        content = self.model.content(batch.contents)
        codes = self.model.encode(torch.cat([batch.styles, batch.contents]))
        drawn = self.model.decode(torch.cat([content, content]), codes)
        turns = Turns(self.discriminator, drawn, batch.styles)  # the first half is what is translated
        fake, real = turns.discriminate(batch.style_classes)
        yield Loss("discriminator", {"fake": losses.hinge_fake(fake), "real": losses.hinge_real(real)})

        judged = turns.fool(torch.cat([batch.style_classes, batch.content_classes]))
        real = turns.compare(batch.style_classes)
        fake, _ = split(judged)
        hyper, rebuilt = self.hyper, drawn.chunk(2)[1]
        apart = (wide(rebuilt) - wide(batch.contents)).abs().mean()
        terms = {
            "fool": hyper.weight_fool * losses.hinge_fool(judged),  # half of it for what is rebuilt
            "features": hyper.weight_features * losses.feature_matching(fake, real),
            "reconstruction": hyper.weight_reconstruction * apart,
        }
        if batch.targets is not None:
            terms["target"] = hyper.weight_target * self._missed(drawn.chunk(2)[0], batch)
        if self.perceptual is not None:
            pair = (wide(turns.shifted(x)) for x in self._compared(drawn, batch))
            terms["perceptual"] = hyper.weight_perceptual * self.perceptual(*pair)
        yield Loss("generator", terms)

    @staticmethod
    def _missed(translated: Tensor, batch: FewShot) -> Tensor:
        """L1 between translations (B, 3, H, W) and what they should be, over those that are known."""
        apart = (wide(translated) - wide(batch.targets)).abs().mean((1, 2, 3))
        return (apart * batch.known).sum() / batch.known.sum().clamp(min=1)

    @staticmethod
    def _compared(drawn: Tensor, batch: FewShot) -> tuple[Tensor, Tensor]:
        """(pictures, what they should be): the rebuilt ones, or translations where their targets are known.

        A translation whose target is not known is compared with itself.
        """
        translated, rebuilt = drawn.chunk(2)
        if batch.targets is None:
            return rebuilt, batch.contents
        known = batch.known[:, None, None, None]
        return translated, torch.where(known > 0, batch.targets, translated.detach().to(batch.targets))

    @torch.no_grad()
    def calibrate(self, model: nn.Module, batch: FewShot) -> Tensor:
        """Nothing is to be estimated: (B, 0)."""
        return batch.contents.new_zeros(len(batch.contents), 0)

    def finish(self, model: nn.Module, facts: Tensor) -> None:
        """Nothing was."""


def initialise(model: nn.Module) -> None:
    """Kaiming-normal weights, no bias, for what a style passes through; torch's own for all else.

    No norm stands on the way of a style, and torch's own weights shrink what differs between two pictures at
    each layer: after eight of them, the drawn pictures differed by 4e-5, with these by 0.05.
    """
    for name, layer in model.named_modules():
        of_style = name.split(".")[0] in ("style_encoder", "spread", "of_content", "of_style")
        if of_style and isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
