"""What strangers give is bounded by what it would become, before it becomes it; each refusal is one line."""

import json
import struct
from dataclasses import asdict

import cv2
import numpy as np
import pytest
import safetensors.torch
import torch
from runs import FLAGS, run
from samples import make, palette_of, save

import cgan
from app import start, training
from app.shelf import Shelf
from app.styles import Blend, Encoder, Part
from cgan import models, ranges, weights
from cgan.edges import edge_drawing
from cgan.errors import CheckpointError, DataError
from cgan.tasks import bounds
from train import recipes
from train.log import keep_rows
from train.run import Run


@pytest.fixture(scope="module")
def painter(tmp_path_factory):
    return cgan.load(save(tmp_path_factory.mktemp("bounds") / "spade", make()), device="cpu")


@pytest.fixture(scope="module")
def munit(tmp_path_factory):
    return cgan.load(save(tmp_path_factory.mktemp("bounds") / "munit", make("munit")), device="cpu")


# ---- Sizes, numbers, seeds


@pytest.mark.parametrize("shape", [(80000, 1), (1, 80000), (4194304, 1), (2047, 2049)])
def test_thin_pictures_are_refused_as_what_they_become(painter, munit, monkeypatch, shape):
    monkeypatch.setattr(np, "pad", None)  # nothing is built before the refusal
    with pytest.raises(DataError, match="with its margins; at most 4,194,304 pixels and 8,192 a side"):
        painter.paint(np.zeros(shape, np.uint8))
    with pytest.raises(DataError, match="at most"):
        munit.translate(np.zeros((*shape, 3), np.uint8))


def test_too_many_variations_are_refused(painter, munit):
    for most, make_them in (
        (4096, lambda n: painter.paint(np.zeros((64, 64), np.uint8), variations=n)),
        (4096, lambda n: munit.translate(np.zeros((64, 64, 3), np.uint8), variations=n)),
    ):
        for count in (10**6, 0, -1, True, 2.0):
            told = f"variations is .*; it must be a whole number from 1 to {most}"
            with pytest.raises(ValueError, match=told):
                make_them(count)


def test_many_variations_are_made_a_few_at_a_time(painter, monkeypatch):
    labels = np.zeros((64, 64), np.uint8)
    whole = painter.paint(labels, variations=3)
    monkeypatch.setattr("cgan.tasks.painter.AT_ONCE", 64 * 64)
    apart = painter.paint(labels, variations=3)
    assert apart.shape == whole.shape and np.abs(apart.astype(int) - whole).max() <= 4


@pytest.mark.parametrize("seed", [-1, 2**63, 2**70, 1.5, "7", None])
def test_what_is_no_seed(painter, seed):
    with pytest.raises(ValueError, match="the seed is"):
        painter.paint(np.zeros((8, 8), np.uint8), seed=seed)


def test_numpys_numbers_are_seeds(painter, munit):
    labels, picture = np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.uint8)
    assert np.array_equal(painter.paint(labels, seed=np.int64(5)), painter.paint(labels, seed=5))
    assert np.array_equal(munit.translate(picture, seed=np.uint8(5)), munit.translate(picture, seed=5))
    assert np.array_equal(munit.draw(np.int64(5)), munit.draw(5))
    assert painter.paint(labels, variations=np.int64(2), size=np.int16(16)).shape == (2, 16, 16, 3)
    assert munit.translate(picture, variations=np.uint8(2)).shape == (2, 8, 8, 3)


@pytest.mark.parametrize(
    "restyle",
    [{0: 0}, {(0,): 0}, {(0.5, 0): 0}, {(0, 0): None}, {(0, 0): 1.5}, {(True, 0): 0}, [(0, 0)], "x"],
)
def test_what_restyles_nothing(tmp_path, restyle):
    painter = cgan.load(save(tmp_path / "x", make("pix2pixhd")), device="cpu")
    with pytest.raises(ValueError, match="restyle"):
        painter.paint(np.zeros((8, 8), np.uint8), restyle=restyle)


