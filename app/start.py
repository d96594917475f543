"""The start: the command line, the address, the line that is printed when it is there."""

import argparse
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import NoReturn

from app.shelf import Shelf
from app.tabs.paint.handlers import Painting
from app.ui import build, launch
from cgan import CganError, Runtime
from cgan.checkpoint import default_root


class Flags(argparse.ArgumentParser):
    """An `ArgumentParser` that tells what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """End with status 2 and this line."""
        self.exit(2, f"{self.prog}: error: {message}; --help lists all flags\n")


def flags(program: str = "app.py") -> Flags:
    """The command line."""
    parser = Flags(program, description="Paint with conditional GANs in the browser.")
    host = os.environ.get("GRADIO_SERVER_NAME") or "127.0.0.1"
    port = os.environ.get("GRADIO_SERVER_PORT") or "7860"
    add = parser.add_argument
    add("--host", default=host, help="address to listen on; 0.0.0.0 lets others in (default %(default)s)")
    add("--port", type=int, default=port, help="default %(default)s")
    add("--share", action="store_true", help="make a public link (through Gradio's servers)")
    add("--checkpoints", type=Path, default=default_root(), metavar="FOLDER", help="default %(default)s")
    add("--browser", action=argparse.BooleanOptionalAction, default=True, help="open the page in a browser")
    allowed = "let whoever reaches the page train here, though others can"
    add("--allow-training", action="store_true", help=allowed)
    add("--mcp", action="store_true", help="serve the API to agents too, as MCP (needs gradio[mcp])")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps … (default %(default)s)")
    add("--precision", default="auto", help="auto, fp32, fp16 or bf16 (default %(default)s)")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Start the app and serve until Ctrl-C. Returns the exit status: 2 for a start that cannot be."""
    parser = flags()
    given = parser.parse_args(arguments)
    try:
        Runtime.choose(given.device, given.precision)
    except ValueError as error:
        parser.error(str(error))
    return serve(given, parser, lambda: Shelf(given.checkpoints, given.device, given.precision))


def serve(given: argparse.Namespace, parser: argparse.ArgumentParser, shelf_of: Callable[[], Shelf]) -> int:
    """Serve the page with the models of a shelf, until Ctrl-C. Returns the exit status."""
    if given.checkpoints.exists() and not given.checkpoints.is_dir():
        parser.error(f"--checkpoints {given.checkpoints} is a file; give the folder of checkpoints")
    if given.mcp and find_spec("mcp") is None:
        parser.error("--mcp needs a further package: pip install 'gradio[mcp]'")
    if problem := refusal(given.host, given.port):
        where = f"{given.host}:{given.port}"
        print(f"app.py: cannot listen on {where}: {problem}; choose another --port", file=sys.stderr)
        return 2
    here = given.host in ("127.0.0.1", "localhost", "::1")
    alone = here and not given.share
    shelf = shelf_of()
    page = build(shelf, local=alone, training=alone or given.allow_training)
    _, local, public = launch(
        page,
        server_name=given.host,
        server_port=given.port,
        share=given.share,
        inbrowser=given.browser and here,
        quiet=True,
        prevent_thread_lock=True,
        mcp_server=given.mcp,
    )
    print(greeting(local, public, shelf.where()), flush=True)
    Thread(target=warm, args=(shelf,), daemon=True).start()
    page.block_thread()
    return 0


def warm(shelf: Shelf) -> None:
    """Load the model that the page shows first, while a browser opens it: the first picture comes sooner."""
    listed, _ = Painting(shelf).checkpoints(None)
    if listed["value"]:
        with suppress(CganError):  # the page will tell, when it asks for the model itself
            shelf.painter(listed["value"])


def greeting(local: str, public: str | None, computes: str) -> str:
    """The line that the start prints in the end: where the app is, and on what it computes."""
    where = local.rstrip("/") + (f" and {public}" if public else "")
    return f"cgan is at {where} · {computes} · Ctrl-C ends it"


def refusal(host: str, port: int) -> str | None:
    """Why nobody can listen there, in the system's words; None if one can."""
    try:
        socket.create_server((host, port)).close()
    except (OSError, OverflowError, TypeError, ValueError) as error:  # the last two: no name of a host
        return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return None
