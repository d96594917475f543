"""The picture that was painted."""

from app.components import Widget


class Result(Widget):
    """The painted picture, a PNG as a data URI, with buttons to save and enlarge it."""

    called = "picture"
