"""Label maps: their classes and colours, from files and to tensors.

*Labels* are uint8 (H, W) of class ids at rest and int64 (B, 1, H, W) in a batch. A `Palette` gives ids names
and colours; it travels in a checkpoint's config.json and, as palette.json, with training data:

    [{"id": 0, "name": "sky", "colour": "#808080"}, …]
"""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from cgan.errors import DataError
from cgan.files import parsed
from cgan.pictures import open_picture

# One colour outside the palette that covers this much is a class of its own, not the blend at some edge.
UNKNOWN_SHARE = 0.01
UNKNOWN_PIXELS = 16
# And where fewer pixels than this share have exact colours, the picture is no colour map at all.
LEAST_EXACT_SHARE = 0.5
MOST_STRANGERS = 16  # colours of areas that a map of other classes may have; a picture with more is none
# What JPEG leaves of a colour lies within this distance of it in RGB, and of a map at least this share does.
NEAR = 32
LEAST_NEAR_SHARE = 0.75

_ID_MODES = ("1", "L", "I", "I;16", "I;16L", "I;16B", "I;16N")
_EXAMPLE = '{"id": 0, "name": "sky", "colour": "#808080"}'
_TRANSPARENT = -1  # stands for the colour of every pixel that is not opaque


@dataclass(frozen=True)
class Label:
    """A class: its id, its name and its colour, "#rrggbb"."""

    id: int
    name: str
    colour: str


