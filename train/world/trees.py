"""Near trees: sprites that stand in a lattice of cells of the world, all of them drawn in one pass."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from train.world import classes, ground, shadows
from train.world.canvas import Canvas, box, cover
from train.world.land import CELLS, PERIOD
from train.world.noise import mix, sample, smooth
from train.world.sky import haze
from train.world.sprites import ASPECT, HIGH, LEVELS, VARIANTS, atlas
from train.world.tiles import DETAIL_PERIOD

CELL = PERIOD / 716  # metres, about 20: a whole number of cells in a period
REACH = 21  # cells around the camera
MOST = 90  # trees a scene
FIRST_ID = 1000  # instance ids of trees start here; houses have the numbers below
NEAREST = 9.0  # metres: a tree at the camera would be nothing but leaves


def draw(canvas: Canvas) -> None:
    """Draw the trees' shadows on the ground, then the trees."""
    tree = _visible(canvas)
    shadows.cast(canvas, tree)
    _sprites(canvas, tree)


def _visible(canvas: Canvas) -> dict[str, Tensor]:
    """The nearest MOST trees of each scene as flat lists (B * MOST,); `shown` says which of them count."""
    land, camera = canvas.land, canvas.camera
    around = torch.arange(-REACH, REACH + 1, device=canvas.depth.device)
    home = (camera.position[:, ::2] / CELL).floor().long()
    column = (home[:, 0, None, None] + around).expand(-1, len(around), -1).flatten(1)
    row = (home[:, 1, None, None] + around[:, None]).expand(-1, -1, len(around)).flatten(1)
    cell = (row % CELLS) * CELLS + column % CELLS
    draw_ = land.cells.expand(len(camera), -1, -1).gather(1, cell[..., None].expand(-1, -1, 6))
    x, z = (column + 0.1 + 0.8 * draw_[..., 0]) * CELL, (row + 0.1 + 0.8 * draw_[..., 1]) * CELL
    at = land.at(x, z)
    chance = 0.02 + 0.75 * smooth(-0.45, 0.0, at["forest"]) ** 2
    chance = chance + land.tropical * 0.30 * (1 - smooth(3, 14, at["height"]))
    steep = (at["slope_x"].square() + at["slope_z"].square()).sqrt()
    grows = (draw_[..., 2] < chance) & (at["height"] > 1.2) & (steep < 0.55) & (at["path"] > 5)
    grows &= at["height"] < land.tree_line
    right, ahead = camera.view(x, z)
    tall = land.tree_height * (0.75 + 0.55 * draw_[..., 3]) * mix(1.15, 1.0, land.dry)
    tall = tall * (1 - 0.7 * smooth(0.85 * CELL * REACH, CELL * REACH, ahead))
    per_metre = canvas.focal / ahead.clamp(min=0.1)
    middle = right * per_metre + canvas.width * canvas.scale / 2
    half = tall * ASPECT / 2 * per_metre
    grows &= (ahead > NEAREST) & (ahead < CELL * REACH) & (tall * per_metre > 4 * canvas.scale)
    grows &= (middle + half > 0) & (middle - half < canvas.width * canvas.scale)
    near = ahead.masked_fill(~grows, math.inf).argsort(dim=1, stable=True)[:, :MOST]
    detail = sample(canvas.tiles.detail[:, :2], x, z, DETAIL_PERIOD)[:, 0]
    scene = torch.arange(len(camera), device=x.device)[:, None].expand_as(near)
    values = {
        "x": x,
        "z": z,
        "foot": at["height"].clamp(min=0) + detail - 0.35,
        "tall": tall,
        "length": tall * 0.8,  # of the shadow of a sun at 45 degrees
        "radius": tall * 0.17,
        "shape": torch.where(land.conifers > 0.5, shadows.CONE, shadows.CROWN).expand_as(x),
        "depth": ahead,
        "middle": middle,
        "per_metre": per_metre,
        "shown": grows,
        "height": at["height"],
        "variant": draw_[..., 4],
        "number": draw_[..., 5],
        "hue": (draw_[..., 4] * 3.3 + draw_[..., 3]) % 1,
        "sun": ground.sunlight(canvas.look, at["horizon"]).expand_as(x),
        "id": cell + FIRST_ID,
    }
    return {
        **{name: value.gather(1, near).flatten() for name, value in values.items()},
        "scene": scene.flatten(),
    }


