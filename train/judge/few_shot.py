"""How good a few-shot translator is: on classes not seen in training, with 1, 2, 5 and 10 style pictures.

The pictures of each unseen class are halved: one half gives styles, the other is what translations are
compared with, so that no translation is measured against its own style. The same contents, pictures of other
classes, are translated to each class. "Right class" is the share of translations whose features are nearest
to the class wanted: among the means of all classes of the folder, or, of checkpoints that learnt by pairs,
among the pictures of all classes that show the same (an A among the A's of all typefaces), there also by
pixels: features of photographs hear the noise of a line rather than its shape.

Each picture is encoded once, for all trials, and translations are made in batches; LPIPS looks at each once.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cgan.errors import DataError
from cgan.pictures import to_pictures
from cgan.tasks import Translator
from train.data.batches import FewShot
from train.data.few_shot import FewShotData, read_few_shot
from train.judge import learning, protocol, sheet
from train.judge.examination import Examination, Summary, as_images, spread, whole
from train.judge.few_shot_plan import (
    Contents,
    Places,
    Plan,
    Target,
    contents_of,
    fewer,
    planned,
    targets_of,
)
from train.judge.grid import grid_score
from train.judge.metrics import (
    BATCH,
    FRECHET_RESAMPLES,
    Row,
    frechet,
    frechet_of_rows,
    interval,
    mean_of_pairs,
    mean_scores,
    set_scores,
)
from train.judge.protocol import About, Model, Section, Sheets, Sitting
from train.judge.sheet import Cells, Pictures
from train.log import say

SHOTS = (1, 2, 5, 10)  # style pictures for a translation
ENOUGH = 50  # pictures of each class from which on Fréchet distances are taken class by class
DIVERSE = 30  # contents whose translations to all classes are compared
SHOWN_STYLES = 3  # style pictures in a sample


class Judge(protocol.Judge[FewShotData, Translator, FewShot]):
    """Judges translators to classes of which a few pictures are shown."""

    batch: ClassVar[type] = FewShot
    scored: ClassVar[str] = "pictures, translated"

    def sheets(self, model: Model, sitting: Sitting[FewShot]) -> Sheets:
        """Rows of a picture, a style picture and the translation."""
        batch = learning.shown(sitting)
        translated = learning.translate(model, batch.contents, "ab", style_image=batch.styles)
        columns = {"picture": batch.contents, "style": batch.styles, "translated": translated}
        return learning.sheets_of(columns, 3)

    def scores(self, model: Model, sitting: Sitting[FewShot]) -> dict[str, float]:
        """How far translations are from their targets, where they are known: LPIPS.

        Else how far those into a class are from its real pictures, mean features each, over all classes.
        In units of the distance at which the classes lie from the middle of all pictures: 0 for translations
        that cannot be told from the classes, 1 for real pictures of any class, more for what looks like none.
        A single class is far from nothing: then there is no score. It is no Fréchet distance, as copying the
        input would give the best: contents are of the same classes as targets.
        """
        if known := missed(model, sitting):
            return {"lpips": torch.cat(known).mean().item()}
        if not learning.can_compare(sitting):
            return {}
        parts = []
        for _, batch in learning.batches(sitting):
            translated = learning.translate(model, batch.contents, "ab", style_image=batch.styles)
            sides = [learning.features_of(sitting.metrics, image) for image in (translated, batch.styles)]
            parts.append((*sides, batch.style_classes.cpu()))
        fake, real, classes = (torch.cat(part) for part in zip(*parts, strict=True))
        if len(classes.unique()) < 2:
            return {}
        means = torch.stack(
            [torch.stack([x[classes == each].mean(0) for x in (fake, real)]) for each in classes.unique()]
        )
        apart = (means[:, 0] - means[:, 1]).square().sum(1).mean()
        around = (means[:, 1] - real.mean(0)).square().sum(1).mean()
        return {"class_distance": (apart / around.clamp(min=1e-12)).sqrt().item()}

    def read(self, folder: Path, task: Translator) -> FewShotData:
        """A folder with a folder of pictures for each class."""
        return read_few_shot(folder, task.size, say=say, pairs="contents" in task.checkpoint.about)

    def pictures(self, data: FewShotData) -> list[Tensor]:
        """Those of all classes."""
        return [data.images]

    def sections(
        self, task: Translator, data: FewShotData, training: FewShotData | None, examination: Examination
    ) -> list[Section]:
        """A row for each number of style pictures, the contents themselves, the real pictures."""
        targets, words = targets_of(task, data)
        say(words)
        pictures = whole(data.images, data.size)
        contents = contents_of(targets, data, training, examination)
        title = f"{len(targets)} classes not seen in training, {len(contents.pictures)} contents"
        compared, rows_of_use = fewer(targets, data, contents)
        table, codes = Table(data, pictures, compared, rows_of_use, examination), encoded(task, pictures)
        rows: dict[str, Row] = {}
        for shots in SHOTS:
            if shots > min(len(target.styles) for target in targets):
                say(f"some classes have fewer than {shots} pictures for styles: no row for {shots}")
                break
            name = f"{shots} style picture{'s' if shots > 1 else ''}"
            say(f"measuring: {name}")
            plan = planned(targets, contents, shots, examination)
            outputs = translated(task, contents, plan, codes)
            rows[name] = table.row(outputs, plan, contents, examination.generated(outputs))
        plan = planned(targets, contents, 1, examination)
        copies = examination.generated(contents.pictures).rows(plan.contents)
        rows["the contents themselves"] = table.row(
            contents.pictures[plan.contents], plan, contents, copies, diverse=False
        )
        rows["real pictures of the classes"] = table.real_row()
        return [Section(title, rows, f"{words} {table.note}")]

    def cells(
        self,
        task: Translator,
        data: FewShotData,
        training: FewShotData | None,
        examination: Examination,
        most: int,
        outputs_only: bool,
    ) -> Cells:
        """Style pictures, content and result, for contents spread evenly, class after class."""
        (targets, _), pictures = targets_of(task, data), whole(data.images, data.size)
        contents, cells = contents_of(targets, data, training, examination), []
        for place, j in enumerate(sheet.evenly(len(contents.pictures), most).tolist()):
            others = [target for target in targets if target.number != contents.classes[j]]
            target = others[place % len(others)]
            styles = list(spread(pictures[target.styles], SHOWN_STYLES))
            output = task.translate(contents.pictures[j], style=styles)[0]
            beside = [*(("style", style) for style in styles), ("picture", contents.pictures[j])]
            cells.append([*([] if outputs_only else beside), ("translated", output)])
        return cells

    def usage(self, name: str, model: Model) -> str:
        """A picture goes in, and pictures of a class."""
        return learning.usage(name, "(picture, style=[one, another])")

    def caption(self, model: Model, about: About) -> str:
        """A picture, a style picture, the translation."""
        of = "a class held out" if about.get("held_out") else "the class wanted"
        return f"From left to right: a picture, a style picture of {of}, the translation."


def missed(model: Model, sitting: Sitting[FewShot]) -> list[Tensor]:
    """LPIPS between translations and their targets, (n,) for each batch; none where they are not known."""
    found: list[Tensor] = []
    for _, batch in learning.batches(sitting):
        if batch.targets is None or batch.known is None:
            return []
        translated = learning.translate(model, batch.contents, "ab", style_image=batch.styles)
        apart = sitting.metrics.distances(translated, batch.targets.float())
        if apart is None:
            return []
        found.append(apart[batch.known.cpu() > 0])
    return found if sum(map(len, found)) else []


@torch.no_grad()
def encoded(translator: Translator, pictures: Pictures) -> Tensor:
    """The style code of each picture, uint8 (N, H, W, 3) of the translator's size -> (N, style)."""
    model: Model = translator.model
    device = translator.runtime.device
    with translator.runtime.autocast():
        parts = [
            model.encode(as_images(pictures[start : start + BATCH]).to(device), "ab").float()
            for start in range(0, len(pictures), BATCH)
        ]
    return torch.cat(parts)


