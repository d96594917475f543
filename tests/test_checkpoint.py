"""Checkpoints: every model goes through a folder and back, every other folder gets one line."""

import hashlib
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from samples import ROOT, SIZE, make, palette_of, save

import cgan
from cgan import checkpoint, models
from cgan.errors import CheckpointError
from cgan.models import spade


def change(folder, **fields):
    """Write fields into a config.json."""
    content = json.loads((folder / "config.json").read_text()) | fields
    (folder / "config.json").write_text(json.dumps(content))


@pytest.fixture(scope="module")
def model():
    return make()


@pytest.fixture
def folder(model, tmp_path):
    return save(tmp_path / "street", model)


def refused(folder, words, only_whole=False):
    """The folder must be refused in one line with these words, by `find` too unless only the weights tell."""
    with pytest.raises(CheckpointError) as caught:
        cgan.load(folder, device="cpu")
    message = str(caught.value)
    assert words in message and folder.name in message and "\n" not in message
    found = cgan.find(folder.parent)
    if only_whole:
        assert not found.broken
    else:
        assert not found.checkpoints
        if found.broken:  # a folder with neither file is not counted as a checkpoint
            assert words in str(found.broken[folder.name])


# ---- There and back


@pytest.mark.parametrize("name", models.names())
def test_every_model_there_and_back(name, tmp_path):
    model = make(name)
    folder = save(tmp_path / name, model, licence="free")
    assert sorted(os.listdir(folder)) == ["config.json", "model.safetensors"]
    said, back = cgan.load_model(folder)
    assert said.config == json.loads(json.dumps(vars(model.config))) and back.config == model.config
    assert said.model == name == json.loads((folder / "config.json").read_text())["model"]
    assert said.about == {"size": SIZE, "licence": "free"} and said.palette == palette_of(model.config)
    stored = safetensors.torch.load_file(folder / "model.safetensors")
    for key, value in model.state_dict().items():
        loaded = back.state_dict()[key]
        assert not loaded.is_meta and loaded.dtype == value.dtype
        if value.is_floating_point():
            assert stored[key].dtype == (torch.float16 if value.ndim >= 2 else torch.float32)
        assert torch.allclose(loaded, value, rtol=1e-3, atol=1e-7)
    assert all(parameter.requires_grad for parameter in back.parameters())


def test_loading_draws_no_random_numbers(folder):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    cgan.load(folder, device="cpu")
    assert torch.equal(torch.rand(1), expected)


def test_load_paints(folder):
    painter = cgan.load(folder, device="cpu", precision="fp32")
    assert painter.checkpoint.name == "street" and painter.size == (32, 64)
    pictures = painter.paint(np.zeros((33, 40), np.uint8), seed=1)
    assert pictures.shape == (1, 33, 40, 3) and pictures.dtype == np.uint8


def test_channels_last_weights_are_stored_plainly(tmp_path, model):
    last = make().to(memory_format=torch.channels_last)
    save(tmp_path / "a", last)
    first, second = cgan.load_model(tmp_path / "a")[1], cgan.load_model(save(tmp_path / "b", model))[1]
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_import_is_light():
    code = "import sys, cgan; print({'gradio', 'torchvision', 'huggingface_hub'} & set(sys.modules))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert output.stdout.strip() == "set()", output.stderr


