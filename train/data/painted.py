"""A painter's folder becomes batches, and every check is made before the first step.

A painter's data set is a folder with `images/` and `labels/`, and `instances/` where there are any; files
with the same stem belong together. `palette.json` lies in it or beside it.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from cgan.errors import CganError, DataError
from cgan.labels import Label, Palette, nearest_exact
from cgan.pictures import open_picture, read_picture
from train.data import folders
from train.data.batches import Painted
from train.data.finding import (
    LOSSLESS,
    PICTURES,
    Say,
    aligned,
    by_name,
    likely,
    listed,
    part,
    root_of,
    without,
)
from train.data.protocol import Indices, Size
from train.data.stored import MARGIN, Stored, canvas, cut, grid, nearest, numbers

__all__ = ["MARGIN", "PaintedData", "read_painted"]

UNLABELLED = 255  # the id of pixels of which nothing is known, in many data sets
MOST_INSTANCES = 2**24  # float32, in which the crop is made, counts exactly up to here

Files = tuple[Path, Path, Path | None]  # picture, label map, instance map


@dataclass(frozen=True)
class PaintedData(Stored[Painted]):
    """Photographs and label maps of one size, in memory.

    Shapes: images uint8 (N, 3, H, W); labels uint8 (N, 1, H, W); instances int32 (N, 1, H, W) or None; known
    uint8 (N, 1, H, W), 0 where the label is but a guess, or None. names are the files' stems.
    """

    images: Tensor
    labels: Tensor
    instances: Tensor | None
    palette: Palette
    names: list[str]
    known: Tensor | None = None

    def batch(
        self, indices: Indices, seed: int, size: Size, augment: bool = True, row_offset: int = 0
    ) -> Painted:
        """The samples at `indices`, cropped to `size` = (height, width), on the data's device.

        With `augment`, each is flipped, scaled by up to 1.125 and moved at random. The random numbers of a
        sample depend on `seed` and on its place in the batch, `row_offset` + row, and on nothing else:
        processes that take parts of a batch see what one process would see. Without, the largest centre crop
        is taken.
        """
        rows = torch.as_tensor(indices, dtype=torch.int64).to(self.images.device, non_blocking=True)
        drawn = numbers(seed, row_offset, len(rows)) if augment else None
        where = grid(self.images.shape[-2:], size, len(rows), drawn).to(rows.device, non_blocking=True)
        instances = None if self.instances is None else nearest(self.instances[rows], where)
        known = None if self.known is None else nearest(self.known[rows], where).float()
        return Painted(nearest(self.labels[rows], where), cut(self.images[rows], where), instances, known)


# Reading folders


def read_painted(folder: Path, size: Size, say: Say = folders.silent) -> PaintedData:
    """Read and check a painter's data set, stored so that crops of `size` = (height, width) can be taken.

    Pictures of another shape than `size` are cut at the centre, and `say` is told so in one line.
    Raises one DataError that lists all problems: nothing is half-started.
    """
    folder = Path(folder)
    folders.check_folder(folder, "images/ and labels/")
    problems: list[str] = []
    folder = root_of(folder, ("images", "labels"), say)
    pairs = _pairs(folder, problems, say)
    palette = palette_of(folder, problems)
    stored, notes = canvas(size), list[str]()
    what = f"reading {len(pairs)} pictures and their maps in {folder}"
    read = folders.read_all(lambda pair: _read_sample(pair, palette, stored, notes), pairs, say, what)
    samples = [sample for sample in read if isinstance(sample, _Sample)]
    problems += [line for wrong in read if isinstance(wrong, list) for line in wrong]
    if not problems and len(pairs) < 2:
        problems.append(f"{len(pairs)} picture(s) with a label map; at least 2 are needed")
    folders.check(folder, problems)
    folders.say_cut(say, [sample.shape for sample in samples], folder, size)
    folders.say_dark(say, notes, folder)
    folders.say_turned(say, notes)
    return _stack(samples, palette, [pair[0].stem for pair in pairs], say)


@dataclass(frozen=True)
class _Sample:
    """One photograph with its maps at the stored size."""

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    instances: NDArray[np.int32] | None
    shape: Size  # of the photograph in its file


def _pairs(folder: Path, problems: list[str], say: Say) -> list[Files]:
    """Files that belong together by name; what lacks its partner goes to `problems`."""
    places = {name: part(folder, name) for name in ("images", "labels", "instances")}
    with_instances = places["instances"].is_dir()
    images = by_name(places["images"], PICTURES, problems, say)
    labels, instances = (
        aligned(images, by_name(places[name], LOSSLESS, problems, say, lossless=True), say)
        if name == "labels" or with_instances
        else {}
        for name in ("labels", "instances")
    )
    if not images or not labels:
        problems += likely(folder)
        return []
    problems += without(images, labels, f"label map in {places['labels'].name}/")
    problems += without(labels, images, "picture in images/")
    if with_instances:
        problems += without(images, instances, f"map in {places['instances'].name}/")
    return [(path, labels[name], instances.get(name)) for name, path in images.items() if name in labels]


def palette_of(folder: Path, problems: list[str]) -> Palette | None:
    """The palette of `folder`, or the one beside it: the parts of a data set may share theirs."""
    path = folder / "palette.json"
    if not path.exists():
        path = folder.resolve().parent / "palette.json"
    if not path.exists():
        return None
    try:
        return Palette.read(path)
    except CganError as error:
        problems.append(str(error))
        return None


def _read_sample(pair: Files, palette: Palette | None, stored: Size, notes: list[str]) -> _Sample | list[str]:
    """The sample, or the problems that it has; `notes` as `read_picture`'s, and `folders.TURNED`."""
    image_path, label_path, instance_path = pair
    problems: list[str] = []
    upright = folders.as_its_partner(image_path, label_path, problems, notes)
    image = folders.attempt(
        lambda: read_picture(image_path, f"images/{image_path.name}", upright=upright, notes=notes), problems
    )
    labels = folders.attempt(lambda: _read_labels(label_path, palette), problems)
    instances = None
    if instance_path is not None:
        name = f"instances/{instance_path.name}"
        instances = folders.attempt(lambda: read_ids(instance_path, name, MOST_INSTANCES), problems)
    for ids, path in ((labels, label_path), (instances, instance_path)):
        if ids is not None and path is not None and image is not None and ids.shape != image.shape[:2]:
            problems.append(
                f"{path.parent.name}/{path.name} is {folders.told(ids.shape)}, "
                f"its picture is {folders.told(image.shape)}"
            )
    if problems or image is None or labels is None:
        return problems
    box = folders.centre(image.shape, stored)
    return _Sample(
        folders.fitted(image, stored, box),
        folders.fitted(labels, stored, box),
        None if instances is None else folders.fitted(instances, stored, box),
        (image.shape[0], image.shape[1]),
    )


