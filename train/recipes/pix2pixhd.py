"""How pix2pixHD learns (sections 3.2 to 3.4 of the paper; see `cgan/models/pix2pixhd.py`).

The adversarial loss is a hinge unless the paper's least squares are asked for, and VGG may be SqueezeNet, as
for the other painters. Coarse to fine is one run: for the first `coarse` pictures the global generator learns
alone, on smaller pictures, then all learn together. How many there were is a buffer of the discriminator, so
that a run can be interrupted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cgan.labels import Palette
from cgan.layers.instances import NUMBERS, class_means, components
from cgan.layers.precision import wide
from cgan.models import pix2pixhd
from cgan.ranges import Beta, Depth, Rate, Share, Weight, Whole, Width
from train.adversaries import losses
from train.adversaries.spectrum import lattice
from train.data.batches import Painted, Paired
from train.data.finding import part
from train.data.folders import Say
from train.data.growing import Landscapes
from train.data.painted import PaintedData, read_painted
from train.data.paired import PairedData, read_paired
from train.recipes import Loss, Player, RecipeOf
from train.recipes._relight import relit
from train.recipes._turns import Turns
from train.recipes.spade import discriminator_normalised, light, make_discriminator

LEAST_SHARE = 1 / 256  # of a picture: what is smaller says little of what its class looks like

Floats = NDArray[np.floating[Any]]
Data = PaintedData | Landscapes | PairedData


@dataclass(frozen=True)
class Hyper:
    """How pix2pixHD learns."""

    rate: Rate = 2e-4  # Adam's learning rate of the generator and the encoder
    discriminator_rate: Rate = 2e-4  # Adam's learning rate of the discriminator
    beta_1: Beta = 0.5  # Adam's first beta
    beta_2: Beta = 0.999  # Adam's second beta
    adversary: Literal["hinge", "least_squares"] = "hinge"  # the adversarial loss
    weight_fool: Weight = 1.0  # weight of the adversarial loss
    weight_features: Weight = 10.0  # weight of feature matching (projected: 2)
    weight_perceptual: Weight = 10.0  # weight of the perceptual loss
    weight_light: Weight = 0.0  # weight of L1 between blocks' mean colours: the light
    weight_lattice: Weight = 0.0  # weight of lines in the power spectrum that real pictures lack
    relight: Share = 0.0  # how far each training picture's light is changed (few photographs: 0.3); not pairs
    coarse: Whole = 0  # pictures (of each process) for which the global generator learns without enhancers
    discriminator: Literal["patch", "projected"] = "patch"  # of patches, or on a trained network's features
    discriminator_filters: Width = 64  # channels of the discriminator's first layer
    discriminator_layers: Depth = 4  # patch: layers of each scale
    discriminator_scales: Depth = 2  # patch: scales, each half as large as the one before
    augment: Share = 0.0  # how strongly what the discriminator sees is changed (few pictures: 0.5)


# Short runs learn faster with more than the paper's 2e-4: after 289 street scenes (96x128, one run each)
# LPIPS was 0.337 and the Fréchet distance 704 with it, 0.324 and 547 with 5e-4.
# That was with patches (both at 5e-4); a projected discriminator learns as spade's does.
PROJECTED = Hyper(rate=5e-4, discriminator="projected", weight_features=2.0, weight_light=10.0)
PRESETS = {
    "tiny": replace(PROJECTED, discriminator_filters=8, discriminator_layers=3),
    "small": PROJECTED,
    "paper": Hyper(),
}


class Recipe:
    """The two players: the generator with its feature encoder, and a discriminator."""

    batch: type = Painted  # Paired where there are no classes

    def __init__(self, config: pix2pixhd.Config, hyper: Hyper, perceptual: nn.Module | None):
        self.hyper, self.perceptual, self.saved = hyper, perceptual, "generator"
        self.batch = self.kind(config)
        self.model = pix2pixhd.Model(config)
        conditions = config.classes + config.edges if config.classes else 3
        self.discriminator = make_discriminator(hyper, conditions)
        self.discriminator.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.whole = not (config.enhancers and hyper.coarse)  # whether the enhancers learn too
        initialise(self.model, self.discriminator if hyper.discriminator == "patch" else None)
        betas = (hyper.beta_1, hyper.beta_2)
        self.players = {
            "discriminator": Player(
                self.discriminator,
                hyper.discriminator_rate,
                betas,
                discriminator_normalised(self.discriminator),
            ),
            "generator": Player(self.model, hyper.rate, betas),
        }

    @staticmethod
    def kind(config: pix2pixhd.Config) -> type:
        """Painted, or Paired where there are no classes."""
        return Painted if config.classes else Paired

    # --- data

    @staticmethod
    def read(folder: Path, size: tuple[int, int], hyper: Hyper, say: Say) -> PaintedData | PairedData:
        """The data of a folder with `images/` and `labels/`, or with `images/` and the pictures `inputs/`."""
        if part(Path(folder), "inputs").is_dir() and not part(Path(folder), "labels").is_dir():
            return read_paired(folder, size, say=say)
        return with_instances(read_painted(folder, size, say=say))

    @staticmethod
    def builtin(size: tuple[int, int], seed: int, hyper: Hyper, say: Say) -> Landscapes:
        """The built-in world."""
        return Parts(size, 10_000 * (seed % 100), say=say)

    @staticmethod
    def configure(config: pix2pixhd.Config, data: Data) -> pix2pixhd.Config:
        """The Config for this data: as many classes as its palette has, none for pairs of pictures."""
        if isinstance(data, PairedData):
            return replace(config, classes=0, edges=False, features=0)
        return replace(config, classes=len(data.palette))

    @staticmethod
    def palette(data: Data) -> Palette | None:
        """The classes that the checkpoint will paint; None for pairs of pictures."""
        return None if isinstance(data, PairedData) else data.palette

    @staticmethod
    def about(data: Data) -> dict[str, Any]:
        """The names of the two kinds of pictures, where the data are pairs."""
        return {"domains": ["inputs", "images"]} if isinstance(data, PairedData) else {}

    # --- learning

    def step(self, batch: Painted | Paired) -> Iterator[Loss]:
        """One step: the discriminator's turn, then the generator's, on the same fake picture."""
        if isinstance(batch, Painted):
            batch = batch._replace(images=relit(batch.images, self.hyper.relight))
        condition, style = self._given(batch)
        images = batch.images
        if self._whole(len(images)):
            fake = self.model(condition, style)
        else:
            fake = self.model.coarse(condition, style)
            for _ in self.model.enhancers:
                condition, images = pix2pixhd.halved(condition), pix2pixhd.halved(images)
        if isinstance(batch, Painted):
            fake = batch.judged(fake, images)

        turns = Turns(self.discriminator, fake, images, condition, augment=self.hyper.augment)
        judged_fake, judged_real = turns.discriminate()
        game = losses.ADVERSARIES[self.hyper.adversary]
        yield Loss("discriminator", {"fake": game.fake(judged_fake), "real": game.real(judged_real)})

        judged_fake, judged_real = turns.fool(), turns.compare()
        hyper = self.hyper
        terms = {
            "fool": hyper.weight_fool * game.fool(judged_fake),
            "features": hyper.weight_features * losses.feature_matching(judged_fake, judged_real),
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

    def _given(self, batch: Painted | Paired) -> tuple[Tensor, Tensor | None]:
        """What the generator is given: its condition, and what each thing looks like."""
        if isinstance(batch, Paired):
            return batch.inputs, None
        condition = self.model.condition(batch.labels, batch.instances).to(batch.images.dtype)
        if not self.model.config.features:
            return condition, None
        return condition, self.model.look(batch.images, batch.labels, batch.instances).to(condition.dtype)

    def _whole(self, count: int) -> bool:
        """Whether the enhancers learn from the next `count` pictures, which are counted."""
        if not self.whole:
            # to ask makes the host wait for a GPU: done only until the enhancers learn
            seen = self.discriminator.get_buffer("seen")
            self.whole = int(seen) >= self.hyper.coarse
            seen += count
        return self.whole

    # --- the averaged model

    @torch.no_grad()
    def calibrate(self, model: pix2pixhd.Model, batch: Painted | Paired) -> Tensor:
        """What the classes look like, and how light they are (B, classes, features + 1).

        NaN where there is too little of a class.
        """
        if isinstance(batch, Paired) or not model.config.style:
            return batch.images.new_zeros(len(batch.images), 0)
        facts = torch.cat([model.encoder(batch.images), batch.images.mean(1, keepdim=True)], 1)
        means, shares = class_means(facts, batch.labels, model.config.classes)
        return means.masked_fill((shares < LEAST_SHARE)[..., None], torch.nan)

    @torch.no_grad()
    def finish(self, model: pix2pixhd.Model, facts: Tensor) -> None:
        """Sort what `calibrate` found, (N, classes, features + 1) with NaN, into the model's clusters."""
        if not model.config.style:
            return
        found = facts.float().cpu().numpy()
        for i in range(model.config.classes):
            rows = found[:, i][~np.isnan(found[:, i, 0])]
            if not len(rows):  # never seen: it may look like anything
                rows = found[~np.isnan(found[..., 0])]
            if not len(rows):
                continue
            looks, shares = clustered(rows[:, :-1], rows[:, -1], model.config.clusters)
            model.clusters[i].copy_(torch.from_numpy(looks))
            model.shares[i].copy_(torch.from_numpy(shares))


