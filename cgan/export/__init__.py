"""Export: a checkpoint's model as ONNX graphs, which run without this package and without torch.

    export.write("spade-camvid", Path("exported"))  # paint.onnx, encode.onnx, draw.onnx

A graph computes what the model computes in eval mode and fp32. One picture at a time; height and width are
free, multiples of the model's. What a graph takes and gives stands in it (`doc_string`), and what the
checkpoint says of itself, palette and licence too (`metadata_props`). Each is compared with the model, in
ONNX Runtime and at a second size, before it is written.

`cgan.export.page.write` makes one HTML file of a painter, which paints in any browser without a network.

Needs the packages of the extra `export`. Videos are not exported: their frames depend on those before.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgan.checkpoint import Checkpoint, load_model, locate
from cgan.errors import CganError
from cgan.export.graphs import FREE, WORDS, Graph, graphs_of, plain
from cgan.files import replaced

OPSET = 18  # of ONNX, December 2022: its Resize knows antialiasing, which SPADE's style encoder needs
CLOSE = 1e-3  # from the model's output, at most
NEEDED = ("onnx", "onnxruntime")


def write(source: str | Path, folder: Path) -> list[Path]:
    """Write the graphs of a checkpoint (as `cgan.load` finds it) into `folder`, which is made if need be.

    Raises `CheckpointError` for what is wrong with the checkpoint, `CganError` for what cannot be exported.
    """
    checkpoint, graphs = read(source)
    paths = []
    for graph in graphs:
        data = exported(graph, checkpoint)
        paths.append(folder / f"{graph.name}.onnx")
        try:
            with replaced(paths[-1], shared=True) as beside:
                beside.write_bytes(data)
        except OSError as error:
            raise CganError(f"{paths[-1]} cannot be written: {error.strerror or error}") from error
    return paths


def lacking() -> list[str]:
    """The packages that export needs and that are not installed."""
    return [name for name in NEEDED if importlib.util.find_spec(name) is None]


def read(source: str | Path) -> tuple[Checkpoint, list[Graph]]:
    """A checkpoint and the graphs of its model."""
    if missing := lacking():
        raise CganError(f"export needs {' and '.join(missing)}: pip install '.[export]'")
    checkpoint, model = load_model(locate(source))
    return checkpoint, graphs_of(model.eval().requires_grad_(False))


def exported(graph: Graph, checkpoint: Checkpoint) -> bytes:
    """The ONNX file of a graph, compared with its module. `CganError` where the two differ."""
    data = described(traced(graph), graph, checkpoint)
    apart = difference(data, graph)
    if not apart <= CLOSE:
        raise CganError(f"{graph.name} of {checkpoint.name} differs from the model by {apart:.2g} as ONNX")
    return data


def traced(graph: Graph) -> bytes:
    """The graph's operations and weights as ONNX."""
    _operations()
    example = graph.example()
    axes = {name: FREE[name] for name in (*graph.inputs, graph.output) if name in FREE}
    with tempfile.TemporaryDirectory() as beside, warnings.catch_warnings(), torch.no_grad():
        # Tracing is called old, but the new exporter takes a minute for a model and gives the same; and that
        # comparisons of sizes become constants is wanted: they ask whether a map is tiny.
        warnings.simplefilter("ignore")
        path = Path(beside) / "graph.onnx"
        torch.onnx.export(
            plain(graph.module),
            tuple(example.values()),
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=list(example),
            output_names=[graph.output],
            dynamic_axes={name: dict(zip(places, "HW", strict=True)) for name, places in axes.items()},
        )
        return path.read_bytes()


