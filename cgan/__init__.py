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

from cgan import threads  # noqa: F401  # before torch is loaded
from cgan.checkpoint import Checkpoint, Found, find, load_model, push, save
from cgan.checkpoint import read as read_checkpoint
from cgan.errors import CganError, CheckpointError, DataError, MediaError
from cgan.labels import Label, Palette
from cgan.pictures import read_picture
from cgan.runtime import Runtime
from cgan.tasks import load

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
