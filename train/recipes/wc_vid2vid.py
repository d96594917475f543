"""How world-consistent vid2vid learns: as vid2vid does, from clips with depth and cameras.

What was painted before guides, and L1 holds the frame to it where it is known (Mallya et al., ECCV 2020,
section 3.3; see `cgan/models/wc_vid2vid.py`).
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from cgan import models
from cgan.models import wc_vid2vid
from train.data.batches import Clip
from train.data.clip_reading import read_clips
from train.data.clips import ClipData
from train.data.folders import Say
from train.data.protocol import Size
from train.recipes import RecipeOf, vid2vid
from train.recipes._video import window
from train.recipes.vid2vid import Data, Hyper

__all__ = ["PRESETS", "Hyper", "Recipe"]

PRESETS = {name: replace(hyper, weight_guide=20.0) for name, hyper in vid2vid.PRESETS.items()}


class Recipe(vid2vid.Recipe):
    """vid2vid's two players, with points in the generator."""

    network: ClassVar[type[wc_vid2vid.Model]] = wc_vid2vid.Model

    @staticmethod
    def read(folder: Path, size: Size, hyper: Hyper, say: Say) -> ClipData:
        """The clips of a folder, which must have depth and cameras."""
        clips = window(hyper.frames, hyper.growth)
        return read_clips(folder, size, clips, say, hyper.labels, geometry=True, drift=hyper.drift)


if TYPE_CHECKING:
    # of vid2vid's Config and Model, which wc_vid2vid's are
    _: RecipeOf[models.vid2vid.Config, Hyper, Data, models.vid2vid.Model, Clip] = Recipe
