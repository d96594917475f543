"""When a loss or a gradient is not finite: which layer was the first at fault?

A step is a pure function of the run's seed and of the images seen, so it can be run again, eagerly and with
every layer watched.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from train.engine.bank import Bank


@contextmanager
def watched(modules: dict[str, nn.Module], found: list[str]) -> Iterator[None]:
    """Inside, `found` gathers the layers whose outputs are not finite, in the order they ran."""

    def watch(name: str) -> Callable:
        def look(layer: nn.Module, inputs: tuple, output: object) -> None:
            for tensor in flat(output):
                if not tensor.isfinite().all():
                    found.append(f"{name} ({type(layer).__name__}) gives {worst(tensor)}")
                    return

        return look

    hooks = [
        layer.register_forward_hook(watch(f"{player}.{name}" if name else player))
        for player, module in modules.items()
        for name, layer in module.named_modules()
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def flat(output: object) -> Iterator[Tensor]:
    """All tensors in nested lists and tuples."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, list | tuple):
        for piece in output:
            yield from flat(piece)


def worst(tensor: Tensor) -> str:
    """What is wrong with it, in a word."""
    return "NaN" if tensor.isnan().any() else "infinity"


def diagnose(turns: Iterator[tuple[str, dict[str, Tensor]]], banks: dict[str, Bank]) -> str:
    """Run the `turns` of a bad step, which gather gradients but do not descend, and name what failed first.

    Each turn is (player, terms of its loss). The gathered gradients are thrown away.
    """
    found: list[str] = []
    try:
        with watched({name: bank.player.module for name, bank in banks.items()}, found):
            for player, terms in turns:
                if found:
                    return found[0]
                for name, term in terms.items():
                    if not term.isfinite():
                        return f"the loss {player}.{name} is {worst(term)}, its layers are finite"
                faults = banks[player].faults()
                if faults:
                    return f"the gradient of {player}.{faults[-1]} overflows"
    finally:
        for bank in banks.values():
            bank.gradient.zero_()
    return "nothing: the same step is finite when it is run again"
