"""Pinhole cameras that look level: every column of the picture is a vertical plane of the world.

World axes: x to the east, y up (0 is the water), z to the north; metres. A view is tilted by shifting the
horizon in the picture, not by turning the camera, which is what lets `march.py` draw a column at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Camera:
    """A batch of cameras: position (B, 3) in metres, yaw (B,) in radians clockwise from north.

    `focal` is in picture widths; `horizon` is the horizon's height in the picture, from the top, 0 to 1.
    """

    position: Tensor
    yaw: Tensor
    focal: float = 1.0
    horizon: float = 0.47

    def __len__(self) -> int:
        return self.yaw.shape[0]

    def __getitem__(self, index: int | slice | list[int]) -> Camera:
        """One camera or several, always as a batch."""
        if isinstance(index, int):
            index = [index]
        return Camera(self.position[index], self.yaw[index], self.focal, self.horizon)

    def to(self, device: torch.device | str) -> Camera:
        """The same cameras on `device`."""
        return Camera(self.position.to(device), self.yaw.to(device), self.focal, self.horizon)

    def offsets(self, height: int, width: int, scale: float = 1.0) -> tuple[Tensor, Tensor]:
        """Tangents of the columns (width * scale,) and rows (height * scale,) of a picture."""
        device = self.yaw.device
        columns, rows = round(width * scale), round(height * scale)
        u = (torch.arange(columns, device=device) + 0.5) / scale
        v = (torch.arange(rows, device=device) + 0.5) / scale
        return (u - width / 2) / (self.focal * width), (self.horizon * height - v) / (self.focal * width)

    def headings(self, tangent: Tensor) -> tuple[Tensor, Tensor]:
        """The ground directions (x, z), each (B, columns), one metre forward, of columns with `tangent`
        (columns,).
        """
        sin, cos = self.yaw.sin()[:, None], self.yaw.cos()[:, None]
        return sin + cos * tangent, cos - sin * tangent

    def rays(self, height: int, width: int, scale: float = 1.0) -> Tensor:
        """Rays (B, height * scale, width * scale, 3) that advance one metre forward: point = position + depth
        * ray.
        """
        across, up = self.offsets(height, width, scale)
        x, z = self.headings(across)
        shape = (len(self), len(up), len(across))
        return torch.stack(
            [x[:, None].expand(shape), up[None, :, None].expand(shape), z[:, None].expand(shape)], -1
        )

    def stretch(self, height: int, width: int, scale: float = 1.0) -> Tensor:
        """The length (1, height * width * scale^2) of each ray of `rays`: metres of distance for a metre of
        depth.
        """
        across, up = self.offsets(height, width, scale)
        return (1 + across.square() + up[:, None].square()).sqrt().view(1, -1)

    def view(self, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """World x, z (B, ...) as metres to the right of the camera and metres ahead (the depth), shaped
        alike.
        """
        shape = (len(self),) + (1,) * (x.dim() - 1)
        sin, cos = self.yaw.sin().view(shape), self.yaw.cos().view(shape)
        east, north = x - self.position[:, 0].view(shape), z - self.position[:, 2].view(shape)
        return east * cos - north * sin, east * sin + north * cos

    def project(
        self, x: Tensor, y: Tensor, z: Tensor, height: int, width: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """World points (B, ...) -> column and row in pixels (the first pixel's middle is 0.5) and depth,
        alike.
        """
        right, depth = self.view(x, z)
        up = y - self.position[:, 1].view((len(self),) + (1,) * (x.dim() - 1))
        ahead = depth.clamp(min=0.1)
        focal = self.focal * width
        return right / ahead * focal + width / 2, self.horizon * height - up / ahead * focal, depth


def together(cameras: Sequence[Camera]) -> Camera:
    """Several batches of cameras of one focal length and horizon as a single batch; ValueError if they
    differ.
    """
    first = cameras[0]
    if any((camera.focal, camera.horizon) != (first.focal, first.horizon) for camera in cameras):
        raise ValueError("cameras of one batch must share their focal length and horizon")
    position = torch.cat([camera.position for camera in cameras])
    return Camera(position, torch.cat([camera.yaw for camera in cameras]), first.focal, first.horizon)
