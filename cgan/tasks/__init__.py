"""What people do with a model: paint or animate maps, translate or label pictures.

Outside numpy, inside tensors.

`load` returns one of these, ready to use; a model names its task, and TASKS finds the class. What a task asks
of its models is written down in `cgan.tasks.protocols`.
"""

from pathlib import Path
from typing import Any

from cgan import checkpoint
from cgan.runtime import Runtime
from cgan.tasks.animator import Animator, Geometry
from cgan.tasks.labeller import Labeller
from cgan.tasks.painter import Painter
from cgan.tasks.translator import Translator

Task = Animator | Labeller | Painter | Translator

TASKS: dict[str, type[Animator] | type[Labeller] | type[Painter] | type[Translator]] = {
    "animate": Animator,
    "label": Labeller,
    "paint": Painter,
    "translate": Translator,
}

__all__ = ["TASKS", "Animator", "Geometry", "Labeller", "Painter", "Task", "Translator", "load"]


def load(
    source: str | Path,
    device: str = "auto",
    precision: str = "auto",
    revision: str | None = None,
    root: str | Path | None = None,
) -> Task:
    """Load a checkpoint as its task, ready to use: a `Painter`, a `Translator`, an `Animator`, a `Labeller`.

    Args: `source`, `revision` and `root` as in `cgan.checkpoint.locate`; `device` and `precision` as in
    `Runtime.choose`. Raises `CheckpointError` where the checkpoint is at fault and `ValueError` for a device
    that is not there.
    """
    runtime = Runtime.choose(device, precision)
    told, module = checkpoint.load_model(checkpoint.locate(source, revision, root))
    model: Any = module  # one of cgan.models: which, and so what it can do, the checkpoint has said
    return TASKS[model.task](told, model, runtime)
