"""Frames written as an ordinary data folder, which `--data` reads back; and the world's contact sheet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count as count_from
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from train.world import classes
from train.world.flights import flight, intrinsics_of, pose_of
from train.world.styles import Style
from train.world.views import VIEWS, Size, painted_frames
from train.world.world import Flight, World

SHEET_SEEDS = 12
SHEET_STYLES = (
    ("noon", "clear", "summer"),
    ("golden", "clear", "autumn"),
    ("noon", "clear", "winter"),
    ("dusk", "clear", "summer"),
    ("night", "clear", "summer"),
    ("dawn", "fog", "autumn"),
)
MODEL = 0.02  # metres for a metre of the world: 16-bit millimetres end at 65 m, a landscape's hills at 3 km
FARTHEST = 65.534  # metres: what is farther is there, and this far


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


def write_clips(
    folder: Path, clips: int, frames: int, size: Size, first: int = 0, device: torch.device | str = "cpu"
) -> Iterator[int]:
    """Write `clips` flights of `frames` frames over worlds from seed `first` on; yield the count after each.

    In a folder for each flight: images/ (JPEG), labels/ (ids, in the palette's colours), depth/ (16-bit
    millimetres), pose/ (4x4 numbers); and intrinsics/FLIGHT.json, palette.json. Depth and places are those of
    a model of the world at 1:50.
    """
    (folder / "intrinsics").mkdir(parents=True, exist_ok=True)
    classes.palette().write(folder / "palette.json")
    count = 0
    for number in count_from(first * VIEWS):
        if count == clips:
            return
        flown = flight(number, frames, size, device)
        if flown is not None:
            _write_clip(folder, f"flight-{number:05d}", flown)
            count += 1
            yield count


def _write_clip(folder: Path, name: str, flown: Flight) -> None:
    for part in ("images", "labels", "depth", "pose"):
        (folder / part / name).mkdir(parents=True, exist_ok=True)
    shots, poses = flown.frames, pose_of(flown.frames.camera).double().cpu()
    poses[:, :3, 3] *= MODEL
    height, width = shots.depth.shape[-2:]
    values = intrinsics_of(shots.camera, (height, width)).tolist()
    intrinsics = dict(zip(("fx", "fy", "cx", "cy"), values, strict=True)) | {"width": width, "height": height}
    (folder / "intrinsics" / f"{name}.json").write_text(json.dumps(intrinsics), encoding="utf-8")
    depth = (shots.depth[:, 0].cpu().double() * MODEL).clamp(max=FARTHEST) * 1000
    for t, picture in enumerate(pictures(shots.image)):
        frame = f"{name}/{t:03d}"
        Image.fromarray(picture).save(folder / "images" / f"{frame}.jpg", quality=95, subsampling=0)
        label_map(shots.labels[t, 0].cpu().numpy()).save(folder / "labels" / f"{frame}.png", optimize=True)
        Image.fromarray(depth[t].round().numpy().astype(np.uint16)).save(folder / "depth" / f"{frame}.png")
        np.savetxt(folder / "pose" / f"{frame}.txt", poses[t].numpy())


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
