"""The world as training data: folders, and batches by the kinds that models ask for."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from . import classes
from .render import Frame
from .styles import Style
from .world import World

STYLES_A_VIEW = 2  # a layout is seen in several styles, so that a model learns what a style may change
LARGEST_SHARE, LEAST_CLASSES = 0.72, 5  # duller views are left out


class View(NamedTuple):
    """A place to stand: world and number of its camera, and the seeds of the styles it is seen in."""

    seed: int
    camera: int
    styles: tuple[int, ...]


def views(first: int = 0) -> Iterator[View]:
    """Endless views: each world's cameras in turn, worlds from seed `first` on."""
    number = first * 8
    while True:
        styles = tuple(number * STYLES_A_VIEW + k for k in range(STYLES_A_VIEW))
        yield View(number // 8, number % 8, styles)
        number += 1


def painted_frames(size: tuple[int, int], first: int = 0, supersampling: int = 2, device: str = "cpu") -> Iterator[Frame]:
    """Endless frames for painting, one batch a view, in that view's styles; dull views are left out."""
    world: World | None = None
    for view in views(first):
        if world is None or world.seed != view.seed:
            world = World(view.seed, device)
        if view.camera >= len(world.cameras):
            continue
        camera = world.cameras[[view.camera] * len(view.styles)]
        frame = world.frame(camera, [Style.drawn(seed) for seed in view.styles], size, supersampling)
        if not dull(frame.labels):
            yield frame


def dull(labels: Tensor) -> bool:
    """True where the first label map of a batch has hardly more to see than one class."""
    share = torch.bincount(labels[0].flatten(), minlength=classes.COUNT) / labels[0].numel()
    return bool(share.max() > LARGEST_SHARE) or int((share > 0.002).sum()) < LEAST_CLASSES


def pictures(image: Tensor) -> np.ndarray:
    """image (B, 3, H, W) in [-1, 1] as pictures, uint8 (B, H, W, 3)."""
    scaled = ((image.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return scaled.permute(0, 2, 3, 1).cpu().numpy()


def write_folder(folder: Path, images: int, size: tuple[int, int], first: int = 0) -> Iterator[int]:
    """Write `images` frames as a data folder, and yield the count after each view.

    images/NNNNN.jpg, labels/NNNNN.png (ids, with the palette's colours), instances/NNNNN.png (16 bits), palette.json.
    """
    for name in ("images", "labels", "instances"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    classes.palette().write(folder / "palette.json")
    count = 0
    for frame in painted_frames(size, first):
        shots = zip(pictures(frame.image), frame.labels[:, 0], frame.instances[:, 0], strict=True)
        for picture, labels, instances in shots:
            if count < images:
                _write(folder, f"{count:05d}", picture, labels, instances)
                count += 1
        yield count
        if count >= images:
            return


def _write(folder: Path, name: str, picture: np.ndarray, labels: Tensor, instances: Tensor) -> None:
    Image.fromarray(picture).save(folder / "images" / f"{name}.jpg", quality=95, subsampling=0)
    ids = Image.fromarray(labels.to(torch.uint8).cpu().numpy(), mode="P")
    ids.putpalette(classes.palette().rgb.tobytes())
    ids.save(folder / "labels" / f"{name}.png", optimize=True)
    Image.fromarray(instances.to(torch.int32).cpu().numpy().astype(np.uint16)).save(folder / "instances" / f"{name}.png")
