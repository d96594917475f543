"""Example maps, drawn for this project: folders in static/examples of a palette.json and PNGs of ids."""

from pathlib import Path

import numpy as np
from PIL import Image

from app.canvas import fit, write_map
from app.widgets import STATIC
from cgan import Palette

FOLDER = STATIC / "examples"


def examples(palette: Palette, size: tuple[int, int]) -> list[dict]:
    """The maps whose classes `palette` all has (by name), in its ids and fitted to `size` (H, W).

    Returns [{"name", "picture": data URI}], by set and file name.
    """
    found = []
    for folder in sorted(path.parent for path in FOLDER.glob("*/palette.json")):
        own = Palette.read(folder / "palette.json")
        maps = {path: np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))}
        used = {own.names[number] for labels in maps.values() for number in np.unique(labels)}
        if used <= set(palette.names):
            found += [_example(path, labels, own, palette, size) for path, labels in maps.items()]
    return found


def _example(path: Path, labels: np.ndarray, own: Palette, palette: Palette, size: tuple[int, int]) -> dict:
    places = [palette.names.index(name) if name in palette.names else 0 for name in own.names]
    translated = np.array(places, np.uint8)[labels]
    name = path.stem.lstrip("0123456789-").replace("-", " ")
    return {"name": name, "picture": write_map(fit(translated, size), palette)}
