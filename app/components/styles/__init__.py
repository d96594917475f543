"""What a style is mixed from."""

from app import requests
from app.components import PICTURE, Widget


class Styles(Widget):
    """What the style is mixed from: [{"picture": data URI or "seed": int, "weight": from 0 to 1}].

    At less than its full strength it is {"parts": such a list, "strength": from 0 to 1}. `side` is the
    longest in pixels that is sent, `most` how many there may be, `needed` whether the model cannot do
    without, `drawn` whether the rest of a style can be a seed's look, `sets` [{"name", "pictures": [data
    URI]}] examples to begin with. `turn` names the model: what one had comes back with it.
    """

    api = {"anyOf": [{"type": "array", "items": {"type": "object"}}, {"type": "object"}]}
    example = [{"picture": PICTURE, "weight": 1}]

    def __init__(
        self,
        value: list[dict] | dict | None = None,
        *,
        side: int = 512,
        most: int = 8,
        needed: bool = False,
        drawn: bool = False,
        sets: list[dict] | None = None,
        turn: str = "",
        limit: int = requests.MAX_BYTES,
        **options,
    ):
        facts = {"side": side, "most": most, "needed": needed, "drawn": drawn, "sets": sets or []}
        super().__init__(value or [], limit=limit, turn=turn, **facts, **options)
