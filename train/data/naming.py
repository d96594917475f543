"""Names for classes where data bring no palette.json: from lists that many data sets have, or as asked for.

A list is classes.txt, class_names.txt, codes.txt or label_colors.txt, in the folder or beside it, with a
class in each line: its name; or its id and its name; or red, green, blue and its name (as CamVid has it).
Between them are blanks, tabs, commas, semicolons or colons; what begins with # is a remark.
"""

from __future__ import annotations

import colorsys
import re
from pathlib import Path

from cgan.errors import DataError
from cgan.labels import Label, Palette

LISTS = ("classes.txt", "class_names.txt", "codes.txt", "label_colors.txt")
LONGEST = 2**16  # bytes of a list
_LINE = re.compile(r"(?P<numbers>(?:\d+[\s,;:]+)*)(?P<name>.*)")


def list_in(folder: Path) -> Path | None:
    """The list of names in `folder`, or the one beside it: the parts of a data set may share theirs."""
    places = [place / name for place in (folder, folder.resolve().parent) for name in LISTS]
    return next((path for path in places if path.is_file()), None)


def read_list(path: Path) -> Palette:
    """The palette that a list of names tells; colours that it does not tell are chosen.

    Raises `DataError` for what is no such list.
    """
    try:
        if path.stat().st_size > LONGEST:
            raise DataError(f"{path} is too long for a list of class names")
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as a list of class names: {error}") from error
    told = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    try:
        return Palette(tuple(_label(line, place) for place, line in enumerate(told)))
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _label(line: str, place: int) -> Label:
    """The class of one line, which is the one at `place`."""
    found = _LINE.fullmatch(line)
    numbers, name = ([], line) if found is None else (found["numbers"], found["name"].strip())
    values = [int(number) for number in re.findall(r"\d+", str(numbers))]
    if len(values) == 3 and max(values) < 256:
        return Label(place, name, "#" + "".join(f"{value:02x}" for value in values))
    if len(values) == 1 and values[0] != place:
        raise DataError(f"ids count 0, 1, 2, …: line {place + 1} has the id {values[0]}")
    if len(values) > 1:
        raise DataError(
            f"line {place + 1} is {line!r:.60}; it must be a name, an id and a name, or r g b name"
        )
    return Label(place, name, colour(place))


def named(own: Palette, names: str) -> Palette:
    """A palette whose classes are but numbers, with `names`, "sky,road,…", by id.

    Raises `ValueError` where the classes have names already, or are not as many.
    """
    given = [name.strip() for name in names.split(",")]
    if not numbered_only(own):
        raise ValueError(f"--class-names: the data name their classes, {', '.join(own.names)}; leave it out")
    if len(given) != len(own):
        raise ValueError(
            f"--class-names has {len(given)} names; the data have {len(own)} classes, by id from 0"
        )
    return Palette(tuple(Label(it.id, name, it.colour) for it, name in zip(own.labels, given, strict=True)))


def numbered_only(palette: Palette) -> bool:
    """Whether the classes are but numbers: "class 0", "class 7", …"""
    return all(re.fullmatch(r"class \d+", name) for name in palette.names)


def colour(index: int) -> str:
    """Colours that differ: hues by the golden ratio, in rings of saturation and lightness."""
    hue, ring = index * 0.618034 % 1, index % 3
    red, green, blue = colorsys.hls_to_rgb(hue, (0.5, 0.35, 0.7)[ring], (0.75, 0.55, 0.6)[ring])
    return "#" + "".join(f"{round(255 * part):02x}" for part in (red, green, blue))
