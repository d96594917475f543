"""The script that a GPU is asked: its runs in each precision, its plot and table, and that it goes on."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from train.__main__ import main
from train.bench import proof
from train.bench.curves import HEIGHT, Curve, Panel, plot, ticks
from train.judge.metrics import Metrics


class Colours(torch.nn.Module):
    """Features that need no weights."""

    name = "colours"

    def forward(self, images):
        return torch.nn.functional.adaptive_avg_pool2d(images, 2).flatten(1)


@pytest.fixture
def words(tmp_path, painted_folder, monkeypatch):
    """A command for two short runs on the tests' data."""
    for name in ("training", "validation"):
        shutil.copytree(painted_folder, tmp_path / "data" / name)
    monkeypatch.setattr(proof, "Metrics", lambda *given: Metrics(None, None, "cpu", Colours()))
    monkeypatch.setattr("train.teachers.networks.lpips", lambda *given: None)
    monkeypatch.setattr("train.teachers.networks.perceptual", lambda *given: None)
    words = ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "out"), "--device", "cpu"]
    words += ["--parts", "quality", "--preset", "tiny", "--size", "64", "--images", "10", "--batch", "2"]
    return [*words, "--seeds", "2", "--precisions", "fp32,bf16"]


def test_quality(words, tmp_path, monkeypatch, capfd):
    assert main(["proof", *words, "--seeds", "1"]) == 0
    found = json.loads((tmp_path / "out" / "quality.json").read_text())
    assert [run["precision"] for run in found["runs"]] == ["fp32", "bf16"]
    assert [row["images"] for row in found["runs"][0]["rows"]] == [2, 4, 6, 8, 10]
    first = found["runs"][0]

    assert main(["proof", *words]) == 0
    found = json.loads((tmp_path / "out" / "quality.json").read_text())
    assert len(found["runs"]) == 4 and found["runs"][0] == first, "what is there is not made again"
    table = (tmp_path / "out" / "quality.md").read_text()
    assert "| images | fp32 | bf16 |" in table and "| 10 | – / " in table and "means of 2 seeds" in table
    assert Image.open(tmp_path / "out" / "quality.png").height > HEIGHT

    assert main(["proof", *words, "--seeds", "3", "--minutes", "0"]) == 0
    assert "no time for fp32, seed 2" in capfd.readouterr().err


def test_a_run_ends_when_the_time_is_over(words, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(proof, "late", lambda deadline, what: "rest" in what)
    assert main(["proof", *words, "--seeds", "1", "--precisions", "fp32"]) == 0
    assert "Real against real" in (tmp_path / "out" / "quality.md").read_text()
    assert not (tmp_path / "out" / "quality.json").exists()


def test_its_flags(capsys, tmp_path):
    with pytest.raises(SystemExit, match="0"):
        main(["proof", "--help"])
    text = capsys.readouterr().out
    assert all(part in text for part in proof.PARTS) and "--metric-weights FILE" in text
    out = tmp_path / "out"
    assert main(["proof", "--data", "x", "--out", str(out), "--parts", "quality,speed"]) == 2
    assert "there are tests" in capsys.readouterr().err and not out.exists()


def test_ticks_are_round():
    assert ticks(0, 40) == [0, 10, 20, 30, 40]
    assert ticks(0.11, 0.64) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])
    assert ticks(3, 3)[0] < 3 < ticks(3, 3)[-1]


def test_a_plot_has_its_curves_bands_and_floor():
    x, mean = [8.0, 16.0, 40.0], [30.0, 20.0, 10.0]
    curves = [Curve("fp32", x, mean, [v - 2 for v in mean], [v + 2 for v in mean])]
    curves.append(Curve("bf16", x, [v + 9 for v in mean], [v + 8 for v in mean], [v + 10 for v in mean]))
    with_floor = plot([Panel("a", curves, 3.0), Panel("b", curves[:1])], "pictures", "real")
    without = plot([Panel("a", curves), Panel("b", curves[:1])], "pictures", "real")
    assert with_floor.shape == without.shape and with_floor.shape[1] == 2 * 440
    assert not np.array_equal(with_floor, without)
    for colour in ((0x2F, 0x6F, 0xBB), (0xD9, 0x77, 0x2B)):
        assert np.abs(with_floor.astype(int) - colour).sum(-1).min() < 20
