"""Folders become batches, and every check is made before the first step.

A painter's data set is a folder with `images/` and `labels/`, and `instances/` where there are any; files
with the same stem belong together. `palette.json` lies in it or beside it. All is held in memory as uint8, a
little larger than it is trained at; flips, scales and crops are one batched operation on its device.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from cgan.errors import CganError, DataError
from cgan.labels import Label, Palette
from cgan.pictures import open_picture, read_picture
from train.batches import Painted

MARGIN = 1.125  # stored pictures are this much larger than the crops, so that crops can move and scale
PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
LOSSLESS = {".png", ".bmp", ".tif", ".tiff", ".gif"}
REPORTED = 20  # lines of a report before "and N more"
MOST_INSTANCES = 2**24  # float32, in which the crop is made, counts exactly up to here

Say = Callable[[str], None]
Files = tuple[Path, Path, Path | None]  # picture, label map, instance map


@dataclass(frozen=True)
class PaintedData:
    """Photographs and label maps of one size, in memory.

    Shapes: images uint8 (N, 3, H, W); labels uint8 (N, 1, H, W); instances int32 (N, 1, H, W) or None.
    names are the files' stems.
    """

    images: Tensor
    labels: Tensor
    instances: Tensor | None
    palette: Palette
    names: list[str]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> tuple[int, int]:
        """The (height, width) of crops that this was stored for."""
        height, width = self.images.shape[-2:]
        return int(height / MARGIN), int(width / MARGIN)

    @property
    def bytes(self) -> int:
        """The memory that the tensors take."""
        return sum(part.nbytes for part in (self.images, self.labels, self.instances) if part is not None)

    def advance(self, images: int) -> None:
        """Nothing changes while a run goes on (unlike in `train.landscapes`)."""

    def state(self) -> dict[str, Tensor]:
        """Nothing need be saved with a run."""
        return {}

    def load(self, state: dict[str, Tensor]) -> None:
        """Nothing was."""

    def to(self, device: torch.device | str) -> PaintedData:
        """The same data, held by `device`."""
        instances = None if self.instances is None else self.instances.to(device)
        images, labels = self.images.to(device), self.labels.to(device)
        return replace(self, images=images, labels=labels, instances=instances)

    def subset(self, indices: Sequence[int]) -> PaintedData:
        """The samples at `indices`, in that order."""
        rows = torch.as_tensor(list(indices), dtype=torch.int64, device=self.images.device)
        instances = None if self.instances is None else self.instances[rows]
        names = [self.names[index] for index in indices]
        return PaintedData(self.images[rows], self.labels[rows], instances, self.palette, names)

    def split(self, fraction: float, seed: int = 0) -> tuple[PaintedData, PaintedData]:
        """(training part, validation part): `seed` sets `fraction` of the samples aside, at least one."""
        if not 0 < fraction < 1:
            raise ValueError(f"the validation fraction is {fraction}; it must lie between 0 and 1")
        order = np.random.default_rng(seed).permutation(len(self)).tolist()
        aside = min(max(1, round(fraction * len(self))), len(self) - 1)
        return self.subset(sorted(order[aside:])), self.subset(sorted(order[:aside]))

    def batch(
        self,
        indices: Sequence[int] | Tensor,
        seed: int,
        size: tuple[int, int],
        augment: bool = True,
        row_offset: int = 0,
    ) -> Painted:
        """The samples at `indices`, cropped to `size` = (height, width), on the data's device.

        With `augment`, each is flipped, scaled by up to 1.125 and moved at random. The random numbers of a
        sample depend on `seed` and on its place in the batch, `row_offset` + row, and on nothing else:
        processes that take parts of a batch see what one process would see. Without, the largest centre crop
        is taken.
        """
        rows = torch.as_tensor(indices, dtype=torch.int64).to(self.images.device, non_blocking=True)
        numbers = _numbers(seed, row_offset, len(rows)) if augment else None
        grid = _grid(self.images.shape[-2:], size, len(rows), numbers).to(rows.device, non_blocking=True)
        images = F.grid_sample(self.images[rows].float(), grid, "bicubic", "border", align_corners=False)
        images = (images / 127.5 - 1).clamp(-1, 1)
        instances = None if self.instances is None else _nearest(self.instances[rows], grid)
        return Painted(_nearest(self.labels[rows], grid), images, instances)


def _numbers(seed: int, first: int, count: int) -> Tensor:
    """Uniform random numbers (count, 4): one sample's depend on `seed` and its place only."""
    rows = [np.random.default_rng((seed, row)).random(4) for row in range(first, first + count)]
    return torch.from_numpy(np.stack(rows))


