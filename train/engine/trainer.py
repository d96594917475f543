"""The trainer: it descends the turns that a recipe yields, and keeps the run alive.

A step is a pure function of the weights, the run's seed and the number of images seen: order, crops and noise
are drawn from these alone. So a run that was interrupted goes on as if it had not been, and a bad step can be
looked at again.
"""

import itertools
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from cgan.errors import CganError, CheckpointError
from cgan.runtime import allow_tf32
from train import processes as distributed
from train.data.identity import Identity
from train.data.protocol import Batch, Samples
from train.data.stored import LEAST
from train.engine import state
from train.engine.average import Average
from train.engine.bank import PRECISIONS, Bank
from train.engine.compiling import compile_or_say_why, eagerly
from train.engine.graphs import Step, captured_or_say_why
from train.engine.turns import Terms, descend, turns
from train.engine.watchdog import diagnose
from train.log import Log, memory, say
from train.recipes import Loss, Recipe
from train.run import Run, mix, order, rate, wants_graphs

# What ends a run in good order. A terminal that is closed sends SIGHUP, which Windows has not.
SIGNALS = [signal.SIGINT, signal.SIGTERM, *([] if os.name == "nt" else [signal.SIGHUP])]
PATIENCE = 50  # bad steps in a row before a run gives up
EARLY = [500 * 2**doublings for doublings in range(20)]  # pictures after which the first samples are shown
LOOK_EVERY = 20  # steps between two looks at a GPU's losses, each of which makes it wait


M = TypeVar("M", bound=nn.Module)
B = TypeVar("B", bound=Batch)


class Publishes(Protocol):
    """What the trainer asks of who judges its models and saves the best."""

    @property
    def folder(self) -> Path:
        """The run's; the trainer keeps its state in `training` there."""

    @property
    def published(self) -> bool:
        """Whether anything was saved by now."""

    def consider(self, model: Any, seen: int, seconds: float) -> dict[str, float]:
        """Scores of the averaged `model` after `seen` pictures and `seconds`, saved if none was better."""

    def facts(self) -> dict[str, Any]:
        """What must survive in the training state, as JSON can hold it."""

    def resume(self, facts: dict[str, Any]) -> None:
        """Take back what `facts` gave."""


