"""The clip that drives a film."""

from app import requests
from app.components import Widget


class Clips(Widget):
    """The clip of label maps that drives a film: a data URI of a sheet or a video, or a list of maps.

    `examples` [{"name", "group", "picture": data URI of a strip, "frames"}] are to begin with, `films` says
    what videos may show, `limit` is the most bytes of a file.
    """

    api = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}

    def __init__(
        self,
        value: str | list[str] | None = None,
        *,
        examples: list[dict] | None = None,
        films: str = "a label video",
        limit: int = requests.MAX_BYTES,
        **options,
    ):
        super().__init__(value, examples=examples or [], films=films, limit=limit, **options)
