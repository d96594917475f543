"""One training run, put together: flags -> Config, Hyper, Run -> data, recipe, publisher, trainer."""

import dataclasses
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

import cgan
from cgan import models, threads
from cgan.checkpoint import load_model, locate
from cgan.checkpoint import read as read_checkpoint
from cgan.errors import CganError, DataError
from cgan.files import held, replaced
from cgan.runtime import Runtime
from train import judge as judges
from train import processes as distributed
from train import recipes
from train.data.finding import listed
from train.data.identity import identity
from train.data.naming import numbered_only
from train.data.protocol import Data
from train.data.stored import place
from train.engine import state
from train.engine.memory import check_room, keep_freed
from train.engine.starting import FIXED, begin_with, called, fixed_of, left_off, load_start, named_as
from train.engine.trainer import Trainer
from train.flags.options import add_flags, as_dict, flag, from_flags, show
from train.flags.parsing import Parser, nearest
from train.judge.metrics import Metrics
from train.judge.parts import chosen_by
from train.judge.protocol import Sitting
from train.log import is_first, say
from train.publish.publisher import SAMPLES, Publisher, hardware, versions
from train.recipes import AnyRecipe
from train.recipes._tables import use_tables
from train.run import GROUPS, MAY_DIFFER, PRESETS, Run, check
from train.teachers import networks as teachers

# Options whose folders are nobody's business: cards and configs name the last part only.
LOCAL = ("data", "out", "validation", "perceptual_weights", "metric_weights", "start_from")


def learn(name: str, words: list[str]) -> int:
    """Train model `name`: 0 when the run is complete, 130 when a signal stopped it (all is saved)."""
    preset, config, hyper, run = parse(name, words)
    check(run, recipes.multiple_of(name, config))
    out = out_of(name, run)
    with distributed.processes(Runtime.choose(run.device).device) as device, alone_in(out):
        check_room(name, config, hyper, device)
        if device.type == "cpu":
            threads.settle()
            keep_freed()
        trainer = build(name, preset, config, hyper, run, device)
        note(trainer, name, words)
        done = fit(trainer)
    say(farewell(trainer, done))
    return 0 if done else 130


def note(trainer: Trainer[Any, Any], name: str, words: list[str]) -> None:
    """Leave `training/run.json`, by which programs can show the run and start the same command again."""
    if is_first():
        first = min(trainer.early | {trainer.every})
        facts = {"model": name, "words": words, "images": trainer.run.images, "every": first}
        with replaced(trainer.state_folder / "run.json") as beside:
            beside.write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")


def farewell(trainer: Trainer[Any, Any], done: bool) -> str:
    """What a run says at its end: how far it is, where its samples are, and what to do next."""
    folder = trainer.publisher.folder
    if not done:
        seen = f"stopped after {trainer.images} of {trainer.run.images} images"
        return f"{seen}; the same command goes on from here"
    sheets = sorted((folder / SAMPLES).glob("*.jpg"))
    lines = {
        "samples": sheets[-1] if sheets else "none",
        "page": f"python -m cgan app --checkpoints {folder.parent}",
        "scores": f"python -m train evaluate {folder} --data HELD_BACK",
        "python": f"cgan.load({str(folder)!r})",
    }
    palette = read_checkpoint(folder).palette if trainer.publisher.published else None
    if palette is not None and numbered_only(palette):
        lines["names"] = "classes have but numbers: --class-names sky,road,… or a classes.txt in --data"
    return "\n".join([f"{folder} is ready", *(f"  {word:<8} {what}" for word, what in lines.items())])


def check_data(words: list[str]) -> int:
    """`check MODEL …`: read the data of such a run, say what they are, and start nothing."""
    there, given = recipes.names(), words[0] if words else "MODEL"
    if given not in there:
        raise ValueError(
            f"check {given}{nearest(given, there)}: give one of {', '.join(there)}, and its flags"
        )
    _, config, hyper, run = parse(given, words[1:])
    check(run, recipes.multiple_of(given, config))
    recipe = recipes.module(given).Recipe
    data, validation = read_data(recipe, run, hyper)
    recipe.configure(config, data)
    palette = recipe.palette(data)
    classes = f" · {len(palette)} classes: {listed(palette.names)}" if palette else ""
    say(f"{given} can learn from {counted(data, validation)}{classes}")
    return 0


