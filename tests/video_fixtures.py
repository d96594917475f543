"""What the tests of the Video tab share: tiny animators with drawn weights, and an app of them."""

import tempfile
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from app_fixtures import save_checkpoint, save_labeller

import cgan
from app import requests
from app.examples import FOLDER
from app.shelf import Shelf
from app.ui import build, launch
from cgan import models
from cgan.edges import edge_palette
from cgan.video import write_video

SIZE = [64, 64]
PALETTE = cgan.Palette.from_list(
    [
        {"id": 0, "name": "background", "colour": "#808080"},
        {"id": 1, "name": "skin", "colour": "#e8b088"},
        {"id": 2, "name": "legs", "colour": "#3858a8"},
        {"id": 3, "name": "feet", "colour": "#604020"},
        {"id": 4, "name": "torso", "colour": "#b03030"},
        {"id": 5, "name": "belt", "colour": "#a08040"},
        {"id": 6, "name": "hair", "colour": "#202020"},
        {"id": 7, "name": "headgear", "colour": "#c0c0d0"},
    ]
)
LANDSCAPE = cgan.Palette.read(FOLDER / "landscapes" / "palette.json")


def save_animator(folder: Path, model: str, palette: cgan.Palette = PALETTE, seed: int = 0) -> Path:
    """A tiny animator with drawn weights."""
    torch.manual_seed(seed)
    module = models.module(model)
    config = module.PRESETS["tiny"]
    config = type(config)(**{**vars(config), "classes": len(palette)})
    about = {"size": SIZE, "data": f"drawn weights of {model}", "licence": "for tests only"}
    return cgan.save(folder, module.Model(config), palette, about)


@cache
def _folder() -> tempfile.TemporaryDirectory:
    """Removed when the process ends."""
    return tempfile.TemporaryDirectory(prefix="cgan-animators-")


@cache
def animators() -> Path:
    """A folder with animators of each kind, one of drawn lines, and one painter, which is none of them."""
    root = Path(_folder().name)
    for model in ("fs_vid2vid", "vid2vid"):
        save_animator(root / model, model)
    save_animator(root / "wc_vid2vid", "wc_vid2vid", LANDSCAPE)
    save_animator(root / "vid2vid_flies", "vid2vid", LANDSCAPE)
    save_animator(root / "lines", "vid2vid", edge_palette())
    save_checkpoint(root / "painter")
    save_labeller(root / "vid2vid" / "labeller", PALETTE)
    return root


@cache
def animator(name: str):
    """The animator called `name`, outside the app."""
    return cgan.load(animators() / name, "cpu")


@cache
def address() -> str:
    """The address of the app, started once for all tests of this process."""
    _, url, _ = launch(build(Shelf(animators(), "cpu")), prevent_thread_lock=True, quiet=True)
    return url


def character(size: int = 64) -> np.ndarray:
    """A drawing of somebody, uint8 (size, size, 3)."""
    picture = np.full((size, size, 3), 128, np.uint8)
    picture[size // 4 : size // 2, size // 3 : -size // 3] = (230, 180, 140)
    picture[size // 2 : -size // 8, size // 3 : -size // 3] = (40, 160, 60)
    return picture


def moving(folder: Path, count: int = 6) -> tuple[str, list[np.ndarray]]:
    """A film of a square that goes to the right over a ground that stays, and its maps."""
    noise = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    ground, thing = (cv2.GaussianBlur(each, (0, 0), 3) for each in noise)
    pictures, maps = [], []
    for left in range(8, 8 + 3 * count, 3):
        picture, labels = ground.copy(), np.zeros((64, 64), np.uint8)
        picture[20:44, left : left + 24], labels[20:44, left : left + 24] = thing[:24, :24], 4
        pictures.append(cv2.normalize(picture, None, 0, 255, cv2.NORM_MINMAX).repeat(2, 0).repeat(2, 1))
        maps.append(labels)
    write_video(folder / "film.mp4", pictures, 10)
    return requests.file_uri((folder / "film.mp4").read_bytes(), "mp4"), maps
