"""Houses and towers: convex bodies, cut out of each sample's ray by the planes of their walls and roofs."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from train.world import classes, ground, shadows
from train.world.canvas import Canvas, box, cover
from train.world.land import PERIOD
from train.world.noise import mix, sample
from train.world.sky import haze

PLANES = 20
REACH = 4000.0  # metres
WALLS = ((0.72, 0.66, 0.56), (0.50, 0.10, 0.06), (0.60, 0.50, 0.36), (0.75, 0.74, 0.70))
ROOFS = ((0.30, 0.10, 0.06), (0.14, 0.13, 0.13), (0.24, 0.13, 0.07), (0.36, 0.15, 0.08))
TOWER_WALL, TOWER_ROOF = (0.78, 0.76, 0.72), (0.50, 0.08, 0.05)


def _shapes() -> Tensor:
    """Planes (2, PLANES, 5) of a house and a tower: normal, distance from the body's foot, 1 for roofs;
    metres.
    """
    wide, long, eaves, pitch = 3.4, 5.2, 3.4, 0.95
    ridge = math.hypot(1, pitch)
    house: list[tuple[float, ...]] = [(1, 0, 0, wide, 0), (-1, 0, 0, wide, 0)]
    house += [(0, 0, 1, long, 0), (0, 0, -1, long, 0)]
    house += [(side / ridge, pitch / ridge, 0, pitch * (eaves + wide * 1.05) / ridge, 1) for side in (1, -1)]
    house += [(0, 0, 0, 1e6, 0)] * (PLANES - len(house))
    tower = []
    cone = math.hypot(1, 0.5)
    for side in range(10):
        x, z = math.cos(side * math.pi / 5), math.sin(side * math.pi / 5)
        tower += [(x, 0.03, z, 3.3, 0), (x / cone, 0.5 / cone, z / cone, 12.5 / cone, 1)]
    return torch.tensor([house, tower], dtype=torch.float32)


def draw(canvas: Canvas) -> None:
    """Draw every house in view with its shadow, all scenes and houses in one pass."""
    house, boxes = _visible(canvas)
    owner, row, column = cover(*boxes)
    if len(owner) == 0:
        return
    shadows.cast(canvas, house)
    kind, scene = house["kind"][owner], house["scene"][owner]
    place = scene * canvas.depth.shape[1] + row * canvas.width * canvas.scale + column
    ray = canvas.ray.reshape(-1, 3)[place]
    cos, sin = house["yaw"].cos()[owner], house["yaw"].sin()[owner]
    eye = _turned(-house["offset"][owner], cos, sin)
    local = _turned(ray, cos, sin)
    near, far, normal, roof = _cut(_shapes().to(ray.device)[kind], eye, local)
    depth = near / canvas.length.reshape(-1)[place]
    hit = (near < far) & (near > 0) & (depth < canvas.depth.view(-1)[place] + 1.5)
    nearest = torch.full((canvas.depth.numel(),), math.inf, device=ray.device)
    nearest.scatter_reduce_(0, place[hit], depth[hit], "amin")
    won = (hit & (depth == nearest[place])).nonzero()[:, 0]
    place, near = place[won], near[won]
    picked = {name: house[name][owner[won]] for name in ("scene", "kind", "number", "foot", "horizon")}
    facing = _turned(normal[won], cos[won], -sin[won])
    where = eye[won] + local[won] * near[:, None]
    colour = _shade(canvas, picked, where, normal[won], facing, roof[won], ray[won], near)
    canvas.colour.view(-1, 3)[place] = colour
    canvas.labels.view(-1)[place] = classes.HOUSE
    canvas.depth.view(-1)[place] = depth[won]
    canvas.sky.view(-1)[place] = False
    canvas.instances.view(-1)[place] = house["id"][owner[won]]


def _visible(canvas: Canvas) -> tuple[dict[str, Tensor], tuple[Tensor, Tensor, Tensor, Tensor]]:
    """All scenes' houses as flat lists (B * K,), and their `box`es of samples, empty for hidden ones."""
    houses = canvas.land.houses.expand(len(canvas.camera), -1, -1)
    eye = canvas.camera.position
    repeat = [(houses[..., axis] - eye[:, axis, None] + PERIOD / 2) % PERIOD - PERIOD / 2 for axis in (0, 2)]
    offset = torch.stack([repeat[0], houses[..., 1] - eye[:, 1, None], repeat[1]], -1)
    right, ahead = canvas.camera.view(offset[..., 0] + eye[:, 0, None], offset[..., 2] + eye[:, 2, None])
    tower = houses[..., 4] > 0.5
    tall, wide = torch.where(tower, 25.5, 7.2), torch.where(tower, 4.0, 6.4)
    size = tall * canvas.focal / ahead.clamp(min=1)
    shown = (houses[..., 4] >= 0) & (ahead > 15) & (ahead < REACH) & (size > 3.0 * canvas.scale)
    per_metre = canvas.focal / ahead.clamp(min=1)
    edges = _edges(canvas, right, offset[..., 1], ahead, tall, wide)
    scene = torch.arange(len(houses), device=houses.device)[:, None].expand_as(right)
    horizon = sample(canvas.land.maps[:, -1:], houses[..., 0], houses[..., 2], PERIOD)[:, 0]
    named = {
        "scene": scene,
        "kind": tower.long(),
        "yaw": houses[..., 3],
        "number": houses[..., 5],
        "id": 1 + torch.arange(houses.shape[1], device=houses.device)[None].expand_as(right),
        "horizon": horizon,
        "x": eye[:, 0, None] + offset[..., 0],
        "z": eye[:, 2, None] + offset[..., 2],
        "foot": houses[..., 1] + 0.6,
        "length": torch.where(tower, 22.0, 4.5),
        "radius": torch.where(tower, 3.3, 5.0),
        "shape": torch.full_like(tower, shadows.BLOCK, dtype=torch.long),
        "depth": ahead,
        "middle": right * per_metre + canvas.width * canvas.scale / 2,
        "per_metre": per_metre,
        "sun": ground.sunlight(canvas.look, horizon),
        "shown": shown,
    }
    flat = {name: value.reshape(-1) for name, value in named.items()}
    top, bottom, left, right = (edge.reshape(-1) for edge in edges)
    boxes = box(canvas, top, bottom, left, right, flat["shown"])
    return {**flat, "offset": offset.reshape(-1, 3)}, boxes


