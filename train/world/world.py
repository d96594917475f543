"""A world: the land of a seed, where to stand in it, and its frames and clips in any style."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from train.world import cache, composition, land
from train.world.biomes import archetype, shape_of
from train.world.camera import Camera, together
from train.world.march import surface
from train.world.motion import flow, visibility
from train.world.render import Frame, render
from train.world.styles import Style, look
from train.world.tiles import tiles

NOON = Style()


class World:
    """The land of `seed`, drawn on `device`. The first use of a seed bakes it (some seconds); then it is on
    disk.

    `cameras` are the best views, best first (see `composition`), as one batch.
    """

    def __init__(self, seed: int, device: torch.device | str = "cpu") -> None:
        if seed < 0:
            raise ValueError(f"a world's seed is 0 or more, not {seed}")
        self.seed = seed
        self.archetype, self.biome = archetype(seed), shape_of(seed).biome
        stored = cache.baked(f"land-{seed}", lambda: _bake(seed))
        self.land = land.build(seed, stored, device)
        self.cameras = Camera(stored["cameras"][:, :3].to(device), stored["cameras"][:, 3].to(device))

    def frame(
        self,
        camera: Camera | None = None,
        style: Style | Sequence[Style] = NOON,
        size: tuple[int, int] = (256, 256),
        supersampling: int = 2,
    ) -> Frame:
        """Frames of a batch of cameras (the best view, if None), in one style or one for each camera."""
        camera = self.cameras[0] if camera is None else camera
        styles = [style] if isinstance(style, Style) else list(style)
        if len(styles) not in (1, len(camera)):
            raise ValueError(f"{len(styles)} styles for {len(camera)} cameras: give one, or one for each")
        light = look(styles, self.land.sun[:, 0].expand(len(styles)))
        return render(self.land, camera, light, size, supersampling)

    def path(self, start: int = 0, frames: int = 16, step: float = 4.0, turn: float = 0.012) -> Camera:
        """A flight of `frames` cameras from view `start`: `step` metres and `turn` radians a frame, above the
        trees.
        """
        begin = self.cameras[start]
        yaw = begin.yaw + turn * torch.arange(frames, device=begin.yaw.device)
        x = begin.position[0, 0] + step * (yaw.sin().cumsum(0) - yaw.sin()[0])
        z = begin.position[0, 2] + step * (yaw.cos().cumsum(0) - yaw.cos()[0])
        clearance = _clearance(self.land, x, z, yaw)
        least = clearance + 4.0
        height = torch.maximum(begin.position[0, 1].expand(frames), least)
        window = 2 * max(2, round(30 / step)) + 1
        padded = torch.nn.functional.pad(height[None, None], (window // 2,) * 2, mode="replicate")
        smooth = torch.nn.functional.avg_pool1d(
            torch.nn.functional.max_pool1d(padded, window, 1, window // 2), window, 1
        )
        return Camera(torch.stack([x, smooth[0, 0], z], -1), yaw, begin.focal, begin.horizon)


def _clearance(ground: land.Land, x: Tensor, z: Tensor, yaw: Tensor) -> Tensor:
    """The highest surface (n,) within 12 m of each point of a path, and a little ahead."""
    shared = tiles(str(x.device))
    around = torch.tensor([[0.0, 0.0], [0.0, 12.0], [-8.0, 6.0], [8.0, 6.0], [0.0, 25.0]], device=x.device)
    east = x[:, None] + around[:, 1] * yaw.sin()[:, None] + around[:, 0] * yaw.cos()[:, None]
    north = z[:, None] + around[:, 1] * yaw.cos()[:, None] - around[:, 0] * yaw.sin()[:, None]
    return surface(ground, shared, east[None], north[None])[0].amax(1)


def _bake(seed: int) -> dict[str, Tensor]:
    """Maps, then views, then the sun's azimuth from the first view, the shadows it throws, and the houses."""
    stored = land.bake(seed)
    stored["sun"], stored["houses"] = torch.zeros(2), torch.zeros(1, 6)
    bare = land.build(seed, {name: value.float() for name, value in stored.items()}, "cpu")
    cameras = composition.search(bare, seed)
    stored["cameras"] = torch.cat([cameras.position, cameras.yaw[:, None]], 1)
    stored["sun"] = composition.sun_of(seed, cameras)
    stored["horizon"] = land.bake_horizon(stored["height"], float(stored["sun"][0])).half()
    stored["houses"] = composition.place_houses(bare, cameras, seed)
    return stored


def default_cameras(seed: int) -> Camera:
    """The best views of seed's world, best first, as one batch."""
    return World(seed).cameras


def frames(
    worlds: Sequence[World],
    cameras: Sequence[Camera],
    styles: Sequence[Style],
    size: tuple[int, int] = (256, 256),
    supersampling: int = 2,
) -> Frame:
    """One frame of each world, with its camera and style, as one batch."""
    if not len(worlds) == len(cameras) == len(styles):
        raise ValueError(
            f"{len(worlds)} worlds, {len(cameras)} cameras, {len(styles)} styles: as many of each are needed"
        )
    lands = land.gather([world.land for world in worlds])
    return render(lands, together(cameras), look(styles, lands.sun[:, 0]), size, supersampling)


class Flight(NamedTuple):
    """T frames along a path, and what joins each to the next.

    frames: a `Frame` whose batch is time. flow (T - 1, 2, H, W): where each pixel goes, in pixels; back the
    same from the later frame to the earlier one. seen, seen_back (T - 1, 1, H, W): 1 where that place is
    visible there.
    """

    frames: Frame
    flow: Tensor
    seen: Tensor
    back: Tensor
    seen_back: Tensor


def clip(
    seed: int | World,
    path: Camera | None = None,
    n: int = 16,
    style: Style = NOON,
    size: tuple[int, int] = (256, 256),
    supersampling: int = 2,
) -> Flight:
    """`n` frames of a world along `path` (its own flight, if None), with exact flow; ValueError for a short
    path.
    """
    world = seed if isinstance(seed, World) else World(seed)
    path = world.path(frames=n) if path is None else path
    if len(path) < n:
        raise ValueError(f"a clip of {n} frames needs a path of as many cameras, not {len(path)}")
    shots = [world.frame(path[i], style, size, supersampling) for i in range(n)]
    film = Frame(
        image=torch.cat([shot.image for shot in shots]),
        labels=torch.cat([shot.labels for shot in shots]),
        depth=torch.cat([shot.depth for shot in shots]),
        camera=together([shot.camera for shot in shots]),
        instances=torch.cat([shot.instances for shot in shots]),
    )
    early, late = path[: n - 1], path[1:n]
    before, after = film.depth[:-1], film.depth[1:]
    return Flight(
        film,
        flow(before, early, late),
        visibility(before, after, early, late),
        flow(after, late, early),
        visibility(after, before, late, early),
    )
