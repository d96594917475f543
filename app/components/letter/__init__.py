"""A scrap of paper for one letter, to be taken as a style picture."""

from app.components.canvas import LabelCanvas


class Letter(LabelCanvas):
    """The pen without files and without live pictures: its value is a map of `drawings.LETTER`.

    Event: `submit` for Ctrl+Enter.
    """

    called = "drawn letter"
