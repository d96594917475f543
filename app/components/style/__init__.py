"""The style of the Paint tab."""

from app import requests
from app.components import PICTURE, Widget


class StylePicture(Widget):
    """Where light and colours come from: {"parts": [{"picture" or "ready", "weight"}], "strength"}.

    A picture's data URI alone is such a style, too, and None is none. `ready` are pictures of the styles
    that `checkpoint`, a name, brings along; `side` is the longest in pixels that is sent, `limit` the most
    bytes of a file, `most` how many can be mixed.
    """

    called = "style"
    api = {}
    example = {"parts": [{"picture": PICTURE, "weight": 1}], "strength": 1}

    def __init__(
        self,
        value: str | dict | None = "",
        *,
        ready: list[str] | None = None,
        checkpoint: str = "",
        side: int = 512,
        limit: int = requests.MAX_BYTES,
        most: int = 3,
        **options,
    ):
        facts = {"ready": ready or [], "checkpoint": checkpoint, "side": side, "limit": limit, "most": most}
        super().__init__(value, **facts, **options)
