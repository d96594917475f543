"""The tabs of the page: a folder each, whose name is the tab's id. A tab is added by adding a folder.

`__init__.py` has `NAME`, `PLACE` and `build` (see `Tab`), `handlers.py` what the tab does apart from how it
looks, `layout.py` how it looks and to which handler each component talks, NAME.css what only this tab needs.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import gradio as gr

from app.shelf import Shelf

STYLESHEETS = sorted(Path(__file__).parent.glob("*/*.css"))


@dataclass(frozen=True)
class Page:
    """The page, as one of its tabs is given it: all but `status` they share.

    Attributes: `shelf` lends the models; `local` tells that only this machine can reach the page, so that
    its visitor may name folders, `training` that runs may be started from it; `blocks` is the page itself
    (its `load`), `status` the tab's line in the header, `tabs` the row of tabs; `opened` has the `gr.Tab` of
    each tab by id (its `select`), and `inlets` the components that a tab lets others fill, as "id.what".
    """

    shelf: Shelf
    blocks: gr.Blocks
    status: gr.HTML
    tabs: gr.Tabs
    opened: dict[str, gr.Tab]
    inlets: dict[str, gr.components.Component]
    local: bool
    training: bool


class Tab(Protocol):
    """What the module of a tab has."""

    NAME: str  # as the page shows it
    PLACE: int  # tabs stand in this order

    def build(self, page: Page) -> Callable[[], None]:
        """Fill the current `gr.Tab`. What is returned connects it, and is called when all tabs are filled."""


def found() -> dict[str, Tab]:
    """The tabs by id, in the order of the page."""
    names = [each.name for each in pkgutil.iter_modules(__path__) if each.ispkg]
    tabs = {name: importlib.import_module(f"{__name__}.{name}") for name in names}
    return dict(sorted(tabs.items(), key=lambda item: item[1].PLACE))
