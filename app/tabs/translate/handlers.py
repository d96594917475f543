"""What the Translate tab does, apart from how it looks."""

import secrets
import time
from dataclasses import dataclass
from functools import partial

import gradio as gr
import numpy as np

from app import requests
from app.choosing import Update, listed, origin
from app.drawings import INK, LETTER, as_drawing, blank, drawing_size, is_blank, letter_size
from app.examples import is_example
from app.maps import write_map
from app.shelf import Shelf
from app.styles import MAX_STYLES, Blend, Encoder, Part, mark, parts_of, path, read_mix, weighted
from app.tabs.translate.turns import (
    browser_cannot,
    directions,
    draws,
    ends,
    inputs,
    kept_styles,
    known,
    letters,
    own_styles,
    scaled,
    style_sets,
)
from cgan import CheckpointError, DataError
from cgan.tasks import Translator

MAX_VARIATIONS = 8
STEPS = 7  # pictures of a strip between styles
NO_TRANSLATOR = "There is no translator yet. Make one: python -m train munit --out checkpoints/translator"
NO_PICTURE = "open one, or choose an example"
NOTHING_DRAWN = "draw one, or choose an example"
NO_STYLE = "add one or more pictures of what it should become"


@dataclass(frozen=True)
class Task:
    """What is to be translated, by which model, in which direction and in which style, if one is wanted."""

    translator: Translator
    direction: str
    picture: np.ndarray  # uint8 (H, W, 3)
    style: Blend | None


