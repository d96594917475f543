"""How UNIT learns (section 3 of the paper; see `cgan/models/unit.py`)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan.layers.adain import AdaIN
from cgan.layers.autoencoder import Decoder
from cgan.layers.precision import wide
from cgan.models import munit, unit
from cgan.ranges import Beta, Depth, Rate, Share, Weight, Width
from train.adversaries import losses
from train.adversaries.patch import PerDomain, SharedPatch
from train.adversaries.projected import Eyes, Projected
from train.adversaries.residual import Residual
from train.adversaries.spectrum import lattice
from train.data.batches import Unpaired
from train.data.folders import Say
from train.data.protocol import Size
from train.data.unpaired import UnpairedData, UnpairedWorld, read_unpaired, unpaired_world
from train.processes import normal
from train.recipes import Loss, Player, RecipeOf
from train.recipes._turns import Turns

if TYPE_CHECKING:
    from train.recipes import munit as munit_recipe


@dataclass(frozen=True)
class Hyper:
    """How UNIT learns."""

    rate: Rate = 1e-4  # Adam's learning rate of the encoders and decoders
    discriminator_rate: Rate = 1e-4  # Adam's learning rate of the discriminators
    beta_1: Beta = 0.0  # Adam's first beta
    beta_2: Beta = 0.999  # Adam's second beta
    adversary: Literal["hinge", "least_squares"] = "least_squares"  # the adversarial loss
    weight_fool: Weight = 1.0  # weight of the adversarial loss
    weight_image: Weight = 10.0  # weight of the pictures decoded in their own domain
    weight_cycle: Weight = 10.0  # weight of the pictures taken to the other domain and back
    weight_kl: Weight = 0.0  # weight of the codes' KL divergence from N(0, 1); above 0, codes are noisy
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


# Reference configurations weigh reconstruction and cycle with 1 or, in the first program, with 10, which
# pays in short runs. There, the hinge loss does too, and, with patches, rates of 4e-4 and 6e-4. A projected
# discriminator's are MUNIT's (see there).
PROJECTED = Hyper(
    rate=2e-4,
    discriminator_rate=2e-4,
    beta_1=0.5,
    adversary="hinge",
    discriminator="projected",
    discriminator_filters=64,
)
PRESETS = {
    "tiny": replace(PROJECTED, discriminator_filters=8, discriminator_layers=3, discriminator_scales=2),
    "small": PROJECTED,
    "paper": Hyper(weight_image=1.0, weight_cycle=1.0),
}


C = TypeVar("C")
H = TypeVar("H", bound="Hyper | munit_recipe.Hyper")
M = TypeVar("M", bound=unit.Model | munit.Model)
Data = UnpairedData | UnpairedWorld


class TwoDomains(Generic[C, H, M]):
    """What the recipes of UNIT and MUNIT share: all but the model and its losses.

    Two players: all encoders and decoders, and a discriminator for each domain.
    """

    batch: ClassVar[type] = Unpaired

    def __init__(self, config: C, hyper: H, perceptual: nn.Module | None):
        self.hyper, self.perceptual, self.saved = hyper, perceptual, "generator"
        self.model: M = self.make(config)
        self.model.apply(initialise)
        self.discriminator = make_discriminators(hyper)
        self.adversary = losses.ADVERSARIES[hyper.adversary]
        betas = (hyper.beta_1, hyper.beta_2)
        normalised = [layer for layer in self.discriminator.modules() if isinstance(layer, nn.Conv2d)]
        self.players = {
            "discriminator": Player(self.discriminator, hyper.discriminator_rate, betas, normalised),
            "generator": Player(self.model, hyper.rate, betas),
        }

    @staticmethod
    def kind(config: C) -> type:
        """Unpaired, whatever the Config."""
        return Unpaired

    @staticmethod
    def make(config: C) -> M:
        """The model that learns."""
        raise NotImplementedError

    @staticmethod
    def read(folder: Path, size: Size, hyper: H, say: Say) -> UnpairedData:
        """The data of a folder with one folder of pictures for each domain."""
        return read_unpaired(folder, size, edges=hyper.edges or None, say=say, pairs=hyper.pairs)

    @staticmethod
    def builtin(size: Size, seed: int, hyper: H, say: Say) -> UnpairedWorld:
        """Two domains of the built-in world; ValueError for pairs, of which it has none."""
        if hyper.pairs:
            raise ValueError("--pairs needs --data: the built-in world's domains are different places")
        return unpaired_world(size, seed, say)

    @staticmethod
    def configure(config: C, data: Data) -> C:
        """The Config for this data: as it is."""
        return config

    @staticmethod
    def palette(data: Data) -> None:
        """There are no classes."""

    @staticmethod
    def about(data: Data) -> dict[str, Any]:
        """What the checkpoint tells of its data: the domains' names, and which of them is edge drawings."""
        return {"domains": list(data.domains), "edges": data.edges}

    def content(self, image: Tensor, direction: str) -> Tensor:
        """The content of dithered pictures (B, 3, H, W).

        In a picture of one colour, each instance norm would multiply the gradients by the root of 1 / eps,
        316, one after the other, and a white crop would end in NaN; a little noise takes the first norm's
        output to variance 1, and there it ends. In a translation, noise also drowns what the cycle would like
        to hide there (Bashkirova, Usman, Saenko: Adversarial Self-Defense for Cycle-Consistent GANs, 2019).
        """
        noise = normal(*image.shape, like=image)
        return self.model.content(image + self.hyper.dither * noise, direction)

    def turns(self, batch: Unpaired, fake_a: Tensor, fake_b: Tensor) -> tuple[Turns, Turns]:
        """What the discriminators of both domains see: real and fake pictures (B, 3, H, W), shifted alike."""
        augment = self.hyper.augment
        a = Turns(self.discriminator.a, fake_a, batch.a, augment=augment)
        return a, Turns(self.discriminator.b, fake_b, batch.b, shift=a.shift, augment=augment)

    def judge(self, *turns: Turns) -> Loss:
        """The discriminators' turn."""
        judged = [turn.discriminate() for turn in turns]
        fakes = [self.adversary.fake(fake) for fake, _ in judged]
        reals = [self.adversary.real(real) for _, real in judged]
        return Loss("discriminator", {"fake": losses.added(fakes), "real": losses.added(reals)})

    def fool(self, a: Turns, b: Turns) -> Tensor:
        """The generator's adversarial loss for the fake pictures of both domains."""
        return self.adversary.fool(a.fool()) + self.adversary.fool(b.fool())

    def likeness(self, a: Turns, b: Turns) -> dict[str, Tensor]:
        """The perceptual distance between pictures and their translations, where it is weighed."""
        return self._perceptual((a.fake, b.real), (b.fake, a.real))

    def known(self, *pairs: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """How far translations are from what they should be: pairs of both, (B, 3, H, W), shifted alike.

        Neither paper has this: theirs learn without pairs. Where pairs are known, as with drawings made of
        the very photographs, pix2pix's L1 (Isola et al., CVPR 2017) and a perceptual loss teach in a tenth of
        the pictures.
        """
        apart = [l1(made, target) for made, target in pairs]
        return {"target": self.hyper.weight_target * losses.added(apart)} | self._perceptual(*pairs)

    def lattice(self, a: Turns, b: Turns) -> dict[str, Tensor]:
        """The lines that translations have in their spectrum and pictures of their domain do not."""
        if not self.hyper.weight_lattice:
            return {}
        lines = [lattice(turn.fake, turn.real) for turn in (a, b)]
        return {"lattice": self.hyper.weight_lattice * losses.added(lines)}

    def _perceptual(self, *pairs: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        if self.perceptual is None or not self.hyper.weight_perceptual:
            return {}
        distances = [self.perceptual(wide(made), wide(other)) for made, other in pairs]
        return {"perceptual": self.hyper.weight_perceptual * losses.added(distances)}

    @torch.no_grad()
    def calibrate(self, model: M, batch: Unpaired) -> Tensor:
        """There are no statistics to estimate: (B, 0)."""
        return batch.a.new_zeros(len(batch.a), 0)

    def finish(self, model: M, facts: Tensor) -> None:
        """There is nothing to note."""


class Recipe(TwoDomains[unit.Config, Hyper, unit.Model]):
    """The two players of UNIT: both encoders and decoders, and a discriminator for each domain."""

    @staticmethod
    def make(config: unit.Config) -> unit.Model:
        """The model that learns."""
        return unit.Model(config)

    def step(self, batch: Unpaired) -> Iterator[Loss]:
        """One step: the discriminators' turn, then the generator's, on the same fake pictures."""
        model, hyper = self.model, self.hyper
        code_a, code_b = self.content(batch.a, "ab"), self.content(batch.b, "ba")
        noisy_a, noisy_b = self._noisy(code_a), self._noisy(code_b)
        fake_b, fake_a = model.decode(noisy_a, None, "ab"), model.decode(noisy_b, None, "ba")
        turns = self.turns(batch, fake_a, fake_b)
        yield self.judge(*turns)

        terms = {"fool": hyper.weight_fool * self.fool(*turns)}
        if hyper.weight_image:
            own_a, own_b = model.decode(noisy_a, None, "ba"), model.decode(noisy_b, None, "ab")
            terms["image"] = hyper.weight_image * (l1(own_a, batch.a) + l1(own_b, batch.b))
        codes = [code_a, code_b]
        if hyper.weight_cycle:
            codes += [self.content(fake_b, "ba"), self.content(fake_a, "ab")]
            back_a = model.decode(self._noisy(codes[2]), None, "ba")
            back_b = model.decode(self._noisy(codes[3]), None, "ab")
            terms["cycle"] = hyper.weight_cycle * (l1(back_a, batch.a) + l1(back_b, batch.b))
        if hyper.weight_kl:
            sizes = [0.5 * wide(code).square().mean() for code in codes]
            terms["kl"] = hyper.weight_kl * losses.added(sizes)
        if hyper.pairs:
            terms |= self.known(*((turn.fake, turn.real) for turn in turns))
        else:
            terms |= self.likeness(*turns)
        yield Loss("generator", terms | self.lattice(*turns))

    def _noisy(self, code: Tensor) -> Tensor:
        """The code with noise of variance 1, where it is drawn towards N(0, 1): the paper's latent."""
        return code + normal(*code.shape, like=code) if self.hyper.weight_kl else code


def make_discriminators(hyper: "Hyper | munit_recipe.Hyper") -> PerDomain:
    """The discriminators of both domains that the Hyper of UNIT or MUNIT describes."""
    if hyper.discriminator == "projected":
        eyes = Eyes()
        return PerDomain(*(Projected(filters=hyper.discriminator_filters, eyes=eyes) for _ in range(2)))
    made = PerDomain(*(make_discriminator(hyper) for _ in range(2)))
    made.apply(initialise)
    return made


def make_discriminator(hyper: "Hyper | munit_recipe.Hyper") -> nn.Module:
    """One domain's, of patches or of whole pictures."""
    if hyper.discriminator == "global":
        return Residual(3, hyper.discriminator_filters, hyper.discriminator_layers)
    return SharedPatch(3, hyper.discriminator_filters, hyper.discriminator_layers, hyper.discriminator_scales)


def initialise(layer: nn.Module) -> None:
    """He et al.'s normal weights for what a ReLU follows, no bias; styles start with a third of their power.

    Pictures start all but grey: after 150 steps, edge drawings were reconstructed a seventh better for that.

    The references start from a standard deviation of 0.02 (UNIT) or from orthogonal matrices (MUNIT). Where a
    norm follows, that makes no difference; where none does, a style starts as good as constant, which short
    runs do not forgive. For the same reason no layer of the generator is under spectral norm: of the
    style encoder's codes it would leave next to nothing at the start.
    """
    if isinstance(layer, AdaIN):  # its linear layer has been filled before
        layer.modulation.weight.data.div_(3)
    if isinstance(layer, Decoder):
        layer.to_rgb.weight.data.div_(10)
    if isinstance(layer, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def l1(x: Tensor, target: Tensor) -> Tensor:
    """The mean distance of pixels, in fp32."""
    return F.l1_loss(wide(x), wide(target))


if TYPE_CHECKING:
    _: RecipeOf[unit.Config, Hyper, Data, unit.Model, Unpaired] = Recipe