class Trainer(Generic[M, B]):
    """One run: the recipe's players in their banks, the averaged model, and how far the run has come.

    data: what the recipe reads, whose batches come on `device` (see `train.data.stored.place`); publisher:
    judges and saves the averaged model; precision and device are decided; identity: the data's.
    """

    def __init__(
        self,
        recipe: Recipe[M, B],
        data: Samples[B],
        run: Run,
        publisher: Publishes,
        device: torch.device,
        precision: str,
        identity: Identity | None = None,
    ):
        self.recipe, self.run, self.publisher, self.device = recipe, run, publisher, device
        self.identity = identity or Identity({}, {})
        torch.backends.cudnn.benchmark = True  # shapes are few and fixed: search the fastest kernels once
        self.data, self.precision = data, PRECISIONS[precision]
        allow_tf32(self.precision.tf32)
        for player in recipe.players.values():
            player.module.to(device, self.precision.master)
            distributed.share([*player.module.parameters(), *player.module.buffers()])
        self.banks = {name: Bank(player, self.precision, run.seed) for name, player in recipe.players.items()}
        self.average = Average(recipe.model, self.banks[recipe.saved])
        self.images, self.seconds, self.stopping, self.compiled = 0, 0.0, False, False
        self.doing = "this step"  # or whatever else a signal waits for
        self.descend: Step[B] = self._descend  # or its graph
        self.each = run.batch * run.accumulate * distributed.size()
        self.every = self._whole_steps(run.evaluate_every or max(run.images // 20, 1))
        early = [] if run.evaluate_every else EARLY
        self.early = {images for images in map(self._whole_steps, early) if images < self.every}
        self.state_folder = publisher.folder / "training"

    # --- the loop

    def fit(self) -> bool:
        """Train to the end, or until a signal; True if complete. State and checkpoint are saved.

        The state is saved before the first step too: what is published has a run to go on with.
        """
        old = self._listen()
        log = Log(self.state_folder, self.run.images, self.images, every=max(50 * self.each, 1))
        last_save = began = time.monotonic()
        before = self.seconds
        try:
            if self.images == 0:
                self.save()
            self._compile()
            if wants_graphs(self.run, self.device, distributed.size()):
                self.descend = captured_or_say_why(self._descend, self.banks.values(), self.device, say)
            while self.images < self.run.images and not self.stopping:
                losses = self.step()
                self.seconds = before + time.monotonic() - began
                log.progress(self.images, losses, self._facts())
                if self._due():
                    self.evaluate(log)
                if distributed.agree(time.monotonic() - last_save > 60 * self.run.save_minutes, self.device):
                    self.save()
                    last_save = time.monotonic()
                self.stopping = distributed.agree(self.stopping, self.device)
            self.save()
            published = distributed.agree(self.publisher.published, self.device)  # by the first process
            if not published:
                say("judging and saving the first checkpoint; Ctrl-C leaves it for the next time")
                self.evaluate(log)
                self.save()
        finally:
            log.close()
            for number, handler in old.items():
                signal.signal(number, handler)
        return self.images >= self.run.images

    def _whole_steps(self, images: int) -> int:
        """The pictures of as many steps as `images` take."""
        return -(-images // self.each) * self.each

    def _due(self) -> bool:
        """Whether the averaged model is to be judged now: at intervals, early on, and at the end."""
        return not self.images % self.every or self.images in self.early or self.images >= self.run.images

    def _listen(self) -> dict[signal.Signals, Any]:
        """Stop in good order at a signal, unless it was to be ignored (nohup); gives what was done before."""
        heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        return {number: signal.signal(number, self._stop) for number in heard}

    def step(self) -> Terms:
        """One step on the next batches; gives the terms of its losses."""
        start = self.images
        for bank in self.banks.values():
            bank.set_rate(rate(bank.player.rate, start, self.run))
        batches = self._batches(start)
        self._seed(start)
        watched = self.descend(batches)
        self.images += self.each
        self.average.follow(self.each, self.images)
        self._watch(start)
        return watched

    def _seed(self, images: int) -> None:
        """From here on, torch's own generators give the random numbers of the step after `images`."""
        torch.manual_seed(mix(self.run.seed, images, 1))

    def _batches(self, images: int) -> list[B]:
        """What the step after `images` learns from."""
        self.data.advance(images)
        return [self._batch(images, part) for part in range(self.run.accumulate)]

    def _descend(self, batches: list[B]) -> Terms:
        """All turns of a step on these batches; gives the terms of their losses."""
        return descend(self.recipe, batches, self.banks)

    def _turns(self, images: int) -> Iterator[Loss]:
        """The turns of the step after `images`, as that step makes them, without descending."""
        batches = self._batches(images)
        self._seed(images)
        return turns(self.recipe, batches, self.banks)

    def _compile(self) -> None:
        """Compile the networks, if that is wished, and leave everything else as it was."""
        self.compiled = self.run.compile and compile_or_say_why(
            list(self.recipe.players.values()), self._rehearse, say
        )

    def _rehearse(self) -> None:
        """A step's passes; what it gathers is thrown away."""
        with self._without_trace():
            for _ in self._turns(self.images):
                pass

    @contextmanager
    def _without_trace(self) -> Iterator[None]:
        """What is tried inside leaves gradients and buffers as they were: running means, counters."""
        try:
            with state.buffers_kept(bank.player.module for bank in self.banks.values()):
                yield
        finally:
            for bank in self.banks.values():
                bank.gradient.zero_()

    def _batch(self, images: int, part: int) -> B:
        """This process's share of the batch `part` of the step after `images`."""
        whole = self.run.batch * distributed.size()
        start, offset = images + part * whole, distributed.rank() * self.run.batch
        rows = order(start, whole, len(self.data), self.run.seed)[offset : offset + self.run.batch]
        batch = self.data.batch(rows, mix(self.run.seed, start, 2), self.run.size, row_offset=offset)
        return self._in_format(batch)

    def _in_format(self, batch: B) -> B:
        """All numbers in the precision of the masters, and single pictures channels last."""
        formatted = {
            name: part.to(
                dtype=self.precision.master,
                memory_format=torch.channels_last if part.dim() == 4 else torch.preserve_format,
            )
            for name, part in batch._asdict().items()
            if part is not None and part.is_floating_point()
        }
        return batch._replace(**formatted)

    # --- keeping the run alive

    def _watch(self, start: int) -> None:
        """Report the layer at fault when a step was bad, and give up when nothing else comes."""
        if self.device.type == "cuda" and (start // self.each) % LOOK_EVERY:
            return
        skipped = {name: int(bank.skipped) for name, bank in self.banks.items()}
        searching = self.precision.autocast == torch.float16 and max(skipped.values()) < 20
        if not any(skipped.values()) or searching:  # fp16 finds its scale by overflowing
            return
        with self._without_trace(), eagerly() if self.compiled else nullcontext():  # layers can be watched
            found = diagnose(self._turns(start), self.banks)
            said = f"a step after {start} images was skipped: {found}"
        say(said)
        if max(skipped.values()) >= PATIENCE:
            self.save()
            raise CganError(f"training stopped after {PATIENCE} bad steps in a row; {said}")

    def _stop(self, number: int, frame: object) -> None:
        if self.stopping and number == signal.SIGINT:  # a closing terminal may send SIGHUP twice
            raise KeyboardInterrupt
        self.stopping = True
        say(f"stopping: finishing {self.doing}, then saving; Ctrl-C again stops at once, unsaved")

    def _facts(self) -> dict[str, str]:
        return {"precision": self.precision.name, "memory": memory(self.device)}

    # --- judging and saving

    def evaluate(self, log: Log | None = None) -> None:
        """Calibrate the averaged model, judge it on the validation data, publish it if it is the best."""
        self.doing = f"the evaluation after {self.images} images"
        self.check_finite()
        torch.manual_seed(mix(self.run.seed, 3))
        self.average.calibrate(self.recipe, self._calibration())
        if distributed.rank() == 0:
            scores = self.publisher.consider(self.average.model, self.images, self.seconds)
            if log is not None:
                log.record("evaluation", self.images, scores)
        distributed.wait()
        self.doing = "this step"

    def _calibration(self) -> Iterator[B]:
        count = min(self.run.calibrate, max(1, -(-len(self.data) // self.run.batch)))
        count = max(count, -(-LEAST // self.run.batch))  # one style alone has no covariance
        for i in range(count):
            yield self._batch(i * self.each, 0)

    def check_finite(self) -> None:
        """Raise `CganError` unless all weights are finite: others never replace good ones."""
        flats = {name: bank.master for name, bank in self.banks.items()} | {"average": self.average.flat}
        bad = [name for name, flat in flats.items() if not flat.isfinite().all()]
        if bad:
            raise CganError(
                f"after {self.images} images the weights of the {' and the '.join(bad)} are not finite; "
                "nothing of them was saved: start from the last checkpoint with a smaller --rate"
            )

    def save(self) -> None:
        """Save all that a later process needs to go on from here. CganError: it is not finite."""
        self.check_finite()
        if distributed.rank() == 0:
            parts = {f"bank.{name}": bank.state() for name, bank in self.banks.items()}
            for name, bank in self.banks.items():
                parts[f"buffers.{name}"] = dict(bank.player.module.named_buffers())
            parts |= {"average": {"flat": self.average.flat}, "data": self.data.state()}
            parts["marks"] = dict(self.identity.marks)
            tensors = itertools.chain(
                *(state.with_prefix(part, name).items() for name, part in parts.items())
            )
            facts = {"images": self.images, "seconds": self.seconds, **self.publisher.facts()}
            facts["meaning"] = dict(self.identity.meaning)
            state.write(self.state_folder, dict(tensors), facts)
        distributed.wait()

    def load(self) -> dict[str, Any]:
        """Go on where the state in the run's folder stopped; gives the facts that were saved with it.

        CheckpointError: the state is another network's, or lacks something.
        """
        tensors, facts = state.read(self.state_folder)
        try:
            self._take(tensors, facts)
        except (KeyError, RuntimeError) as error:  # a name that is not there; a shape that does not fit
            where = self.state_folder / state.NAME
            raise CheckpointError(f"{where} is not this run's ({error}); delete it to start anew") from error
        return facts

    def _take(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Take back what `save` wrote."""
        self.publisher.resume(facts)
        for name, bank in self.banks.items():
            bank.load(state.part(tensors, f"bank.{name}"))
            state.load_buffers(bank.player.module, state.part(tensors, f"buffers.{name}"))
        self.average.flat.copy_(tensors["average.flat"])
        self.data.load(state.part(tensors, "data"))
        self.images, self.seconds = facts["images"], facts["seconds"]
