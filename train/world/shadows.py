"""Shadows of trees and houses on the ground: soft capsules that fall away from the sun, all in one pass."""

from __future__ import annotations

import torch
from torch import Tensor

from train.world import classes
from train.world.canvas import Canvas, box, cover
from train.world.noise import smooth

CROWN, CONE, BLOCK = 0, 1, 2  # shapes of what casts them: how the width changes from the foot to the tip


def cast(canvas: Canvas, caster: dict[str, Tensor]) -> None:
    """Darken the ground along each caster's shadow; where shadows meet, the darker counts.

    Casters are flat lists (K,): scene, x, z, foot (height of the ground), length (of the shadow, sun at
    45 degrees), radius, shape; depth, middle and per_metre, their place in the picture; sun (0..1), shown.
    """
    look, scene = canvas.look.rows(caster["scene"]), caster["scene"]
    flat = look.direction[0, :, ::2]
    run = flat.norm(dim=-1).clamp(min=1e-3)
    away = (-flat / run[:, None]).expand(len(scene), 2)
    length = caster["length"] * (run / look.direction[0, :, 1].clamp(min=0.12)).clamp(max=3.0)
    eye = canvas.camera.position[scene]
    owner, row, column = cover(*_reach(canvas, caster, eye, away * length[:, None]))
    if len(owner) == 0:
        return
    place = scene[owner] * canvas.depth.shape[1] + row * canvas.width * canvas.scale + column
    ground = ~canvas.sky & (canvas.labels != classes.WATER) & (canvas.labels != classes.RIVER)
    here = ground.view(-1)[place]
    owner, place = owner[here], place[here]
    distance = (canvas.depth * canvas.length).view(-1)[place]
    ray = canvas.ray.view(-1, 3)[place]
    east = eye[owner, 0] + ray[:, 0] * distance - caster["x"][owner]
    north = eye[owner, 2] + ray[:, 2] * distance - caster["z"][owner]
    share = look.sun[0].mean(-1) / (look.sun[0].mean(-1) + look.ambient[0].mean(-1) * 1.2)
    strength = (share * caster["sun"] * 0.75)[owner]
    radius, shape = caster["radius"][owner], caster["shape"][owner]
    dark = _darkness(east, north, away[owner], length[owner], radius, shape) * strength
    contact = 1 - smooth(0.0, 1.0, (east.square() + north.square()).sqrt() / (radius * 1.5))
    shadow = torch.zeros(canvas.depth.numel(), device=dark.device)
    shadow.scatter_reduce_(0, place, (dark + 0.25 * contact).clamp(max=0.85), "amax")
    canvas.colour = canvas.colour * (1 - shadow.view(canvas.depth.shape))[..., None]


def _darkness(
    east: Tensor, north: Tensor, away: Tensor, length: Tensor, radius: Tensor, shape: Tensor
) -> Tensor:
    """0..1 for points east and north of a foot: 1 inside a shadow `length` long, softly 0 beyond its edge."""
    along = ((east * away[:, 0] + north * away[:, 1]) / length).clamp(0, 1)
    tip_x, tip_z = away[:, 0] * length * along, away[:, 1] * length * along
    aside = ((east - tip_x).square() + (north - tip_z).square()).sqrt()
    crown = 0.35 + 0.65 * smooth(0.05, 0.4, along) * (1 - 0.6 * along)
    width = torch.where(shape == CONE, 0.9 - 0.55 * along, torch.where(shape == CROWN, crown, 1.0))
    return 1 - smooth(0.6, 1.3, aside / (radius * width))


def _reach(
    canvas: Canvas, caster: dict[str, Tensor], eye: Tensor, fall: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Boxes of samples around shadows that fall `fall` (K, 2) metres from each foot."""
    yaw = canvas.camera.yaw[caster["scene"]]
    right = fall[:, 0] * yaw.cos() - fall[:, 1] * yaw.sin()
    ahead = fall[:, 0] * yaw.sin() + fall[:, 1] * yaw.cos()
    middle = canvas.width * canvas.scale / 2
    horizon = canvas.camera.horizon * canvas.height * canvas.scale
    foot, tip = caster["per_metre"], canvas.focal / (caster["depth"] + ahead).clamp(min=3)
    column = ((caster["middle"] - middle) / foot + right) * tip + middle
    rise = caster["foot"] - eye[:, 1]
    ends = (horizon - rise * foot, horizon - rise * tip)
    largest = torch.maximum(tip, foot)
    margin = 1.6 * caster["radius"] * largest
    slope = 0.35 * (fall.square().sum(-1).sqrt() + caster["radius"]) * largest  # the ground is not level
    return box(
        canvas,
        torch.minimum(*ends) - slope,
        torch.maximum(*ends) + slope,
        torch.minimum(column, caster["middle"]) - margin,
        torch.maximum(column, caster["middle"]) + margin,
        caster["shown"],
    )
