"""Frames written as an ordinary data folder, which `--data` reads back; and the world's contact sheet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from train.world import classes
from train.world.styles import Style
from train.world.views import Size, painted_frames
from train.world.world import World

SHEET_SEEDS = 12
SHEET_STYLES = (
    ("noon", "clear", "summer"),
    ("golden", "clear", "autumn"),
    ("noon", "clear", "winter"),
    ("dusk", "clear", "summer"),
    ("night", "clear", "summer"),
    ("dawn", "fog", "autumn"),
)


def pictures(image: Tensor) -> np.ndarray:
    """image (B, 3, H, W) in [-1, 1] as pictures, uint8 (B, H, W, 3)."""
    scaled = ((image.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return scaled.permute(0, 2, 3, 1).cpu().numpy()


def write(
    folder: Path, images: int, size: Size, first: int = 0, device: torch.device | str = "cpu"
) -> Iterator[int]:
    """Write `images` frames of worlds from seed `first` on, and yield the count after each view.

    images/NNNNN.jpg, labels/NNNNN.png (ids, in the palette's colours), instances/NNNNN.png (16 bits),
    palette.json.
    """
    for name in ("images", "labels", "instances"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    classes.palette().write(folder / "palette.json")
    count = 0
    for frame in painted_frames(size, first, device=device):
        shots = zip(pictures(frame.image), frame.labels[:, 0].cpu(), frame.instances[:, 0].cpu(), strict=True)
        for picture, labels, instances in shots:
            if count < images:
                _write(folder, f"{count:05d}", picture, labels.numpy(), instances.numpy())
                count += 1
        yield count
        if count >= images:
            return


def _write(folder: Path, name: str, picture: np.ndarray, labels: np.ndarray, instances: np.ndarray) -> None:
    Image.fromarray(picture).save(folder / "images" / f"{name}.jpg", quality=95, subsampling=0)
    label_map(labels).save(folder / "labels" / f"{name}.png", optimize=True)
    Image.fromarray(instances.astype(np.uint16)).save(folder / "instances" / f"{name}.png")


def label_map(labels: np.ndarray) -> Image.Image:
    """Labels (H, W) as a picture of ids with the palette's colours (mode P)."""
    ids = Image.fromarray(labels.astype(np.uint8))
    ids.putpalette(classes.palette().rgb.tobytes())
    return ids


def sheet(
    side: int = 160, seeds: int = SHEET_SEEDS, device: torch.device | str = "cpu"
) -> Iterator[np.ndarray]:
    """Strips of the sheet, uint8 (side, 7 * side, 3): a seed's label map, and its best view in six styles."""
    styles = [Style.named(*names) for names in SHEET_STYLES]
    for seed in range(seeds):
        world = World(seed, device)
        frame = world.frame(world.cameras[[0] * len(styles)], styles, (side, side))
        colours = classes.palette().rgb[frame.labels[0, 0].cpu().numpy()]
        yield np.concatenate([colours, *pictures(frame.image)], 1)
