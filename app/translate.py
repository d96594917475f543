"""The Translate tab: a picture or a drawing becomes one of another domain, or of the class of a few pictures.

As in Paint, nothing of a user's is kept on the server. The same works without a browser, pictures being data
URIs; a style is a list of pictures and seeds with weights, and an empty list leaves it to the seed:

    import base64
    from gradio_client import Client

    uri = "data:image/jpeg;base64," + base64.b64encode(open("cat.jpg", "rb").read()).decode()
    shown, status = Client("http://127.0.0.1:7860").predict(
        "unit-cat2dog", "ab", uri, None, 7, 1, [], None, api_name="/translate"
    )
    open("dog.png", "wb").write(base64.b64decode(shown["pictures"][0]["picture"].split(",")[1]))
"""

import secrets
import time
from dataclasses import dataclass

import cv2
import gradio as gr
import numpy as np

from app import uris
from app.canvas import canvas_size, write_map
from app.drawing import INK, Pen, as_drawing, drawing_size
from app.events import on
from app.examples import is_example, pictures, sets
from app.mix import mark, mixed, path, read_mix
from app.paint import FIRST_SEED, MAX_SEED, check_seed, notices, origin
from app.shelf import Shelf
from app.widgets import (
    Blend,
    Choice,
    Compare,
    Count,
    Look,
    Picker,
    Pictures,
    Refresh,
    Seed,
    Size,
    Source,
    Styles,
)  # fmt: skip
from cgan import CheckpointError, DataError
from cgan.tasks import Translator

FIRST = "munit-edges2clothing"  # shown first, if it is there: everybody can draw a T-shirt
MOST = 8  # looks at a time
LOOKS = 4  # of them to begin with
STEPS = 7  # pictures of a strip between styles
SIZES = (32, 1024)  # of the shorter side, in pixels
MAX_SIDE = 2048
NO_TRANSLATOR = "There is no translator yet. Make one: python -m train munit --out checkpoints/translator"
NO_PICTURE = "open one, or choose an example"
NO_STYLE = "add one or more pictures of what it should become"


@dataclass(frozen=True)
class Task:
    """What is to be translated, by which model, in which direction and in which mix of styles."""

    translator: Translator
    direction: str
    picture: np.ndarray  # uint8 (H, W, 3)
    mix: list[dict]  # see `app.mix`