def counted(data: Data[Any], validation: Data[Any] | None) -> str:
    """How many pictures there are, in words."""
    more = "" if validation is None else f", {len(validation)} more for validation"
    return f"{len(data)} pictures{more}"


def out_of(name: str, run: Run) -> Path:
    """The folder of the checkpoint."""
    return run.out or Path("checkpoints") / f"{name}-{run.data.name if run.data else 'world'}"


@contextmanager
def alone_in(out: Path) -> Iterator[None]:
    """Inside, no other run may save to `out`: ValueError where one does. A crash lets go of it."""
    if distributed.rank() > 0:
        yield
        return
    with held(out / ".lock") as ours:
        if not ours:
            raise ValueError(f"another run is at work in {out}; choose another --out, or wait for its end")
        yield


def fit(trainer: Trainer[Any, Any]) -> bool:
    """Train; a ValueError from inside a step is a fault of ours, which keeps its traceback."""
    try:
        done = trainer.fit()
    except ValueError as error:
        raise RuntimeError(f"a fault inside cgan, not of your making: {error}") from error
    if done and distributed.rank() == 0 and not trainer.publisher.published:
        raise CganError("no evaluation gave finite scores, so there is no checkpoint; the run is saved")
    return done


def parse(name: str, words: list[str]) -> tuple[str, Any, Any, Run]:
    """The preset's name, and Config, Hyper and Run as preset, checkpoint to start and flags make them."""
    command = f"python -m train {name}"
    first = Parser(command, add_help=False)
    first.add_argument("--preset", choices=PRESETS, default=None)
    first.add_argument("--start-from", default=None)
    first.add_argument("--device", default="auto")
    early, _ = first.parse_known_args(words)
    preset = early.preset or ("paper" if Runtime.choose(early.device).device.type == "cuda" else "small")
    model, recipe = models.module(name), recipes.module(name)
    base = model.PRESETS[preset]
    if early.start_from is not None:
        checkpoint, _ = load_model(locate(early.start_from))
        if not issubclass(model.Config, models.module(checkpoint.model).Config):  # nor one that it adds to
            raise ValueError(f"--start-from {early.start_from} is a {checkpoint.model}, not a {name}")
        base = model.Config(**checkpoint.config)
        if checkpoint.model != name:  # it does not say what this model has beside it: the preset does
            base = dataclasses.replace(model.PRESETS[preset], **checkpoint.config)

    parser = Parser(command, usage=f"{command} [--data FOLDER] [--out FOLDER] [flags]")
    parser.add_argument(
        "--preset", choices=PRESETS, default=preset, help="sizes (paper on a GPU, else small)"
    )
    add_flags(parser, Run, Run(**PRESETS[preset]), groups=GROUPS)
    add_flags(parser, recipe.Hyper, recipe.PRESETS[preset])
    add_flags(parser, model.Config, base, without=FIXED)
    arguments = parser.parse_args(words)
    config = from_flags(arguments, model.Config)
    if early.start_from is not None and fixed_of(config) != fixed_of(base):
        raise ValueError(
            "with --start-from, the checkpoint decides the shape of the weights: leave those flags out"
        )
    return preset, config, from_flags(arguments, recipe.Hyper), from_flags(arguments, Run)