def initialise(model: pix2pixhd.Model, discriminator: nn.Module | None) -> None:
    """Normal weights of standard deviation 0.02, no bias, as the paper's authors start.

    The encoder has no norms to make up for such small weights, and starts as He et al. (2015) advise;
    enhancers start with nothing to add. discriminator: one of patches, or None.
    """
    encoder = [*model.encoder.modules()] if model.config.style else []
    patches = [] if discriminator is None else [*discriminator.modules()]
    for layer in (*model.modules(), *patches):
        if isinstance(layer, nn.Conv2d):
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
            if layer in encoder:
                nn.init.kaiming_normal_(layer.weight)
            else:
                nn.init.normal_(layer.weight, std=0.02)
    for enhancer in model.enhancers:
        assert isinstance(enhancer, pix2pixhd.Enhancer)
        nn.init.zeros_(enhancer.to_rgb.weight)


def with_instances(data: PaintedData) -> PaintedData:
    """The same data; where there are no instances, the connected parts of each class take their place.

    So each part learns to have a look of its own, which is how a painter, who has nothing but the map, gives
    one. The numbers are bytes: pooling tells no more apart.
    """
    if data.instances is not None:
        return data
    parts = np.stack([components(ids) % NUMBERS for ids in data.labels[:, 0].numpy()])
    return replace(data, instances=torch.from_numpy(parts.astype(np.uint8))[:, None])


