"""What `evaluate` shows: tables as Markdown, with what must be known to read them, and sheets of samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from cgan.errors import CheckpointError
from cgan.files import replaced
from train.judge import sheet
from train.judge.metrics import Row
from train.judge.sheet import Cells, Picture

SCORES, END = "<!-- scores -->", "<!-- end of scores -->"  # between them `evaluate --card` writes
SAMPLES = "samples.jpg"  # the sheet that `evaluate --card` adds
ACROSS = 10  # pictures in a row of the sheet, at most
SPACE = 18  # pixels between the samples in a row

Result: TypeAlias = dict[str, Any]  # an evaluation, as JSON


class Column(NamedTuple):
    """A column of a table: its heading, and how a score is written."""

    heading: str
    form: str
    factor: float = 1


COLUMNS = {  # by score
    "lpips": Column("LPIPS ↓", ".3f"),
    "l1": Column("L1 ↓", ".1f"),
    "frechet": Column("{frechet} ↓", ".1f"),
    "kid": Column("KID × 1000 ↓", ".1f", 1000),
    "precision": Column("precision", ".2f"),
    "recall": Column("recall", ".2f"),
    "density": Column("density", ".2f"),
    "coverage": Column("coverage", ".2f"),
    "right": Column("right class", ".2f"),
    "right_pixels": Column("right class, by pixels", ".2f"),
    "kept": Column("LPIPS from the input", ".3f"),
    "diversity": Column("diversity (LPIPS)", ".3f"),
    "flicker": Column("flicker ↓", ".2f"),
    "drift": Column("drift ↓", ".2f"),
    "flow": Column("flow ↓", ".2f"),
    "returned": Column("return ↓", ".2f"),
    "identified": Column("right subject", ".2f"),
    "grid": Column("grid, dB", "+.1f"),
    "followed": Column("style followed", ".2f"),
    "followed_classes": Column("class by class", ".2f"),
    "accuracy": Column("pixel accuracy", ".2f"),
    "miou": Column("mIoU", ".2f"),
    "iou": Column("IoU", ".2f"),
    "share": Column("% of the pixels", ".1f", 100),
}
NOTES = {  # by score: what must be known of it
    "lpips": "LPIPS v0.1 on SqueezeNet 1.1, which it shares with the default perceptual loss.",
    "precision": "Precision, recall, density, coverage: k = 5, on the same features.",
    "grid": "Grid: how much higher the strongest line of period 2 to 8 pixels stands in the mean power "
    "spectrum than in that of real pictures; about 0 for none.",
    "l1": "L1: from the true frames, in grey levels (0 to 255).",
    "flicker": "Flicker: L1 between a frame and the one before, moved along the true pictures' optical flow, "
    "where that shows it; in grey levels. A still grey video has none.",
    "drift": "Drift: L1 between a clip's last frame and its first, at the points of the world that both "
    "show; in grey levels.",
    "flow": "Flow: L1 between a true frame and the true one before, moved along the flow that the model "
    "finds (beside frames alone: not moved; beside the true frames: along theirs), where that shows it; in "
    "grey levels.",
    "returned": "Return: L1 between the last second and the first, frame by frame at the same places; in "
    "grey levels.",
    "miou": "mIoU: the mean over the classes of intersection over union, all pictures counted as one.",
    "followed": "Style followed: each map is painted in the style of another one's photograph; the "
    "correlation of their mean brightness. Class by class: that of each class in both, where both show it, "
    "about its own mean; what lies in a picture has no part in it.",
}
ALSO = {"kept": "lpips", "diversity": "lpips"}  # scores that share a note


def tables(result: Result) -> str:
    """All tables of an evaluation as Markdown, with what must be known to read them."""
    size = "×".join(map(str, reversed(result["size"])))
    lines = []
    for section in result["tables"]:
        lines += [f"{result['checkpoint']}, {section['title']} at {size}", ""]
        lines += [*table(section["rows"], result), ""]
        lines += [section["note"], ""] if section["note"] else []
    return "\n".join([*lines, note(result)])


def table(rows: dict[str, Row], result: Result) -> list[str]:
    """One table, with the columns that any row has something for."""
    used = [key for key in COLUMNS if any(key in row for row in rows.values())]
    names = [COLUMNS[key].heading.format(frechet=result["frechet"]) for key in used]
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(used) + 1) + "|"]
    for name, row in rows.items():
        lines.append(f"| {name} | {' | '.join(_cell(row, key) for key in used)} |")
    return lines


def note(result: Result) -> str:
    """How the tables are to be read; first of all, where they are no last judgement."""
    rows = [row for section in result["tables"] for row in section["rows"].values()]
    used = {key for row in rows for key in row}
    used |= {ALSO[key] for key in used & set(ALSO)}
    words = [f"{result['frechet']} is a Fréchet distance on other features than a published FID's."]
    if result["frechet"] == "FID":
        words = ["FID on torch-fidelity's Inception; of so few pictures it is far above that of thousands."]
    if not used & {"frechet", "kid", "precision"}:
        words = []
    notes = [text for key, text in NOTES.items() if key in used]
    last = "In brackets: 95 % bootstrap intervals over the held-back pictures."
    return " ".join([*result["remarks"], *words, *notes, last])


def _cell(row: Row, key: str) -> str:
    """A score and its interval."""
    if key not in row:
        return "–"
    _, form, factor = COLUMNS[key]
    value, around = row[key], row.get(f"{key}_interval")
    numbers = [value, *around] if isinstance(around, list) else [value]
    first, *rest = (format(factor * each, form) for each in numbers if isinstance(each, float))
    return f"{first} ({'–'.join(rest)})" if rest else first


def arranged(samples: Cells) -> Picture:
    """Samples, several in a row with some space between them, as one picture.

    Headings stand above the first row, and again where other things are shown. Where all pictures are of one
    kind it is said once.
    """
    across = max(1, ACROSS // len(samples[0]))
    space = np.full((samples[0][0][1].shape[0], SPACE, 3), sheet.PAPER, np.uint8)
    blocks: list[tuple[list[str], list[list[Picture]]]] = []
    for start in range(0, len(samples), across):
        first, *others = samples[start : start + across]
        row = [*first, *(cell for other in others for cell in [("", space), *other])]
        headings, pictures = [heading for heading, _ in row], [picture for _, picture in row]
        if not blocks or blocks[-1][0][: len(row)] != headings:
            blocks.append((headings, []))
        blocks[-1][1].append(pictures)
    if {heading for sample in samples for heading, _ in sample} == {samples[0][0][0]}:
        blocks = [([headings[0], *[""] * (len(headings) - 1)], rows) for headings, rows in blocks]
    return sheet.stacked([sheet.grid(rows, headings) for headings, rows in blocks])


def put_scores(folder: Path, text: str) -> None:
    """Put `text`, Markdown, where the card tells scores. CheckpointError if there is no such place."""
    path = folder / "README.md"
    card = path.read_text(encoding="utf-8") if path.exists() else ""
    before, start, rest = card.partition(SCORES)
    _, end, after = rest.partition(END)
    if not end:
        raise CheckpointError(f"{path} has no place for scores: two lines, {SCORES} and {END}")
    with replaced(path) as beside:
        beside.write_text(f"{before}{start}\n{text.strip()}\n{end}{after}", encoding="utf-8")