class Translating:
    """What the tab does, apart from how it looks. Each method answers one event."""

    def __init__(self, shelf: Shelf):
        self.shelf = shelf

    def look(self, name: str | None):
        """List the translators: the picker's choices and a notice about what is missing or broken."""
        found = self.shelf.look("translate")
        names = sorted((checkpoint.name for checkpoint in found.checkpoints), key=lambda name: name != FIRST)
        chosen = name if name in names else next(iter(names), None)
        notice = notices(found, NO_TRANSLATOR)
        return gr.update(choices=names, value=chosen), gr.update(value=notice, visible=bool(notice))

    def choose(self, name: str | None, styles: list | None):
        """Prepare the tab for a translator; tell where it comes from. A picture of the user's own stays."""
        if not name:
            return *[gr.skip()] * 9, ""
        translator = self.shelf.translator(name)
        random, first = translator.styles == "random", translator.directions[0]
        styled = "hidden" if translator.styles == "none" else True
        examples = style_sets(translator)
        *faces, strip = self._inputs(translator, first)
        return (
            gr.update(choices=directions(translator), value=first),
            *faces,
            gr.update(value=strip, visible=styled),
            gr.update(visible=random or "hidden"),
            gr.update(visible=random or "hidden"),
            gr.update(
                value=kept_styles(translator, styles, examples),
                needed=not random, sets=examples, visible=styled,
            ),
            gr.update(value=min(own_size(translator, first))),
            origin(translator.checkpoint),
        )  # fmt: skip

    def turn(self, name: str, direction: str):
        """Prepare the input for a direction: paper and pen where it is drawn, else a photograph."""
        translator = self._translator(name)
        return self._inputs(translator, known(translator, direction))

    def open_picture(self, name: str, direction: str, picture: str):
        """Bring a picture to where it is translated; for a drawing, the outlines of a photograph."""
        translator = self._translator(name)
        opened = uris.picture(picture, "the picture")
        if not draws(translator, known(translator, direction)):
            shown = uris.from_picture(opened) if browser_cannot(picture) else picture
            return gr.update(value=shown, own=not is_example(picture)), gr.skip(), []
        lines = as_drawing(opened, drawing_size(translator.size))
        return gr.skip(), write_map(lines, INK), []

    def translate(
        self, name: str, direction: str, picture: str | None, drawing: str | None, seed: int, count: int,
        styles: list | None, size: int | None,
    ):  # fmt: skip
        """Translate a picture (or a drawing, where the model takes some): before, after, and the status."""
        task = self._task(name, direction, picture, drawing, styles, size)
        check_seed(seed)
        if type(count) is not int or not 1 <= count <= MOST:
            raise DataError(f"the number of looks is {count!r}; it must be a whole number from 1 to {MOST}")
        translator, random = task.translator, task.translator.styles == "random"
        start = time.perf_counter()
        style = mixed(translator, task.mix, task.direction) if task.mix else None
        results = translator.translate(
            task.picture, style, direction=task.direction, seed=seed, variations=count if random else 1
        )
        spent = (time.perf_counter() - start) * 1000
        labels = [f"Seed {seed + i}" if random and not task.mix else f"Look {i + 1}" for i in range(MOST)]
        shown = {
            "before": uris.from_picture(task.picture),
            "names": list(ends(translator, task.direction)),
            "drawn": draws(translator, task.direction),
            "pictures": [
                {"picture": uris.from_picture(result), "label": label}
                for result, label in zip(results, labels, strict=False)
            ],
        }
        return shown, f"{name} · {translator.runtime.describe()} · {spent:.0f} ms"

    def follow(
        self, name: str | None, direction: str, picture: str | None, drawing: str | None, seed: int,
        count: int, styles: list | None, size: int | None,
    ):  # fmt: skip
        """Translate after a change of the tab; what is still to come is a hint, not an error."""
        if not name:
            return gr.skip(), gr.skip()
        translator = self.shelf.translator(name)
        drawn = draws(translator, known(translator, direction))
        if not (drawing if drawn else picture):
            return hint("picture", NO_PICTURE), gr.skip()
        if translator.styles == "pictures" and not styles:
            return hint("style", NO_STYLE), gr.skip()
        return self.translate(name, direction, picture, drawing, seed, count, styles, size)

    def blend(
        self, name: str, direction: str, picture: str | None, drawing: str | None, seed: int,
        styles: list | None, size: int | None,
    ):  # fmt: skip
        """Walk from one style to the next in seven steps; from a single one, to a look drawn anew."""
        task = self._task(name, direction, picture, drawing, styles, size)
        check_seed(seed)
        stops = task.mix or [{"seed": seed, "weight": 1.0}]
        keys = [{"style": i, "mark": mark(part)} for i, part in enumerate(styles or [])]
        keys = keys[: len(task.mix)] or [{"seed": seed}]
        if len(stops) == 1:
            if task.translator.styles != "random":
                raise DataError("a blend needs two style pictures: add another one")
            keys.append({"seed": secrets.randbelow(MAX_SEED)})
            stops = [*stops, keys[-1] | {"weight": 1.0}]
        strip = []
        for weights in path(len(stops), STEPS):
            mix = [stop | {"weight": weight} for stop, weight in zip(stops, weights, strict=True)]
            style = mixed(task.translator, mix, task.direction)
            result = task.translator.translate(task.picture, style, direction=task.direction)[0]
            recipe = [key | {"weight": weight} for key, weight in zip(keys, weights, strict=True)]
            strip.append({"picture": uris.from_picture(result), "mix": recipe})
        return strip

    def keep(self, styles: list | None, event: gr.EventData):
        """Keep a look of the strip: its weights become those of the styles."""
        styles = styles or []
        kept = []
        for part in event.mix:
            source = {"seed": part["seed"]} if "seed" in part else None
            if source is None:
                if part["style"] >= len(styles) or mark(styles[part["style"]]) != part["mark"]:
                    raise DataError("the styles have changed since this strip was made: make another one")
                source = styles[part["style"]]
            kept.append(source | {"weight": round(part["weight"], 3)})
        return kept

    def again(self, name: str, direction: str, event: gr.EventData):
        """Take a result as the next input, and turn round where the model goes both ways."""
        translator = self._translator(name)
        onward = [other for other in translator.directions if other != direction] or [direction]
        source, pen, *rest = self._inputs(translator, onward[0])
        if draws(translator, onward[0]):
            lines = as_drawing(uris.picture(event.picture, "the picture"), drawing_size(translator.size))
            pen |= {"value": write_map(lines, INK)}
        else:
            source |= {"value": event.picture, "own": True}
        return onward[0], source, pen, *rest

    def to_paint(self, event: gr.EventData):
        """Take a result as the style picture of the Paint tab, and go there."""
        return event.picture, gr.Tabs(selected="paint")

    def give_way(self):
        """The dice was rolled: the styles go, so that the seed's look shows."""
        return []

    def _translator(self, name: str | None) -> Translator:
        if not name:
            raise CheckpointError(NO_TRANSLATOR)
        return self.shelf.translator(name)

    def _inputs(self, translator: Translator, direction: str):
        """Updates for what the model takes in `direction`: the photograph, the paper, the examples, and the
        strip, which goes.
        """
        examples = inputs(translator, direction)
        turn = f"{translator.checkpoint.name} {direction}"
        first = examples[0]["picture"] if examples else ""
        if not draws(translator, direction):
            source = gr.update(turn=turn, first=first, visible=True)
            return source, gr.update(checkpoint="", visible="hidden"), gr.update(examples=examples), []
        size, lines = drawing_size(translator.size), ""
        if first:
            lines = write_map(as_drawing(uris.picture(first, "the example"), size), INK)
        pen = gr.update(checkpoint=turn, palette=INK.to_list(), size=list(size), first=lines, visible=True)
        return gr.update(turn="", visible="hidden"), pen, gr.update(examples=examples), []

    def _task(self, name, direction, picture, drawing, styles, size) -> Task:
        """Check what was sent and bring the picture to the size at which it is translated."""
        translator = self._translator(name)
        direction = known(translator, direction)
        given = (drawing or picture) if draws(translator, direction) else picture
        if not given:
            raise DataError(f"there is no picture to translate: {NO_PICTURE}")
        mix = read_mix(styles, translator)
        if translator.styles == "pictures" and not mix:
            raise DataError(f"this model takes its style from pictures: {NO_STYLE}")
        whole = uris.picture(given, "the picture")
        return Task(translator, direction, scaled(whole, size, own_size(translator, direction)), mix)


