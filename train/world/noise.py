"""Periodic noise and the few formulas that everything in the world is made of.

Gradient noise follows Perlin, "Improving noise" (2002), on seeded tables, so that a field repeats after one
unit of its coordinates and is the same on every machine. Fields are baked one world at a time: shape (n, n).
"""

from __future__ import annotations

import math
from typing import overload

import torch
import torch.nn.functional as functional
from torch import Tensor


def generator(seed: int) -> torch.Generator:
    """A CPU generator for `seed`: tables are drawn on the CPU, so that every device sees the same world."""
    return torch.Generator().manual_seed(int(seed) & 0x7FFFFFFF)


@overload
def mix(a: Tensor | float, b: Tensor | float, t: Tensor) -> Tensor: ...
@overload
def mix(a: Tensor, b: Tensor | float, t: float) -> Tensor: ...
def mix(a: Tensor | float, b: Tensor | float, t: Tensor | float) -> Tensor | float:
    """`a` where t is 0, `b` where t is 1, and a straight line between them."""
    return a + (b - a) * t


def smooth(low: Tensor | float, high: Tensor | float, x: Tensor) -> Tensor:
    """0 where `x` is below `low`, 1 above `high`, a smooth step between; `low` may be the larger one."""
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def dot(a: Tensor, b: Tensor) -> Tensor:
    """The dot product of vectors in the last dimension of 2 or 3, kept as size 1: faster than a reduction
    over it.
    """
    total = a[..., :1] * b[..., :1] + a[..., 1:2] * b[..., 1:2]
    return total + a[..., 2:] * b[..., 2:] if a.shape[-1] == 3 else total


def unit(vector: Tensor) -> Tensor:
    """Vectors in the last dimension, scaled to length 1."""
    return vector * dot(vector, vector).clamp(min=1e-12).rsqrt()


