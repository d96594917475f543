"""The world as training data: what each kind of model is shown of it.

Pictures come by views: places to stand, numbered from the first camera of world 0 on. What a view is seen in
depends on who learns: any styles for painters, one side's for translators, a class's for few-shot
translators.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count as count_from
from typing import NamedTuple

import torch
from torch import Tensor

from train.world import classes
from train.world.biomes import BIOMES, shape_of
from train.world.noise import generator
from train.world.render import Frame
from train.world.styles import Style
from train.world.world import World

STYLES_A_VIEW = 2  # a layout is seen in several styles, so that a model learns what a style may change
VIEWS = 8  # of each world
LARGEST_SHARE, LEAST_CLASSES = 0.72, 5  # duller views are left out
RARE = (classes.SUN, classes.FLOWERS, classes.PATH, classes.RIVER, classes.HOUSE)
PLAIN_KEPT = 0.6  # the share of the views without any rare class that are kept

Size = tuple[int, int]


class View(NamedTuple):
    """A place to stand: world and number of its camera, and the styles it is seen in."""

    seed: int
    camera: int
    styles: tuple[Style, ...]


def view_at(number: int) -> View:
    """The view with this number, each world's cameras in turn, in drawn styles."""
    styles = tuple(Style.drawn(number * STYLES_A_VIEW + k) for k in range(STYLES_A_VIEW))
    return View(number // VIEWS, number % VIEWS, styles)


def view_frame(
    view: View, size: Size, device: torch.device | str = "cpu", supersampling: int = 2
) -> Frame | None:
    """The frames of a view, one for each of its styles, or None for a dull view."""
    world = world_of(view.seed, str(device))
    if view.camera >= len(world.cameras):
        return None
    camera = world.cameras[[view.camera] * len(view.styles)]
    frame = world.frame(camera, list(view.styles), size, supersampling)
    return frame if kept(frame.labels[0], view) else None


def painted_frames(
    size: Size, first: int = 0, supersampling: int = 2, device: torch.device | str = "cpu"
) -> Iterator[Frame]:
    """Endless frames for painting, one batch a view, in that view's styles; worlds from seed `first` on."""
    for number in count_from(first * VIEWS):
        frame = view_frame(view_at(number), size, device, supersampling)
        if frame is not None:
            yield frame


_RECENT: dict[tuple[int, str], World] = {}


def world_of(seed: int, device: torch.device | str) -> World:
    """World `seed`, kept while it is asked for in a row."""
    key = (seed, str(device))
    if key not in _RECENT:
        _RECENT.clear()
        _RECENT[key] = World(seed, device)
    return _RECENT[key]


def kept(labels: Tensor, view: View) -> bool:
    """Leave out label maps of hardly more than one class, and some of those without any rare class."""
    share = torch.bincount(labels.flatten(), minlength=classes.COUNT) / labels.numel()
    dull = bool(share.max() > LARGEST_SHARE) or int((share > 0.002).sum()) < LEAST_CLASSES
    plain = not bool((share[list(RARE)] > 0.004).any())
    chance = float(torch.rand(1, generator=generator(view.seed * VIEWS + view.camera + 5)))
    return not dull and (not plain or chance < PLAIN_KEPT)


SIDES = {  # two kinds of pictures that a translator learns to exchange: (time, weather, season) of each
    "seasons": {"summer": ("noon", "clear", "summer"), "winter": ("noon", "clear", "winter")},
    "hours": {"day": ("noon", "clear", "summer"), "dusk": ("dusk", "clear", "summer")},
}


def unpaired_view(number: int, between: str = "seasons") -> tuple[int, View]:
    """(0 or 1: the side of `between`, the view with this number in styles of that side, a little varied).

    A world's views take turns, so that both sides know the same countries and never the same place.
    """
    side = (number + number // VIEWS) % 2
    base = Style.named(*list(SIDES[between].values())[side])
    draws = torch.rand(STYLES_A_VIEW, 2, generator=generator(number * 2 + 71)) * 0.3 - 0.15
    styles = tuple(
        Style((base.time + shift) % 5, base.weather + abs(veil), base.season)
        for shift, veil in draws.tolist()
    )
    return side, View(number // VIEWS, number % VIEWS, styles)


FEW_SHOT_TIMES = ("noon", "golden", "dusk", "night")
FEW_SHOT_SEASONS = ("summer", "autumn", "winter")
KINDS = [(biome, hour, season) for biome in BIOMES for hour in FEW_SHOT_TIMES for season in FEW_SHOT_SEASONS]
HELD_OUT = [number for number in range(len(KINDS)) if number % 6 == 5]  # never shown in training
LEARNT = [number for number in range(len(KINDS)) if number not in HELD_OUT]


def few_shot_classes(held_out: bool = False) -> tuple[str, ...]:
    """The names of the classes that are learnt, or of those held out: biome, time of day and season."""
    return tuple(" ".join(KINDS[number]) for number in (HELD_OUT if held_out else LEARNT))


def few_shot_view(number: int, held_out: bool = False) -> tuple[list[int], View]:
    """(a class for each style, the view with this number in drawn styles of its biome, in clear weather).

    Classes are numbered as `few_shot_classes` names them.
    """
    seed, kinds = number // VIEWS, HELD_OUT if held_out else LEARNT
    biome = shape_of(seed).biome
    allowed = [place for place, kind in enumerate(kinds) if KINDS[kind][0] == biome]
    drawn = torch.randperm(len(allowed), generator=generator(number * 31 + 9))[:STYLES_A_VIEW]
    names = [allowed[place] for place in drawn.tolist()]
    hours = [KINDS[kinds[name]][1:] for name in names]
    styles = tuple(Style.named(hour, "clear", season) for hour, season in hours)
    return names, View(seed, number % VIEWS, styles)
