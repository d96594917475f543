"""How SPADE learns (section 3 and appendix A of the paper; see `cgan/models/spade.py`).

The generator's turn runs the discriminator on the photographs again (of a projected one, the heads only).
Reusing the features of its own turn, from before its update, saved 3 to 4 % of a step and gave a worse LPIPS
with both of two seeds (patches, tiny, 64x64, 1,000 images: 0.36 to 0.38, 0.33 to 0.38; the Fréchet distance
did not decide).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan.layers.precision import wide
from cgan.models import spade
from cgan.ranges import Beta, Depth, Rate, Share, Weight, Width
from train.adversaries import losses
from train.adversaries.patch import MultiScale, Patch
from train.adversaries.projected import Projected
from train.adversaries.spectrum import lattice
from train.data.batches import Painted
from train.data.folders import Say
from train.data.growing import Landscapes
from train.data.painted import PaintedData, read_painted
from train.data.protocol import Size
from train.processes import normal
from train.recipes import Loss, Player, RecipeOf
from train.recipes._awake import wake
from train.recipes._maps import OfMaps
from train.recipes._relight import relit
from train.recipes._styles import fit
from train.recipes._tables import Tables
from train.recipes._turns import Turns

Data = PaintedData | Landscapes
BLOCK = 16  # pixels, of `light`


@dataclass(frozen=True)
class Hyper:
    """How SPADE learns."""

    rate: Rate = 2e-4  # Adam's learning rate of the generator and the encoder
    discriminator_rate: Rate = 4e-4  # Adam's learning rate of the discriminator (projected: 2e-4)
    beta_1: Beta = 0.0  # Adam's first beta
    beta_2: Beta = 0.9  # Adam's second beta
    weight_fool: Weight = 1.0  # weight of the adversarial loss
    weight_features: Weight = 10.0  # weight of feature matching (projected: 2)
    weight_perceptual: Weight = 10.0  # weight of the perceptual loss
    weight_light: Weight = 0.0  # weight of L1 between blocks' mean colours: the style picture's light
    weight_lattice: Weight = 0.0  # weight of lines in the power spectrum that real pictures lack
    relight: Share = 0.0  # how far each training picture's light is changed (few photographs: 0.3)
    weight_kl: Weight = 0.05  # weight of the KL divergence of the styles from N(0, 1)
    discriminator: Literal["patch", "projected"] = "patch"  # of patches, or on a trained network's features
    discriminator_filters: Width = 64  # channels of the discriminator's first layer
    discriminator_layers: Depth = 4  # patch: layers of each scale
    discriminator_scales: Depth = 2  # patch: scales, each half as large as the one before
    augment: Share = 0.0  # how strongly what the discriminator sees is changed (few pictures: 0.5)


# Short runs need a small weight of the KL term. One run on the built-in world (128 px, SMALL) used the
# paper's: after 6,000 pictures a style held 1.7 nats and the light did not follow the style picture. Going on
# with 0.002 (Adam anew), the log showed 45 to 75 nats within 400 pictures, and the light followed. Drawn
# styles do not suffer, as they follow the training pictures' styles and not N(0, 1).
#
# Streets of 64x96 (a quarter of SMALL's weights): after 2,000 pictures LPIPS was 0.294 and the Fréchet
# distance 690 with patches, 0.252 and 452 with a projected discriminator, whose features are larger.
PROJECTED = Hyper(
    discriminator="projected",
    discriminator_rate=2e-4,
    weight_features=2.0,
    weight_light=10.0,
    weight_kl=0.002,
)
PRESETS = {
    "tiny": replace(PROJECTED, discriminator_filters=8, discriminator_layers=3),
    "small": PROJECTED,
    "paper": Hyper(rate=1e-4),
}


class Recipe(OfMaps[spade.Config, Data]):
    """The two players of SPADE: the generator with its encoder, and a discriminator."""

    batch: ClassVar[type] = Painted

    def __init__(self, config: spade.Config, hyper: Hyper, perceptual: nn.Module | None):
        self.hyper, self.perceptual, self.saved = hyper, perceptual, "generator"
        self.model = spade.Model(config)
        self.model.apply(initialise)
        wake(self.model.encoder)
        self.discriminator = make_discriminator(hyper, config.classes + config.edges)
        self.tables = Tables([2**halvings for _, halvings in spade.BLOCKS], config.hidden)
        betas = (hyper.beta_1, hyper.beta_2)
        self.players = {
            "discriminator": Player(
                self.discriminator,
                hyper.discriminator_rate,
                betas,
                discriminator_normalised(self.discriminator),
            ),
            "generator": Player(self.model, hyper.rate, betas, generator_normalised(self.model)),
        }

    @staticmethod
    def read(folder: Path, size: Size, hyper: Hyper, say: Say) -> PaintedData:
        """The data of a folder with `images/` and `labels/`."""
        return read_painted(folder, size, say=say)

    @staticmethod
    def builtin(size: Size, seed: int, hyper: Hyper, say: Say) -> Landscapes:
        """The built-in world."""
        return Landscapes(size, 10_000 * (seed % 100), say=say)

    def step(self, batch: Painted) -> Iterator[Loss]:
        """One step: the discriminator's turn, then the generator's, on the same fake picture."""
        batch = batch._replace(images=relit(batch.images, self.hyper.relight))
        condition = self.model.condition(batch.labels, batch.instances)
        condition = condition.to(batch.images.dtype, memory_format=torch.channels_last)
        mean, log_variance = self.model.encoder(batch.images)
        mean, log_variance = wide(mean), wide(log_variance)
        style = mean + normal(*mean.shape, like=mean) * (0.5 * log_variance).exp()
        noise = normal(*batch.labels.shape, like=batch.images)
        tables = self.tables(self.model, batch.labels, batch.instances)
        fake = batch.judged(self.model(condition, style, noise, tables), batch.images)

        turns = Turns(self.discriminator, fake, batch.images, condition, augment=self.hyper.augment)
        judged_fake, judged_real = turns.discriminate()
        yield Loss(
            "discriminator", {"fake": losses.hinge_fake(judged_fake), "real": losses.hinge_real(judged_real)}
        )

        judged_fake, judged_real = turns.fool(), turns.compare()
        hyper = self.hyper
        terms = {
            "fool": hyper.weight_fool * losses.hinge_fool(judged_fake),
            "features": hyper.weight_features * losses.feature_matching(judged_fake, judged_real),
            "kl": hyper.weight_kl * losses.kl(mean, log_variance),
        }
        if hyper.weight_light:
            terms["light"] = hyper.weight_light * light(turns.fake, turns.real)
        if hyper.weight_lattice:
            terms["lattice"] = hyper.weight_lattice * lattice(turns.fake, turns.real)
        if self.perceptual is not None:
            terms["perceptual"] = hyper.weight_perceptual * self.perceptual(
                wide(turns.fake), wide(turns.real)
            )
        yield Loss("generator", terms)

    @torch.no_grad()
    def calibrate(self, model: spade.Model, batch: Painted) -> Tensor:
        """Paint with the batch's own statistics, which the norms note -> the styles (B, style)."""
        condition = model.condition(batch.labels, batch.instances).to(batch.images.dtype)
        mean, log_variance = model.encoder(batch.images)
        style = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        tables = self.tables(model, batch.labels, batch.instances)
        model(condition, style, torch.randn_like(batch.images[:, :1]), tables)
        return mean

    @torch.no_grad()
    def finish(self, model: spade.Model, styles: Tensor) -> None:
        """Note the mean and covariance of the training pictures' styles, (N, style), in `model`."""
        mean, factor = fit(styles)
        model.style_mean.copy_(mean)
        model.style_factor.copy_(factor)


