"""The clip that drives a film."""

from app import requests
from app.components import Widget


class Clips(Widget):
    """The clip that drives a film, as `app.clips` tells: a sheet, a video, painted frames, a flight …

    `what` is asked for, `examples` [{"name", "group", "picture": data URI of a strip, "frames", "clip"}] are
    to begin with, `paths` the ways in which a camera can fly ([]: there is none), `opens` says what files may
    be opened, `accept` is that for the browser, `labels` whether the maps of any video can be found, `limit`
    the most bytes of a file. `turn` names the model: what one had comes back with it.
    """

    called = "clip"
    api = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}, {"type": "object"}]}

    def __init__(
        self,
        value: str | list[str] | dict | None = None,
        *,
        what: str = "What happens?",
        examples: list[dict] | None = None,
        paths: list[str] | None = None,
        opens: str = "",
        accept: str = "",
        labels: bool = False,
        turn: str = "",
        limit: int = requests.MAX_BYTES,
        **options,
    ):
        options |= {
            "examples": examples or [],
            "paths": paths or [],
            "opens": opens,
            "accept": accept,
            "labels": labels,
            "turn": turn,
        }
        super().__init__(value, what=what, limit=limit, **options)