class Parts(Landscapes):
    """The built-in world; the instances are the connected parts of its classes."""

    def next(self) -> PaintedData:
        """As `Landscapes`, with instances."""
        return with_instances(super().next())


def clustered(rows: Floats, light: Floats, count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """k-means: rows (n, features), n >= 1, -> centres (count, features) and the share of the rows of each.

    The centres are in the order of `light` (n,), averaged over their rows. With fewer different rows than
    `count`, the last centre is repeated with share 0. The same rows always give the same centres.
    """
    k = min(count, len(np.unique(rows, axis=0)))
    doubled = np.repeat(rows, 2, axis=0).astype(np.float32)  # OpenCV would take a single row for a column
    cv2.setRNGSeed(0)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 50, 1e-4)
    method = cv2.KMEANS_PP_CENTERS
    _, owners, centres = cv2.kmeans(doubled, k, None, criteria, 4, method)  # type: ignore[call-overload]
    owner = owners[::2, 0]
    sizes = np.bincount(owner, minlength=k)
    order = np.argsort(np.bincount(owner, light, k) / np.maximum(sizes, 1), kind="stable")
    order = order[sizes[order] > 0]  # equal rows can leave a centre without any
    padding = count - len(order)
    looks = np.concatenate([centres[order], centres[order[-1:]].repeat(padding, 0)])
    shares = np.concatenate([sizes[order] / len(rows), np.zeros(padding)])
    return looks.astype(np.float32), shares.astype(np.float32)


if TYPE_CHECKING:
    _: RecipeOf[pix2pixhd.Config, Hyper, Data, pix2pixhd.Model, Painted | Paired] = Recipe
