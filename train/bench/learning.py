"""How fast a model learns here: torch's spectral norm against ours, in each precision; eager, compiled, and
from CUDA graphs.

All ways take turns in one process, step by step (on a GPU, all ways of one precision), so that whatever else
the machine does falls on all of them; the table has medians. A step is the recipe's, with all its losses (the
perceptual network has random weights) on one random batch, or with --world on one of the built-in world's;
reading data and averaging are left out.

- *torch's*: its parametrization on the same layers, and an Adam with the parameters of each layer.
- *ours*: the banks of `train/engine/bank.py`, as in a run; in Triton's kernels on a GPU, else "plain" torch.
- *none*: as torch's, without spectral norm. What torch's costs is the difference to this row.
- *no tables*: without patch tables (`train/recipes/_tables.py`). What these save depends on the maps: random
  ones are made of large squares, which flatters them; --world is honest.

A step from a graph has no parts that could be timed.
"""

import abc
import argparse
import dataclasses
import inspect
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.parametrizations import spectral_norm

from cgan import models
from cgan.ranges import whole
from cgan.runtime import Runtime, allow_tf32
from train import recipes
from train.bench.clock import PARTS, Clock
from train.data.protocol import each
from train.engine.bank import PRECISIONS, Bank
from train.engine.compiling import compile_or_say_why
from train.engine.graphs import EAGER, Captured, captured_or_say_why
from train.engine.memory import keep_freed
from train.engine.spectral import choose_backend
from train.engine.turns import Terms, descend, losses
from train.flags.options import parse_size
from train.flags.parsing import Parser
from train.log import say
from train.publish.publisher import hardware, versions
from train.recipes import Loss, Recipe
from train.recipes._tables import Painter, use_tables
from train.run import PRESETS, check_size
from train.teachers import networks as teachers

WARM_UP = 2  # steps before the first that counts
NORMS = ("none", "torch's", "ours")


@dataclasses.dataclass(frozen=True)
class Way:
    """One row of the table: whose spectral norm, in which precision, compiled or not, from a graph or not,
    with patch tables (where they pay) or without.
    """

    norm: str
    precision: str
    compiled: bool = False
    graphs: bool = False
    tables: bool = True

    @property
    def title(self) -> str:
        """As the table names it."""
        how = f"{', compiled' if self.compiled else ''}{', graphs' if self.graphs else ''}"
        how += "" if self.tables else ", no tables"
        return f"{self.precision}{how} · {self.norm}"


class Learner(abc.ABC):
    """One way to learn: it takes steps, whose parts the clock times.

    `memory`: bytes that a step needs at its peak, weights and optimiser included (0 where it is unknown).
    """

    def __init__(self, way: Way, recipe: Recipe[Any, Any], batch: Any):
        self.way, self.recipe = way, recipe
        self.precision = PRECISIONS[way.precision]
        self.device = batch[0].device
        self.batch = each(batch, channels_last)
        for player in recipe.players.values():
            player.module.to(self.device)
            player.module.to(memory_format=torch.channels_last)
        use_tables(recipe, "auto" if way.tables else "off")
        self.clock = Clock(self.device)
        self.prepare()

    def step(self) -> None:
        """One step, timed by `clock`."""
        allow_tf32(self.precision.tf32)
        self.clock.start()
        for loss in losses(self.recipe.step(self.batch), self.precision, self.device):
            self.clock.mark("forward")
            self.backward(loss)
            self.clock.mark("backward")
            self.descend(loss)
            self.clock.mark("descend")

    @abc.abstractmethod
    def prepare(self) -> None:
        """Make what learns."""

    @abc.abstractmethod
    def backward(self, loss: Loss) -> None:
        """Gather the gradients."""

    @abc.abstractmethod
    def descend(self, loss: Loss) -> None:
        """End the turn."""

    def make_ready(self) -> bool:
        """Compile, capture and warm up; False, and the reason is said, where that fails."""
        players = list(self.recipe.players.values())
        if self.way.compiled and not compile_or_say_why(players, self.step, say):
            return False
        for _ in range(WARM_UP):
            self.step()
        self.clock.read()
        return True