def described(data: bytes, graph: Graph, checkpoint: Checkpoint) -> bytes:
    """The same file, which says what it is; inputs that nothing reads are gone."""
    import onnx

    model = onnx.load_from_string(data)
    read = {name for node in model.graph.node for name in node.input}
    unread = [each for each in model.graph.input if each.name not in read]
    for each in unread:
        model.graph.input.remove(each)
    model.producer_name, model.graph.name = "cgan", graph.name
    for value in (*model.graph.input, *model.graph.output):
        value.doc_string = WORDS[value.name].format(style=graph.style, classes=graph.classes)
    takes = "\n".join(f"  {value.name}: {value.doc_string}" for value in model.graph.input)
    gives = "\n".join(f"  {value.name}: {value.doc_string}" for value in model.graph.output)
    sides = f"H and W are multiples of {graph.multiple}, at least {graph.least}."
    model.doc_string = f"{checkpoint.name} {graph.does}.\ntakes\n{takes}\ngives\n{gives}\n{sides}"
    onnx.helper.set_model_props(model, facts(graph, checkpoint))
    return model.SerializeToString()


def told(path: Path) -> str:
    """What an exported file says of itself."""
    import onnx

    return str(onnx.load(path, load_external_data=False).doc_string)


def facts(graph: Graph, checkpoint: Checkpoint) -> dict[str, str]:
    """What the checkpoint says of itself, in words and JSON."""
    about = checkpoint.about
    told = {
        "checkpoint": checkpoint.name,
        "model": checkpoint.model,
        "sha256": checkpoint.sha256,
        "multiple": str(graph.multiple),
        "size": json.dumps(list(about["size"])),
        "licence": str(about.get("licence", "not stated")),
        "attribution": str(about.get("attribution", "")),
    }
    if checkpoint.palette is not None:
        told["palette"] = json.dumps(checkpoint.palette.to_list(), ensure_ascii=False)
    if "domains" in about:
        told["domains"] = json.dumps(about["domains"], ensure_ascii=False)
    return told


def difference(data: bytes, graph: Graph) -> float:
    """How far the file is from the module, at most, at two sizes: in ONNX Runtime on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    apart = 0.0
    for more in ((0, 0), (1, 2)):
        example = graph.example(more, seed=1)
        with torch.no_grad():
            expected = graph.module(*example.values()).numpy()
        found = run(session, {name: value.numpy() for name, value in example.items()})
        apart = max(apart, float(np.abs(found - expected).max()) if expected.size else 0.0)
    return apart


def run(session: Any, inputs: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    """The one output of a session of ONNX Runtime; what it does not read of the inputs is left out."""
    read = {each.name for each in session.get_inputs()}
    output: NDArray[np.float32] = session.run(
        None, {name: value for name, value in inputs.items() if name in read}
    )[0]
    return output


@functools.cache
def _operations() -> None:
    """Teach torch's tracer two operations of ours that ONNX has under other names."""
    register = torch.onnx.register_custom_op_symbolic  # type: ignore[attr-defined]  # it is public
    register("aten::_upsample_bilinear2d_aa", _smaller, OPSET)
    register("aten::special_ndtr", _normal_share, OPSET)


def _smaller(g: Any, x: Any, size: Any, *_: Any) -> Any:
    """A picture (1, 3, H, W) at a fixed size, bilinear with antialiasing."""
    constant, nothing = _constants(g), torch.tensor([])
    whole = g.op("Concat", constant(torch.tensor([1, 3])), size, axis_i=0)
    more = {"mode_s": "linear", "coordinate_transformation_mode_s": "half_pixel", "antialias_i": 1}
    more["exclude_outside_i"] = (
        1  # as torch does: weights beyond the border are shared out among those inside
    )
    return g.op("Resize", x, constant(nothing), constant(nothing), whole, **more)


def _normal_share(g: Any, x: Any) -> Any:
    """The share of N(0, 1) below x: (1 + erf(x / sqrt 2)) / 2."""
    constant = _constants(g)
    half, one, root = (constant(torch.tensor(value)) for value in (0.5, 1.0, 0.5**0.5))
    return g.op("Mul", half, g.op("Add", one, g.op("Erf", g.op("Mul", x, root))))


def _constants(g: Any) -> Any:
    """What makes a constant of a tensor."""

    def constant(value: Tensor) -> Any:
        return g.op("Constant", value_t=value)

    return constant
