"""torch.compile for the networks of a run; never for `step`, whose turns belong to the trainer."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager

import torch
from torch import nn

from train.adversaries.projected import Projected
from train.engine.state import buffers_kept
from train.recipes import Player

LISTS = nn.ModuleList | nn.ModuleDict
BACKEND = "inductor"  # torch's own
VARIANTS = 64  # of a network: learning, frozen, without gradients, and each batch size


def networks(player: Player) -> Iterator[nn.Module]:
    """What recipes call: a player's module, its parts that are networks themselves, and frozen eyes."""
    parts = [player.module]
    for child in player.module.children():
        if not isinstance(child, LISTS) and any(True for _ in child.children()):
            parts.append(child)
    yield from parts
    yield from {id(part.eyes): part.eyes for part in parts if isinstance(part, Projected)}.values()


def compile_networks(players: Iterable[Player]) -> None:
    """Compile in place. Shapes are fixed: a run has few, and each gets code of its own."""
    torch._dynamo.config.recompile_limit = max(VARIANTS, torch._dynamo.config.recompile_limit)
    for player in players:
        for network in networks(player):
            network.compile(dynamic=False, backend=BACKEND)


def eagerly() -> AbstractContextManager[None]:
    """Inside, compiled networks run uncompiled, so that hooks see their layers."""
    return torch.compiler.set_stance("force_eager")


def make_eager(players: Iterable[Player]) -> None:
    """Take compilation back."""
    for player in players:
        for network in networks(player):
            network._compiled_call_impl = None  # as in a module that was never compiled


def compile_or_say_why(
    players: list[Player], rehearse: Callable[[], None], say: Callable[[str], None]
) -> bool:
    """Compile and `rehearse` a step, which compiles all that it needs; eager again where that fails.

    `say` is told the reason. Compilers raise what they like, so that all errors count; one that has nothing
    to do with them comes again in the first step. The networks' buffers end as they began.
    """
    try:
        with buffers_kept(player.module for player in players):
            compile_networks(players)
            rehearse()
    except Exception as error:
        make_eager(players)
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        say(f"--compile: not compiled, because of {type(error).__name__}: {reason}")
        return False
    return True