def build(
    name: str, preset: str, config: Any, hyper: Any, run: Run, device: torch.device
) -> Trainer[Any, Any]:
    """Everything that a run needs, checked before the first step; a run that was begun is taken up again."""
    recipe_of: AnyRecipe = recipes.module(name).Recipe
    precision = choose_precision(run.precision, device)
    out = out_of(name, run)
    begun = open_folder(out, run.fresh)
    data, validation = read_data(recipe_of, run, hyper)
    if run.start_from is not None:
        named = read_checkpoint(locate(run.start_from)).palette
        data = named_as(data, named, say)
        validation = None if validation is None else named_as(validation, named, say)
    fitted, palette = recipe_of.configure(config, data), recipe_of.palette(data)
    judge = judges.of(recipe_of.kind(fitted))
    about_data = recipe_of.about(data)
    told = about_data | {"shown": "training" if validation is None else "validation"}
    chosen = None if validation is None else chosen_by(where(run), judge.pictures(validation))
    known = identity(data, palette, about_data)
    placed = place(data, device)
    judged = None if validation is None else place(validation, device)
    start = None
    if run.start_from is not None and not begun:
        start = load_start(run.start_from, fitted, palette)
        if lacks := left_off(fitted, models.module(name).PRESETS[preset]):
            say(lacks)
    perceptual = None
    if wants_perceptual(hyper):
        perceptual = teachers.perceptual(run.perceptual, run.perceptual_weights)
    metrics = Metrics(run.perceptual_weights, run.metric_weights, device)
    for line in off(run, hyper, validation, metrics):
        say(line)

    torch.manual_seed(run.seed)
    recipe = recipe_of(fitted, hyper, None if perceptual is None else perceptual.to(device))
    use_tables(recipe, run.tables)
    options = {"config": as_dict(fitted), "hyper": as_dict(hyper), "run": as_dict(run)}
    options["run"]["precision"] = precision
    about = describe(name, preset, fitted, hyper, run, options, device) | told
    about["chosen_by"] = chosen if metrics.available else None
    shown, judged = placed if judged is None else judged, judged if metrics.available else None
    publisher = Publisher(out, judge, Sitting(shown, judged, run.size, metrics, palette), about, say)
    trainer = Trainer(recipe, placed, run, publisher, device, precision, known)
    millions = sum(p.numel() for p in recipe.model.parameters()) / 1e6
    say(
        f"{name} {preset}, {millions:.1f} M weights · {counted(data, validation)} · {hardware(device)} · "
        f"{precision} · spectral norm: ours ({trainer.banks[recipe.saved].spectral.backend}) · {out}"
    )
    if run.fresh:  # only now: nothing is lost to a mistyped option
        forget(out / "training")
    if begun:
        resume(trainer, about["options"], {"config": type(fitted), "hyper": type(hyper), "run": Run})
    elif start is not None:
        begin_with(trainer, start, say)
    return trainer


def wants_perceptual(hyper: Any) -> bool:
    """Whether the recipe has a perceptual loss, and it has a weight."""
    return bool(vars(hyper).get("weight_perceptual"))


def off(run: Run, hyper: Any, validation: Data[Any] | None, metrics: Metrics) -> list[str]:
    """What this run goes without, and which flag brings it: said once, before the start."""
    lines = []
    if wants_perceptual(hyper) and run.perceptual == "none":
        lines.append("perceptual loss: off (--perceptual none); --perceptual auto turns it on")
    if validation is None:
        lines.append("scores: off (--validation none), so the last weights are kept, not the best")
    elif not metrics.available:
        lines.append("scores: off, as no network for them is here; the last weights are kept, not the best")
    return lines


def choose_precision(wish: str, device: torch.device) -> str:
    """What --precision means here; ValueError where the device cannot do it."""
    if wish == "fp64":
        return wish
    return Runtime.choose(device, wish).precision


def read_data(recipe: AnyRecipe, run: Run, hyper: Any) -> tuple[Data[Any], Data[Any] | None]:
    """(training data, validation data or None), as --data, --validation and --class-names say."""
    data, validation = parts_of(recipe, run, hyper)
    if not run.class_names:
        return data, validation
    return called(data, run.class_names), None if validation is None else called(validation, run.class_names)


def parts_of(recipe: AnyRecipe, run: Run, hyper: Any) -> tuple[Data[Any], Data[Any] | None]:
    """(training data, validation data or None), as they are read."""
    if run.data is None:
        data = recipe.builtin(run.size, run.seed, hyper, say)
    else:
        data = recipe.read(run.data, run.size, hyper, say)
    if run.validation == "none":
        return data, None
    if Path(run.validation).is_dir():
        as_it_is = {"held_out": "", "drift": 0.0}  # of a folder of its own
        known = {name: value for name, value in as_it_is.items() if name in vars(hyper)}
        hyper = dataclasses.replace(hyper, **known)
        validation = recipe.read(Path(run.validation), run.size, hyper, say)
        if recipe.palette(validation) != recipe.palette(data):
            raise DataError(f"{run.validation} has other classes than {run.data}")
        ours, theirs = (recipe.about(part).get("domains") for part in (data, validation))
        if ours != theirs:
            raise DataError(
                f"{run.validation} has the domains {' and '.join(theirs or ['none'])}, "
                f"{run.data} {' and '.join(ours or ['none'])}"
            )
        return data, validation
    try:
        share = float(run.validation)
    except ValueError:
        raise ValueError(
            f"--validation {run.validation}: neither a folder nor a share such as 0.05, nor none"
        ) from None
    return data.split(share, run.seed)


