"""The Video tab: a clip of label maps becomes a film, of the subject that a few pictures show.

Nothing of a user's is kept on the server: films travel as data URIs. The same works without a browser; the
clip is a sheet of label maps (frames of the model's size, row by row), a list of maps, a label video, or one
of the further kinds that `Animating.animate` tells:

    import base64
    from gradio_client import Client

    def uri(path):
        return "data:image/png;base64," + base64.b64encode(open(path, "rb").read()).decode()

    film, status = Client("http://127.0.0.1:7860").predict(
        "fs_vid2vid-sprites", [uri("me.png")], uri("walk.labels.png"), 7, 8, api_name="/animate"
    )
    open("me.mp4", "wb").write(base64.b64decode(film["video"].split(",")[1]))
"""

from collections.abc import Callable
from functools import partial

from app.tabs import Page
from app.tabs.video.handlers import Animating
from app.tabs.video.layout import lay_out, wire

NAME, PLACE = "Video", 3


def build(page: Page) -> Callable[[], None]:
    """Fill the current `gr.Tab`."""
    parts = lay_out()
    page.inlets["video.model"] = parts.chooser.model
    return partial(wire, parts, Animating(page.shelf), page)
