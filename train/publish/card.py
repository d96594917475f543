"""The model card: README.md beside a checkpoint, in the Hub's format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import nn

from cgan.files import replaced
from train.judge.protocol import About, Judge
from train.judge.report import END, SCORES

WRITTEN = (
    "<!-- Written by the trainer, and again with every better model; delete this line to keep your own. -->\n"
)


def write(folder: Path, model: nn.Module, about: About, judge: Judge[Any, Any, Any]) -> None:
    """Write the card of the checkpoint in `folder`, unless somebody has written another one."""
    path = folder / "README.md"
    if not path.exists() or path.read_text(encoding="utf-8").endswith(WRITTEN):
        with replaced(path) as beside:
            beside.write_text(model_card(folder.name, model, about, judge), encoding="utf-8")


def validated(scores: dict[str, float], scored: str) -> str:
    """The scores by which the trainer chose the weights, as Markdown; scored: what they compare."""
    if not scores:
        return "Not judged."
    words = ", ".join(f"{name} {value:.4g}" for name, value in scores.items())
    return f"On validation {scored} (lower is better): {words}."


def facts(about: About) -> str:
    """Rows of the table that only some checkpoints have."""
    rows = {
        "domains": " ↔ ".join(about.get("domains", [])),
        "drawings": about.get("edges") or "",
        "classes": f"{len(about['classes'])} seen in training" if about.get("classes") else "",
        "held out": ", ".join(about.get("held_out", [])),
        "chosen by": chosen(about),
    }
    return "".join(f"| {name} | {words} |\n" for name, words in rows.items() if words)


def chosen(about: About) -> str:
    """What chose the weights."""
    by = about.get("chosen_by")
    return f"{by['pictures']} pictures: {by['data']}" if by else ""


def task_of(model: nn.Module) -> str:
    """The Hub's word for what a model does."""
    if model.task == "label":
        return "image-segmentation"
    return "video-to-video" if model.task == "animate" else "image-to-image"


def model_card(name: str, model: nn.Module, about: About, judge: Judge[Any, Any, Any]) -> str:
    """The README of a checkpoint, in the Hub's format."""
    height, width = about["size"]
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    kind = type(model).__module__.rpartition(".")[2]
    shown = about.get("shown", "validation")
    credit = f"\n{about['attribution']}\n" if about["attribution"] else ""
    return f"""---
library_name: cgan
tags: [{kind}, {task_of(model)}]
license: other
---
# {name}

{kind}, {millions:.1f} M weights, trained on {about["data"]} at {width}×{height}.

![Samples](preview.jpg)

{judge.caption(model, about)} Not picked: they are spread evenly over the {shown} data.

```python
import cgan

{judge.usage(name, model)}
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
{validated(about["scores"], judge.scored)}
{END}
{credit}
```json
{json.dumps(about["options"], indent=1)}
```
{WRITTEN}"""
