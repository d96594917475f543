"""Data drawn on the spot for tests: scenes of shaded, textured rectangles on ground under a sky."""

import numpy as np
import torch
from numpy.typing import NDArray

from cgan.labels import Label, Palette, instance_edges
from train.data.clips import ClipData, Window
from train.data.few_shot import FewShotData
from train.data.few_shot_clips import FewShotClipData
from train.data.painted import PaintedData
from train.data.paired import PairedData
from train.data.stored import canvas
from train.data.unpaired import UnpairedData

SCENE = (
    ("sky", "#87b5e0"),
    ("ground", "#6f8f4e"),
    ("house", "#b5533c"),
    ("tower", "#8f8f9c"),
    ("water", "#3f7fa8"),
    ("tree", "#2f5d34"),
)


def rectangles(count: int, size: tuple[int, int], seed: int = 0) -> PaintedData:
    """`count` scenes of shaded, textured rectangles on ground under a sky: enough to see a model learn."""
    if count < 2:
        raise ValueError(f"{count} picture(s); at least 2 are needed")
    palette = Palette(tuple(Label(id, name, colour) for id, (name, colour) in enumerate(SCENE)))
    random = np.random.default_rng(seed)
    labels = np.stack([_draw_scene(random, canvas(size)) for _ in range(count)])
    images = np.stack([_shade(random, scene, palette) for scene in labels])
    names = [f"scene {index:04d}" for index in range(count)]
    images, labels = (
        torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(),
        torch.from_numpy(labels)[:, None],
    )
    return PaintedData(images, labels, None, palette, names)


def _draw_scene(random: np.random.Generator, size: tuple[int, int]) -> NDArray[np.uint8]:
    """One label map: sky, ground from the horizon down, then rectangles that stand or lie on it."""
    height, width = size
    labels = np.zeros(size, np.uint8)
    horizon = int(height * random.uniform(0.4, 0.65))
    labels[horizon:] = 1
    for _ in range(random.integers(3, 8)):
        kind = int(random.integers(2, len(SCENE)))
        lies = SCENE[kind][0] == "water"
        wide = max(2, int(width * random.uniform(0.08, 0.3)))
        tall = max(2, int(height * random.uniform(0.1, 0.45) * (0.3 if lies else 1)))
        left = int(random.integers(0, width - wide + 1))
        foot = int(random.uniform(0.9 if lies else horizon / height, 1) * height)
        labels[max(0, foot - tall) : foot, left : left + wide] = kind
    return labels


def _shade(random: np.random.Generator, labels: NDArray[np.uint8], palette: Palette) -> NDArray[np.uint8]:
    """The picture of a label map: its colours under a random light, with textures by class and noise."""
    down, across = np.indices(labels.shape) / max(labels.shape)
    waves = np.stack(
        [
            np.sin(2 * np.pi * ((4 + 3 * id) * down + (17 - 3 * id) * across + random.random()))
            for id in range(len(palette))
        ]
    )
    texture = np.take_along_axis(waves, labels[None].astype(np.int64), 0)[0]
    light = random.uniform(0.7, 1.1) * (1.1 - 0.35 * down) + 0.08 * texture
    tint = random.uniform(0.85, 1.1, 3)
    picture = palette.rgb[labels] * light[..., None] * tint + random.normal(0, 4, (*labels.shape, 3))
    return picture.clip(0, 255).astype(np.uint8)


def unpaired(count: int, size: tuple[int, int], seed: int = 0) -> UnpairedData:
    """`count` scenes as photographs, and other ones as drawings: black outlines on white."""
    photographs, others = rectangles(count, size, seed), rectangles(count, size, seed + 1)
    outlines = 255 - 255 * instance_edges(others.labels).byte().expand(-1, 3, -1, -1)
    return UnpairedData(photographs.images, outlines.contiguous(), ("photograph", "drawing"))


def few_shot(count: int, size: tuple[int, int], seed: int = 0, classes: int = 4) -> FewShotData:
    """`count` scenes whose classes are tints; at least two of each class are needed."""
    if count < 2 * classes:
        raise ValueError(f"{count} picture(s); at least 2 are needed of each of {classes} classes")
    images = rectangles(count, size, seed).images.float()
    random = np.random.default_rng(seed)
    tints = torch.from_numpy(random.uniform(0.4, 1, (classes, 3))).float()
    numbers = torch.arange(count) % classes
    tinted = (images * tints[numbers][:, :, None, None]).byte()
    return FewShotData(tinted, numbers, tuple(f"tint {i}" for i in range(classes)))


def paired(count: int, size: tuple[int, int], seed: int = 0) -> PairedData:
    """`count` scenes as photographs, and their outlines as inputs."""
    scenes = rectangles(count, size, seed)
    outlines = 255 - 255 * instance_edges(scenes.labels).byte().expand(-1, 3, -1, -1)
    return PairedData(outlines.contiguous(), scenes.images, scenes.names)


def clips(count: int, size: tuple[int, int], seed: int = 0, frames: int = 3) -> ClipData:
    """`count` clips in which a scene moves two pixels to the left a frame, seen by a moving camera."""
    return ClipData(**_moving(count, size, seed, frames), **_of_clips(count, frames))


def few_shot_clips(count: int, size: tuple[int, int], seed: int = 0, frames: int = 2) -> FewShotClipData:
    """`count` such clips, each of a subject of its own, with two further frames."""
    parts = {"images", "labels", "flow", "seen"}
    moving = {name: part for name, part in _moving(count, size, seed, frames + 2).items() if name in parts}
    told = _of_clips(count, frames + 2) | {"window": Window(frames), "subjects": tuple(range(count))}
    return FewShotClipData(**moving, **told)


def _of_clips(count: int, frames: int) -> dict:
    names = tuple(f"clip {number}" for number in range(count))
    return {
        "lengths": (frames,) * count,
        "names": names,
        "palette": _palette(),
        "window": Window(frames, most=16),
    }


def _palette() -> Palette:
    return Palette(tuple(Label(id, name, colour) for id, (name, colour) in enumerate(SCENE)))


def _moving(count: int, size: tuple[int, int], seed: int, frames: int) -> dict[str, torch.Tensor]:
    """The tensors of clips: scenes at a depth of 10 m, the focal length is the width."""
    height, width = canvas(size)
    scenes = rectangles(max(count, 2), (height, width + 2 * frames), seed)
    windows = [slice(2 * t, 2 * t + width) for t in range(frames)]
    images, labels = (
        torch.stack([part[:count, :, :height, window] for window in windows], 1).flatten(0, 1)
        for part in (scenes.images, scenes.labels)
    )
    flow = torch.zeros(count * frames, 2, height, width)
    flow[:, 0] = 2.0
    pose = torch.eye(4).repeat(count, frames, 1, 1)
    pose[:, :, 0, 3] = torch.arange(frames) * 2 * 10.0 / width
    return {
        "images": images,
        "labels": labels,
        "flow": flow.half(),
        "seen": (torch.arange(width) < width - 2).byte().expand(count * frames, 1, height, width),
        "depth": torch.full((count * frames, 1, height, width), 10.0).half(),
        "pose": pose.flatten(0, 1),
        "intrinsics": torch.tensor([width, width, width / 2, height / 2]).float().repeat(count * frames, 1),
    }