def hint(what: str, remedy: str) -> dict:
    """A result that says what is still to come."""
    return {"pictures": [], "hint": f"Which {what}? {remedy.capitalize()}."}


def draws(translator: Translator, direction: str) -> bool:
    """Whether the model takes drawings in `direction`."""
    return ends(translator, direction)[0] == translator.edges


def ends(translator: Translator, direction: str) -> tuple[str, str]:
    """The names of the domains from which and to which `direction` goes."""
    unnamed = len(translator.directions) == 1 and "domains" not in translator.checkpoint.about
    first, second = ("before", "after") if unnamed else translator.domains
    return (first, second) if direction == "ab" else (second, first)


def directions(translator: Translator) -> list[dict]:
    """The choices of the switch: [{"value", "label"}]; none where the one way there is has no name."""
    if len(translator.directions) == 1 and "domains" not in translator.checkpoint.about:
        return []
    return [
        {"value": direction, "label": " → ".join(ends(translator, direction))}
        for direction in translator.directions
    ]


def known(translator: Translator, direction: str | None) -> str:
    """The direction, by default the model's first. Raises `DataError` unless the model has it."""
    if direction is not None and direction not in translator.directions:
        there = ", ".join(translator.directions)
        raise DataError(f"the direction is {direction!r}; {translator.checkpoint.name} has: {there}")
    return direction or translator.directions[0]