@pytest.mark.parametrize(
    ("style", "weights"),
    [(5, None), (len, None), (None, [1]), (np.zeros(8), [1]), ("two", 5), ("two", [None, 1])],
    ids=str,
)
def test_what_is_no_style_and_no_weights(munit, style, weights):
    picture = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(ValueError, match="the style is|weights are"):
        munit.translate(picture, [picture, picture] if isinstance(style, str) else style, weights)


def test_outlines_of_a_thin_picture_are_looked_for_at_a_bounded_size(monkeypatch):
    asked = []
    resize = cv2.resize
    monkeypatch.setattr(cv2, "resize", lambda it, size, **how: asked.append(size) or resize(it, size, **how))
    assert edge_drawing(np.zeros((1, 1000, 3), np.uint8)).shape == (1, 1000, 3)
    assert max(max(size) for size in asked) <= 4096


# ---- What is not finite


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_a_style_that_is_not_finite_is_refused(painter, munit, value):
    vector = np.zeros(8)
    vector[3] = value
    with pytest.raises(ValueError, match="finite"):
        painter.paint(np.zeros((8, 8), np.uint8), style=vector)
    with pytest.raises(ValueError, match="finite"):
        munit.translate(np.zeros((8, 8, 3), np.uint8), style=vector)


def test_tiny_and_huge_weights_are_shares(munit):
    dark, light = np.zeros((40, 30, 3), np.uint8), np.full((40, 30, 3), 200, np.uint8)
    assert np.array_equal(munit.encode([dark], weights=[1e-300]), munit.encode([dark]))
    for tiny in (1e-300, 5e-324, 1e308):
        assert np.array_equal(munit.encode([dark, light], weights=[tiny, tiny]), munit.encode([dark, light]))
    mixed = Encoder().mixed(munit, Blend([Part(1e-300, dark), Part(1e-300, light)]), "ab", 0)
    assert np.allclose(mixed, munit.encode([dark, light]), atol=1e-6)
    for weight in (float("nan"), float("inf"), -1):
        with pytest.raises(ValueError, match="the weights are"):
            munit.encode([dark, light], weights=[1, weight])


def test_pictures_that_are_not_finite_are_no_pictures():
    with pytest.raises(ValueError, match="not finite"):
        bounds.check_made(torch.tensor([0.0, float("nan")]))


# ---- Checkpoints


def changed(folder, **config):
    path = folder / "config.json"
    content = json.loads(path.read_text())
    content["config"] |= config
    path.write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize(
    ("model", "field", "value", "told"),
    [
        ("unit", "blocks", 10**9, "blocks is 1000000000; it must be from 0 to 64"),
        ("spade", "filters", 0, "filters is 0; it must be from 1 to 16384"),
        ("spade", "encoder_size", "16", "encoder_size is '16'; it must be int"),
        ("spade", "noise", "no", "noise is 'no'; it must be bool"),
        ("spade", "noise", 1, "noise is 1; it must be bool"),
        ("spade", "hidden", 8.0, "hidden is 8.0; it must be int"),
        ("funit", "halvings", 10**9, "halvings is 1000000000; it must be from 0 to 12"),
    ],
)
def test_configs_of_other_types_and_ranges(tmp_path, model, field, value, told):
    folder = changed(save(tmp_path / model, make(model)), **{field: value})
    with pytest.raises(CheckpointError) as caught:
        cgan.load(folder, device="cpu")
    assert told in str(caught.value)
    assert told in str(cgan.find(tmp_path).broken[model])


@pytest.mark.parametrize("size", [[10**9, 64], [64, 10**9], [4097, 64], [True, 64]])
def test_a_size_that_no_training_had(tmp_path, size):
    with pytest.raises(ValueError, match="each from 1 to 4096"):
        save(tmp_path / "x", make("funit"), size=size)


def with_header(folder, header) -> None:
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text)


