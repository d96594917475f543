"""The button that looks for new checkpoints."""

from app.components import Widget


class Refresh(Widget):
    """A button that asks to look for new checkpoints. Event: `click`."""
