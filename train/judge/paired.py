"""How good a paired translator is (pix2pixHD of pictures): translations beside what they should be."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from cgan.tasks import Translator
from train.data.batches import Paired
from train.data.paired import PairedData, read_paired
from train.judge import learning, protocol, sheet
from train.judge.examination import (
    HALVES,
    Examination,
    as_images,
    real_against_real,
    spread,
    translate,
    whole,
)
from train.judge.metrics import Row, mean_scores
from train.judge.protocol import About, Model, Section, Sheets, Sitting
from train.judge.sheet import Cells, Pictures
from train.log import say


class Judge(protocol.Judge[PairedData, Translator, Paired]):
    """Judges translators of pictures whose translations are known."""

    batch: ClassVar[type] = Paired
    scored: ClassVar[str] = "pictures, translated"

    def sheets(self, model: Model, sitting: Sitting[Paired]) -> Sheets:
        """Rows of input, translation and what it should be; the preview shows the first two."""
        batch = learning.shown(sitting)
        translated = learning.translate(model, batch.inputs, "ab")
        return learning.sheets_of({"input": batch.inputs, "output": translated, "true": batch.images}, 2)

    def scores(self, model: Model, sitting: Sitting[Paired]) -> dict[str, float]:
        """The mean LPIPS between translations and what they should be, and their Fréchet distance."""
        if not learning.can_compare(sitting):
            return {}
        metrics, apart = sitting.metrics, []

        def pairs_of(start: int, batch: Paired) -> learning.Pairs:
            translated = learning.translate(model, batch.inputs, "ab")
            if metrics.lpips is not None:
                apart.append(
                    metrics.lpips(translated.to(metrics.device), batch.images.float().to(metrics.device))
                )
            return {"ab": (translated, batch.images)}

        with torch.no_grad():
            frechet = learning.distances(sitting, pairs_of)
        return ({"lpips": torch.cat(apart).mean().item()} if apart else {}) | frechet

    def read(self, folder: Path, task: Translator) -> PairedData:
        """A folder with `inputs/` and `images/`."""
        return read_paired(folder, task.size, say)

    def pictures(self, data: PairedData) -> list[Tensor]:
        """What inputs should become."""
        return [data.images]

    def sections(
        self, task: Translator, data: PairedData, training: PairedData | None, examination: Examination
    ) -> list[Section]:
        """One table: translations beside the pictures that they should be, and the inputs beside them."""
        inputs, truth = (spread(part, examination.most) for part in pairs_of(data))
        real = examination.real(truth)
        title = f"{len(inputs)} held-back pairs"
        say(f"measuring: {title}")

        def row(outputs: Pictures) -> Row:
            apart = examination.metrics.distances(as_images(outputs), as_images(truth))
            return mean_scores("lpips", apart) | examination.generated(outputs).against(real)

        rows = {
            "translations": row(translate(task, inputs, "ab", 0)),
            "the inputs themselves": row(inputs),
        }
        others = None if training is None else pairs_of(training)[1]
        name, floor = real_against_real(truth, others, examination)
        return [Section(title, rows | {name: floor}, "" if training is not None else HALVES)]

    def cells(
        self,
        task: Translator,
        data: PairedData,
        training: PairedData | None,
        examination: Examination,
        most: int,
        outputs_only: bool,
    ) -> Cells:
        """Input, translation and what it should be, for pairs spread evenly."""
        inputs, truth = (spread(part, most) for part in pairs_of(data))
        outputs = translate(task, inputs, "ab", 0)
        if outputs_only:
            return sheet.labelled(["output"], ([output] for output in outputs))
        return sheet.labelled(["input", "output", "true"], zip(inputs, outputs, truth, strict=True))

    def usage(self, name: str, model: Model) -> str:
        """A picture goes in."""
        return learning.usage(name, "(picture)")

    def caption(self, model: Model, about: About) -> str:
        """Pictures and their translations."""
        a, b = about["domains"]
        return f"{a}, and the translation to {b}."


def pairs_of(data: PairedData) -> tuple[Pictures, Pictures]:
    """All inputs and what becomes of them, whole."""
    return whole(data.inputs, data.size), whole(data.images, data.size)
