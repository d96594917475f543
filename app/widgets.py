"""Components that Gradio does not have: HTML and JavaScript of our own around one value.

Each is a template (`static/<name>.html`, which never changes, so the browser never rebuilds it) and a script
that runs once. Gradio makes a component anew at each update, from the arguments of its `__init__`: so every
property must be one, and `options` are those of `gr.HTML` (Gradio itself passes `render`).
"""

from pathlib import Path

import gradio as gr

from app import uris

STATIC = Path(__file__).parent / "static"


class Widget(gr.HTML):
    """A component from `static/`: `markup` names its template, `scripts` are run in this order."""

    markup: str
    scripts: tuple[str, ...]
    api: dict = {"type": "string"}

    def __init__(self, value=None, **options):
        scripts = [(STATIC / f"{name}.js").read_text(encoding="utf-8") for name in self.scripts]
        super().__init__(
            value,
            html_template=(STATIC / f"{self.markup}.html").read_text(encoding="utf-8"),
            js_on_load="\n".join(scripts),
            apply_default_css=False,
            **{"elem_id": self.markup} | options,
        )

    def __getattr__(self, name: str):
        """Nothing: `gr.HTML` would take every word that the script quotes for an event."""
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def preprocess(self, payload):
        """What the browser sent, untouched: handlers read it, and tell what is wrong as any other error."""
        return payload or None

    def postprocess(self, value):
        """The value, as the script expects it."""
        return value

    def api_info(self) -> dict:
        """The value's JSON schema, for the API's page."""
        return self.api

    def example_payload(self):
        """An example of the value, for the API's page."""
        return "data:image/png;base64,…"

    example_value = example_payload


class Result(Widget):
    """The painted picture, a PNG as a data URI, with buttons to save and enlarge it."""

    markup, scripts = "result", ("result",)


class Seed(Widget):
    """The seed of the look, a whole number, with a dice (its event: `submit`)."""

    markup, scripts = "seed", ("seed",)
    api = {"type": "integer"}

    def preprocess(self, payload):
        """The seed as it was sent; 0 counts."""
        return payload

    def example_payload(self):
        """An example of the value, for the API's page."""
        return 0

    example_value = example_payload


class Refresh(Widget):
    """A button that asks to look for new checkpoints."""

    markup, scripts = "refresh", ("refresh",)


class Picker(gr.Dropdown):
    """A dropdown that hands on whatever was sent: the choices change, and handlers check names themselves."""

    is_template = True  # to Gradio's front end it is a Dropdown

    def preprocess(self, payload):
        """The name that was sent."""
        return payload

    def api_info(self) -> dict:
        """The value's JSON schema: the choices change, so they are not listed in it."""
        return {"type": "string"}


class Size(gr.Slider):
    """A slider that hands on whatever was sent, None for the model's own size: handlers check it."""

    is_template = True

    def preprocess(self, payload):
        """The number that was sent."""
        return payload


class Look(Widget):
    """A picture to take light and colours from, as a data URI; None for none."""

    markup, scripts = "look", ("shrink", "look")

    def __init__(
        self, value: str | None = None, *, side: int = 512, limit: int = uris.MAX_BYTES, **options
    ):
        super().__init__(value, side=side, limit=limit, **options)


class Things(Widget):
    """Looks of single things on the map, [[row, column, look], …]; hidden where there are no `looks`."""

    markup, scripts = "things", ("things",)
    api = {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}

    def __init__(self, value: list | None = None, *, looks: int = 0, **options):
        super().__init__(value or [], looks=looks, **options)

    def preprocess(self, payload):
        """The list that was sent; none is an empty one."""
        return payload or []

    def example_payload(self):
        """An example of the value, for the API's page."""
        return []

    example_value = example_payload


class Variations(Widget):
    """Other looks of the same map, [{"seed": int, "picture": data URI}]; a click selects one."""

    markup, scripts = "variations", ("variations",)
    api = {"type": "array", "items": {"type": "object"}}


