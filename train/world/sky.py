"""The air: sky colour, haze, clouds, stars, and the disc of the sun or moon.

Rays and colours are (B, M, 3), rays of unit length; a look's colours (B, 1, 3) fit them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from train.world.land import Land
from train.world.march import FAR
from train.world.noise import dot, mix, sample, sample_volume, smooth, unit
from train.world.styles import Look
from train.world.tiles import DETAIL_PERIOD, Tiles

CLOUD_BASE, CLOUD_TOP = 1250.0, 2500.0
CLOUD_STEPS = 26
DISC = 0.034  # radius in radians: painters draw the sun larger than it is


def sky_colour(ray: Tensor, look: Look) -> Tensor:
    """The clear sky's radiance along `ray`: a vertical gradient, warm under the sun, with the sun's glow."""
    toward = dot(ray, look.direction)
    facing = (0.5 + 0.5 * dot(unit(ray[..., ::2]), unit(look.direction[..., ::2]))).clamp(min=0)
    horizon = mix(look.horizon, look.glow, facing**1.6)
    rise = 1 - torch.exp(-ray[..., 1:2].clamp(min=0) * 3.4)
    colour = mix(horizon, look.zenith, rise**0.8)
    near = toward.clamp(min=0)
    tight = near**40
    halo = 0.030 * near**6 + 0.08 * tight + 0.20 * tight**7.5
    return colour + look.sun * look.halo[..., None] * halo


def haze(colour: Tensor, distance: Tensor, altitude: Tensor, ray: Tensor, look: Look) -> Tensor:
    """`colour` seen through `distance` (B, M) metres of air at a mean `altitude` (B, M): extinction and
    inscatter.
    """
    thick = torch.exp(-altitude.clamp(min=0) / 900) * 0.95 + 0.05
    depth = (look.haze / 15500 * distance * thick)[..., None]
    kept = torch.exp(-depth * depth.new_tensor([0.78, 1.0, 1.30]))
    level = ray * ray.new_tensor([1.0, 0.0, 1.0]) + ray.new_tensor([0.0, 0.06, 0.0])
    air = sky_colour(unit(level), look)
    tint = mix(ray.new_tensor([0.80, 0.92, 1.06]), ray.new_ones(3), 1 - torch.exp(-depth * 0.8))
    return colour * kept + air * tint * (1 - kept)


def ground_fog(sky: Tensor, ray: Tensor, look: Look) -> Tensor:
    """Heavy fog hides the lower sky too."""
    thick = (look.haze[..., None] - 2).clamp(min=0) * 0.16
    veil = 1 - torch.exp(-thick / (ray[..., 1:2].clamp(min=0) + 0.03) * 0.12)
    return mix(sky, sky_colour(ray * ray.new_tensor([1.0, 0.2, 1.0]), look), veil)


def stars(ray: Tensor, look: Look) -> Tensor:
    """Stars on a lattice of directions, by night."""
    place = ray * 170
    cell = place.floor()
    number = torch.sin(dot(cell, cell.new_tensor([12.9898, 78.233, 37.719]))[..., 0]) * 43758.5453
    number = number - number.floor()
    size = (number * 977.0) % 1
    light = (
        (number > 0.965)
        * (1 - smooth(0, 0.42, dot(place - cell - 0.5, place - cell - 0.5)[..., 0].sqrt()))
        * size**3
        * 1.3
    )
    return (
        look.night[..., None]
        * (1 - look.cover[..., None])
        * light[..., None]
        * smooth(0.02, 0.25, ray[..., 1:2])
    )


def disc(
    sky: Tensor, ray: Tensor, cloud: Tensor, land: Land, tiles: Tiles, look: Look
) -> tuple[Tensor, Tensor]:
    """Draw the sun or moon behind clouds of opacity `cloud` (B, M): the new sky, and the disc's mask (B, M).

    The disc stays where the land's composition put it; only the light follows the time of day.
    """
    azimuth, rise = land.sun[:, 0, None], land.sun[:, 1, None]
    centre = torch.stack([azimuth.sin() * rise.cos(), rise.sin(), azimuth.cos() * rise.cos()], -1)
    angle = torch.acos(dot(ray, centre)[..., 0].clamp(-1, 1))
    mask = 1 - smooth(DISC * 0.93, DISC * 1.07, angle)
    spots = sample(tiles.detail[:, :1], (ray - centre)[..., 0] * 900, ray[..., 1] * 900, DETAIL_PERIOD)[:, 0]
    moon = ray.new_tensor([0.9, 0.92, 1.0]) * (0.75 + 0.25 * smooth(-0.2, 0.2, spots))[..., None]
    body = mix(look.sun * 1.6 + 0.5, moon, look.night[..., None])
    body = mix(body, sky * 1.25, look.cover[..., None] * 0.9)
    off = (angle - DISC).clamp(min=0)
    glow = (torch.exp(-off * 16) * 0.22 + torch.exp(-off * 60) * 0.3) * (1 - 0.7 * cloud)
    sky = sky + look.sun * (glow * (1 - 0.8 * look.cover))[..., None]
    return mix(sky, body, (mask * (1 - 0.8 * cloud))[..., None]), (mask > 0.5) & (cloud < 0.75)


def clouds(
    ray: Tensor, jitter: Tensor, eye: Tensor, land: Land, tiles: Tiles, look: Look
) -> tuple[Tensor, Tensor, Tensor]:
    """Cumulus in a slab, marched with one sample towards the sun: radiance (B, M, 3), opacity and distance
    (B, M).

    `jitter` (M,) in 0..1 spreads the samples; `eye` (B, 1) is the camera's position as x, y, z.
    """
    climb = ray[..., 1].clamp(min=0.004)
    start = ((CLOUD_BASE - eye[1]).clamp(min=50) / climb).clamp(max=42000)
    length = (((CLOUD_TOP - eye[1]) / climb).clamp(max=52000) - start).clamp(0, 7000)
    phase = 0.55 + 0.9 * (0.5 + 0.5 * dot(ray, look.direction)[..., 0]) ** 4
    through = torch.ones_like(climb)
    colour, mean, total = torch.zeros_like(ray), torch.zeros_like(climb), torch.zeros_like(climb)
    for step in range(CLOUD_STEPS):
        distance = start + length * ((step + jitter) / CLOUD_STEPS)
        x, y, z = (eye[axis] + ray[..., axis] * distance for axis in range(3))
        gathered = _cover(x, z, land, tiles)
        density = _density(gathered, x, y, z, land, tiles, fine=True) * 0.05
        opaque = 1 - torch.exp(-density * length / CLOUD_STEPS)
        sun = look.direction * 260
        shade = _density(
            gathered, x + sun[..., 0], y + sun[..., 1] + 40, z + sun[..., 2], land, tiles, fine=False
        )
        lit = torch.exp(-shade * 16.5) * 0.85 + 0.15 * torch.exp(-shade * 4)
        rise = ((y - CLOUD_BASE) / (CLOUD_TOP - CLOUD_BASE)).clamp(0, 1)
        glow = (look.ambient * 0.9 + look.zenith * 0.35) * (0.55 + 0.75 * rise)[..., None]
        weight = through * opaque
        colour = colour + weight[..., None] * (look.sun * (lit * phase)[..., None] * 0.62 + glow)
        mean, total = mean + weight * distance, total + weight
        through = through * (1 - opaque)
    mean = mean / total.clamp(min=1e-4)
    opacity = ((1 - through - 0.10) / 0.86).clamp(0, 1)  # thin veils look muddy
    fade = torch.exp(-mean / 26000) * smooth(0.012, 0.05, ray[..., 1])
    return colour / (1 - through).clamp(min=1e-4)[..., None], opacity * fade, mean.clamp(max=FAR)


def _cover(x: Tensor, z: Tensor, land: Land, tiles: Tiles) -> Tensor:
    """Where clouds gather, about -1 to 1: a field of the ground plan."""
    drift_x, drift_z, bias = land.clouds.t()[..., None]
    return sample(tiles.coverage, x + drift_x, z + drift_z, 34000)[:, 0] * 0.95 + bias


def _density(cover: Tensor, x: Tensor, y: Tensor, z: Tensor, land: Land, tiles: Tiles, fine: bool) -> Tensor:
    """Cloud density at x, y, z (B, M): coverage x a profile over height, eroded by two scales of puffs."""
    drift_x, drift_z, _ = land.clouds.t()[..., None]
    rise = (y - CLOUD_BASE) / (CLOUD_TOP - CLOUD_BASE)
    profile = smooth(0, 0.10, rise) * (1 - smooth(0.25, 1.0, rise))
    puffs = sample_volume(tiles.volume, x / 4200 + drift_x / 30000, y / 3600, z / 4200 + drift_z / 30000)
    value = cover + puffs * 0.9 - 0.52
    if fine:
        value = value - 0.30 * (1 - sample_volume(tiles.volume, x / 950, y / 950, z / 950))
    else:
        value = value - 0.13
    return (value - 0.25 * (1 - profile)).clamp(min=0) * profile
