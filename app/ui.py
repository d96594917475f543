"""The application: its page, its command line, its start."""

import argparse
import os
import socket
import sys
from pathlib import Path

# Before Gradio is imported: nothing of this app needs a network, so nothing is looked up.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr  # noqa: E402

from app import paint, translate, uris  # noqa: E402
from app.limits import BodyLimit  # noqa: E402
from app.shelf import Shelf  # noqa: E402
from app.widgets import STATIC  # noqa: E402
from cgan import Runtime  # noqa: E402
from cgan.checkpoint import default_root  # noqa: E402

LARGEST_REQUEST = 3 * uris.MAX_BYTES  # a map and a style picture in base64, and some more

BRAND = """<div class="brand"><svg viewBox="0 0 24 24"><rect x="3" y="3" width="18" height="18" rx="5"/>
<path d="M3 15c3-4 6-4 9-1s6 2 9-2v4a5 5 0 0 1-5 5H8a5 5 0 0 1-5-5z"/><circle cx="8" cy="8.500" r="2"/></svg>
<b>cgan</b><span>conditional GANs, live</span></div>"""


def theme() -> gr.themes.Base:
    """Neutral greys, so that the colours on the page are those of maps and pictures; fonts of the system."""
    return gr.themes.Base(
        primary_hue="indigo", secondary_hue="zinc", neutral_hue="zinc", radius_size="md", spacing_size="sm",
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
        font_mono=["ui-monospace", "Consolas", "monospace"],
    )


def build(shelf: Shelf) -> gr.Blocks:
    """The whole page. A tab is a module with a function `tab`, which fills it and listens."""
    with gr.Blocks(title="cgan", fill_width=True) as page:
        with gr.Row(elem_id="header"):
            gr.HTML(BRAND, elem_id="brand", apply_default_css=False)
            status = gr.HTML(elem_id="status", apply_default_css=False)
        with gr.Tabs() as tabs:
            with gr.Tab("Paint", id="paint"):
                painting = paint.tab(shelf, page, status)
            with gr.Tab("Translate", id="translate") as shown:
                translate.tab(shelf, shown, status, tabs, painting.style)
    return page


def launch(page: gr.Blocks, **options):
    """`page.launch` with what every start of this app has in common."""
    return page.launch(
        theme=theme(), css_paths=[STATIC / "style.css", STATIC / "translate.css"], ssr_mode=False,
        run_history=False, footer_links=["api", "settings"], max_file_size=uris.MAX_BYTES,
        app_kwargs={"middleware": [(BodyLimit, (), {"limit": LARGEST_REQUEST})]}, **options,
    )


def flags() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="app.py", description="Paint with conditional GANs in the browser.")
    host = os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1")
    port = os.environ.get("GRADIO_SERVER_PORT", "7860")
    add = parser.add_argument
    add("--host", default=host, help="address to listen on; 0.0.0.0 lets others in (default %(default)s)")
    add("--port", type=int, default=int(port), help="default %(default)s")
    add("--share", action="store_true", help="make a public link (through Gradio's servers)")
    add("--checkpoints", type=Path, default=default_root(), metavar="FOLDER", help="default %(default)s")
    add("--browser", action=argparse.BooleanOptionalAction, default=True, help="open the page in a browser")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps … (default %(default)s)")
    add("--precision", default="auto", help="auto, fp32, fp16 or bf16 (default %(default)s)")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Start the app and serve until Ctrl-C. Returns the exit status: 2 for a start that cannot be."""
    parser = flags()
    given = parser.parse_args(arguments)
    try:
        runtime = Runtime.choose(given.device, given.precision)
    except ValueError as error:
        parser.error(str(error))
    if given.checkpoints.exists() and not given.checkpoints.is_dir():
        parser.error(f"--checkpoints {given.checkpoints} is a file; give the folder of checkpoints")
    if problem := refusal(given.host, given.port):
        where = f"{given.host}:{given.port}"
        print(f"app.py: cannot listen on {where}: {problem}; choose another --port", file=sys.stderr)
        return 2
    page = build(Shelf(given.checkpoints, given.device, given.precision))
    here = given.host in ("127.0.0.1", "localhost")
    _, local, public = launch(
        page, server_name=given.host, server_port=given.port, share=given.share,
        inbrowser=given.browser and here, quiet=True, prevent_thread_lock=True,
    )
    print(greeting(local, public, runtime), flush=True)
    page.block_thread()
    return 0


def greeting(local: str, public: str | None, runtime: Runtime) -> str:
    """The one line that the start prints: where the app is, and on what it computes."""
    where = local.rstrip("/") + (f" and {public}" if public else "")
    return f"cgan is at {where} · {runtime.describe()} · Ctrl-C ends it"


def refusal(host: str, port: int) -> str | None:
    """Why nobody can listen there, in the system's words; None if one can."""
    try:
        socket.create_server((host, port)).close()
    except (OSError, OverflowError) as error:
        return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return None
