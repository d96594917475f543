"""The course of a run: how far it is, its losses and scores as curves, its samples, what it says."""

from app.components import Widget


class Course(Widget):
    """A run, as `app.training.Training.report` tells it; `sheet` {"images", "picture"} is the one shown.

    Events: `stop`, `submit` to resume, `expand` to open it, `select` ({name, images}) for samples.
    """

    api = {"type": "object"}
    example = []

    def __init__(self, value: dict | None = None, *, sheet: dict | None = None, **options):
        super().__init__(value, sheet=sheet or {}, **options)
