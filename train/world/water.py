"""Lakes, rivers and the sea: waves, reflections of land and sky, depth tint, foam, and ice in winter.

Water is computed once a pixel, not once a sample: waves are filtered by their footprint anyway.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

from train.world import ground
from train.world.canvas import Canvas, pack, put, rows
from train.world.land import PERIOD
from train.world.noise import dot, mix, sample, smooth, unit
from train.world.sky import haze, sky_colour

REACH = 9000.0  # metres that a reflected ray is followed
STEPS = 44
SOFT = 0.012  # a mirrored outline is soft over this slope


def draw(canvas: Canvas, water: Tensor, sky: Tensor) -> None:
    """Colour the samples where `water` (B, N) holds; it mirrors the land, and `sky` (B, 3, H, W)."""
    scenes, high, wide, scale = len(canvas.camera), canvas.height, canvas.width, canvas.scale
    blocks = water.view(scenes, high, scale, wide, scale).transpose(2, 3).reshape(scenes, high * wide, -1)
    wet = blocks.any(-1)
    pixel = pack(wet)
    if pixel.shape[1] == 0:
        return
    first = blocks.int().argmax(-1).gather(1, pixel)
    row, column = pixel // wide * scale + first // scale, pixel % wide * scale + first % scale
    colour = _surface(canvas, row * wide * scale + column, sky)
    whole = put(canvas.colour.new_zeros(scenes, high * wide, 3), wet, pixel, colour)
    whole = (
        whole.view(scenes, high, 1, wide, 1, 3)
        .expand(-1, -1, scale, -1, scale, -1)
        .reshape(canvas.colour.shape)
    )
    canvas.colour = torch.where(water[..., None], whole, canvas.colour)


def _surface(canvas: Canvas, index: Tensor, sky: Tensor) -> Tensor:
    """Radiance (B, M, 3) of the water at samples `index` (B, M)."""
    look, land = canvas.look, canvas.land
    x, _, z = canvas.points(index)
    at = land.at(x, z)
    ray = rows(canvas.ray, index)
    footprint = canvas.depth.gather(1, index) / (canvas.camera.focal * canvas.width)
    normal, chop = _waves(canvas, x, z, at, footprint)
    cosine = dot(ray, normal)
    mirrored = ray - 2 * cosine * normal
    mirrored = torch.cat([mirrored[..., :1], mirrored[..., 1:2].abs().clamp(min=0.01), mirrored[..., 2:]], -1)
    mirrored = unit(mirrored)
    fresnel = ((0.03 + 0.97 * (1 + cosine).clamp(0, 1) ** 5) * 0.9).clamp(0, 0.85)
    reflected = _reflection(canvas, x, z, mirrored, sky)
    lit = ground.sunlight(look, at["horizon"])[..., None]
    colour = mix(_body(canvas, at, lit), reflected, fresnel)
    toward = dot(mirrored, look.direction).clamp(min=0)
    sparkle = (toward**220 * 2.2 + toward**30 * 0.10) * lit
    winter = look.winter[..., None]
    colour = colour + look.sun * sparkle * look.halo[..., None] * (1 - 0.6 * winter)
    frozen = ray.new_tensor([0.62, 0.74, 0.84]) * (1 + 0.12 * at["hills"])[..., None]
    frozen = frozen * (look.sun * look.direction[..., 1:2] * 0.5 * lit + look.ambient)
    depth = (-at["height"]).clamp(min=0)
    ice = smooth(-0.3, 0.3, 0.6 - depth * 0.05 + 0.6 * at["hills"])[..., None]
    colour = mix(colour, mix(frozen, reflected, 0.35), winter * 0.55 * ice)
    foam = smooth(-0.55, -0.15, at["height"] + 0.3 * chop)[..., None] * 0.35 * (1 - 0.5 * winter)
    return mix(colour, ray.new_tensor([0.85, 0.9, 0.92]) * (look.sun * 0.35 * lit + look.ambient), foam)


def _waves(
    canvas: Canvas, x: Tensor, z: Tensor, at: dict[str, Tensor], footprint: Tensor
) -> tuple[Tensor, Tensor]:
    """Normals (B, M, 3) of two scales of waves, each faded where a pixel covers several; and the finer one
    (B, M).
    """
    tile = canvas.tiles.detail[:, 5:7]
    swell = sample(tile, x, z + 0.13 * x, 190.0)
    chop = sample(tile, x * 0.83 + z * 0.31, z, 61.0)
    far, near = 0.7 / (1 + 1.5 * footprint.square()), 0.8 / (1 + 30 * footprint.square())
    strength = mix(0.035, 0.08, smooth(-0.3, 0.5, at["hills"])) * (
        0.35 + 0.65 * (1 - smooth(0.4, 0.6, at["river"]))
    )
    slope = [(swell[:, axis] * far + chop[:, axis] * near) * strength for axis in range(2)]
    normal = torch.stack([-slope[0], torch.ones_like(x), -slope[1]], -1)
    return unit(normal), chop[:, 0] * near


def _body(canvas: Canvas, at: dict[str, Tensor], lit: Tensor) -> Tensor:
    """The water's own colour: the ground shines through at the shore."""
    look, land = canvas.look, canvas.land
    rise = look.direction[..., 1:2]
    deep = land.water * (look.sun * rise * 0.55 * lit + look.ambient * 0.9)
    shallow = mix(land.water, land.sand, 0.55) * (
        look.sun * rise.clamp(min=0.1) * 0.7 * lit + look.ambient * 0.95
    )
    depth = (-at["height"]).clamp(min=0)[..., None]
    return mix(shallow, deep, 1 - torch.exp(-depth * 0.55))


