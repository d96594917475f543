"""A painter's folder becomes batches, and every check is made before the first step.

A painter's data set is a folder with `images/` and `labels/`, and `instances/` where there are any; files
with the same stem belong together. `palette.json` lies in it or beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from cgan.errors import CganError, DataError
from cgan.labels import Label, Palette, nearest_exact
from cgan.pictures import centre, open_picture, read_picture
from train.data import folders, naming
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
from train.data.packed import Room, in_order
from train.data.protocol import Indices, Size
from train.data.stored import MARGIN, Stored, canvas, cut, grid, nearest, numbers

__all__ = ["MARGIN", "PaintedData", "read_painted"]

NOBODY_KNOWS = ("unlabelled", "unlabeled", "void", "ignore")  # names of classes that are none
UNLABELLED = 255  # the id of pixels of which nothing is known, in many data sets
MOST_INSTANCES = 2**24  # float32, in which the crop is made, counts exactly up to here

Files = tuple[Path, Path, Path | None]  # picture, label map, instance map


@dataclass(frozen=True)
class PaintedData(Stored[Painted]):
    """Photographs and label maps of one size, in memory.

    Shapes: images uint8 (N, 3, H, W); labels uint8 (N, 1, H, W); instances int32 (N, 1, H, W) or None;
    unknown uint8 (N, 1, H, W), 1 where the label is but a guess, or None. names are the files' stems.
    """

    images: Tensor
    labels: Tensor
    instances: Tensor | None
    palette: Palette
    names: list[str]
    unknown: Tensor | None = None

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
        known = None if self.unknown is None else 1.0 - nearest(self.unknown[rows], where).float()
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
    palette = palette_of(folder, problems, say)
    if not problems and len(pairs) < 2:
        problems.append(f"{len(pairs)} picture(s) with a label map; at least 2 are needed")
    files = [file for pair in pairs for file in pair if file is not None]
    with_instances = any(pair[2] is not None for pair in pairs)
    count = 5 + 4 * with_instances
    pairs = in_order(pairs, canvas(size), count)
    room = Room(files, canvas(size), len(pairs), count, f"painted {palette}")
    room.tell(say)
    planes = _Planes(room, len(pairs), canvas(size), with_instances)
    facts = room.facts or _fill(planes, pairs, palette, problems, say, folder)
    if room.packed and palette is None and classes_of(facts["present"], folders.silent)[1] is not None:
        problems.append("data this large need a palette.json: their ids are not numbered anew")
    folders.check(folder, problems)
    room.finish(facts)
    folders.say_cut(say, facts["shapes"], folder, size)
    folders.say_dark(say, facts["notes"], folder)
    folders.say_turned(say, facts["notes"])
    return planes.data(palette, [pair[0].stem for pair in pairs], facts["present"], say)


def _fill(
    planes: _Planes,
    pairs: Sequence[Files],
    palette: Palette | None,
    problems: list[str],
    say: Say,
    folder: Path,
) -> dict[str, Any]:
    """Read all pairs -> the pictures' shapes, notes, and the ids that are there. Faults go to `problems`."""
    notes: list[str] = []
    fill = palette is not None and len(palette) <= UNLABELLED

    def read(index: int) -> tuple[list[str], Size, list[int]]:
        sample = _read_sample(pairs[index], palette, planes.size, notes)
        if isinstance(sample, list):
            return sample, (0, 0), []
        return [], sample.shape, planes.put(index, sample, fill)

    what = f"reading {len(pairs)} pictures and their maps in {folder}"
    done = folders.read_all(read, range(len(pairs)), say, what)
    problems += [line for wrong, _, _ in done for line in wrong]
    present = sorted({id for _, _, ids in done for id in ids})
    return {"shapes": [shape for _, shape, _ in done], "notes": notes, "present": present}


