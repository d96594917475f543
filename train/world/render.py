"""From land, cameras and looks to frames: march, shade, sky, water, houses, trees, then the film.

Labels and depth come from the same winning surface of every pixel.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as functional
from torch import Tensor

from train.world import classes, ground, houses, sky, trees, water
from train.world.camera import Camera
from train.world.canvas import Canvas, pack, put, rows
from train.world.land import Land
from train.world.march import FAR, march
from train.world.noise import mix, unit
from train.world.styles import Look
from train.world.tiles import tiles

SKY_DEPTH = 1e6  # metres: the depth of the open sky, which only turns with the camera


class Frame(NamedTuple):
    """A batch of pictures with all that is known of them.

    image (B, 3, H, W) in [-1, 1]; labels (B, 1, H, W) int64; depth (B, 1, H, W) in metres along the view
    axis, to the clouds where they are seen and SKY_DEPTH in the open sky; instances (B, 1, H, W) int64, 0
    where there is none.
    """

    image: Tensor
    labels: Tensor
    depth: Tensor
    camera: Camera
    instances: Tensor


@torch.no_grad()
def render(
    land: Land, camera: Camera, look: Look, size: tuple[int, int] = (256, 256), scale: int = 2
) -> Frame:
    """Frames of `size` (height, width) with scale x scale samples a pixel; `land` and `look` hold 1 or B
    scenes.
    """
    height, width = size
    if height % 4 or width % 4 or min(size) < 16:
        raise ValueError(f"frames of {height}x{width} cannot be drawn: sides are multiples of 4, 16 or more")
    shared = tiles(str(camera.yaw.device))
    depth, open_sky = march(land, shared, camera, height, width, scale)
    canvas = Canvas(camera, land, shared, look, height, width, scale, depth, open_sky)
    air = _sky(canvas)
    wet = _ground(canvas)
    water.draw(canvas, wet, air.colour.transpose(1, 2).reshape(len(camera), 3, height, width))
    _haze(canvas, air)
    terrain = canvas.labels.clone()
    houses.draw(canvas)
    trees.draw(canvas)
    image = film(canvas.colour.view(len(camera), height * scale, width * scale, 3), look, scale)
    labels, depth, instances = _layers(canvas, terrain, air)
    return Frame(image, labels, depth, camera, instances)


class Air(NamedTuple):
    """The sky at one sample a pixel: colour (B, H * W, 3), labels and cloud distance (B, H * W)."""

    colour: Tensor
    labels: Tensor
    distance: Tensor


def _sky(canvas: Canvas) -> Air:
    """Sky, stars, clouds at half resolution, and the sun."""
    scenes, height, width = len(canvas.camera), canvas.height, canvas.width
    ray = canvas.camera.rays(height, width).reshape(scenes, -1, 3)
    ray = unit(ray)
    puff, opacity, distance = _clouds(canvas)
    level = ray * ray.new_tensor([1.0, 0.3, 1.0])
    puff = mix(sky.sky_colour(level, canvas.look), puff, torch.exp(-distance / 30000)[..., None])
    colour = sky.sky_colour(ray, canvas.look) + sky.stars(ray, canvas.look)
    colour = mix(colour, puff, (opacity * (1 - 0.45 * canvas.look.cover))[..., None])
    colour, sun = sky.disc(colour, ray, opacity, canvas.land, canvas.tiles, canvas.look)
    colour = sky.ground_fog(colour, ray, canvas.look)
    labels = torch.full_like(sun, classes.SKY, dtype=torch.long)
    soft = functional.avg_pool2d(
        functional.pad(opacity.view(scenes, 1, height, width), (2, 2, 2, 2), mode="replicate"), 5, 1
    )
    labels = labels.masked_fill(soft.flatten(1) > 0.42, classes.CLOUD).masked_fill(sun, classes.SUN)
    return Air(colour, labels, distance)


def _clouds(canvas: Canvas) -> tuple[Tensor, Tensor, Tensor]:
    """Clouds marched at every second pixel above the lowest skyline, enlarged: colour, opacity, distance."""
    scenes, height, width = len(canvas.camera), canvas.height, canvas.width
    low, wide = height // 2, width // 2
    visible = canvas.grid(canvas.sky).any(2).any(0).nonzero()
    last = int(visible.max()) if len(visible) else 0
    count = min(low, last // (2 * canvas.scale) + 2)
    ray = canvas.camera.rays(height, width, 0.5)[:, :count].reshape(scenes, -1, 3)
    ray = unit(ray)
    column = torch.arange(wide, device=ray.device) * 0.754877
    jitter = (column + torch.arange(count, device=ray.device)[:, None] * 0.569840) % 1
    eye = canvas.camera.position.t()[..., None]
    colour, opacity, distance = sky.clouds(
        ray, 0.325 + 0.35 * jitter.flatten(), eye, canvas.land, canvas.tiles, canvas.look
    )
    stack = torch.cat([colour * opacity[..., None], opacity[..., None], distance[..., None]], -1)
    stack = stack.view(scenes, count, wide, 5).permute(0, 3, 1, 2)
    stack = functional.pad(stack, (0, 0, 0, low - count), mode="replicate")
    blurred = functional.avg_pool2d(functional.pad(stack, (1, 1, 1, 1), mode="replicate"), 3, 1)
    stack = functional.interpolate(
        0.5 * (stack + blurred), size=(height, width), mode="bicubic", align_corners=False
    )
    stack = stack.permute(0, 2, 3, 1).reshape(scenes, -1, 5)
    opacity = stack[..., 3].clamp(0, 1)
    colour = (stack[..., :3] / opacity.clamp(min=1e-3)[..., None]).clamp(min=0)
    return colour, opacity, stack[..., 4].clamp(1000, FAR)


def _ground(canvas: Canvas) -> Tensor:
    """Shade and label every sample of the land; returns the water's mask (B, N)."""
    index = pack(~canvas.sky)
    wet = torch.zeros_like(canvas.sky)
    if index.shape[1] == 0:
        return wet
    x, _, z = canvas.points(index)
    footprint = canvas.depth.gather(1, index) / canvas.focal
    seen = ground.survey(canvas.land, canvas.tiles, x, z, footprint)
    colour = ground.shade(canvas.land, canvas.tiles, seen, canvas.look, x, z, footprint)
    canvas.colour = put(canvas.colour, ~canvas.sky, index, colour)
    canvas.labels = canvas.labels.scatter(1, index, ground.labels(seen)).masked_fill(canvas.sky, classes.SKY)
    wet = wet.scatter(1, index, seen.at["height"] < 0)
    return wet & ~canvas.sky


