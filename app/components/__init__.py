"""Components: a folder each, with all that makes one, `__init__.py` and NAME.html, NAME.js, NAME.css.

The template never changes, so the browser never rebuilds it; the script runs once. Gradio makes a component
anew at each update, from the arguments of its `__init__`: so every property must be one, and `options` are
those of `gr.HTML` (Gradio itself passes `render`).
"""

import base64
import inspect
import io
from pathlib import Path

import gradio as gr
from gradio.component_meta import ComponentMeta, updateable
from PIL import Image

from app.scripts import bundle

STYLESHEETS = sorted(Path(__file__).parent.glob("*/*.css"))


class Quiet(ComponentMeta):
    """Makes components as Gradio does, but writes no .pyi file beside the module: an installation may be
    read-only, and there are no events of ours to tell editors about. Gradio has no switch for it.
    """

    def __new__(cls, name: str, bases: tuple[type, ...], attributes: dict[str, object]):
        """The class; its `__init__` keeps its arguments, which Gradio needs for updates."""
        if "__init__" in attributes:
            attributes["__init__"] = updateable(attributes["__init__"])
        return super(ComponentMeta, cls).__new__(cls, name, bases, attributes)


def example_picture() -> str:
    """A whole picture to try the API with, which is a label map too: class 0 above class 1, as a data URI."""
    picture = Image.new("P", (64, 64))
    picture.putpalette([135, 181, 224, 111, 143, 78])
    picture.paste(1, (0, 32, 64, 64))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


PICTURE = example_picture()


class Widget(gr.HTML, metaclass=Quiet):
    """A component of our own: HTML and JavaScript around one value, from the folder of its class.

    `called` is what the API calls the value, where the folder's name is not it; `example` is one.
    """

    called: str = ""
    api: dict = {"type": "string"}
    example: str | int | list | dict = PICTURE

    def __init__(self, value: str | int | list | dict | None = None, **options):
        folder = Path(inspect.getfile(type(self))).parent
        options = {"label": self.called or folder.name} | options
        super().__init__(
            value,
            html_template=(folder / f"{folder.name}.html").read_text(encoding="utf-8"),
            js_on_load=bundle(folder / f"{folder.name}.js"),
            apply_default_css=False,
            **{"elem_id": folder.name, "elem_classes": ["widget", f"{folder.name}-widget"]} | options,
        )

    def __getattr__(self, name: str):
        """Nothing: `gr.HTML` would take every word that the script quotes for an event."""
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def preprocess(self, payload):
        """What the browser sent, untouched: handlers read it, and tell what is wrong as any other error."""
        return payload or None

    def postprocess(self, value):
        """The value, as the script expects it."""
        return value

    def api_info(self) -> dict:
        """The value's JSON schema, for the API's page."""
        return self.api

    def example_payload(self) -> str | int | list:
        """An example of the value, for the API's page."""
        return self.example

    def example_value(self) -> str | int | list:
        """The same, as Python has it."""
        return self.example
