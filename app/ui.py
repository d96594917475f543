"""The page: its header, its tabs, its looks."""

import os
from pathlib import Path

# Before Gradio is imported: nothing of this app needs a network, so nothing is looked up.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "1000")

import gradio as gr  # noqa: E402
from fastapi.exceptions import RequestValidationError  # noqa: E402
from gradio.route_utils import FnIndexInferError  # noqa: E402
from gradio.utils import LRUCache  # noqa: E402

from app import components, requests, tabs  # noqa: E402
from app.calls import Calls, not_there  # noqa: E402
from app.shelf import Shelf  # noqa: E402

SESSIONS = 256  # visitors that are remembered: the one who was away longest is forgotten first
WAITING = 256  # calls that wait: further ones are refused
REST, REPORT = 0.005, 0.05  # seconds between two looks at that line and at progress: Gradio's own, 0.001 and
# 0.01, take a twentieth of a core of an app that nobody uses
CLEAN, KEPT = 600, 3600  # seconds between two looks at uploaded files, and after which they are deleted

STYLESHEETS = [Path(__file__).parent / "style.css", *components.STYLESHEETS, *tabs.STYLESHEETS]

# What the browser itself draws (scrollbars, menus) is dark with the page. Gradio's stylesheets reach no root.
HEAD = "<style>:root:has(body.dark) { color-scheme: dark; }</style>"

BRAND = """<h1 class="brand"><svg viewBox="0 0 24 24"><rect x="3" y="3" width="18" height="18" rx="5"/>
<path d="M3 15c3-4 6-4 9-1s6 2 9-2v4a5 5 0 0 1-5 5H8a5 5 0 0 1-5-5z"/><circle cx="8" cy="8.500" r="2"/></svg>
<b>cgan</b><span>conditional GANs, live</span></h1>"""


def theme() -> gr.themes.Base:
    """Neutral greys, so that the colours on the page are those of maps and pictures; fonts of the system."""
    return gr.themes.Base(
        primary_hue="indigo",
        secondary_hue="zinc",
        neutral_hue="zinc",
        radius_size="md",
        spacing_size="sm",
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
        font_mono=["ui-monospace", "Consolas", "monospace"],
    )


def build(shelf: Shelf, local: bool = False, training: bool = False) -> gr.Blocks:
    """The whole page: every tab that there is, filled and then connected.

    local: nobody but the user of this machine can reach it, and may name its folders; training: who reaches
    it may train.
    """
    with Calls(title="cgan", fill_width=True, delete_cache=(CLEAN, KEPT)) as blocks:
        with gr.Row(elem_id="header"):
            gr.HTML(BRAND, elem_id="brand", apply_default_css=False)
            with gr.Row(elem_id="status"):
                status = {name: lay_out_status(name) for name in tabs.found()}
        with gr.Tabs() as row:
            opened: dict[str, gr.Tab] = {}
            inlets: dict[str, gr.components.Component] = {}
            connections = []
            for name, tab in tabs.found().items():
                with gr.Tab(tab.NAME, id=name) as opened[name]:
                    page = tabs.Page(shelf, blocks, status[name], row, opened, inlets, local, training)
                    connections.append(tab.build(page))
        for connect in connections:
            connect()
    return blocks


def lay_out_status(tab: str) -> gr.HTML:
    """A line in the header, which is seen while its tab is."""
    return gr.HTML(label="status", elem_id=f"status-{tab}", elem_classes=["status"], apply_default_css=False)


def launch(page: gr.Blocks, **options) -> tuple[object, str, str | None]:
    """`page.launch` with what all starts of this app have in common: server, local and public address.

    What Gradio keeps for a visitor is bounded, as is what it keeps of answers that nobody fetches.
    """
    page.queue(api_open=False, max_size=WAITING)  # no call goes past the line in which those of models wait
    queue = page._queue  # noqa: SLF001  # there are no options for these
    queue.pending_messages_per_session = LRUCache(SESSIONS)
    queue.sleep_when_free, queue.progress_update_sleep_when_free = REST, REPORT
    return page.launch(
        state_session_capacity=SESSIONS,
        theme=theme(),
        css_paths=STYLESHEETS,
        head=HEAD,
        ssr_mode=False,
        run_history=False,
        footer_links=["api", "settings"],
        max_file_size=requests.MAX_BYTES,
        app_kwargs={
            "middleware": [(requests.BodyLimit, (), {})],
            "exception_handlers": {
                RequestValidationError: requests.refuse,
                FnIndexInferError: not_there,
                KeyError: not_there,
            },
        },
        **options,
    )