def _haze(canvas: Canvas, air: Air) -> None:
    """Put the air between the eye and the land, and the sky where there is no land."""
    index = pack(~canvas.sky)
    _, y, _ = canvas.points(index)
    ray = rows(canvas.ray, index)
    distance = canvas.depth.gather(1, index) * canvas.length.gather(1, index)
    altitude = (y + canvas.camera.position[:, 1:2]) / 2
    seen = sky.haze(rows(canvas.colour, index), distance, altitude, ray, canvas.look)
    scenes, height, width = len(canvas.camera), canvas.height, canvas.width
    image = air.colour.transpose(1, 2).reshape(scenes, 3, height, width)
    fine = functional.interpolate(image, scale_factor=canvas.scale, mode="bilinear", align_corners=False)
    canvas.colour = put(fine.flatten(2).transpose(1, 2), ~canvas.sky, index, seen)


def film(colour: Tensor, look: Look, scale: int) -> Tensor:
    """Radiance (B, H * scale, W * scale, 3) -> image (B, 3, H, W) in [-1, 1].

    Average the samples, bloom, the ACES curve (Narkowicz 2015), saturation, gamma, contrast, sharpness,
    vignette.
    """
    image = colour.permute(0, 3, 1, 2) * look.exposure[..., None, None]
    brightest = image.amax(1, keepdim=True)
    image = functional.avg_pool2d(
        image / (1 + brightest * 0.25), scale
    )  # no single sample may outshine the others
    image = image / (1 - image.amax(1, keepdim=True) * 0.25).clamp(min=0.05)
    height, width = image.shape[2:]
    bloom = functional.interpolate((image - 1).clamp(0, 2), scale_factor=0.25, mode="area")
    for _ in range(3):
        bloom = functional.avg_pool2d(functional.pad(bloom, (3, 3, 3, 3), mode="replicate"), 7, 1)
    image = (
        image
        + functional.interpolate(bloom, size=(height, width), mode="bilinear", align_corners=False) * 0.45
    )
    image = image * 0.80
    image = (image * (2.51 * image + 0.03) / (image * (2.43 * image + 0.59) + 0.14)).clamp(0, 1)
    grey = (image * image.new_tensor([0.27, 0.62, 0.11]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    image = mix(grey, image, look.saturation[..., None, None]).clamp(0, 1) ** (1 / 2.2)
    image = mix(image, image * image * (3 - 2 * image), 0.30)
    soft = functional.avg_pool2d(functional.pad(image, (1, 1, 1, 1), mode="replicate"), 3, 1)
    image = (image + 0.30 * (image - soft)).clamp(0, 1)
    x = torch.linspace(-1, 1, width, device=image.device)
    y = torch.linspace(-1, 1, height, device=image.device)[:, None]
    return image * (1 - 0.13 * (0.6 * x * x + 0.5 * y * y)) * 2 - 1


def _layers(canvas: Canvas, terrain: Tensor, air: Air) -> tuple[Tensor, Tensor, Tensor]:
    """Labels, depth and instances (B, 1, H, W), from the winning sample of each pixel.

    A sample's surface is sky, land, or an object. The surface with the most samples wins, the nearer one in a
    tie. Only the land's own classes are smoothed among each other; outlines stay where they are drawn.
    """
    scenes, height, width, scale = len(canvas.camera), canvas.height, canvas.width, canvas.scale
    object_ = (canvas.labels == classes.HOUSE) | (canvas.instances > 0)
    surface = torch.where(object_, 2 + canvas.instances, torch.where(canvas.sky, 0, 1))

    def blocks(values: Tensor) -> Tensor:
        cut = values.view(scenes, height, scale, width, scale).transpose(2, 3)
        return cut.reshape(scenes, height, width, scale * scale)

    kinds, depths = blocks(surface), blocks(canvas.depth)
    votes = (kinds[..., None] == kinds[..., None, :]).sum(-1)
    best = (votes * 1e5 - depths).argmax(-1, keepdim=True)
    surface, depth = kinds.gather(-1, best)[..., 0], depths.gather(-1, best)[..., 0]
    instances = (surface - 2).clamp(min=0)
    smoothed = classes.vote(
        _land_only(terrain.view(scenes, height * scale, -1), canvas.grid(canvas.sky)), scale
    )
    above = air.labels.view(scenes, height, width)
    labels = torch.where(surface == 0, above, smoothed)
    house = (surface >= 2) & (instances < trees.FIRST_ID)
    labels = torch.where(surface >= 2, classes.FOREST, labels).masked_fill(house, classes.HOUSE)
    distance = (air.distance / canvas.camera.stretch(height, width)).view(depth.shape)
    depth = torch.where(surface == 0, torch.where(above == classes.CLOUD, distance, SKY_DEPTH), depth)
    least = max(4, round(6 * height / 256))
    labels, depth, instances = classes.purge(labels, least, depth, instances)
    return labels[:, None], depth[:, None], instances[:, None]


def _land_only(labels: Tensor, open_sky: Tensor) -> Tensor:
    """Labels (B, H, W) whose sky samples repeat the land below them, so that a vote never sees the sky."""
    row = torch.arange(labels.shape[1], device=labels.device).view(1, -1, 1).expand_as(labels)
    first = torch.where(open_sky, labels.shape[1] - 1, row).flip(1).cummin(1).values.flip(1)
    return labels.gather(1, first)