def where(run: Run) -> str:
    """Where the validation data come from, in words."""
    if Path(run.validation).is_dir():
        return Path(run.validation).resolve().name
    return "worlds that no run learns from" if run.data is None else "set aside from the training data"


def open_folder(out: Path, fresh: bool) -> bool:
    """Make sure that `out` can be written; True if a run was begun there that goes on."""
    training = out / "training"
    training.mkdir(parents=True, exist_ok=True)
    probe = training / f"probe-{os.getpid()}"  # each process its own
    probe.write_bytes(b"")
    probe.unlink()
    if (out / "model.safetensors").exists() and not fresh and not state.exists(training):
        raise ValueError(
            f"{out} holds a checkpoint but no run to go on with; choose another --out, or give --fresh"
        )
    return state.exists(training) and not fresh


def forget(training: Path) -> None:
    """Delete the run in a folder."""
    if distributed.rank() == 0:
        shutil.rmtree(training)
        training.mkdir()
    distributed.wait()


def resume(
    trainer: Trainer[Any, Any], options: dict[str, dict[str, Any]], kinds: dict[str, type[Any]]
) -> None:
    """Go on with the run in the folder, if it was begun with the same options.

    kinds: of which class each group of options is; what is younger than the run had its default.
    """
    tensors, facts = state.read(trainer.state_folder)  # other options may make other shapes
    for group, ours in options.items():
        theirs = as_dict(kinds[group]()) | facts["options"][group]
        other = [key for key in ours if key not in MAY_DIFFER and ours[key] != theirs.get(key)]
        if other:
            words = ", ".join(
                f"{flag(key)} {show(theirs.get(key))} there, {show(ours[key])} now" for key in other
            )
            raise ValueError(
                f"the run in {trainer.publisher.folder} has other options ({words}); "
                "use the same, another --out, or --fresh to start anew"
            )
    try:
        trainer.identity.compare(facts.get("meaning"), state.part(tensors, "marks"), say)
    except ValueError as error:
        raise ValueError(
            f"{error}; use the data of before, --start-from {trainer.publisher.folder} with another --out, "
            "or --fresh to start anew"
        ) from error
    trainer.load()
    say(f"going on after {trainer.images} images")


def as_typed(key: str, value: Any) -> str:
    """A flag and its value, for the record."""
    if isinstance(value, bool):
        return flag(key) if value else flag(f"no_{key}")
    return f"{flag(key)} {Path(value).name if key in LOCAL and value is not None else show(value)}"


def without_paths(options: dict[str, Any]) -> dict[str, Any]:
    """The options of a run, as JSON holds them; of folders and files the names only."""
    return {
        key: Path(value).name if key in LOCAL and value is not None else value
        for key, value in options.items()
    }


def describe(
    name: str,
    preset: str,
    config: Any,
    hyper: Any,
    run: Run,
    options: dict[str, dict[str, Any]],
    device: torch.device,
) -> dict[str, Any]:
    """The checkpoint's `about`, but for what training adds; it tells `options` without paths."""
    usual = {
        **vars(models.module(name).PRESETS[preset]),
        **vars(recipes.module(name).PRESETS[preset]),
        **vars(Run(**PRESETS[preset])),
    }
    untold = FIXED | {"licence", "attribution", "data_name", "fresh"}
    given = [
        as_typed(key, value)
        for part in (run, config, hyper)
        for key, value in vars(part).items()
        if value != usual[key] and key not in untold and (run.start_from is None or part is not config)
    ]
    return {
        "data": run.data_name or (run.data.name if run.data else "the built-in world"),
        "licence": run.licence,
        "attribution": run.attribution,
        "command": " ".join([f"python -m train {name} --preset {preset}", *given]),
        "preset": preset,
        "size": list(run.size),
        "hardware": hardware(device),
        "versions": {"cgan": cgan.__version__, **versions()},
        "options": options | {"run": without_paths(options["run"])},
    }
