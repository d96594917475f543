"""How good an unpaired translator is (UNIT, MUNIT): both directions, beside real pictures and doing nothing.

A translator could cheat a distance between sets by forgetting its input, and one to the input by copying it:
so "LPIPS from the input" stands beside the distances, and the inputs are a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from torch import Tensor

from cgan.errors import DataError
from cgan.tasks import Translator
from train.data.batches import Unpaired
from train.data.unpaired import UnpairedData, read_unpaired
from train.judge import learning, protocol
from train.judge.examination import HALVES, Examination, real_against_real, spread, translate, whole
from train.judge.metrics import Row
from train.judge.protocol import About, Model, Section, Sheets, Sitting
from train.judge.sheet import Cells, Pictures
from train.log import say

STYLES = 4  # translations of one input whose diversity is measured
DIVERSE = 50  # inputs for which it is
SHOWN = 3  # drawn styles in a sample


class Judge(protocol.Judge[UnpairedData, Translator, Unpaired]):
    """Judges translators between two domains."""

    batch: ClassVar[type] = Unpaired
    scored: ClassVar[str] = "pictures, translated"

    def sheets(self, model: Model, sitting: Sitting[Unpaired]) -> Sheets:
        """Rows of a picture and its translations, in each direction; the preview shows the first."""
        a, b = learning.shown(sitting)
        columns = {"a": a, "a to b": learning.translate(model, a, "ab", 0)}
        if model.styles == "random":
            columns["other style"] = learning.translate(model, a, "ab", 100)
        if "ba" in model.directions:
            columns |= {"b": b, "b to a": learning.translate(model, b, "ba", 0)}
        return learning.sheets_of(columns, 2 if model.styles == "none" else 3)

    def scores(self, model: Model, sitting: Sitting[Unpaired]) -> dict[str, float]:
        """The Fréchet distance of each direction's translations from real pictures of its target."""
        if not learning.can_compare(sitting):
            return {}

        def pairs_of(start: int, batch: Unpaired) -> learning.Pairs:
            sides = {"ab": (batch.a, batch.b), "ba": (batch.b, batch.a)}
            return {
                direction: (learning.translate(model, image, direction, start), target)
                for direction, (image, target) in sides.items()
                if direction in model.directions
            }

        return learning.distances(sitting, pairs_of)

    def read(self, folder: Path, task: Translator) -> UnpairedData:
        """A folder with the checkpoint's two domains."""
        data = read_unpaired(folder, task.size, task.edges, say)
        if data.domains != task.domains:
            raise DataError(
                f"{folder} has the domains {' and '.join(data.domains)}, the checkpoint "
                f"{' and '.join(task.domains)}"
            )
        return data

    def pictures(self, data: UnpairedData) -> list[Tensor]:
        """Those of both domains."""
        return [data.images_a, data.images_b]

    def sections(
        self, task: Translator, data: UnpairedData, training: UnpairedData | None, examination: Examination
    ) -> list[Section]:
        """A table for each direction."""
        return list(_sections(task, data, training, examination))

    def cells(
        self,
        task: Translator,
        data: UnpairedData,
        training: UnpairedData | None,
        examination: Examination,
        most: int,
        outputs_only: bool,
    ) -> Cells:
        """An input and its translations, for inputs evenly spread over those of each direction."""
        sides, many, cells = sides_of(data), SHOWN if task.styles == "random" else 1, []
        for direction in task.directions:
            source, target = task.domains if direction == "ab" else task.domains[::-1]
            inputs = spread(sides[direction[0]], most // len(task.directions))
            for place, picture in enumerate(inputs):
                seed = examination.seed + many * place
                outputs = task.translate(picture, direction=direction, seed=seed, variations=many)
                beside = [] if outputs_only else [(source, picture)]
                cells.append([*beside, *((f"as {target}", output) for output in outputs)])
        return cells

    def usage(self, name: str, model: Model) -> str:
        """A picture goes in, and a seed where styles are drawn."""
        if model.styles == "none":
            return learning.usage(name, "(picture)")
        return learning.usage(name, "(picture, seed=1, variations=4)", 4)

    def caption(self, model: Model, about: About) -> str:
        """Pictures and their translations."""
        a, b = about["domains"]
        styles = " in two styles drawn by seeds 0 and 100" if model.styles == "random" else ""
        return f"{a}, and the translation to {b}{styles}."


def sides_of(data: UnpairedData) -> dict[str, Pictures]:
    """The pictures of both domains, whole."""
    return {"a": whole(data.images_a, data.size), "b": whole(data.images_b, data.size)}


def _sections(
    translator: Translator, data: UnpairedData, training: UnpairedData | None, examination: Examination
) -> Iterator[Section]:
    sides = {name: spread(pictures, examination.most) for name, pictures in sides_of(data).items()}
    more = {} if training is None else sides_of(training)
    for direction in translator.directions:
        source, target = direction[0], direction[1]
        names = dict(zip("ab", translator.domains, strict=True))
        title = f"{names[source]} → {names[target]}, {len(sides[source])} held-back pictures"
        say(f"measuring: {title}")
        rows = dict(_rows(translator, direction, sides[source], sides[target], more.get(target), examination))
        yield Section(title, rows, "" if more else HALVES)


def _rows(
    translator: Translator,
    direction: str,
    inputs: Pictures,
    target: Pictures,
    training: Pictures | None,
    examination: Examination,
) -> Iterator[tuple[str, Row]]:
    """Translations, drawn and in styles of real pictures, and the baselines, for one direction."""
    real = examination.real(target)

    def row(outputs: Pictures) -> Row:
        return examination.generated(outputs).against(real) | examination.kept(inputs, outputs)

    if translator.styles == "random":
        drawn = row(translate(translator, inputs, direction, examination.seed))
        groups = [
            translator.translate(picture, direction=direction, seed=examination.seed, variations=STYLES)
            for picture in spread(inputs, DIVERSE)
        ]
        yield "drawn styles", drawn | examination.diversity(groups)
        styles = target[examination.random().integers(0, len(target), len(inputs))]
        yield "styles of real pictures", row(translate(translator, inputs, direction, 0, styles))
    else:
        yield "translations", row(translate(translator, inputs, direction, 0))
    yield "the inputs themselves", examination.real(inputs).against(real)
    name, floor = real_against_real(target, training, examination)
    if translator.styles == "random":
        random, many = examination.random(), min(STYLES, len(target))
        groups = [target[random.choice(len(target), many, replace=False)] for _ in range(DIVERSE)]
        floor |= examination.diversity(groups)
    yield name, floor
