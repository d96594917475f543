"""The last results of this browser."""

from app.components import Widget


class History(Widget):
    """The last results of this browser, kept in it alone; `value` is the record that is to be brought back.

    Event: `input`, when one was chosen, or a picture with a record was dropped or opened, or a link was.
    """

    api = {"type": "object"}
    example = {"cgan": 1, "model": "spade-landscape", "seed": 7, "map": "data:image/png;base64,…"}
