"""Trees as point clouds, splatted once into an atlas of relightable sprites: opacity, normal, occlusion,
leaf.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as functional
from torch import Tensor

from train.world import cache
from train.world.noise import generator, smooth

HIGH, WIDE = 256, 192  # a sprite shows one tree height by three quarters of it
KINDS, VARIANTS, LEVELS = 3, 5, 5  # conifer, round crown, palm
ASPECT = WIDE / HIGH

Cloud = tuple[Tensor, Tensor, Tensor, Tensor]  # points (n, 3), normals (n, 3), occlusion (n,), leaf (n,)


@dataclass(frozen=True)
class Atlas:
    """All sprites at all levels of detail as rows of six: (rows, 6); `start` (LEVELS,) is each level's first
    row.
    """

    rows: Tensor
    start: Tensor

    def read(self, sprite: Tensor, level: Tensor, u: Tensor, v: Tensor, channels: slice) -> Tensor:
        """Bilinear samples (M, channels) at u, v (M,) in 0..1 of `sprite` (M,) at `level` (M,)."""
        wide, high = torch.div(WIDE, 2**level), torch.div(HIGH, 2**level)
        x, y = (u * wide - 0.5).clamp(min=0), (v * high - 0.5).clamp(min=0)
        x = torch.minimum(x, wide - 1.001)
        y = torch.minimum(y, high - 1.001)
        left, top = x.long(), y.long()
        part_x, part_y = (x - left)[:, None], (y - top)[:, None]
        stride = wide.long()
        first = self.start[level] + sprite * stride * high.long() + top * stride + left
        table = self.rows[:, channels]
        above = torch.lerp(table[first], table[first + 1], part_x)
        below = torch.lerp(table[first + stride], table[first + stride + 1], part_x)
        return torch.lerp(above, below, part_y)


@lru_cache(maxsize=4)
def atlas(device: str = "cpu") -> Atlas:
    """The atlas on `device`; sprites are numbered kind * VARIANTS + variant."""
    level = cache.baked("sprites", _bake)["sprites"].to(device)
    levels, start = [], [0]
    for _ in range(LEVELS):
        levels.append(level.permute(0, 2, 3, 1).reshape(-1, 6))
        start.append(start[-1] + len(levels[-1]))
        level = functional.avg_pool2d(level, 2)
    return Atlas(torch.cat(levels), torch.tensor(start[:-1], device=device))


def _bake() -> dict[str, Tensor]:
    kinds = (_conifer, _round, _palm)
    clouds = [kind(1000 + number * 50 + i) for number, kind in enumerate(kinds) for i in range(VARIANTS)]
    return {"sprites": torch.stack([_splat(*cloud) for cloud in clouds]).half()}


def _splat(points: Tensor, normals: Tensor, occlusion: Tensor, leaf: Tensor) -> Tensor:
    """Seen from the front, nearest point first, two pixels wide each: (6, HIGH, WIDE)."""
    count = len(points)
    x, y = (points[:, 0] / ASPECT + 0.5) * WIDE, (1 - points[:, 1] * 0.98) * HIGH
    order = (-points[:, 2]).argsort(stable=True)
    rank = torch.empty(count, dtype=torch.long)
    rank[order] = torch.arange(count)
    nearest = torch.full((HIGH * WIDE,), count)
    for dx in (-0.5, 0.5):
        for dy in (-0.5, 0.5):
            column, row = (x + dx).long(), (y + dy).long()
            inside = (column >= 1) & (column < WIDE - 1) & (row >= 1) & (row < HIGH)
            nearest.scatter_reduce_(0, (row * WIDE + column)[inside], rank[inside], "amin")
    covered = nearest < count
    point = order[nearest[covered]]
    sprite = torch.zeros(HIGH * WIDE, 6)
    values = [torch.ones(len(point), 1), normals[point], occlusion[point, None], leaf[point, None]]
    sprite[covered] = torch.cat(values, 1)
    return sprite.t().reshape(6, HIGH, WIDE)


def _unit(vector: Tensor) -> Tensor:
    return vector / vector.norm(dim=-1, keepdim=True)


def _conifer(seed: int) -> Cloud:
    """Thirty-four whorls of eleven drooping branches on a thin trunk."""
    random = generator(seed)
    whorls, branches, needles = 34, 11, 46
    height = 0.07 + 0.93 * (torch.arange(whorls) / (whorls - 1)) ** 0.95
    radius = ((1 - height) ** 0.85 * 0.24 + 0.012) * (0.78 + 0.44 * torch.rand(whorls, generator=random))
    turn = torch.rand(whorls, branches, 1, generator=random) * 2 * math.pi
    out = torch.rand(whorls, branches, needles, generator=random) ** 0.7
    reach = radius[:, None, None] * (0.75 + 0.5 * torch.rand(whorls, branches, 1, generator=random))
    droop = 0.55 + 0.2 * torch.rand(whorls, branches, 1, generator=random)
    y = height[:, None, None] - out * reach * droop + out * out * reach * 0.30
    points = torch.stack([reach * out * turn.cos(), y, reach * out * turn.sin()], -1)
    spread = 0.010 * (1 - 0.4 * out)[..., None] * torch.randn(*out.shape, 3, generator=random)
    points = points + spread * torch.tensor([1.0, 0.8, 1.0])
    points[..., 1] = (points[..., 1] - 0.012 * torch.rand(out.shape, generator=random)).clamp(0.02, 0.995)
    outward = torch.stack(
        [turn.cos().expand_as(out) * 0.9, torch.full_like(out, 0.55), turn.sin().expand_as(out) * 0.9], -1
    )
    normals = _unit(outward + 0.35 * torch.randn(*out.shape, 3, generator=random))
    occlusion = (0.28 + 0.72 * out**1.2) * (0.75 + 0.25 * torch.rand(out.shape, generator=random))
    trunk = torch.randn(900, 3, generator=random) * 0.0072
    trunk[:, 1] = torch.rand(900, generator=random) * 0.5
    bark = _unit(torch.stack([trunk[:, 0] * 60, torch.zeros(900), torch.ones(900)], -1))
    return _joined(points, normals, occlusion, trunk, bark, 0.5)


def _joined(
    points: Tensor, normals: Tensor, occlusion: Tensor, wood: Tensor, bark: Tensor, shade: float
) -> Cloud:
    """Leaves and wood as one cloud."""
    count = occlusion.numel()
    return (
        torch.cat([points.reshape(-1, 3), wood]),
        torch.cat([normals.reshape(-1, 3), bark]),
        torch.cat([occlusion.reshape(-1), torch.full((len(wood),), shade)]),
        torch.cat([torch.ones(count), torch.zeros(len(wood))]),
    )


def _round(seed: int) -> Cloud:
    """A broadleaf tree: a trunk that forks into limbs, each with clumps of leaves, in an uneven crown."""
    random = generator(seed)
    clumps, leaves = 64, 300
    lobes = _unit(torch.randn(5, 3, generator=random)) * 0.15 + torch.tensor([0.0, 0.55, 0.0])
    lobe = torch.randint(5, (clumps,), generator=random)
    size = torch.tensor([0.15, 0.17, 0.15]) * (0.7 + 0.5 * torch.rand(clumps, 1, generator=random))
    centre = lobes[lobe] + _unit(torch.randn(clumps, 3, generator=random)) * size
    centre[:, 1] = centre[:, 1].clamp(0.22, 0.90)
    radius = 0.04 + 0.05 * torch.rand(clumps, generator=random)
    side = _unit(torch.randn(clumps, leaves, 3, generator=random))
    out = torch.rand(clumps, leaves, 1, generator=random) ** 0.3
    points = centre[:, None] + side * out * radius[:, None, None] * torch.tensor([1.25, 0.8, 1.25])
    crown = (points - torch.tensor([0.0, 0.58, 0.0])) / torch.tensor([0.28, 0.32, 0.28])
    normals = _unit(side * 0.7 + crown * 0.6 + 0.35 * torch.randn(points.shape, generator=random))
    lit = (0.32 + 0.68 * smooth(0.3, 1.1, crown.norm(dim=-1))) * (0.58 + 0.42 * (0.5 + 0.5 * side[..., 1]))
    occlusion = lit * (0.75 + 0.25 * torch.rand(clumps, leaves, generator=random)) + 0.15
    fork = torch.tensor([float(0.02 * torch.randn(1, generator=random)), 0.22, 0.0])
    along = torch.rand(900, 1, generator=random)
    thick = 0.016 * (1.3 - 0.8 * along) * torch.randn(900, 3, generator=random)
    thick = thick * torch.tensor([1.0, 0.0, 1.0])
    wood = [fork * along + thick]
    for limb in centre:
        part = torch.rand(120, 1, generator=random)
        bend = fork * (1 - part) + limb * part - torch.tensor([0.0, 0.05, 0.0]) * part * (1 - part)
        wood.append(bend + 0.006 * (1 - 0.6 * part) * torch.randn(120, 3, generator=random))
    trunk = torch.cat(wood)
    bark = torch.tensor([0.0, 0.2, 1.0]).expand(len(trunk), 3)
    return _joined(points, normals, occlusion, trunk, bark, 0.45)


def _palm(seed: int) -> Cloud:
    """A bent trunk under twenty fronds."""
    random = generator(seed)
    count, fronds, leaves = 2500, 20, 500
    height = torch.rand(count, generator=random)
    bend = (0.10 + 0.12 * torch.rand(1, generator=random)) * (
        1 if torch.rand(1, generator=random) > 0.5 else -1
    )
    radius = 0.013 * (1.3 - 0.6 * height)
    curve = bend * height * height
    aside = radius * (2 * torch.rand(count, generator=random) - 1)
    trunk = torch.stack(
        [curve + aside - bend * 0.5, height * 0.74, radius * torch.rand(count, generator=random)], -1
    )
    bark = _unit(torch.stack([aside * 60, torch.zeros(count), torch.ones(count)], -1))
    top = torch.tensor([float(bend) * 0.5, 0.74, 0.0])
    turn = torch.rand(fronds, 1, generator=random) * 2 * math.pi
    along = torch.rand(fronds, leaves, generator=random) ** 0.8
    rise = 0.15 + 0.75 * torch.rand(fronds, 1, generator=random)
    reach = (0.26 + 0.08 * torch.rand(fronds, 1, generator=random)) * along
    y = rise * reach * 1.1 - (0.75 + 0.3 * rise) * reach * along * 1.05
    side = 2 * torch.rand(fronds, leaves, generator=random) - 1
    width = 0.055 * (1 - along) * (0.25 + along) * 2.4
    x, z = reach * turn.cos() - side * width * turn.sin(), reach * turn.sin() + side * width * turn.cos()
    points = torch.stack([x, y - side.abs() * width * 0.8, z], -1) + top
    up = torch.stack([turn.cos() * 0.4 + 0 * along, 0.9 + 0 * along, turn.sin() * 0.4 + 0.4 * side], -1)
    normals = _unit(up + 0.2 * torch.randn(fronds, leaves, 3, generator=random))
    occlusion = (0.45 + 0.55 * along) * (0.8 + 0.2 * torch.rand(fronds, leaves, generator=random))
    return _joined(points, normals, occlusion, trunk, bark, 0.8)
