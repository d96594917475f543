"""The photograph to translate."""

from app.components import Widget


class Source(Widget):
    """The photograph to translate, a data URI, with a camera. What is dropped on it goes to `Pictures`.

    `turn` names the model and its direction: where it changes, the picture is to be translated anew. Then a
    picture of the user's `own` stays, and any other gives way to `first`.

    Event: `input` when there is something to translate, or nothing any more.
    """

    called = "picture"

    def __init__(
        self, value: str | None = None, *, turn: str = "", first: str = "", own: bool = False, **options
    ):
        super().__init__(value, turn=turn, first=first, own=own, **options)
