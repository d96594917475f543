"""The land of a seed: maps baked over a periodic square of 14 km, from noise shaped as its archetype asks."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
import torch.nn.functional as functional
from torch import Tensor

from train.world.biomes import BIOMES, Archetype, shape_of
from train.world.noise import (
    blur,
    coordinates,
    fbm,
    generator,
    gradient_noise,
    mix,
    ridged,
    sample,
    slopes,
    smooth,
    wrap,
)

SIZE = 1024
PERIOD = 14336.0  # metres; the land repeats after that
TEXEL = PERIOD / SIZE
CELLS = 128  # trees grow in a periodic lattice of CELLS x CELLS cells
STORED = (
    "height",
    "forest",
    "river",
    "path",
    "flowers",
    "hills",
    "occlusion",
    "upland",
    "walkable",
    "horizon",
)
CHANNELS = ("height", "slope_x", "slope_z") + STORED[1:]


@dataclass(frozen=True)
class Land:
    """A batch of S lands on one device, ready to be drawn: S is 1, or the number of cameras.

    maps (S, len(CHANNELS), n, n) and relief (S, 2, n, n) = height and forest, both wrapped for
    `noise.sample`.
    Colours (S, 1, 3), numbers (S, 1). houses (S, K, 6): x, y, z, yaw, kind (-1: none), colour number.
    cells (S, CELLS * CELLS, 6): six random numbers for each tree. clouds (S, 3): drift in x and z, coverage
    bias.
    sun (S, 2): azimuth of the light, elevation of the disc in the sky; radians.
    """

    maps: Tensor
    relief: Tensor
    rock: Tensor
    rock_dark: Tensor
    grass: Tensor
    hill: Tensor
    sand: Tensor
    tree: Tensor
    tree_light: Tensor
    water: Tensor
    flower_colours: Tensor  # (S, 3, 3)
    conifers: Tensor
    tree_height: Tensor
    snow_line: Tensor
    tree_line: Tensor
    beach: Tensor
    tropical: Tensor  # 1 where palms grow
    dry: Tensor  # 1 in mesa country
    cells: Tensor
    houses: Tensor
    clouds: Tensor
    sun: Tensor

    def at(self, x: Tensor, z: Tensor) -> dict[str, Tensor]:
        """Every map read at x, z (B, M) in metres, by name; each (B, M).

        Paths come as a distance in metres.
        """
        values = dict(zip(CHANNELS, sample(self.maps, x, z, PERIOD).unbind(1), strict=True))
        values["path"] = values["path"].abs() + 60 * (1 - values["walkable"])
        return values

    def __getitem__(self, index: int) -> Land:
        """One land of the batch, as a batch of one."""
        return Land(**{field.name: self.__dict__[field.name][index : index + 1] for field in fields(self)})


def gather(lands: list[Land]) -> Land:
    """Lands of one seed each as a batch.

    Memory: 60 MB a land, so share one land between cameras where possible.
    """

    def joined(name: str) -> Tensor:
        return torch.cat([land.__dict__[name] for land in lands])

    return Land(**{field.name: joined(field.name) for field in fields(Land)})


def build(seed: int, stored: dict[str, Tensor], device: torch.device | str) -> Land:
    """The land of `seed` from its stored maps (n, n), houses and sun."""
    shape = shape_of(seed)
    biome = BIOMES[shape.biome]
    maps = {name: stored[name].to(device) for name in STORED}
    maps["slope_x"], maps["slope_z"] = slopes(maps["height"], TEXEL)
    stack = wrap(torch.stack([maps[name] for name in CHANNELS]))[None]

    def colour(value: tuple[float, ...] | tuple[tuple[float, ...], ...]) -> Tensor:
        return torch.tensor(value, device=device).view(1, -1, 3)

    def number(value: float) -> Tensor:
        return torch.tensor([[float(value)]], device=device)

    drift = torch.rand(3, generator=generator(seed * 13 + 3))
    clouds = (drift * torch.tensor([30000.0, 30000.0, 0.28]) - torch.tensor([0.0, 0.0, 0.16]))[None]
    cells = torch.rand(CELLS * CELLS, 6, generator=generator(seed * 11 + 1))[None]
    names = ("rock", "rock_dark", "grass", "hill", "sand", "tree", "tree_light", "water")
    return Land(
        maps=stack,
        relief=stack[:, [0, CHANNELS.index("forest")]].contiguous(),
        **{name: colour(biome.__dict__[name]) for name in names},
        flower_colours=colour(biome.flowers),
        conifers=number(biome.conifers),
        tree_height=number(biome.tree_height),
        snow_line=number(shape.snow_line),
        tree_line=number(shape.tree_line),
        beach=number(shape.beach),
        tropical=number(shape.biome == "tropic"),
        dry=number(shape.biome == "mesa"),
        cells=cells.to(device),
        houses=stored["houses"][None].to(device),
        clouds=clouds.to(device),
        sun=stored["sun"][None].to(device),
    )


def bake(seed: int) -> dict[str, Tensor]:
    """The maps of `seed` by the names in STORED, each (SIZE, SIZE); the horizon is still flat
    (`bake_horizon`).
    """
    shape = shape_of(seed)
    u, v = coordinates(SIZE)
    height, hills, river = _relief(seed, shape, u, v)
    slope_x, slope_z = slopes(height, TEXEL)
    steep = (slope_x.square() + slope_z.square()).sqrt()
    path, walkable = _paths(seed, u, v, height, steep)
    away = path.abs() + 60 * (1 - walkable)
    forest = fbm(u, v, seed * 97 + 8, 16, 5, 0.55) + shape.forest * 1.6 + 0.25
    forest = forest - 1.3 * smooth(0.45, 0.95, steep) - 2 * (1 - smooth(2.5, 9, height))
    forest = forest - 2 * smooth(shape.tree_line * 0.75, shape.tree_line * 1.15, height + 60 * hills)
    forest = forest - 1.4 * (1 - smooth(8, 26, away))
    flowers = fbm(u, v, seed * 97 + 11, 26, 4, 0.5) * 1.2 + shape.flowers * 1.2 - 0.62
    flowers = (
        flowers - 2 * smooth(0.18, 0.4, steep) - 2 * smooth(200, 420, height) - (1 - smooth(3, 9, height)) * 2
    )
    ground = height.clamp(min=0)
    hollow = (blur(ground, 6) - ground).clamp(min=0) / 30 + (blur(ground, 24) - ground).clamp(min=0) / 150
    maps = {
        "height": height,
        "forest": forest,
        "river": river,
        "path": path,
        "flowers": flowers,
        "hills": hills,
        "occlusion": torch.exp(-hollow),
        "walkable": walkable,
        "horizon": torch.zeros_like(height),
        "upland": smooth(70, 150, height + 40 * hills) + smooth(0.24, 0.42, steep),
    }
    return {name: value if name == "height" else value.half() for name, value in maps.items()}


def _relief(seed: int, shape: Archetype, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Height in metres, the hills' noise, and where rivers run (0..1)."""
    key = seed * 97
    warp_u, warp_v = fbm(u, v, key + 1, 4, 3), fbm(u, v, key + 2, 4, 3)
    wu, wv = u + 0.030 * warp_u, v + 0.030 * warp_v
    continent = fbm(wu, wv, key + 3, 3, 3)
    massif = smooth(-0.12, 0.55, fbm(wu, wv, key + 4, 3, 2) * 1.1 + shape.mountain_bias * 1.3)
    ridges = ridged(wu, wv, key + 5, 6, 8, 0.46, shape.sharpness)
    hills = fbm(u + 0.01 * warp_u, v + 0.01 * warp_v, key + 6, 14, 6, 0.45)
    height = (
        shape.offset
        + continent * shape.continent
        + hills * shape.hills * (0.6 + 0.8 * continent.clamp(min=0))
    )
    height = height + massif * shape.mountains * (ridges**1.15 * 0.92 + 0.06)
    if shape.terraces > 0:
        step = height / 120 + 0.35 * hills
        part = step - step.floor()
        stairs = (step.floor() + smooth(0.55, 0.95, part) * 0.93 + 0.07 * part) * 120
        height = mix(height, stairs, smooth(20, 110, height) * shape.terraces)
    course = fbm(wu, wv, key + 7, 4, 2, 0.4).abs()
    carved = (1 - smooth(0.035, 0.24, course)) * (1 - smooth(60, 420, height)) * shape.rivers
    height = mix(height, torch.full_like(height, -5.0), carved.clamp(0, 1) * (height > -5))
    height = height * (0.40 + 0.60 * smooth(0, 26, height.abs()))  # flat shores
    return height, hills, _narrow(height < 0)


