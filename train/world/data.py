"""The world as training data, in the four kinds that models ask for.

`painted` gives `train.batches.Painted`. The other three kinds are defined here until models ask for them
there.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count as count_from
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor

from train.batches import Painted
from train.world import classes
from train.world.biomes import ARCHETYPES, BIOMES
from train.world.noise import generator
from train.world.render import Frame
from train.world.styles import Style
from train.world.world import Flight, World, clip

STYLES_A_VIEW = 2  # a layout is seen in several styles, so that a model learns what a style may change
VIEWS = 8  # of each world
LARGEST_SHARE, LEAST_CLASSES = 0.72, 5  # duller views are left out
RARE = (classes.SUN, classes.FLOWERS, classes.PATH, classes.RIVER, classes.HOUSE)
PLAIN_KEPT = 0.6  # the share of the views without any rare class that are kept

Size = tuple[int, int]


class View(NamedTuple):
    """A place to stand: world and number of its camera, and the seeds of the styles it is seen in."""

    seed: int
    camera: int
    styles: tuple[int, ...]


def view_at(number: int) -> View:
    """The view with this number: each world's cameras in turn."""
    styles = tuple(number * STYLES_A_VIEW + k for k in range(STYLES_A_VIEW))
    return View(number // VIEWS, number % VIEWS, styles)


def view_frame(
    view: View, size: Size, device: torch.device | str = "cpu", supersampling: int = 2
) -> Frame | None:
    """The frames of a view, one for each of its styles, or None for a dull view."""
    world = _world(view.seed, str(device))
    if view.camera >= len(world.cameras):
        return None
    camera = world.cameras[[view.camera] * len(view.styles)]
    frame = world.frame(camera, [Style.drawn(seed) for seed in view.styles], size, supersampling)
    return frame if _kept(frame.labels[0], view) else None


def painted_frames(
    size: Size, first: int = 0, supersampling: int = 2, device: torch.device | str = "cpu"
) -> Iterator[Frame]:
    """Endless frames for painting, one batch a view, in that view's styles; worlds from seed `first` on."""
    for number in count_from(first * VIEWS):
        frame = view_frame(view_at(number), size, device, supersampling)
        if frame is not None:
            yield frame


def _kept(labels: Tensor, view: View) -> bool:
    """Leave out label maps of hardly more than one class, and some of those without any rare class."""
    share = torch.bincount(labels.flatten(), minlength=classes.COUNT) / labels.numel()
    dull = bool(share.max() > LARGEST_SHARE) or int((share > 0.002).sum()) < LEAST_CLASSES
    plain = not bool((share[list(RARE)] > 0.004).any())
    chance = float(torch.rand(1, generator=generator(view.seed * VIEWS + view.camera + 5)))
    return not dull and (not plain or chance < PLAIN_KEPT)


def painted(count: int, size: Size, first: int = 0, device: torch.device | str = "cpu") -> Painted:
    """`count` label maps with their pictures and instances; worlds from seed `first` on."""
    shots = islice(painted_frames(size, first, device=device), -(-count // STYLES_A_VIEW))
    labels, images, instances = zip(
        *((shot.labels, shot.image, shot.instances) for shot in shots), strict=True
    )
    return Painted(torch.cat(labels)[:count], torch.cat(images)[:count], torch.cat(instances)[:count])


class Unpaired(NamedTuple):
    """Pictures of two kinds (B, 3, H, W) in [-1, 1]; a[i] and b[i] show different places."""

    a: Tensor
    b: Tensor


SIDES = {  # two kinds of pictures that a translator learns to exchange: (time, weather, season) of each
    "seasons": (("noon", "clear", "summer"), ("noon", "clear", "winter")),
    "hours": (("noon", "clear", "summer"), ("dusk", "clear", "summer")),
}


def unpaired(
    count: int, size: Size, between: str = "seasons", first: int = 0, device: torch.device | str = "cpu"
) -> Unpaired:
    """`count` pictures of either kind of `between`: even seeds on one side, odd seeds on the other.

    ValueError if there is no such pair of kinds.
    """
    if between not in SIDES:
        raise ValueError(f"no pair '{between}'; there are: {', '.join(SIDES)}")
    sides = []
    for odd, names in enumerate(SIDES[between]):
        base, images = Style.named(*names), []
        for number in range(count):
            # a world shows VIEWS views; neighbouring seeds are other countries, so shift by archetype as well
            world = _world(2 * (first + number // VIEWS) + odd, device)
            shift = torch.rand(2, generator=generator(number * 2 + odd + 71)) * 0.3 - 0.15
            style = Style((base.time + float(shift[0])) % 5, base.weather + abs(float(shift[1])), base.season)
            images.append(world.frame(_view(world, number), style, size).image)
        sides.append(torch.cat(images))
    return Unpaired(*sides)


def _view(world: World, number: int):
    """Camera `number` of a world, over and over."""
    return world.cameras[number % len(world.cameras)]


_RECENT: dict[tuple[int, str], World] = {}


def _world(seed: int, device: torch.device | str) -> World:
    """World `seed`, kept while it is asked for in a row."""
    key = (seed, str(device))
    if key not in _RECENT:
        _RECENT.clear()
        _RECENT[key] = World(seed, device)
    return _RECENT[key]


class FewShot(NamedTuple):
    """Contents to be redrawn as a class of which a few examples are given.

    content (B, 3, H, W) and content_class (B,) int64; examples (B, K, 3, H, W) of class style_class (B,).
    """

    content: Tensor
    content_class: Tensor
    examples: Tensor
    style_class: Tensor


FEW_SHOT_TIMES = ("noon", "golden", "dusk", "night")
FEW_SHOT_SEASONS = ("summer", "autumn", "winter")
KINDS = [(biome, hour, season) for biome in BIOMES for hour in FEW_SHOT_TIMES for season in FEW_SHOT_SEASONS]
HELD_OUT = [number for number in range(len(KINDS)) if number % 6 == 5]  # never shown in training


def few_shot(
    count: int,
    size: Size,
    examples: int = 2,
    held_out: bool = False,
    first: int = 0,
    device: torch.device | str = "cpu",
) -> FewShot:
    """`count` pairs of content and style. A class is a biome at a time of day in a season, always in clear
    weather.

    Style classes are the ones in HELD_OUT if `held_out`, otherwise all others; contents are never held out.
    """
    known = [number for number in range(len(KINDS)) if number not in HELD_OUT]
    draw = generator(first * 31 + 9)

    def shot(kind: int, number: int) -> Tensor:
        biome, hour, season = KINDS[kind]
        places = [i for i, name in enumerate(ARCHETYPES) if ARCHETYPES[name].biome == biome]
        seed = first * len(ARCHETYPES) + places[number % len(places)]
        world = _world(seed, device)
        return world.frame(
            _view(world, number // len(places)), Style.named(hour, "clear", season), size
        ).image

    rows = []
    for _ in range(count):
        numbers = torch.randint(1 << 16, (examples + 3,), generator=draw).tolist()
        style = HELD_OUT if held_out else known
        content_kind, style_kind = known[numbers[0] % len(known)], style[numbers[1] % len(style)]
        content = shot(content_kind, numbers[2])
        shown = torch.cat([shot(style_kind, number) for number in numbers[3:]])[None]
        rows.append((content, torch.tensor([content_kind]), shown, torch.tensor([style_kind])))
    return FewShot(*(torch.cat(parts).to(device) for parts in zip(*rows, strict=True)))


class Clip(NamedTuple):
    """Label videos with their pictures, and the geometry that joins the frames. T frames, in order.

    labels (B, T, 1, H, W) int64; images (B, T, 3, H, W) in [-1, 1]; flow (B, T - 1, 2, H, W) in pixels, from
    frame t + 1 back to t, as a video model warps its last picture; seen (B, T - 1, 1, H, W): 1 where frame t
    shows it;
    depth (B, T, 1, H, W) in metres; position (B, T, 3), yaw (B, T); instances (B, T, 1, H, W) int64.
    """

    labels: Tensor
    images: Tensor
    flow: Tensor
    seen: Tensor
    depth: Tensor
    position: Tensor
    yaw: Tensor
    instances: Tensor


def clips(count: int, length: int, size: Size, first: int = 0, device: torch.device | str = "cpu") -> Clip:
    """`count` flights of `length` frames, each through a view of a world in a drawn style."""
    rows = []
    for number in range(count):
        world = _world(first + number // VIEWS, device)
        turn = float(torch.rand(1, generator=generator(number + 13))) * 0.03 - 0.015
        path = world.path(number % len(world.cameras), length, step=4.0, turn=turn)
        rows.append(_clip(clip(world, path, length, Style.drawn(first * VIEWS + number), size)))
    return Clip(*(torch.stack(parts) for parts in zip(*rows, strict=True)))


def _clip(flight: Flight) -> tuple[Tensor, ...]:
    shots = flight.frames
    return (
        shots.labels,
        shots.image,
        flight.back,
        flight.seen_back,
        shots.depth,
        shots.camera.position,
        shots.camera.yaw,
        shots.instances,
    )