class Ours(Learner):
    """As the trainer does it."""

    def prepare(self) -> None:
        """Put the players into banks, and let the clock see what belongs to spectral norm."""
        self.banks = {name: Bank(player, self.precision) for name, player in self.recipe.players.items()}
        for bank in self.banks.values():
            for name in ("correct", "refresh"):
                setattr(bank.spectral, name, self.clock.around("spectral norm", getattr(bank.spectral, name)))
        self.captured: Captured[Any] | None = None

    def make_ready(self) -> bool:
        """As others; then capture the step, if that is the way."""
        if not super().make_ready():
            return False
        if not self.way.graphs:
            return True
        step = captured_or_say_why(self.whole, self.banks.values(), self.device, say)
        if not isinstance(step, Captured):
            return False
        for _ in range(EAGER + 1):
            step([self.batch])
        self.captured = step
        return step.replays

    def step(self) -> None:
        """One step; from the graph, if there is one."""
        if self.captured is None:
            super().step()
            return
        allow_tf32(self.precision.tf32)
        self.clock.start()
        self.captured([self.batch])

    def whole(self, batches: list[Any]) -> Terms:
        """A step on one batch, not timed, as a graph is made of it: the terms of its losses."""
        with self.clock.stopped():
            return descend(self.recipe, batches, self.banks)

    def backward(self, loss: Loss) -> None:
        """Gather the gradients."""
        self.banks[loss.player].backward(loss.total)

    def descend(self, loss: Loss) -> None:
        """End the turn."""
        bank = self.banks[loss.player]
        bank.descend(bank.player.rate)


class Plain(Learner):
    """As one would write it with torch's parts."""

    def prepare(self) -> None:
        """Spectral norm, unless it is to be left out, an optimiser and a scaler for each player."""
        self.adams, self.scalers = {}, {}
        for name, player in self.recipe.players.items():
            for layer in player.normalised if self.way.norm != "none" else ():
                spectral_norm(layer)
            parameters = list(player.module.parameters())
            fused = self.device.type == "cuda"
            self.adams[name] = torch.optim.Adam(parameters, player.rate, player.betas, fused=fused)
            scaled = self.precision.autocast == torch.float16
            self.scalers[name] = torch.amp.GradScaler(self.device.type, enabled=scaled)

    def backward(self, loss: Loss) -> None:
        """Gather the gradients."""
        self.scalers[loss.player].scale(loss.total).backward()

    def descend(self, loss: Loss) -> None:
        """A step of Adam."""
        adam, scaler = self.adams[loss.player], self.scalers[loss.player]
        scaler.step(adam)
        scaler.update()
        adam.zero_grad(set_to_none=True)


@dataclasses.dataclass(frozen=True)
class Measured:
    """A way's steps: seconds of each, their medians by part, peak memory in bytes and kernels launched."""

    steps: list[float]
    parts: dict[str, float]
    memory: int
    launches: int

    @property
    def seconds(self) -> float:
        """The median of the steps."""
        return statistics.median(self.steps)


def measure(ways: list[Way], new: Callable[[Way], Learner], steps: int) -> dict[Way, Measured]:
    """Let `ways` take turns, after a warm-up. Those that cannot be compiled or captured are left out."""
    learners, owned, peaks = {}, {}, {}
    for way in ways:
        say(f"warming up: {way.title}")
        before = _reset_peak()
        learner = new(way)
        if learner.make_ready():
            learners[way], owned[way] = learner, _allocated() - before
            # A replay allocates nothing: what it needs is what its capture needed.
            peaks[way] = [_peak() - before - owned[way]] if way.graphs else []
    times: dict[Way, list[dict[str, float]]] = {way: [] for way in learners}
    for _ in range(steps):
        for way, learner in learners.items():
            base = _reset_peak()
            learner.step()
            times[way].append(learner.clock.read())
            peaks[way].append(_peak() - base)
    measured = {}
    for way, learner in learners.items():
        parts = {part: statistics.median(time[part] for time in times[way]) for part in PARTS}
        whole = [time["step"] for time in times[way]]
        memory = max(peaks[way]) + owned[way] if torch.cuda.is_initialized() else 0
        measured[way] = Measured(whole, parts, memory, learner.clock.launches(learner.step))
    return measured


def _allocated() -> int:
    return torch.cuda.memory_allocated() if torch.cuda.is_initialized() else 0


def _reset_peak() -> int:
    if torch.cuda.is_initialized():
        torch.cuda.reset_peak_memory_stats()
    return _allocated()


def _peak() -> int:
    return torch.cuda.max_memory_allocated() if torch.cuda.is_initialized() else 0


# The table


