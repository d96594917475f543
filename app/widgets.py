"""Components that Gradio does not have: HTML and JavaScript of our own around one value.

Each is a template (`static/<name>.html`, which never changes, so the browser never rebuilds it) and a script that runs
once. Gradio makes a component anew at each update, so every property must be an explicit argument of `__init__`.
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

    def __init__(self, value=None, *, elem_id: str | None = None, **props):
        super().__init__(
            value,
            html_template=(STATIC / f"{self.markup}.html").read_text(encoding="utf-8"),
            js_on_load="\n".join((STATIC / f"{name}.js").read_text(encoding="utf-8") for name in self.scripts),
            apply_default_css=False,
            elem_id=elem_id or self.markup,
            **props,
        )

    def preprocess(self, payload):
        """What the browser sent, untouched: handlers read it, so that what is wrong is told as any other error."""
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

    def __init__(self, value: str | None = None, *, elem_id: str | None = None):
        super().__init__(value, elem_id=elem_id)


class Look(Widget):
    """A picture to take light and colours from, as a data URI; None for none."""

    markup, scripts = "look", ("look",)

    def __init__(self, value: str | None = None, *, side: int = 512, elem_id: str | None = None):
        super().__init__(value, side=side, elem_id=elem_id)


class Variations(Widget):
    """Other looks of the same map, [{"seed": int, "picture": data URI}]; a click selects one."""

    markup, scripts = "variations", ("variations",)
    api = {"type": "array", "items": {"type": "object"}}

    def __init__(self, value: list | None = None, *, elem_id: str | None = None):
        super().__init__(value, elem_id=elem_id)


class Maps(Widget):
    """Label maps to begin with: examples [{"name", "picture": data URI}] or a file. The value is the chosen one."""

    markup, scripts = "maps", ("maps",)

    def __init__(
        self,
        value: str | None = None,
        *,
        examples: list[dict] | None = None,
        limit: int = uris.MAX_BYTES,
        elem_id: str | None = None,
    ):
        super().__init__(value, examples=examples or [], limit=limit, elem_id=elem_id)
