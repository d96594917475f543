"""How many."""

from app.components import Widget


class Count(Widget):
    """How many variations to show, a whole number from 1 to 8."""

    api, example = {"type": "integer"}, 1
