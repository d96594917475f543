"""What shows the gain and cost of half precision: its arms, runs, plot and tables, and that it goes on."""

import json
import os
import re
import shutil
import signal
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.utils.parametrize import is_parametrized

from cgan.models import spade
from train.__main__ import main
from train.bench import arms, pace, proof, quality
from train.bench.curves import COLOURS, HEIGHT, Curve, Panel, plot, ticks
from train.data.painted import read_painted
from train.judge.metrics import Metrics
from train.recipes import module
from train.run import Run

CPU = torch.device("cpu")


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
    monkeypatch.setattr(quality, "Metrics", lambda *given: Metrics(None, None, "cpu", Colours()))
    monkeypatch.setattr("train.teachers.networks.lpips", lambda *given: None)
    monkeypatch.setattr("train.teachers.networks.perceptual", lambda *given: None)
    words = ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "out"), "--device", "cpu"]
    words += ["--parts", "quality", "--preset", "tiny", "--size", "64", "--images", "10", "--batch", "2"]
    return [*words, "--seeds", "2", "--precisions", "fp32,bf16:torch"]


@pytest.mark.slow
def test_quality(words, tmp_path, monkeypatch, capfd):
    assert main(["proof", *words, "--seeds", "1"]) == 0
    found = json.loads((tmp_path / "out" / "quality.json").read_text())
    assert [run["precision"] for run in found["runs"]] == ["fp32", "bf16:torch"]
    assert [row["images"] for row in found["runs"][0]["rows"]] == [2, 4, 6, 8, 10]
    first = found["runs"][0]

    (tmp_path / "out" / "speed.json").write_text('{"fp32": {"pictures/s": "12.5", "memory": "1.00 GiB"}}')
    assert main(["proof", *words]) == 0
    found = json.loads((tmp_path / "out" / "quality.json").read_text())
    assert len(found["runs"]) == 4 and found["runs"][0] == first, "what is there is not made again"
    table = (tmp_path / "out" / "quality.md").read_text()
    assert "standard deviation of 2 seeds" in table and "FID" not in table
    assert re.search(
        r"^\| fp32 · ours \| 12.5 \| 1.00 GiB \| \d+ ± \d+ \| \d+ ± \d+ \|$", table, re.MULTILINE
    )
    assert re.search(r"^\| bf16 · torch's \| – \| – \| \d+ ± \d+ \|", table, re.MULTILINE)
    assert "| 2 | 4 | 6 | 8 | 10 | 10, beside fp32 · ours of the same seed |" in table
    assert Image.open(tmp_path / "out" / "quality.png").height > HEIGHT

    assert main(["proof", *words, "--seeds", "3", "--minutes", "0"]) == 0
    assert "no time for fp32 · ours, seed 2" in capfd.readouterr().err