def table(measured: dict[Way, Measured], batch: int) -> str:
    """The Markdown table."""
    cuda = any(value.memory for value in measured.values())
    heads = ["", "images/s", "step", "forward", "backward", "descend", "of which spectral norm", "its share"]
    heads += ["memory", "launches"] if cuda else []
    rows = [heads, ["---"] * len(heads)]
    for way, value in measured.items():
        seconds, share = norm_cost(way, measured)
        cells = [way.title, f"{batch / value.seconds:.3g}", milliseconds(value.seconds)]
        cells += [milliseconds(value.parts[part]) for part in ("forward", "backward")]
        cells.append(milliseconds(value.parts["descend"] + value.parts["spectral norm"]))
        if way.graphs:
            cells[-3:] = ["–"] * 3
        cells += [milliseconds(seconds), f"{100 * share:.1f} %"] if seconds is not None else ["–", "–"]
        cells += [f"{value.memory / 2**30:.2f} GiB", str(value.launches)] if cuda else []
        rows.append(cells)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def norm_cost(way: Way, measured: dict[Way, Measured]) -> tuple[float | None, float]:
    """(seconds, share of the step) of spectral norm: timed for ours; for torch's, the median difference to
    the step without it in the same round.
    """
    value = measured[way]
    if way.graphs:
        return None, 0.0
    if way.norm == "ours":
        seconds = value.parts["spectral norm"]
        return seconds, seconds / value.seconds
    without = measured.get(dataclasses.replace(way, norm="none"))
    if way.norm == "none" or without is None:
        return None, 0.0
    seconds = statistics.median(a - b for a, b in zip(value.steps, without.steps, strict=True))
    return seconds, seconds / value.seconds


def milliseconds(seconds: float) -> str:
    """0.0123 -> "12.3 ms"."""
    return f"{1000 * seconds:.3g} ms" if seconds < 1 else f"{1000 * seconds:.0f} ms"