class Maps(Widget):
    """Label maps to begin with: examples [{"name", "picture": data URI}] or a file; `value` is the chosen."""

    markup, scripts = "maps", ("maps",)

    def __init__(
        self,
        value: str | None = None,
        *,
        examples: list[dict] | None = None,
        limit: int = uris.MAX_BYTES,
        **options,
    ):
        super().__init__(value, examples=examples or [], limit=limit, **options)


class Compare(Widget):
    """A picture before and after, with a slider between, and the looks to choose from under it.

    Its value is {"before": data URI, "pictures": [{"picture": data URI, "label": str}], "names": [2 words]}.

    Events: `select` (with {picture}) sends the shown picture to be the next input, `submit` to be the style
    of the Paint tab.
    """

    markup, scripts = "compare", ("compare",)
    api = {"type": "object"}


class Source(Widget):
    """The photograph to translate, a data URI, with a camera. What is dropped on it goes to `Pictures`.

    `turn` names the model and its direction: where it changes, the picture is to be translated anew. Then a
    picture of the user's `own` stays, and any other gives way to `first`.

    Event: `input` when there is something to translate, or nothing any more.
    """

    markup, scripts = "source", ("source",)

    def __init__(
        self, value: str | None = None, *, turn: str = "", first: str = "", own: bool = False, **options
    ):
        super().__init__(value, turn=turn, first=first, own=own, **options)


class Pictures(Widget):
    """Pictures to begin with: examples [{"name", "picture": data URI}] or a file; `value` is the chosen.

    `side` is the longest in pixels that is sent, `limit` the most bytes of a file.
    """

    markup, scripts = "pictures", ("shrink", "pictures")

    def __init__(
        self,
        value: str | None = None,
        *,
        examples: list[dict] | None = None,
        side: int = 1600,
        limit: int = uris.MAX_BYTES,
        **options,
    ):
        super().__init__(value, examples=examples or [], side=side, limit=limit, **options)


class Choice(Widget):
    """One of a few, side by side: `options` [{"value", "label"}]; hidden where there is nothing to choose."""

    markup, scripts = "choice", ("choice",)

    def __init__(self, value: str | None = None, *, choices: list[dict] | None = None, **options):
        super().__init__(value, choices=choices or [], **options)

    def example_payload(self):
        """An example of the value, for the API's page."""
        return "ab"

    example_value = example_payload


class Count(Widget):
    """How many looks to show, a whole number from 1 to 8."""

    markup, scripts = "count", ("count",)
    api = {"type": "integer"}

    def example_payload(self):
        """An example of the value, for the API's page."""
        return 1

    example_value = example_payload


class Styles(Widget):
    """What the style is mixed from: [{"picture": data URI or "seed": int, "weight": from 0 to 1}].

    `side` is the longest in pixels that is sent, `most` how many there may be, `needed` whether the model
    cannot do without, `sets` [{"name", "pictures": [data URI]}] examples to begin with.
    """

    markup, scripts = "styles", ("shrink", "styles")
    api = {"type": "array", "items": {"type": "object"}}

    def __init__(
        self,
        value: list[dict] | None = None,
        *,
        side: int = 512,
        most: int = 8,
        needed: bool = False,
        sets: list[dict] | None = None,
        limit: int = uris.MAX_BYTES,
        **options,
    ):
        sets = sets or []
        super().__init__(value or [], side=side, most=most, needed=needed, sets=sets, limit=limit, **options)

    def example_payload(self):
        """An example of the value, for the API's page."""
        return [{"picture": "data:image/png;base64,…", "weight": 1}]

    example_value = example_payload


class Blend(Widget):
    """A strip of looks from one style to another: [{"picture": data URI, "mix": list}].

    A mix is [{"seed": int or "style": its place in `Styles`, "weight"}].

    Events: `submit` asks for a strip, `select` (with {mix}) keeps one of its looks.
    """

    markup, scripts = "blend", ("blend",)
    api = {"type": "array", "items": {"type": "object"}}