def light(fake: Tensor, real: Tensor) -> Tensor:
    """L1 between the mean colours of blocks of 16x16 pixels of images (B, 3, H, W), in fp32.

    What a trained network sees hardly depends on how bright a picture is, and a projected discriminator
    divides by it. Without this, a night's style was painted as day.
    """
    fake, real = (F.avg_pool2d(wide(x), BLOCK, ceil_mode=True) for x in (fake, real))
    return F.l1_loss(fake, real)


def initialise(layer: nn.Module) -> None:
    """Xavier-normal weights with gain 0.02, no bias, as the paper's authors start."""
    if isinstance(layer, nn.Conv2d | nn.Linear):
        nn.init.xavier_normal_(layer.weight, gain=0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def generator_normalised(model: spade.Model) -> list[nn.Module]:
    """The residual blocks' main convolutions and the encoder's; those that make gamma and beta stay free."""
    blocks = [layer for name, layer in model.blocks.named_modules() if "conv_" in name]
    return [*blocks, *model.encoder.convolutions]


def make_discriminator(hyper: Any, conditions: int) -> "MultiScale | Projected":
    """The discriminator that a painter's Hyper describes; conditions: channels of what is known."""
    if hyper.discriminator == "projected":
        return Projected(conditions, hyper.discriminator_filters)
    shape = hyper.discriminator_filters, hyper.discriminator_layers, hyper.discriminator_scales
    discriminator = MultiScale(conditions + 3, *shape)
    discriminator.apply(initialise)
    return discriminator


def discriminator_normalised(discriminator: "MultiScale | Projected") -> list[nn.Module]:
    """Of patches, all convolutions but the first and the last of each scale; of a projected one, all."""
    if isinstance(discriminator, Projected):
        return discriminator.normalised()
    patches = [patch for patch in discriminator.patches if isinstance(patch, Patch)]
    return [layer for patch in patches for layer in patch.convolutions[1:]]


if TYPE_CHECKING:
    _: RecipeOf[spade.Config, Hyper, Data, spade.Model, Painted] = Recipe