def _reflection(canvas: Canvas, x: Tensor, z: Tensor, ray: Tensor, sky: Tensor) -> Tensor:
    """What is seen along mirrored rays (B, M, 3): the land where they meet it, and the sky above it."""
    colour = _mirrored_sky(canvas, ray, sky)
    distance, opacity = _meet(canvas, x, z, ray)
    met = opacity > 0
    index = pack(met)
    if index.shape[1] == 0:
        return colour
    behind, ray, distance = rows(colour, index), rows(ray, index), distance.gather(1, index)
    x, z = x.gather(1, index) + ray[..., 0] * distance, z.gather(1, index) + ray[..., 2] * distance
    wide = distance / 300 + 2  # a coarse footprint: reflections are soft
    seen = ground.survey(canvas.land, canvas.tiles, x, z, wide)
    shaded = ground.shade(canvas.land, canvas.tiles, seen, canvas.look, x, z, wide)
    shaded = haze(shaded, distance, seen.at["height"] * 0.5, ray, canvas.look) * 0.88
    return put(colour, met, index, mix(behind, shaded, opacity.gather(1, index)[..., None]))


def _mirrored_sky(canvas: Canvas, ray: Tensor, sky: Tensor) -> Tensor:
    """The drawn sky at the place of each ray in the picture, and a little of the clear sky."""
    eye, focal = canvas.camera.position, canvas.camera.focal
    right, ahead = canvas.camera.view(ray[..., 0] + eye[:, 0, None], ray[..., 2] + eye[:, 2, None])
    ahead = ahead.clamp(min=0.05)
    u = right / ahead * focal * 2
    v = (canvas.camera.horizon - ray[..., 1] / ahead * focal * canvas.width / canvas.height) * 2 - 1
    place = torch.stack([u, v.clamp(-0.99, 1)], -1)[:, None]
    drawn = functional.grid_sample(sky, place, padding_mode="reflection", align_corners=False)
    return mix(sky_colour(ray, canvas.look), drawn[:, :, 0].transpose(1, 2), 0.75)


def _meet(canvas: Canvas, x: Tensor, z: Tensor, ray: Tensor) -> tuple[Tensor, Tensor]:
    """How far (B, M) mirrored rays go until they meet the land, and 0..1 by how clearly they do."""
    land = canvas.land
    distances = 6.0 * (REACH / 6.0) ** (torch.arange(STEPS, device=x.device) / (STEPS - 1))
    path_x, path_z = x[..., None] + ray[..., :1] * distances, z[..., None] + ray[..., 2:] * distances
    height, forest = sample(land.relief, path_x, path_z, PERIOD).unbind(1)
    top = height + smooth(0, 0.1, forest) * (land.tree_height * 0.62)[..., None]
    above = ray[..., 1:2] - top / distances
    above = above.masked_fill(distances < 8, 1.0)
    blocked = above < SOFT
    step = blocked.int().argmax(-1, keepdim=True)
    before, after = above.gather(2, (step - 1).clamp(min=0)), above.gather(2, step)
    part = ((before - SOFT) / (before - after).clamp(min=1e-4)).clamp(0, 1)
    distance = mix(distances[(step - 1).clamp(min=0)], distances[step], part)[..., 0]
    return distance, smooth(SOFT, -0.3 * SOFT, above.amin(-1)) * blocked.any(-1)