class _Planes:
    """The tensors of a painter's data while they are filled, at the stored `size` = (height, width)."""

    def __init__(self, room: Room, count: int, size: Size, with_instances: bool):
        self.size = size
        self.images = room.tensor("images", (count, 3, *size))
        self.labels = room.tensor("labels", (count, 1, *size))
        self.unknown = room.tensor("unknown", (count, 1, *size))
        self.instances = room.tensor("instances", (count, 1, *size), torch.int32) if with_instances else None

    def put(self, index: int, sample: _Sample, fill: bool) -> list[int]:
        """Store a sample -> the ids in its map. fill: pixels of `UNLABELLED` take the nearest class."""
        self.images[index] = torch.from_numpy(sample.image).permute(2, 0, 1)
        self.labels[index, 0] = torch.from_numpy(sample.labels)
        if self.instances is not None and sample.instances is not None:
            self.instances[index, 0] = torch.from_numpy(sample.instances)
        present: list[int] = np.unique(sample.labels).tolist()
        if fill and UNLABELLED in present:
            self._guess(index)
        return present

    def data(self, palette: Palette | None, names: list[str], present: list[int], say: Say) -> PaintedData:
        """The data set; without a palette, its classes are those `present`."""
        if palette is None:
            palette, table = classes_of(present, say)
            if table is not None:
                self.labels = torch.from_numpy(table[self.labels.numpy()])
                for index in range(len(self.labels)):
                    self._guess(index)
        guessed = int(self.unknown.count_nonzero()) if UNLABELLED in present else 0
        if guessed:
            say(
                f"{guessed / self.unknown.numel():.1%} of the pixels have the id {UNLABELLED}, which looks "
                "like 'unlabelled': they are not learnt from"
            )
        unknown = self.unknown if guessed else None
        return PaintedData(self.images, self.labels, self.instances, palette, names, unknown)

    def _guess(self, index: int) -> None:
        """Unlabelled pixels take the class of the nearest labelled one, and are noted; alone, class 0."""
        labels = self.labels[index, 0].numpy()
        unlabelled = labels == UNLABELLED
        if unlabelled.any():
            filled = nearest_exact(labels, ~unlabelled) if not unlabelled.all() else np.zeros_like(labels)
            self.labels[index, 0] = torch.from_numpy(filled)
            self.unknown[index, 0] = torch.from_numpy(unlabelled)


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


def palette_of(folder: Path, problems: list[str], say: Say = folders.silent) -> Palette | None:
    """The palette of `folder`, or the one beside it: the parts of a data set may share theirs.

    Without one, a list of names (`train.data.naming`); None where there is none either.
    """
    path = folder / "palette.json"
    if not path.exists():
        path = folder.resolve().parent / "palette.json"
    told = None if path.exists() else naming.list_in(folder)
    if told is None and not path.exists():
        return None
    try:
        if told is None:
            return Palette.read(path)
        palette = naming.read_list(told)
        say(f"no palette.json: {told.name} names {len(palette)} classes, {listed(palette.names)}")
        return palette
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
    box = centre(image.shape, stored)
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


def classes_of(present: list[int], say: Say) -> tuple[Palette, NDArray[np.uint8] | None]:
    """The palette of maps that bring none, by the ids that are `present`, and a table of their new numbers.

    0 and 255 alone are a mask's two classes, 255 above others stays `UNLABELLED`, and where few of many ids
    are used these are numbered anew. The table is None where all ids stay and none is `UNLABELLED`.
    """
    mask = present == [0, UNLABELLED]
    many = len(present) == UNLABELLED + 1 or present[-2:] == [UNLABELLED - 1, UNLABELLED]
    rest = present if mask or many else [id for id in present if id != UNLABELLED]
    rest = rest or [0]
    table = np.full(UNLABELLED + 1, UNLABELLED, np.uint8)
    if rest[-1] + 1 <= 2 * len(rest):
        table[: rest[-1] + 1] = np.arange(rest[-1] + 1)
        return numbered(np.array(rest), say), None if rest == present else table
    table[rest] = np.arange(len(rest))
    used = listed([str(old) for old in rest])
    say(f"no palette.json, and few ids are used: {used} become 0 to {len(rest) - 1}")
    labels = [Label(new, f"class {old}", naming.colour(new)) for new, old in enumerate(rest)]
    return Palette(tuple(labels)), table


def numbered(present: NDArray[np.integer], say: Say) -> Palette:
    """A palette for data that bring none: "class 0" to the highest of the ids `present`, sorted."""
    count = int(present[-1]) + 1
    used = f", of which {len(present)} are used" if len(present) < count else ""
    say(f"no palette.json: classes 0 to {count - 1} are assumed{used}; --class-names names them")
    return Palette(tuple(Label(id, f"class {id}", naming.colour(id)) for id in range(count)))
