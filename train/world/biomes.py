"""What kinds of country there are: six biomes (colours, trees) and eight archetypes (the shape of the land).

Colours are linear RGB reflectances; lengths are metres.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from train.world.noise import generator

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Biome:
    """The colours of a country and its trees."""

    rock: Colour
    rock_dark: Colour
    grass: Colour
    hill: Colour  # dry upland grass
    sand: Colour
    tree: Colour
    tree_light: Colour
    water: Colour
    flowers: tuple[Colour, Colour, Colour]
    conifers: float  # 1: needle trees, 0: round crowns
    tree_height: float


@dataclass(frozen=True)
class Archetype:
    """The shape of a land. Biases are added to noise of about -1 to 1, so that +0.2 is already much."""

    biome: str
    mountains: float  # amplitude
    mountain_bias: float
    continent: float  # amplitude of the broad swells
    offset: float  # mean height above the water
    hills: float  # amplitude
    rivers: float  # 0: none, 1: deep
    forest: float  # bias
    snow_line: float
    beach: float  # height up to which sand reaches
    terraces: float  # 0: smooth, 1: mesas
    tree_line: float
    flowers: float  # bias
    sharpness: float  # of the ridges


# fmt: off
BIOMES = {
    "alpine": Biome(
        rock=(0.3, 0.29, 0.29), rock_dark=(0.17, 0.165, 0.175), grass=(0.1, 0.155, 0.042),
        hill=(0.17, 0.19, 0.07), sand=(0.4, 0.37, 0.31), water=(0.02, 0.12, 0.14),
        tree=(0.028, 0.062, 0.026), tree_light=(0.05, 0.09, 0.03), conifers=1, tree_height=19,
        flowers=((0.75, 0.2, 0.5), (0.9, 0.85, 0.8), (0.45, 0.3, 0.85)),
    ),
    "temperate": Biome(
        rock=(0.33, 0.31, 0.28), rock_dark=(0.2, 0.18, 0.16), grass=(0.115, 0.175, 0.045),
        hill=(0.17, 0.19, 0.06), sand=(0.5, 0.44, 0.32), water=(0.02, 0.07, 0.09),
        tree=(0.05, 0.105, 0.02), tree_light=(0.09, 0.15, 0.03), conifers=0, tree_height=15,
        flowers=((0.9, 0.12, 0.08), (0.95, 0.75, 0.1), (0.9, 0.85, 0.8)),
    ),
    "tropic": Biome(
        rock=(0.22, 0.19, 0.17), rock_dark=(0.12, 0.1, 0.09), grass=(0.075, 0.155, 0.03),
        hill=(0.085, 0.15, 0.03), sand=(0.68, 0.6, 0.46), water=(0, 0.22, 0.25),
        tree=(0.03, 0.1, 0.022), tree_light=(0.065, 0.15, 0.03), conifers=0, tree_height=13,
        flowers=((0.95, 0.25, 0.1), (0.9, 0.15, 0.5), (0.95, 0.8, 0.2)),
    ),
    "mesa": Biome(
        rock=(0.52, 0.24, 0.12), rock_dark=(0.34, 0.13, 0.065), grass=(0.25, 0.24, 0.1),
        hill=(0.4, 0.25, 0.13), sand=(0.66, 0.42, 0.25), water=(0.03, 0.13, 0.12),
        tree=(0.07, 0.1, 0.035), tree_light=(0.11, 0.13, 0.05), conifers=0, tree_height=7,
        flowers=((0.95, 0.7, 0.1), (0.8, 0.3, 0.6), (0.9, 0.85, 0.7)),
    ),
    "highland": Biome(
        rock=(0.13, 0.125, 0.13), rock_dark=(0.06, 0.058, 0.06), grass=(0.15, 0.18, 0.04),
        hill=(0.21, 0.2, 0.05), sand=(0.1, 0.095, 0.09), water=(0.02, 0.05, 0.07),
        tree=(0.03, 0.06, 0.02), tree_light=(0.06, 0.08, 0.02), conifers=1, tree_height=10,
        flowers=((0.5, 0.2, 0.65), (0.55, 0.25, 0.7), (0.8, 0.75, 0.8)),
    ),
    "boreal": Biome(
        rock=(0.27, 0.27, 0.28), rock_dark=(0.16, 0.16, 0.17), grass=(0.16, 0.18, 0.05),
        hill=(0.22, 0.19, 0.07), sand=(0.36, 0.33, 0.28), water=(0.015, 0.05, 0.07),
        tree=(0.025, 0.052, 0.028), tree_light=(0.05, 0.07, 0.03), conifers=1, tree_height=17,
        flowers=((0.65, 0.2, 0.55), (0.9, 0.8, 0.5), (0.85, 0.85, 0.9)),
    ),
}

ARCHETYPES = {  # in the order of Archetype's fields
    "lake": Archetype("alpine", 1250, 0.10, 120, 14, 35, 0.3, 0.05, 760, 3, 0, 520, 0.15, 2.0),
    "coast": Archetype("temperate", 520, -0.05, 190, 10, 40, 0.2, -0.08, 1500, 7, 0, 420, 0.15, 1.8),
    "rolling": Archetype("temperate", 520, -0.25, 60, 48, 55, 0.8, -0.12, 1500, 2, 0, 700, 0.35, 1.6),
    "peaks": Archetype("alpine", 1650, 0.16, 90, 95, 60, 0.5, -0.02, 780, 3, 0, 560, 0.3, 2.2),
    "islands": Archetype("tropic", 780, -0.08, 260, -45, 30, 0.0, 0.3, 2500, 7, 0, 620, 0.0, 1.6),
    "mesa": Archetype("mesa", 620, 0.05, 70, 40, 26, 0.9, -0.38, 2500, 6, 1, 900, -0.2, 1.5),
    "boreal": Archetype("boreal", 980, -0.05, 60, 14, 30, 0.9, 0.22, 620, 3, 0, 430, 0.0, 1.8),
    "fjord": Archetype("highland", 1050, 0.22, 170, -40, 40, 0.6, -0.2, 700, 3, 0, 300, 0.0, 2.2),
}
# fmt: on


def archetype(seed: int) -> str:
    """The name of seed's archetype: they take turns."""
    return list(ARCHETYPES)[seed % len(ARCHETYPES)]


def shape_of(seed: int) -> Archetype:
    """Seed's archetype with its own small variations."""
    shape = ARCHETYPES[archetype(seed)]
    mountains, hills, forest, snow, offset = torch.rand(5, generator=generator(seed * 101 + 7)).tolist()
    return replace(
        shape,
        mountains=shape.mountains * (0.85 + 0.3 * mountains),
        hills=shape.hills * (0.8 + 0.5 * hills),
        forest=shape.forest + 0.16 * (forest - 0.5),
        snow_line=shape.snow_line * (0.85 + 0.3 * snow),
        offset=shape.offset + 10 * (offset - 0.5),
    )
