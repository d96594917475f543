"""Flights: label maps with depth and cameras, which is what drives a world-consistent model.

A flight is a folder, or a zip of one, in the format that people train from:

    labels/*.png                   ids or colours, in natural order
    depth/*.png                    16-bit, in millimetres (see `cgan.cameras`)
    pose/*.txt                     4×4 numbers, camera to world
    intrinsics.json or .txt        fx, fy, cx and cy in pixels
    palette.json                   the classes of labels/, where they are others than the model's

or as `python -m train world --clips` writes it, one clip of it: labels/NAME/*.png and so on.

All lengths may be in another unit, if it is the same one for depths and places.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import tee
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray

from cgan.cameras import read_depth, read_intrinsics, read_pose
from cgan.errors import DataError, MediaError
from cgan.files import natural, parsed
from cgan.labels import Palette
from cgan.tasks.animator import Geometry

PATHS = ("forward", "back", "there and back")
PARTS = {"labels": ".png", "depth": ".png", "pose": ".txt"}
MOST_FILES = 10_000
MOST_BYTES = 32 * 2**20  # of a file
# what zipfile raises for files that are cut off, damaged, encrypted, or packed in a way it does not know
DAMAGE = (OSError, EOFError, RuntimeError, NotImplementedError, zlib.error, zipfile.BadZipFile)

Labels = NDArray[np.uint8]
Read = Callable[[], bytes]


@dataclass(frozen=True)
class Flight:
    """The frames of a flight, each read when it is wanted.

    palette: the classes of its files; ids (classes,): the id that each has in the maps given out.
    """

    name: str
    palette: Palette
    ids: Labels
    parts: dict[str, list[tuple[str, Read]]]
    intrinsics: tuple[str, bytes]

    def __len__(self) -> int:
        return len(self.parts["labels"])

    def order(self, path: str) -> list[int]:
        """The numbers of the frames along one of `PATHS`; ValueError for another."""
        there = list(range(len(self)))
        if path not in PATHS:
            raise ValueError(f"no path {path!r}; there are: {', '.join(PATHS)}")
        return {"forward": there, "back": there[::-1], "there and back": there + there[-2::-1]}[path]

    def along(self, path: str = "forward") -> tuple[Iterator[Labels], Iterator[Geometry]]:
        """What `Animator.animate` takes: its maps, and its geometry."""
        maps, places = tee(self.frame(number) for number in self.order(path))
        return (labels for labels, _ in maps), (place for _, place in places)

    def labels(self, number: int) -> Labels:
        """The label map of a frame, uint8 (H, W)."""
        name, read = self.parts["labels"][number]
        return self.ids[self.palette.ids(read(), name)]

    def frame(self, number: int) -> tuple[Labels, Geometry]:
        """A frame's label map, uint8 (H, W), and where it is seen from. Raises DataError and MediaError."""
        labels = self.labels(number)
        shape = labels.shape[0], labels.shape[1]
        name, read = self.parts["depth"][number]
        depth = read_depth(read(), name)
        if depth.shape != shape:
            depth = np.asarray(cv2.resize(depth, shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT))
        name, read = self.parts["pose"][number]
        intrinsics = read_intrinsics(self.intrinsics[1], self.intrinsics[0], shape)
        return labels, Geometry(depth, read_pose(read(), name), intrinsics)


def read_flight(source: Path | bytes, palette: Palette, name: str | None = None) -> Flight:
    """A flight for a model of `palette`: a folder, or a zip or its contents; `name` is for messages.

    What there is, is checked at once, the frames when they are read. Raises DataError and MediaError.
    """
    name = name or (source.name if isinstance(source, Path) else "the flight")
    files = _files(source, name)
    parts = {}
    for part, suffix in PARTS.items():
        found = [path for path in files if path.parts[0] == part and path.suffix.lower() == suffix]
        found.sort(key=lambda path: natural(str(path)))
        parts[part] = [(f"{name}: {path}", files[path]) for path in found]
    counts = {part: len(found) for part, found in parts.items()}
    if not min(counts.values()) or len({*counts.values()}) > 1:
        listed = ", ".join(f"{count} in {part}/" for part, count in counts.items())
        raise DataError(f"{name} needs as many labels as depth maps and poses; it has {listed}")
    if len(clips := {str(path.parent) for path in files if path.parts[0] == "labels"}) > 1:
        raise DataError(f"{name} has {len(clips)} flights; send one of them")
    known = (path for path in files if path.parts[0] == "intrinsics" or path.stem == "intrinsics")
    intrinsics = next(known, None)
    if intrinsics is None:
        raise DataError(f"{name} has no intrinsics.json or intrinsics.txt")
    own, ids = _classes(files, palette, name)
    return Flight(name, own, ids, parts, (f"{name}: {intrinsics}", files[intrinsics]()))


def _classes(files: dict[PurePosixPath, Read], palette: Palette, name: str) -> tuple[Palette, Labels]:
    """The flight's own palette, and the id in `palette` of each of its classes, known by their names."""
    read = files.get(PurePosixPath("palette.json"))
    if read is None:
        return palette, np.arange(len(palette), dtype=np.uint8)
    try:
        own = Palette.from_list(parsed(read()))
    except ValueError as error:
        raise DataError(f"{name}: palette.json is not JSON") from error
    strange = [each for each in own.names if each not in palette.names]
    if strange:
        raise DataError(f"{name} shows {strange[0]!r}; the model's classes are {palette.describe()}")
    return own, np.array([palette.names.index(each) for each in own.names], np.uint8)


def _files(source: Path | bytes, name: str) -> dict[PurePosixPath, Read]:
    """How to read each file of a flight, by its place beside labels/."""
    if isinstance(source, Path) and source.is_dir():
        found = dict(_in_folder(source))
    else:
        found = dict(_in_zip(source, name))
    if len(found) > MOST_FILES:
        raise DataError(f"{name} has {len(found):,} files; at most {MOST_FILES:,} are allowed")
    inside = [path.parts[: path.parts.index("labels")] for path in found if "labels" in path.parts[:-1]]
    if not inside:
        raise DataError(f"{name} has no folder labels/; a flight is {', '.join(PARTS)} and intrinsics.json")
    top = PurePosixPath(*min(inside, key=len))
    return {path.relative_to(top): read for path, read in found.items() if path.is_relative_to(top)}


def _in_folder(folder: Path) -> Iterator[tuple[PurePosixPath, Read]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield PurePosixPath(path.relative_to(folder).as_posix()), path.read_bytes


def _in_zip(source: Path | bytes, name: str) -> Iterator[tuple[PurePosixPath, Read]]:
    """The files of a zip; nothing is unpacked to the disk."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source)
    except (OSError, zipfile.BadZipFile) as error:
        raise MediaError(f"{name} is no folder and no zip that can be read") from error
    for entry in archive.infolist():
        path = PurePosixPath(entry.filename)
        if not entry.is_dir() and "__MACOSX" not in path.parts:
            yield path, _entry(archive, entry, name)


def _entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> Read:
    """How to read a file of a zip: as many bytes as the zip says, which are bounded."""

    def read() -> bytes:
        if entry.file_size > MOST_BYTES:
            raise MediaError(f"{name}: {entry.filename} has more than {MOST_BYTES // 2**20} MiB")
        try:
            return archive.read(entry)
        except DAMAGE as error:
            raise MediaError(f"{name}: {entry.filename} is damaged, or locked by a password") from error

    return read
