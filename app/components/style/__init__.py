"""The style picture of the Paint tab."""

from app import requests
from app.components import Widget


class StylePicture(Widget):
    """A picture to take light and colours from, as a data URI; None for none.

    `side` is the longest in pixels that is sent, `limit` the most bytes of a file.
    """

    def __init__(
        self, value: str | None = None, *, side: int = 512, limit: int = requests.MAX_BYTES, **options
    ):
        super().__init__(value, side=side, limit=limit, **options)