def inputs(translator: Translator, direction: str) -> list[dict]:
    """Example pictures to translate in `direction`, from the folder that fits best (see `app.examples`)."""
    name, model = translator.checkpoint.name, translator.checkpoint.model
    domain = ends(translator, direction)[0]
    drawn = ["drawings"] if draws(translator, direction) else []
    own = [] if len(translator.directions) > 1 else [name]
    return pictures(f"{name}/{domain}", *own, domain, *drawn, *([] if drawn else [model]))


def style_sets(translator: Translator) -> list[dict]:
    """Example style pictures for a model, each set of one class."""
    return sets(f"{translator.checkpoint.name}/styles", f"{translator.checkpoint.model}/styles")


def kept_styles(translator: Translator, styles: list | None, examples: list[dict]) -> list[dict]:
    """The styles to begin with: for a model that needs pictures the first example, else those there are."""
    if translator.styles != "pictures":
        return []
    if examples:
        return [{"picture": picture, "weight": 1.0} for picture in examples[0]["pictures"]]
    return [style for style in styles or [] if isinstance(style, dict) and "picture" in style]


def own_size(translator: Translator, direction: str) -> tuple[int, int]:
    """The (H, W) at which pictures are translated by default: training's.

    Drawings are finer where the model is small, as maps are in the Paint tab: lines need pixels.
    """
    return canvas_size(translator.size) if draws(translator, direction) else translator.size


