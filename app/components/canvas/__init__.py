"""The label painter: a canvas whose pixels are class ids."""

from app.components import Widget


class LabelCanvas(Widget):
    """The painter. Its value is the map (see `app.maps`), painted by `checkpoint` (a name).

    `palette` is that of `Palette.to_list`, `size` (H, W) the checkpoint's, `first` a map to begin with or "",
    `looks` how many looks a single thing can be given.

    Events: `input` when the map changed and should be painted, `submit` for Ctrl+Enter.
    """

    called = "label_map"

    def __init__(
        self,
        value: str | None = None,
        *,
        checkpoint: str = "",
        palette: list[dict] | None = None,
        size: list[int] | None = None,
        first: str = "",
        looks: int = 0,
        **options,
    ):
        palette, size = palette or [], size or [256, 256]
        super().__init__(
            value, checkpoint=checkpoint, palette=palette, size=size, first=first, looks=looks, **options
        )