@pytest.mark.parametrize(
    "header",
    [
        {"x": {"dtype": "F32", "shape": [], "data_offsets": [0, None]}},
        {"x": {"dtype": "F32", "shape": [], "data_offsets": [0, -4]}},
        {"x": {"dtype": "F32", "shape": [], "data_offsets": [0, True]}},
        {"x": {"dtype": "F32", "shape": [], "data_offsets": "no"}},
        {"x": None},
        {},
        {"__metadata__": {}},
        [1],
        20_000,
        200_000,
    ],
    ids=["null", "negative", "true", "words", "none", "empty", "only words", "a list", "many", "too many"],
)
def test_one_absurd_header_hides_no_other_checkpoint(tmp_path, monkeypatch, header):
    """A header, or how many tensors without a number in it the header tells of."""
    if isinstance(header, int):
        empty = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
        header = {f"tensor {i}": empty for i in range(header)}
    save(tmp_path / "good", make())
    with_header(save(tmp_path / "bad", make()), header)
    monkeypatch.setattr(safetensors.torch, "load", None)  # names are compared before anything is built
    found = cgan.find(tmp_path)
    assert "good" in [it.name for it in found.checkpoints]
    with pytest.raises(CheckpointError) as caught:
        cgan.load(tmp_path / "bad", device="cpu")
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_do_not_load(tmp_path, value):
    folder, model = save(tmp_path / "x", make()), make()
    with torch.no_grad():
        model.to_rgb.weight[0, 0, 0, 0] = value
    data = safetensors.torch.save({name: it.contiguous() for name, it in model.state_dict().items()})
    with torch.device("meta"):
        empty = models.module("spade").Model(model.config)
    with pytest.raises(CheckpointError, match="to_rgb.weight holds NaN or infinity"):
        weights.unpack(data, empty, folder)


def test_a_config_of_many_megabytes_is_not_read(tmp_path):
    folder = save(tmp_path / "x", make())
    (folder / "config.json").write_text(" " * 2**23 + (folder / "config.json").read_text())
    with pytest.raises(CheckpointError, match="too large for a config"):
        cgan.load(folder, device="cpu")


def test_a_folder_that_is_not_there_is_no_hub_repository(tmp_path, monkeypatch):
    (tmp_path / "checkpoints").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cgan.hub.download", None)
    with pytest.raises(CheckpointError, match="no checkpoint 'checkpoints/none'"):
        cgan.load("checkpoints/none")


# ---- The app


def test_messages_name_checkpoints_and_no_folder(tmp_path):
    with_header(save(tmp_path / "secret" / "bad", make()), {"x": None})
    shelf = Shelf(tmp_path / "secret", "cpu")
    told = [str(shelf.find().broken["bad"])]
    for ask in (shelf.checkpoint, shelf.painter):
        with pytest.raises(CheckpointError) as caught:
            ask("bad")
        told.append(str(caught.value))
    assert all("bad/model.safetensors is damaged" in line and "secret" not in line for line in told), told


@pytest.mark.parametrize("name", [["tiny"], {"path": "x"}, 3, None])
def test_what_is_no_name(tmp_path, name):
    with pytest.raises(CheckpointError, match="no checkpoint"):
        Shelf(tmp_path, "cpu").checkpoint(name)


def test_a_port_that_is_none(monkeypatch, capsys):
    monkeypatch.setenv("GRADIO_SERVER_PORT", "abc")
    with pytest.raises(SystemExit):
        start.main([])
    said = capsys.readouterr().err
    assert "argument --port: invalid int value: 'abc'" in said and said.count("\n") == 1
    monkeypatch.setenv("GRADIO_SERVER_PORT", "")
    assert start.flags().parse_args([]).port == 7860


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", 10**30), ("127.0.0.1", -1), ("\0", 0), ("a" * 300, 0)]
)
def test_where_nobody_can_listen(host, port):
    assert start.refusal(host, port)


# ---- The command line


