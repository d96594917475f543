"""The same map painted under other seeds."""

from app.components import Widget


class Variations(Widget):
    """Pictures of the same map, [{"seed": int, "picture": data URI}].

    Events: `submit` asks for them, `select` (with {seed}) takes one.
    """

    api = {"type": "array", "items": {"type": "object"}}