def _read_labels(path: Path, palette: Palette | None) -> NDArray[np.uint8]:
    name = f"labels/{path.name}"
    if palette is not None:
        return _with_unlabelled(open_picture(path, name), palette, name)
    return read_ids(path, name, 256).astype(np.uint8)


def _with_unlabelled(picture: Image.Image, palette: Palette, name: str) -> NDArray[np.uint8]:
    """A label map by its palette; pixels of `UNLABELLED` stay so where that is no class and no colour."""
    ids = np.array(picture) if picture.mode in ("L", "P") and len(palette) <= UNLABELLED else None
    unlabelled = None if ids is None else ids == UNLABELLED
    if ids is None or unlabelled is None or not unlabelled.any() or unlabelled.all():
        return palette.ids(picture, name)
    embedded = picture.getpalette("RGB") if picture.mode == "P" else None
    if embedded and embedded[3 * UNLABELLED :][:3] in palette.rgb.tolist():
        return palette.ids(picture, name)
    ids[unlabelled] = ids[~unlabelled][0]
    rest = Image.fromarray(ids)
    if embedded:
        rest.putpalette(embedded)
    labels = palette.ids(rest, name)
    labels[unlabelled] = UNLABELLED
    return labels


def read_ids(path: Path, name: str, limit: int) -> NDArray[np.int32]:
    """The numbers in a one-channel picture, each below `limit`."""
    picture = open_picture(path, name)
    if picture.mode not in ("P", "L", "I", "I;16", "I;16B", "1"):
        raise DataError(f"{name} holds colours, not ids, and there is no palette.json to read them by")
    ids = np.asarray(picture, dtype=np.int64)
    wrong = (ids < 0) | (ids >= limit)
    if wrong.any():
        raise DataError(f"{name}: id {ids[wrong][0]} on {wrong.sum()} pixels; allowed are 0 to {limit - 1}")
    return ids.astype(np.int32)


