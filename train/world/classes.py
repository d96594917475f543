"""The fifteen classes of the world, their painter's colours, and label maps without speckle."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

from cgan.labels import Palette

NAMES_AND_COLOURS = (
    ("sky", "#78b4eb"),
    ("cloud", "#ebf0f8"),
    ("sun", "#ffd200"),
    ("mountain", "#807670"),
    ("rock", "#5c4f52"),
    ("snow", "#fafaff"),
    ("hill", "#96a046"),
    ("grass", "#60be46"),
    ("flowers", "#e66eaa"),
    ("forest", "#185c2c"),
    ("sand", "#ecd696"),
    ("path", "#b07a42"),
    ("water", "#1e5abe"),
    ("river", "#3caadc"),
    ("house", "#c83228"),
)
COUNT = len(NAMES_AND_COLOURS)
SKY, CLOUD, SUN, MOUNTAIN, ROCK, SNOW, HILL, GRASS = range(8)
FLOWERS, FOREST, SAND, PATH, WATER, RIVER, HOUSE = range(8, COUNT)


def palette() -> Palette:
    """The world's palette: ids in the order of the constants above."""
    entries = [
        {"id": i, "name": name, "colour": colour} for i, (name, colour) in enumerate(NAMES_AND_COLOURS)
    ]
    return Palette.from_list(entries)


def vote(labels: Tensor, scale: int) -> Tensor:
    """Labels (B, H * scale, W * scale) as (B, H, W): the class that covers most of a pixel and its near
    surroundings.
    """
    scenes, height, width = labels.shape
    shares = torch.zeros(scenes, COUNT, height // scale, width // scale, device=labels.device)
    for k in range(scale * scale):
        part = labels[:, None, k // scale :: scale, k % scale :: scale]
        shares.scatter_add_(1, part, torch.ones_like(part, dtype=shares.dtype))
    line = torch.tensor([1.0, 2.0, 1.0], device=labels.device) / 4
    for kernel in (line.view(1, 1, 3, 1), line.view(1, 1, 1, 3)):
        padding = (kernel.shape[3] // 2,) * 2 + (kernel.shape[2] // 2,) * 2
        padded = functional.pad(shares, padding, mode="replicate")
        shares = functional.conv2d(padded, kernel.expand(COUNT, 1, *kernel.shape[2:]), groups=COUNT)
    return shares.argmax(1)


def small(labels: Tensor, least: int) -> Tensor:
    """Mask (B, H, W) of the pixels of connected regions of fewer than `least` pixels.

    Each pixel takes the lowest index that it can reach in `least` steps inside its region: a small region
    then has one index throughout, and a region with several indices is large.
    """
    index = torch.arange(labels.numel(), device=labels.device).view(labels.shape)
    edge = labels.numel()
    near = _shifted(labels, -1)
    same = [near_label == labels for near_label in near]
    for _ in range(least):
        for link, other in zip(same, _shifted(index, edge), strict=True):
            index = torch.where(link, torch.minimum(index, other), index)
    area = torch.zeros(edge, dtype=torch.long, device=labels.device)
    area.scatter_add_(0, index.flatten(), torch.ones_like(index).flatten())
    large = torch.zeros(edge, dtype=torch.bool, device=labels.device)
    for link, other in zip(same, _shifted(index, edge), strict=True):
        open_ = link & (other != index)
        large.index_fill_(0, index[open_], True)
    return (area[index] < least) & ~large[index]


def _shifted(field: Tensor, outside: int) -> list[Tensor]:
    """The four neighbours of each pixel, (B, H, W) each, with `outside` beyond the border."""
    padded = functional.pad(field, (1, 1, 1, 1), value=outside)
    return [padded[:, 1:-1, :-2], padded[:, 1:-1, 2:], padded[:, :-2, 1:-1], padded[:, 2:, 1:-1]]


def purge(labels: Tensor, least: int, *others: Tensor) -> tuple[Tensor, ...]:
    """Give regions of fewer than `least` pixels to a neighbour, along with what `others` (B, H, W) hold
    there.
    """
    for _ in range(2):
        gone = small(labels, least)
        for _ in range(least // 2 + 1):
            filled = ~gone
            for shift in (0, 1, 2, 3):
                source = _shifted(filled.long(), 0)[shift].bool() & gone
                labels = torch.where(source, _shifted(labels, 0)[shift], labels)
                others = tuple(torch.where(source, _shift_any(other, shift), other) for other in others)
                gone = gone & ~source
    return (labels, *others)


def _shift_any(field: Tensor, shift: int) -> Tensor:
    """One of the four neighbours, the border repeated; for numbers of any type."""
    rows, columns = ((0, 1), (0, -1), (1, 0), (-1, 0))[shift]
    return torch.roll(field, (rows, columns), (1, 2))