class Translating:
    """The answers to the events of the tab, a method each. Pictures and drawings are data URIs."""

    def __init__(self, shelf: Shelf):
        self.shelf, self.encoder = shelf, Encoder()

    def translators(self, name: str | None) -> tuple[Update, Update]:
        """List the translators: the picker's choices and a notice about what is missing or broken."""
        return listed(self.shelf, "translate", name, NO_TRANSLATOR)

    def choose(self, name: str | None, styles: list | dict | None) -> tuple[Update | str, ...]:
        """Prepare the tab for a translator; tell where it comes from. A picture of the user's own stays."""
        if not name:
            return *[gr.skip()] * 13, ""
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
                needed=not random, drawn=random, sets=examples, turn=name, visible=styled,
            ),
            gr.update(value=min(translator.size)),
            *self._letters(translator),
            origin(translator.checkpoint),
        )  # fmt: skip

    def turn(
        self, name: str, direction: str, styles: list | dict | None = None
    ) -> tuple[Update, Update, Update, list, Update]:
        """Prepare the input for a direction: paper and pen where it is drawn, else a photograph.

        Styles from examples stay where the direction goes to what they show.
        """
        translator = self._translator(name)
        direction = known(translator, direction)
        return *self._inputs(translator, direction), self._styles(translator, direction, styles)

    def open_picture(self, name: str, direction: str, picture: str) -> tuple[Update, Update | str, list]:
        """Bring a picture to where it is translated; for a drawing, the outlines of a photograph."""
        translator = self._translator(name)
        opened = requests.read_picture(picture, "the picture")
        if not draws(translator, known(translator, direction)):
            shown = requests.picture_uri(opened) if browser_cannot(picture) else picture
            return gr.update(value=shown, own=not is_example(picture)), gr.skip(), []
        lines = as_drawing(opened, drawing_size(translator.size))
        return gr.skip(), write_map(lines, INK), []

    def translate(
        self, name: str, direction: str, picture: str | None, drawing: str | None, seed: int, count: int,
        styles: list | dict | None, size: int | None,
    ) -> tuple[dict, str]:  # fmt: skip
        """Translate a picture (or a drawing, where the model takes some): before, after, and the status.

        `styles`: [{"picture": …, "weight": 1}, …], up to eight that are mixed, {"seed": 3} the look of a
        seed; none leaves the look to the seed. {"parts": such a list, "strength": 0.5} is half the style,
        half the look of the seed.
        """
        task = self._task(name, direction, picture, drawing, styles, size)
        requests.check_seed(seed)
        if type(count) is not int or not 1 <= count <= MAX_VARIATIONS:
            allowed = f"it must be a whole number from 1 to {MAX_VARIATIONS}"
            raise DataError(f"the number of looks is {count!r}; {allowed}")
        translator, random = task.translator, task.translator.styles == "random"
        start = time.perf_counter()
        results = self._looks(task, seed, count if random else 1)
        spent = (time.perf_counter() - start) * 1000
        by_seed = random and (task.style is None or task.style.strength < 1)
        shown = {
            "before": requests.picture_uri(task.picture),
            "names": list(ends(translator, task.direction)),
            "drawn": draws(translator, task.direction),
            "pictures": [
                {
                    "picture": requests.picture_uri(result),
                    "label": f"Seed {seed + i}" if by_seed else f"Look {i + 1}",
                }
                for i, result in enumerate(results)
            ],
        }
        return shown, f"{name} · {translator.runtime.describe()} · {spent:.0f} ms"

    def follow(
        self, name: str | None, direction: str, picture: str | None, drawing: str | None, seed: int,
        count: int, styles: list | dict | None, size: int | None,
    ) -> tuple[dict, str | Update]:  # fmt: skip
        """Translate after a change of the tab; what is still to come is a hint, not an error."""
        if not name:
            return gr.skip(), gr.skip()
        translator = self.shelf.translator(name)
        drawn = draws(translator, known(translator, direction))
        if not (drawing if drawn else picture):
            return hint("picture", NO_PICTURE), gr.skip()
        if drawn and is_blank(requests.read_picture(drawing or "", "the drawing")):
            return hint("drawing", NOTHING_DRAWN), gr.skip()
        if translator.styles == "pictures" and not parts_of(styles):
            return hint("style", NO_STYLE), gr.skip()
        return self.translate(name, direction, picture, drawing, seed, count, styles, size)

    def blend(
        self, name: str, direction: str, picture: str | None, drawing: str | None, seed: int,
        styles: list | dict | None, size: int | None,
    ) -> list[dict]:  # fmt: skip
        """Walk from one style to the next in seven steps; from a single one, to a look drawn anew."""
        task = self._task(name, direction, picture, drawing, styles, size)
        requests.check_seed(seed)
        stops, keys = [Part(1.0, seed=seed)], [{"seed": seed}]
        if task.style is not None:
            stops = task.style.parts
            keys = [{"style": place, "mark": mark(part)} for place, part in enumerate(parts_of(styles))]
        if len(stops) == 1:
            if task.translator.styles != "random":
                raise DataError("a blend needs two style pictures: add another one")
            other = secrets.randbelow(requests.MAX_SEED)
            keys.append({"seed": other})
            stops = [*stops, Part(1.0, seed=other)]
        strip = []
        for weights in path(len(stops), STEPS):
            style = self.encoder.mixed(task.translator, weighted(stops, weights), task.direction, seed)
            result = task.translator.translate(task.picture, style, direction=task.direction)[0]
            mix = [key | {"weight": weight} for key, weight in zip(keys, weights, strict=True)]
            strip.append({"picture": requests.picture_uri(result), "mix": mix})
        return strip

    def keep(self, styles: list | dict | None, event: gr.EventData) -> list[dict]:
        """Keep a look of the strip: its weights become those of the styles, at full strength as there."""
        styles = parts_of(styles)
        kept = []
        for part in event.mix:
            source = {"seed": part["seed"]} if "seed" in part else None
            if source is None:
                if part["style"] >= len(styles) or mark(styles[part["style"]]) != part["mark"]:
                    raise DataError("the styles have changed since this strip was made: make another one")
                source = styles[part["style"]]
            kept.append(source | {"weight": round(part["weight"], 3)})
        return kept

    def again(
        self, name: str, direction: str, styles: list | dict | None, event: gr.EventData
    ) -> tuple[str | Update | list, ...]:
        """Take a result as the next input, and turn round where the model goes both ways."""
        translator = self._translator(name)
        onward = [other for other in translator.directions if other != direction] or [direction]
        source, pen, *rest = self._inputs(translator, onward[0])
        if draws(translator, onward[0]):
            picture = requests.read_picture(event.picture, "the picture")
            lines = as_drawing(picture, drawing_size(translator.size))
            pen |= {"value": write_map(lines, INK)}
        else:
            source |= {"value": event.picture, "own": True}
        return onward[0], source, pen, *rest, self._styles(translator, onward[0], styles)

    def to_paint(self, event: gr.EventData) -> tuple[str, gr.Tabs]:
        """Take a result as the style picture of the Paint tab, and go there."""
        return event.picture, gr.Tabs(selected="paint")

    def alphabet(self, name: str, styles: list | dict | None) -> str:
        """Make all that the checkpoint brought along, as letters, in one style: a sheet, as a data URI."""
        translator = self._translator(name)
        if not translator.contents:
            raise DataError(f"{name} has no alphabet: it brought no contents along")
        blend = read_mix(styles, translator)
        if blend is None:
            raise DataError(f"this model takes its style from pictures: {NO_STYLE}")
        style = self.encoder.mixed(translator, blend, translator.directions[0], 0)
        return requests.picture_uri(translator.sheet(style))

    def add_letter(self, drawing: str | None, styles: list | dict | None) -> tuple[list[dict], str]:
        """Take a drawn letter as one more style picture, and lay new paper; examples make room for it."""
        picture = requests.read_picture(drawing, "the letter") if drawing else None
        if picture is None or is_blank(picture):
            raise DataError("there is no letter yet: draw one")
        own = own_styles(styles)
        if len(own) >= MAX_STYLES:
            raise DataError(f"there is room for {MAX_STYLES} styles: remove one first")
        return [*own, {"picture": drawing, "weight": 1.0}], blank(picture.shape[:2])

    def give_way(self) -> list:
        """The dice was rolled: the styles go, so that the seed's look shows."""
        return []

    def _looks(self, task: Task, seed: int, count: int) -> np.ndarray:
        """The translations of a task, uint8 (count, H, W, 3).

        A style at full strength strays a little from one to the next; a weaker one leaves room for the looks
        of as many seeds.
        """
        blend, translate = task.style, partial(task.translator.translate, direction=task.direction)
        if blend is None:
            return translate(task.picture, seed=seed, variations=count)
        mixed = partial(self.encoder.mixed, task.translator, blend, task.direction)
        if blend.strength == 1:
            return translate(task.picture, mixed(seed), seed=seed, variations=count)
        return np.concatenate([translate(task.picture, mixed(seed + i)) for i in range(count)])

    def _translator(self, name: str | None) -> Translator:
        if not name:
            raise CheckpointError(NO_TRANSLATOR)
        return self.shelf.translator(name)

    def _letters(self, translator: Translator) -> tuple[Update, Update, Update, Update]:
        """Updates for the paper of a letter and its button, for "Alphabet", and for the sheet, which goes."""
        there, drawn = bool(translator.contents), letters(translator)
        paper = gr.update(checkpoint="", visible="hidden")
        if drawn:
            size = letter_size(translator.size)
            named = f"{translator.checkpoint.name} letter"
            paper = gr.update(checkpoint=named, palette=LETTER.to_list(), size=list(size), visible=True)
        button, sheet = ({"visible": each or "hidden"} for each in (drawn, there))
        return paper, gr.update(**button), gr.update(**sheet), gr.update(value="", **sheet)

    def _styles(self, translator: Translator, direction: str, styles: list | dict | None) -> Update:
        """An update of the styles for a direction: its examples, and of those chosen what fits."""
        there, own = style_sets(translator, direction), own_styles(styles)
        if there or len(own) == len(parts_of(styles)):
            return gr.update(sets=there)
        return gr.update(value=styles | {"parts": own} if isinstance(styles, dict) else own, sets=there)

    def _inputs(self, translator: Translator, direction: str) -> tuple[Update, Update, Update, list]:
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
            lines = write_map(as_drawing(requests.read_picture(first, "the example"), size), INK)
        pen = gr.update(checkpoint=turn, palette=INK.to_list(), size=list(size), first=lines, visible=True)
        return gr.update(turn="", visible="hidden"), pen, gr.update(examples=examples), []

    def _task(
        self, name: str | None, direction: str | None, picture: str | None, drawing: str | None,
        styles: list | dict | None, size: int | None,
    ) -> Task:  # fmt: skip
        """Check what was sent and bring the picture to the size at which it is translated."""
        translator = self._translator(name)
        direction = known(translator, direction)
        given = (drawing or picture) if draws(translator, direction) else picture
        if not given:
            raise DataError(f"there is no picture to translate: {NO_PICTURE}")
        blend = read_mix(styles, translator)
        if translator.styles == "pictures" and blend is None:
            raise DataError(f"this model takes its style from pictures: {NO_STYLE}")
        whole = requests.read_picture(given, "the picture")
        if draws(translator, direction) and is_blank(whole):
            raise DataError(f"there is nothing on the paper: {NOTHING_DRAWN}")
        return Task(translator, direction, scaled(whole, size, translator.size), blend)


def hint(what: str, remedy: str) -> dict:
    """A result that says what is still to come."""
    return {"pictures": [], "hint": f"Which {what}? {remedy.capitalize()}."}
