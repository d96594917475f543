"""One HTML file that paints in any browser without a network: the exported painter, and what runs it.

    page.write("spade-landscape", Path("landscape.html"), runtime.folder())

The file holds the graphs, ONNX Runtime for browsers (the npm package onnxruntime-web, as WebAssembly) and the
scripts that lie beside this one. Its policy lets it load nothing from anywhere.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cgan import export
from cgan.checkpoint import Checkpoint
from cgan.errors import CganError
from cgan.export.graphs import Graph
from cgan.export.runtime import SCRIPT, WASM
from cgan.files import replaced
from cgan.labels import Palette

HERE = Path(__file__).parent
SHARES = (0.5, 0.75, 1.0, 1.5)  # of the training pictures' sides: the sizes that can be chosen


def write(source: str | Path, path: Path, runtime: Path, start: NDArray[np.uint8] | None = None) -> Path:
    """Write the page of a painter; gives its path.

    `runtime`: the folder of the npm package's two files; `start`: the labels, uint8 (H, W), that lie on the
    canvas at first. Raises `CheckpointError` and `CganError`.
    """
    checkpoint, graphs = export.read(source)
    if checkpoint.palette is None or graphs[0].name != "paint":
        raise CganError(f"the page is for painters of label maps; {checkpoint.name} translates pictures")
    files = {
        graph.name: smaller(export.exported(graph, checkpoint)) for graph in graphs if graph.name != "encode"
    }
    text = assembled(checkpoint, checkpoint.palette, graphs[0], files, runtime, start)
    try:
        with replaced(path) as beside:
            beside.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CganError(f"{path} cannot be written: {error.strerror or error}") from error
    return path


def assembled(
    checkpoint: Checkpoint,
    palette: Palette,
    graph: Graph,
    files: dict[str, bytes],
    runtime: Path,
    start: NDArray[np.uint8] | None,
) -> str:
    """The text of the page."""
    sizes = sizes_of(checkpoint.about["size"], graph)
    size = sizes[SHARES.index(1.0)]
    ids = bands(size, len(palette)) if start is None else fitted(start, size)
    facts = {
        "name": checkpoint.name,
        "palette": [
            {**entry, "rgb": rgb} for entry, rgb in zip(palette.to_list(), palette.rgb.tolist(), strict=True)
        ],
        "style": graph.style,
        "size": size,
        "sizes": [list(each) for each in dict.fromkeys(map(tuple, sizes))],
        "start": ids.shape,
        "files": {name: len(data) for name, data in files.items()},
    }
    packed = files | {
        "map": ids.tobytes(),
        "runtime": (runtime / SCRIPT).read_bytes(),
        "wasm": (runtime / WASM).read_bytes(),
    }
    texts = {name: base64.b64encode(gzip.compress(data, 6)).decode() for name, data in packed.items()}
    blobs = "\n".join(
        f'<script type="text/plain" id="blob-{name}">{text}</script>' for name, text in texts.items()
    )
    parts = {
        "title": html.escape(checkpoint.name),
        "footer": footer(checkpoint),
        "style": (HERE / "page.css").read_text(encoding="utf-8"),
        "facts": json.dumps(facts, ensure_ascii=False).replace("<", "\\u003c"),
        "worker": (HERE / "worker.js").read_text(encoding="utf-8"),
        "script": (HERE / "page.js").read_text(encoding="utf-8"),
        "blobs": blobs,  # last: nothing is looked for in it
    }
    text = (HERE / "page.html").read_text(encoding="utf-8")
    for name, part in parts.items():
        text = text.replace("{{" + name + "}}", part)
    return text


def footer(checkpoint: Checkpoint) -> str:
    """Who made it, and under which licence."""
    about = checkpoint.about
    words = [f"Licence of the checkpoint: {about.get('licence') or 'not stated'}", about.get("attribution")]
    words.append("Runs on onnxruntime-web (MIT, Microsoft). Nothing leaves this page")
    return html.escape(". ".join(str(word).rstrip(".") for word in words if word) + ".")


def sizes_of(size: list[int], graph: Graph) -> list[list[int]]:
    """Heights and widths that can be chosen: shares of the training pictures' size, which the model takes."""
    step = graph.multiple
    return [[max(graph.least, round(side * share / step) * step) for side in size] for share in SHARES]


def fitted(labels: NDArray[np.uint8], size: list[int]) -> NDArray[np.uint8]:
    """Labels (H, W) at another size, each pixel as its nearest."""
    return np.asarray(cv2.resize(labels, (size[1], size[0]), interpolation=cv2.INTER_NEAREST), np.uint8)


def bands(size: list[int], classes: int) -> NDArray[np.uint8]:
    """A map to begin with where there is none: the first three classes, one below the other."""
    rows = np.arange(size[0]) * min(3, classes) // size[0]
    return np.repeat(rows[:, None], size[1], 1).astype(np.uint8)


def smaller(data: bytes) -> bytes:
    """The same graph with weights in fp16 where they are the same in it, as checkpoints store most."""
    import onnx
    from onnx import numpy_helper

    model: Any = onnx.load_from_string(data)
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or len(tensor.dims) < 2:
            continue
        values = numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            halves = values.astype(np.float16)
        if np.array_equal(halves.astype(np.float32), values):
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(halves, f"{name}.half"))
            casts.append(
                onnx.helper.make_node(
                    "Cast", [tensor.name], [name], name=f"{name}.whole", to=onnx.TensorProto.FLOAT
                )
            )
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return bytes(model.SerializeToString())
