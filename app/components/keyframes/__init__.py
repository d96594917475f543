"""Key frames: some frames of a film are painted, and the maps of the others follow."""

from app import requests
from app.components import PICTURE, Widget


class Keyframes(Widget):
    """A film and the maps painted for some of its frames: {"film": data URI, "maps": {"0": data URI, …}}.

    `palette` is that of `Palette.to_list`, `frames` the film's pictures (data URIs), `carried` the maps of
    all frames that follow from the painted ones, `labels` whether a frame's map can be found, `found` one
    that was: [number, data URI], `rate` frames a second, `limit` the most bytes of a film.

    Events: `upload` when a film was opened, `input` when a frame was painted, `submit` when the map of one,
    {"frame": data URI, "at": number}, is to be found.
    """

    called = "painted film"
    api = {"type": "object"}
    example = {"film": "data:video/mp4;base64,…", "maps": {"0": PICTURE}}

    def __init__(
        self,
        value: dict | None = None,
        *,
        palette: list[dict] | None = None,
        frames: list[str] | None = None,
        carried: list[str] | None = None,
        labels: bool = False,
        found: list | None = None,
        rate: float = 8,
        limit: int = requests.MAX_BYTES,
        **options,
    ):
        options |= {"palette": palette or [], "frames": frames or [], "carried": carried or []}
        options |= {"labels": labels, "found": found or []}
        super().__init__(value, rate=rate, limit=limit, **options)