@dataclass(frozen=True)
class Palette:
    """The classes of a label map: ids 0 to n - 1 in order (n at most 256), each with its own name and colour.

    Raises `DataError` where they are not so.
    """

    labels: tuple[Label, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.labels) <= 256:
            raise DataError(f"a palette has 1 to 256 classes, not {len(self.labels)}")
        for position, label in enumerate(self.labels):
            if label.id != position:
                raise DataError(f"palette ids count 0, 1, 2, …: entry {position} has the id {label.id!r}")
            if not re.fullmatch(r"#[0-9a-fA-F]{6}", label.colour):
                raise DataError(f"class {label.id} has the colour {label.colour!r}; write it as #rrggbb")
            if not label.name.strip():
                raise DataError(f"class {label.id} has no name")
        _refuse_twins("colour", [label.colour.lower() for label in self.labels])
        _refuse_twins("name", self.names)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def names(self) -> list[str]:
        """The classes' names, by id."""
        return [label.name for label in self.labels]

    @property
    def rgb(self) -> np.ndarray:
        """The classes' colours, uint8 (n, 3)."""
        return np.array([list(bytes.fromhex(label.colour[1:])) for label in self.labels], np.uint8)

    @classmethod
    def from_list(cls, entries: list[dict[str, Any]]) -> "Palette":
        """Make a palette of JSON's objects {"id": int, "name": str, "colour": "#rrggbb"}."""
        if not isinstance(entries, list):
            raise DataError(f"a palette is a list of {_EXAMPLE}")
        return cls(tuple(_label(entry, position) for position, entry in enumerate(entries)))

    def to_list(self) -> list[dict[str, Any]]:
        """The opposite of `from_list`."""
        return [asdict(label) for label in self.labels]

    @classmethod
    def read(cls, path: Path) -> "Palette":
        """Read a palette.json; all that can be wrong is a `DataError` that names the file."""
        try:
            return cls.from_list(parsed(path.read_text(encoding="utf-8-sig")))
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}") from error
        except ValueError as error:  # not JSON, or not even UTF-8
            raise DataError(f"{path} is not JSON ({error}); it must be a list of {_EXAMPLE}") from error
        except DataError as error:
            raise DataError(f"{path}: {error}") from error

    def write(self, path: Path) -> None:
        """Write a palette.json."""
        path.write_text(json.dumps(self.to_list(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def ids(self, source: Path | bytes | Image.Image, name: str | None = None) -> np.ndarray:
        """Read a label map: uint8 (H, W), every id that of a class.

        A picture of one channel (modes 1, L, I, I;16) holds ids. RGB and RGBA are colour maps: pixels of
        exact palette colours are their classes, and the others, the blends along edges, take the class of
        the nearest exact pixel (not of the nearest colour, which would invent classes there).

        A picture with a palette of its own (mode P) holds ids too, unless an editor has renumbered a colour
        map. It is read by colour if all colours it uses are ours, under other numbers, and besides either one
        of the numbers in use is no id, or the file's palette holds no colour but ours. Palettes of another
        origin, a ramp of greys say, do not do that by chance.

        Args: `source` a path, the file's contents or an opened picture; `name` what messages call it.
        Raises `DataError` for ids and colours without a class, `MediaError` for files that cannot be read.
        """
        if not isinstance(source, Image.Image):
            name = name or (source.name if isinstance(source, Path) else None)
            source = open_picture(source, name or "the label map")
        name = name or "the label map"
        if source.mode == "P":
            if not self._renumbered(source):
                return self._checked(np.asarray(source), name)
        elif source.mode in _ID_MODES:
            return self._checked(np.asarray(source), name)
        elif source.mode not in ("RGB", "RGBA"):
            allowed = "a PNG of ids in one channel, or of the palette's colours in RGB"
            raise DataError(f"{name} is a picture of mode {source.mode}; a label map is {allowed}")
        return self._from_colours(source, name)

    def snapped(self, source: Path | bytes | Image.Image, name: str | None = None) -> np.ndarray:
        """Read a colour map whose colours are no longer exact, as JPEG leaves them: uint8 (H, W).

        Each pixel takes the class of the nearest colour. Where two classes meet, the blend of their colours
        may come near to that of a third: regions that are nowhere three pixels wide take the class of the
        nearest pixel outside of them. Details as thin as that are lost.

        Args: as `ids`. Raises `DataError` for photographs, and `MediaError` for files that cannot be read.
        """
        name = name or (source.name if isinstance(source, Path) else "the label map")
        picture = source if isinstance(source, Image.Image) else open_picture(source, name)
        ids, distance = self._nearest(np.asarray(picture.convert("RGB")).astype(np.int32))
        near = float((distance <= NEAR**2).mean())
        if near < LEAST_NEAR_SHARE:
            raise DataError(
                f"only {near:.0%} of {name}'s pixels have nearly a colour of the palette: it is a "
                f"photograph, or a map of other classes; allowed: {self.describe()}"
            )
        wide = _three_wide(ids)
        return nearest_exact(ids, wide) if wide.any() else ids

    def _nearest(self, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The class whose colour is nearest to each pixel of int32 (H, W, 3), and its squared distance."""
        ids = np.zeros(picture.shape[:2], np.uint8)
        least = np.full(picture.shape[:2], np.iinfo(np.int32).max, np.int32)
        for number, colour in enumerate(self.rgb.astype(np.int32)):
            distance = ((picture - colour) ** 2).sum(axis=2, dtype=np.int32)
            nearer = distance < least
            ids[nearer], least[nearer] = number, distance[nearer]
        return ids, least

    def colours(self, labels: np.ndarray) -> np.ndarray:
        """Colour labels, uint8 (H, W), in: a picture, uint8 (H, W, 3)."""
        return self.rgb[labels]

    def write_ids(self, target: Path | BinaryIO, labels: np.ndarray) -> None:
        """Write labels, uint8 (H, W), as a PNG whose values are the ids, shown in the palette's colours.

        Raises `ValueError` for another type or shape and `DataError` for ids without a class.
        """
        if labels.dtype != np.uint8 or labels.ndim != 2:
            raise ValueError(f"labels are uint8 (H, W), not {labels.dtype} {labels.shape}")
        picture = Image.fromarray(self._checked(labels, "the label map"))
        picture.putpalette(self.rgb.tobytes())  # turns mode L into P and keeps the values
        picture.save(target, format="PNG", optimize=False)

    def describe(self, limit: int = 40) -> str:
        """The classes for a message: "0 sky #808080, 1 building #800000, …"."""
        words = [f"{label.id} {label.name} {label.colour}" for label in self.labels]
        return ", ".join(words[:limit]) + (f" and {len(words) - limit} more" if len(words) > limit else "")

    def _checked(self, values: np.ndarray, name: str) -> np.ndarray:
        """Any integers (H, W) -> uint8 ids; those without a class are a `DataError`."""
        unknown = (values < 0) | (values >= len(self))
        if unknown.any():
            found, counts = np.unique(values[unknown], return_counts=True)
            self._refuse(name, "id", [str(value) for value in found], counts)
        return values.astype(np.uint8)

    def _renumbered(self, picture: Image.Image) -> bool:
        """Whether a picture of mode P is a colour map of ours under other numbers: the rule of `ids`."""
        embedded = np.array(picture.getpalette("RGB"), np.uint8).reshape(-1, 3)
        used = np.unique(np.asarray(picture))
        if used[-1] >= len(embedded):
            return False
        own = {tuple(colour): number for number, colour in enumerate(self.rgb.tolist())}
        meant = [own.get(tuple(colour)) for colour in embedded.tolist()]
        if any(meant[number] is None for number in used):
            return False
        if all(meant[number] == number for number in used):
            return False
        # Writers fill palettes up with black: it says nothing behind the last colour in use.
        rest = [number for number in range(used[-1] + 1, len(embedded)) if embedded[number].any()]
        all_ours = all(meant[number] is not None for number in [*range(used[-1] + 1), *rest])
        return all_ours or int(used[-1]) >= len(self)

    def _from_colours(self, picture: Image.Image, name: str) -> np.ndarray:
        """A colour map -> ids (H, W)."""
        codes = _codes(picture)
        own = self.rgb.astype(np.int32) @ np.array([65536, 256, 1], np.int32)
        order = np.argsort(own)
        place = np.searchsorted(own[order], codes).clip(max=len(own) - 1)
        exact = own[order][place] == codes
        ids = order[place].astype(np.uint8)
        if exact.all():
            return ids
        self._refuse_strangers(codes[~exact], codes.size, name)
        return nearest_exact(ids, exact)

    def _refuse_strangers(self, codes: np.ndarray, pixels: int, name: str) -> None:
        """`DataError` where the off-palette `codes` among so many `pixels` are more than blends at edges."""
        found, counts = np.unique(codes, return_counts=True)
        large = counts >= max(UNKNOWN_PIXELS, UNKNOWN_SHARE * pixels)
        exact = 1 - len(codes) / pixels
        mapped = exact >= LEAST_EXACT_SHARE or large.sum() <= MOST_STRANGERS
        if large.any() and mapped:
            self._refuse(name, "colour", [_word(code) for code in found[large]], counts[large])
        if exact < LEAST_EXACT_SHARE:
            raise DataError(
                f"only {exact:.0%} of {name}'s pixels have a colour of the palette: it is a photograph or "
                f"was saved as JPEG; save label maps as PNG, without smoothing; allowed: {self.describe()}"
            )

    def _refuse(self, name: str, kind: str, words: list[str], counts: np.ndarray) -> None:
        """Raise the `DataError` that names the unknown values, the most frequent first."""
        order = np.argsort(-counts, kind="stable")
        listed = [f"{words[index]} ({counts[index]:,} pixels)" for index in order[:8]]
        more = f" and {len(words) - 8} more" if len(words) > 8 else ""
        plural = "s" if len(words) > 1 else ""
        found = ", ".join(listed) + more
        raise DataError(f"{name} has {kind}{plural} without a class: {found}; allowed: {self.describe()}")


def onehot(labels: torch.Tensor, classes: int) -> torch.Tensor:
    """Labels, int64 (B, 1, H, W) of 0 … classes - 1, -> float32 (B, classes, H, W) of 0 and 1."""
    batch, _, height, width = labels.shape
    empty = torch.zeros(batch, classes, height, width, device=labels.device)
    return empty.scatter_(1, labels, 1.0)


def instance_edges(instances: torch.Tensor) -> torch.Tensor:
    """Where instances (or classes) touch: (B, 1, H, W) of integers -> float32 of 0 and 1.

    A pixel is 1 if any of its four neighbours differs from it; beyond the border nothing differs.
    """
    across = (instances[..., :, 1:] != instances[..., :, :-1]).float()
    down = (instances[..., 1:, :] != instances[..., :-1, :]).float()
    sides = ((across, (0, 1, 0, 0)), (across, (1, 0, 0, 0)), (down, (0, 0, 0, 1)), (down, (0, 0, 1, 0)))
    return torch.stack([F.pad(part, margins) for part, margins in sides]).amax(0)


def _label(entry: dict[str, Any], position: int) -> Label:
    """One object of a palette's JSON, its types checked."""
    expected = {"id": int, "name": str, "colour": str}
    if isinstance(entry, dict) and "color" in entry and "colour" not in entry:
        entry = {"colour" if field == "color" else field: value for field, value in entry.items()}
    if not isinstance(entry, dict) or set(entry) != set(expected):
        raise DataError(f"palette entry {position} must have exactly the fields id, name and colour")
    for field, kind in expected.items():
        if type(entry[field]) is not kind:
            value = repr(entry[field])
            raise DataError(f"palette entry {position}: {field} must be {kind.__name__}, not {value}")
    return Label(**entry)


def _refuse_twins(kind: str, values: Iterable[str]) -> None:
    """`DataError` where two classes share a name or a colour."""
    seen: dict[str, int] = {}
    for number, value in enumerate(values):
        if value in seen:
            raise DataError(f"the classes {seen[value]} and {number} have the same {kind}, {value}")
        seen[value] = number


def _codes(picture: Image.Image) -> np.ndarray:
    """Each pixel's colour as one number, int32 (H, W): 0xrrggbb, or `_TRANSPARENT`."""
    pixels = np.asarray(picture.convert("RGBA")).astype(np.int32)
    codes = (pixels[..., 0] << 16) | (pixels[..., 1] << 8) | pixels[..., 2]
    # A palette colour that shines through is a blend like any other.
    codes[pixels[..., 3] < 255] = _TRANSPARENT
    return codes


def _word(code: int) -> str:
    """A colour's code for a message."""
    return "transparent" if code == _TRANSPARENT else f"#{code:06x}"


def _three_wide(ids: np.ndarray) -> np.ndarray:
    """Where ids, uint8 (H, W), belong to a region that is somewhere three pixels wide and high: bool."""
    square = np.ones((3, 3), np.uint8)
    inner = cv2.erode(ids, square) == cv2.dilate(ids, square)
    found = np.zeros(ids.shape, bool)
    for number in np.unique(ids[inner]):
        _, region = cv2.connectedComponents((ids == number).astype(np.uint8), connectivity=4)
        wide = np.unique(region[inner & (ids == number)])
        found |= np.isin(region, wide)
    return found


def nearest_exact(ids: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Give each pixel that is not `exact` (bool, H, W) the id of the nearest one that is."""
    _, region = cv2.distanceTransformWithLabels(
        (~exact).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_region = np.zeros(region.max() + 1, np.uint8)
    of_region[region[exact]] = ids[exact]
    return of_region[region]
