"""Examples to begin with, from static/examples.

Label maps: folders of a palette.json and PNGs of ids, drawn for this project; and those beside a checkpoint
(see `own`). Pictures to translate: folders
in `translate/`, called like the checkpoint, the domain or the model (see `pictures`).
"""

import re
from functools import lru_cache
from pathlib import Path

import gradio as gr
import numpy as np
from PIL import Image

from app import requests
from app.maps import fit, write_map
from cgan import CganError, Palette
from cgan.pictures import open_picture

MOST = 12  # maps of a checkpoint's own
FOLDER = Path(__file__).parent / "static" / "examples"
PICTURES = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}


def examples(palette: Palette, size: tuple[int, int]) -> list[dict]:
    """The maps whose classes `palette` all has (by name), in its ids and fitted to `size` (H, W).

    Returns [{"name", "picture": data URI}], by set and file name.
    """
    found = []
    for folder in sorted(path.parent for path in FOLDER.glob("*/palette.json")):
        own = Palette.read(folder / "palette.json")
        maps = {path: np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))}
        used = {own.names[id_] for labels in maps.values() for id_ in np.unique(labels)}
        if used <= set(palette.names):
            found += [_example(path, labels, own, palette, size) for path, labels in maps.items()]
    return found


def own(folder: Path, palette: Palette, size: tuple[int, int]) -> list[dict]:
    """The maps that lie beside a checkpoint, in its ids and fitted to `size` (H, W), as `examples`.

    They may be a stranger's: one that cannot be read is told in the browser, and left out.
    """
    found = []
    for path in sorted(folder.glob("examples/*.png"))[:MOST]:
        try:
            labels = palette.ids(open_picture(path.read_bytes(), path.name, requests.MAX_PIXELS), path.name)
        except CganError as error:
            gr.Warning(f"An example of this checkpoint cannot be used: {error}")
            continue
        found.append({"name": named(path), "picture": write_map(fit(labels, size), palette)})
    return found


def pictures(*places: str) -> list[dict]:
    """The pictures in the first of `places` that has some: folders in static/examples/translate.

    A place is "name" or "name/part"; parts come from checkpoints, so whatever is no plain word is skipped.
    Returns [{"name", "picture": data URI}], by file name.
    """
    for place in places:
        if all(re.fullmatch(r"\w[\w -]*", part) for part in place.split("/")):
            folder = FOLDER / "translate" / place
            files = [path for path in sorted(folder.glob("*")) if path.suffix.lower() in PICTURES]
            if files:
                return [{"name": named(path), "picture": picture_file(path)} for path in files]
    return []


def sets(*places: str) -> list[dict]:
    """The sets of style pictures in the first of `places` that has some: its folders, each of one class.

    Returns [{"name", "pictures": [data URI]}], by folder name.
    """
    for place in places:
        folders = sorted(path for path in (FOLDER / "translate" / place).glob("*") if path.is_dir())
        found = [{"name": named(path), "pictures": _pictures(f"{place}/{path.name}")} for path in folders]
        if found := [each for each in found if each["pictures"]]:
            return found
    return []


def is_example(uri: str | None) -> bool:
    """Whether a picture is one of the examples to translate."""
    files = (FOLDER / "translate").rglob("*")
    return any(path.suffix.lower() in PICTURES and picture_file(path) == uri for path in files)


def _pictures(place: str) -> list[str]:
    return [each["picture"] for each in pictures(place)]


@lru_cache(maxsize=256)
def picture_file(path: Path) -> str:
    """A picture's file as a data URI."""
    return requests.file_uri(path.read_bytes(), PICTURES[path.suffix.lower()])


def named(path: Path) -> str:
    """A file's name for people: "2-blue_coat.png" is "blue coat"."""
    return path.stem.lstrip("0123456789-").replace("-", " ").replace("_", " ") or path.stem


def _example(path: Path, labels: np.ndarray, own: Palette, palette: Palette, size: tuple[int, int]) -> dict:
    places = [palette.names.index(name) if name in palette.names else 0 for name in own.names]
    translated = np.array(places, np.uint8)[labels]
    return {"name": named(path), "picture": write_map(fit(translated, size), palette)}