def coordinates(n: int, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """The (u, v) of an n x n grid over one period, each (n, n) in [0, 1), sampled at the texels' corners."""
    line = torch.arange(n, dtype=torch.float32, device=device) / n
    v, u = torch.meshgrid(line, line, indexing="ij")
    return u, v


def gradient_noise(u: Tensor, v: Tensor, seed: int, period: int) -> Tensor:
    """Gradient noise of about -1 to 1 with `period` cells in one unit of u and v; shape as u."""
    angle = torch.rand(period * period, generator=generator(seed)) * (2 * math.pi)
    gx, gy = angle.cos().to(u.device), angle.sin().to(u.device)
    x, y = u * period, v * period
    x0, y0 = x.floor(), y.floor()
    fx, fy = x - x0, y - y0
    left, right = (corner.remainder(period).long() for corner in (x0, x0 + 1))
    top, bottom = (corner.remainder(period).long() * period for corner in (y0, y0 + 1))

    def corner(column: Tensor, row: Tensor, dx: Tensor, dy: Tensor) -> Tensor:
        index = (row + column).flatten()  # gather is three times as fast as gx[index]
        return gx.gather(0, index).view_as(dx) * dx + gy.gather(0, index).view_as(dx) * dy

    sx = fx * fx * fx * (fx * (fx * 6 - 15) + 10)
    sy = fy * fy * fy * (fy * (fy * 6 - 15) + 10)
    above = mix(corner(left, top, fx, fy), corner(right, top, fx - 1, fy), sx)
    below = mix(corner(left, bottom, fx, fy - 1), corner(right, bottom, fx - 1, fy - 1), sx)
    return mix(above, below, sy) * 1.41


def fbm(u: Tensor, v: Tensor, seed: int, period: int, octaves: int, gain: float = 0.5) -> Tensor:
    """Octaves of gradient noise, each twice as fine and `gain` times as strong, scaled to a steady variance.

    Fields that are smooth at the grid's resolution are computed on every fourth texel and interpolated.
    """
    if u.shape[-1] >= 1024 and period * 2 ** (octaves - 1) <= 40:
        return enlarge(fbm(u[::4, ::4], v[::4, ::4], seed, period, octaves, gain), 4)
    total, amplitude, power = torch.zeros_like(u), 1.0, 0.0
    for octave in range(octaves):
        total = total + amplitude * gradient_noise(u, v, seed * 31 + octave, period * 2**octave)
        power += amplitude * amplitude
        amplitude *= gain
    return total / math.sqrt(power)


def ridged(
    u: Tensor, v: Tensor, seed: int, period: int, octaves: int, gain: float, sharpness: float = 2.0
) -> Tensor:
    """Ridged multifractal (Musgrave, "Texturing and Modeling", ch.

    16): crests where noise is zero; about 0 to 1.25.
    """
    total, amplitude, power, weight = torch.zeros_like(u), 1.0, 0.0, torch.ones_like(u)
    for octave in range(octaves):
        crest = (1 - gradient_noise(u, v, seed * 37 + octave + 100, period * 2**octave).abs() * 1.25).clamp(
            0, 1
        )
        crest = crest * crest * weight
        total = total + amplitude * crest
        power += amplitude
        weight = (crest * sharpness).clamp(0, 1)
        amplitude *= gain
    return total / power * 1.25


def enlarge(field: Tensor, factor: int) -> Tensor:
    """Interpolate a periodic (n, n) field to (n * factor, n * factor), bicubic."""
    padded = functional.pad(field[None, None], (3, 3, 3, 3), mode="circular")
    fine = functional.interpolate(padded, scale_factor=factor, mode="bicubic", align_corners=False)[0, 0]
    return fine[3 * factor : -3 * factor, 3 * factor : -3 * factor]


def slopes(field: Tensor, spacing: float) -> tuple[Tensor, Tensor]:
    """Central differences of a periodic (n, n) field along x and z, for texels `spacing` apart."""
    dx = (torch.roll(field, -1, -1) - torch.roll(field, 1, -1)) / (2 * spacing)
    dz = (torch.roll(field, -1, -2) - torch.roll(field, 1, -2)) / (2 * spacing)
    return dx, dz


def blur(field: Tensor, radius: int) -> Tensor:
    """Box blur of a periodic (n, n) field over 2 * radius + 1 texels."""
    padded = functional.pad(field[None, None], (radius,) * 4, mode="circular")
    size = 2 * radius + 1
    return functional.avg_pool2d(functional.avg_pool2d(padded, (size, 1), 1), (1, size), 1)[0, 0]


def wrap(maps: Tensor) -> Tensor:
    """Repeat the first row and column at the end, (..., n, n) -> (..., n + 1, n + 1), for `sample`."""
    maps = torch.cat([maps, maps[..., :1]], -1)
    return torch.cat([maps, maps[..., :1, :]], -2)


def sample(maps: Tensor, x: Tensor, z: Tensor, period: float) -> Tensor:
    """Read wrapped maps (S, C, n + 1, n + 1) at x, z (B, ...) in metres -> (B, C, ...); S is B or 1."""
    grid = torch.stack([x, z], -1).div(period).remainder(1.0).mul(2).sub(1)
    scenes = x.shape[0]
    points = grid.reshape(scenes, 1, -1, 2)
    maps = maps if maps.shape[0] == scenes else maps.expand(scenes, -1, -1, -1)
    out = functional.grid_sample(maps, points, mode="bilinear", padding_mode="border", align_corners=True)
    return out.reshape(scenes, maps.shape[1], *x.shape[1:])


def sample_volume(volume: Tensor, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Read a periodic volume (1, 1, n + 1, n + 1, n + 1) at x, y, z in periods; shape as x."""
    grid = torch.stack([x, y, z], -1).remainder(1.0).mul(2).sub(1).reshape(1, 1, 1, -1, 3)
    return functional.grid_sample(
        volume, grid, mode="bilinear", padding_mode="border", align_corners=True
    ).reshape(x.shape)