def _sprites(canvas: Canvas, tree: dict[str, Tensor]) -> None:
    """Find the nearest opaque sprite of each sample, then light and draw just those samples."""
    scene = tree["scene"]
    eye = canvas.camera.position[scene]
    tall = tree["tall"] * tree["per_metre"]
    bottom = (
        canvas.camera.horizon * canvas.height * canvas.scale - (tree["foot"] - eye[:, 1]) * tree["per_metre"]
    )
    left = tree["middle"] - tall * ASPECT / 2
    owner, row, column = cover(*box(canvas, bottom - tall, bottom, left, left + tall * ASPECT, tree["shown"]))
    if len(owner) == 0:
        return
    place = scene[owner] * canvas.depth.shape[1] + row * canvas.width * canvas.scale + column
    ahead = canvas.depth.view(-1)[place] > tree["depth"][owner]
    owner, row, column, place = owner[ahead], row[ahead], column[ahead], place[ahead]
    u = (column + 0.5 - left[owner]) / (tall[owner] * ASPECT)
    u = torch.where(tree["number"][owner] * 7 % 1 > 0.5, 1 - u, u).clamp(0, 1)
    v = ((row + 0.5 - (bottom - tall)[owner]) / tall[owner]).clamp(0, 1)
    level = ((HIGH / tall.clamp(min=1)).log2() + 0.3).floor().clamp(0, LEVELS - 1).long()
    sprite = _kind(canvas, tree) * VARIANTS + (tree["variant"] * 4.99).long()
    sheet = atlas(str(place.device))
    opaque = sheet.read(sprite[owner], level[owner], u, v, slice(0, 1))[:, 0]
    solid = opaque > 0.40
    rank = tree["depth"].argsort(stable=True).argsort(stable=True)
    first = torch.full((canvas.depth.numel(),), len(rank), device=place.device)
    first.scatter_reduce_(0, place[solid], rank[owner[solid]], "amin")
    won = (solid & (rank[owner] == first[place])).nonzero()[:, 0]
    owner, place = owner[won], place[won]
    texel = sheet.read(sprite[owner], level[owner], u[won], v[won], slice(0, 6))
    colour = _light(canvas, tree, owner, texel, canvas.ray.view(-1, 3)[place])
    soft = smooth(0.12, 0.75, texel[:, 0])[:, None]
    pixels = canvas.colour.view(-1, 3)
    pixels[place] = mix(pixels[place], colour, soft)
    canvas.labels.view(-1)[place] = classes.FOREST
    canvas.depth.view(-1)[place] = tree["depth"][owner]
    canvas.sky.view(-1)[place] = False
    canvas.instances.view(-1)[place] = tree["id"][owner]


def _kind(canvas: Canvas, tree: dict[str, Tensor]) -> Tensor:
    """0 conifer, 1 round crown, 2 palm."""

    def of(value: Tensor) -> Tensor:
        return value.expand(len(canvas.camera), 1)[tree["scene"], 0]

    mixed = (of(canvas.land.tree_height) > 18) & (tree["number"] > 0.8)
    palm = (of(canvas.land.tropical) > 0.5) & (tree["height"] < 25)
    broad = torch.where(palm, 2, 1)
    return torch.where((of(canvas.land.conifers) > 0.5) & ~mixed, 0, broad)


def _light(canvas: Canvas, tree: dict[str, Tensor], owner: Tensor, texel: Tensor, ray: Tensor) -> Tensor:
    """Radiance (M, 3) of sprite texels (M, 6) in the scenes' looks, leaves in the season's colours."""
    scene = tree["scene"][owner]
    look, land = canvas.look.rows(scene), canvas.land
    normal, occlusion, leaf = texel[:, 1:4], texel[:, 4], texel[:, 5]
    opacity = texel[:, :1].clamp(min=0.02)
    normal, occlusion, leaf = normal / opacity, occlusion / opacity[:, 0], leaf / opacity[:, 0]
    mirrored = torch.where(tree["number"][owner] * 7 % 1 > 0.5, -1.0, 1.0)
    yaw = canvas.camera.yaw[scene]
    sun = look.direction[0]
    right = (sun[:, 0] * yaw.cos() - sun[:, 2] * yaw.sin()) * mirrored
    toward = -(sun[:, 0] * yaw.sin() + sun[:, 2] * yaw.cos())
    facing = normal[:, 0] * right + normal[:, 1] * sun[:, 1] + normal[:, 2] * toward

    def of(value: Tensor) -> Tensor:
        return value.expand(len(canvas.camera), *value.shape[1:])[scene, 0]

    hue = tree["hue"][owner]
    green = mix(of(land.tree), of(land.tree_light), hue[:, None]) * 1.25
    kind = _kind(canvas, tree)[owner]
    turned = ray.new_tensor([[0.42, 0.09, 0.02], [0.52, 0.23, 0.03], [0.58, 0.42, 0.06], [0.30, 0.22, 0.04]])
    autumn = turned[(hue * 3.99).long()]
    autumn = torch.where(
        (kind == 0)[:, None],
        torch.where((hue > 0.55)[:, None], ray.new_tensor([0.50, 0.36, 0.06]), green),
        autumn,
    )
    autumn = torch.where((kind == 2)[:, None], green, autumn)
    colour = mix(green, autumn, look.autumn[0, :, None])
    colour = mix(ray.new_tensor([0.13, 0.095, 0.07]), colour, leaf[:, None])
    snow = (
        smooth(-0.05, 0.6, normal[:, 1] + 0.35 * (occlusion - 0.5))
        * torch.where(kind == 2, 0.25, 0.85)
        * leaf
    )
    colour = mix(colour, ray.new_tensor(ground.SNOW), (snow * look.winter[0])[:, None])
    direct = ((facing + 0.30) / 1.30).clamp(min=0) * occlusion * 0.95 + (-facing).clamp(
        min=0
    ) * 0.22 * leaf * occlusion
    direct = direct * tree["sun"][owner] * 0.98
    sky = (0.55 + 0.45 * normal[:, 1]) * occlusion * 1.15
    lit = colour * (look.sun[0] * direct[:, None] + look.ambient[0] * sky[:, None])
    depth = tree["depth"][owner]
    altitude = (tree["foot"][owner] + tree["tall"][owner] * 0.5 + canvas.camera.position[scene, 1]) / 2
    return haze(lit[None], depth[None], altitude[None], ray[None], look)[0]
