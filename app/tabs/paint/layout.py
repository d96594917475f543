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
from app.events import BROWSER, EACH_TIME, at_once, on
from app.tabs import Page
from app.tabs.paint.handlers import Painting

# The canvas, which may have waited for a map, is told that none comes.
UNRESTORED = "() => { window.dispatchEvent(new CustomEvent('cgan:unrestored')); }"
# The model that was chosen last in this browser, by hand, is shown first.
RECALL = "(name) => { try { return [name ?? localStorage.getItem('cgan model')]; } catch { return [name]; } }"
REMEMBER = "(name) => { try { localStorage.setItem('cgan model', name); } catch { /* forbidden */ } }"


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
    """Place the components: map left, picture right, what to begin with and what there was below."""
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
            hint = gr.HTML(label="hint", elem_id="size-hint", visible=False, apply_default_css=False)
            style = StylePicture()
            things = Things()
            variations = Variations()
    history = History()
    return Parts(chooser, canvas, maps, result, seed, size, hint, style, button, things, variations, history)


def wire(parts: Parts, painting: Painting, page: Page) -> None:
    """Connect the components to the handlers."""
    wire_model(parts, painting, page)
    wire_maps(parts, painting)
    wire_picture(parts, painting, page)
    wire_variations(parts, painting)


def wire_model(parts: Parts, painting: Painting, page: Page) -> None:
    """The choice of a model, and what follows from it."""
    model, things = parts.chooser.model, parts.things
    quiet = {"show_progress": "hidden"}
    on(
        [page.blocks.load, page.opened["paint"].select, parts.chooser.refresh.click],
        painting.checkpoints,
        [model],
        [model, parts.chooser.notice],
        api_name="checkpoints",
        js=RECALL,
        **quiet,
    )
    at_once([model.input], REMEMBER, [model], [], api_name="remember_painter")
    # It comes first: the calls of an event are made one after the other, and a picture may soon be there.
    at_once([model.change], choosing.ANNOUNCE, [model], [page.status], api_name="announce_painter")
    on(
        [model.change],
        painting.choose,
        [model, things],
        [parts.canvas, parts.maps, parts.chooser.origin, things],
        api_name="choose",
        **quiet,
    )
    each_time = quiet | EACH_TIME
    on([model.change], painting.ready_styles, [model], [parts.style], api_name="ready_styles", **each_time)
    private = each_time | {"api_visibility": "private"}
    on(
        [model.change],
        painting.forget_variations,
        [],
        [parts.variations],
        api_name="forget_variations",
        **private,
    )
    on(
        [model.change, parts.size.change],
        painting.hint,
        [model, parts.size],
        [parts.hint],
        api_name="size_hint",
        **private,
    )


def wire_maps(parts: Parts, painting: Painting) -> None:
    """The maps that come to the canvas."""
    model, canvas, maps = parts.chooser.model, parts.canvas, parts.maps
    quiet = {"show_progress": "hidden"}
    on(
        [maps.input, maps.upload],
        painting.forget,
        [],
        [parts.variations, parts.things],
        api_name="forget",
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


def wire_picture(parts: Parts, painting: Painting, page: Page) -> None:
    """The picture, and what brings back all that one was painted from."""
    canvas, seed, style, things, size = parts.canvas, parts.seed, parts.style, parts.things, parts.size
    given = [parts.chooser.model, canvas, seed, style, things, size]
    changes = [seed.input, style.input, things.input, size.input]  # not `change`: see scripts/later.js
    on(
        [canvas.input, canvas.submit, *changes, parts.button.click],
        painting.paint,
        given,
        [parts.result, page.status],
        api_name="paint",
        model=True,
        trigger_mode="always_last",
        show_progress="minimal",
        show_progress_on=parts.result,
    )
    restored = on(
        [parts.history.input],
        painting.restore,
        [parts.history],
        given,
        api_name="restore",
        show_progress="hidden",
    )
    restored.success(
        painting.give_back,
        [],
        [parts.variations],
        api_name="give_back",
        api_visibility="private",
        show_progress="hidden",
    )
    restored.failure(None, js=UNRESTORED, api_name="unrestored", **BROWSER)


def wire_variations(parts: Parts, painting: Painting) -> None:
    """What shows other seeds and styles."""
    seed, style, variations = parts.seed, parts.style, parts.variations
    on(
        [variations.submit],
        painting.vary,
        [parts.chooser.model, parts.canvas, style, parts.things],
        [variations],
        api_name="variations",
        model=True,
        show_progress="minimal",
    )
    quiet = {"show_progress": "hidden"}
    on(
        [variations.select],
        painting.take,
        [style],
        [seed, style],
        api_name="take",
        api_visibility="private",
        **quiet,
    )
    on(
        [parts.things.select],
        painting.next_look,
        [parts.chooser.model, parts.canvas, seed, style],
        [parts.things],
        api_name="next_look",
        api_visibility="private",
        model=True,
        trigger_mode="always_last",
        **quiet,
    )
    on([seed.submit], painting.give_way, [], [style], api_name="clear_style", **quiet)
