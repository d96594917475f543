"""Finding files: what lies in a folder, of which kinds, and what belongs together.

People lay data out in many ways. Where the meaning is certain, files are taken as they lie, and that is said.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from PIL import features

from cgan.pictures import size_of

Say = Callable[[str], None]

PICTURES = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm"}
PICTURES |= {".pgm"} | ({".avif"} if features.check("avif") else set())
LOSSLESS = {".png", ".bmp", ".tif", ".tiff", ".gif", ".pgm"}
# What lies beside pictures without being one.
BESIDE = {".txt", ".json", ".md", ".xml", ".csv", ".db", ".ini", ".yaml", ".yml", ".html", ".pdf", ".py", ""}
PACKED = {"__MACOSX"}  # folders that archives leave behind
LISTED = 10  # names in a message before "and N more"

# Other names of the parts of a data set: those of imaginaire's folders.
ALSO = {
    "images": ("images",),
    "labels": ("labels", "seg_maps"),
    "instances": ("instances", "instance_maps"),
    "inputs": ("inputs", "edge_maps"),
}
# What people end names with, to tell a picture from its map.
ENDINGS = (
    *("_leftImg8bit", "_gtFine_labelIds", "_gtFine_labelTrainIds", "_gtFine_instanceIds", "_gtFine_color"),
    *("_gtCoarse_labelIds", "_gtCoarse_instanceIds", "_labelIds", "_instanceIds", "_segmentation", "_L"),
    *("_mask", ".mask", "_seg", ".seg", "_labels", "_label", "_gt", "_instances", "_instance", "_edges"),
    *("_image", "_img", "_photo", "_rgb", "_input", "_target", "_real_A", "_real_B", "_A", "_B"),
)


def listed(names: Sequence[str]) -> str:
    """Names for a message."""
    rest = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {rest} more" if rest > 0 else "")


def part(folder: Path, name: str) -> Path:
    """The folder of a part of a data set, such as `labels`, under whichever of its names it is there."""
    there = [folder / other for other in ALSO[name] if (folder / other).is_dir()]
    return there[0] if there else folder / name


def root_of(folder: Path, parts: Sequence[str], say: Say) -> Path:
    """`folder`, or the one folder in it where that has the `parts` and `folder` itself has none of them."""
    inside = [it for it in folder.iterdir() if it.is_dir() and not unseen(it.name)]
    if len(inside) != 1 or any(part(folder, name).is_dir() for name in parts):
        return folder
    if not all(part(inside[0], name).is_dir() for name in parts):
        return folder
    say(f"the data lie one folder deeper, in {inside[0].name}/")
    return inside[0]


def unseen(name: str) -> bool:
    """Whether a file or folder is passed over by its name: what is hidden, and what archives leave behind."""
    return name.startswith(".") or name in PACKED


def files_in(
    folder: Path, root: Path, suffixes: set[str], problems: list[str], passed: Counter[str]
) -> list[Path]:
    """The files of these kinds in `folder`, at any depth, sorted; `passed` counts the endings of others.

    What is hidden is passed over. Links may lead to what lies inside of `root`: others are problems.
    """
    found, home = [], root.resolve()
    if folder.is_symlink():
        problems.append(f"{folder.name}/ is a link; put the folder itself there")
        return []
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(root)
        if any(unseen(name) for name in inner.parts):
            continue
        if path.is_dir():
            if path.is_symlink():
                problems.append(f"{inner} is a link; put the folder itself there")
            continue
        suffix = path.suffix.lower()
        if suffix not in suffixes:
            passed[suffix] += suffix not in BESIDE
        elif path.is_symlink() and not path.resolve().is_relative_to(home):
            problems.append(f"{inner} is a link that leads out of the folder")
        elif path.is_file():
            found.append(path)
    return found


def say_passed(passed: Counter[str], place: str, say: Say) -> None:
    """Tell which files were passed over, and what would make pictures of them."""
    if passed.total():
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in sorted(passed.items()) if count)
        say(f"{place} has {passed.total()} files that are not read ({kinds}); {convert(passed)}")


def convert(passed: Counter[str]) -> str:
    """How files of such endings become pictures that can be read."""
    first = next(suffix for suffix, count in sorted(passed.items()) if count)
    return f"convert pictures to PNG, for example: magick mogrify -format png *{first}"


def by_name(
    folder: Path, suffixes: set[str], problems: list[str], say: Say, lossless: bool = False
) -> dict[str, Path]:
    """The files of these kinds in `folder` and the folders in it, by their names without ending, sorted.

    A name is the path in `folder`, in NFC. lossless: other pictures than these are problems, not strangers.
    """
    if not folder.is_dir():
        problems.append(f"there is no folder {folder.name}/")
        return {}
    passed: Counter[str] = Counter()
    found: dict[str, Path] = {}
    for path in files_in(folder, folder.parent, PICTURES if lossless else suffixes, problems, passed):
        inner = path.relative_to(folder)
        name = unicodedata.normalize("NFC", inner.with_suffix("").as_posix())
        if path.suffix.lower() not in suffixes:
            allowed = ", ".join(sorted(suffixes))
            problems.append(f"{folder.name}/{inner}: maps must be lossless; allowed: {allowed}")
        elif name in found:
            problems.append(f"{folder.name}/{inner} and {found[name].name} have the same stem")
        else:
            found[name] = path
    if not found:
        why = f", only {convert(passed)}" if passed.total() else ""
        problems.append(f"there are no pictures in {folder.name}/{why}")
    say_passed(passed, f"{folder.name}/", say)
    return found


def likely(folder: Path) -> list[str]:
    """What a folder seems to be that a reader could not use, and what would; a line each, or none."""
    has = {name: part(folder, name).is_dir() for name in ALSO}
    if has["images"] and has["inputs"] and not has["labels"]:
        return ["pictures in inputs/ and images/ are for pix2pixhd"]
    if has["images"] and has["labels"]:
        return ["images/ and labels/ are for spade and pix2pixhd"]
    if (folder / "trainA").is_dir() and (folder / "trainB").is_dir():
        return ["trainA/ and trainB/ are for unit and munit"]
    for inside in sub_folders(folder):
        if all(part(inside, name).is_dir() for name in ("images", "labels")):
            return [f"{inside.name}/ has images/ and labels/: perhaps --data {inside} is meant"]
    for place in (folder, *sub_folders(folder)):
        if side_by_side(place):
            return [
                f"the pictures in {place.name}/ are twice as wide as high: if each is a pair, part them: "
                f"python -m train arrange {place} --out PAIRS --split AB (or BA), for pix2pixhd"
            ]
    return []


def side_by_side(folder: Path, looked_at: int = 8) -> bool:
    """Whether the first pictures in a folder are all twice as wide as high, as pix2pix's pairs are."""
    found = [it for it in sorted(folder.iterdir()) if it.suffix.lower() in PICTURES and it.is_file()]
    sizes = [size_of(path) for path in found[:looked_at]]
    return bool(sizes) and all(size is not None and size[0] == 2 * size[1] for size in sizes)


