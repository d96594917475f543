"""Sheets of pictures: samples while a run learns, and the preview beside a checkpoint."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from cgan.files import replaced
from cgan.labels import Palette
from cgan.pictures import to_pictures
from train.data.batches import Painted

Picture: TypeAlias = NDArray[np.uint8]  # (H, W, 3)
Pictures: TypeAlias = NDArray[np.uint8]  # (N, H, W, 3)
Cells: TypeAlias = list[
    list[tuple[str, Picture]]
]  # samples; of each what is to be seen, and a heading for it

GAP, PAPER = 6, 255  # pixels between pictures, and their grey
INK, LARGEST, SMALLEST = 60, 15, 7  # grey of headings; the pixels of their letters


def grid(rows: list[list[Picture]], headings: Sequence[str] = ()) -> Picture:
    """Rows of pictures, uint8 (H, W, 3), all of one height within a row, as one picture with gaps.

    headings: what stands above the columns, one for each picture of the first row.
    """
    strips = [_join(row, axis=1) for row in rows]
    if headings:
        strips.insert(0, _above(headings, [cell.shape[1] for cell in rows[0]]))
    return stacked(strips)


def stacked(sheets: Sequence[Picture]) -> Picture:
    """Sheets one above the other."""
    widest = max(each.shape[1] for each in sheets)
    return _join([_pad(each, widest) for each in sheets], axis=0)


def labelled(headings: Sequence[str], samples: Iterable[Sequence[Picture]]) -> Cells:
    """Samples of the same pictures, from left to right, each with its heading."""
    return [list(zip(headings, sample, strict=True)) for sample in samples]


def samples(batch: Painted, palette: Palette, columns: dict[str, Tensor]) -> Picture:
    """One row a sample: its map, its photograph, and what the `columns` (B, 3, H, W) show, by heading."""
    maps = [palette.colours(ids) for ids in batch.labels[:, 0].byte().cpu().numpy()]
    pictures = [to_pictures(images.float().cpu()) for images in (batch.images, *columns.values())]
    rows = [[map_, *(column[i] for column in pictures)] for i, map_ in enumerate(maps)]
    return grid(rows, ["map", "photograph", *columns])


def preview(batch: Painted, palette: Palette, images: Tensor, across: int = 3) -> Picture:
    """Pictures (B, 3, H, W), each beside a small map: what may be shown where the photographs may not."""
    cells: list[Picture] = []
    for ids, picture in zip(
        batch.labels[:, 0].byte().cpu().numpy(), to_pictures(images.float().cpu()), strict=True
    ):
        height, width = ids.shape
        small = cv2.resize(palette.colours(ids), (width // 2, height // 2), interpolation=cv2.INTER_NEAREST)
        column = np.full((height, width // 2, 3), PAPER, np.uint8)
        column[: height // 2] = small
        cells.append(_join([column, picture], axis=1))
    return grid([cells[i : i + across] for i in range(0, len(cells), across)])


def write(path: Path, picture: Picture) -> None:
    """Write a picture as JPEG, beside and renamed."""
    with replaced(path) as beside:
        Image.fromarray(picture).save(beside, "JPEG", quality=85)


def evenly(length: int, count: int) -> Tensor:
    """`count` indices spread over `length` samples: nobody has picked them."""
    count = min(count, length)
    return (torch.arange(count) * length) // count


def _above(words: Sequence[str], widths: Sequence[int]) -> Picture:
    """Words above columns of so many pixels, all in letters of one size, in which they fit."""
    size = LARGEST
    while size > SMALLEST and any(
        ImageFont.load_default(size).getlength(word) > width
        for word, width in zip(words, widths, strict=True)
    ):
        size -= 1
    papers = [Image.new("RGB", (width, LARGEST + 4), (PAPER,) * 3) for width in widths]
    for word, paper in zip(words, papers, strict=True):
        middle, font = (paper.width / 2, LARGEST), ImageFont.load_default(size)
        ImageDraw.Draw(paper).text(middle, word, (INK,) * 3, font, anchor="ms")
    return _join([np.asarray(paper) for paper in papers], axis=1)


def _join(pictures: list[Picture], axis: int) -> Picture:
    pieces = []
    for picture in pictures:
        shape = list(picture.shape)
        shape[axis] = GAP
        pieces += [picture, np.full(shape, PAPER, np.uint8)]
    return np.concatenate(pieces[:-1], axis)


def _pad(picture: Picture, width: int) -> Picture:
    return np.pad(picture, [(0, 0), (0, width - picture.shape[1]), (0, 0)], constant_values=PAPER)
