"""Sheets of pixel-art characters: few-shot clips of which all pairs are known.

    <folder>/palette.json                      or beside the folder
    <folder>/<character>/<action>.png          rows are four directions, columns frames
    <folder>/<character>/<action>.labels.png   the class of each pixel

All characters are layered on the same body, so that a frame of one and the same frame of another show one
pose: a character may be driven by another's label maps, and what should come out is known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgan.errors import CganError, DataError
from cgan.labels import Palette
from cgan.pictures import read_picture
from train.data import folders
from train.data.batches import FewShotClip
from train.data.clips import Window, whole
from train.data.folders import Say
from train.data.protocol import Indices, Size
from train.data.stored import Stored, numbers, parted

ROWS = 4  # directions of a sheet: up, left, down, right
SHOTS = (1, 1, 1, 2, 3, 4)  # how many references: one of these for each batch
BORROWED = 0.5  # share of the clips that are driven by another character's maps
RECOLOURED = 0.5  # share of the clips whose colours change places
GROUNDS = 0.5  # share of the clips whose references have a ground of another colour
SHIFTED, SHIFT = 0.3, 4  # share of the clips whose references are moved, and by how many pixels at most
MAPS = ".labels.png"

Strip = tuple[int, int]  # the first frame of an action in a direction, and how many it has


@dataclass(frozen=True)
class SpriteData(Stored[FewShotClip]):
    """Characters in memory, all with the same frames, F in all.

    images uint8 (N, F, 3, H, W); labels uint8 (N, F, 1, H, W); `strips`: each action in each direction. A
    sample is one strip of one character, of which a batch shows `window.frames` frames.
    """

    images: Tensor
    labels: Tensor
    palette: Palette
    names: list[str]
    strips: tuple[Strip, ...]
    window: Window

    source: ClassVar[str] = "labels"  # sheets bring their maps

    def __len__(self) -> int:
        return len(self.names) * len(self.strips)

    @property
    def size(self) -> Size:
        """The (height, width) of a frame."""
        height, width = self.images.shape[-2:]
        return height, width

    def split(self, fraction: float, seed: int = 0) -> tuple[SpriteData, SpriteData]:
        """(characters to learn, characters set aside): `seed` picks `fraction` of them, at least one."""
        if len(self.names) < 3:
            raise DataError(f"{len(self.names)} characters: none can be spared; use --validation none")
        training, aside = parted(len(self.names), fraction, seed)
        return self.subset(training), replace(self.subset(aside), window=whole(self.window))

    def advance(self, images: int) -> None:
        """Show longer clips when the run has come so far."""
        self.window.advance(images)

    def batch(
        self,
        indices: Indices,
        seed: int,
        size: Size,
        augment: bool = True,
        row_offset: int = 0,
        shots: int = 1,
    ) -> FewShotClip:
        """The clips at `indices`, with references of the same character; on the data's device.

        With `augment`, the first frame is drawn, and so are the number of references, what drives the clip
        and how the pictures are changed. Without, there are `shots` references, spread over all frames from
        the first that looks down on, and another character's maps drive every second action and direction.
        """
        if size != self.size:
            raise DataError(f"the sprites are {folders.told(self.size)}; give --size {self.size[0]}")
        rows = torch.as_tensor(indices, dtype=torch.int64)
        drawn = numbers(seed, row_offset, len(rows), 24)
        characters, which = rows % len(self.names), rows // len(self.names)
        strip = torch.tensor(self.strips)[which]
        if augment:
            shots = SHOTS[int(numbers(seed, 0, 1)[0, 0] * len(SHOTS))]  # for all rows, whatever the process
            start, borrowed = (drawn[:, 0] * strip[:, 1]).long(), drawn[:, 1] < BORROWED
            shown = (drawn[:, 2 : 2 + shots] * self.images.shape[1]).long()
        else:
            start, borrowed = torch.zeros_like(rows), which % 2 == 1
            count, down = self.images.shape[1], self.strips[min(2, len(self.strips) - 1)][0]
            spread = (down + torch.arange(shots) * count // shots) % count
            shown = spread.expand(len(rows), shots)
        frames = (start[:, None] + torch.arange(self.window.frames)) % strip[:, 1:] + strip[:, :1]
        others = (characters + 1 + (drawn[:, 10] * (len(self.names) - 1)).long()) % len(self.names)
        drivers = torch.where(borrowed, others, characters)
        clip = FewShotClip(
            self._at(self.labels, drivers, frames).long(),
            self._at(self.images, characters, frames).float() / 127.5 - 1,
            self._at(self.images, characters, shown).float() / 127.5 - 1,
            self._at(self.labels, characters, shown).long(),
        )
        return _changed(clip, drawn[:, 11:].to(self.images.device)) if augment else clip

    def _at(self, frames: Tensor, characters: Tensor, which: Tensor) -> Tensor:
        """Frames (B, T, c, H, W): those numbered `which` (B, T) of `characters` (B,)."""
        return frames[characters[:, None].to(frames.device), which.to(frames.device)]


def _changed(clip: FewShotClip, drawn: Tensor) -> FewShotClip:
    """The clip with other colours, and references that were moved and stand on another ground.

    So that colours are copied and not known by heart, and users may draw on any ground. drawn: (B, 13).
    """
    mixes = torch.tensor([[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]], device=drawn.device)
    mix = mixes[(drawn[:, 0] * len(mixes)).long()]
    mix = torch.where((drawn[:, 1] < RECOLOURED)[:, None], mix, torch.arange(3, device=drawn.device))
    mix = mix[:, None, :, None, None]
    images = clip.images.gather(2, mix.expand_as(clip.images))
    references = clip.references.gather(2, mix.expand_as(clip.references))
    ground = (drawn[:, 3:6] * 2 - 1).float()[:, None, :, None, None]
    repainted = (clip.reference_labels == 0) & (drawn[:, 2] < GROUNDS)[:, None, None, None, None]
    references = torch.where(repainted, ground, references)
    for row in (drawn[:, 6] < SHIFTED).nonzero()[:, 0].tolist():
        by = ((drawn[row, 7:9] * 2 - 1) * (SHIFT + 1)).long().tolist()
        references[row] = references[row].roll(by, (-2, -1))  # the border is ground on all sides
        clip.reference_labels[row] = clip.reference_labels[row].roll(by, (-2, -1))
    return clip._replace(images=images, references=references)


def read_sprites(folder: Path, size: Size, window: Window, say: Say = folders.silent) -> SpriteData:
    """Read and check the characters of a folder; raises one DataError that lists all problems."""
    folder = Path(folder)
    folders.check_folder(folder, "palette.json and a sub-folder of sheets for each character")
    beside = folder.absolute().parent / "palette.json"
    inside = folder / "palette.json"
    palette = Palette.read(beside if beside.is_file() and not inside.is_file() else inside)
    characters = [path for path in sorted(folder.iterdir()) if path.is_dir() and path.name[0] != "."]
    problems: list[str] = []
    if len(characters) < 2:
        problems.append(f"{len(characters)} characters (sub-folders with sheets); at least 2 are needed")
        folders.check(folder, problems)
    actions = [path.name.removesuffix(MAPS) for path in sorted(characters[0].glob(f"*{MAPS}"))]
    if not actions:
        problems.append(f"there are no sheets with maps (NAME.png and NAME{MAPS}) in {characters[0].name}/")
    what = f"reading {len(characters)} characters"
    read = folders.read_all(lambda path: _character(path, actions, palette, size), characters, say, what)
    problems += [line for wrong, _ in read for line in wrong]
    shapes = {tuple(len(sheet[1]) for sheet in sheets) for _, sheets in read}
    if not problems and len(shapes) > 1:
        problems.append("the characters have different numbers of frames in an action")
    folders.check(folder, problems)
    say(f"{len(characters)} characters: {', '.join(actions)} in {ROWS} directions")
    images, labels = (
        torch.from_numpy(np.stack([np.concatenate([sheet[i] for sheet in sheets]) for _, sheets in read]))
        for i in range(2)
    )
    return SpriteData(
        images.permute(0, 1, 4, 2, 3).contiguous(),
        labels[:, :, None],
        palette,
        [path.name for path in characters],
        _strips([len(sheet[1]) // ROWS for sheet in read[0][1]]),
        window,
    )


def _strips(columns: list[int]) -> tuple[Strip, ...]:
    """The strips of sheets of so many columns, row by row."""
    lengths = [count for count in columns for _ in range(ROWS)]
    return tuple((sum(lengths[:i]), count) for i, count in enumerate(lengths))


def _character(
    folder: Path, actions: list[str], palette: Palette, size: Size
) -> tuple[list[str], list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]]:
    """(problems, for each action its frames uint8 (n, H, W, 3) and their maps (n, H, W))."""
    problems: list[str] = []
    sheets: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]] = []
    for action in actions:
        name = f"{folder.name}/{action}"
        try:
            picture = read_picture(folder / f"{action}.png", f"{name}.png")
            maps = palette.ids(folder / f"{action}{MAPS}", f"{name}{MAPS}")
        except CganError as error:
            problems.append(str(error))
            continue
        if maps.shape != picture.shape[:2]:
            of_map = folders.told(maps.shape)
            problems.append(f"{name}.png is {folders.told(picture.shape)}, its map {of_map}")
        elif maps.shape[0] != ROWS * size[0] or maps.shape[1] % size[1]:
            problems.append(
                f"{name}.png is {folders.told(picture.shape)}; it must be {ROWS} rows of frames of "
                f"{folders.told(size)}"
            )
        else:
            sheets.append((_cut(picture, size), _cut(maps, size)))
    return problems, sheets


def _cut(sheet: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """The frames of a sheet, row by row: (rows H, columns W, …) -> (rows columns, H, W, …)."""
    rows, columns = sheet.shape[0] // size[0], sheet.shape[1] // size[1]
    parts = sheet.reshape(rows, size[0], columns, size[1], *sheet.shape[2:]).swapaxes(1, 2)
    return np.ascontiguousarray(parts.reshape(-1, *size, *sheet.shape[2:]))
