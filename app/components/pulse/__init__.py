"""A timer, which has a name in the API."""

import gradio as gr

from app.components import Quiet


class Pulse(gr.Timer, metaclass=Quiet):
    """Ticks every so many seconds while it is active; shows nothing."""

    is_template = True  # for the browser it is Gradio's

    def get_config(self) -> dict:
        """As the timer's, with a label: without one the API would call it by a number."""
        return super().get_config() | {"label": "timer"}
