"""A picture before and after."""

from app.components import Widget


class Compare(Widget):
    """A picture before and after, with a slider between, and the variations to choose from under it.

    Its value is {"before": data URI, "pictures": [{"picture": data URI, "label": str}], "names": [2 words]}.

    Events: `select` (with {picture}) sends the shown picture to be the next input, `submit` to be the style
    of the Paint tab.
    """

    called = "pictures"
    api = {"type": "object"}
