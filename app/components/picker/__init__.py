"""The choice of a checkpoint."""

from app.components import Widget


class Picker(Widget):
    """One of `choices`, in the list that browsers have: the keyboard and telephones know it.

    `named` is what it is called, and `titled` whether that is shown. Its value is handed on as it was sent:
    the choices change, and handlers check names themselves.
    """

    example = ""

    def __init__(
        self,
        value: str | None = None,
        *,
        choices: list[str] | None = None,
        named: str = "Model",
        titled: bool = False,
        **options,
    ):
        options = {"label": named} | options
        super().__init__(value, choices=choices or [], named=named, titled=titled, **options)
        self.choices = [(name, name) for name in choices or []]  # as clients of the API know a Dropdown's
