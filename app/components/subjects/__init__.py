"""Pictures of a subject."""

from app import requests
from app.components import PICTURE, Widget


class Subjects(Widget):
    """Pictures of whom a film shows, or its first frame: a list of data URIs.

    `what` says what they are, `least` and `most` how many; `examples` [{"name", "picture": data URI}] are to
    begin with, `canvas` [H, W] the size at which one can be drawn ([]: none can) and `guide` what shines
    through there, `side` is the longest in pixels that is sent, `limit` the most bytes of a file. `turn`
    names the model: what one had comes back with it.
    """

    called = "references"
    api = {"type": "array", "items": {"type": "string"}}
    example = [PICTURE]

    def __init__(
        self,
        value: list[str] | None = None,
        *,
        what: str = "",
        least: int = 0,
        most: int = 1,
        examples: list[dict] | None = None,
        canvas: list[int] | None = None,
        guide: str = "",
        turn: str = "",
        side: int = 512,
        limit: int = requests.MAX_BYTES,
        **options,
    ):
        options |= {"what": what, "least": least, "most": most, "examples": examples or []}
        options |= {"canvas": canvas or [], "guide": guide, "turn": turn}
        super().__init__(value or [], side=side, limit=limit, **options)
