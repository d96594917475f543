"""A sheet of all contents in one style: an alphabet."""

from app.components import Widget


class Sheet(Widget):
    """A picture, as a data URI, that can be saved; without one there is nothing to see."""
