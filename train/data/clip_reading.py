"""Folders of label videos become data, and every check is made before the first step.

What lies where is told in `train.data.clip_folders`. Labels that are no files are drawn here: poses and faces
from their points, edges from the pictures, bands of depth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgan import faces, poses
from cgan.cameras import BANDS, depth_labels, read_depth, read_intrinsics, read_pose
from cgan.edges import edge_labels, edge_palette
from cgan.errors import CganError
from cgan.label_videos import read_label_video
from cgan.labels import Label, Palette
from cgan.pictures import centre, open_picture, read_picture
from cgan.video import Limits, read_video
from train.data import folders
from train.data.clip_folders import FoundClip, Strip, find_clips
from train.data.clips import LEAST, MOST_DEPTH, ClipData, Window
from train.data.flows import kept_flow, new_flow
from train.data.folders import Say
from train.data.painted import MOST_INSTANCES, numbered, palette_of, read_ids
from train.data.protocol import Size
from train.data.stored import canvas
from train.log import tally

LIMITS = Limits(frames=200_000, seconds=7200.0)  # of a video to learn from
SHAPE = 0.02  # of a side: depth maps and videos of nearly the pictures' shape fit them
LIMB_VANISHES = 0.05  # how often a limb is left out of a sample's pose, so that a model can do without

Array = NDArray[Any]


def read_clips(
    folder: Path,
    size: Size,
    window: Window | None = None,
    say: Say = folders.silent,
    labels: str = "auto",
    flow: bool = True,
    geometry: bool = False,
    drift: float = 0.0,
) -> ClipData:
    """Read and check label videos, stored so that crops of `size` = (height, width) can be taken.

    window: the frames of a sample. labels: where label maps come from: "labels", "poses", "landmarks",
    "edges", "depth", or "auto" for the one of the first three that there is. flow: whether optical flow is
    computed. geometry: whether depth and cameras are needed. drift: how pictures beside clips become
    clips (see `ClipData`). Pictures of another shape than `size` are cut at the centre, and `say` is told so.
    Raises one DataError that lists all problems.
    """
    folder = Path(folder)
    expected = "images/ and labels/ (or poses/, landmarks/), in which each clip is a folder or a video"
    folders.check_folder(folder, expected)
    window = window or Window()
    problems: list[str] = []
    gathered = gather(folder, size, labels, max(LEAST, window.first), problems, geometry, single=True)
    folders.check(folder, problems)
    data = replace(gathered.data(folder, size, window, flow, say), drift=drift)
    if drift and (min(data.lengths) > 1 or data.pose is not None):
        say("--drift changes nothing: there are no pictures beside the clips, or their cameras are known")
    return data


@dataclass
class ReadClip:
    """A clip at the stored size: arrays of its frames by field, and the (height, width) of its files."""

    name: str
    fields: dict[str, list[Array]] = field(default_factory=dict)
    shape: Size = (0, 0)


@dataclass
class Gathered:
    """The clips of a folder, read."""

    clips: list[ReadClip]
    source: str  # of the labels
    palette: Palette | None

    def named_palette(self, say: Say) -> Palette:
        """The palette, or one of numbers where the data bring none."""
        if self.palette is not None:
            return self.palette
        present = [np.unique(labels) for clip in self.clips for labels in clip.fields["labels"]]
        return numbered(np.unique(np.concatenate(present)), say)

    def shared(self, say: Say) -> dict[str, Any]:
        """The fields that all data of clips have."""
        palette = self.named_palette(say)
        return {
            "images": joined(self.clips, "images"),
            "labels": joined(self.clips, "labels"),
            "lengths": tuple(len(clip.fields["images"]) for clip in self.clips),
            "names": tuple(clip.name for clip in self.clips),
            "palette": palette,
            "source": self.source,
            "mirror": mirror_of(palette.names),
            "vanishing": vanishing() if self.source == "poses" else None,
        }

    def data(self, folder: Path, size: Size, window: Window, flow: bool, say: Say) -> ClipData:
        """All of it."""
        folders.say_cut(say, [clip.shape for clip in self.clips], folder, size)
        motion: dict[str, Any] = motion_of(self.clips, say) if flow else {}
        parts = ("depth", "pose", "intrinsics", "instances")
        rest: dict[str, Any] = {
            part: joined(self.clips, part) for part in parts if part in self.clips[0].fields
        }
        return ClipData(**self.shared(say), **motion, **rest, window=window)


def joined(clips: Sequence[ReadClip], part: str) -> Tensor:
    """A field of all clips, frame after frame, with its channels first."""
    values = torch.from_numpy(np.stack([frame for clip in clips for frame in clip.fields[part]]))
    if part == "images":
        return values.permute(0, 3, 1, 2).contiguous()
    if part == "depth":
        return values.clamp(max=MOST_DEPTH).half()[:, None]
    return values.float() if part in ("pose", "intrinsics") else values[:, None]


def motion_of(clips: Sequence[ReadClip], say: Say) -> dict[str, Tensor]:
    """Optical flow and what is seen of it, of all clips; `say` is told of what is not known yet."""
    total, done, found = sum(len(clip.fields["images"]) for clip in clips), 0, []
    reached: Callable[[int], None] | None = None
    for clip in clips:
        images = joined([clip], "images")
        done += len(images)
        pair = kept_flow(images, say)
        if pair is None:
            reached = reached or tally(say, f"computing the optical flow of {total} frames", total)
            pair = new_flow(images)
            reached(done)
        found.append(pair)
    return {name: torch.cat([pair[i] for pair in found]) for i, name in enumerate(("flow", "seen"))}


def mirror_of(names: Sequence[str]) -> tuple[int, ...] | None:
    """The class of each class in a mirror, or None where none has a left and a right."""
    try:
        swapped = tuple(poses.mirrored(names))
    except ValueError:  # a left without a right: no parts of a body
        return None
    return None if swapped == tuple(range(len(names))) else swapped


def vanishing() -> tuple[float, ...]:
    """How often each class of a pose is left out."""
    return tuple(LIMB_VANISHES if id in poses.LIMB_IDS else 0.0 for id in range(len(poses.CLASSES)))


def depth_palette() -> Palette:
    """The classes of `cgan.cameras.depth_labels`: unknown, then bands from near to far."""
    greys = [f"#{255 - 13 * band:02x}{240 - 13 * band:02x}{215 - 8 * band:02x}" for band in range(BANDS)]
    bands = [Label(band + 1, f"distance {band + 1}", grey) for band, grey in enumerate(greys)]
    return Palette((Label(0, "unknown", "#000000"), *bands))


PALETTES: dict[str, Callable[[], Palette]] = {
    "poses": poses.palette,
    "landmarks": faces.palette,
    "edges": edge_palette,
    "depth": depth_palette,
}


def gather(
    folder: Path,
    size: Size,
    labels: str,
    least: int,
    problems: list[str],
    geometry: bool = False,
    single: bool = False,
) -> Gathered:
    """Read all clips of a folder; what is wrong goes to `problems`.

    least: frames that a clip needs; single: or just one, as long as there are others; labels and geometry as
    for `read_clips`.
    """
    found, source = find_clips(folder, labels, problems)
    there = {part for clip in found for part in clip.parts}
    missing = [f"{part}/" for part in ("depth", "pose") if geometry and found and part not in there]
    if missing:
        problems.append(f"there is no {' and no '.join(missing)}: a world-consistent model needs both")
    palette = palette_of(folder, problems) if source == "labels" else PALETTES[source]()
    reader = _Reader(source, palette, canvas(size), problems)
    clips = [reader.clip(clip) for clip in found]
    counts = {clip.name: len(clip.fields.get("images", ())) for clip in clips}
    fine = {1} if single and max(counts.values(), default=0) > 1 else set[int]()
    for name, count in counts.items():
        if 0 < count < least and count not in fine:
            problems.append(f"clip {name} has {count} frames; at least {least} are needed")
    return Gathered(clips, source, palette)


@dataclass
class _Reader:
    """Reads the parts of a clip at the size `canvas`; what is wrong goes to `problems`."""

    source: str
    palette: Palette | None
    canvas: Size
    problems: list[str]

    def clip(self, found: FoundClip) -> ReadClip:
        """All parts of a clip."""
        clip = ReadClip(found.name)
        images = found.parts["images"]
        pictures, shapes = self._read(images, _picture, self._video(images))
        clip.fields["images"] = pictures
        clip.shape = next((shape for shape in shapes if min(shape)), (0, 0))
        if not min(clip.shape):
            return clip
        odd = [number for number, shape in enumerate(shapes) if shape != clip.shape and min(shape)]
        if odd:
            self.problems.append(
                f"clip {clip.name}: frame {odd[0]} is {folders.told(shapes[odd[0]])}, the first one is "
                f"{folders.told(clip.shape)}"
            )
        for part, (read, video) in self._readers(found).items():
            self._part(clip, part, found.parts[part], read, video)
        self._drawn(clip, found)
        if found.intrinsics is not None and "pose" in found.parts:
            self._intrinsics(clip, found.intrinsics)
        return clip

    def _readers(self, found: FoundClip) -> dict[str, tuple[Callable[[Path, str], Array], Any]]:
        """How each of the clip's maps is read, and its video if it is one."""
        readers: dict[str, tuple[Callable[[Path, str], Array], Any]] = {
            "labels": (self._labels, self._label_video(found.parts.get("labels", []))),
            "instances": (lambda path, name: read_ids(path, name, MOST_INSTANCES), None),
            "depth": (read_depth, None),
        }
        return {part: how for part, how in readers.items() if part in found.parts}

    def _part(
        self, clip: ReadClip, part: str, strip: Strip, read: Callable[[Path, str], Array], video: Any
    ) -> None:
        """Read a part whose frames are maps, and compare them with the pictures."""
        maps, shapes = self._read(strip, read, video)
        clip.fields[part] = maps
        self._count(clip, part, len(maps))
        exact = not (isinstance(strip, Path) or part == "depth")
        for number, shape in enumerate(shapes):
            if min(shape) and not _fits(shape, clip.shape, exact):
                file = strip.name if isinstance(strip, Path) else _told(strip[number])
                self.problems.append(
                    f"{file} is {folders.told(shape)}, its picture is {folders.told(clip.shape)}"
                )
                return

    def _drawn(self, clip: ReadClip, found: FoundClip) -> None:
        """Labels that are no files, and the camera's poses."""
        box = centre(clip.shape, self.canvas)
        readers: dict[str, Callable[[Path, str], Array]] = {
            "poses": lambda path, name: poses.draw(poses.read_poses(path, name)[:1], self.canvas, box),
            "landmarks": lambda path, name: faces.draw(faces.read_landmarks(path, name), self.canvas, box),
            "pose": read_pose,
        }
        for part, read in readers.items():
            strip = found.parts.get(part)
            if isinstance(strip, list):
                values = folders.read_all(partial(self._attempt, read), strip)
                name = "pose" if part == "pose" else "labels"
                clip.fields[name] = [value for value in values if value is not None]
                self._count(clip, part, len(values))
        if self.source == "edges":
            clip.fields["labels"] = folders.read_all(edge_labels, clip.fields["images"])
        elif self.source == "depth" and "depth" in clip.fields:
            clip.fields["labels"] = [depth_labels(depth) for depth in clip.fields["depth"]]

    def _intrinsics(self, clip: ReadClip, path: Path) -> None:
        """(fx, fy, cx, cy) in stored pixels, for each frame."""
        values = self._attempt(lambda file, _: read_intrinsics(file, file.name, clip.shape), path)
        if values is None:
            return
        left, top, right, bottom = centre(clip.shape, self.canvas)
        across, down = self.canvas[1] / (right - left), self.canvas[0] / (bottom - top)
        moved = (values - [0, 0, left, top]) * [across, down, across, down]
        clip.fields["intrinsics"] = [moved] * len(clip.fields["images"])

    def _count(self, clip: ReadClip, part: str, count: int) -> None:
        wanted = len(clip.fields["images"])
        if count != wanted:
            self.problems.append(f"clip {clip.name} has {wanted} pictures and {count} in {part}/")

    # --- files

    def _read(
        self, strip: Strip, read: Callable[[Path, str], Array], video: Iterable[Array] | None
    ) -> tuple[list[Array], list[Size]]:
        """(arrays at the stored size, their (height, width) in the files): (0, 0) for what cannot be read."""
        if video is not None:
            return self._streamed(video)
        if isinstance(strip, Path):  # a label video without a palette
            return [], []

        def one(path: Path) -> tuple[Array | None, Size]:
            array = self._attempt(read, path)
            return (None, (0, 0)) if array is None else (self._fitted(array), _size(array))

        done = folders.read_all(one, strip)
        first = next((array for array, _ in done if array is not None), None)
        if first is None:
            return [], [shape for _, shape in done]
        return [first if array is None else array for array, _ in done], [shape for _, shape in done]

    def _streamed(self, video: Iterable[Array]) -> tuple[list[Array], list[Size]]:
        arrays, shapes = [], []
        try:
            for array in video:
                arrays.append(self._fitted(array))
                shapes.append(_size(array))
        except CganError as error:
            self.problems.append(str(error))
        return arrays, shapes

    def _fitted(self, array: Array) -> Array:
        return folders.fitted(array, self.canvas, centre(array.shape, self.canvas))

    def _attempt(self, read: Callable[[Path, str], Array], path: Path) -> Array | None:
        return folders.attempt(lambda: read(path, _told(path)), self.problems)

    def _video(self, strip: Strip) -> Iterable[Array] | None:
        return (
            _late(lambda: read_video(strip, strip.name, limits=LIMITS)) if isinstance(strip, Path) else None
        )

    def _label_video(self, strip: Strip) -> Iterable[Array] | None:
        if not isinstance(strip, Path):
            return None
        palette = self.palette
        if palette is None:
            self.problems.append(f"labels/{strip.name} is a video: its colours need a palette.json")
            return None
        return _late(lambda: read_label_video(strip, palette, strip.name, limits=LIMITS))

    def _labels(self, path: Path, name: str) -> Array:
        if self.palette is not None:
            return self.palette.ids(open_picture(path, name), name)
        return read_ids(path, name, 256).astype(np.uint8)


def _late(begin: Callable[[], Iterable[Array]]) -> Iterable[Array]:
    """What `begin` gives, begun when the first is asked for, so that errors come then."""
    yield from begin()


def _picture(path: Path, name: str) -> Array:
    return read_picture(path, name)


def _size(array: Array) -> Size:
    return array.shape[0], array.shape[1]


def _told(path: Path) -> str:
    """A file as messages call it: with the two folders that it lies in."""
    return "/".join(path.parts[-3:])


def _fits(shape: Size, other: Size, exact: bool) -> bool:
    """Whether a map belongs to a picture: it is as large, or at least of its shape."""
    return shape == other if exact else abs(shape[0] * other[1] / (shape[1] * other[0]) - 1) < SHAPE
