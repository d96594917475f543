"""The models: one file each, found by its name. Adding a model is adding a file; nothing here changes.

A model's file has `Config` (a frozen dataclass: the shape of the weights), `PRESETS` (name -> Config) and
`Model(nn.Module)`, which takes the Config, keeps it as `.config` and names its `task`.
"""

import importlib
import pkgutil
from types import ModuleType


def names() -> list[str]:
    """The names of all models, in alphabetical order; a file whose name begins with _ is none."""
    return sorted(it.name for it in pkgutil.iter_modules(__path__) if not it.name.startswith("_"))


def module(name: str) -> ModuleType:
    """The module of model `name`; ValueError lists the names there are."""
    if name not in names():
        raise ValueError(f"no model {name!r}; there are: {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{name}")
