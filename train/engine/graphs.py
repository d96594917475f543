"""Whole training steps as CUDA graphs: one launch where the host had thousands to make.

A small network's step is shorter on a GPU than the time in which the host launches its kernels one by one. A
CUDA graph is launched as a whole. What it does it does at fixed addresses and with fixed numbers, so that
whatever changes from step to step must lie in a tensor:
- weights, gradients, u, v, sigma, Adam's state and the scale of fp16 losses never move (`train.engine.bank`);
- the batch is copied to where the first one lay;
- the learning rate is a tensor, and whether a step is skipped is decided on the device;
- random numbers: a replay takes the seed and the position of the GPU's generator as they are when it begins.
  A trainer that seeds before each step draws what it would draw without graphs, and a step remains a pure
  function of weights, seed and images. So a run may change between both ways when it is resumed.

The first steps are made without a graph: they count as any others, and they let cuDNN choose its kernels,
Triton compile its own and Adam make its state. The last of them is watched: a step that waits for the GPU
(`.item()`, a mask as an index) cannot be captured. Neither can one of several processes that sum over NCCL be
relied on: they stay eager.
"""

import contextlib
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cgan.graphs import CudaGraph
from train.engine import processes as distributed
from train.engine.bank import Bank

Terms = dict[str, Tensor]  # of the losses of a step, by name
Step = Callable[[list[Any]], Terms]  # all turns of a step on these batches
EAGER = 3  # steps before the capture


class StepGraph(CudaGraph):
    """The graph of a training step."""

    def rehearse(self, function: Callable[[], Terms]) -> tuple[Terms, list[str]]:
        """Call `function`; gives what it returns, and where in the code it waited for the GPU."""
        before = torch.cuda.get_sync_debug_mode()
        torch.cuda.set_sync_debug_mode("warn")
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                terms = function()
        finally:
            torch.cuda.set_sync_debug_mode(before)
        places = []
        for it in caught:
            if "synchronizing" in str(it.message):
                places.append(f"{Path(it.filename).name}:{it.lineno}")
            else:
                warnings.warn_explicit(it.message, it.category, it.filename, it.lineno)
        return terms, list(dict.fromkeys(places))


class Captured:
    """A step that is replayed from a CUDA graph after EAGER steps; eager for good where that fails.

    `step` must end all turns (`Bank.descend()` without a rate) and read nothing that changes but the batches
    it is given and what lies at a fixed address. `say` is told why there is no graph.
    """

    def __init__(
        self, step: Step, banks: Iterable[Bank], say: Callable[[str], None], graph: StepGraph | None = None
    ):
        self.step, self.banks, self.say = step, list(banks), say
        self.graph: StepGraph | None = graph or StepGraph()  # None: it has failed
        self.places: list[Tensor] | None = None  # where the graph reads the batches
        self.seen = 0
        self.names: list[str] = []
        self.values = torch.empty(0)

    @property
    def replays(self) -> bool:
        """Whether steps come from the graph by now."""
        return self.graph is not None and self.places is not None

    def __call__(self, batches: list[Any]) -> Terms:
        """One step; the terms of its losses (), which later steps leave alone."""
        if self.graph is None:
            return self.step(batches)
        if self.places is None:
            self.seen += 1
            if self.seen < EAGER:
                return self.step(batches)
            if self.seen == EAGER:
                return self._rehearse(batches)
            if not self._capture(batches):
                return self.step(batches)
        tensors = tensors_of(batches)
        if not alike(tensors, self.places):  # a batch of another shape
            return self.step(batches)
        torch._foreach_copy_(self.places, tensors, non_blocking=True)
        self.graph.replay()
        return dict(zip(self.names, self.values.clone().unbind(), strict=True))

    def _rehearse(self, batches: list[Any]) -> Terms:
        terms, waits = self.graph.rehearse(lambda: self.step(batches))
        if waits:
            self._give_up(f"the step waits for the GPU in {', '.join(waits[:3])}")
        return terms

    def _capture(self, batches: list[Any]) -> bool:
        """Capture the step, which does not make it; False, and the reason is said, where that fails.

        CUDA and its libraries raise what they like: all errors count.
        """
        places = [x.clone() for x in tensors_of(batches)]
        rest = iter(places)
        ours = [type(batch)(*(part if part is None else next(rest) for part in batch)) for batch in batches]
        try:
            with contextlib.ExitStack() as stack:
                for bank in self.banks:
                    stack.enter_context(bank.captured())
                self.values = self.graph.capture(lambda: self._stacked(ours))
        except Exception as error:
            self._give_up(f"of {type(error).__name__}: {(str(error).strip() or '?').splitlines()[0]}")
            return False
        self.places = places
        return True

    def _stacked(self, batches: list[Any]) -> Tensor:
        """The step, its terms as one tensor: one copy saves them all from the next replay."""
        terms = self.step(batches)
        self.names = list(terms)
        return torch.stack([term.detach().float() for term in terms.values()])

    def _give_up(self, reason: str) -> None:
        self.graph = None
        self.say(f"--graphs: not captured, because {reason}")


def captured_or_say_why(
    step: Step, banks: Iterable[Bank], device: torch.device, say: Callable[[str], None]
) -> Step:
    """`step`, from a CUDA graph where that can be; itself, and `say` is told why, where it cannot."""
    if device.type != "cuda":
        say("--graphs: no CUDA: graphs are for GPUs")
    elif distributed.size() > 1:
        say("--graphs: several processes learn together: their steps are not captured")
    else:
        return Captured(step, banks, say)
    return step


def tensors_of(batches: list[Any]) -> list[Tensor]:
    """The tensors of named tuples, in order; a part may be None."""
    return [part for batch in batches for part in batch if part is not None]


def alike(tensors: list[Tensor], places: list[Tensor]) -> bool:
    """Whether they have the same shapes and types."""
    if len(tensors) != len(places):
        return False
    return all(x.shape == y.shape and x.dtype == y.dtype for x, y in zip(tensors, places, strict=True))
