"""The Train tab: start a run of `python -m train`, watch it, stop it, resume it.

It names folders of this machine and keeps it busy, so it is there for who sits at it: where others can reach
the page, the tab says how to allow it.
"""

from collections.abc import Callable
from functools import partial

import gradio as gr

from app.tabs import Page
from app.tabs.train.handlers import Runs
from app.tabs.train.layout import lay_out, wire
from app.training import Training

NAME, PLACE = "Train", 5
OFF = """<p>Training is off here, because others can reach this page: it names folders of this machine and
keeps it busy. Start the app for this machine alone, or with <code>--allow-training</code>. The command line
trains too: <code>python -m train</code></p>"""


def build(page: Page) -> Callable[[], None]:
    """Fill the current `gr.Tab`."""
    if not page.training:
        gr.HTML(OFF, elem_id="r-off", elem_classes=["notice"], apply_default_css=False)
        return lambda: None
    runs = Runs(page.shelf, Training(page.shelf.root))
    return partial(wire, lay_out(runs), runs, page)
