"""Pictures of many classes, to be redrawn as a class of which a few are shown: what FUNIT learns from.

A data set is a folder with a sub-folder for each class; inside of them pictures may lie in folders of any
depth. Some classes are held out of training, to see how classes do that were never learnt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cgan.contents import MOST
from cgan.errors import DataError
from train.data import folders
from train.data.batches import FewShot
from train.data.finding import Say, groups
from train.data.growing import Pool, stored_images
from train.data.protocol import Indices, Size
from train.data.stored import Stored, canvas, crops, numbers, parted, take
from train.world.views import few_shot_classes, few_shot_view, view_frame

LEARNT = 2  # classes that training needs at least


@dataclass(frozen=True)
class FewShotData(Stored[FewShot]):
    """Pictures of classes, all of one size, in memory.

    Shapes: images uint8 (N, 3, H, W); classes int64 (N,), from 0 to len(class_names) - 1. held_out: pictures
    of classes that are not learnt, with numbers of their own, or None. shown: int64 (N,), what each picture
    shows, where the same is shown in several classes (a letter, a pose): files of one name. Then a content's
    translation is known. None: no such thing is known. shown_names: the names of what is shown. flip: may
    pictures be mirrored?
    """

    images: Tensor
    classes: Tensor
    class_names: tuple[str, ...]
    held_out: FewShotData | None = None
    shown: Tensor | None = None
    shown_names: tuple[str, ...] = ()
    flip: bool = True

    def split(self, fraction: float, seed: int = 0) -> tuple[FewShotData, FewShotData]:
        """(pictures of classes to learn, pictures of classes that are held out).

        Where none are, `seed` picks `fraction` of the classes, at least two where two are left to learn.
        """
        if self.held_out is not None:
            return self, self.held_out
        count = len(self.class_names)
        if count <= LEARNT:
            raise DataError(f"{count} classes: none can be spared for validation; use --validation none")
        learnt, aside = parted(count, fraction, seed, self.packed)
        if len(aside) == 1 and count > 3:  # one class alone could only be redrawn as itself
            learnt, aside = parted(count, 2 / count, seed, self.packed)
        return self.hold_out(aside)

    def hold_out(self, numbers: Sequence[int]) -> tuple[FewShotData, FewShotData]:
        """(the other classes, those with these `numbers`): both numbered anew, the first with the second."""
        others = [number for number in range(len(self.class_names)) if number not in set(numbers)]
        aside = self._only(sorted(numbers))
        return replace(self._only(others), held_out=aside), aside

    def _only(self, numbers: Sequence[int]) -> FewShotData:
        """The classes with these numbers, numbered anew."""
        new = torch.full((len(self.class_names),), -1, device=self.classes.device)
        new[list(numbers)] = torch.arange(len(numbers), device=new.device)
        classes = new[self.classes]
        names = tuple(self.class_names[number] for number in numbers)
        kept = classes >= 0
        shown = None if self.shown is None else self.shown[kept]
        return replace(
            self,
            images=take(self.images, kept.nonzero()[:, 0].tolist()),
            classes=classes[kept],
            class_names=names,
            held_out=None,
            shown=shown,
        )

    def contents(self) -> tuple[list[str], Tensor]:
        """(names of what several classes show, pictures of it, uint8 (n, 3, *size)), of the plainest class.

        That is the one whose pictures are nearest to the median of all, among the classes that show all.
        Empty where no class does, or there is too much.
        """
        if self.shown is None:
            return [], self.images[:0]
        numbers, counts = self.shown.unique(return_counts=True)
        wanted = numbers[counts > 1]
        complete = torch.bincount(self.classes[torch.isin(self.shown, wanted)]) == len(wanted)
        if not complete.any() or len(wanted) > MOST:
            return [], self.images[:0]
        apart = torch.zeros(len(self.class_names), device=self.images.device)
        for number in wanted:
            rows = (self.shown == number).nonzero()[:, 0]
            images = self.images[rows].float()
            median = images.median(0).values  # it is black or white where most are; a mean would favour grey
            apart.index_add_(0, self.classes[rows], (images - median).abs().mean((1, 2, 3)))
        apart[: len(complete)][~complete] = float("inf")
        plainest = torch.full_like(wanted.cpu(), int(apart.argmin()))
        rows = self.rows_of(plainest, wanted.cpu())
        images = crops(self.images, rows, self.size, None)
        names = [self.shown_names[number] for number in wanted.tolist()]
        return names, ((images + 1) * 127.5).round().to(torch.uint8)

    def rows_of(self, classes: Tensor, shown: Tensor) -> Tensor:
        """The rows of pictures of these classes that show this: int64 (B,) each -> (B,), -1 where none is."""
        if self.shown is None:
            raise ValueError("nobody knows what these pictures show")
        all_shown = self.shown.cpu()
        table = torch.full((len(self.class_names), int(all_shown.max()) + 1), -1)
        table[self.classes.cpu(), all_shown] = torch.arange(len(self))
        return table[classes, shown]

    def batch(
        self, indices: Indices, seed: int, size: Size, augment: bool = True, row_offset: int = 0
    ) -> FewShot:
        """The pictures at `indices` as contents, cropped to `size` = (height, width), on the data's device.

        The styles are drawn uniformly from all pictures. With `augment`, contents and styles are flipped,
        scaled and moved at random, independently; without, the largest centre crops are taken. The random
        numbers of a sample depend on `seed` and on its place, `row_offset` + row, alone.
        """
        drawn = numbers(seed, row_offset, len(indices), 9)
        if not self.flip:
            drawn[:, [0, 4]] = 1.0
        of_contents = torch.as_tensor(indices, dtype=torch.int64)
        of_styles = (drawn[:, 8] * len(self)).long()
        moves = (drawn[:, :4], drawn[:, 4:8]) if augment else (None, None)
        images = [
            crops(self.images, rows, size, move)
            for rows, move in zip((of_contents, of_styles), moves, strict=True)
        ]
        classes = [self.classes[rows.to(self.classes.device)] for rows in (of_contents, of_styles)]
        batch = FewShot(images[0], classes[0], images[1], classes[1])
        if self.shown is None:
            return batch
        rows = self.rows_of(classes[1].cpu(), self.shown.cpu()[of_contents])
        targets = crops(self.images, rows.clamp(min=0), size, moves[0])
        return batch._replace(targets=targets, known=(rows >= 0).to(targets))


def read_few_shot(
    folder: Path,
    size: Size,
    held_out: Sequence[str] = (),
    say: Say = folders.silent,
    pairs: bool = False,
    flip: bool = True,
) -> FewShotData:
    """Read and check classes of pictures, stored so that crops of `size` = (height, width) can be taken.

    `held_out` names classes that are not learnt: the data's `held_out`. `pairs`: files of one name show the
    same in every class; `flip`: pictures may be mirrored. Pictures of another shape than `size`
    are cut at the centre, and `say` is told so. Raises one DataError that lists all problems.
    """
    folder = Path(folder)
    folders.check_folder(folder, "a sub-folder of pictures for each class")
    problems: list[str] = []
    notes: list[str] = []
    found = groups(folder, problems, say)
    unknown = [name for name in held_out if name not in found]
    if unknown:
        there = folders.listed(list(found)) or "none"
        problems.append(f"no class {folders.listed(unknown)} to hold out; there are: {there}")
    learnt = len(found) - len(set(held_out) & set(found))
    if learnt < LEARNT:
        problems.append(f"{learnt} sub-folder(s) to learn, one for each class; at least {LEARNT} are needed")
    problems += [
        f"class {name!r} has a single picture; at least 2 are needed: move it out, and give it as style later"
        for name, files in found.items()
        if len(files) == 1
    ]
    found = {name: found[name] for name in sorted(found, key=lambda name: name in set(held_out))}
    files = [file for part in found.values() for file in part]
    images, shapes = folders.read_pictures(files, folder, canvas(size), problems, say=say, notes=notes)
    folders.check(folder, problems)
    folders.say_cut(say, shapes, folder, size)
    folders.say_dark(say, notes, folder)
    classes = [number for number, part in enumerate(found.values()) for _ in part]
    shown, names = numbered([file.stem for file in files], folder, say) if pairs else (None, ())
    data = FewShotData(images, torch.tensor(classes), tuple(found), shown=shown, shown_names=names, flip=flip)
    return data.hold_out([list(found).index(name) for name in held_out])[0] if held_out else data


def numbered(stems: Sequence[str], folder: Path, say: Say) -> tuple[Tensor, tuple[str, ...]]:
    """(a number for each name, int64 (N,), the names). DataError where no two are equal."""
    names = {stem: number for number, stem in enumerate(dict.fromkeys(stems))}
    repeated = len(stems) - sum(count == 1 for count in Counter(stems).values())
    if not repeated:
        raise DataError(f"{folder}: pairs are asked for, but no two classes have a file of the same name")
    say(f"{repeated} of {len(stems)} pictures show what pictures of other classes show")
    return torch.tensor([names[stem] for stem in stems]), tuple(names)


# The built-in world


class FewShotWorld(Pool[FewShotData, FewShot]):
    """A pool of landscapes whose class is their biome, hour and season; as `Landscapes`.

    `unseen`: show the classes that are never learnt instead of the others.
    """

    def __init__(self, size: Size, first: int = 0, unseen: bool = False, **options: Any):
        self.unseen = unseen
        self.held_out: FewShotData | None = None
        self.class_names = few_shot_classes(unseen)
        super().__init__(size, first, **options)

    def split(self, fraction: float, seed: int = 0) -> tuple[FewShotWorld, FewShotData]:
        """(this pool, classes and worlds that it never shows, for validation), whatever the fraction."""
        _, held_out = super().split(fraction, seed)
        self.held_out = held_out
        return self, held_out

    def far(self, first: int, count: int) -> FewShotData:
        """Frames of other worlds, of the classes held out."""
        return FewShotWorld(self.size, first, unseen=True, count=count, distinct=True, say=self.say).frames

    def made(self, **tensors: Tensor) -> FewShotData:
        """Frames of these tensors."""
        return FewShotData(tensors["images"], tensors["classes"], self.class_names)

    def next(self) -> FewShotData:
        """The frames of the next view that is worth it."""
        frame = None
        while frame is None:
            classes, view = few_shot_view(self.view, self.unseen)
            frame = view_frame(self.styled(view), self.stored, self.device)
            self.view += 1
        return self.made(images=stored_images(frame), classes=torch.tensor(classes[: len(frame.image)]))


def few_shot_world(size: Size, seed: int = 0, say: Say = folders.silent) -> FewShotWorld:
    """The built-in world for few-shot translators: 60 classes of landscapes, and 12 that are never learnt."""
    return FewShotWorld(size, 10_000 * (seed % 100), say=say)
