"""The looks of single things on the map."""

from app.components import Widget


class Things(Widget):
    """Looks of single things on the map, [[row, column, look], …]; hidden where there are no `looks`."""

    api = {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}
    example = []

    def __init__(self, value: list | None = None, *, looks: int = 0, **options):
        super().__init__(value or [], looks=looks, **options)

    def preprocess(self, payload):
        """The list that was sent; none is an empty one."""
        return payload or []
