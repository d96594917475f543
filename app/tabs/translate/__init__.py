"""The Translate tab: a picture or a drawing becomes one of another domain, or of the class of a few pictures.

As in Paint, nothing of a user's is kept on the server. The same works without a browser, pictures being data
URIs; a style is a list of pictures and seeds with weights, and an empty list leaves it to the seed:

    import base64
    from gradio_client import Client

    uri = "data:image/jpeg;base64," + base64.b64encode(open("cat.jpg", "rb").read()).decode()
    shown, status = Client("http://127.0.0.1:7860").predict(
        "unit-cat2dog", "ab", uri, None, 7, 1, [], None, api_name="/translate"
    )
    open("dog.png", "wb").write(base64.b64decode(shown["pictures"][0]["picture"].split(",")[1]))
"""

from collections.abc import Callable
from functools import partial

from app.tabs import Page
from app.tabs.translate.handlers import Translating
from app.tabs.translate.layout import lay_out, wire

NAME, PLACE = "Translate", 2


def build(page: Page) -> Callable[[], None]:
    """Fill the current `gr.Tab`; results can go to the Paint tab's style picture."""
    parts = lay_out()
    page.inlets["translate.model"] = parts.chooser.model
    return partial(wire, parts, Translating(page.shelf), page)
