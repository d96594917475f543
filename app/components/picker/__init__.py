"""The choice of a checkpoint."""

import gradio as gr


class Picker(gr.Dropdown):
    """A dropdown that hands on whatever was sent: the choices change, and handlers check names themselves."""

    is_template = True  # to Gradio's front end it is a Dropdown
    example = ""  # for the API's page

    def preprocess(self, payload):
        """The name that was sent."""
        return payload

    def api_info(self) -> dict:
        """The value's JSON schema: the choices change, so they are not listed in it."""
        return {"type": "string"}

    def example_payload(self) -> str:
        """A name, for the API's page."""
        return self.example

    def example_value(self) -> str:
        """The same, as Python has it."""
        return self.example