def _stack(samples: list[_Sample], palette: Palette | None, names: list[str], say: Say) -> PaintedData:
    images = torch.from_numpy(np.stack([sample.image for sample in samples])).permute(0, 3, 1, 2).contiguous()
    maps = np.stack([sample.labels for sample in samples])
    palette, maps = classes_of(maps, say) if palette is None else (palette, maps)
    known = None
    if len(palette) <= UNLABELLED and (maps == UNLABELLED).any():
        known = maps != UNLABELLED
        say(f"{1 - known.mean():.1%} of the pixels have the id {UNLABELLED}, which looks like 'unlabelled': "
            "they are not learnt from")  # fmt: skip
        maps = np.stack([_filled(map_, seen) for map_, seen in zip(maps, known, strict=True)])
    ids = [sample.instances for sample in samples if sample.instances is not None]  # of all, or of none
    return PaintedData(
        images,
        torch.from_numpy(maps)[:, None],
        torch.from_numpy(np.stack(ids))[:, None] if ids else None,
        palette,
        names,
        None if known is None else torch.from_numpy(known.astype(np.uint8))[:, None],
    )


def _filled(labels: NDArray[np.uint8], known: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Unlabelled pixels take the class of the nearest labelled one; where none is, class 0."""
    if not known.any():
        return np.zeros_like(labels)
    return labels if known.all() else np.asarray(nearest_exact(labels, known), np.uint8)


def classes_of(maps: NDArray[np.uint8], say: Say) -> tuple[Palette, NDArray[np.uint8]]:
    """The palette of maps that bring none, and the maps in its ids: what is sparse is numbered anew.

    0 and 255 alone are a mask's two classes; 255 above others stays `UNLABELLED`.
    """
    present = np.unique(maps)
    mask = present.tolist() == [0, UNLABELLED]
    rest = present if mask else present[present != UNLABELLED]
    if len(present) == 256 or (len(rest) and rest[-1] == UNLABELLED - 1):  # 255 is one of many
        rest = present
    if not len(rest) or int(rest[-1]) + 1 <= 2 * len(rest):
        return numbered(rest if len(rest) else np.array([0]), say), maps
    table = np.full(256, UNLABELLED, np.uint8)
    table[rest] = np.arange(len(rest))
    names = [f"class {old}" for old in rest]
    used = listed([str(old) for old in rest])
    say(f"no palette.json, and few ids are used: {used} become 0 to {len(rest) - 1}")
    colours = [_colour(id) for id in range(len(rest))]
    return Palette(tuple(map(Label, range(len(rest)), names, colours))), table[maps]


def numbered(present: NDArray[np.integer], say: Say) -> Palette:
    """A palette for data that bring none: "class 0" to the highest of the ids `present`, sorted."""
    count = int(present[-1]) + 1
    if len(present) < count:
        say(f"no palette.json: classes 0 to {count - 1} are assumed, of which {len(present)} are used")
    return Palette(tuple(Label(id, f"class {id}", _colour(id)) for id in range(count)))


def _colour(index: int) -> str:
    """Colours that differ: hues by the golden ratio, in rings of saturation and lightness."""
    hue, ring = index * 0.618034 % 1, index % 3
    red, green, blue = colorsys.hls_to_rgb(hue, (0.5, 0.35, 0.7)[ring], (0.75, 0.55, 0.6)[ring])
    return "#" + "".join(f"{round(255 * part):02x}" for part in (red, green, blue))
