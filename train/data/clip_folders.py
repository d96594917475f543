"""Folders of label videos: what lies where, and what belongs together.

    images/NAME/*.jpg  or  images/NAME.mp4        a clip: its frames in natural order, or a video
    labels/NAME/*.png  or  labels/NAME.mp4        its label maps (also: seg_maps); or, instead of them,
    poses/NAME/*.json                             OpenPose's files (also: poses-openpose), or
    landmarks/NAME/*.json                         68 points of a face (also: landmarks-dlib68)
    instances/NAME/*.png                          numbers of things (also: instance_maps)
    depth/NAME/*.png                              16-bit, in millimetres
    pose/NAME/*.txt                               the camera's place (also: cameras), with intrinsics.txt or
                                                  .json in the folder, or intrinsics/NAME.txt
    palette.json                                  the classes of labels/; label videos need it

Where there is one clip only, its files may lie in images/, labels/ … themselves; pictures beside clips are
single frames, which teach how a frame looks. Frames and what belongs to them have the same stems; where one
of the two is a video, they are as many.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from cgan.files import natural
from cgan.video import SUFFIXES
from train.data.folders import LOSSLESS, PICTURES, listed

PARTS = {
    "images": ("images",),
    "labels": ("labels", "seg_maps"),
    "poses": ("poses", "poses-openpose"),
    "landmarks": ("landmarks", "landmarks-dlib68"),
    "instances": ("instances", "instance_maps"),
    "depth": ("depth",),
    "pose": ("pose", "cameras"),
}
SOURCES = ("labels", "poses", "landmarks", "edges", "depth")  # of label maps; edges come from the pictures
KINDS = {
    "images": PICTURES,
    "labels": LOSSLESS,
    "poses": {".json"},
    "landmarks": {".json"},
    "instances": LOSSLESS,
    "depth": {".png", ".tif", ".tiff"},
    "pose": {".txt"},
}
VIDEOS = ("images", "labels")  # parts that may be videos
OPENPOSE = "_keypoints"  # what OpenPose adds to a frame's name

Strip = list[Path] | Path  # a clip's frames in order, or its video


@dataclass
class FoundClip:
    """The files of a clip: for each part that there is, its frames in order, or a video."""

    name: str
    parts: dict[str, Strip] = field(default_factory=dict)
    intrinsics: Path | None = None

    @property
    def count(self) -> int | None:
        """The number of frames, where the pictures are no video."""
        images = self.parts["images"]
        return None if isinstance(images, Path) else len(images)


def find_clips(folder: Path, source: str, problems: list[str]) -> tuple[list[FoundClip], str]:
    """(the clips of a folder, where their labels come from); what does not fit goes to `problems`.

    source: one of `SOURCES`, or "auto" for what there is.
    """
    there = _parts(folder, problems)
    source = _source(there, source, problems)
    if "images" not in there:
        problems.append("there is no folder images/")
        return [], source
    unused = {"labels", "poses", "landmarks"} - {source}
    strips = {part: _strips(path, part, problems) for part, path in there.items() if part not in unused}
    found = []
    for name, images in strips["images"].items():
        clip = FoundClip(name or folder.resolve().name, {"images": images})
        for part, others in strips.items():
            if part != "images" and name in others:
                joined = _joined(images, others[name], problems)
                clip.parts[part] = joined
            elif part != "images":
                problems.append(f"{there[part].name}/ has nothing for {_told(name, there['images'])}")
        clip.intrinsics = _intrinsics(folder, name)
        found.append(clip)
    for part, others in strips.items():
        lonely = [name for name in others if name not in strips["images"]]
        if lonely:
            problems.append(f"images/ has nothing for {_told(lonely[0], there[part])}")
    if "pose" in there and any(clip.intrinsics is None for clip in found):
        problems.append("there are camera poses, but no intrinsics.txt or intrinsics.json")
    return found, source


def _parts(folder: Path, problems: list[str]) -> dict[str, Path]:
    """The folders that there are, by part."""
    there = {}
    for part, names in PARTS.items():
        present = [folder / name for name in names if (folder / name).is_dir()]
        if len(present) > 1:
            problems.append(f"{present[0].name}/ and {present[1].name}/ mean the same: keep one of them")
        if present:
            there[part] = present[0]
    return there


def _source(there: dict[str, Path], source: str, problems: list[str]) -> str:
    """Where labels come from."""
    if source == "auto":
        present = [part for part in ("labels", "poses", "landmarks") if part in there]
        if len(present) == 1:
            return present[0]
        ways = f"there are {', '.join(present)}" if present else "there is no labels/, poses/ or landmarks/"
        problems.append(
            f"{ways}: say where label maps come from, with --labels; allowed: {', '.join(SOURCES)}"
        )
        return "edges"
    if source not in SOURCES:
        raise ValueError(f"labels cannot come from {source!r}; allowed: auto, {', '.join(SOURCES)}")
    if source != "edges" and source not in there:
        problems.append(f"there is no folder {source}/ for the labels")
    return source


def _strips(folder: Path, part: str, problems: list[str]) -> dict[str, Strip]:
    """The clips in a part's folder by name, naturally sorted; "" where its files are the only clip.

    Files beside clips are clips of one frame each.
    """
    found: dict[str, Strip] = {}
    entries = sorted((it for it in folder.iterdir() if it.name[0] != "."), key=lambda it: natural(it.name))
    frames = _frames(entries, part)
    for entry in entries:
        if entry.is_dir():
            inside = [it for it in entry.iterdir() if it.name[0] != "."]
            strip: Strip = _frames(sorted(inside, key=lambda it: natural(it.name)), part)
            if not strip:
                problems.append(
                    f"{folder.name}/{entry.name}/ has no frames ({', '.join(sorted(KINDS[part]))})"
                )
                continue
            name = entry.name
        elif part in VIDEOS and entry.suffix.lower() in SUFFIXES - KINDS[part]:
            strip, name = entry, entry.stem
        else:
            continue
        if name in found:
            problems.append(f"{folder.name}/ has two clips called {name}")
        found[name] = strip
    if found:  # pictures beside clips are no clip
        for frame in frames:
            if frame.stem in found:
                problems.append(f"{folder.name}/ has two clips called {frame.stem}")
            found[frame.stem] = [frame]
    elif frames:
        found[""] = frames
    if not found and not frames:
        problems.append(f"there are no clips in {folder.name}/")
    return found


def _frames(entries: list[Path], part: str) -> list[Path]:
    return [it for it in entries if it.suffix.lower() in KINDS[part] and it.is_file()]


def _joined(images: Strip, others: Strip, problems: list[str]) -> Strip:
    """`others` in the order of `images`: by stem, or as they are where one of the two is a video."""
    if isinstance(images, Path) or isinstance(others, Path):
        return others
    stems = {path.stem.removesuffix(OPENPOSE): path for path in others}
    missing = [path for path in images if path.stem not in stems]
    wanted = {path.stem for path in images}
    extra = [path for stem, path in stems.items() if stem not in wanted]
    place = others[0].parent
    if missing:
        names = listed([it.stem for it in missing])
        problems.append(f"{_place(place)} lacks {len(missing)} of {len(images)} frames: {names}")
    elif extra:
        names = listed([it.name for it in extra])
        problems.append(f"{_place(place)} has {len(extra)} files without a picture: {names}")
    if len(stems) < len(others):
        problems.append(f"{_place(place)} has files with the same stem")
    return [stems[path.stem] for path in images if path.stem in stems]


def _place(folder: Path) -> str:
    """A clip's folder as seen from the data set."""
    inside = any(folder.name in names for names in PARTS.values())
    return f"{folder.name}/" if inside else f"{folder.parent.name}/{folder.name}/"


def _told(name: str, folder: Path) -> str:
    return f"{folder.name}/{name}" if name else f"the frames in {folder.name}/"


def _intrinsics(folder: Path, name: str) -> Path | None:
    own = [folder / "intrinsics" / f"{name}{suffix}" for suffix in (".json", ".txt") if name]
    shared = [folder / "intrinsics.json", folder / "intrinsics.txt"]
    return next((path for path in [*own, *shared] if path.is_file()), None)
