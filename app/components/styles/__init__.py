"""What a style is mixed from."""

from app import requests
from app.components import PICTURE, Widget


class Styles(Widget):
    """What the style is mixed from: [{"picture": data URI or "seed": int, "weight": from 0 to 1}].

    `side` is the longest in pixels that is sent, `most` how many there may be, `needed` whether the model
    cannot do without, `sets` [{"name", "pictures": [data URI]}] examples to begin with.
    """

    api = {"type": "array", "items": {"type": "object"}}
    example = [{"picture": PICTURE, "weight": 1}]

    def __init__(
        self,
        value: list[dict] | None = None,
        *,
        side: int = 512,
        most: int = 8,
        needed: bool = False,
        sets: list[dict] | None = None,
        limit: int = requests.MAX_BYTES,
        **options,
    ):
        sets = sets or []
        super().__init__(value or [], side=side, most=most, needed=needed, sets=sets, limit=limit, **options)
