"""One of a few."""

from app.components import Widget


class Choice(Widget):
    """One of a few, side by side: `choices` [{"value", "label"}]; hidden where there is nothing to choose."""

    called = "direction"
    example = "ab"

    def __init__(self, value: str | None = None, *, choices: list[dict[str, str]] | None = None, **options):
        super().__init__(value, choices=choices or [], **options)
