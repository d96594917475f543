"""The strip of label maps to begin with, and photographs whose maps are found."""

from app import requests
from app.components import Widget


class Maps(Widget):
    """Label maps to begin with: examples [{"name", "picture": data URI}] or a file; `value` is the chosen.

    `labels` says whether photographs can be labelled, `side` how long they are sent at most, in pixels;
    `limit` is the most bytes of a file.

    Events: `input` when the value is a label map, `upload` when it is a photograph.
    """

    called = "map to begin with"

    def __init__(
        self,
        value: str | None = None,
        *,
        examples: list[dict[str, str]] | None = None,
        labels: bool = False,
        side: int = 1024,
        limit: int = requests.MAX_BYTES,
        **options,
    ):
        super().__init__(value, examples=examples or [], labels=labels, side=side, limit=limit, **options)