def _narrow(water: Tensor, width: int = 7) -> Tensor:
    """Where water (n, n) is a river, 0..1: all that is left without the places that hold a square of lake."""
    lakes = _widest(1 - _widest(1 - water.float(), width), width + 3)
    return blur((lakes < 0.5).float(), 3)


def _widest(field: Tensor, radius: int) -> Tensor:
    """The maximum of a periodic (n, n) field within `radius` texels."""
    padded = functional.pad(field[None, None], (radius,) * 4, mode="circular")
    return functional.max_pool2d(
        functional.max_pool2d(padded, (2 * radius + 1, 1), 1), (1, 2 * radius + 1), 1
    )[0, 0]


def _paths(seed: int, u: Tensor, v: Tensor, height: Tensor, steep: Tensor) -> tuple[Tensor, Tensor]:
    """The signed distance in metres to the nearest path, the zero line of a noise, and where paths can be."""
    key = seed * 97
    winding = gradient_noise(u, v, key + 9, 9) + 0.25 * gradient_noise(u, v, key + 10, 27)
    dx, dz = slopes(winding, TEXEL)
    distance = winding / ((dx.square() + dz.square()).sqrt() + 2e-4)
    walkable = smooth(1.5, 4, height) * (1 - smooth(0.22, 0.4, steep)) * (1 - smooth(250, 400, height))
    return distance.clamp(-200, 200), walkable


def bake_horizon(height: Tensor, azimuth: float) -> Tensor:
    """The slope (rise over run) of the skyline towards `azimuth`, from each texel of `height` (n, n).

    A sun there is in shadow where its own slope is below: one map serves every time of day.
    """
    half = height.shape[-1] // 2
    ground = functional.avg_pool2d(height[None, None], 2).clamp(min=0)
    maps = wrap(ground)
    u, v = coordinates(half, height.device)
    x, z = (u * PERIOD)[None], (v * PERIOD)[None]
    direction = torch.tensor(azimuth)
    east, north = float(direction.sin()), float(direction.cos())
    skyline, distance = torch.full_like(x, -9.0), 30.0
    for _ in range(26):
        seen = sample(maps, x + east * distance, z + north * distance, PERIOD)[:, 0]
        skyline = torch.maximum(skyline, (seen - ground[:, 0]) / distance)
        distance = distance * 1.19 + 6
    # avg_pool2d moved the samples by half a texel; bilinear enlargement moves them back
    padded = functional.pad(skyline[:, None], (1, 1, 1, 1), mode="circular")
    fine = functional.interpolate(padded, scale_factor=2, mode="bilinear", align_corners=False)
    return fine[0, 0, 2:-2, 2:-2]
