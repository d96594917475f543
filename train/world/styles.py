"""Styles: time of day x weather x season, each a number, and the light that they give.

A style changes the look of a frame only: depth and labels are the same for every style.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from train.world.noise import generator, mix

TIMES = ("dawn", "noon", "golden", "dusk", "night")
WEATHERS = ("clear", "overcast", "fog")
SEASONS = ("summer", "autumn", "winter")


@dataclass(frozen=True)
class Style:
    """Time in [0, 5), a cycle through TIMES; weather and season in [0, 2], lines through WEATHERS and
    SEASONS.

    Whole numbers are the named styles, and everything between them is a blend.
    """

    time: float = 1.0
    weather: float = 0.0
    season: float = 0.0

    @classmethod
    def named(cls, time: str = "noon", weather: str = "clear", season: str = "summer") -> Style:
        """The style of three names, as in `Style.named("dusk", "clear", "winter")`; ValueError for others."""
        for word, words in ((time, TIMES), (weather, WEATHERS), (season, SEASONS)):
            if word not in words:
                raise ValueError(f"no style '{word}'; there are: {', '.join(words)}")
        return cls(float(TIMES.index(time)), float(WEATHERS.index(weather)), float(SEASONS.index(season)))

    @classmethod
    def drawn(cls, seed: int) -> Style:
        """A style drawn from `seed`: any time but rather day than night, mostly clear, any season."""
        time, weather, kind, season, turn = torch.rand(5, generator=generator(seed * 211 + 17)).tolist()
        time = time * 5 if time < 0.78 else 0.3 + 3.0 * (time - 0.78) / 0.22
        weather = 0.0 if kind < 0.45 else 0.6 * weather if kind < 0.72 else 0.6 + 1.4 * weather
        season = 0.0 if season < 0.35 else 1.0 if season < 0.55 else 2.0 if season < 0.72 else 2 * turn
        return cls(time, weather, season)


@dataclass(frozen=True)
class Look:
    """The light of a batch of styles: colours (B, 1, 3) of linear radiance, numbers (B, 1)."""

    direction: Tensor  # towards the sun or moon, unit length
    sun: Tensor
    zenith: Tensor
    glow: Tensor  # the horizon under the sun
    horizon: Tensor  # the horizon away from it
    ambient: Tensor
    haze: Tensor
    exposure: Tensor
    saturation: Tensor
    cover: Tensor  # 0: clear sky, 1: overcast
    halo: Tensor  # strength of the sun's glow
    night: Tensor
    lamps: Tensor
    autumn: Tensor
    winter: Tensor

    def to(self, device: torch.device | str) -> Look:
        """The same look on `device`."""
        return Look(**{field.name: self.__dict__[field.name].to(device) for field in fields(self)})

    def rows(self, scene: Tensor) -> Look:
        """The look of scene (M,) for each of M points of a mixed batch: colours (1, M, 3), numbers (1, M)."""
        if self.haze.shape[0] == 1:
            return self
        return Look(**{field.name: self.__dict__[field.name][scene, 0][None] for field in fields(self)})


# fmt: off
_DAY = {  # dawn, noon, golden, dusk, night; the elevation in degrees
    "elevation": (10, 44, 19, 9, 32),
    "sun": ((2.9, 1.5, 0.84), (3.1, 2.9, 2.55), (4, 2.42, 1.08), (2.1, 0.78, 0.36), (0.19, 0.27, 0.46)),
    "zenith": ((0.12, 0.25, 0.54), (0.045, 0.16, 0.52), (0.06, 0.2, 0.54),
               (0.055, 0.085, 0.24), (0.005, 0.012, 0.035)),
    "glow": ((1.18, 0.7, 0.44), (0.46, 0.66, 0.9), (1.18, 0.8, 0.42), (1.08, 0.42, 0.2),
             (0.032, 0.056, 0.11)),
    "horizon": ((0.5, 0.53, 0.66), (0.42, 0.64, 0.9), (0.46, 0.56, 0.72), (0.3, 0.24, 0.36),
                (0.024, 0.044, 0.088)),
    "ambient": ((0.48, 0.51, 0.60), (0.36, 0.46, 0.62), (0.36, 0.4, 0.52), (0.60, 0.50, 0.64),
                (0.036, 0.054, 0.105)),
    "haze": (1.3, 0.62, 0.9, 1.1, 0.9),
    "exposure": (1.12, 0.9, 1.05, 1.28, 1.95),
    "saturation": (1.16, 1.16, 1.2, 1.1, 0.92),
    "night": (0, 0, 0, 0, 1),
    "lamps": (0.35, 0, 0.1, 0.8, 1),
}
# fmt: on


def _at(time: float) -> dict[str, Tensor]:
    """The light of a clear day at `time`, by interpolation between the named times."""
    place = time % len(TIMES)
    index, part = int(place), place - int(place)
    table = {key: torch.tensor(values, dtype=torch.float32) for key, values in _DAY.items()}
    return {key: mix(rows[index % 5], rows[(index + 1) % 5], part) for key, rows in table.items()}


def _veiled(day: dict[str, Tensor], fog: bool) -> dict[str, Tensor]:
    """The same hour under a closed sky, or in fog."""

    def brightness(colour: Tensor) -> Tensor:
        return (colour * torch.tensor([0.3, 0.5, 0.2])).sum()

    veil = 0.45 if fog else 0.88
    level = brightness(day["horizon"]) * 0.75 + brightness(day["zenith"]) * 0.62
    grey = torch.tensor([0.93, 0.98, 1.06]) * level
    soft = brightness(day["ambient"]) * torch.tensor([0.97, 1.0, 1.06]) * (1.5 if fog else 1.9)
    changed = {
        "zenith": mix(day["zenith"], grey * 0.72, veil),
        "glow": mix(day["glow"], grey * 1.12, veil * 0.85),
        "horizon": mix(day["horizon"], grey * 1.08, veil),
        "ambient": mix(day["ambient"], soft, 0.8),
        "sun": day["sun"] * (0.42 if fog else 0.16),
        "haze": day["haze"] * (4.2 if fog else 1.9),
        "saturation": day["saturation"] * (0.95 if fog else 0.84),
        "cover": torch.tensor(1.0),
        "halo": torch.tensor(0.6 if fog else 0.15),
    }
    return {**day, **changed}


def _light(style: Style) -> dict[str, Tensor]:
    """Everything in a Look but the direction, as single numbers and colours; and the sun's elevation in
    degrees.
    """
    clear = {**_at(style.time), "cover": torch.tensor(0.0), "halo": torch.tensor(1.0)}
    overcast = min(1.0, max(0.0, 1 - abs(style.weather - 1)))
    fog = min(1.0, max(0.0, style.weather - 1))
    veiled, foggy = _veiled(clear, fog=False), _veiled(clear, fog=True)
    light = {
        key: clear[key] * (1 - overcast - fog) + veiled[key] * overcast + foggy[key] * fog for key in clear
    }
    autumn = min(1.0, max(0.0, 1 - abs(style.season - 1)))
    winter = min(1.0, max(0.0, style.season - 1))
    light["sun"] = light["sun"] * mix(torch.ones(3), torch.tensor([1.05, 0.97, 0.88]), autumn)
    light["ambient"] = light["ambient"] * mix(torch.ones(3), torch.tensor([0.95, 1.0, 1.1]), winter)
    light["exposure"] = light["exposure"] * (1 - 0.2 * winter)
    light["haze"] = light["haze"] * (1 + 0.25 * winter)
    return {**light, "autumn": torch.tensor(autumn), "winter": torch.tensor(winter)}


def look(styles: Sequence[Style], azimuth: Tensor) -> Look:
    """The light of `styles` for suns at `azimuth` (B,), in radians clockwise from z, as one batch on its
    device.
    """
    lights = [_light(style) for style in styles]
    stacked = {key: torch.stack([light[key] for light in lights]) for key in lights[0]}
    shaped = {key: value[:, None] for key, value in stacked.items()}
    shaped = {key: value.to(azimuth.device) for key, value in shaped.items()}
    elevation = shaped.pop("elevation") * (math.pi / 180)
    turn = azimuth[:, None]
    direction = torch.stack([turn.sin() * elevation.cos(), elevation.sin(), turn.cos() * elevation.cos()], -1)
    return Look(direction=direction, **shaped)
