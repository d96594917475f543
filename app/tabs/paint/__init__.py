"""The Paint tab: draw a label map, see it painted.

Nothing of a user's is kept on the server: a request carries the map, the seed and the style picture, so two
browsers cannot mix. The same works without a browser, maps and pictures being data URIs:

    import base64
    from gradio_client import Client

    uri = "data:image/png;base64," + base64.b64encode(open("map.png", "rb").read()).decode()
    picture, status = Client("http://127.0.0.1:7860").predict("spade-camvid", uri, 7, None, api_name="/paint")
    open("street.png", "wb").write(base64.b64decode(picture.split(",")[1]))
"""

from collections.abc import Callable
from functools import partial

from app.tabs import Page
from app.tabs.paint.handlers import Painting
from app.tabs.paint.layout import lay_out, wire

NAME, PLACE = "Paint", 1


def build(page: Page) -> Callable[[], None]:
    """Fill the current `gr.Tab`; other tabs may fill its style picture and choose its model."""
    parts = lay_out()
    page.inlets["paint.model"] = parts.chooser.model
    page.inlets["paint.style"] = parts.style
    return partial(wire, parts, Painting(page.shelf), page)
