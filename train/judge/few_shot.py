"""How good a few-shot translator is: on classes not seen in training, with 1, 2, 5 and 10 style pictures.

The pictures of each unseen class are halved: one half gives styles, the other is what translations are
compared with, so that no translation is measured against its own style. The same contents, pictures of other
classes, are translated to each class. "Right class" is the share of translations whose features are nearest
to the mean of the class wanted, among the means of all classes of the folder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cgan.errors import DataError
from cgan.tasks import Translator
from train.data.few_shot import FewShotData
from train.judge import sheet
from train.judge.metrics import FRECHET_RESAMPLES, Row, frechet, interval, mean_scores, set_scores
from train.judge.translator import Examination, Grid, Pictures, Section, spread, whole
from train.log import say

SHOTS = (1, 2, 5, 10)  # style pictures for a translation
PER_CLASS = 40  # contents that are translated to each class, as long as all are at most Examination.most
ENOUGH = 50  # pictures of each class from which on Fréchet distances are taken class by class
DIVERSE = 30  # contents whose translations to all classes are compared
SHOWN_STYLES = 3  # style pictures in a sample


@dataclass(frozen=True)
class Target:
    """An unseen class: its number and name in the data, and the rows there of its two halves."""

    number: int
    name: str
    styles: np.ndarray
    references: np.ndarray


@dataclass(frozen=True)
class Contents:
    """Pictures to translate, and the number of the target that each is of, -1 for all other classes."""

    pictures: Pictures
    numbers: np.ndarray


@dataclass(frozen=True)
class Trial:
    """Translations of contents to targets: `targets` and `contents` (N,) are their places in the lists."""

    outputs: Pictures
    targets: np.ndarray
    contents: np.ndarray


def few_shot(
    translator: Translator, data: FewShotData, training: FewShotData | None, examination: Examination
) -> Section:
    """The table: a row for each number of style pictures, the contents themselves, the real pictures."""
    targets, pictures = targets_of(translator, data), whole(data.images, data.size)
    contents = contents_of(targets, data, training, examination)
    title = f"{len(targets)} classes not seen in training, {len(contents.pictures)} contents"
    judge = Judge(data, pictures, targets, examination)
    rows: dict[str, Row] = {}

    def translate(content: np.ndarray, styles: list[np.ndarray]) -> np.ndarray:
        return translator.translate(content, style=styles)[0]

    for shots in SHOTS:
        if shots > min(len(target.styles) for target in targets):
            say(f"some classes have fewer than {shots} pictures for styles: no row for {shots}")
            break
        name = f"{shots} style picture{'s' if shots > 1 else ''}"
        say(f"measuring: {name}")
        rows[name] = judge.row(trial(translate, pictures, targets, contents, shots, examination), contents)
    copies = trial(lambda content, styles: content, pictures, targets, contents, 1, examination)
    rows["the contents themselves"] = judge.row(copies, contents, diverse=False)
    rows["real pictures of the classes"] = judge.real_row()
    return Section(title, rows, judge.note)


def targets_of(translator: Translator, data: FewShotData) -> list[Target]:
    """The unseen classes of the data: those held out by name, or else those that the checkpoint has not seen.

    DataError where there are none, or none with four pictures.
    """
    about = translator.checkpoint.about
    named, seen = about.get("held_out") or [], about.get("classes") or []
    names = [name for name in data.class_names if name in named]
    names = names or [name for name in data.class_names if name not in seen]
    found = []
    for name in names:
        number = data.class_names.index(name)
        own = np.flatnonzero((data.classes == number).cpu().numpy())
        if len(own) < 4:
            say(f"{name} has {len(own)} pictures; 4 are needed: left out")
            continue
        found.append(Target(number, name, own[::2], own[1::2]))
    if not found:
        raise DataError(
            f"the data have no class that {translator.checkpoint.name} has not seen; its classes are "
            f"{', '.join(seen)}"
        )
    return found


def contents_of(
    targets: list[Target], data: FewShotData, training: FewShotData | None, examination: Examination
) -> Contents:
    """Pictures of no target class, evenly spread: of the training pictures where they are given.

    Where all classes are targets the contents are of them, and are not translated to their own.
    """
    source = data if training is None else training
    number_of = {target.name: target.number for target in targets}
    numbers = torch.tensor([number_of.get(name, -1) for name in source.class_names])[source.classes.cpu()]
    rows = torch.arange(len(source))[numbers < 0]
    rows = rows if len(rows) else torch.arange(len(source))
    rows = rows[sheet.evenly(len(rows), max(2, min(PER_CLASS, examination.most // len(targets))))]
    return Contents(whole(source.images[rows.to(source.images.device)], source.size), numbers[rows].numpy())


def trial(
    translate: Callable[[np.ndarray, list[np.ndarray]], np.ndarray],
    pictures: Pictures,
    targets: list[Target],
    contents: Contents,
    shots: int,
    examination: Examination,
) -> Trial:
    """Each content translated to each class, each time by `shots` of its style pictures, drawn by chance."""
    random, outputs, places = examination.random(), [], []
    for i, target in enumerate(targets):
        for j, content in enumerate(contents.pictures):
            if contents.numbers[j] == target.number:
                continue
            chosen = random.choice(target.styles, shots, replace=False)
            outputs.append(translate(content, list(pictures[chosen])))
            places.append((i, j))
    order = np.array(places)
    return Trial(np.stack(outputs), order[:, 0], order[:, 1])


class Judge:
    """Measures trials against the real pictures of the classes.

    note: whether Fréchet distances are means over the classes or of all of them together.
    """

    def __init__(
        self, data: FewShotData, pictures: Pictures, targets: list[Target], examination: Examination
    ):
        self.pictures, self.targets, self.examination = pictures, targets, examination
        features, classes = examination.real(pictures), data.classes.cpu()
        self.real = [features[target.references] for target in targets]
        self.styles = [features[target.styles] for target in targets]
        self.numbers = torch.tensor([target.number for target in targets])
        own = {target.number: part for target, part in zip(targets, self.styles, strict=True)}
        self.present = classes.unique()
        self.means = torch.stack([own.get(n, features[classes == n]).mean(0) for n in self.present.tolist()])
        self.by_class = min(len(target.references) for target in targets) >= ENOUGH
        self.note = (
            f"{'Means over the classes' if self.by_class else 'All classes together'} for the Fréchet "
            "distance; all together for KID, precision, recall, density and coverage. Right class: nearest "
            f"mean of features among {len(self.present)} classes; chance is {1 / len(self.present):.2f}."
        )

    def row(self, trial: Trial, contents: Contents, diverse: bool = True) -> Row:
        """All scores of a trial."""
        features = self.examination.embed(trial.outputs)
        scores = self._sets([features[trial.targets == i] for i in range(len(self.targets))], self.real)
        scores |= self._right(features, self.numbers[torch.from_numpy(trial.targets)])
        scores |= self.examination.kept(contents.pictures[trial.contents], trial.outputs)
        shown = sheet.evenly(len(contents.pictures), DIVERSE).tolist()
        groups = [trial.outputs[trial.contents == j] for j in shown] if diverse else []
        return scores | self.examination.diversity(groups)

    def real_row(self) -> Row:
        """What a perfect model would get: one half of each class against the other."""
        scores = self._sets(self.styles, self.real)
        counts = torch.tensor([len(part) for part in self.real])
        scores |= self._right(torch.cat(self.real), self.numbers.repeat_interleave(counts))
        random = self.examination.random()
        rows = [[random.choice(target.references) for target in self.targets] for _ in range(DIVERSE)]
        return scores | self.examination.diversity([self.pictures[row] for row in rows])

    def _right(self, features: Tensor, wanted: Tensor) -> Row:
        """The share of `features` (N, F) whose nearest class mean is the one `wanted` (N,)."""
        nearest = self.present[torch.cdist(features, self.means).argmin(1)]
        return mean_scores("right", (nearest == wanted).float())

    def _sets(self, fake: list[Tensor], real: list[Tensor]) -> Row:
        """The scores of sets, class by class or all together."""
        scores = set_scores(torch.cat(fake), torch.cat(real))
        if not self.by_class:
            return scores

        def mean(parts: list[Tensor]) -> float:
            return float(np.mean([frechet(a, b) for a, b in zip(parts, real, strict=True)]))

        count, value = min(map(len, fake)), mean(fake)
        around = interval(lambda drawn: mean([part[drawn] for part in fake]), count, value, FRECHET_RESAMPLES)
        return scores | {"frechet": value, "frechet_interval": around}


def samples(
    translator: Translator,
    data: FewShotData,
    training: FewShotData | None,
    count: int,
    examination: Examination,
    outputs_only: bool,
) -> Grid:
    """Cells of style pictures, content and result, for `count` contents spread evenly, class after class."""
    targets, pictures = targets_of(translator, data), whole(data.images, data.size)
    contents, cells = contents_of(targets, data, training, examination), []
    for place, j in enumerate(sheet.evenly(len(contents.pictures), count).tolist()):
        others = [target for target in targets if target.number != contents.numbers[j]]
        target = others[place % len(others)]
        styles = list(spread(pictures[target.styles], SHOWN_STYLES))
        output = translator.translate(contents.pictures[j], style=styles)[0]
        cells.append([output] if outputs_only else [*styles, contents.pictures[j], output])
    return cells
