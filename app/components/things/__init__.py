"""The looks of single things on the map."""

from app.components import Widget


class Things(Widget):
    """Looks of single things on the map, [[row, column, look], …]; hidden where there are no `looks`.

    `thing` [row, column, look] joins them: what the thing that was clicked becomes. Events: `input`, and
    `select` (with {row, column}) for a thing that was clicked and has the seed's look, or the style's.
    """

    api = {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}
    example = []

    def __init__(self, value: list | None = None, *, looks: int = 0, thing: list | None = None, **options):
        super().__init__(value or [], looks=looks, thing=thing or [], **options)

    def preprocess(self, payload):
        """The list that was sent; none is an empty one."""
        return payload or []