def _edges(
    canvas: Canvas, right: Tensor, up: Tensor, ahead: Tensor, tall: Tensor, wide: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Top, bottom, left and right end, in samples, of upright cylinders seen from the camera; all (B, K)."""
    near, far = canvas.focal / (ahead - wide).clamp(min=1), canvas.focal / (ahead + wide).clamp(min=1)
    horizon, middle = canvas.camera.horizon * canvas.height * canvas.scale, canvas.width * canvas.scale / 2
    return (
        horizon - torch.maximum((up + tall) * near, (up + tall) * far),
        horizon - torch.minimum(up * near, up * far),
        middle + torch.minimum((right - wide) * near, (right - wide) * far),
        middle + torch.maximum((right + wide) * near, (right + wide) * far),
    )


def _turned(vector: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Vectors (M, 3) turned about the vertical."""
    x, y, z = vector.unbind(-1)
    return torch.stack([x * cos - z * sin, y, x * sin + z * cos], -1)


def _cut(planes: Tensor, eye: Tensor, ray: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Where rays enter and leave a convex body (M,); the normal (M, 3) and roof flag (M,) of the entry."""
    normal, offset, roof = planes[..., :3], planes[..., 3], planes[..., 4]
    slope = (normal * ray[:, None]).sum(-1)
    distance = (offset - (normal * eye[:, None]).sum(-1)) / torch.where(slope.abs() < 1e-5, 1e-5, slope)
    near, entry = distance.masked_fill(slope >= 0, -1e9).max(1)
    far = distance.masked_fill(slope < 0, 1e9).min(1).values
    inward = normal.gather(1, entry[:, None, None].expand(-1, 1, 3))[:, 0]
    return near, far, inward, roof.gather(1, entry[:, None])[:, 0]


def _shade(
    canvas: Canvas,
    house: dict[str, Tensor],
    where: Tensor,
    normal: Tensor,
    facing: Tensor,
    roof: Tensor,
    ray: Tensor,
    distance: Tensor,
) -> Tensor:
    """Radiance (M, 3) of walls, roofs, windows. `facing` is `normal` in the world's frame."""
    look = canvas.look.rows(house["scene"])
    tower, is_roof = house["kind"] > 0, roof > 0.5
    walls = torch.tensor([*WALLS, TOWER_WALL], device=ray.device)
    roofs = torch.tensor([*ROOFS, TOWER_ROOF], device=ray.device)
    wall = walls[torch.where(tower, 4, (house["number"] * 3.99).long())]
    tile = roofs[torch.where(tower, 4, (house["number"] * 17 % 3.99).long())]
    snow = ray.new_tensor(ground.SNOW)
    tile = mix(tile, snow, look.winter[0, :, None])
    colour = torch.where(is_roof[:, None], tile, wall) * (1 + 0.10 * torch.sin(where[:, 1:2] * 9))
    along = torch.where(normal[:, 0].abs() > 0.7, where[:, 2], where[:, 0])
    across = ((along / 2.2) % 1 - 0.5).abs() < 0.20
    storey = ((where[:, 1] - 0.9) / torch.where(tower, 5.0, 2.6)) % 1 - 0.5
    window = across & (storey.abs() < torch.where(tower, 0.12, 0.22)) & ~is_roof & (where[:, 1] > 0.9)
    colour = torch.where(window[:, None], ray.new_tensor([0.05, 0.06, 0.08]), colour)
    sun = (facing * look.direction[0]).sum(-1).clamp(min=0) * ground.sunlight(look, house["horizon"][None])[0]
    sky = (0.75 + 0.25 * facing[:, 1]) * 1.1
    lit = colour * (look.sun[0] * sun[:, None] + look.ambient[0] * sky[:, None])
    lit = lit + (window * look.lamps[0])[:, None] * ray.new_tensor([1.5, 0.72, 0.20])
    altitude = (where[:, 1] + house["foot"] + canvas.camera.position[house["scene"], 1]) / 2
    return haze(lit[None], distance[None], altitude[None], ray[None], look)[0]
