"""How COCO-FUNIT learns: as FUNIT does (section 3.3 of the paper; see `cgan/models/coco_funit.py`)."""

from typing import ClassVar

from torch import nn

from cgan.models import coco_funit
from train.recipes import funit
from train.recipes.funit import PRESETS, Hyper

__all__ = ["PRESETS", "Hyper", "Recipe"]


class Recipe(funit.Recipe):
    """FUNIT's two players, with the content-conditioned style in the translator."""

    network: ClassVar[type[nn.Module]] = coco_funit.Model
