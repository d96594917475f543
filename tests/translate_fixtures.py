"""What the tests of the Translate tab share: tiny translators with drawn weights, and an app of them."""

import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import torch
from app_fixtures import save_checkpoint
from PIL import Image, ImageDraw, ImageFont

import cgan
from app.shelf import Shelf
from app.ui import build, launch
from cgan import contents, models

SIZE = [32, 32]
LETTERS = ["lower-a", "lower-b", "upper-A", "upper-B", "upper-C"]


def letter(name: str) -> np.ndarray:
    """A letter in the font that Pillow brings along, black on white, uint8 (32, 32, 3)."""
    picture = Image.new("RGB", SIZE, "white")
    ImageDraw.Draw(picture).text((16, 26), name[-1], "black", ImageFont.load_default(26), anchor="ms")
    return np.asarray(picture)


ABOUT = {
    "unit": {"domains": ["summer", "winter"]},
    "munit": {"domains": ["edges", "clothing"], "edges": "edges"},
    "funit": {},
    "coco_funit": {"contents": contents.pack(LETTERS, [letter(name) for name in LETTERS])},
}


def save_translator(folder: Path, model: str, seed: int = 0) -> Path:
    """A tiny translator with drawn weights."""
    torch.manual_seed(seed)
    module = models.module(model)
    about = {"size": SIZE, "data": f"drawn weights of {model}", "licence": "for tests only"} | ABOUT[model]
    return cgan.save(folder, module.Model(module.PRESETS["tiny"]), None, about)


@cache
def _folder() -> tempfile.TemporaryDirectory:
    """Removed when the process ends."""
    return tempfile.TemporaryDirectory(prefix="cgan-translators-")


@cache
def translators() -> Path:
    """A folder with one checkpoint of each translator, and one painter, which is none of them."""
    root = Path(_folder().name)
    for model in ABOUT:
        save_translator(root / model, model)
    save_checkpoint(root / "painter")
    return root


@cache
def translator(name: str):
    """The translator called `name`, outside the app."""
    return cgan.load(translators() / name, "cpu")


@cache
def address() -> str:
    """The address of the app, started once for all tests of this process."""
    _, url, _ = launch(build(Shelf(translators(), "cpu")), prevent_thread_lock=True, quiet=True)
    return url


def photograph(height: int = 48, width: int = 64) -> np.ndarray:
    """Something coloured with a shape in it, uint8 (height, width, 3)."""
    down, across = np.mgrid[0:height, 0:width] / max(height, width)
    picture = np.stack([across, down, 0.7 - across / 2], axis=2)
    picture[(across - 0.5) ** 2 + (down - 0.35) ** 2 < 0.04] = (0.9, 0.2, 0.1)
    return (picture * 255).clip(0, 255).astype(np.uint8)
