"""Choosing a checkpoint, as every tab does: a row to choose from and what is to be said about the chosen."""

import base64
from dataclasses import dataclass
from html import escape

import gradio as gr

from app.components.picker import Picker
from app.components.refresh import Refresh
from app.shelf import Shelf, task_of
from cgan import Checkpoint, CheckpointError, Found

Update = dict[str, object]  # what `gr.update` gives
CREDITS, MAX_CREDITS = "CREDITS", 2**18  # a file beside a checkpoint, and its bytes
TABS = {"paint": "paint", "translate": "translate", "animate": "video"}  # in which tab each task is done


@dataclass(frozen=True)
class Chooser:
    """The components that a checkpoint is chosen with; `origin` says where the chosen comes from."""

    notice: gr.HTML
    model: Picker
    refresh: Refresh
    origin: gr.HTML


def lay_out(
    prefix: str = "", beside: gr.components.Component | None = None, example: str = "spade-landscape"
) -> Chooser:
    """Place the components, whose ids begin with `prefix`, and `beside` them one that is not rendered yet.

    `example` is a name of a checkpoint for the API's page.
    """
    notice = gr.HTML(
        label="notice", elem_id=f"{prefix}notice", elem_classes=["notice"],
        visible=False, apply_default_css=False,
    )  # fmt: skip
    with gr.Row(elem_id=f"{prefix}model-row", elem_classes=["model-row"]):
        model = Picker(elem_id=f"{prefix}model")
        model.example = example
        refresh = Refresh(elem_id=f"{prefix}refresh")
        if beside is not None:
            beside.render()
        origin = gr.HTML(
            label="origin", elem_id=f"{prefix}origin", elem_classes=["origin"], apply_default_css=False
        )
    return Chooser(notice, model, refresh, origin)


def listed(shelf: Shelf, task: str, name: str | None, nothing: str) -> tuple[Update, Update]:
    """Updates of the picker and of the notice: the checkpoints for a task, of which `name` stays chosen.

    `nothing` is what is said where there is none.
    """
    found = shelf.find(task)
    names = [each.name for each in found.checkpoints]
    chosen = name if name in names else next(iter(names), None)
    notice = notices(found, nothing)
    # The value first: props reach the page one after the other, and what follows one must find all values.
    return gr.update(value=chosen, choices=names), gr.update(value=notice, visible=bool(notice))


def opened(shelf: Shelf, name: str) -> tuple:
    """Updates of the row of tabs, and of the picker of each of `TABS`: `name` is chosen where it belongs.

    Raises `CheckpointError` if it is not here.
    """
    task = task_of(shelf.checkpoint(name))
    if task not in TABS:
        raise CheckpointError(f"{name} labels photographs for the models of its classes: choose one of those")
    names = [checkpoint.name for checkpoint in shelf.find(task).checkpoints]
    chosen = gr.update(choices=names, value=name)
    return gr.Tabs(selected=TABS[task]), *(chosen if each == task else gr.skip() for each in TABS)


def notices(found: Found, nothing: str) -> str:
    """What the user should know about the checkpoints, as HTML; "" if all is well, `nothing` for none."""
    lines = [] if found.checkpoints else [f'<p class="none">{escape(nothing)}</p>']
    for name, error in found.broken.items():
        lines.append(f"<p>The checkpoint <b>{escape(name)}</b> cannot be used: {escape(str(error))}</p>")
    return "".join(lines)


def origin(checkpoint: Checkpoint) -> str:
    """The data that a checkpoint was trained on and its licence, as HTML."""
    data = checkpoint.about.get("data")
    trained = f"Trained on {data}" if data else "Training data not stated"
    told = escape(f"{trained} · licence: {licence(checkpoint)}")
    uri = credits_of(checkpoint)
    return told.replace(CREDITS, f'<a download="{CREDITS}.txt" href="{uri}">{CREDITS}</a>') if uri else told


def licence(checkpoint: Checkpoint) -> str:
    """The licence of a checkpoint in words; old checkpoints call none "unknown"."""
    stated = str(checkpoint.about.get("licence") or "unknown")
    return "not stated" if stated == "unknown" else stated


def credits_of(checkpoint: Checkpoint) -> str:
    """The file CREDITS of a checkpoint, which names those who made its data, as a data URI; "" for none."""
    path = checkpoint.folder / CREDITS
    if not path.is_file() or path.stat().st_size > MAX_CREDITS:
        return ""
    return "data:text/plain;charset=utf-8;base64," + base64.b64encode(path.read_bytes()).decode()


# Another model was chosen, which will be heard of: the header tells no more of the one before. The browser
# tells it itself, at once, as an answer of the server might come after the first picture.
ANNOUNCE = "(name) => (name ? `${name} · loading …` : '')"
CALL_UP = "(name) => name ?? ''"  # the same where nothing is made before somebody asks
