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


class Look(Widget):
    """A picture to take light and colours from, as a data URI; None for none."""

    markup, scripts = "look", ("look",)

    def __init__(self, value: str | None = None, *, side: int = 512, **options):
        super().__init__(value, side=side, **options)


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
