"""What people do with a model: paint a map, translate a picture, animate maps. Outside numpy, inside tensors.

`cgan.load` returns one of these, ready to use; a model names its task, and TASKS finds the class.
"""

from cgan.tasks.animator import Animator, Geometry
from cgan.tasks.painter import Painter
from cgan.tasks.translator import Translator

TASKS = {"animate": Animator, "paint": Painter, "translate": Translator}

__all__ = ["TASKS", "Animator", "Geometry", "Painter", "Translator"]
