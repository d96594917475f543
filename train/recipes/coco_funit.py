"""How COCO-FUNIT learns: as FUNIT does (section 3.3 of the paper; see `cgan/models/coco_funit.py`)."""

from typing import TYPE_CHECKING, ClassVar

from cgan.models import coco_funit
from cgan.models import funit as base
from train.data.batches import FewShot
from train.recipes import RecipeOf, funit
from train.recipes.funit import PRESETS, Hyper

__all__ = ["PRESETS", "Hyper", "Recipe"]


class Recipe(funit.Recipe):
    """FUNIT's two players, with the content-conditioned style in the translator."""

    network: ClassVar[type[base.Model]] = coco_funit.Model


if TYPE_CHECKING:
    _: RecipeOf[base.Config, Hyper, funit.Data, base.Model, FewShot] = Recipe
