"""Pictures and what should become of them: what pix2pixHD learns from where there are no labels.

A data set is a folder with `inputs/` and `images/`; files with the same stem belong together and show the
same place.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from train.data import folders
from train.data.batches import Paired
from train.data.finding import PICTURES, Say, aligned, by_name, likely, part, root_of, without
from train.data.packed import in_order
from train.data.protocol import Indices, Size
from train.data.stored import Stored, canvas, crops, numbers


@dataclass(frozen=True)
class PairedData(Stored[Paired]):
    """Pairs of pictures of one size, in memory.

    Shapes: inputs and images uint8 (N, 3, H, W). names are the files' stems.
    """

    inputs: Tensor
    images: Tensor
    names: list[str]

    def batch(
        self, indices: Indices, seed: int, size: Size, augment: bool = True, row_offset: int = 0
    ) -> Paired:
        """The pairs at `indices`, cropped to `size` = (height, width), on the data's device.

        With `augment`, each pair is flipped, scaled and moved at random, both of its pictures alike; the
        random numbers depend on `seed` and on its place, `row_offset` + row, alone. Without, the largest
        centre crop is taken.
        """
        rows = torch.as_tensor(indices, dtype=torch.int64)
        drawn = numbers(seed, row_offset, len(rows)) if augment else None
        return Paired(*(crops(pictures, rows, size, drawn) for pictures in (self.inputs, self.images)))


def read_paired(folder: Path, size: Size, say: Say = folders.silent) -> PairedData:
    """Read and check pairs of pictures, stored so that crops of `size` = (height, width) can be taken.

    Pictures of another shape than `size` are cut at the centre, and `say` is told so. Raises one DataError
    that lists all problems.
    """
    folder = Path(folder)
    folders.check_folder(folder, "inputs/ and images/")
    problems: list[str] = []
    notes: list[str] = []
    folder = root_of(folder, ("inputs", "images"), say)
    inputs = by_name(part(folder, "inputs"), PICTURES, problems, say)
    images = aligned(inputs, by_name(folder / "images", PICTURES, problems, say), say)
    if inputs and images:
        problems += without(inputs, images, "picture in images/")
        problems += without(images, inputs, f"picture in {part(folder, 'inputs').name}/")
    else:
        problems += likely(folder)
    stems = [stem for stem in inputs if stem in images]
    if inputs and images and len(stems) < 2:
        problems.append(f"{len(stems)} pair(s) of pictures; at least 2 are needed")
    problems += [
        f"inputs/{inputs[stem].name} fits its partner without the turn that EXIF asks for: remove the tag"
        for stem in stems
        if not folders.as_its_partner(inputs[stem], images[stem], problems, [])
        or not folders.as_its_partner(images[stem], inputs[stem], problems, [])
    ]
    stems = in_order(stems, canvas(size), 2 * 3)
    sides = [
        folders.read_pictures(
            [side[stem] for stem in stems], folder, canvas(size), problems, False, say, notes
        )
        for side in (inputs, images)
    ]
    (_, shapes), (_, of_images) = sides
    problems += [
        f"inputs/{inputs[stem].name} is {folders.told(one)}, its partner in images/ is {folders.told(other)}"
        for stem, one, other in zip(stems, shapes, of_images, strict=True)
        if one != other and min(*one, *other)
    ]
    folders.check(folder, problems)
    folders.say_cut(say, shapes, folder, size)
    folders.say_dark(say, notes, folder)
    return PairedData(sides[0][0], sides[1][0], stems)
