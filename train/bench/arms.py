"""The arms of `python -m train proof`: in which precision a run computes, and whose spectral norm it has.

On the command line an arm is `bf16` for ours (`train/engine/bank.py`) or `bf16:torch` for torch's
parametrization on the same layers, which iterates at every access of a weight, in the types that autocast
leaves to it (bf16 on a GPU). In tables these are "bf16 · ours" and "bf16 · torch's", as in `train bench`.
Optimiser, average, data and order are the same: an arm differs from another in nothing else.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import ParametrizationList

from cgan.runtime import Runtime, precisions
from train.bench.learning import Way
from train.engine.bank import Bank
from train.engine.trainer import Publishes, Trainer
from train.recipes import Recipe
from train.run import Run

ON_GPU = ("fp32", "tf32", "bf16", "bf16:torch", "fp16")
ON_CPU = ("fp32", "fp32:torch", "bf16", "bf16:torch")
NORMS = {"": "ours", "torch": "torch's"}


def default(device: torch.device) -> str:
    """The arms that suit the device, as `--precisions` takes them."""
    words = ON_CPU if device.type == "cpu" else ON_GPU
    return ",".join(word for word in words if word.split(":")[0] in precisions(device))


def parse(words: str, device: torch.device) -> dict[str, Way]:
    """The arms by their words, in order. ValueError for what is none, or not for this device."""
    found = {}
    for word in words.split(","):
        precision, _, norm = word.partition(":")
        if norm not in NORMS or word.endswith(":"):
            raise ValueError(f"--precisions {words}: after the colon of {word} may stand torch, nothing else")
        Runtime.choose(str(device), precision)
        found[word] = Way(NORMS[norm], precision)
    return found


def title(word: str) -> str:
    """An arm as tables name it: "bf16:torch" -> "bf16 · torch's"."""
    precision, _, norm = word.partition(":")
    return Way(NORMS[norm], precision).title


class OfTorch:
    """What the average follows where torch normalises: all weights as their layers compute with them.

    bank: a player's, whose masters lack spectral norm; layers: those that torch normalises, by name.
    """

    def __init__(self, bank: Bank, layers: dict[str, nn.Module]):
        self.bank, self.layers = bank, layers

    @property
    @torch.no_grad()
    def effective(self) -> Tensor:
        """Flat: W / sigma by torch's own u and v, which do not move here; other weights as they are."""
        flat = self.bank.effective.clone()
        views = self.views(flat)
        for name, layer in self.layers.items():
            parametrization = layer.get_submodule("parametrizations.weight")
            assert isinstance(parametrization, ParametrizationList)
            learns = parametrization.training
            parametrization.eval()
            views[f"{name}.weight"].copy_(parametrization())
            parametrization.train(learns)
        return flat

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """All parameters in `flat`, by the names that they had before torch took them."""
        return self.bank.views(flat)


def trainer_of(
    way: Way, recipe: Recipe[Any, Any], data: Any, run: Run, publisher: Publishes, device: torch.device
) -> Trainer[Any, Any]:
    """A Trainer of this arm, of what `Trainer` takes.

    Under torch's norm the banks know of none: the layers' own weights, in place, become the originals of its
    parametrizations.
    """
    normalised = {}
    for name, player in recipe.players.items() if way.norm == "torch's" else ():
        names = {layer: path for path, layer in player.module.named_modules()}
        normalised[name] = {names[layer]: layer for layer in player.normalised}
        player.normalised = ()
    trainer = Trainer(recipe, data, run, publisher, device, way.precision)
    for layers in normalised.values():
        for layer in layers.values():
            spectral_norm(layer)
    if normalised:
        average = trainer.average
        average.bank = OfTorch(trainer.banks[recipe.saved], normalised[recipe.saved])
        average.flat.copy_(average.bank.effective)
    return trainer