@torch.no_grad()
def translated(translator: Translator, contents: Contents, plan: Plan, codes: Tensor) -> Pictures:
    """The translations of a plan by the codes (M, style) of the data's pictures: uint8 (N, H, W, 3).

    They are what `translator.translate` gives for one content after another.
    """
    model: Model = translator.model
    device = translator.runtime.device
    height, width = contents.pictures.shape[1:3]
    images, step = as_images(contents.pictures), model.multiple
    below, right = (max(-side % step, 4 * step - side) for side in (height, width))  # as the translator adds
    images = F.pad(images, (0, right, 0, below), mode="replicate")
    outputs = []
    with translator.runtime.autocast():
        kept = torch.cat([model.content(part.to(device), "ab") for part in images.split(BATCH)])
        for start in range(0, len(plan.contents), BATCH):
            rows = slice(start, start + BATCH)
            styles = codes[torch.from_numpy(plan.styles[rows]).to(device)].mean(1)
            content = kept[torch.from_numpy(plan.contents[rows]).to(device)]
            outputs.append(to_pictures(model.decode(content, styles, "ab").float()[:, :, :height, :width]))
    return np.concatenate(outputs)


class Table:
    """Measures translations against the real pictures of the classes, at these `rows` of the data.

    note: whether Fréchet distances are means over the classes or of all of them together.
    """

    def __init__(
        self,
        data: FewShotData,
        pictures: Pictures,
        targets: list[Target],
        rows: Places,
        examination: Examination,
    ):
        self.pictures, self.targets, self.examination = pictures, targets, examination
        every, classes = examination.real(pictures[rows]), data.classes.cpu()[torch.from_numpy(rows)]
        self.real = [every.rows(np.searchsorted(rows, target.references)) for target in targets]
        self.styles = [every.rows(np.searchsorted(rows, target.styles)) for target in targets]
        self.numbers = torch.tensor([target.number for target in targets])
        features = _features(every)
        own = {target.number: _features(part) for target, part in zip(targets, self.styles, strict=True)}
        self.present = classes.unique()
        self.means = torch.stack([own.get(n, features[classes == n]).mean(0) for n in self.present.tolist()])
        self.features, self.classes = features, classes
        self.shown = None if data.shown is None else data.shown.cpu()[torch.from_numpy(rows)]
        self.soft = soft(pictures[rows]) if data.shown is not None else features
        self.by_class = min(len(target.references) for target in targets) >= ENOUGH
        self.note = (
            f"{'Means over the classes' if self.by_class else 'All classes together'} for the Fréchet "
            "distance; all together for KID, precision, recall, density, coverage and grid. Right class: "
            f"{'nearest mean of features' if self.shown is None else 'nearest picture of the same content'} "
            f"among {len(self.present)} classes; chance is {1 / len(self.present):.3f}."
        )

    def row(
        self, outputs: Pictures, plan: Plan, contents: Contents, summary: Summary, diverse: bool = True
    ) -> Row:
        """All scores of the translations that a plan gave, uint8 (N, H, W, 3), and their summary."""
        places = [np.flatnonzero(plan.targets == i) for i in range(len(self.targets))]
        scores = self._sets([summary.rows(rows) for rows in places], self.real)
        features, wanted = _features(summary), self.numbers[torch.from_numpy(plan.targets)]
        if self.shown is None or contents.shown is None:
            scores |= self._right(features, wanted)
        else:
            other = torch.from_numpy(contents.shown[plan.contents])[:, None] != self.shown
            far = torch.cdist(features, self.features), torch.cdist(soft(outputs), self.soft, p=1)
            scores |= self._nearest("right", far[0].masked_fill(other, torch.inf), wanted)
            scores |= self._nearest("right_pixels", far[1].masked_fill(other, torch.inf), wanted)
        return scores | self._apart(outputs, plan, contents, diverse)

    def real_row(self) -> Row:
        """What a perfect model would get: one half of each class against the other."""
        scores = self._sets(self.styles, self.real)
        features = [_features(part) for part in self.real]
        counts = torch.tensor([len(part) for part in features])
        if self.shown is None:
            scores |= self._right(torch.cat(features), self.numbers.repeat_interleave(counts))
        random = self.examination.random()
        rows = [[random.choice(target.references) for target in self.targets] for _ in range(DIVERSE)]
        return scores | self.examination.diversity([self.pictures[row] for row in rows])

    def _apart(self, outputs: Pictures, plan: Plan, contents: Contents, diverse: bool) -> Row:
        """LPIPS between contents and translations, and between the translations of each content."""
        shown = set(sheet.evenly(len(contents.pictures), DIVERSE).tolist()) if diverse else set()
        kept, groups = torch.zeros(len(outputs)), []
        for j in np.unique(plan.contents).tolist():
            rows = np.flatnonzero(plan.contents == j)
            group = np.concatenate([contents.pictures[j : j + 1], outputs[rows]])
            distances = self.examination.metrics.all_distances(as_images(group))
            if distances is None:
                return {}
            kept[rows] = distances[0, 1:]
            if j in shown and len(rows) > 1:
                groups.append(mean_of_pairs(distances[1:, 1:]))
        return mean_scores("kept", kept) | mean_scores("diversity", torch.tensor(groups))

    def _right(self, features: Tensor, wanted: Tensor) -> Row:
        """The share of `features` (N, F) whose nearest class mean is the one `wanted` (N,)."""
        nearest = self.present[torch.cdist(features, self.means).argmin(1)]
        return mean_scores("right", (nearest == wanted).float())

    def _nearest(self, name: str, far: Tensor, wanted: Tensor) -> Row:
        """The share of pictures to which a real one of the class `wanted` (N,) is nearest: `far` (N, M)."""
        return mean_scores(name, (self.classes[far.argmin(1)] == wanted).float())

    def _sets(self, fake: list[Summary], real: list[Summary]) -> Row:
        """The scores of sets, class by class or all together."""
        fakes, reals = ([_features(part) for part in side] for side in (fake, real))
        power = [torch.cat([part.spectra.power for part in side]) for side in (fake, real)]
        lines = grid_score(*(replace(fake[0].spectra, power=part) for part in power))
        scores = set_scores(torch.cat(fakes), torch.cat(reals)) | lines
        if not self.by_class:
            return scores
        count = min(map(len, fakes))
        value = float(np.mean([frechet(a, b) for a, b in zip(fakes, reals, strict=True)]))
        of_rows = [frechet_of_rows(a, b) for a, b in zip(fakes, reals, strict=True)]
        around = interval(
            lambda drawn: float(np.mean([of(drawn) for of in of_rows])), count, value, FRECHET_RESAMPLES
        )
        return scores | {"frechet": value, "frechet_interval": around}


def soft(pictures: Pictures) -> Tensor:
    """Grey pictures, blurred by a pixel, by whose shapes letters are compared: (N, H, W, 3) -> (N, H * W)."""
    grey = pictures.astype(np.float32).mean(3)
    return torch.from_numpy(np.stack([cv2.GaussianBlur(each, (0, 0), 1.0).ravel() for each in grey]))


def _features(summary: Summary) -> Tensor:
    """The features (N, F), which there are wherever `evaluate` begins."""
    if summary.features is None:
        raise DataError("nothing can be measured: there is no network for features")
    return summary.features