# What belongs together


def aligned(files: Mapping[str, Path], partners: Mapping[str, Path], say: Say) -> dict[str, Path]:
    """`partners` under the names of `files`, by the first rule that joins most of them, one to one.

    Those that are not joined keep their own names. `say` is told of any rule but that of equal names.
    """
    best, said = {name: name for name in files if name in partners}, ""
    endings = common_ending(files), common_ending(partners)
    both = [(words, rule, rule) for words, rule in RULES]
    both += [(f"without the ending {endings[0]}", lambda name: name.removesuffix(endings[0]), str)]
    both += [(f"without the ending {endings[1]}", str, lambda name: name.removesuffix(endings[1]))]
    for words, of_files, of_partners in both:
        ours, theirs = _single(files, of_files), _single(partners, of_partners)
        joined = {ours[key]: theirs[key] for key in ours if key in theirs}
        if len(joined) > len(best):
            best, said = joined, words
    if said:
        mine, other = next((mine, other) for mine, other in best.items() if mine != other)
        names = f"{files[mine].name} and {partners[other].name}"
        places = f"{_top(files[mine], mine)}/ and {_top(partners[other], other)}/"
        say(f"files of {places} are joined {said}, such as {names}")
    taken = {other: mine for mine, other in best.items()}
    return {taken.get(name, name): path for name, path in partners.items()}


def without(files: Mapping[str, Path], partners: Mapping[str, Path], what: str) -> list[str]:
    """A problem for each of `files` that has no partner."""
    return [
        f"{_top(path, name)}/{path.relative_to(_place(path, name))} has no {what}"
        for name, path in files.items()
        if name not in partners
    ]


def bare(name: str) -> str:
    """A name without what people end names with."""
    for ending in ENDINGS:
        if name.endswith(ending) and len(name) > len(ending):
            return name.removesuffix(ending)
    return name


def common_ending(names: Iterable[str]) -> str:
    """What all of several names end with, from a mark such as _ on; "" where there is no such ending."""
    several = [*names]
    shared = os.path.commonprefix([name[::-1] for name in several])[::-1] if len(several) > 1 else ""
    mark = re.search(r"[-_. ]", shared)
    return shared[mark.start() :] if mark else ""


RULES: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("by their names without regard to case", str.casefold),
    ("by their names without the folders", lambda name: name.rpartition("/")[2]),
    ("by their names without the endings", bare),
    ("by their names without folders and endings", lambda name: bare(name.rpartition("/")[2])),
)


def _single(names: Mapping[str, Path], rule: Callable[[str], str]) -> dict[str, str]:
    """rule(name) -> name, for those whose result no other name has."""
    counted = Counter(rule(name) for name in names)
    return {rule(name): name for name in names if counted[rule(name)] == 1}


def _place(path: Path, name: str) -> Path:
    """The folder in which a file has this name."""
    return path.parents[name.count("/")]


def _top(path: Path, name: str) -> str:
    return _place(path, name).name


# Groups: a folder each


def groups(folder: Path, problems: list[str], say: Say) -> dict[str, list[Path]]:
    """The pictures in each sub-folder of `folder` and in the folders inside it; by name, all sorted."""
    passed: Counter[str] = Counter()
    found = {}
    for inside in sub_folders(folder):
        name = unicodedata.normalize("NFC", inside.name)
        before, strangers = len(problems), passed.total()
        found[name] = files_in(inside, folder, PICTURES, problems, passed)
        if not found[name] and len(problems) == before:
            why = f", only others; {convert(passed)}" if passed.total() > strangers else ""
            problems.append(f"there are no pictures in {name}/{why}")
    say_passed(passed, str(folder), say)
    return found


def sub_folders(folder: Path) -> Iterator[Path]:
    """The folders in `folder`, sorted, but for what is passed over."""
    return (it for it in sorted(folder.iterdir()) if it.is_dir() and not unseen(it.name))
