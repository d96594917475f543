"""The strip of pictures to begin with."""

from app import requests
from app.components import Widget


class Pictures(Widget):
    """Pictures to begin with: examples [{"name", "picture": data URI}] or a file; `value` is the chosen.

    `side` is the longest in pixels that is sent, `limit` the most bytes of a file.
    """

    called = "picture to begin with"

    def __init__(
        self,
        value: str | None = None,
        *,
        examples: list[dict[str, str]] | None = None,
        side: int = 1600,
        limit: int = requests.MAX_BYTES,
        **options,
    ):
        super().__init__(value, examples=examples or [], side=side, limit=limit, **options)
