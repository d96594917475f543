"""The size at which pictures are translated."""

import gradio as gr

from app.components import Quiet


class Size(gr.Slider, metaclass=Quiet):
    """A slider that hands on whatever was sent, None for the model's own size: handlers check it."""

    is_template = True  # to Gradio's front end it is a Slider

    def preprocess(self, payload):
        """The number that was sent."""
        return payload
