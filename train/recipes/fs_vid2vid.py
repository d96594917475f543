"""How few-shot vid2vid learns (see `cgan/models/fs_vid2vid.py`).

Frame after frame: the discriminator's turn, then the generator's; what is past is a constant. Pairs are
known, so reconstruction leads: L1 on the frame and, less, on what it is blended from, which teaches attention
and flow where to look. The adversarial loss is light.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from cgan.labels import onehot
from cgan.layers.precision import wide
from cgan.models import fs_vid2vid
from cgan.ranges import Batches, Beta, Depth, Rate, Share, Weight, Whole, Width
from train.adversaries import losses
from train.adversaries.patch import SharedPatch
from train.adversaries.projected import Projected
from train.data.batches import FewShotClip
from train.data.few_shot_clips import FewShotClipData, read_few_shot_clips
from train.data.flights import FewShotFlights, few_shot_world_clips
from train.data.folders import Say
from train.data.protocol import Size
from train.data.sprites import SpriteData
from train.processes import normal
from train.recipes import Loss, Player, RecipeOf
from train.recipes._maps import OfMaps
from train.recipes._turns import Turns
from train.recipes._video import Labels, about_labels, at, flow_terms, initialise, l1, nothing, window

Data = FewShotClipData | SpriteData | FewShotFlights


@dataclass(frozen=True)
class Hyper:
    """How few-shot vid2vid learns."""

    rate: Rate = 1e-4  # Adam's learning rate of the generator
    discriminator_rate: Rate = 4e-4  # Adam's learning rate of the discriminator
    beta_1: Beta = 0.0  # Adam's first beta
    beta_2: Beta = 0.999  # Adam's second beta
    frames: Batches = 16  # frames of a clip in training, at most
    growth: Whole = 100_000  # clips begin with one frame, and double after each so many samples (0: at once)
    labels: Labels = "auto"  # where label maps come from (auto: labels, poses or landmarks)
    hidden_labels: Share = 0.3  # share of the samples whose references come without their label maps
    weight_fool: Weight = 1.0  # weight of the adversarial loss
    weight_features: Weight = 10.0  # weight of feature matching (projected: 2)
    weight_reconstruction: Weight = 10.0  # weight of L1 between a frame and what it should be
    weight_sources: Weight = 3.0  # weight of the same for what is copied and warped from the references
    weight_perceptual: Weight = 10.0  # weight of the perceptual loss
    weight_flow: Weight = 5.0  # weight of what teaches the past frame's flow and mask
    discriminator: Literal["patch", "projected"] = "patch"  # of patches, or on a trained network's features
    discriminator_filters: Width = 32  # channels of the discriminator's first layer
    discriminator_layers: Depth = 4  # patch: layers of the discriminator
    discriminator_scales: Depth = 2  # patch: scales, each half as large as the one before


PRESETS = {
    "tiny": Hyper(
        rate=1e-3, frames=2, growth=0, discriminator_filters=4, discriminator_layers=2, discriminator_scales=1
    ),
    "small": Hyper(
        rate=5e-4,
        beta_1=0.5,
        beta_2=0.99,
        frames=4,
        growth=20_000,
        weight_fool=0.1,
        weight_features=1.0,
        weight_perceptual=2.0,
        discriminator_filters=24,
        discriminator_layers=3,
        discriminator_scales=1,
    ),
    "paper": Hyper(),
}


class Recipe(OfMaps[fs_vid2vid.Config, Data]):
    """The two players: the generator, and a discriminator that sees map, reference and frame."""

    batch: ClassVar[type] = FewShotClip

    def __init__(self, config: fs_vid2vid.Config, hyper: Hyper, perceptual: nn.Module | None):
        self.hyper, self.saved = hyper, "generator"
        self.perceptual = perceptual if hyper.weight_perceptual else None
        self.model = fs_vid2vid.Model(config)
        self.discriminator = make_discriminator(hyper, config.classes + 3)
        betas = (hyper.beta_1, hyper.beta_2)
        self.players = {
            "discriminator": Player(
                self.discriminator, hyper.discriminator_rate, betas, normalised(self.discriminator)
            ),
            "generator": Player(self.model, hyper.rate, betas),
        }

    @staticmethod
    def about(data: Data) -> dict[str, Any]:
        """What its label maps are made of."""
        return about_labels(data)

    @staticmethod
    def read(folder: Path, size: Size, hyper: Hyper, say: Say) -> FewShotClipData | SpriteData:
        """The data of a folder of clips, a sub-folder for each subject, or of sheets of characters."""
        return read_few_shot_clips(folder, size, window(hyper.frames, hyper.growth), say, hyper.labels)

    @staticmethod
    def builtin(size: Size, seed: int, hyper: Hyper, say: Say) -> FewShotFlights:
        """The built-in world: a world in a style is a subject, which other views of it show."""
        return few_shot_world_clips(size, seed, window(hyper.frames, hyper.growth), say)

    def step(self, batch: FewShotClip) -> Iterator[Loss]:
        """One step: two turns for each frame."""
        past, told = None, self._told(batch)
        for t in range(batch.labels.shape[1]):
            labels, target = batch.labels[:, t], batch.images[:, t]
            frame = self.model(labels, self.model.look(batch.references, told), past)
            fake_image, beside = frame.image.to(target.dtype), self._condition(batch, labels)
            turns = Turns(self.discriminator, fake_image, target, beside)
            fake, real = turns.discriminate()
            yield Loss("discriminator", {"fake": losses.hinge_fake(fake), "real": losses.hinge_real(real)})
            terms = self._adversarial(turns) | self.pictured(frame, target, turns.shifted)
            if frame.past is not None and frame.flow is not None and frame.mask is not None:
                truth, visible = at(batch.flow, t - 1), at(batch.seen, t - 1)
                found = flow_terms(frame.past, frame.flow, frame.mask, target, truth, visible)
                terms |= {name: self.hyper.weight_flow * term for name, term in found.items()}
            yield Loss("generator", terms)
            pose = [level.detach() for level in frame.pose]
            past = fs_vid2vid.Past(labels, pose, frame.image.detach())

    def _told(self, batch: FewShotClip) -> Tensor:
        """The references' labels, hidden in some samples."""
        like = batch.images[:, :1, :1, :1, :1]
        uniform = 0.5 + 0.5 * torch.erf(normal(*like.shape, like=like) / 2**0.5)
        return torch.where(
            uniform < self.hyper.hidden_labels, self.model.config.classes, batch.reference_labels
        )

    def _condition(self, batch: FewShotClip, labels: Tensor) -> Tensor:
        """What the discriminator sees beside a frame: its map and the first reference."""
        told = onehot(labels, self.model.config.classes).to(batch.images.dtype)
        return torch.cat([told, batch.references[:, 0]], 1)

    def _adversarial(self, turns: Turns) -> dict[str, Tensor]:
        judged, real = turns.fool(), turns.compare()
        return {
            "fool": self.hyper.weight_fool * losses.hinge_fool(judged),
            "features": self.hyper.weight_features * losses.feature_matching(judged, real),
        }

    def pictured(
        self, frame: fs_vid2vid.Frame, target: Tensor, shifted: Callable[[Tensor], Tensor] = wide
    ) -> dict[str, Tensor]:
        """How far the frame is from the target, and what it is blended from.

        shifted: how both are moved before a network with strides compares them.
        """
        sources = l1(frame.copied, target) + l1(frame.warped, target)
        terms = {
            "reconstruction": self.hyper.weight_reconstruction * l1(frame.image, target),
            "sources": self.hyper.weight_sources * sources,
        }
        if self.perceptual is not None:
            apart = self.perceptual(shifted(wide(frame.image)), shifted(wide(target)))
            terms["perceptual"] = self.hyper.weight_perceptual * apart
        return terms

    def calibrate(self, model: fs_vid2vid.Model, batch: FewShotClip) -> Tensor:
        """Nothing is to be estimated: (B, 0)."""
        return nothing(batch.labels)

    def finish(self, model: fs_vid2vid.Model, facts: Tensor) -> None:
        """Nothing was."""


def make_discriminator(hyper: Hyper, conditions: int) -> SharedPatch | Projected:
    """The discriminator of frames; conditions: channels of what is known of them."""
    if hyper.discriminator == "projected":
        return Projected(conditions, hyper.discriminator_filters)
    shape = hyper.discriminator_filters, hyper.discriminator_layers, hyper.discriminator_scales
    patch = SharedPatch(conditions + 3, *shape)
    patch.apply(initialise)
    return patch


def normalised(discriminator: SharedPatch | Projected) -> list[nn.Module]:
    """The layers to be held under spectral norm."""
    if isinstance(discriminator, Projected):
        return discriminator.normalised()
    return [*discriminator.convolutions]


if TYPE_CHECKING:
    _: RecipeOf[fs_vid2vid.Config, Hyper, Data, fs_vid2vid.Model, FewShotClip] = Recipe
