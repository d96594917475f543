"""Checkpoints as cards."""

from app.components import Widget


class Cards(Widget):
    """A card for each checkpoint; see `app.tabs.models.handlers.Models.card` for what one holds.

    `large` {"name", "picture": data URI} opens a dialog. Events, each with {name}: `select` opens it in its
    tab, `expand` asks for its samples, `clear` takes it out of memory, `download` asks for it as ONNX.
    """

    api = {"type": "array", "items": {"type": "object"}}
    example = []

    def __init__(
        self, value: None = None, *, cards: list[dict] | None = None, large: dict | None = None, **options
    ):
        super().__init__(value, cards=cards or [], large=large or {}, **options)
