"""What the ground is made of and how it is lit: masks, classes, albedo, normals.

Everything here works on points: x and z are (B, M) in metres, results (B, M) or (B, M, 3).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from train.world import classes
from train.world.land import Land
from train.world.noise import mix, sample, smooth
from train.world.styles import Look
from train.world.tiles import CANOPY_PERIOD, DETAIL_PERIOD, Tiles

SNOW = (0.86, 0.90, 0.97)


@dataclass(frozen=True)
class Ground:
    """What is known of the ground at some points before any light: see `survey`."""

    at: dict[str, Tensor]  # the land's maps
    steep: Tensor
    masks: dict[str, Tensor]  # rock, hill, snow, sand, path, flowers, forest: positive where that class is
    crown: Tensor  # height of the canopy, 0..1
    tree: Tensor  # a number for each tree, 0..1
    detail: dict[str, Tensor]  # noises: mid, ridges, dots, fine, speckle, broad, and gradients bump_x, bump_z
    cliff: tuple[Tensor, Tensor]  # noise and ridges projected from the side, for steep rock
    close: Tensor  # 1 where a metre is more than a pixel


def survey(land: Land, tiles: Tiles, x: Tensor, z: Tensor, footprint: Tensor) -> Ground:
    """Read the land at points that cover `footprint` (B, M) metres each."""
    at = land.at(x, z)
    steep = (at["slope_x"].square() + at["slope_z"].square()).sqrt()
    mid = sample(tiles.detail[:, :5], x, z, DETAIL_PERIOD)
    near = sample(tiles.detail[:, :3], x, z, 37.0)
    broad = sample(tiles.detail[:, :1], x, z, 2900.0)[:, 0]
    close = 1 - smooth(0.05, 0.6, footprint)
    sideways = at["slope_x"].abs() > at["slope_z"].abs()
    along, across = torch.where(sideways, z, x), torch.where(sideways, x, z)
    cliff = sample(tiles.detail[:, :5], along * 0.9 + 9 * mid[:, 0], at["height"] + 0.25 * across, 300.0)
    steepness = smooth(0.45, 0.85, steep)
    detail = {
        "mid": mid[:, 0],
        "ridges": mid[:, 1],
        "dots": mid[:, 2],
        "broad": broad,
        "fine": mix(near[:, 0], cliff[:, 2], steepness) * close,
        "speckle": near[:, 2],
        "bump_x": mix(mid[:, 3], cliff[:, 3] * 1.2, steepness),
        "bump_z": mix(mid[:, 4], cliff[:, 4] * 1.2, steepness),
    }
    crowns = sample(tiles.canopy, x, z, CANOPY_PERIOD)
    crown = mix(crowns[:, 2], crowns[:, 0], land.conifers)
    tree = mix(crowns[:, 3], crowns[:, 1], land.conifers)
    masks = _masks(land, at, steep, detail)
    return Ground(at, steep, masks, crown, tree, detail, (cliff[:, 0], cliff[:, 1]), close)


def _masks(land: Land, at: dict[str, Tensor], steep: Tensor, detail: dict[str, Tensor]) -> dict[str, Tensor]:
    """Signed masks: a class's albedo blends in around zero, and its label starts at zero."""
    height, mid, broad = at["height"], detail["mid"], detail["broad"]
    beach = land.beach * (0.6 + 0.5 * smooth(-0.2, 0.5, broad))
    snow = (height + 110 * broad + 40 * mid - land.snow_line) / 120 - 1.5 * (steep - 0.75).clamp(min=-0.3)
    return {
        "rock": steep
        + 0.10 * mid
        + 0.08 * broad
        - 0.66
        + 0.16 * smooth(land.tree_line, land.tree_line * 1.6, height),
        "hill": at["upland"] - 0.75 + 0.15 * broad,
        "snow": snow,
        "sand": 1 - (height + 0.8 * mid) / beach - 3 * (steep - 0.35).clamp(min=0),
        "path": 1 - at["path"] / (3.4 + 0.8 * mid),
        "flowers": at["flowers"],
        "forest": at["forest"] - 0.005,
    }


def labels(ground: Ground) -> Tensor:
    """The class of each point (B, M), int64: later rules win."""
    at, masks = ground.at, ground.masks
    rock, high = masks["rock"] > 0, at["height"] + 60 * ground.detail["broad"] > 130
    water = at["height"] < 0
    rules = (
        (classes.HILL, masks["hill"] > 0),
        (classes.FLOWERS, (masks["flowers"] > 0) & (masks["hill"] < 0.1)),
        (classes.ROCK, rock),
        (classes.MOUNTAIN, rock & high),
        (classes.SAND, masks["sand"] > 0),
        (classes.PATH, (masks["path"] > 0) & ~rock & (masks["sand"] < 0)),
        (classes.SNOW, masks["snow"] > 0),
        (classes.FOREST, masks["forest"] > 0),
        (classes.WATER, water & (at["river"] <= 0.5)),
        (classes.RIVER, water & (at["river"] > 0.5)),
    )
    result = torch.full(rock.shape, classes.GRASS, device=rock.device)
    for number, where in rules:
        result = result.masked_fill(where, number)
    return result


