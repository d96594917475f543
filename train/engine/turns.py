"""The loop of turns, once: a recipe yields its losses, and each player descends its own before the next.

Nobody but this file steps through a recipe: the trainer, the benchmarks and the tests use it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from train.data.protocol import Batch
from train.engine.bank import Bank, Precision
from train.recipes import Loss, Recipe

B = TypeVar("B", bound=Batch)
Terms = dict[str, Tensor]  # of the losses of a step, (), by name


def losses(steps: Iterator[Loss], precision: Precision, device: torch.device) -> Iterator[Loss]:
    """What `Recipe.step` yields, computed in the precision's autocast, which is off between the turns."""
    type_of = precision.autocast
    while True:
        with torch.autocast(device.type, type_of, enabled=type_of is not None):
            loss = next(steps, None)
        if loss is None:
            return
        yield loss


def turns(recipe: Recipe[Any, B], batches: Sequence[B], banks: Mapping[str, Bank]) -> Iterator[Loss]:
    """The turns of a step, each after its backward pass: its terms, detached, are means over the batches.

    The steps of several batches, whose gradients add up to that of their mean, advance side by side, one turn
    at a time. Whoever asks for the next turn has let the player descend before.
    """
    bank = next(iter(banks.values()))
    steps = [losses(recipe.step(batch), bank.precision, bank.master.device) for batch in batches]
    while True:
        gathered: Terms = {}
        player = ""
        for step in steps:
            loss = next(step, None)
            if loss is None:
                return
            player = loss.player
            banks[player].backward(loss.total / len(steps))
            for name, term in loss.terms.items():
                share = term.detach() / len(steps)
                gathered[name] = gathered[name] + share if name in gathered else share
        yield Loss(player, gathered)


def descend(recipe: Recipe[Any, B], batches: Sequence[B], banks: Mapping[str, Bank]) -> Terms:
    """A whole step on these batches, at the rates that the banks have: "player.term" -> its value, ()."""
    watched: Terms = {}
    for player, terms in turns(recipe, batches, banks):
        banks[player].descend()
        watched |= {f"{player}.{name}": term for name, term in terms.items()}
    return watched
