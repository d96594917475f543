"""How vid2vid learns (see `cgan/models/vid2vid.py`).

Frame after frame: the discriminators' turn, then the generator's; what is past is a constant. One
discriminator sees a frame and its labels, the other three frames in a row (`train/recipes/_watch.py`). The
style is read from the clip's first true frame, and learned at the first frame of a clip.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from cgan.labels import onehot
from cgan.layers.grain import begun
from cgan.layers.points import Place
from cgan.layers.precision import wide
from cgan.models import vid2vid
from cgan.ranges import Batches, Beta, Depth, Rate, Share, Weight, Whole, Width
from train.adversaries import losses
from train.adversaries.spectrum import lattice
from train.data.batches import Clip
from train.data.clip_reading import read_clips
from train.data.clips import ClipData
from train.data.flights import Flights, world_clips
from train.data.folders import Say
from train.data.protocol import Size
from train.processes import normal
from train.recipes import Loss, Player, RecipeOf
from train.recipes._maps import OfMaps
from train.recipes._styles import fit
from train.recipes._video import (
    Labels,
    about_labels,
    at,
    awake,
    flow_terms,
    initialise,
    l1,
    unsteadiness,
    window,
)
from train.recipes._watch import Discriminators, Watch
from train.recipes.spade import light

Data = ClipData | Flights


@dataclass(frozen=True)
class Hyper:
    """How vid2vid learns."""

    rate: Rate = 2e-4  # Adam's learning rate of the generator
    discriminator_rate: Rate = 2e-4  # Adam's learning rate of the discriminators
    beta_1: Beta = 0.5  # Adam's first beta
    beta_2: Beta = 0.999  # Adam's second beta
    frames: Batches = 16  # frames of a clip in training, at most
    growth: Whole = 60_000  # clips begin with one frame, and double after each so many samples (0: at once)
    drift: Share = 0.0  # still pictures become clips: how much narrower each frame's view may be, as a share
    labels: Labels = "auto"  # where label maps come from (auto: labels, poses or landmarks)
    weight_fool: Weight = 1.0  # weight of the adversarial loss of single frames
    weight_motion: Weight = 1.0  # weight of the adversarial loss of frames in a row
    weight_features: Weight = 10.0  # weight of feature matching (projected: 2)
    weight_perceptual: Weight = 10.0  # weight of the perceptual loss
    weight_light: Weight = 0.0  # weight of L1 between blocks' mean colours: the style picture's light
    weight_lattice: Weight = 0.0  # weight of lines in the power spectrum that real pictures lack
    weight_flow: Weight = 10.0  # weight of what teaches flow and mask
    weight_steady: Weight = 0.0  # weight of L1 between changes along the flow, made and true: no flicker
    weight_guide: Weight = 0.0  # weight of L1 to what was painted before, where that is known
    weight_kl: Weight = 0.002  # weight of the KL divergence of the styles from N(0, 1)
    discriminator: Literal["patch", "projected"] = "patch"  # of patches, or on a trained network's features
    discriminator_filters: Width = 64  # channels of the discriminators' first layers
    discriminator_layers: Depth = 3  # patch: layers of each scale
    discriminator_scales: Depth = 2  # patch: scales, each half as large as the one before
    augment: Share = 0.0  # how strongly what the discriminators see is changed (few clips: 0.5)


PROJECTED = Hyper(discriminator="projected", weight_features=2.0, weight_light=10.0)
PRESETS = {
    "tiny": replace(PROJECTED, frames=3, growth=0, discriminator_filters=4),
    "small": replace(PROJECTED, beta_1=0.0, beta_2=0.9, frames=6, growth=4_000),
    "paper": Hyper(),
}


class Recipe(OfMaps[vid2vid.Config, Data]):
    """The two players of vid2vid: the generator with its encoder, and the discriminators."""

    batch: ClassVar[type] = Clip
    network: ClassVar[type[vid2vid.Model]] = vid2vid.Model

    def __init__(self, config: vid2vid.Config, hyper: Hyper, perceptual: nn.Module | None):
        self.hyper, self.perceptual, self.saved = hyper, perceptual, "generator"
        self.model = self.network(config)
        shape = hyper.discriminator_filters, hyper.discriminator_layers, hyper.discriminator_scales
        self.discriminators = Discriminators(config.classes, *shape, hyper.discriminator == "projected")
        if hyper.discriminator == "patch":
            self.discriminators.apply(initialise)
        self.model.blocks.apply(initialise)
        self.model.encoder.apply(awake)
        betas = (hyper.beta_1, hyper.beta_2)
        painting = [layer for name, layer in self.model.blocks.named_modules() if "conv_" in name]
        self.players = {
            "discriminator": Player(
                self.discriminators, hyper.discriminator_rate, betas, self.discriminators.normalised()
            ),
            "generator": Player(self.model, hyper.rate, betas, painting),
        }

    @staticmethod
    def about(data: Data) -> dict[str, Any]:
        """What its label maps are made of."""
        return about_labels(data)

    @staticmethod
    def read(folder: Path, size: Size, hyper: Hyper, say: Say) -> ClipData:
        """The clips of a folder."""
        clips = window(hyper.frames, hyper.growth)
        return read_clips(folder, size, clips, say, hyper.labels, drift=hyper.drift)

    @staticmethod
    def builtin(size: Size, seed: int, hyper: Hyper, say: Say) -> Flights:
        """Flights through the built-in world."""
        return world_clips(size, seed, window(hyper.frames, hyper.growth), say)

    def step(self, batch: Clip) -> Iterator[Loss]:
        """One step: two turns for each frame."""
        mean, log_variance = (wide(part) for part in self.model.encode(batch.images[:, 0]))
        past = vid2vid.Past(mean + normal(*mean.shape, like=mean) * (0.5 * log_variance).exp())
        if self.model.config.noise:
            past = past._replace(grain=begun(normal(*batch.labels[:, 0].shape, like=batch.images)))
        watch = Watch(self.discriminators, batch.images[:, 0], self.hyper.augment)
        before: tuple[Tensor, Tensor] | None = None  # the frame before, made and true
        for t in range(batch.labels.shape[1]):
            labels, target = batch.labels[:, t], batch.images[:, t]
            frame, past = self.model.film(labels, past, place_of(batch, t))
            told = onehot(labels, self.model.config.classes).to(target.dtype)
            fake, real = watch.look(frame.image.to(target.dtype), target, told)
            yield Loss("discriminator", judged(watch))

            terms = self._fooled(watch) | self._pictured(fake, real)
            if t == 0:
                terms["kl"] = self.hyper.weight_kl * losses.kl(mean, log_variance)
            if frame.warped is not None and frame.flow is not None and frame.mask is not None:
                found = flow_terms(
                    frame.warped, frame.flow, frame.mask, target, at(batch.flow, t - 1), at(batch.seen, t - 1)
                )
                terms |= {name: self.hyper.weight_flow * term for name, term in found.items()}
            if before is not None and self.hyper.weight_steady and batch.flow is not None:
                moved = (batch.flow[:, t - 1], at(batch.seen, t - 1))
                apart = unsteadiness((frame.image, target), before, *moved)
                terms["steady"] = self.hyper.weight_steady * apart
            if frame.guide is not None and self.hyper.weight_guide:
                apart = l1(frame.image, frame.guide, frame.covered)
                terms["guide"] = self.hyper.weight_guide * apart
            yield Loss("generator", terms)
            before = frame.image.detach(), target

    def _fooled(self, watch: Watch) -> dict[str, Tensor]:
        """The adversarial terms of the generator's turn."""
        hyper, terms = self.hyper, dict[str, Tensor]()
        weights = {"": hyper.weight_fool, "motion_": hyper.weight_motion}
        for (name, weight), (fake, real) in zip(weights.items(), watch.fool(), strict=False):
            terms[f"{name}fool"] = weight * losses.hinge_fool(fake)
            matched = hyper.weight_features * losses.feature_matching(fake, real)
            terms[f"{name}features"] = weight * matched
        return terms

    def _pictured(self, fake: Tensor, real: Tensor) -> dict[str, Tensor]:
        """How far a frame is from the true one, both as they are judged."""
        hyper, terms = self.hyper, dict[str, Tensor]()
        if self.perceptual is not None:
            terms["perceptual"] = hyper.weight_perceptual * self.perceptual(wide(fake), wide(real))
        if hyper.weight_light:
            terms["light"] = hyper.weight_light * light(fake, real)
        if hyper.weight_lattice:
            terms["lattice"] = hyper.weight_lattice * lattice(fake, real)
        return terms

    @torch.no_grad()
    def calibrate(self, model: vid2vid.Model, batch: Clip) -> Tensor:
        """The styles of the clips' first frames: (B, style)."""
        return wide(model.encode(batch.images[:, 0])[0])

    @torch.no_grad()
    def finish(self, model: vid2vid.Model, facts: Tensor) -> None:
        """Note the mean and covariance of the training clips' styles, (N, style), in `model`."""
        mean, factor = fit(facts)
        model.style_mean.copy_(mean)
        model.style_factor.copy_(factor)


def judged(watch: Watch) -> dict[str, Tensor]:
    """The terms of the discriminators' turn."""
    terms: dict[str, Tensor] = {}
    for name, (fake, real) in zip(("", "motion_"), watch.discriminate(), strict=False):
        terms |= {f"{name}fake": losses.hinge_fake(fake), f"{name}real": losses.hinge_real(real)}
    return terms


def place_of(batch: Clip, t: int) -> Place | None:
    """Where frame `t` was seen from, if the clip tells."""
    if batch.depth is None or batch.pose is None or batch.intrinsics is None:
        return None
    return Place(batch.depth[:, t], batch.pose[:, t], batch.intrinsics)


if TYPE_CHECKING:
    _: RecipeOf[vid2vid.Config, Hyper, Data, vid2vid.Model, Clip] = Recipe
