"""A frame in the making: for every sample of the picture, the surface that wins it."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from train.world.camera import Camera
from train.world.land import Land
from train.world.styles import Look
from train.world.tiles import Tiles


@dataclass
class Canvas:
    """B pictures of height x width, `scale` x `scale` samples a pixel: N samples, row by row.

    ray (B, N, 3) of unit length, length (B, N) of the ray one metre ahead, depth (B, N) in metres, sky (B, N)
    bool,
    colour (B, N, 3), labels and instances (B, N) int64. Surfaces are drawn in turn, and overwrite what they
    hide.
    """

    camera: Camera
    land: Land
    tiles: Tiles
    look: Look
    height: int
    width: int
    scale: int
    depth: Tensor
    sky: Tensor
    ray: Tensor = field(init=False)
    length: Tensor = field(init=False)
    colour: Tensor = field(init=False)
    labels: Tensor = field(init=False)
    instances: Tensor = field(init=False)

    def __post_init__(self) -> None:
        scenes = len(self.camera)
        ray = self.camera.rays(self.height, self.width, self.scale).reshape(scenes, -1, 3)
        self.length = self.camera.stretch(self.height, self.width, self.scale).expand(scenes, -1)
        self.ray = ray / self.length[..., None]
        self.depth, self.sky = self.depth.reshape(scenes, -1), self.sky.reshape(scenes, -1)
        self.colour = torch.zeros_like(ray)
        self.labels = torch.zeros_like(self.depth, dtype=torch.long)
        self.instances = torch.zeros_like(self.labels)

    @property
    def focal(self) -> float:
        """Samples that one metre covers at one metre's distance."""
        return self.camera.focal * self.width * self.scale

    def points(self, index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """World x, y, z of the surfaces at samples `index` (B, M), each (B, M)."""
        distance = self.depth.gather(1, index) * self.length.gather(1, index)
        ray = rows(self.ray, index)
        eye = self.camera.position
        x, y, z = (eye[:, axis, None] + ray[..., axis] * distance for axis in range(3))
        return x, y, z

    def grid(self, values: Tensor) -> Tensor:
        """Samples (B, N) as (B, H * scale, W * scale)."""
        return values.view(len(self.camera), self.height * self.scale, self.width * self.scale)


def rows(values: Tensor, index: Tensor) -> Tensor:
    """values (B, N, 3) at index (B, M) -> (B, M, 3)."""
    return values.gather(1, index[..., None].expand(-1, -1, values.shape[-1]))


def pack(mask: Tensor) -> Tensor:
    """The indices (B, M) where `mask` (B, N) holds, in order; shorter rows are filled up with index 0.

    Work done on fill-ups is wasted but harmless: it repeats the work of sample 0. One synchronisation a
    batch.
    """
    count = mask.sum(1)
    place = torch.where(mask, mask.long().cumsum(1) - 1, mask.shape[1])
    index = torch.zeros(mask.shape[0], mask.shape[1] + 1, dtype=torch.long, device=mask.device)
    index.scatter_(1, place, torch.arange(mask.shape[1], device=mask.device).expand_as(place))
    return index[:, : int(count.max())]


def put(values: Tensor, mask: Tensor, index: Tensor, new: Tensor) -> Tensor:
    """`values` (B, N, 3), replaced where `mask` (B, N) holds by `new` (B, M, 3) at `index` = pack(mask)."""
    spread = values.scatter(1, index[..., None].expand_as(new), new)
    return torch.where(mask[..., None], spread, values)


def cover(top: Tensor, bottom: Tensor, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """All samples inside K boxes, bottom and right exclusive: box, row, column, each (M,)."""
    height, width = (bottom - top).clamp(min=0), (right - left).clamp(min=0)
    area = height * width
    box = torch.arange(len(area), device=area.device).repeat_interleave(area)
    place = torch.arange(len(box), device=area.device) - (area.cumsum(0) - area)[box]
    return box, top[box] + place // width[box], left[box] + place % width[box]


def box(
    canvas: Canvas, top: Tensor, bottom: Tensor, left: Tensor, right: Tensor, shown: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Boxes of whole samples inside the picture, for `cover`; empty where `shown` is False."""
    high, wide = canvas.height * canvas.scale, canvas.width * canvas.scale
    first, last = top.floor().clamp(0, high).long(), bottom.ceil().clamp(0, high).long()
    start, end = left.floor().clamp(0, wide).long(), right.ceil().clamp(0, wide).long()
    return first, torch.where(shown, last, first), start, end