# The command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `python -m train bench`."""
    parser.add_argument("model", nargs="?", help=f"one of: {', '.join(recipes.names())}")
    parser.add_argument("--preset", choices=PRESETS, default="small", help="sizes (default: small)")
    parser.add_argument("--size", type=parse_size, help="height x width of the pictures (default: 128)")
    parser.add_argument(
        "--batch", type=whole(1), default=4, metavar="N", help="pictures in a batch (default: 4)"
    )
    parser.add_argument("--device", help="auto, cpu, cuda, cuda:N (default: auto)")
    parser.add_argument(
        "--steps", type=whole(1), default=10, metavar="N", help="steps that count (default: 10)"
    )
    parser.add_argument(
        "--precisions",
        metavar="A,B,…",
        help="of fp32, tf32, bf16, fp16 (default: all that the device computes itself)",
    )
    parser.add_argument(
        "--compile",
        action=argparse.BooleanOptionalAction,
        help="measure compiled networks too (default: on a GPU)",
    )
    parser.add_argument(
        "--graphs",
        action=argparse.BooleanOptionalAction,
        help="measure steps from CUDA graphs too (default: on a GPU)",
    )
    parser.add_argument(
        "--perceptual",
        choices=("squeezenet", "vgg19", "none"),
        default="squeezenet",
        help="network of the perceptual loss, with random weights (default: squeezenet)",
    )
    parser.add_argument("--world", action="store_true", help="learn from a batch of the built-in world's")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the table here too")
    parser.add_argument(
        "--inference",
        nargs=argparse.REMAINDER,
        metavar="CHECKPOINT",
        help="measure painting, or video models, instead; flags of its own follow (--inference --help)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Measure and print; 0. Raises ValueError for what is not there."""
    if arguments.inference is not None:
        return run_inference(arguments)
    if arguments.model is None:
        raise ValueError(f"bench what? A model: {', '.join(recipes.names())}; or --inference CHECKPOINT")
    runtime, size = Runtime.choose(arguments.device or "auto"), arguments.size or (128, 128)
    preset = models.module(arguments.model).PRESETS[arguments.preset]
    check_size(size, recipes.multiple_of(arguments.model, preset))
    ways = choose_ways(arguments.precisions, arguments.compile, runtime.device, arguments.graphs)
    if runtime.device.type == "cpu":
        keep_freed()
        ways += without_tables(ways, models.module(arguments.model).Model)
    new = maker(
        arguments.model,
        arguments.preset,
        size,
        arguments.batch,
        runtime.device,
        arguments.perceptual,
        arguments.world,
    )
    torch.backends.cudnn.benchmark = True  # as in a run
    measured: dict[Way, Measured] = {}
    for group in grouped(ways, apart=runtime.device.type == "cuda"):
        measured |= measure(group, new, arguments.steps)
    backend = choose_backend(torch.empty(0, device=runtime.device))
    text = (
        f"{arguments.model} {arguments.preset}, {size[0]}x{size[1]}, batch {arguments.batch}, "
        f"{hardware(runtime.device)}, torch {versions()['torch']}, spectral norm: ours is {backend}; "
        f"medians of {arguments.steps} steps\n\n{table(measured, arguments.batch)}\n"
    )
    print(text)
    if arguments.out is not None:
        arguments.out.write_text(text, encoding="utf-8")
    return 0


def run_inference(arguments: argparse.Namespace) -> int:
    """`--inference`, with the flags that came before it."""
    from train.bench import filming
    from train.bench import inference as bench_inference

    parser = Parser("python -m train bench", bench_inference.__doc__)
    bench_inference.add_arguments(parser)
    words = ["--device", arguments.device] if arguments.device else []
    words += ["--size", str(arguments.size[0])] if arguments.size else []
    words += ["--out", str(arguments.out)] if arguments.out else []
    words += ["--model", arguments.model] if arguments.model else []
    given = parser.parse_args([*words, "--inference", *arguments.inference])
    return filming.run(given) if filming.films(given.model, given.inference) else bench_inference.run(given)


def choose_ways(
    wish: str | None, compiled: bool | None, device: torch.device, graphs: bool | None = None
) -> list[Way]:
    """The rows: each precision that is wished, or all; compiled ones only of what is to be compared, and
    graphs of ours. None: both on a GPU.
    """
    allowed = ["fp32", "bf16"]
    if device.type == "cuda":
        allowed = ["fp32", "tf32", "bf16", "fp16"]
    precisions = allowed if wish is None else wish.split(",")
    unknown = [name for name in precisions if name not in allowed]
    if unknown:
        raise ValueError(f"--precisions {wish}: on {device}, there are {', '.join(allowed)}")
    compiled = device.type == "cuda" if compiled is None else compiled
    graphs = device.type == "cuda" if graphs is None else graphs
    ways = []
    for name in precisions:
        ways += [Way(norm, name, False) for norm in NORMS]
        ways += [Way("ours", name, False, True)] if graphs else []
        ways += [Way(norm, name, True) for norm in NORMS[1:]] if compiled else []
        ways += [Way("ours", name, True, True)] if compiled and graphs else []
    return ways


def without_tables(ways: list[Way], model: type) -> list[Way]:
    """Those of `ways` that would use patch tables, without: ours, where they are made for `model`."""
    ours = [way for way in ways if way.norm == "ours" and not (way.compiled or way.graphs)]
    return [dataclasses.replace(way, tables=False) for way in ours] if issubclass(model, Painter) else []


def grouped(ways: list[Way], apart: bool) -> list[list[Way]]:
    """Those that take turns: all, or `apart` by precision and compilation, where memory is dear."""
    if not apart:
        return [ways]
    groups: dict[tuple[str, bool], list[Way]] = {}
    for way in ways:
        groups.setdefault((way.precision, way.compiled), []).append(way)
    return list(groups.values())


def maker(
    name: str,
    preset: str,
    size: tuple[int, int],
    batch: int,
    device: torch.device,
    perceptual: str,
    world: bool = False,
) -> Callable[[Way], Learner]:
    """What makes the learner of a way, all with the same weights and the same batch.

    world: the batch is one of the built-in world's.
    """
    recipe_of, config = recipes.module(name), models.module(name).PRESETS[preset]
    hyper, real = recipe_of.PRESETS[preset], None
    if world:
        data = recipe_of.Recipe.builtin(size, 0, hyper, say)
        config, real = recipe_of.Recipe.configure(config, data), data.batch(range(batch), 0, size).to(device)
    judge = None if perceptual == "none" else teachers.Perceptual(perceptual).to(device)

    def new(way: Way) -> Learner:
        torch.manual_seed(0)
        recipe = recipe_of.Recipe(config, hyper, judge)
        given = fake_batch(recipe, config, batch, size, device) if real is None else real
        return (Ours if way.norm == "ours" else Plain)(way, recipe, given)

    return new


def fake_batch(
    recipe: Recipe[Any, Any], config: Any, count: int, size: tuple[int, int], device: torch.device | str
) -> Any:
    """`count` random samples of the kind from which `recipe` learns, with as many classes as `config` has."""
    options = {"batch": count, "size": size, "device": device}
    known = inspect.signature(recipe.batch.fake).parameters
    classes = vars(config).get("classes")
    return recipe.batch.fake(**options, **({"classes": classes} if classes and "classes" in known else {}))


def channels_last(part: Tensor) -> Tensor:
    """A part of a batch; pictures (B, channels, H, W) with the channels of a pixel side by side."""
    if part.dim() != 4 or not part.is_floating_point():
        return part
    return part.contiguous(memory_format=torch.channels_last)
