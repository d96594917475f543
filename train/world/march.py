"""Depth by column slopes ("voxel space"): each picture column is a walk over the land, away from the camera.

A row of the picture sees the first place where the slope from the camera reaches the row's own slope: the
running maximum of the slopes is sorted, so that one binary search a pixel finds it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from train.world.camera import Camera
from train.world.land import PERIOD, Land
from train.world.noise import mix, sample, smooth
from train.world.tiles import CANOPY_PERIOD, DETAIL_PERIOD, Tiles

NEAR, FAR = 1.5, 26000.0  # metres
STEPS = 900
EARTH = 6.4e6


def surface(land: Land, tiles: Tiles, x: Tensor, z: Tensor, forest_share: Tensor | float = 1.0) -> Tensor:
    """The height seen at x, z (B, ...): ground with its detail, a share of the canopy, water at 0; as x."""
    shape = (-1,) + (1,) * (x.dim() - 1)
    height, forest = sample(land.relief, x, z, PERIOD).unbind(1)
    crowns = sample(tiles.canopy[:, [0, 2]], x, z, CANOPY_PERIOD)
    canopy = mix(crowns[:, 1], crowns[:, 0], land.conifers.view(shape))
    detail = sample(tiles.detail[:, :2], x, z, DETAIL_PERIOD)
    rough = detail[:, 1] * (1.5 + 34 * smooth(120, 500, height)) + detail[:, 0]
    ground = height + smooth(0.5, 3, height) * rough
    trees = canopy * smooth(-0.04, 0.10, forest) * forest_share * land.tree_height.view(shape)
    return (ground + trees).clamp(min=0)


def march(
    land: Land, tiles: Tiles, camera: Camera, height: int, width: int, scale: int
) -> tuple[Tensor, Tensor]:
    """Depth in metres (2 * FAR in the sky) and the sky's mask, each (B, height * scale, width * scale)."""
    device = camera.yaw.device
    depths = NEAR * (FAR / NEAR) ** (torch.arange(STEPS, device=device) / (STEPS - 1))
    across, up = camera.offsets(height, width, scale)
    east, north = camera.headings(across)
    eye = camera.position[:, :, None, None]
    x, z = eye[:, 0] + east[..., None] * depths, eye[:, 2] + north[..., None] * depths
    top = surface(land, tiles, x, z, smooth(15, 60, depths))  # at the camera, a canopy would be giant leaves
    slope = (top - eye[:, 1] - depths * depths / (2 * EARTH)) / depths
    rising = slope.cummax(-1).values.contiguous()
    wanted = up.expand(len(camera), len(across), len(up)).contiguous()
    hit = torch.searchsorted(rising, wanted)
    sky = hit >= STEPS
    hit = hit.clamp(1, STEPS - 1)
    before, after = rising.gather(2, hit - 1), rising.gather(2, hit)
    part = ((wanted - before) / (after - before).clamp(min=1e-6)).clamp(0, 1)
    depth = mix(depths[hit - 1], depths[hit], part).masked_fill(sky, 2 * FAR)
    return depth.transpose(1, 2).contiguous(), sky.transpose(1, 2).contiguous()