def _grid(stored: Sequence[int], size: tuple[int, int], count: int, numbers: Tensor | None) -> Tensor:
    """The sampling grid (count, H, W, 2) that cuts `size` out of pictures of the size `stored`.

    numbers: (count, 4) in [0, 1) for flip, scale, vertical and horizontal place; None takes the centre.
    """
    (tall, wide), (height, width) = stored, size
    cover = min(tall / height, wide / width)  # the largest box of the wanted shape
    box = torch.tensor([height * cover / tall, width * cover / wide], dtype=torch.float64).repeat(count, 1)
    theta = torch.zeros(count, 2, 3, dtype=torch.float64)
    flip = torch.ones(count, dtype=torch.float64)
    if numbers is not None:
        flip -= 2 * (numbers[:, 0] < 0.5)
        box *= 1 - (1 - 1 / MARGIN) * numbers[:, 1:2]
        theta[:, 1, 2] = (2 * numbers[:, 2] - 1) * (1 - box[:, 0])
        theta[:, 0, 2] = (2 * numbers[:, 3] - 1) * (1 - box[:, 1])
    theta[:, 0, 0], theta[:, 1, 1] = flip * box[:, 1], box[:, 0]
    return F.affine_grid(theta.float(), [count, 1, height, width], align_corners=False)


def _nearest(ids: Tensor, grid: Tensor) -> Tensor:
    return F.grid_sample(ids.float(), grid, "nearest", "border", align_corners=False).long()


# Reading folders


def read_painted(folder: Path, size: tuple[int, int], say: Say = lambda line: None) -> PaintedData:
    """Read and check a painter's data set, stored so that crops of `size` = (height, width) can be taken.

    Pictures of another shape than `size` are cut at the centre, and `say` is told so in one line.
    Raises one DataError that lists all problems: nothing is half-started.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; expected a folder with images/ and labels/")
    problems: list[str] = []
    pairs = _pairs(folder, problems)
    palette = _palette(folder, problems)
    canvas = tuple(math.ceil(side * MARGIN) for side in size)
    with ThreadPoolExecutor(4) as pool:
        samples = list(pool.map(lambda pair: _read_sample(pair, palette, canvas), pairs))
    problems += [line for sample in samples for line in sample.problems]
    if not problems and len(pairs) < 2:
        problems.append(f"{len(pairs)} picture(s) with a label map; at least 2 are needed")
    if problems:
        raise DataError(_report(folder, problems))
    cut = sum(sample.cut for sample in samples)
    if cut:
        say(
            f"{cut} of {len(samples)} pictures in {folder} have another shape than {size[0]}x{size[1]} "
            "(height x width): cut at the centre"
        )
    return _stack(samples, palette or _numbered(samples, say), [pair[0].stem for pair in pairs])


@dataclass(frozen=True)
class _Sample:
    """One photograph with its maps at the stored size, or the problems that it has."""

    problems: list[str]
    image: NDArray[np.uint8] | None = None
    labels: NDArray[np.uint8] | None = None
    instances: NDArray[np.int32] | None = None
    cut: bool = False


def _report(folder: Path, problems: list[str]) -> str:
    lines = [f"  {problem}" for problem in problems[:REPORTED]]
    if len(problems) > REPORTED:
        lines.append(f"  and {len(problems) - REPORTED} more")
    return f"{folder} cannot be used, nothing was started:\n" + "\n".join(lines)


def _pairs(folder: Path, problems: list[str]) -> list[Files]:
    """Files that belong together by stem; what lacks its partner goes to `problems`."""
    images = _by_stem(folder / "images", PICTURES, problems)
    labels = _by_stem(folder / "labels", LOSSLESS, problems)
    with_instances = (folder / "instances").is_dir()
    instances = _by_stem(folder / "instances", LOSSLESS, problems) if with_instances else {}
    if not images or not labels:
        return []
    problems += _without(images, labels, "label map in labels/")
    problems += _without(labels, images, "picture in images/")
    if with_instances:
        problems += _without(images, instances, "map in instances/")
    stems = [stem for stem in images if stem in labels]
    return [(images[stem], labels[stem], instances.get(stem)) for stem in stems]


def _without(files: dict[str, Path], partners: dict[str, Path], what: str) -> list[str]:
    lonely = [path for stem, path in files.items() if stem not in partners]
    return [f"{path.parent.name}/{path.name} has no {what}" for path in lonely]


def _by_stem(folder: Path, suffixes: set[str], problems: list[str]) -> dict[str, Path]:
    """The pictures in `folder` by stem, sorted."""
    if not folder.is_dir():
        problems.append(f"there is no folder {folder.name}/")
        return {}
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        suffix = path.suffix.lower()
        if path.name.startswith(".") or suffix not in PICTURES | LOSSLESS:
            continue
        if suffix not in suffixes:
            allowed = ", ".join(sorted(suffixes))
            problems.append(f"{folder.name}/{path.name}: maps must be lossless; allowed: {allowed}")
        elif path.stem in found:
            problems.append(f"{folder.name}/{path.name} and {found[path.stem].name} have the same stem")
        else:
            found[path.stem] = path
    if not found:
        problems.append(f"there are no pictures in {folder.name}/")
    return found


def _palette(folder: Path, problems: list[str]) -> Palette | None:
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


def _read_sample(pair: Files, palette: Palette | None, canvas: tuple[int, int]) -> _Sample:
    image_path, label_path, instance_path = pair
    problems: list[str] = []
    image = _try(lambda: read_picture(image_path, f"images/{image_path.name}"), problems)
    labels = _try(lambda: _read_labels(label_path, palette), problems)
    instances = None
    if instance_path is not None:
        name = f"instances/{instance_path.name}"
        instances = _try(lambda: _read_ids(instance_path, name, MOST_INSTANCES), problems)
    for ids, path in ((labels, label_path), (instances, instance_path)):
        if ids is not None and image is not None and ids.shape != image.shape[:2]:
            problems.append(
                f"{path.parent.name}/{path.name} is {_shape(ids)}, its picture is {_shape(image)}"
            )
    if problems:
        return _Sample(problems)
    cut, box = _centre(image.shape[:2], canvas)
    fitted = (None if part is None else _fit(part, canvas, box) for part in (image, labels, instances))
    return _Sample([], *fitted, cut=cut)


def _try(read: Callable[[], NDArray], problems: list[str]) -> NDArray | None:
    try:
        return read()
    except CganError as error:
        problems.append(str(error))
        return None


def _read_labels(path: Path, palette: Palette | None) -> NDArray[np.uint8]:
    name = f"labels/{path.name}"
    if palette is not None:
        return palette.ids(open_picture(path, name), name)
    return _read_ids(path, name, 256).astype(np.uint8)


def _read_ids(path: Path, name: str, limit: int) -> NDArray[np.int32]:
    """The numbers in a one-channel picture, each below `limit`."""
    picture = open_picture(path, name)
    if picture.mode not in ("P", "L", "I", "I;16", "I;16B", "1"):
        raise DataError(f"{name} holds colours, not ids, and there is no palette.json to read them by")
    ids = np.asarray(picture, dtype=np.int64)
    wrong = (ids < 0) | (ids >= limit)
    if wrong.any():
        raise DataError(f"{name}: id {ids[wrong][0]} on {wrong.sum()} pixels; allowed are 0 to {limit - 1}")
    return ids.astype(np.int32)


def _shape(array: NDArray) -> str:
    return f"{array.shape[1]}×{array.shape[0]}"


def _centre(shape: Sequence[int], canvas: tuple[int, int]) -> tuple[bool, tuple[float, ...]]:
    """(whether something is cut off, box): the largest centred box of the canvas's shape, for PIL."""
    scale = min(shape[0] / canvas[0], shape[1] / canvas[1])
    height, width = canvas[0] * scale, canvas[1] * scale
    top, left = (shape[0] - height) / 2, (shape[1] - width) / 2
    return max(top / shape[0], left / shape[1]) > 0.01, (left, top, left + width, top + height)


