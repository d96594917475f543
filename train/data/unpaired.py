"""Pictures of two domains that need not fit each other: what UNIT and MUNIT learn from.

A data set is a folder with two sub-folders of pictures. Their names are the domains, in alphabetical order;
inside of them pictures may lie in folders of any depth. One domain may be turned into drawings when it is
read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from train.data import folders
from train.data.batches import Unpaired
from train.data.finding import Say, groups, likely, without
from train.data.growing import ASIDE, EVERY, START, Pool, stored_images
from train.data.packed import in_order
from train.data.protocol import Indices, Size
from train.data.stored import Stored, canvas, check_left, crops, numbers, parted, take
from train.world.views import SIDES, unpaired_view, view_frame


@dataclass(frozen=True)
class UnpairedData(Stored[Unpaired]):
    """Pictures of two domains, all of one size, in memory.

    Shapes: images_a uint8 (N, 3, H, W); images_b uint8 (M, 3, H, W). domains: their names; edges: the one
    that consists of drawings, or None; pairs: whether picture i of both shows the same thing. As long as the
    larger of the two.
    """

    images_a: Tensor
    images_b: Tensor
    domains: tuple[str, str]
    edges: str | None = None
    pairs: bool = False

    def __len__(self) -> int:
        return max(len(self.images_a), len(self.images_b))

    def subset(self, indices: Sequence[int]) -> UnpairedData:
        """What `indices` pick of either domain, over and over where one is smaller."""
        rows = torch.as_tensor(list(indices), dtype=torch.int64, device=self.images_a.device)
        a, b = (images[rows % len(images)] for images in (self.images_a, self.images_b))
        return replace(self, images_a=a, images_b=b)

    def split(self, fraction: float, seed: int = 0) -> tuple[UnpairedData, UnpairedData]:
        """(training part, validation part): `seed` sets `fraction` of each domain aside, at least one."""
        sides = [
            (images, *parted(len(images), fraction, seed, self.packed))
            for images in (self.images_a, self.images_b)
        ]
        for (images, stay, _), name in zip(sides, self.domains, strict=True):
            check_left(len(stay), len(images), f"pictures in {name}")
        a, b = (take(images, stay) for images, stay, _ in sides)
        aside_a, aside_b = (take(images, gone) for images, _, gone in sides)
        return replace(self, images_a=a, images_b=b), replace(self, images_a=aside_a, images_b=aside_b)

    def batch(
        self, indices: Indices, seed: int, size: Size, augment: bool = True, row_offset: int = 0
    ) -> Unpaired:
        """Pictures of both domains, cropped to `size` = (height, width), on the data's device.

        `indices` pick from the larger domain; with `augment`, the smaller one's pictures are drawn, and the
        pictures of both are flipped, scaled and moved independently; pairs stay pairs, cropped alike. The
        random numbers of a sample depend on `seed` and its place, `row_offset` + row, alone. Without
        `augment`, `indices` pick from both, and the largest centre crop is taken.
        """
        rows = torch.as_tensor(indices, dtype=torch.int64)
        a, b = self.images_a, self.images_b
        of_a, of_b = rows % len(a), rows % len(b)
        if not augment:
            return Unpaired(crops(a, of_a, size, None), crops(b, of_b, size, None))
        drawn = numbers(seed, row_offset, len(rows), 9)
        if self.pairs:
            return Unpaired(*(crops(images, rows, size, drawn[:, :4]) for images in (a, b)))
        if len(a) < len(b):
            of_a = (drawn[:, 8] * len(a)).long()
        else:
            of_b = (drawn[:, 8] * len(b)).long()
        return Unpaired(crops(a, of_a, size, drawn[:, :4]), crops(b, of_b, size, drawn[:, 4:8]))


def read_unpaired(
    folder: Path, size: Size, edges: str | None = None, say: Say = folders.silent, pairs: bool = False
) -> UnpairedData:
    """Read and check two domains, stored so that crops of `size` = (height, width) can be taken.

    `edges` names the domain whose photographs become drawings (see `cgan.edges`). `pairs`: files of one name
    show the same thing, and what has no partner is an error; then `edges` may name a domain without a folder,
    which becomes the drawings of the other one's photographs. Pictures of another shape than `size` are cut
    at the centre, and `say` is told so. Raises one DataError that lists all problems.
    """
    folder = Path(folder)
    folders.check_folder(folder, "two sub-folders of pictures, one for each domain")
    problems: list[str] = []
    notes: list[str] = []
    found = parts_of_cyclegan(groups(folder, problems, say), say)
    if pairs:
        found = paired(found, edges, canvas(size), problems)
    if len(found) != 2:
        there = f"there are {len(found)}: {folders.listed(list(found))}" if found else "there is none"
        problems.append(f"exactly two sub-folders are needed, one for each domain; {there}")
        problems += likely(folder)
    if edges is not None and edges not in found:
        problems.append(f"no domain {edges!r} to draw; there are: {folders.listed(list(found)) or 'none'}")
    problems += [
        f"{name}/ has a single picture; at least 2 are needed" for name in found if len(found[name]) == 1
    ]
    sides, shapes = [], []
    for name, files in found.items() if len(found) == 2 else ():
        pictures, seen = folders.read_pictures(
            files if pairs else in_order(files, canvas(size), 3),
            folder,
            canvas(size),
            problems,
            name == edges,
            say,
            notes,
        )
        sides.append(pictures)
        shapes += seen
    if pairs and len(found) == 2:
        problems += of_other_shapes(found, shapes)
    folders.check(folder, problems)
    folders.say_cut(say, shapes, folder, size)
    folders.say_dark(say, notes, folder)
    a, b = found
    return UnpairedData(sides[0], sides[1], (a, b), edges, pairs)


def paired(
    found: dict[str, list[Path]], edges: str | None, canvas: Size, problems: list[str]
) -> dict[str, list[Path]]:
    """Both domains' files in one order; with one domain alone, its pictures are also those to be drawn."""
    if edges is not None and edges not in found and len(found) == 1:
        [(name, files)] = found.items()
        files = in_order(files, canvas, 2 * 3)
        return dict(sorted({name: files, edges: files}.items()))
    if len(found) != 2:
        return found
    (a, ours), (b, theirs) = ((name, {file.stem: file for file in files}) for name, files in found.items())
    for name, by_stem in ((a, ours), (b, theirs)):
        if twice := len(found[name]) - len(by_stem):
            problems.append(f"{twice} pictures in {name}/ have another one's name: which are pairs?")
    problems += without(ours, theirs, f"picture in {b}/") + without(theirs, ours, f"picture in {a}/")
    both = in_order([stem for stem in ours if stem in theirs], canvas, 2 * 3)
    return {a: [ours[stem] for stem in both], b: [theirs[stem] for stem in both]}


