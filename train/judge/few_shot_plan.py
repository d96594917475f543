"""Which translations of a few-shot translator are judged, by which pictures: see `train.judge.few_shot`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgan.errors import DataError
from cgan.tasks import Translator
from train.data import folders
from train.data.few_shot import FewShotData
from train.judge import sheet
from train.judge.examination import Examination, whole
from train.judge.sheet import Pictures

SAME = 8  # contents with pairs: the pictures of all classes that show the same are looked at for each
PER_CLASS = 40  # contents that are translated to each class, as long as all are at most Examination.most
LEAST = 4  # pictures of a class that can be judged

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Target:
    """An unseen class: its number and name in the data, and the rows there of its two halves."""

    number: int
    name: str
    styles: Places
    references: Places


@dataclass(frozen=True)
class Contents:
    """Pictures to translate, the number of the target class that each is of, -1 for all others, and, with
    pairs, the number in the data of what each shows.
    """

    pictures: Pictures
    classes: Places
    shown: Places | None = None


@dataclass(frozen=True)
class Plan:
    """Which contents are translated to which targets, by which style pictures: for N translations, places in
    the lists of `targets` (N,) and `contents` (N,), and rows of the data, `styles` (N, shots).
    """

    targets: Places
    contents: Places
    styles: Places


def targets_of(translator: Translator, data: FewShotData) -> tuple[list[Target], str]:
    """(the classes to judge, a sentence that says which and why).

    A class that was learnt is never judged. One that was held out has chosen the weights: it is judged only
    where the data have no class that is wholly new. DataError where there is nothing to judge.
    """
    about = translator.checkpoint.about
    learnt, chose = ([name for name in data.class_names if name in (about.get(key) or [])]
                     for key in ("classes", "held_out"))  # fmt: skip
    held_out = [name for name in chose if name not in learnt]
    new = [name for name in data.class_names if name not in learnt and name not in held_out]
    found, small = [], []
    for name in new or held_out:
        number = data.class_names.index(name)
        own = np.flatnonzero((data.classes == number).cpu().numpy())
        if len(own) < LEAST:
            small.append(name)
            continue
        found.append(Target(number, name, own[::2], own[1::2]))
    if not found:
        raise DataError(
            f"the data have no class that {translator.checkpoint.name} has not seen, with {LEAST} pictures "
            f"or more; its classes are {', '.join(about.get('classes') or [])}"
        )
    which = "that neither taught nor chose the weights"
    if not new:
        which = "held out of training, by which the weights may have been chosen"
    words = [f"Judged: {len(found)} of {len(data.class_names)} classes, those {which}."]
    left_out = {"learnt": learnt, "a class of that name was held out": held_out if new else []}
    left_out[f"fewer than {LEAST} pictures"] = small
    words += [f"Left out ({why}): {folders.listed(names)}." for why, names in left_out.items() if names]
    return found, " ".join(words)


def contents_of(
    targets: list[Target], data: FewShotData, training: FewShotData | None, examination: Examination
) -> Contents:
    """Pictures of no target class, evenly spread: of the training pictures where they are given.

    Where all classes are targets the contents are of them, and are not translated to their own. With pairs
    they show what no style picture of a target shows: else a style could be copied.
    """
    source = data if training is None else training
    number_of = {target.name: target.number for target in targets}
    classes = torch.tensor([number_of.get(name, -1) for name in source.class_names])[source.classes.cpu()]
    shown = shown_in(data, source)
    rows = torch.arange(len(source))
    if shown is not None:
        rows = rows[torch.isin(shown, never_styles(targets, data))]
    rows = rows[classes[rows] < 0] if (classes[rows] < 0).any() else rows
    if not len(rows):
        raise DataError(
            "the data show nothing beside what the style pictures show: there is nothing to judge"
        )
    most = PER_CLASS if shown is None else SAME
    count = max(2, min(most, examination.most // len(targets)))
    rows = rows[sheet.evenly(len(rows), count)]
    pictures = whole(source.images[rows.to(source.images.device)], source.size)
    return Contents(pictures, classes[rows].numpy(), None if shown is None else shown[rows].numpy())


def shown_in(data: FewShotData, source: FewShotData) -> Tensor | None:
    """The number in `data` of what each picture of `source` shows, -1 for what `data` do not: int64 (N,)."""
    if data.shown is None or source.shown is None:
        return None
    number_of = {name: number for number, name in enumerate(data.shown_names)}
    return torch.tensor([number_of.get(name, -1) for name in source.shown_names])[source.shown.cpu()]


def never_styles(targets: list[Target], data: FewShotData) -> Tensor:
    """The numbers of what targets' references show and none of their style pictures does: int64 (n,)."""
    if data.shown is None:
        raise ValueError("nobody knows what these pictures show")
    shown = data.shown.cpu()
    asked, styles = (
        torch.cat([shown[torch.from_numpy(half)] for half in halves])
        for halves in zip(*((target.references, target.styles) for target in targets), strict=True)
    )
    asked = asked.unique()
    return asked[~torch.isin(asked, styles)]


def fewer(targets: list[Target], data: FewShotData, contents: Contents) -> tuple[list[Target], Places]:
    """(the targets with the pictures that translations are compared with, the data's rows that are of use).

    With pairs these are the pictures that show what the contents show, and as many style pictures: to look at
    a picture takes longer than to make one.
    """
    if data.shown is None or contents.shown is None:
        return targets, np.arange(len(data))
    of_use = np.isin(data.shown.cpu().numpy(), contents.shown)
    compared = []
    for target in targets:
        references = target.references[of_use[target.references]]
        styles = target.styles[sheet.evenly(len(target.styles), len(references)).numpy()]
        compared.append(replace(target, references=references, styles=styles))
        of_use[styles] = True
    return compared, np.flatnonzero(of_use)


def planned(targets: list[Target], contents: Contents, shots: int, examination: Examination) -> Plan:
    """Each content translated to each class, each time by `shots` of its style pictures, drawn by chance."""
    random, places, styles = examination.random(), [], []
    for i, target in enumerate(targets):
        for j, own in enumerate(contents.classes):
            if own != target.number:
                places.append((i, j))
                styles.append(random.choice(target.styles, shots, replace=False))
    order = np.array(places)
    return Plan(order[:, 0], order[:, 1], np.stack(styles))