def _fit(array: NDArray, canvas: tuple[int, int], box: tuple[float, ...]) -> NDArray:
    """Cut `box` out and resize it to `canvas`: Lanczos for pictures, nearest for maps."""
    method = Image.Resampling.LANCZOS if array.ndim == 3 else Image.Resampling.NEAREST
    return np.array(Image.fromarray(array).resize(canvas[::-1], method, box=box), dtype=array.dtype)


def _stack(samples: list[_Sample], palette: Palette, names: list[str]) -> PaintedData:
    images = torch.from_numpy(np.stack([sample.image for sample in samples])).permute(0, 3, 1, 2).contiguous()
    labels = torch.from_numpy(np.stack([sample.labels for sample in samples]))[:, None]
    instances = None
    if samples[0].instances is not None:
        instances = torch.from_numpy(np.stack([sample.instances for sample in samples]))[:, None]
    return PaintedData(images, labels, instances, palette, names)


def _numbered(samples: list[_Sample], say: Say) -> Palette:
    """A palette for data that bring none: "class 0" to the highest id found."""
    present = np.unique(np.concatenate([np.unique(sample.labels) for sample in samples]))
    count = int(present[-1]) + 1
    if len(present) < count:
        say(f"no palette.json: classes 0 to {count - 1} are assumed, of which {len(present)} are used")
    return Palette(tuple(Label(id, f"class {id}", _colour(id)) for id in range(count)))


def _colour(index: int) -> str:
    """Colours that differ: hues by the golden ratio, in rings of saturation and lightness."""
    hue, ring = index * 0.618034 % 1, index % 3
    red, green, blue = colorsys.hls_to_rgb(hue, (0.5, 0.35, 0.7)[ring], (0.75, 0.55, 0.6)[ring])
    return "#" + "".join(f"{round(255 * part):02x}" for part in (red, green, blue))
