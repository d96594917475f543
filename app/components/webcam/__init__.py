"""A webcam whose pictures become frames of a film while it runs."""

from app.components import Widget


class Webcam(Widget):
    """A webcam. Its value is the latest picture, a data URI, at most `side` pixels high and wide.

    The next picture is sent when `turn` changes, so that the device decides on the speed.

    Events: `input` with each picture, `submit` when the camera is switched off and the last one was answered.
    """

    def __init__(self, value: str | None = None, *, turn: float = 0, side: int = 512, **options):
        super().__init__(value, turn=turn, side=side, **options)