def test_a_model_to_be_loaded_needs_no_compiler():
    """Each is built where there is no memory, out of what torch has kernels for there: no second is lost."""
    code = """
import sys, torch
from cgan import models
for name in models.names():
    module = models.module(name)
    options = {option: True for option in ("noise", "fitted") if hasattr(module.PRESETS["small"], option)}
    with torch.device("meta"):
        module.Model(type(module.PRESETS["small"])(**vars(module.PRESETS["small"]) | options))
    assert not {"sympy", "torch._dynamo"} & {*sys.modules}, name
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


# ---- What save refuses


def test_values_that_fp16_cannot_hold_are_named(tmp_path):
    for value, words in ((1e5, "start.weight holds values beyond"), (float("nan"), "start.weight holds NaN")):
        model = make()
        with torch.no_grad():
            model.start.weight[0, 0, 0, 0] = value
        with pytest.raises(ValueError, match=words):
            save(tmp_path / "new", model)
    assert not (tmp_path / "new").exists()


def test_wrong_arguments(tmp_path, model):
    palette = palette_of(model.config)
    for arguments, words in [
        ((torch.nn.Linear(1, 1), palette, {"size": SIZE}), "only models of cgan.models can be"),
        ((model, None, {"size": SIZE}), "classes, its palette 0"),
        ((model, palette, {}), "about needs a size"),
        ((model, palette, {"size": SIZE, "scores": float("nan")}), "JSON"),
    ]:
        with pytest.raises(ValueError, match=words):
            cgan.save(tmp_path / "new", *arguments)
    assert not (tmp_path / "new").exists()


# ---- Folders that are no checkpoints


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "model.safetensors is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
        (b"\n<!DOCTYPE html><html>Sign in</html>", "is a web page"),
        (b"PK\x03\x04" + bytes(200), "is a pickle"),
        (b"\x80\x02}q\x00." + bytes(200), "is a pickle"),
        (b"just some text, and more of it", "is not a safetensors file"),
        (b"\x20" + bytes(7) + b"{not json}" + b" " * 22, "is damaged: its header"),
        (b"\x02" + bytes(7) + b"{}", "is damaged: its header"),
        (b"\xff" * 8 + b"{}", "is not a safetensors file"),
    ],
    ids=["empty", "lfs", "html", "zip", "pickle", "text", "header", "nothing in it", "endless header"],
)
def test_strangers_in_place_of_the_weights(folder, content, words):
    (folder / "model.safetensors").write_bytes(content)
    refused(folder, words)


def test_weights_cut_off_or_too_long(folder):
    whole = (folder / "model.safetensors").read_bytes()
    for content, words in ((whole[:-9], "cut off"), (whole[:100], "cut off"), (whole + b" ", "too long")):
        (folder / "model.safetensors").write_bytes(content)
        refused(folder, words)


def test_weights_damaged_or_of_another_save(folder, tmp_path):
    damaged = bytearray((folder / "model.safetensors").read_bytes())
    damaged[-1] ^= 1
    (folder / "model.safetensors").write_bytes(damaged)
    refused(folder, "SHA-256 differ", only_whole=True)


def put(folder, tensors):
    """Replace the weights, and the hash, as one does who converts weights by hand."""
    data = safetensors.torch.save(tensors)
    (folder / "model.safetensors").write_bytes(data)
    change(folder, sha256=hashlib.sha256(data).hexdigest())


def test_weights_that_do_not_fit_the_model(folder):
    tensors = safetensors.torch.load_file(folder / "model.safetensors")
    less = {name: tensor for name, tensor in tensors.items() if name != "start.bias"}
    for wrong, words in [
        (less, "lacks start.bias"),
        (tensors | {"extra": torch.zeros(2)}, "that the model lacks, extra"),
        (tensors | {"start.bias": torch.zeros(3)}, "start.bias has the shape (3,), the model needs (32,)"),
        (tensors | {"start.bias": torch.zeros(32, dtype=torch.int64)}, "start.bias is torch.int64"),
    ]:
        put(folder, wrong)
        refused(folder, words, only_whole=True)


def test_a_config_of_another_shape(folder):
    config = json.loads((folder / "config.json").read_text())["config"]
    change(folder, config=config | {"filters": 4})
    refused(folder, "belong to another config", only_whole=True)
    change(folder, config=config | {"filters": 10**9})  # must cost no memory
    refused(folder, "config makes no spade: filters is 1000000000; it must be from 1 to 16384")
    change(folder, config=config | {"filters": "two"})
    refused(folder, "config makes no spade: filters is 'two'; it must be int")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "config.json is empty"),
        (b"<html>", "config.json is a web page"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        (b'{"format": 1,', "is not JSON"),
        (b"\xff\xfe\x00", "is not JSON"),
        (b'{"architectures": ["Bert"]}', "is not the config of a cgan checkpoint"),
        (b"[1]", "is not the config of a cgan checkpoint"),
    ],
)
def test_strangers_in_place_of_the_config(folder, content, words):
    (folder / "config.json").write_bytes(content)
    refused(folder, words)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"format": 2}, "has format 2, this cgan reads 1: update cgan"),
        ({"model": "spad"}, "no model 'spad'; there are: "),
        ({"model": 3}, "'model' is missing or no str"),
        ({"config": {}}, "config lacks classes, edges, filters and"),
        ({"about": {}}, "about needs a size"),
        ({"about": {"size": "large"}}, "about needs a size"),
        ({"about": None}, "'about' is missing or no dict"),
        ({"palette": None}, "classes, its palette 0"),
        ({"palette": [{"id": 0}]}, "palette entry 0"),
        ({"sha256": None}, "'sha256' is missing"),
    ],
)
def test_fields_of_the_config(folder, fields, words):
    change(folder, **fields)
    refused(folder, words)


def test_an_unknown_setting(folder, model):
    change(folder, config=vars(model.config) | {"attention": True})
    refused(folder, "unknown settings in config, attention; spade has: classes, ")


def test_missing_files(folder):
    (folder / "config.json").rename(folder / "elsewhere")
    refused(folder, "has no config.json")
    (folder / "model.safetensors").unlink()
    refused(folder, "has no model.safetensors; copy")
    (folder / "net_G.PTH").write_bytes(b"\x80\x02.")
    refused(folder, "has no model.safetensors, only net_G.PTH: it is a pickle")


def test_a_pickle_is_never_unpickled(folder, tmp_path):
    """A pickle that would leave a mark if anything read it as one."""

    class Mark:
        def __reduce__(self):
            return Path.touch, (tmp_path / "it ran",)

    for data in (pickle.dumps(Mark()), pickle.dumps(Mark(), protocol=0)):
        (folder / "model.safetensors").write_bytes(data)
        refused(folder, "model.safetensors")
    torch.save({"a": Mark()}, folder / "model.safetensors")
    refused(folder, "is a pickle")
    assert not (tmp_path / "it ran").exists()


# ---- Finding


def test_names_folders_and_strangers(folder, monkeypatch, tmp_path):
    assert cgan.load("street", device="cpu", root=tmp_path).checkpoint.folder == folder
    assert checkpoint.locate(str(folder)) == folder
    monkeypatch.chdir(folder.parent)
    assert checkpoint.locate("street", root="nowhere") == Path("street")
    for source in ("nothing", "", " ", "a\0b", "x" * 5000, "../a/b", "/a/b", Path("a/b")):
        with pytest.raises(CheckpointError, match="there are: street"):
            checkpoint.locate(source, root=tmp_path)
    with pytest.raises(CheckpointError, match="could run foreign code"):
        checkpoint.locate("latest_net_G.pth", root=tmp_path)
    with pytest.raises(CheckpointError, match="is a file; give the folder"):
        checkpoint.locate(folder / "config.json", root=tmp_path)


def test_find_lists_all_and_survives_all(tmp_path, model):
    for name in ("b", "a", "broken"):
        save(tmp_path / name, model)
    (tmp_path / "broken" / "config.json").write_text("{")
    (tmp_path / "notes").mkdir()
    (tmp_path / "README.md").write_text("a table")
    found = cgan.find(tmp_path)
    assert [one.name for one in found.checkpoints] == ["a", "b"] and list(found.broken) == ["broken"]
    assert cgan.find(tmp_path / "none") == cgan.Found([], {})
    assert cgan.find(tmp_path / "README.md") == cgan.Found([], {})


def test_spade_presets_have_the_sizes_that_are_promised():
    with torch.device("meta"):
        small = spade.Model(spade.PRESETS["small"])
    assert sum(tensor.numel() * 2 for tensor in small.state_dict().values()) <= 20e6
