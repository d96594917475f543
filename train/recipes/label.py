"""How the label network learns: the class of each pixel, from the maps that painters learn from.

The body begins with the weights of EfficientNet-Lite0 that come along, trained on ImageNet, and is taught
with the head. The loss is the cross entropy, which counts pixels, and Dice's (Milletari et al., V-Net, 2016),
which counts classes. Pictures vary in light, colour and scale, so that photographs of other cameras, and
paintings, are understood too.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan.labels import onehot
from cgan.layers.precision import wide
from cgan.models import label
from cgan.ranges import Rate, Share, Weight
from train.data.batches import Labelled, Painted
from train.data.folders import Say
from train.data.growing import Landscapes
from train.data.painted import NOBODY_KNOWS, PaintedData, read_painted
from train.data.protocol import Size
from train.data.stored import nearest
from train.processes import normal
from train.recipes import Loss, Player, RecipeOf
from train.recipes._maps import OfMaps
from train.teachers.backbone import bundled, folded

Data = PaintedData | Landscapes
DRAWN = 9  # random numbers for each picture, of `varied`
BRIGHTNESS, GAMMA, SATURATION, TINT = 0.25, 0.25, 0.4, 0.1  # standard deviations of logarithms


@dataclass(frozen=True)
class Hyper:
    """How the label network learns."""

    rate: Rate = 5e-4  # Adam's learning rate
    weight_overlap: Weight = 1.0  # weight of Dice's loss beside the cross entropy
    least_part: Share = 0.5  # pictures are enlarged until no less than this part of their sides is seen
    colours: Weight = 2.0  # how much light and colours vary (0: not at all)


PRESETS = dict.fromkeys(("tiny", "small", "paper"), Hyper())


class Recipe(OfMaps[label.Config, Data]):
    """The one player of the label network."""

    batch: ClassVar[type] = Labelled

    def __init__(self, config: label.Config, hyper: Hyper, perceptual: nn.Module | None):
        self.hyper, self.saved = hyper, "labeller"
        self.model = label.Model(config)
        begin(self.model.body)
        self.players = {"labeller": Player(self.model, hyper.rate, (0.9, 0.999))}

    @staticmethod
    def read(folder: Path, size: Size, hyper: Hyper, say: Say) -> PaintedData:
        """The data of a painter's folder; what its maps call unlabelled is not learnt."""
        return hidden(read_painted(folder, size, say=say))

    @staticmethod
    def builtin(size: Size, seed: int, hyper: Hyper, say: Say) -> Landscapes:
        """The built-in world."""
        return Landscapes(size, 10_000 * (seed % 100), say=say)

    def step(self, batch: Painted) -> Iterator[Loss]:
        """The only turn: label varied pictures."""
        seen = varied(batch, self.hyper.least_part, self.hyper.colours)
        logits = wide(self.model(seen.images))
        known = torch.ones_like(logits[:, :1]) if seen.known is None else wide(seen.known)
        terms = {"pixels": pixels(logits, seen.labels, known)}
        if self.hyper.weight_overlap:
            terms["overlap"] = self.hyper.weight_overlap * apart(logits, seen.labels, known)
        yield Loss("labeller", terms)

    def calibrate(self, model: label.Model, batch: Painted) -> Tensor:
        """Nothing is gathered: (B, 0)."""
        return batch.images.new_zeros(len(batch.images), 0)

    def finish(self, model: label.Model, facts: Tensor) -> None:
        """Nothing is noted."""


@torch.no_grad()
def begin(body: nn.Module) -> None:
    """Give the body the bundled weights of EfficientNet-Lite0, as far as it reaches."""
    known = folded(bundled("efficientnet"))
    for name, parameter in body.named_parameters():
        parameter.copy_(known[name])


def hidden(data: PaintedData) -> PaintedData:
    """The same data, in which the pixels of classes such as "unlabelled" count as unknown."""
    strangers = [it.id for it in data.palette.labels if it.name.lower() in NOBODY_KNOWS]
    if not strangers:
        return data
    unknown = torch.isin(data.labels, torch.tensor(strangers, dtype=torch.uint8)).byte()
    return replace(data, unknown=unknown if data.unknown is None else unknown | data.unknown)


def pixels(logits: Tensor, labels: Tensor, known: Tensor) -> Tensor:
    """The mean cross entropy of the pixels that are `known`, (B, 1, H, W) of 0 and 1 -> ()."""
    losses = F.cross_entropy(logits, labels[:, 0], reduction="none")
    return (losses * known[:, 0]).sum() / known.sum().clamp(min=1)


def apart(logits: Tensor, labels: Tensor, known: Tensor) -> Tensor:
    """One minus Dice's coefficient, 2 |A ∩ B| / (|A| + |B|), averaged over the classes of the batch's maps.

    Where a pixel is not `known`, nothing is counted.
    """
    found = logits.softmax(1) * known
    true = onehot(labels, logits.shape[1]).to(found.dtype) * known
    both, each = (found * true).sum((0, 2, 3)), (found + true).sum((0, 2, 3))
    there = (true.sum((0, 2, 3)) > 0).to(found.dtype)
    return ((1 - 2 * both / each.clamp(min=1)) * there).sum() / there.sum().clamp(min=1)


# --- pictures that vary


@torch.no_grad()
def varied(batch: Painted, least: float, colours: float) -> Painted:
    """The batch enlarged, each picture by a scale of its own from 1 to 1 / least, in another light."""
    drawn = normal(len(batch.images), DRAWN, like=batch.images)
    where = parts(drawn[:, :3], least, batch.images.shape)
    return batch._replace(
        images=recoloured(
            F.grid_sample(batch.images, where, "bilinear", "border", False), drawn[:, 3:], colours
        ),
        labels=nearest(batch.labels, where),
        known=None if batch.known is None else nearest(batch.known, where).to(batch.known.dtype),
    )


def parts(drawn: Tensor, least: float, shape: torch.Size) -> Tensor:
    """Which part of each picture is seen, by N(0, 1) numbers (B, 3): a sampling grid (B, H, W, 2)."""
    uniform = (1 + torch.erf(drawn / 2**0.5)) / 2
    side = 1 - (1 - least) * uniform[:, :1]
    middle = (2 * uniform[:, 1:] - 1) * (1 - side)
    zoom = torch.diag_embed(side.expand(-1, 2))
    theta = torch.cat([zoom, middle[:, :, None]], 2)
    return F.affine_grid(theta, [len(drawn), 1, *shape[2:]], align_corners=False)


def recoloured(images: Tensor, drawn: Tensor, strength: float) -> Tensor:
    """Images with another light, saturation and tint, by N(0, 1) numbers (B, 6)."""
    factors = torch.exp(strength * drawn)[:, :, None, None]
    light = (images.clamp(-1, 1) + 1) / 2
    light = light ** factors[:, :1] ** GAMMA * factors[:, 1:2] ** BRIGHTNESS
    grey = light.mean(1, keepdim=True)
    light = (grey + (light - grey) * factors[:, 2:3] ** SATURATION) * factors[:, 3:6] ** TINT
    return (2 * light - 1).clamp(-1, 1)


if TYPE_CHECKING:
    _: RecipeOf[label.Config, Hyper, Data, label.Model, Painted] = Recipe
