"""The average of a model's weights over its last steps, which is what is judged, saved and used.

Karras et al., Progressive Growing of GANs, 2018 (section 5), with a half-life in images: runs may be short.
"""

import copy
from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from cgan.layers.spade.norm import BatchNorm
from train.data.protocol import Batch
from train.recipes import Recipe

HALF_LIFE = 10_000  # images; and at most this share of those seen:
SHARE = 0.05


M = TypeVar("M", bound=nn.Module)
B = TypeVar("B", bound=Batch)


class Weights(Protocol):
    """What an average follows: a bank."""

    @property
    def effective(self) -> Tensor:
        """The weights with which the layers compute, flat, in fp32."""

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """All parameters in `flat` by name, in their own shapes."""


class Average(Generic[M]):
    """A twin of `model` whose weights follow the effective weights of its bank, in fp32."""

    def __init__(self, model: M, bank: Weights):
        self.bank = bank
        self.flat = bank.effective.clone()
        self.model: M = copy.deepcopy(model)
        self.model.requires_grad_(False)
        self.place()

    def place(self) -> None:
        """Make the twin's parameters views of the flat average."""
        views = self.bank.views(self.flat)
        for name, parameter in self.model.named_parameters():
            parameter.data = views[name]

    def follow(self, batch: int, images: int) -> None:
        """Move towards the weights as they are after `images`, the last `batch` of which are new."""
        half_life = min(HALF_LIFE, SHARE * images)
        self.flat.lerp_(self.bank.effective, 1 - 0.5 ** (batch / half_life))

    def calibrate(self, recipe: Recipe[M, B], batches: Iterable[B]) -> None:
        """Estimate the twin's batch-norm statistics and styles anew: averaged weights need their own."""
        norms = [layer for layer in self.model.modules() if isinstance(layer, BatchNorm)]
        usual = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset()
        self.model.train()
        facts = []
        for n, batch in enumerate(batches):
            for norm in norms:
                norm.momentum = 1 / (n + 1)  # a plain mean over the batches
            facts.append(recipe.calibrate(self.model, batch))
        for norm, momentum in zip(norms, usual, strict=True):
            norm.momentum = momentum
        recipe.finish(self.model, torch.cat(facts))
        self.model.eval()
