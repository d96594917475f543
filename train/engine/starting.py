"""Fine-tuning: a run that begins with a checkpoint's weights, whose classes need not all be the data's."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from cgan import models
from cgan.checkpoint import load_model, locate
from cgan.labels import Palette
from cgan.ranges import GROWN
from train.data import naming
from train.data.finding import Say, listed
from train.data.stored import Stored
from train.engine import state
from train.engine.trainer import Trainer

FIXED = {"classes"}  # fields of a Config that follow from the data

D = TypeVar("D")
Places = dict[str, dict[int, tuple[int, int]]]  # by parameter and dimension: see `class_places`


class Start(NamedTuple):
    """A checkpoint to start from: where it lies, its weights, its classes and the data's."""

    folder: Path
    weights: dict[str, Tensor]
    model: str
    config: Any  # the data's
    theirs: list[str]
    ours: list[str]


def load_start(source: str, config: Any, palette: Palette | None) -> Start:
    """The checkpoint to start from, checked against the data. ValueError where it has nothing to give."""
    checkpoint, model = load_model(locate(source))
    theirs, ours = (it.names if it else [] for it in (checkpoint.palette, palette))
    if bool(theirs) != bool(ours) or (theirs and not {*theirs} & {*ours}):
        told = (", ".join(names) or "none" for names in (theirs, ours))
        raise ValueError("{} was made for other classes than the data's: {}; not {}".format(source, *told))
    fixed = fixed_of(config)
    compared = (fixed.keys() & checkpoint.config) - FIXED  # a model may have more than what it begins with
    shapes = [{key: values[key] for key in compared} for values in (fixed, checkpoint.config)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"{source} was made for other data: its weights have another shape")
    weights: dict[str, Tensor] = dict(model.named_parameters())
    return Start(checkpoint.folder, weights, checkpoint.model, config, theirs, ours)


def fixed_of(config: Any) -> dict[str, Any]:
    """The fields of a Config that decide weights which every checkpoint has: a run can add what is newer."""
    return {
        field.name: vars(config)[field.name]
        for field in dataclasses.fields(config)
        if GROWN not in field.metadata
    }


def left_off(config: Any, usual: Any) -> str:
    """What to say of flags that `usual`, a preset's Config, has and `config`, a checkpoint's, has not."""
    flags = [
        "--" + field.name.replace("_", "-")
        for field in dataclasses.fields(config)
        if GROWN in field.metadata and vars(usual)[field.name] and not vars(config)[field.name]
    ]
    return f"as the checkpoint to start from, without {listed(flags)}, which new runs have" if flags else ""


def named_as(data: D, palette: Palette | None, say: Say) -> D:
    """`data` whose classes are but numbers take the names of a checkpoint's `palette`, if it has as many."""
    if not isinstance(data, Stored) or palette is None or "palette" not in vars(data):
        return data
    own: Palette = vars(data)["palette"]
    if own.names != [f"class {id}" for id in range(len(own))] or len(own) > len(palette):
        return data
    say(f"the data name no classes: their ids are those of the checkpoint, {listed(palette.names)}")
    return dataclasses.replace(data, palette=palette)  # type: ignore[call-arg]  # its kinds that have one


def called(data: D, names: str) -> D:
    """`data` whose classes are but numbers take `names`, "sky,road,…". ValueError where they cannot."""
    if not isinstance(data, Stored) or "palette" not in vars(data):
        raise ValueError("--class-names is for label maps of data that bring no names")
    palette = naming.named(vars(data)["palette"], names)
    return dataclasses.replace(data, palette=palette)  # type: ignore[call-arg]  # its kinds that have one


def begin_with(trainer: Trainer[Any, Any], start: Start, say: Say) -> None:
    """Start with a checkpoint's weights, and with its run's other players if they are still there."""
    saved, folder = trainer.recipe.saved, start.folder
    bank = trainer.banks[saved]
    lacking = bank.start_from(adopted(start, bank.views(bank.master.detach())))
    trainer.average.flat.copy_(bank.effective)
    words = "a fresh discriminator"
    if state.exists(folder / "training") and start.theirs == start.ours:
        tensors, _ = state.read(folder / "training")
        for name, other in trainer.banks.items():
            theirs = state.part(tensors, f"bank.{name}")
            if name != saved and "master" in theirs and theirs["master"].shape == other.master.shape:
                other.start_from_flat(theirs["master"])
                words = "its run's discriminator"
    say(f"starting from {folder} with {words}")
    if lacking:
        parts = sorted({name.split(".")[0] for name in lacking})
        say(f"{len(lacking)} weights are not in it and begin as drawn, in {listed(parts)}")
    if fresh := [name for name in start.ours if name not in start.theirs]:
        say(f"classes that {folder.name} has not learnt start fresh: {listed(fresh)}")
    if gone := [name for name in start.theirs if name not in start.ours]:
        say(f"classes of {folder.name} that the data have not are left out: {listed(gone)}")


def adopted(start: Start, fresh: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights to begin with: the checkpoint's, and `fresh` ones for what belongs to new classes alone."""
    if start.theirs == start.ours:
        return start.weights
    there = {name: place for place, name in enumerate(start.theirs)}
    known = [(there[name], place) for place, name in enumerate(start.ours) if name in there]
    begun = {}
    for name, places in class_places(start.model, start.config).items():
        if name not in start.weights:  # what later versions of a model have more
            continue
        ours, theirs = fresh[name].clone(), start.weights[name].to(fresh[name])
        if not places:
            ours = theirs
        for dimension, (each, others) in places.items():
            rows = [
                torch.tensor([each * pair[side] + i for pair in known for i in range(each)]
                             + list(range(whole - others, whole)), device=ours.device)
                for side, whole in ((0, theirs.shape[dimension]), (1, ours.shape[dimension]))
            ]  # fmt: skip
            ours.index_copy_(dimension, rows[1], theirs.index_select(dimension, rows[0]))
        begun[name] = ours
    return begun


def class_places(name: str, config: Any) -> Places:
    """Which dimensions of a model's parameters count classes: {parameter: {dimension: (each, others)}}.

    Such a dimension has `each` numbers for every class, in the classes' order, and `others` behind them.
    """
    shapes = []
    for more in range(2):
        wider = dataclasses.replace(config, classes=config.classes + more)
        with torch.device("meta"):
            model = models.module(name).Model(wider)
        shapes.append({key: tuple(value.shape) for key, value in model.named_parameters()})
    places: Places = {}
    for key, shape in shapes[0].items():
        each = [wide - narrow for wide, narrow in zip(shapes[1][key], shape, strict=True)]
        places[key] = {
            dimension: (count, shape[dimension] - count * config.classes)
            for dimension, count in enumerate(each)
            if count
        }
    return places
