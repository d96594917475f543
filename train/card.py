"""The model card: README.md beside a checkpoint, in the Hub's format."""

import json
from pathlib import Path

from torch import nn

from cgan.errors import CheckpointError

WRITTEN = (
    "<!-- Written by the trainer, and again with every better model; delete this line to keep your own. -->\n"
)
SCORES, END = "<!-- scores -->", "<!-- end of scores -->"  # between them `evaluate --card` writes


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


def validated(scores: dict[str, float]) -> str:
    """The scores by which the trainer chose the weights, as Markdown."""
    if not scores:
        return "Not judged."
    words = ", ".join(f"{name} {value:.4g}" for name, value in scores.items())
    return f"On validation maps, each painted in its own photograph's style (lower is better): {words}."


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

![Six pictures beside their maps](preview.jpg)

Not picked: maps spread evenly over the validation data, each in a style drawn by seed 0.

```python
import cgan
painter = cgan.load("{name}")
pictures = painter.paint(labels)   # uint8 (H, W) of class ids -> uint8 (1, H, W, 3)
```

| | |
|---|---|
| data | {about["data"]} |
| licence | {about["licence"]} |
| command | `{about["command"]}` |
| images seen | {about["images"]:,} |
| hardware | {about["hardware"]}, {about["minutes"]:g} minutes |
| versions | {", ".join(f"{k} {v}" for k, v in about["versions"].items())} |

{SCORES}
{validated(about["scores"])}
{END}
{credit}
```json
{json.dumps(about["options"], indent=1)}
```
{WRITTEN}"""
