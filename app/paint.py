"""The Paint tab: draw a label map, see it painted.

Nothing of a user's is kept on the server: a request carries the map, the seed and the style picture, so two
browsers cannot mix. The same works without a browser, maps and pictures being data URIs:

    import base64
    from gradio_client import Client

    uri = "data:image/png;base64," + base64.b64encode(open("map.png", "rb").read()).decode()
    picture, status = Client("http://127.0.0.1:7860").predict("spade-camvid", uri, 7, None, api_name="/paint")
    open("street.png", "wb").write(base64.b64decode(picture.split(",")[1]))
"""

import secrets
import time
from dataclasses import dataclass
from html import escape

import cv2
import gradio as gr
import numpy as np

from app import uris
from app.canvas import LabelCanvas, canvas_size, fit, has_other_colours, read_map, write_map
from app.events import on
from app.examples import examples
from app.shelf import Shelf
from app.widgets import Look, Maps, Picker, Refresh, Result, Seed, Things, Variations
from cgan import Checkpoint, CheckpointError, DataError, Found, models

MAX_SEED = 2**31 - 1
VARIATIONS = 4
FIRST = "spade-landscape"  # shown first, if it is there: everybody wants to paint mountains
FIRST_SEED = 7  # in the landscapes, a clear summer day
NO_CHECKPOINT = "There is no checkpoint yet. Make one: python -m train spade --out checkpoints/first"
OTHER_COLOURS = "The map's colours are not this model's: it was read by its ids. Are they the same classes?"


class Painting:
    """What the tab does, apart from how it looks. Each method answers one event."""

    def __init__(self, shelf: Shelf):
        self.shelf = shelf

    def look(self, name: str | None):
        """List the checkpoints: the picker's choices and a notice about what is missing or broken."""
        found = self.shelf.look()
        names = sorted((checkpoint.name for checkpoint in found.checkpoints), key=lambda name: name != FIRST)
        chosen = name if name in names else next(iter(names), None)
        notice = notices(found)
        return gr.update(choices=names, value=chosen), gr.update(value=notice, visible=bool(notice))

    def choose(self, name: str | None):
        """Prepare the canvas and the examples for a checkpoint; tell where it comes from."""
        if not name:
            return gr.skip(), gr.skip(), "", gr.skip()
        checkpoint = self.shelf.checkpoint(name, "paint")
        palette, size = checkpoint.palette, canvas_size(checkpoint.about["size"])
        maps = examples(palette, size)
        first = maps[0]["picture"] if maps else ""
        looks = models.module(checkpoint.model).Config(**checkpoint.config).looks
        canvas = gr.update(
            checkpoint=name, palette=palette.to_list(), size=list(size), first=first, looks=looks
        )
        return canvas, gr.update(examples=maps), origin(checkpoint), gr.update(value=[], looks=looks)

    def paint(self, name: str, label_map: str, seed: int, style: str | None, things: list | None = None):
        """Paint a label map in the look of a seed or of a style picture; give the picture and the status.

        `things`, for models whose things have looks: [[row, column, look], …], a pixel of each.
        """
        painter, labels = self._painter_and_labels(name, label_map)
        check_seed(seed)
        picture = read_style(style, painter.size) if style else None
        restyle = read_things(things or [], labels.shape, painter.looks)
        start = time.perf_counter()
        painted = painter.paint(labels, style=picture, seed=seed, restyle=restyle)[0]
        spent = (time.perf_counter() - start) * 1000
        return uris.from_picture(painted), f"{name} · {painter.runtime.describe()} · {spent:.0f} ms"

    def vary(self, name: str, label_map: str):
        """Paint a label map in four looks drawn at random, each under a seed of its own."""
        painter, labels = self._painter_and_labels(name, label_map)
        seeds = [secrets.randbelow(MAX_SEED) for _ in range(VARIATIONS)]
        pictures = (painter.paint(labels, seed=seed)[0] for seed in seeds)
        return [
            {"seed": seed, "picture": uris.from_picture(picture)}
            for seed, picture in zip(seeds, pictures, strict=True)
        ]

    def take(self, event: gr.EventData):
        """Take one of the four: its seed, and no style picture."""
        return event.seed, None

    def give_way(self):
        """The dice was rolled: clear the style picture, so that the seed's look shows."""
        return None

    def forget(self):
        """Another map or model came: the four looks of the one before go, and those of its things."""
        return [], []

    def open_map(self, name: str, label_map: str):
        """Bring a label map (a PNG of ids or of the palette's colours) to the canvas."""
        if not name:
            raise CheckpointError(NO_CHECKPOINT)
        checkpoint = self.shelf.checkpoint(name, "paint")
        labels = read_map(label_map, checkpoint.palette)
        if has_other_colours(label_map, checkpoint.palette, labels):
            gr.Info(OTHER_COLOURS)
        return write_map(fit(labels, canvas_size(checkpoint.about["size"])), checkpoint.palette)

    def _painter_and_labels(self, name: str, label_map: str):
        if not name:
            raise CheckpointError(NO_CHECKPOINT)
        if not label_map:
            raise DataError("there is no map to paint: draw one, or choose an example")
        painter = self.shelf.painter(name)
        return painter, read_map(label_map, painter.palette)


