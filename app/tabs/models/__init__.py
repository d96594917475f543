"""The Models tab: the checkpoints that are there, what they are made of and how good they are.

Where only this machine can reach the page, its user may add checkpoints from other folders and from the Hub.
"""

from collections.abc import Callable
from functools import partial

from app.tabs import Page
from app.tabs.models.handlers import Models
from app.tabs.models.layout import lay_out, wire

NAME, PLACE = "Models", 4


def build(page: Page) -> Callable[[], None]:
    """Fill the current `gr.Tab`."""
    return partial(wire, lay_out(page.local), Models(page.shelf, page.local), page)
