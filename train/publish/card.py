"""The model card: README.md beside a checkpoint, in the Hub's format."""

import json
from pathlib import Path

from torch import nn

from cgan.errors import CheckpointError

WRITTEN = (
    "<!-- Written by the trainer, and again with every better model; delete this line to keep your own. -->\n"
)
SCORES, END = "<!-- scores -->", "<!-- end of scores -->"  # between them `evaluate --card` writes
SAMPLES = "samples.jpg"  # the sheet that `evaluate --card` adds


def write(folder: Path, model: nn.Module, about: dict) -> None:
    """Write the card of the checkpoint in `folder`, unless somebody has written another one."""
    path = folder / "README.md"
    if not path.exists() or path.read_text(encoding="utf-8").endswith(WRITTEN):
        path.write_text(model_card(folder.name, model, about), encoding="utf-8")


def put_scores(folder: Path, text: str) -> None:
    """Put `text`, Markdown, where the card tells scores. CheckpointError if there is no such place."""
    path = folder / "README.md"
    card = path.read_text(encoding="utf-8") if path.exists() else ""
    before, start, rest = card.partition(SCORES)
    _, end, after = rest.partition(END)
    if not end:
        raise CheckpointError(f"{path} has no place for scores: two lines, {SCORES} and {END}")
    path.write_text(f"{before}{start}\n{text.strip()}\n{end}{after}", encoding="utf-8")


def validated(scores: dict[str, float], task: str) -> str:
    """The scores by which the trainer chose the weights, as Markdown."""
    if not scores:
        return "Not judged."
    words = ", ".join(f"{name} {value:.4g}" for name, value in scores.items())
    how = {
        "animate": "clips",
        "paint": "maps, each painted in its own photograph's style",
        "translate": "pictures, translated",
    }[task]
    return f"On validation {how} (lower is better): {words}."


def usage(name: str, model: nn.Module) -> str:
    """The lines of Python that show what the checkpoint is for."""
    if model.task == "paint":
        return f'''painter = cgan.load("{name}")
pictures = painter.paint(labels)   # uint8 (H, W) of class ids -> uint8 (1, H, W, 3)'''
    if model.task == "animate":
        subject = ", references=[picture]" if model.references[1] else ""
        places = ", geometry=places" if model.needs_geometry else ""
        return f'''animator = cgan.load("{name}")
for frame in animator.animate(maps{subject}{places}):   # maps uint8 (H, W) -> frames uint8 (H, W, 3)
    ...'''
    given = {
        "none": "(picture)",
        "random": "(picture, seed=1, variations=4)",
        "pictures": "(picture, style=[one, another])",
    }[model.styles]
    count = 4 if model.styles == "random" else 1
    return f'''translator = cgan.load("{name}")
pictures = translator.translate{given}   # uint8 (H, W, 3) -> uint8 ({count}, H, W, 3)'''


def caption(model: nn.Module, about: dict) -> str:
    """What the preview shows."""
    if model.task == "paint":
        return "Maps and what became of them, each in a style drawn by seed 0."
    if model.task == "animate":
        what = "a picture of the subject" if model.references[1] else "the first map"
        return f"From left to right: {what}, and frames that were made."
    if model.styles == "pictures":
        of = "a class held out" if about.get("held_out") else "the class wanted"
        return f"From left to right: a picture, a style picture of {of}, the translation."
    a, b = about["domains"]
    styles = " in two styles drawn by seeds 0 and 100" if model.styles == "random" else ""
    return f"{a}, and the translation to {b}{styles}."


def facts(about: dict) -> str:
    """Rows of the table that only some checkpoints have."""
    rows = {
        "domains": " ↔ ".join(about.get("domains", [])),
        "drawings": about.get("edges") or "",
        "classes": f"{len(about['classes'])} seen in training" if about.get("classes") else "",
        "held out": ", ".join(about.get("held_out", [])),
    }
    return "".join(f"| {name} | {words} |\n" for name, words in rows.items() if words)


def model_card(name: str, model: nn.Module, about: dict) -> str:
    """The README of a checkpoint, in the Hub's format."""
    height, width = about["size"]
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    kind = type(model).__module__.rpartition(".")[2]
    credit = f"\n{about['attribution']}\n" if about["attribution"] else ""
    return f"""---
library_name: cgan
tags: [{kind}, image-to-image]
license: other
---
# {name}

{kind}, {millions:.1f} M weights, trained on {about["data"]} at {width}×{height}.

![Samples](preview.jpg)

{caption(model, about)} Not picked: they are spread evenly over the {about.get("shown", "validation")} data.

```python
import cgan
{usage(name, model)}
```

| | |
|---|---|
| data | {about["data"]} |
| licence | {about["licence"]} |
{facts(about)}| command | `{about["command"]}` |
| images seen | {about["images"]:,} |
| hardware | {about["hardware"]}, {about["minutes"]:g} minutes |
| versions | {", ".join(f"{k} {v}" for k, v in about["versions"].items())} |

{SCORES}
{validated(about["scores"], model.task)}
{END}
{credit}
```json
{json.dumps(about["options"], indent=1)}
```
{WRITTEN}"""
