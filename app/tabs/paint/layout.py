"""How the Paint tab looks, and to which handler each of its components talks."""

from dataclasses import dataclass

import gradio as gr

from app import choosing
from app.components.canvas import LabelCanvas
from app.components.extent import Extent
from app.components.history import History
from app.components.maps import Maps
from app.components.result import Result
from app.components.seed import Seed
from app.components.style import StylePicture
from app.components.things import Things
from app.components.variations import Variations
from app.events import on
from app.tabs import Page
from app.tabs.paint.handlers import Painting


@dataclass(frozen=True)
class Parts:
    """The components of the tab that take part in events."""

    chooser: choosing.Chooser
    canvas: LabelCanvas
    maps: Maps
    result: Result
    seed: Seed
    size: Extent
    hint: gr.HTML
    style: StylePicture
    button: gr.Button
    things: Things
    variations: Variations
    history: History


def lay_out() -> Parts:
    """Place the components: the map on the left, the picture on the right, maps to begin with below."""
    chooser = choosing.lay_out()
    with gr.Row(elem_id="panes", elem_classes=["panes"]):
        with gr.Column(scale=7, elem_id="pane-map"):
            canvas = LabelCanvas()
            maps = Maps()
        with gr.Column(scale=5, elem_id="pane-picture"):
            result = Result()
            with gr.Row(elem_id="style-row"):
                seed = Seed()
                size = Extent(0)
                button = gr.Button(
                    "Paint", variant="primary", elem_id="paint", elem_classes=["go"], min_width=80
                )
            hint = gr.HTML(elem_id="size-hint", visible=False, apply_default_css=False)
            style = StylePicture()
            things = Things()
            variations = Variations()
            history = History()
    return Parts(chooser, canvas, maps, result, seed, size, hint, style, button, things, variations, history)


def wire(parts: Parts, painting: Painting, page: Page) -> None:
    """Connect the components to the handlers."""
    model, canvas, maps, things = parts.chooser.model, parts.canvas, parts.maps, parts.things
    seed, style, variations, result = parts.seed, parts.style, parts.variations, parts.result
    quiet = {"show_progress": "hidden"}
    on(
        [page.blocks.load, page.opened["paint"].select, parts.chooser.refresh.click],
        painting.checkpoints,
        [model],
        [model, parts.chooser.notice],
        api_name="checkpoints",
        **quiet,
    )
    on(
        [model.change],
        painting.choose,
        [model, things],
        [canvas, maps, parts.chooser.origin, things],
        api_name="choose",
        **quiet,
    )
    on(
        [
            canvas.input,
            canvas.submit,
            seed.change,
            style.change,
            things.input,
            parts.size.change,
            parts.button.click,
        ],
        painting.paint,
        [model, canvas, seed, style, things, parts.size],
        [result, page.status],
        api_name="paint",
        model=True,
        trigger_mode="always_last",
        show_progress="minimal",
        show_progress_on=result,
    )
    on(
        [maps.input, maps.upload],
        painting.forget,
        [],
        [variations, things],
        api_name="forget",
        api_visibility="private",
        **quiet,
    )
    on(
        [model.change, parts.size.change],
        painting.hint,
        [model, parts.size],
        [parts.hint],
        api_name="size_hint",
        api_visibility="private",
        **quiet,
    )
    on([maps.input], painting.open_map, [model, maps], [canvas], api_name="open_map", **quiet)
    on(
        [maps.upload],
        painting.label,
        [model, maps],
        [canvas],
        api_name="label",
        model=True,
        show_progress="minimal",
        show_progress_on=canvas,
    )
    wire_variations(parts, painting, page)
    on(
        [parts.history.input],
        painting.restore,
        [parts.history],
        [model, canvas, seed, style, things, parts.size],
        api_name="restore",
        **quiet,
    )


def wire_variations(parts: Parts, painting: Painting, page: Page) -> None:
    """Connect what shows other seeds and styles."""
    model, canvas = parts.chooser.model, parts.canvas
    seed, style, variations = parts.seed, parts.style, parts.variations
    quiet = {"show_progress": "hidden"}
    on(
        [model.change],
        painting.forget_variations,
        [],
        [variations],
        api_name="forget_variations",
        api_visibility="private",
        **quiet,
    )
    on(
        [variations.submit],
        painting.vary,
        [model, canvas],
        [variations],
        api_name="variations",
        model=True,
        show_progress="minimal",
    )
    on(
        [variations.select],
        painting.take,
        [],
        [seed, style],
        api_name="take",
        api_visibility="private",
        **quiet,
    )
    on([seed.submit], painting.give_way, [], [style], api_name="clear_style", **quiet)
