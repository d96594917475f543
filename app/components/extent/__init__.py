"""The size of the picture."""

from app.components import Widget


class Extent(Widget):
    """The longer side of the picture in pixels; 0 for the size of the map. Event: `input`."""

    api, example = {"type": "integer"}, 512

    def preprocess(self, payload):
        """The number that was sent; 0 counts."""
        return payload
