"""A strip of pictures from one style to another."""

from app.components import Widget


class Blend(Widget):
    """A strip of pictures from one style to another: [{"picture": data URI, "mix": list}].

    A mix is [{"seed": int or "style": its place in `Styles`, "weight"}].

    Events: `submit` asks for a strip, `select` (with {mix}) keeps one of its pictures' mixes.
    """

    called = "strip"
    api = {"type": "array", "items": {"type": "object"}}
