"""The benchmark of training: a row for each way, and what spectral norm costs."""

import argparse

import pytest
import torch

from train import bench
from train.bench import Measured, Way, choose_ways, norm_cost, table

CPU = torch.device("cpu")


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    bench.add_arguments(parser)
    return parser.parse_args(words)


def test_all_ways_are_measured(tmp_path, capsys):
    flags = ["--preset", "tiny", "--size", "64", "--batch", "1", "--steps", "1", "--device", "cpu"]
    flags += ["--precisions", "fp32", "--perceptual", "none", "--out", str(tmp_path / "table.md")]
    assert bench.run(parsed("spade", *flags)) == 0
    text = (tmp_path / "table.md").read_text()
    assert text.strip() in capsys.readouterr().out
    rows = [line for line in text.splitlines() if line.startswith("| fp32")]
    assert [row.split("|")[1].strip() for row in rows] == ["fp32 · none", "fp32 · torch's", "fp32 · ours"]
    assert "spectral norm: plain" in text


def test_what_spectral_norm_costs():
    parts = {"forward": 0.1, "backward": 0.1, "descend": 0.1, "spectral norm": 0.02}
    times = {"none": 0.3, "torch's": 0.4, "ours": 0.32}
    measured = {Way(norm, "fp32", False): Measured([time] * 3, parts, 0, 0) for norm, time in times.items()}
    ways = list(measured)
    assert norm_cost(ways[0], measured)[0] is None
    assert norm_cost(ways[1], measured) == pytest.approx((0.1, 0.25))
    assert norm_cost(ways[2], measured) == pytest.approx((0.02, 0.0625))
    assert "| fp32 · ours | 12.5 | 320 ms | 100 ms | 100 ms | 120 ms | 20 ms | 6.2 % |" in table(measured, 4)


def test_ways():
    assert {way.precision for way in choose_ways(None, None, CPU)} == {"fp32", "bf16"}
    compiled = [way for way in choose_ways("fp32", True, CPU) if way.compiled]
    assert [way.norm for way in compiled] == ["torch's", "ours"]
    with pytest.raises(ValueError, match="there are fp32, bf16"):
        choose_ways("fp16", None, CPU)


def test_wrong_words():
    with pytest.raises(ValueError, match="--inference CHECKPOINT"):
        bench.run(parsed())
    with pytest.raises(ValueError, match="--size a multiple of 32"):
        bench.run(parsed("spade", "--size", "100"))


def test_inference_gets_its_flags(monkeypatch):
    inference = pytest.importorskip("train.bench_inference")
    monkeypatch.setattr(inference, "run", lambda arguments: arguments)
    given = bench.run(parsed("--device", "cpu", "--inference", "paper", "--size", "128"))
    assert (given.inference, given.device, given.size) == ("paper", "cpu", 128)
