"""Pen and paper, for the models of edges."""

from app.components.canvas import LabelCanvas


class Pen(LabelCanvas):
    """The painter with pen and eraser only: its value is a map of `drawings.INK`, its events are the same."""

    called = "drawing"