def test_a_run_ends_when_the_time_is_over(words, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(quality, "late", lambda deadline, what: "rest" in what)
    assert main(["proof", *words, "--seeds", "1", "--precisions", "fp32"]) == 0
    assert "No run came to its end" in (tmp_path / "out" / "quality.md").read_text()
    assert not (tmp_path / "out" / "quality.json").exists()


def test_a_signal_ends_it_all(words, tmp_path, monkeypatch, capfd):
    painted = quality.painted

    def stopped(*given, **named):
        os.kill(os.getpid(), signal.SIGTERM)
        return painted(*given, **named)

    monkeypatch.setattr(quality, "painted", stopped)
    assert main(["proof", *words]) == 130
    assert (
        capfd.readouterr().err.count("learning in") == 1 and not (tmp_path / "out" / "quality.json").exists()
    )


def test_speed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(pace, "ROUNDS", 1)
    monkeypatch.setattr(pace, "STEPS", 1)
    words = ["--data", "x", "--out", str(tmp_path), "--device", "cpu", "--parts", "speed", "--preset", "tiny"]
    assert main(["proof", *words, "--batch", "1", "--precisions", "bf16:torch"]) == 0
    row = (tmp_path / "speed.md").read_text().splitlines()[-1]
    assert re.fullmatch(r"\| bf16 · torch's \| [\d.e+]+ \| \d\.\d{3} \| (\d\.\d\d GiB|\?) \|", row)
    assert list(json.loads((tmp_path / "speed.json").read_text())) == ["bf16:torch"]


def test_the_medians_of_turns():
    turns = [pace.Turn(2.0, 1.6, 2**30), pace.Turn(9.0, 1.8, 2**30), pace.Turn(1.0, 1.4, 2**31)]
    told = pace.columns(turns, 8, CPU)
    assert told == {"pictures/s": "4", "CPU seconds a picture": "0.200", "memory": "2.00 GiB"}
    assert pace.columns([turns[0]._replace(memory=None)], 8, CPU)["memory"] == "?"


class Nobody:
    """Publishes nothing."""

    published = True

    def __init__(self, folder):
        self.folder = folder


@pytest.mark.parametrize("norm", ["ours", "torch's"])
def test_whose_spectral_norm(painted_folder, tmp_path, norm):
    """Both hold the layers at sigma 1, and the average, without parametrizations, follows W / sigma."""
    data = read_painted(painted_folder, (64, 64))
    recipe_of = module("spade")
    torch.manual_seed(0)
    config = recipe_of.Recipe.configure(spade.PRESETS["tiny"], data)
    recipe = recipe_of.Recipe(config, recipe_of.PRESETS["tiny"], None)
    layers = [layer for player in recipe.players.values() for layer in player.normalised]
    run = Run(size=(64, 64), images=4, batch=2)
    trainer = arms.trainer_of(arms.Way(norm, "fp32"), recipe, data, run, Nobody(tmp_path), CPU)
    before = trainer.banks["generator"].master.detach().clone()
    trainer.step()
    assert not torch.equal(trainer.banks["generator"].master, before)
    assert [is_parametrized(layer) for layer in layers] == [norm == "torch's"] * len(layers)
    recipe.model.eval()
    largest = [torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2) for layer in layers]
    assert min(largest) > 0.9 and max(largest) < 1.2
    followed = trainer.average.bank.views(trainer.average.bank.effective)
    assert {*followed} == {name for name, _ in trainer.average.model.named_parameters()}
    for name, layer in recipe.model.named_modules():
        if layer in layers:
            assert torch.allclose(followed[f"{name}.weight"], layer.weight, atol=1e-6)
    wanted = trainer.average.bank.effective
    assert torch.allclose(trainer.average.flat, wanted, atol=1e-4)  # of so few pictures, it is the last


def test_arms():
    found = arms.parse("fp32,bf16:torch", CPU)
    assert (
        [way.title for way in found.values()]
        == ["fp32 · ours", "bf16 · torch's"]
        == [*map(arms.title, found)]
    )
    assert arms.default(CPU) == "fp32,fp32:torch,bf16,bf16:torch"
    for wrong, told in (("fp16", "fp32, bf16"), ("bf16:none", "torch"), ("fp32:", "torch"), ("", "fp32")):
        with pytest.raises(ValueError, match=told):
            arms.parse(wrong, CPU)


def test_an_arm_is_compared_with_the_first_of_the_same_seed():
    def plain(value):
        return f"{value:.1f}"

    assert quality.beside({0: 1.0, 1: 3.0, 2: 9.0}, {0: 2.0, 1: 2.0}, plain) == "+0.0 (−1.0 to +1.0)"
    assert quality.beside({0: 1.0}, {}, plain) == "–"
    assert quality.spread([1.0, 3.0], plain) == "2.0 ± 1.4" and quality.spread([1.0], plain) == "1.0"


def test_its_flags(capsys, tmp_path):
    with pytest.raises(SystemExit, match="0"):
        main(["proof", "--help"])
    text = capsys.readouterr().out
    assert all(part in text for part in proof.PARTS) and "--metric-weights FILE" in text
    words = ["proof", "--data", "x", "--out", str(tmp_path / "out"), "--device", "cpu", "--parts"]
    for parts, told in (("quality,pace", "there are tests"), ("kernels", "need a GPU")):
        assert main([*words, parts]) == 2
        assert told in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_what_is_not_given_suits_the_device():
    given = SimpleNamespace(parts=None, precisions=None, images=7, size=None)
    assert proof.complete(given, CPU) == ["speed", "quality"]
    assert (given.images, given.size, given.precisions) == (7, 64, arms.default(CPU))


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


def test_as_many_curves_as_there_are():
    curves = [Curve(str(i), [1.0, 2.0], [i, i], [i, i], [i, i]) for i in range(len(COLOURS) + 1)]
    fewer, all_of_them = (plot([Panel("a", curves[:n])], "x") for n in (len(COLOURS), len(COLOURS) + 1))
    assert not np.array_equal(fewer, all_of_them)