def of_other_shapes(found: dict[str, list[Path]], shapes: Sequence[Sequence[int]]) -> list[str]:
    """Pairs whose pictures differ in shape, at any size: they would be cut apart. Unread ones are 0 × 0."""
    (a, files), (b, _) = found.items()
    return [
        f"{a}/{file.name} is {folders.told(one)}, its partner in {b}/ is {folders.told(other)}"
        for file, one, other in zip(files, shapes[: len(files)], shapes[len(files) :], strict=True)
        if abs(one[0] * other[1] - one[1] * other[0]) > folders.SLIGHT * one[1] * other[0]
    ]


def parts_of_cyclegan(found: dict[str, list[Path]], say: Say) -> dict[str, list[Path]]:
    """The groups of a folder; of CycleGAN's trainA, trainB, testA and testB the first two, as A and B."""
    if not {"trainA", "trainB"} <= set(found) <= {"trainA", "trainB", "testA", "testB", "valA", "valB"}:
        return found
    say("trainA/ and trainB/ are the domains A and B; what else lies there is not learnt from")
    return {"A": found["trainA"], "B": found["trainB"]}


# The built-in world


class UnpairedWorld(Pool[UnpairedData, Unpaired]):
    """A pool of landscapes on two sides, such as summer and winter; as `Landscapes`.

    between: the name of the sides in `train.world.views.SIDES`.
    """

    # Each growth renders a view for either side: as much work as two of `Landscapes`.
    pairs = False
    start, aside, every = START // 2, 2 * ASIDE // 3, 2 * EVERY

    def __init__(self, size: Size, first: int = 0, between: str = "seasons", **options: Any):
        if between not in SIDES:
            raise ValueError(f"no sides {between!r}; there are: {', '.join(SIDES)}")
        a, b = SIDES[between]
        self.between, self.domains = between, (a, b)
        self.edges: str | None = None
        super().__init__(size, first, **options)

    def far(self, first: int, count: int) -> UnpairedData:
        """Frames of other worlds."""
        return UnpairedWorld(self.size, first, self.between, count=count, distinct=True, say=self.say).frames

    def made(self, **tensors: Tensor) -> UnpairedData:
        """Frames of these tensors."""
        return UnpairedData(tensors["images_a"], tensors["images_b"], self.domains)

    def next(self) -> UnpairedData:
        """Views that are worth it, as many for either side."""
        sides: dict[int, Tensor] = {}
        while len(sides) < 2:
            side, view = unpaired_view(self.view, self.between)
            self.view += 1
            frame = None if side in sides else view_frame(self.styled(view), self.stored, self.device)
            if frame is not None:
                sides[side] = stored_images(frame)
        return self.made(images_a=sides[0], images_b=sides[1])


def unpaired_world(
    size: Size, seed: int = 0, say: Say = folders.silent, between: str = "seasons"
) -> UnpairedWorld:
    """The built-in world for translators: summer and winter, or `between` "hours" day and dusk."""
    return UnpairedWorld(size, 10_000 * (seed % 100), between, say=say)
