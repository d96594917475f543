"""Memory: whether a run's networks find room in it, and that what a step has freed is kept for the next one.

The `malloc` of glibc gives large pieces back to the system at once, and the next step's must be cleared by
the system page by page: 15,000 pages in a step of SPADE's small preset (128x128, batch 4, patch tables on),
5 % of its time. Kept, there are next to none, and the most that the process needs is the same within 1 %.
"""

import ctypes
import platform
from typing import Any

import torch

from cgan import models
from train import recipes
from train.data.packed import free

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # the names in malloc.h
EACH = 24  # bytes of a weight in training: master, effective, average, gradient, Adam's moments; fp32


def check_room(name: str, config: Any, hyper: Any, device: torch.device) -> None:
    """Raise ValueError where the networks of model `name` would fill the memory, before there are any.

    Only those larger than the paper's in some way are counted: counting takes as long as building small ones.
    """
    recipe = recipes.module(name)
    usual = {**vars(models.module(name).PRESETS["paper"]), **vars(recipe.PRESETS["paper"])}
    numbers = {key: it for key, it in {**vars(config), **vars(hyper)}.items() if type(it) is int}
    larger = [f"{key} {number}" for key, number in numbers.items() if number > usual[key]]
    room = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else free()
    if not larger or room is None:
        return
    with torch.device("meta"):  # shapes without memory
        players = recipe.Recipe(config, hyper, None).players.values()
    weights = sum(it.numel() for player in players for it in player.module.parameters())
    if weights * EACH > room:
        needed = f"{weights / 1e6:,.0f} M weights, {weights * EACH / 2**30:,.0f} GiB in training"
        raise ValueError(
            f"{name} with {', '.join(larger)} has {needed}; {room / 2**30:.0f} GiB of memory are free"
        )


def keep_freed() -> bool:
    """Let this process keep what it frees, for good; False where its C library cannot be told so."""
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(M_MMAP_MAX, 0)) and bool(mallopt(M_TRIM_THRESHOLD, 2**31 - 1))
