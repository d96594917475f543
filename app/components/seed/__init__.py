"""The seed, and the dice that rolls it."""

from app.components import Widget

FIRST_SEED = 12  # in the landscapes, a clear summer day


class Seed(Widget):
    """The seed of the style, a whole number, with a dice (its event: `submit`)."""

    api, example = {"type": "integer"}, 0

    def __init__(self, value: int | None = FIRST_SEED, **options):
        super().__init__(value, **options)

    def preprocess(self, payload):
        """The seed as it was sent; 0 counts."""
        return payload