def albedo(land: Land, ground: Ground, look: Look, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """Reflectance (B, M, 3) in the look's season, and how much of each point is tree tops (B, M)."""
    masks, detail = ground.masks, ground.detail
    mid, broad, fine = detail["mid"], detail["broad"], detail["fine"]
    blend = {
        name: smooth(-soft, soft, masks[name])[..., None]
        for name, soft in (
            ("rock", 0.05),
            ("hill", 0.2),
            ("snow", 0.25),
            ("sand", 0.12),
            ("path", 0.25),
            ("flowers", 0.1),
        )
    }
    blend["path"] = blend["path"] * (1 - blend["rock"]) * (1 - blend["sand"])
    colour = _meadow(land, ground, look, blend)
    colour = mix(colour, _rock(land, ground), blend["rock"])
    height = ground.at["height"]
    ripples = torch.sin((x * 0.9 + z * 0.35) * 1.6 + 7 * broad + 5 * mid) * ground.close
    pebbles = smooth(0.35, 0.7, detail["speckle"]) * ground.close
    grain = 1 + 0.16 * mid + 0.18 * fine + 0.10 * ripples - 0.30 * pebbles + 0.18 * broad
    wet = 0.55 + 0.45 * smooth(0.2, 1.6, height)
    colour = mix(colour, land.sand * (grain * wet)[..., None], blend["sand"])
    dirt = mix(land.sand, land.rock_dark, 0.45) * colour.new_tensor([1.0, 0.82, 0.66])
    colour = mix(colour, dirt * (1 + 0.25 * mid + 0.4 * fine)[..., None], blend["path"])
    dust = _snow_cover(ground, look, blend)
    snow = colour.new_tensor(SNOW) * (1 + 0.05 * mid)[..., None]
    colour = mix(colour, snow, torch.maximum(dust, blend["snow"]))
    return _forest(land, ground, look, colour)


def _meadow(land: Land, ground: Ground, look: Look, blend: dict[str, Tensor]) -> Tensor:
    """Grass, dry upland grass and flower fields."""
    detail = ground.detail
    mid, broad, fine = detail["mid"], detail["broad"], detail["fine"]
    autumn = look.autumn
    blades = 0.35 * fine + 0.30 * detail["speckle"] * ground.close
    grass = land.grass * (1 + 0.30 * broad + 0.22 * mid + blades)[..., None]
    yellow = (autumn * 0.7 + 0.12 * smooth(-0.2, 0.6, broad))[..., None]
    grass = mix(grass, grass * grass.new_tensor([1.9, 1.12, 0.75]), yellow)
    hill = land.hill * (1 + 0.30 * broad + 0.25 * mid + blades)[..., None]
    hill = mix(hill, hill * grass.new_tensor([1.55, 0.85, 0.55]), (autumn * 0.8)[..., None])
    colour = mix(grass, hill, blend["hill"])
    first, second, third = land.flower_colours.unbind(1)
    second_here = smooth(-0.15, 0.15, detail["dots"] + broad * 0.4)[..., None]
    petals = mix(first[:, None], second[:, None], second_here)
    petals = mix(petals, third[:, None], smooth(0.35, 0.5, mid)[..., None])
    blooms = smooth(0.05, 0.5, detail["speckle"] + 0.25 * fine)
    dense = mix(0.55, blooms * 0.95, ground.close) * (0.6 + 0.4 * smooth(-0.4, 0.3, mid))
    dense = dense * (1 - 0.75 * autumn) * (1 - 0.8 * look.winter)
    return mix(colour, petals * 0.9, blend["flowers"] * dense[..., None])


def _rock(land: Land, ground: Ground) -> Tensor:
    """Two rock colours by ridges and strata, projected from the side on cliffs."""
    detail = ground.detail
    noise, ridges = ground.cliff
    strata = 0.5 + 0.5 * torch.sin(ground.at["height"] * 0.085 + 2.2 * detail["broad"] + detail["mid"])
    grain = mix(detail["ridges"], ridges * 1.25 + 0.35 * noise, smooth(0.45, 0.85, ground.steep))
    light = (0.46 + 0.9 * grain + 0.45 * detail["broad"] + 0.34 * (strata - 0.5)).clamp(0, 1)
    return mix(land.rock_dark, land.rock, light[..., None]) * (1 + 0.25 * detail["fine"])[..., None]


def _snow_cover(ground: Ground, look: Look, blend: dict[str, Tensor]) -> Tensor:
    """How much of each point (B, M, 1) winter hides under snow: flat ground most."""
    detail = ground.detail
    mid, broad, fine = detail["mid"], detail["broad"], detail["fine"]
    level = 1 / (1 + ground.steep.square()).sqrt()
    cover = smooth(0.74, 0.93, level + 0.10 * mid + 0.08 * detail["ridges"] + 0.05 * broad)
    cover = cover * (0.70 + 0.30 * smooth(-0.35, 0.10, mid + 0.6 * fine + 0.5 * broad))
    cover = cover * (0.86 + 0.14 * smooth(-0.3, 0.2, fine + mid)) * look.winter
    shore = blend["sand"] * (1 - smooth(0, 3, ground.at["height"]))[..., None]
    return cover[..., None] * (1 - 0.55 * blend["path"]) * (1 - 0.35 * shore)


def _forest(land: Land, ground: Ground, look: Look, colour: Tensor) -> tuple[Tensor, Tensor]:
    """Cover `colour` with tree tops where the forest is: each tree has its own hue, and its own autumn."""
    mid, broad = ground.detail["mid"], ground.detail["broad"]
    crown, number = ground.crown, ground.tree
    hue = number + 0.25 * broad
    leaves = mix(land.tree, land.tree_light, smooth(0.15, 0.85, hue)[..., None])
    red, orange, yellow = colour.new_tensor([[0.42, 0.10, 0.025], [0.50, 0.24, 0.03], [0.55, 0.40, 0.06]])
    turned = mix(red, orange, smooth(0.15, 0.4, hue)[..., None])
    turned = mix(turned, yellow, smooth(0.45, 0.7, hue)[..., None])
    turned = mix(turned, land.tree, smooth(0.8, 0.95, hue)[..., None])
    larches = smooth(0.45, 0.75, number) * 0.9
    leaves = mix(leaves, turned, (look.autumn * mix(0.95, larches, land.conifers))[..., None])
    grain = 1 + 0.35 * ground.detail["speckle"] * ground.close + 0.25 * mid
    leaves = leaves * ((0.45 + crown) * grain)[..., None]
    bark = colour.new_tensor([0.11, 0.085, 0.07]) * (0.6 + 0.7 * crown)[..., None]
    leaves = mix(leaves, bark, (look.winter * (1 - land.conifers) * 0.85)[..., None])
    snow = look.winter * smooth(0.30, 0.75, crown + 0.25 * mid) * 0.8 * mix(0.75, 0.9, land.conifers)
    leaves = mix(leaves, colour.new_tensor(SNOW), snow[..., None])
    wood = smooth(-0.025, 0.025, ground.masks["forest"])
    tops = wood * smooth(0.02, 0.12, crown)
    under = wood - tops
    return mix(colour, leaves, tops[..., None]) * (1 - 0.55 * under)[..., None], tops


def shade(
    land: Land, tiles: Tiles, ground: Ground, look: Look, x: Tensor, z: Tensor, footprint: Tensor
) -> Tensor:
    """Radiance of the ground (B, M, 3): Lambert sun with baked shadows, sky light with occlusion, a little
    bounce.
    """
    colour, tops = albedo(land, ground, look, x, z)
    at, masks, detail = ground.at, ground.masks, ground.detail
    forest, snow = smooth(-0.025, 0.025, masks["forest"]), smooth(-0.25, 0.25, masks["snow"])
    high = smooth(120, 500, at["height"])
    rough = (
        (0.25 + 2.3 * high * (1 - 0.55 * snow))
        * (1 - 0.8 * smooth(-0.12, 0.12, masks["sand"]))
        * (1 - 0.5 * forest)
    )
    crown_x, crown_z = _crown_slopes(land, tiles, ground, x, z)
    round_ = tops * 0.55 * (1 - smooth(2.5, 9, footprint))
    normal_x = -(at["slope_x"] + rough * detail["bump_x"] * 0.214 + round_ * crown_x)
    normal_z = -(at["slope_z"] + rough * detail["bump_z"] * 0.214 + round_ * crown_z)
    up = (normal_x.square() + normal_z.square() + 1).rsqrt()
    sun_x, sun_y, sun_z = look.direction.unbind(-1)
    facing = (normal_x * sun_x + sun_y + normal_z * sun_z) * up
    soft = ((facing + 0.35) / 1.35).clamp(min=0)
    direct = mix(facing.clamp(min=0), soft, tops * 0.7 + 0.2 * snow)
    thicket = 1 - forest * 0.55 * (1 - ground.crown)
    sun = (
        direct * sunlight(look, at["horizon"]) * thicket * 0.95
        + 0.055 * (0.5 - 0.5 * facing) * at["occlusion"]
    )
    sky = (0.45 + 0.55 * up) * at["occlusion"] * thicket * 1.15
    return colour * (look.sun * sun[..., None] + look.ambient * sky[..., None])


def _crown_slopes(land: Land, tiles: Tiles, ground: Ground, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """Slope of the canopy in x and z by forward differences over 1.2 m."""
    result = []
    for dx, dz in ((1.2, 0.0), (0.0, 1.2)):
        beside = sample(tiles.canopy[:, [0, 2]], x + dx, z + dz, CANOPY_PERIOD)
        step = mix(beside[:, 1], beside[:, 0], land.conifers) - ground.crown
        result.append(step / 1.2 * land.tree_height)
    return result[0], result[1]


def sunlight(look: Look, horizon: Tensor) -> Tensor:
    """How much of the sun (0..1) reaches points whose skyline towards it has the slope `horizon` (B, M)."""
    flat = (look.direction[..., 0].square() + look.direction[..., 2].square()).sqrt()
    return smooth(-0.035, 0.035, look.direction[..., 1] / flat - horizon + 0.03)
