"""The strip of label maps to begin with."""

from app import requests
from app.components import Widget


class Maps(Widget):
    """Label maps to begin with: examples [{"name", "picture": data URI}] or a file; `value` is the chosen.

    `limit` is the most bytes of a file.
    """

    def __init__(
        self,
        value: str | None = None,
        *,
        examples: list[dict[str, str]] | None = None,
        limit: int = requests.MAX_BYTES,
        **options,
    ):
        super().__init__(value, examples=examples or [], limit=limit, **options)