def check_seed(seed: int) -> None:
    """Raise `DataError` unless `seed` is one."""
    if type(seed) is not int or not 0 <= seed <= MAX_SEED:
        raise DataError(f"the seed is {seed!r}; it must be a whole number from 0 to {MAX_SEED}")


def read_things(things: list, shape: tuple[int, int], looks: int) -> dict[tuple[int, int], int]:
    """What a client sent, [[row, column, look], …], for `Painter.paint`; `DataError` if it is not that.

    Things beyond the map's edge belong to a map that was there before, and go with it.
    """
    whole = isinstance(things, list) and all(
        isinstance(thing, list) and len(thing) == 3 and all(type(number) is int for number in thing)
        for thing in things
    )
    if not whole or any(not 0 <= look < looks for _, _, look in things):
        allowed = f"looks from 0 to {looks - 1}" if looks else "this model has no looks for single things"
        raise DataError(f"things must be a list of [row, column, look], not {things!r:.60}; {allowed}")
    return {
        (row, column): look
        for row, column, look in things
        if 0 <= row < shape[0] and 0 <= column < shape[1]
    }


def read_style(uri: str, size: tuple[int, int]) -> np.ndarray:
    """A style picture that a client sent, uint8 (h, w, 3), no larger than `size` (H, W) asks for."""
    picture = uris.picture(uri, "the style picture")
    height, width = picture.shape[:2]
    scale = min(1, max(size) / max(height, width))
    target = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(picture, target, interpolation=cv2.INTER_AREA)


def notices(found: Found, nothing: str = NO_CHECKPOINT) -> str:
    """What the user should know about the checkpoints, as HTML; "" if all is well, `nothing` for none."""
    lines = [] if found.checkpoints else [escape(nothing)]
    for name, error in found.broken.items():
        lines.append(f"The checkpoint <b>{escape(name)}</b> cannot be used: {escape(str(error))}")
    return "".join(f"<p>{line}</p>" for line in lines)


def origin(checkpoint: Checkpoint) -> str:
    """The data that a checkpoint was trained on and its licence, as HTML."""
    about = checkpoint.about
    parts = [str(about[key]) for key in ("data", "licence") if about.get(key)]
    return escape(" · ".join(parts) or "This checkpoint does not say where it comes from.")


@dataclass(frozen=True)
class Parts:
    """The components of the tab that take part in events."""

    notice: gr.HTML
    model: Picker
    refresh: Refresh
    origin: gr.HTML
    canvas: LabelCanvas
    result: Result
    seed: Seed
    style: Look
    things: Things
    button: gr.Button
    variations: Variations
    maps: Maps


def tab(shelf: Shelf, page: gr.Blocks, status: gr.HTML) -> Parts:
    """Fill the current `gr.Tab`; `status` shows the model, the device, the precision and the milliseconds."""
    parts = lay_out()
    wire(parts, Painting(shelf), page, status)
    return parts


def lay_out() -> Parts:
    """Place the components: the map on the left, the picture on the right, maps to begin with below."""
    notice = gr.HTML(elem_id="notice", visible=False, apply_default_css=False)
    with gr.Row(elem_id="model-row"):
        model = Picker([], label="Model", container=False, elem_id="model", min_width=120)
        refresh = Refresh()
        source = gr.HTML(elem_id="origin", apply_default_css=False)
    with gr.Row(elem_id="panes"):
        with gr.Column(scale=7, elem_id="pane-map"):
            canvas = LabelCanvas()
            maps = Maps()
        with gr.Column(scale=5, elem_id="pane-picture"):
            result = Result()
            with gr.Row(elem_id="look-row"):
                seed = Seed(FIRST_SEED)
                style = Look()
                button = gr.Button("Paint", variant="primary", elem_id="paint", min_width=80)
            things = Things()
            variations = Variations()
    return Parts(
        notice, model, refresh, source, canvas, result, seed, style, things, button, variations, maps
    )


def wire(parts: Parts, painting: Painting, page: gr.Blocks, status: gr.HTML) -> None:
    """Connect the components to the handlers."""
    model, canvas, maps = parts.model, parts.canvas, parts.maps
    seed, style, variations, result = parts.seed, parts.style, parts.variations, parts.result
    quiet = {"show_progress": "hidden"}
    on([page.load, parts.refresh.click], painting.look, [model], [model, parts.notice],
       api_name="checkpoints", **quiet)
    things = parts.things
    on([model.change], painting.choose, [model], [canvas, maps, parts.origin, things],
       api_name="choose", **quiet)
    on([canvas.input, canvas.submit, seed.change, style.change, things.input, parts.button.click],
       painting.paint, [model, canvas, seed, style, things], [result, status],
       api_name="paint", model=True, trigger_mode="always_last", show_progress="minimal",
       show_progress_on=result)
    on([model.change, maps.input], painting.forget, [], [variations, things],
       api_name="forget", api_visibility="private", **quiet)
    on([maps.input], painting.open_map, [model, maps], [canvas], api_name="open_map", **quiet)
    on([variations.submit], painting.vary, [model, canvas], [variations],
       api_name="variations", model=True, show_progress="minimal")
    on([variations.select], painting.take, [], [seed, style],
       api_name="take", api_visibility="private", **quiet)
    on([seed.submit], painting.give_way, [], [style], api_name="clear_style", **quiet)