@pytest.mark.parametrize(
    "words",
    [
        "--filters 0", "--hidden 0", "--encoder-pool 0", "--discriminator-layers 0", "--rate inf",
        "--rate nan", "--save-minutes nan", "--evaluate-every -5", "--batch 1000000", "--size 1000000",
        "--seed -1",
        "--calibrate 0", "--decay-from 2", "--beta-1 1", "--weight-features -1", "--accumulate 10000000",
    ],
)  # fmt: skip
def test_absurd_flags_are_one_line(tmp_path, capfd, words):
    code, said = run(capfd, "spade", *FLAGS, "--out", tmp_path / "x", *words.split())
    assert code == 2 and said.startswith(f"error: {words.split()[0]} ") and said.count("\n") == 1, said
    assert "it must be" in said and not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("world", "--images", "0"), ("world", "--images", "-3"), ("world", "--size", "0"),
        ("bench", "spade", "--steps", "0"), ("bench", "spade", "--batch", "0"),
        ("bench", "--inference", "small", "--neighbours", "-1"), ("glyphs", "--out", "g", "--size", "0"),
        ("styles", "x", "--data", "d", "--count", "33"),
        ("tune", "x", "--references", "r", "--out", "t", "--steps", "1001"),
    ],
)  # fmt: skip
def test_absurd_flags_of_tools(tmp_path, monkeypatch, capfd, words):
    monkeypatch.chdir(tmp_path)
    code, said = run(capfd, *words)
    assert code == 2 and "it must be a whole number" in said and said.count("\n") == 1, said


@pytest.mark.parametrize("value", ["nan", "-1", "inf", "1e9", "long"])
def test_absurd_times_and_rates_of_tools(capfd, value):
    for words in (
        ("evaluate", "x", "--data", "d", "--seconds", value),
        ("tune", "x", "--references", "r", "--out", "t", "--rate", value),
        ("proof", "--data", "d", "--out", "o", "--minutes", value),
    ):
        code, said = run(capfd, *words)
        assert code == 2 and "it must be a number, from 0 to" in said and said.count("\n") == 1, said


@pytest.mark.parametrize("name", recipes.names())
def test_every_number_has_a_range_and_its_presets_lie_in_it(name):
    for kind in (models.module(name).Config, recipes.module(name).Hyper, Run):
        for field, (hint, limits) in ranges.hints_of(kind).items():
            assert limits is not None or hint not in (int, float), f"{kind} {field} has no range"
    for instance in [*models.module(name).PRESETS.values(), *recipes.module(name).PRESETS.values()]:
        assert ranges.made(type(instance), asdict(instance)) == instance


def test_rows_of_a_log_that_are_no_rows(tmp_path):
    path = tmp_path / "log.jsonl"
    rows = [
        '{"kind": "step", "images": 4}',
        "[" * 100_000,
        "[1, 2]",
        "3",
        "null",
        '{"images": "x"}',
        "{}",
        '{"images": 9}',
    ]
    path.write_text("\n".join(rows))
    assert [row["images"] for row in training.read_rows(path)] == [4]
    keep_rows(path, 5)
    assert path.read_text() == rows[0] + "\n"


@pytest.mark.parametrize(
    "note", ["{", "[" * 100_000, "[]", '{"model": 5, "words": [], "images": 4}', '{"images": "x"}']
)
def test_a_note_of_a_run_that_is_none(tmp_path, note):
    (tmp_path / "run" / "training").mkdir(parents=True)
    (tmp_path / "run" / "training" / "run.json").write_text(note)
    runs = training.Training(tmp_path)
    assert runs.report("run")["total"] == 0
    with pytest.raises(DataError, match="no run called run"):
        runs.resume("run")


def test_networks_that_would_fill_the_memory_are_not_built(tmp_path, capfd):
    """Wider than 16,384 none can be, but several such layers are too much already."""
    words = ("--discriminator", "patch", "--discriminator-filters", "16384", "--out", tmp_path / "x")
    code, said = run(capfd, "spade", *FLAGS, *words)
    assert code == 2 and "M weights" in said and "GiB of memory are free" in said and said.count("\n") == 1, (
        said
    )


def test_palettes_of_samples_fit():
    assert len(palette_of(make().config)) == make().config.classes
