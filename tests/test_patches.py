"""Patch tables: they number patches exactly, and what they paint is what the convolutions paint."""

import argparse
import copy
import threading

import cv2
import numpy as np
import pytest
import torch
from conftest import ROOT

import cgan
from cgan.labels import Label, Palette
from cgan.layers.spade import faster as faster_module
from cgan.layers.spade import patches as patches_module
from cgan.layers.spade import tables as tables_module
from cgan.layers.spade.patches import DIGITS, OUTSIDE, Numbers, Patches
from cgan.models import spade
from train.bench import inference as bench_inference

CLASSES = 5
PALETTE = Palette(tuple(Label(i, f"class {i}", f"#0000{i:02x}") for i in range(CLASSES)))


def noise_map(height: int, width: int, classes: int = CLASSES) -> np.ndarray:
    return np.random.default_rng(1).integers(0, classes, (height, width))


def drawn_map(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Large areas, thin lines and single pixels, up to the border."""
    random = np.random.default_rng(seed)
    labels = np.zeros((height, width), np.uint8)
    for _ in range(6):
        first, last = random.integers(-8, [width, height], (2, 2)).tolist()
        cv2.rectangle(labels, first, last, int(random.integers(CLASSES)), int(random.choice([-1, 1])))
    for _ in range(20):
        labels[random.integers(height), random.integers(width)] = random.integers(CLASSES)
    return labels.astype(np.int64)


MAPS = {
    "noise": noise_map(64, 96),  # so varied that the largest resolution is convolved
    "small noise": noise_map(32, 64),
    "one class": np.full((64, 64), 3),
    "drawn": drawn_map(96, 160),
    "smallest": drawn_map(32, 32),  # 1x1 at the lowest resolution
    "narrow": drawn_map(32, 192),
    "a pixel": np.pad([[4]], [(0, 63), (63, 0)]),
}


def model_of(
    edges: bool = False, classes: int = CLASSES, noise: bool = True, smooth: bool = True
) -> spade.Model:
    """A tiny generator as if trained: no statistic, bias or noise strength at its start."""
    torch.manual_seed(0)
    config = spade.Config(classes, edges, 4, 16, 8, 4, encoder_size=32, noise=noise, smooth=smooth)
    model = spade.Model(config)
    for name, value in [*model.named_parameters(), *model.named_buffers()]:
        if name.endswith("variance"):
            value.data.uniform_(0.3, 2)
        elif value.dim() == 1 or "noise" in name:
            value.data.normal_(std=0.5)
        elif ".shared." in name:
            value.data.mul_(3)
    return model.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def inputs(model: spade.Model, labels: np.ndarray, batch: int = 1) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(7)
    style = torch.randn(batch, model.config.style, generator=generator)
    return (
        torch.from_numpy(labels)[None, None],
        style,
        torch.randn(batch, 1, *labels.shape, generator=generator),
    )


def both(model: spade.Model, fast, labels: np.ndarray, batch: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """The map painted by tables and by convolutions."""
    ids, style, noise = inputs(model, labels, batch)
    dense = model(model.condition(ids).expand(batch, -1, -1, -1), style, noise)
    return fast(model.symbols(ids)[0, 0], style, noise), dense


def assert_close(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    fast, dense = pair
    assert dense.std() > 0.05, "a test of grey pictures tests nothing"
    assert (fast - dense).abs().max() <= 2e-5


# ---- Numbers and patches


def test_numbers():
    numbers = Numbers()
    codes = np.array([7, 2, 7, 2**64 - 1, 2], np.uint64)
    found, first = numbers.of(codes)
    assert len(numbers) == 3 and sorted(set(found)) == [0, 1, 2]
    assert found[0] == found[2] and found[1] == found[4]
    assert found[first].tolist() == [0, 1, 2] and set(first) == {0, 1, 3}
    again, first = numbers.of(np.array([5, 7, 2, 0], np.uint64))
    assert again[1] == found[0] and again[2] == found[1], "a code keeps its number"
    assert again[first].tolist() == [3, 4] and len(numbers) == 5
    assert numbers.of(codes)[0].tolist() == found.tolist() and not len(numbers.of(codes)[1])


def windows(digits: np.ndarray) -> np.ndarray:
    padded = np.pad(digits, 2, constant_values=OUTSIDE)
    return np.lib.stride_tricks.sliding_window_view(padded, (5, 5)).reshape(-1, 25)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (9, 1), (2, 3), (64, 64)])
def test_a_number_stands_for_one_patch(shape):
    patches, number_of = Patches(10**6), {}
    largest = DIGITS - 1  # the code of nine of them must not run over
    for labels in (drawn_map(*shape), noise_map(*shape), drawn_map(*shape, seed=1)):
        for digits in (labels + 1, labels // 2 + 1, largest - labels):
            index = patches.index(digits.astype(np.uint8)).numpy()
            for window, number in zip(windows(digits), index.tolist(), strict=True):
                assert number_of.setdefault(window.tobytes(), number) == number
    assert len(set(number_of.values())) == len(number_of) == len(patches)


def test_taps_and_digits_spell_the_patches():
    digits = (drawn_map(32, 40) + 1).astype(np.uint8)
    patches = Patches(10**6)
    index = patches.index(digits)
    threes = patches.digits.T[patches.taps.T[index]]  # (pixels, taps, digits)
    seen = windows(digits).reshape(-1, 5, 5)
    for tap in range(9):
        row, column = divmod(tap, 3)
        expected = seen[:, row : row + 3, column : column + 3].reshape(-1, 9)
        assert np.array_equal(threes[:, tap], expected)


def test_patches_are_bounded(monkeypatch):
    patches = Patches(limit=300)
    eras = []
    for seed in range(20):
        patches.index((drawn_map(64, 64, seed) + 1).astype(np.uint8))
        eras.append(patches.era)
    assert len(patches) < 3000 and len(set(eras)) > 1
    monkeypatch.setattr(patches_module, "THREES", 50)
    assert patches.index((noise_map(64, 64) + 1).astype(np.uint8)) is None, "more than a code can hold"
    assert patches.index(np.ones((64, 64), np.uint8)) is not None


# ---- Pictures


@pytest.mark.parametrize("edges", [False, True], ids=["", "edges"])
@pytest.mark.parametrize("name", MAPS)
def test_tables_paint_what_convolutions_paint(name, edges):
    model = model_of(edges)
    assert_close(both(model, model.faster(), MAPS[name], batch=2))


def test_tables_round_no_worse():
    """Against float64, they are as near as the convolutions are."""
    model, labels = model_of(), MAPS["drawn"]
    fast, dense = both(model, model.faster(), labels, batch=2)
    ids, style, noise = inputs(model, labels, batch=2)
    condition = model.condition(ids).expand(2, -1, -1, -1)
    exact = copy.deepcopy(model).double()(condition.double(), style.double(), noise.double())
    errors = [(image - exact).square().mean().sqrt().item() for image in (fast, dense)]
    assert errors[0] <= 1.5 * errors[1] and errors[1] < 1e-5


BUNDLED = {"spade-landscape": "landscapes", "spade-camvid": "streets"}  # and the maps they come with


@pytest.mark.parametrize("name", BUNDLED)
def test_trained_painters_are_as_exact(name):
    """Trained weights are no drawn ones: the bundled painters, on their example maps, against float64."""
    checkpoint, model = cgan.load_model(ROOT / "checkpoints" / name)
    model.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    source = sorted((ROOT / "app" / "static" / "examples" / BUNDLED[name]).glob("*.png"))[1]
    labels = checkpoint.palette.ids(source)[::2, ::2][:128, :160].astype(np.int64)
    pair = both(model, model.faster(), labels)
    assert_close(pair)
    ids, style, noise = inputs(model, labels)
    exact = model.double()(model.condition(ids).double(), style.double(), noise.double())
    assert all((image - exact).abs().max() <= 2e-5 for image in pair)


def test_as_the_paper_doubles():
    model = model_of(smooth=False)
    assert_close(both(model, model.faster(), MAPS["drawn"]))


def test_smoothly_doubled_features_leave_no_seams():
    """Within an area of one class, rows do not change more where coarse pixels end than elsewhere."""
    labels = np.repeat(np.arange(CLASSES), 64)[:256, None].repeat(64, 1)

    def seams(smooth: bool) -> float:
        model = model_of(noise=False, smooth=smooth)
        rows = both(model, model.faster(), labels)[1][0, :, :, 32].diff(dim=1).abs().mean(0)
        inside = torch.arange(1, 256) % 64 > 8  # of a class, away from its edges
        at = torch.arange(1, 256) % 8 == 0
        return (rows[inside & at].mean() / rows[inside & ~at].mean()).item()

    assert seams(True) < 0.8 < seams(False)


def test_without_noise_and_in_another_memory_format():
    model = model_of(noise=False).to(memory_format=torch.contiguous_format)
    assert_close(both(model, model.faster(), MAPS["drawn"]))


def test_many_classes():
    """More than there are digits: in a map, then over several maps."""
    model = model_of(classes=200)
    fast = model.faster()
    all_of_them = np.arange(200).repeat(64 * 64 // 200 + 1)[: 64 * 64].reshape(64, 64)
    assert_close(both(model, fast, all_of_them))
    for first in range(0, 200, 20):
        assert_close(both(model, fast, drawn_map(64, 64, first) * 3 + first))


def test_a_stroke_changes_nothing_else_to_the_bit():
    """Tables that know other maps give what fresh ones give."""
    model = model_of()
    fast, labels = model.faster(), drawn_map(128, 160)
    first = both(model, fast, labels)[0]
    assert torch.equal(both(model, fast, labels)[0], first)
    for radius in range(1, 9, 2):
        stroke = np.ascontiguousarray(labels, dtype=np.uint8)
        cv2.circle(stroke, (70, 50), radius, 2, -1)
        warm, dense = both(model, fast, stroke.astype(np.int64))
        assert_close((warm, dense))
        cold = both(model, model.faster(), stroke.astype(np.int64))[0]
        assert (warm - cold).abs().max() * 127.5 <= 1
    assert torch.equal(both(model, fast, labels)[0], first)


def test_with_few_rows_kept(monkeypatch):
    monkeypatch.setattr(faster_module, "KEPT_BYTES", 10_000)
    monkeypatch.setattr(tables_module, "KEPT_SPACE", 10_000)
    model = model_of()
    fast = model.faster()
    for seed in range(4):
        assert_close(both(model, fast, drawn_map(64, 96, seed)))


def test_an_interrupted_call_leaves_no_trace():
    model = model_of()
    fast, labels = model.faster(), MAPS["drawn"]
    ids, style, noise = inputs(model, labels)
    with pytest.raises(RuntimeError):
        fast(ids[0, 0], style, noise[:, :, :, :32])
    assert_close(both(model, fast, labels))


# ---- Painter


@pytest.fixture
def painter(tmp_path):
    about = {"size": [64, 64], "data": "none", "licence": "none"}
    return cgan.load(cgan.save(tmp_path / "x", model_of(), PALETTE, about), device="cpu")


@pytest.mark.parametrize("shape", [(64, 64), (50, 71), (1, 1)])
def test_the_painter_uses_them(painter, shape):
    labels = drawn_map(*shape).astype(np.uint8)
    assert painter.faster is not None
    fast = painter.paint(labels, seed=3, variations=3)
    assert np.array_equal(painter.paint(labels, seed=3, variations=3), fast)
    painter.faster = None
    dense = painter.paint(labels, seed=3, variations=3)
    assert np.abs(fast.astype(int) - dense).max() <= 1


def test_bf16_is_convolved(painter):
    half = cgan.load(painter.checkpoint.folder, device="cpu", precision="bf16")
    assert half.faster is None


def test_threads_take_turns(painter):
    maps = [drawn_map(64, 64, seed).astype(np.uint8) for seed in range(3)]
    alone, found = [painter.paint(labels) for labels in maps], {}
    threads = [
        threading.Thread(target=lambda i=i: found.update({i: painter.paint(maps[i % 3])})) for i in range(9)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(found[i], alone[i % 3]) for i in range(9))


# ---- The table of times


def benchmark(*words: str) -> int:
    parser = argparse.ArgumentParser()
    bench_inference.add_arguments(parser)
    return bench_inference.run(parser.parse_args([*words, "--device", "cpu"]))


def test_the_ways_agree(capsys, tmp_path):
    out = tmp_path / "table.md"
    assert benchmark("--inference", "tiny", "--size", "64", "--rounds", "1", "--out", str(out)) == 0
    text = out.read_text(encoding="utf-8")
    assert text in capsys.readouterr().out
    lines = text.splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
    assert len(rows) == 6 and {len(row) for row in rows} == {6}
    assert all(float(row[-1]) <= 2e-5 for row in rows[2:])


def test_a_benchmark_refuses(capsys):
    with pytest.raises(ValueError, match="multiple of 32"):
        benchmark("--size", "50")
    with pytest.raises(SystemExit):
        benchmark("--rounds", "0")
    assert "at least 1" in capsys.readouterr().err


@pytest.mark.parametrize("classes", [1, 3, 12])
def test_drawn_maps_fit_the_classes(classes):
    for draw in (bench_inference.street, bench_inference.doodle):
        labels = draw(96, classes)
        assert labels.shape == (96, 96) and labels.dtype == np.uint8 and labels.max() < classes
