"""cgan: conditional GANs, ready to use. Label maps in, pictures out.

    import cgan
    from pathlib import Path
    from PIL import Image

    painter = cgan.load("spade-camvid")                   # or a folder, or a Hub "owner/name"
    labels = painter.palette.ids(Path("map.png"))         # class ids, uint8 (H, W)
    Image.fromarray(painter.paint(labels, seed=7)[0]).save("street.png")

`find` lists the checkpoints there are, `save` writes one, `push` uploads one. What is wrong with a file is
told in a `CganError`.
"""

import importlib
from typing import TYPE_CHECKING

from cgan import threads  # noqa: F401  # before torch is loaded

if TYPE_CHECKING:
    from cgan import flights as flights
    from cgan import keyframes as keyframes
    from cgan.checkpoint import Checkpoint, Found, find, load_model, push, save
    from cgan.checkpoint import read as read_checkpoint
    from cgan.errors import CganError, CheckpointError, DataError, MediaError
    from cgan.labels import Label, Palette
    from cgan.pictures import read_picture
    from cgan.runtime import Runtime
    from cgan.tasks import load
else:
    # Loaded when they are first asked for: they need torch, whose two seconds a `--help` should not cost.
    _HOMES = {
        "checkpoint": ("Checkpoint", "Found", "find", "load_model", "push", "save"),
        "errors": ("CganError", "CheckpointError", "DataError", "MediaError"),
        "labels": ("Label", "Palette"),
        "pictures": ("read_picture",),
        "runtime": ("Runtime",),
        "tasks": ("load",),
    }
    _PLACES = {name: (home, name) for home, names in _HOMES.items() for name in names}
    _PLACES["read_checkpoint"] = "checkpoint", "read"

    _ROOMS = ("flights", "keyframes")  # modules with calls of their own: `cgan.flights.read_flight`

    def __getattr__(name):
        if name in _ROOMS:
            return importlib.import_module(f"{__name__}.{name}")
        if name not in _PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        home, word = _PLACES[name]
        value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{home}"), word)
        return value


__version__ = "0.1.0"

__all__ = [
    "CganError",
    "Checkpoint",
    "CheckpointError",
    "DataError",
    "Found",
    "Label",
    "MediaError",
    "Palette",
    "Runtime",
    "find",
    "load",
    "load_model",
    "push",
    "read_checkpoint",
    "read_picture",
    "save",
]


def __dir__() -> list[str]:
    """What completion offers, loaded or not."""
    return sorted({*globals(), *__all__})
