"""`python -m train export CHECKPOINT`: the model as files that run without this package.

    --onnx         ONNX graphs of any model of pictures, for ONNX Runtime and whatever else reads ONNX
    --page FILE    one HTML file of a painter of label maps, which paints in any browser without a network

With neither, the ONNX graphs are written. What a graph takes and gives stands in it and is printed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from train.log import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `python -m train export`."""
    flag = parser.add_argument
    flag("checkpoint", help="folder, name or Hub id of a checkpoint")
    flag("--onnx", action="store_true", help="write ONNX graphs")
    flag("--out", type=Path, metavar="FOLDER", help="where they go (default: onnx/ in the checkpoint)")
    flag("--page", type=Path, metavar="FILE", help="write a page that paints, such as painter.html")
    flag("--start", type=Path, metavar="PNG", help="the label map that the page begins with")
    flag(
        "--runtime",
        type=Path,
        metavar="FOLDER",
        help="the npm package onnxruntime-web, unpacked (default: npm fetches it once)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Do what the flags ask. Gives the exit code; what cannot be is a CganError."""
    from cgan import export  # only now: it needs torch
    from cgan.checkpoint import locate

    if arguments.page is None and (arguments.start or arguments.runtime):
        raise ValueError("--start and --runtime are for a page: give --page FILE too")
    source = locate(arguments.checkpoint)
    if arguments.onnx or arguments.page is None:
        for path in export.write(source, arguments.out or source / "onnx"):
            say(f"{path} ({path.stat().st_size / 2**20:.1f} MiB)")
            say("  " + export.told(path).replace("\n", "\n  "))
    if arguments.page is not None:
        write_page(arguments, source)
    return 0


def write_page(arguments: argparse.Namespace, source: Path) -> None:
    """Write the page, with the map that is to lie on it."""
    from cgan.checkpoint import read
    from cgan.export import page, runtime

    palette, start = read(source).palette, None
    if palette is not None:
        examples = sorted((source / "examples").glob("*.png"))[:1]
        given = [arguments.start] if arguments.start else examples
        start = palette.ids(given[0]) if given else None
    files = runtime.fetched() if arguments.runtime is None else runtime.found(arguments.runtime)
    path = page.write(source, arguments.page, files, start)
    say(f"{path} ({path.stat().st_size / 2**20:.1f} MiB): open it in a browser")
