"""Tiles that all worlds share: the forest canopy, fine detail, cloud coverage and cloud volume.

Each tile is periodic. They take some ten seconds to make, and are kept on disk (`cache.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from train.world import cache
from train.world.noise import coordinates, fbm, generator, ridged, slopes, wrap

SIZE = 1024
CANOPY_PERIOD = 512.0  # metres
DETAIL_PERIOD = 420.0  # metres; the same tile is used at several other scales too


@dataclass(frozen=True)
class Tiles:
    """Wrapped maps for `noise.sample`.

    canopy (1, 4, n, n): conifers' height 0..1 and a random number per tree, then the same for round crowns.
    detail (1, 7, n, n): smooth noise, ridges, fine noise, the ridges' gradient (2), a wave field's gradient
    (2). coverage (1, 1, n, n): where clouds gather. volume (1, 1, m, m, m): their puffs.
    """

    canopy: Tensor
    detail: Tensor
    coverage: Tensor
    volume: Tensor


@lru_cache(maxsize=4)
def tiles(device: str = "cpu") -> Tiles:
    """The tiles on `device`; made once, then read from disk."""
    made = cache.baked("tiles", _bake)
    return Tiles(**{name: tensor.to(device) for name, tensor in made.items()})


def _bake() -> dict[str, Tensor]:
    u, v = coordinates(SIZE)
    leaves = fbm(u, v, 901, 96, 3, 0.6)
    cones, cone_numbers = _crowns(u, v, seed=5, cells=84, cone=True)
    domes, dome_numbers = _crowns(u, v, seed=6, cells=58, cone=False)
    cones = (cones * (1 + 0.25 * leaves)).clamp(min=0)
    domes = (domes * (1 + 0.32 * leaves)).clamp(min=0)
    ridges = ridged(u, v, 78, 8, 7, 0.55) - 0.5
    ridges_x, ridges_z = slopes(ridges, 1 / SIZE)
    waves_x, waves_z = slopes(fbm(u, v, 80, 24, 3), 1 / SIZE)
    detail = [fbm(u, v, 77, 8, 7, 0.55), ridges, fbm(u, v, 79, 64, 4, 0.7)]
    detail += [gradient / 60 for gradient in (ridges_x, ridges_z, waves_x, waves_z)]
    volume = 0.58 * _worley(4, 1) + 0.28 * _worley(8, 2) + 0.14 * _worley(16, 3)
    volume = wrap(torch.cat([volume, volume[:1]]))
    return {
        "canopy": wrap(torch.stack([cones, cone_numbers, domes, dome_numbers]))[None].half(),
        "detail": wrap(torch.stack(detail))[None].half(),
        "coverage": wrap(fbm(u, v, 301, 5, 6, 0.52))[None, None].half(),
        "volume": volume[None, None].half(),
    }


def _crowns(u: Tensor, v: Tensor, seed: int, cells: int, cone: bool) -> tuple[Tensor, Tensor]:
    """Tree tops as a height field, one tree a cell: height 0..1 and each tree's number 0..1, both as u."""
    jitter = torch.rand(cells * cells, 4, generator=generator(seed))
    height, number = torch.zeros_like(u), torch.zeros_like(u)
    x, y = u * cells, v * cells
    column, row = x.floor().long(), y.floor().long()
    for offset in range(9):
        cx, cy = column + offset % 3 - 1, row + offset // 3 - 1
        tree = jitter[(cy % cells) * cells + cx % cells]
        distance = (
            (x - cx - 0.15 - 0.7 * tree[..., 0]) ** 2 + (y - cy - 0.15 - 0.7 * tree[..., 1]) ** 2
        ).sqrt()
        reach = distance / (0.52 + 0.28 * tree[..., 2])
        shape = (1 - reach).clamp(min=0) ** 0.8 if cone else (1 - reach * reach).clamp(min=0).sqrt()
        top = (0.55 + 0.45 * tree[..., 3]) * shape
        number = torch.where(top > height, (tree[..., 2] * 7.13 + tree[..., 3] * 3.7) % 1, number)
        height = torch.maximum(height, top)
    return height, number


def _worley(cells: int, seed: int, size: int = 64) -> Tensor:
    """Cellular noise (Worley 1996) in a periodic volume (size, size, size): 1 at the scattered points, 0 far
    away.
    """
    line = (torch.arange(size, dtype=torch.float32) + 0.5) / size * cells
    z, y, x = torch.meshgrid(line, line, line, indexing="ij")
    position = torch.stack([x, y, z], -1).reshape(-1, 3)
    scattered = torch.rand(cells, cells, cells, 3, generator=generator(seed))
    cell = position.floor().long()
    nearest = torch.full((position.shape[0],), 9.0)
    for k in range(27):
        near = cell + torch.tensor([k % 3 - 1, k // 3 % 3 - 1, k // 9 - 1])
        wrapped = near % cells
        point = near + scattered[wrapped[:, 2], wrapped[:, 1], wrapped[:, 0]]
        nearest = torch.minimum(nearest, (point - position).square().sum(-1))
    return (1 - nearest.sqrt()).clamp(0, 1).reshape(size, size, size)
