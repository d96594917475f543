"""Where to stand: cameras found by scoring many tiny views of a land; and houses, placed where they look.

Scores are rounded, and ties go to the lower index, so that every machine makes the same choice.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from train.world.camera import Camera
from train.world.land import PERIOD, Land
from train.world.march import surface
from train.world.noise import generator, sample, smooth
from train.world.tiles import tiles

CANDIDATES = 160
SIDE = 40  # pixels of a tiny view
STEPS = 150
CAMERAS = 8
HOUSES = 32


def search(land: Land, seed: int) -> Camera:
    """The best CAMERAS views of a land, best first, from different places or in different directions."""
    draw = torch.rand(CANDIDATES * 4, 5, generator=generator(seed * 71 + 3)).to(land.maps.device)
    x, z, yaw = draw[:, 0] * PERIOD, draw[:, 1] * PERIOD, draw[:, 2] * 2 * math.pi
    ground = {name: value[0] for name, value in land.at(x[None], z[None]).items()}
    fit = (ground["height"] > 1.0) & (ground["height"] < 330) & (ground["forest"] < -0.1)
    order = (~fit).float() * 1e4 + draw[:, 4] * 100 + (ground["path"] > 25).float() * 25
    chosen = order.argsort(stable=True)[:CANDIDATES]
    above = 5 + 38 * draw[chosen, 3] ** 1.8
    x, z, yaw = x[chosen], z[chosen], yaw[chosen]
    top = surface(land, tiles(str(x.device)), x[None], z[None])[0]
    camera = Camera(torch.stack([x, top + above, z], -1), yaw)
    scores = _round(_scores(land, camera))
    return camera[_spread(camera, scores)]


def _round(scores: Tensor) -> Tensor:
    return (scores * 100).round()


def _spread(camera: Camera, scores: Tensor) -> list[int]:
    """Indices of the best cameras that are 600 m or 60 degrees apart, best first."""
    order = (-scores).argsort(stable=True).tolist()
    places, turns = camera.position.tolist(), camera.yaw.tolist()
    picked: list[int] = []
    for index in order:

        def apart(other: int, index: int = index) -> bool:
            distance = math.dist(places[index][::2], places[other][::2])
            return distance > 600 or math.cos(turns[index] - turns[other]) < 0.5

        if all(apart(other) for other in picked):
            picked.append(index)
        if len(picked) == CAMERAS:
            break
    return picked


def _scores(land: Land, camera: Camera) -> Tensor:
    """What a painter might say of each view (N,): variety, far relief, a way in, room for the sky."""
    depth, sky, skyline, at = _tiny_views(land, camera)
    steep = (at["slope_x"].square() + at["slope_z"].square()).sqrt()
    height, forest = at["height"], at["forest"]
    kind = torch.zeros_like(height, dtype=torch.long)
    snow = (height > land.snow_line).reshape(height.shape)
    rules = (
        (1, height > 110),
        (2, steep > 0.6),
        (3, snow),
        (4, forest > 0),
        (5, at["flowers"] > 0),
        (6, at["path"] < 8),
        (7, height < 3),
        (8, height < 0),
        (9, sky),
    )
    for number, where in rules:
        kind = kind.masked_fill(where, number)
    share = torch.stack([(kind == number).float().mean((1, 2)) for number in range(10)], 1)
    river = ((kind == 8) & (at["river"] > 0.5)).float().mean((1, 2))
    entropy = -(share * (share + 1e-6).log()).sum(1)

    def part(where: Tensor) -> Tensor:
        return where.float().mean((1, 2))

    rough = part((depth < 160) & ~sky & ((forest > -0.05) | (steep > 0.5)))
    bare = part((height > 0) & (height < 3.5) & ~sky & (depth < 600))
    reward = entropy + 3.0 * part((depth > 2500) & ~sky).clamp(max=0.25)
    reward = reward + 11.2 * skyline.std(1).clamp(max=0.10) + 6 * share[:, 6].clamp(max=0.06)
    water = torch.where(land.dry > 0, 0.3, 0.8)[0]
    reward = reward + water * 5.5 * share[:, 8].clamp(max=0.22) + 3 * river.clamp(max=0.08)
    reward = reward + 2.5 * share[:, 5].clamp(max=0.12)
    reward = reward + 4 * (skyline.amax(1) - 0.12).clamp(0, 0.22)
    regret = 5 * (part((depth < 700) & (steep > 0.45) & ~sky) - 0.05).clamp(min=0)
    regret = regret + 3 * (share.amax(1) - 0.42).clamp(min=0)
    regret = regret + 9 * (share[:, 9] - 0.40).abs() ** 1.5 + 3.5 * (part(depth < 45) - 0.10).clamp(min=0)
    regret = regret + 4 * (share[:, 8] - 0.35).clamp(min=0) + 6 * (rough - 0.03).clamp(min=0)
    regret = regret + 5 * (bare - 0.08).clamp(min=0) + 3 * part((height < 0) & (depth < 60))
    regret = regret + 3 * (share[:, 4] - 0.35).clamp(min=0) + 2 * (share[:, 0] - 0.4).clamp(min=0)
    return reward - regret


def _tiny_views(land: Land, camera: Camera) -> tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]:
    """March small views of N cameras: depth and sky (N, w, h), the skyline's slope (N, w), the maps at the
    hits.
    """
    count, device = len(camera), camera.yaw.device
    depths = 6 * (26000 / 6) ** (torch.arange(STEPS, device=device) / (STEPS - 1))
    across, up = camera.offsets(SIDE, SIDE)
    east, north = camera.headings(across)
    x = camera.position[:, 0, None, None] + east[..., None] * depths
    z = camera.position[:, 2, None, None] + north[..., None] * depths
    top = surface(land, tiles(str(device)), x[None], z[None])[0]
    slope = ((top - camera.position[:, 1, None, None]) / depths).cummax(-1).values.contiguous()
    hit = torch.searchsorted(slope, up.expand(count, SIDE, SIDE).contiguous())
    sky = hit >= STEPS
    hit = hit.clamp(max=STEPS - 1)
    flat = {
        name: value[0]
        for name, value in land.at(x.gather(2, hit).reshape(1, -1), z.gather(2, hit).reshape(1, -1)).items()
    }
    return depths[hit], sky, slope[:, :, -1], {name: value.view(sky.shape) for name, value in flat.items()}


def sun_of(seed: int, camera: Camera) -> Tensor:
    """Azimuth of the light and elevation of its disc (2,), radians: in the first camera's view for a third of
    seeds.

    Otherwise the light comes from the side, which models mountains best.
    """
    inside, side, turn, height = torch.rand(4, generator=generator(seed * 53 + 9)).tolist()
    away = 0.12 + 0.22 * turn if inside < 0.4 else 0.9 + 0.9 * turn
    return torch.tensor([float(camera.yaw[0]) + (away if side < 0.5 else -away), 0.20 + 0.10 * height])


def place_houses(land: Land, camera: Camera, seed: int) -> Tensor:
    """Houses (HOUSES, 6) before the given cameras: x, y, z, yaw, kind (0 house, 1 tower, -1 none), colour
    number.
    """
    houses: list[list[float]] = []
    for index in range(len(camera)):
        draw = torch.rand(400, 5, generator=generator(seed * 67 + 2 + index * 7919))
        wanted = int(draw[0, 4] * 6.5) if land.tropical[0, 0] == 0 else 2
        houses += _settle(land, camera[index], draw.to(camera.yaw.device), wanted, houses)
    rows = houses[:HOUSES] + [[0.0, 0.0, 0.0, 0.0, -1.0, 0.0]] * (HOUSES - len(houses))
    return torch.tensor(rows)


def _settle(
    land: Land, camera: Camera, draw: Tensor, wanted: int, others: list[list[float]]
) -> list[list[float]]:
    """Up to `wanted` houses on flat open ground that the camera sees, near a path, in one hamlet."""
    depth = 70 * 8.0 ** draw[:, 0]
    right = (draw[:, 1] - 0.5) * 0.8 * depth
    sin, cos = camera.yaw.sin(), camera.yaw.cos()
    x = camera.position[0, 0] + depth * sin + right * cos
    z = camera.position[0, 2] + depth * cos - right * sin
    at = {name: value[0] for name, value in land.at(x[None], z[None]).items()}
    steep = (at["slope_x"].square() + at["slope_z"].square()).sqrt()
    along = (torch.arange(40, device=x.device) + 0.5) / 40
    eye = camera.position[0, :, None, None]
    between = sample(
        land.relief,
        (eye[0] + (x[:, None] - eye[0]) * along)[None],
        (eye[2] + (z[:, None] - eye[2]) * along)[None],
        PERIOD,
    )[0]
    top = between[0] + smooth(0, 0.1, between[1]) * land.tree_height
    seen = (top < eye[1] + (at["height"][:, None] + 3 - eye[1]) * along).all(1)
    fit = (at["height"] > 2.5) & (steep < 0.30) & (at["forest"] < -0.12) & (at["path"] > 7) & seen
    score = fit * 10 - at["path"].clamp(max=150) / 60 - (depth - 220).abs() / 300 + draw[:, 2]
    tower = bool(land.conifers[0, 0] == 0) and bool(land.dry[0, 0] == 0) and float(draw[0, 3]) < 0.45
    placed: list[list[float]] = []
    for i in _round(-score).argsort(stable=True).tolist():
        if not fit[i] or len(placed) >= wanted:
            break
        spot = [float(x[i]), float(at["height"][i]) - 0.6, float(z[i])]
        if all(math.dist(spot[::2], [house[0], house[2]]) > 20 for house in others + placed):
            kind = 1.0 if tower and not placed else 0.0
            placed.append([*spot, float(draw[i, 3]) * 2 * math.pi, kind, float(draw[i, 2])])
    return placed