def scaled(picture: np.ndarray, size: int | None, trained: tuple[int, int]) -> np.ndarray:
    """A picture with a shorter side of `size` pixels, by default that of the training pictures.

    Raises `DataError` for sizes that are none.
    """
    size = min(trained) if size is None else size
    low, high = SIZES
    if type(size) not in (int, float) or not low <= size <= high:
        raise DataError(f"the size is {size!r}; it must be from {low} to {high} pixels")
    height, width = picture.shape[:2]
    scale = min(size / min(height, width), MAX_SIDE / max(height, width))
    target = (max(1, round(width * scale)), max(1, round(height * scale)))
    if target == (width, height):
        return picture
    return cv2.resize(picture, target, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def browser_cannot(uri: str) -> bool:
    """Whether a picture that Python reads is in a format that browsers do not show."""
    kinds = ("png", "jpeg", "jpg", "webp", "gif", "bmp")
    return not uri.lower().startswith(tuple(f"data:image/{kind};" for kind in kinds))


@dataclass(frozen=True)
class Parts:
    """The components of the tab that take part in events."""

    notice: gr.HTML
    model: Picker
    refresh: Refresh
    direction: Choice
    origin: gr.HTML
    source: Source
    pen: Pen
    examples: Pictures
    seed: Seed
    count: Count
    button: gr.Button
    styles: Styles
    size: Size
    shown: Compare
    strip: Blend

    @property
    def faces(self) -> list:
        """What depends on the direction."""
        return [self.source, self.pen, self.examples, self.strip]


def tab(shelf: Shelf, opened: gr.Tab, status: gr.HTML, tabs: gr.Tabs, paint_style: Look) -> None:
    """Fill the current `gr.Tab`, which is `opened`; results can go to the Paint tab's style picture."""
    parts, translating = lay_out(), Translating(shelf)
    wire(parts, translating, opened, status)
    wire_onward(parts, translating, tabs, paint_style)


def lay_out() -> Parts:
    """Place the components: input and style on the left, before and after and the strip on the right."""
    notice = gr.HTML(elem_id="t-notice", visible=False, apply_default_css=False)
    with gr.Row(elem_id="t-model-row"):
        model = Picker([], label="Model", container=False, elem_id="t-model", min_width=120)
        refresh = Refresh(elem_id="t-refresh")
        direction = Choice(elem_id="t-direction")
        source_of = gr.HTML(elem_id="t-origin", apply_default_css=False)
    with gr.Row(elem_id="t-panes"):
        with gr.Column(elem_id="t-from"):
            source = Source(elem_id="t-source")
            pen = Pen(elem_id="t-pen", visible="hidden")
            examples = Pictures(elem_id="t-examples")
            with gr.Row(elem_id="t-style-row"):
                seed = Seed(FIRST_SEED, elem_id="t-seed", visible="hidden")
                count = Count(LOOKS, elem_id="t-count", visible="hidden")
                button = gr.Button("Translate", variant="primary", elem_id="t-go", min_width=80)
            styles = Styles(elem_id="t-styles", visible="hidden")
            with gr.Accordion("Advanced options", open=False, elem_id="t-advanced"):
                size = Size(*SIZES, 256, step=1, label="Size of the shorter side, in pixels",
                            info="A model is at its best at the size of its training pictures.",
                            elem_id="t-size")  # fmt: skip
        with gr.Column(elem_id="t-to"):
            shown = Compare(elem_id="t-compare")
            strip = Blend(elem_id="t-blend", visible="hidden")
    return Parts(notice, model, refresh, direction, source_of, source, pen, examples, seed, count, button,
                 styles, size, shown, strip)  # fmt: skip


def wire(parts: Parts, translating: Translating, opened: gr.Tab, status: gr.HTML) -> None:
    """Connect the components to the handlers."""
    model, direction, source, pen, styles = (
        parts.model, parts.direction, parts.source, parts.pen, parts.styles
    )  # fmt: skip
    quiet = {"show_progress": "hidden"}
    given = [model, direction, source, pen, parts.seed]
    faces = parts.faces
    on([opened.select, parts.refresh.click], translating.look, [model], [model, parts.notice],
       api_name="translators", **quiet)
    on([model.change], translating.choose, [model, styles],
       [direction, *faces, parts.seed, parts.count, styles, parts.size, parts.origin],
       api_name="choose_translator", **quiet)
    on([direction.input], translating.turn, [model, direction],
       faces, api_name="turn", **quiet)
    on([parts.examples.input], translating.open_picture, [model, direction, parts.examples],
       [source, pen, parts.strip], api_name="open_picture", **quiet)
    waiting = {"model": True, "trigger_mode": "always_last", "show_progress": "minimal"}
    waiting |= {"show_progress_on": parts.shown}
    everything, results = [*given, parts.count, styles, parts.size], [parts.shown, status]
    on([parts.button.click, pen.submit], translating.translate, everything, results,
       api_name="translate", **waiting)
    on([source.input, pen.input, parts.seed.change, parts.count.input, styles.change, parts.size.release],
       translating.follow, everything, results, api_name="follow", api_visibility="private", **waiting)
    on([parts.strip.submit], translating.blend, [*given, styles, parts.size], [parts.strip],
       api_name="blend", model=True, show_progress="minimal")
    on([parts.strip.select], translating.keep, [styles], [styles],
       api_name="keep", api_visibility="private", **quiet)
    on([parts.seed.submit], translating.give_way, [], [styles], api_name="clear_styles", **quiet)


def wire_onward(parts: Parts, translating: Translating, tabs: gr.Tabs, paint_style: Look) -> None:
    """Where a result can go: back to the input, or to the Paint tab as its style picture."""
    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    on([parts.shown.select], translating.again, [parts.model, parts.direction],
       [parts.direction, *parts.faces], api_name="again", **quiet)
    on([parts.shown.submit], translating.to_paint, [], [paint_style, tabs], api_name="to_paint", **quiet)
