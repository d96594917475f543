"""How the Models tab looks, and to which handler each of its components talks."""

from dataclasses import dataclass

import gradio as gr

from app.choosing import TABS
from app.components.cards import Cards
from app.components.picker import Picker
from app.components.refresh import Refresh
from app.events import BROWSER, on
from app.tabs import Page
from app.tabs.models.handlers import Models

# The card that asked for an export is told what became of it.
EXPORTED = "(file) => { window.dispatchEvent(new CustomEvent('cgan:exported', { detail: file })); }"
NOT_EXPORTED = "() => { window.dispatchEvent(new CustomEvent('cgan:exported', { detail: null })); }"


@dataclass(frozen=True)
class Parts:
    """The components of the tab that take part in events; the last three are for the local user only.

    `onnx` and `named` are not seen: the one hands an exported checkpoint to its card, by the other programs
    say which they want.
    """

    notice: gr.HTML
    refresh: Refresh
    cards: Cards
    told: gr.HTML
    onnx: gr.DownloadButton
    source: gr.Textbox | None = None
    add: gr.Button | None = None
    named: Picker | None = None


def lay_out(local: bool) -> Parts:
    """Place the components: a line to add checkpoints with, and a card for each."""
    notice = gr.HTML(
        label="notice", elem_id="m-notice", elem_classes=["notice"], visible=False, apply_default_css=False
    )
    source = add = named = None
    with gr.Row(elem_id="m-row", elem_classes=["model-row"]):
        if local:
            source = gr.Textbox(
                label="Add a checkpoint", placeholder="A folder, or owner/name on the Hub",
                elem_id="m-source", container=False, max_lines=1,
            )  # fmt: skip
            add = gr.Button("Add", elem_id="m-add", elem_classes=["plain-button"], min_width=80)
            named = Picker(elem_id="m-named", visible=False)
        refresh = Refresh(elem_id="m-refresh")
        onnx = gr.DownloadButton(visible=False, elem_id="m-onnx")
        told = gr.HTML(label="told", elem_id="m-told", elem_classes=["origin"], apply_default_css=False)
    return Parts(notice, refresh, Cards(), told, onnx, source, add, named)


def wire(parts: Parts, models: Models, page: Page) -> None:
    """Connect the components to the handlers."""
    cards, quiet = parts.cards, {"show_progress": "hidden"}
    private = quiet | {"api_visibility": "private"}
    listed = [cards, parts.notice]
    on(
        [page.opened["models"].select, parts.refresh.click],
        models.list,
        [],
        listed,
        api_name="models",
        **quiet,
    )
    pickers = [page.inlets[f"{tab}.model"] for tab in TABS.values()]
    on([cards.select], models.open, [], [page.tabs, *pickers], api_name="open_model", **private)
    on([cards.expand], models.show, [], [cards], api_name="show_samples", **private)
    if parts.source is not None and parts.add is not None and parts.named is not None:
        exported = on([cards.download], models.onnx, [], [parts.onnx], api_name="onnx", model=True, **private)
        exported.success(None, [parts.onnx], js=EXPORTED, api_name="exported", **BROWSER)
        exported.failure(None, js=NOT_EXPORTED, api_name="not_exported", **BROWSER)
        on(
            [parts.named.input],
            models.export,
            [parts.named],
            [parts.onnx],
            api_name="export_onnx",
            model=True,
            **quiet,
        )
        on([cards.clear], models.unload, [], listed, api_name="unload", **private)
        on(
            [parts.add.click, parts.source.submit],
            models.add,
            [parts.source],
            [parts.told, parts.source, *listed],
            api_name="add_model",
            **quiet,
        )
