"""A film that is being made, or is made."""

from app.components import Widget


class Film(Widget):
    """A film beside the maps that it is made of.

    While it is made its value is {"frame", "map": data URIs, "made", "count", "speed"}, and "live" where a
    camera drives it; then {"video", "input", "both", "gif", "large":
    data URIs, "made", "rate", "stopped", "sound"}, or for all actions of a character {"sheet": data URI,
    "gifs": [{"name", "gif", "large"}], …}; GIFs may still be to come. Where a
    video drives the film that is no map itself, there are "source" and "beside" too: that video, and it
    beside the film. {"hint"} says what is still to be done.

    Event: `submit` when it is to stop.
    """

    api = {"type": "object"}
