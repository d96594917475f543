"""Export: every model of pictures computes as ONNX what it computes here, and says what it is."""

import base64
import gzip
import json
import re
import warnings

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import cgan
from cgan import export, models
from cgan.checkpoint import Checkpoint
from cgan.export import page, runtime
from cgan.export.graphs import graphs_of
from cgan.labels import Label, Palette
from train.__main__ import main

CLASSES = 12
PALETTE = Palette(tuple(Label(id, f"class {id}", f"#{id:02x}0000") for id in range(CLASSES)))
ABOUT = {"size": [64, 96], "licence": "for <tests> only", "domains": ["drawing", "photograph"]}
IMAGES = [
    name for name in models.names() if models.module(name).Model.task in ("paint", "translate", "label")
]


def made(name: str):
    """A tiny model whose every number was drawn, statistics of norms too."""
    module = models.module(name)
    model = module.Model(module.PRESETS["tiny"]).eval().requires_grad_(False)
    for part in model.state_dict().values():
        if part.ndim == 1:
            part.add_(torch.rand_like(part))
        elif part.ndim and not part.any():
            part.normal_()
    return model


@pytest.fixture(scope="module")
def painter(tmp_path_factory):
    """The folder of a tiny SPADE."""
    return cgan.save(tmp_path_factory.mktemp("painter") / "tiny", made("spade"), PALETTE, ABOUT)


@pytest.mark.parametrize("name", IMAGES)
def test_every_model_of_pictures_computes_the_same(name, tmp_path):
    checkpoint = Checkpoint(tmp_path / "x", name, {}, None, ABOUT, "abc")
    graphs = graphs_of(made(name))
    assert {graph.name.split("_")[0] for graph in graphs} & {"paint", "translate", "label"}
    for graph in graphs:
        data = export.exported(graph, checkpoint)  # which compares, at two sizes
        told = onnx.load_from_string(data)
        assert {each.key: each.value for each in told.metadata_props}["licence"] == ABOUT["licence"]
        assert all(each.name in told.doc_string for each in (*told.graph.input, *told.graph.output))
        assert not {node.op_type for node in told.graph.node} & {"BatchNormalization"}, "it is folded"


@pytest.mark.parametrize("name", [name for name in models.names() if name not in IMAGES])
def test_videos_are_refused(name):
    with pytest.raises(cgan.CganError, match="makes videos"):
        graphs_of(made(name))


def test_what_differs_is_not_written(painter, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "CLOSE", -1.0)
    with pytest.raises(cgan.CganError, match="differs from the model"):
        export.write(painter, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_graphs_paint_what_the_painter_paints(painter, tmp_path, capsys):
    """As an engineer would use them: draw a style, paint."""
    assert main(["export", str(painter), "--onnx", "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().err
    assert "labels: uint8 (1, H, W)" in said and "style: float32 (1, 8)" in said
    sessions = {
        path.stem: onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        for path in tmp_path.glob("*.onnx")
    }
    assert sessions.keys() == {"paint", "encode", "draw"}
    labels = np.arange(96 * 128, dtype=np.uint8).reshape(96, 128) // 32 % CLASSES
    generator = torch.Generator().manual_seed(7)
    normal = torch.randn(1, 8, generator=generator).numpy()
    noise = torch.randn(1, 1, 96, 128, generator=generator).numpy()
    style = sessions["draw"].run(None, {"normal": normal})[0]
    image = sessions["paint"].run(None, {"labels": labels[None], "style": style, "noise": noise})[0]
    picture = ((image[0].transpose(1, 2, 0) + 1) * 127.5).round()
    expected = cgan.load(painter, "cpu", "fp32").paint(labels, seed=7)[0]
    assert np.abs(picture - expected).max() <= 1
    facts = sessions["paint"].get_modelmeta().custom_metadata_map
    assert json.loads(facts["palette"]) == PALETTE.to_list() and facts["multiple"] == "32"


def test_a_page_holds_all_that_it_needs(painter, tmp_path, capsys):
    for file in (runtime.SCRIPT, runtime.WASM):
        (tmp_path / file).write_bytes(file.encode())
    words = ["export", str(painter), "--page", str(tmp_path / "page.html"), "--runtime"]
    assert main([*words, str(tmp_path / "nowhere")]) == 2
    assert "give the folder of the npm package onnxruntime-web" in capsys.readouterr().err
    assert main([*words, str(tmp_path)]) == 0
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    blobs = {
        name: gzip.decompress(base64.b64decode(packed))
        for name, packed in re.findall(r'id="blob-(\w+)">([^<]*)<', text)
    }
    assert blobs.keys() == {"paint", "draw", "map", "runtime", "wasm"}
    assert blobs["wasm"] == runtime.WASM.encode() and len(blobs["map"]) == 64 * 96
    assert not re.search(r"https?://|\{\{", text) and "connect-src data:;" in text and "&lt;tests&gt;" in text
    graph = export.read(painter)[1][0]
    assert 0 <= export.difference(blobs["paint"], graph) < export.CLOSE
    assert len(blobs["paint"]) < 0.8 * len(export.exported(graph, cgan.read_checkpoint(painter)))
    folder = cgan.save(tmp_path / "unit", made("unit"), None, ABOUT)
    with pytest.raises(cgan.CganError, match="for painters"):
        page.write(folder, tmp_path / "unit.html", tmp_path)


def test_pictures_are_made_smaller_as_here(tmp_path):
    """At the borders too, where ONNX by itself blends in nothing."""

    class Smaller(torch.nn.Module):
        def forward(self, image):
            size = (32, 32)
            return torch.nn.functional.interpolate(image, size=size, mode="bilinear", antialias=True)

    export._operations()
    image = torch.rand(1, 3, 96, 64) * 2 - 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(Smaller(), (image,), tmp_path / "x.onnx", dynamo=False, opset_version=export.OPSET)
    session = onnxruntime.InferenceSession(tmp_path / "x.onnx", providers=["CPUExecutionProvider"])
    found = session.run(None, {session.get_inputs()[0].name: image.numpy()})[0]
    assert np.abs(found - Smaller()(image).numpy()).max() < 1e-5
