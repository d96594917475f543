"""The benchmark of training: a row for each way, and what spectral norm costs."""

import argparse
from pathlib import Path

import numpy as np
import pytest
import torch

from cgan import models
from cgan.layers import grain
from cgan.models import vid2vid
from train import recipes
from train.bench import filming
from train.bench import learning as bench
from train.bench.learning import Measured, Way, choose_ways, norm_cost, table

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
    assert [row.split("|")[1].strip() for row in rows] == [
        "fp32 · none",
        "fp32 · torch's",
        "fp32 · ours",
        "fp32, no tables · ours",
    ]
    assert "spectral norm: ours is plain" in text


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
    graphs = [way for way in choose_ways("fp32", True, CPU, True) if way.graphs]
    assert [way.title for way in graphs] == ["fp32, graphs · ours", "fp32, compiled, graphs · ours"]
    with pytest.raises(ValueError, match="there are fp32, bf16"):
        choose_ways("fp16", None, CPU)


def test_only_spade_has_tables():
    ways = choose_ways("fp32", True, CPU, True)
    found = bench.without_tables(ways, models.module("spade").Model)
    assert [way.title for way in found] == ["fp32, no tables · ours"]
    assert bench.without_tables(ways, models.module("unit").Model) == []


@pytest.mark.slow
def test_the_world_can_be_the_batch():
    learner = bench.maker("spade", "tiny", (64, 64), 2, CPU, "none", world=True)(Way("ours", "fp32"))
    assert learner.batch.labels.shape == (2, 1, 64, 64) and learner.recipe.model.config.classes > 12
    learner.step()


def test_a_graph_has_no_parts():
    parts = {"forward": 0.0, "backward": 0.0, "descend": 0.0, "spectral norm": 0.0}
    way = Way("ours", "fp16", graphs=True)
    text = table({way: Measured([0.02] * 3, parts, 2**30, 3)}, 4)
    assert "| fp16, graphs · ours | 200 | 20 ms | – | – | – | – | – | 1.00 GiB | 3 |" in text


@pytest.mark.parametrize("name", recipes.names())
def test_every_model_can_be_measured(name):
    """A step of ours and one as torch's parts make it; there is no graph on a CPU, and that is said."""
    new = bench.maker(name, "tiny", (32, 32), 2, CPU, "none")
    for way in (Way("ours", "bf16"), Way("torch's", "fp32")):
        learner = new(way)
        learner.step()
        learner.clock.read()
    assert not new(Way("ours", "fp32", graphs=True)).make_ready()


def test_a_step_from_a_graph_is_a_step(monkeypatch):
    """What the graph is made of does what a timed step does."""
    new, found = bench.maker("spade", "tiny", (32, 32), 2, CPU, "none"), []
    for whole in (False, True):
        learner = new(Way("ours", "fp32"))
        torch.manual_seed(1)
        if whole:
            terms = learner.whole([learner.batch])
            assert "generator.features" in terms and not learner.clock.marks
        else:
            learner.step()
        found.append(learner.banks["generator"].master.detach().clone())
    assert torch.equal(*found)


def test_wrong_words():
    with pytest.raises(ValueError, match="--inference CHECKPOINT"):
        bench.run(parsed())
    with pytest.raises(ValueError, match="--size 100x100: .* multiples of 32, such as 96x96"):
        bench.run(parsed("spade", "--size", "100"))
    with pytest.raises(ValueError, match="multiples of 128"):
        bench.run(parsed("vid2vid", "--preset", "paper", "--size", "64"))


@pytest.mark.parametrize("name", ["vid2vid", "wc_vid2vid", "fs_vid2vid"])
def test_video_models_are_measured(name, tmp_path, capsys):
    """Plain and sooner agree; SPADE is beside them."""
    out = tmp_path / "table.md"
    flags = [
        name,
        "--size",
        "64",
        "--device",
        "cpu",
        "--out",
        str(out),
        "--inference",
        "tiny",
        "--rounds",
        "2",
    ]
    assert bench.run(parsed(*flags)) == 0
    rows = [line.split("|")[1:-1] for line in out.read_text().splitlines() if line.startswith("| ")]
    assert [row[0].strip() for row in rows[1:]] == [filming.PLAIN, filming.SOONER, filming.ALONE]
    assert float(rows[2][-1]) <= 2e-5 and all(float(cell) > 0 for row in rows[1:] for cell in row[1:4])
    assert f"{name} tiny" in capsys.readouterr().out


def test_films_are_compared_frame_by_frame():
    """A film that feeds on its frames may grow apart; a frame whose noise another way moved is told apart."""
    calls = []

    def film(error: float, moved: int) -> filming.Film:
        def make(labels: torch.Tensor, past: vid2vid.Past | None):
            image = torch.full((1, 3, 4, 4), 1.0 if past is None else 10 * past.style.item()) + error
            calls.append((error, image.mean().item()))
            noise = torch.zeros(1, 1, 4, 4)
            noise[..., 0, 0] = moved if len(calls) > 6 else 0
            return image, vid2vid.Past(image.mean((1, 2, 3))[:, None], grain=grain.begun(noise))

        return make

    def maps(number: int) -> np.ndarray:
        return np.zeros((4, 4), np.uint8)

    ways = {filming.PLAIN: film(0, 0), filming.SOONER: film(2**-10, 1), filming.ALONE: film(2**-10, 0)}
    measured = filming.race(ways, maps, 1, torch.device("cpu"))
    assert [image for error, image in calls if not error] == [1, 10, 100, 1000]
    assert measured[filming.SOONER].apart == pytest.approx(2**-10)  # not a thousand of them
    assert measured[filming.SOONER].tipped == pytest.approx([2**-10] * 2)  # calls 8 and 11
    assert not measured[filming.PLAIN].tipped and not measured[filming.ALONE].tipped
    text = filming.table(measured)
    assert "other noise: 2, up to 1e-03 apart" in text and text.count("noise") == 1


def test_what_cannot_be_filmed():
    with pytest.raises(ValueError, match="neither spade nor a video model"):
        bench.run(parsed("unit", "--inference", "small"))
    with pytest.raises(ValueError, match="no preset 'huge'; there are: tiny"):
        bench.run(parsed("vid2vid", "--inference", "huge"))
    with pytest.raises(ValueError, match="multiples of 128"):
        bench.run(parsed("vid2vid", "--size", "64", "--inference", "paper", "--device", "cpu"))


def test_inference_gets_its_flags(monkeypatch):
    inference = pytest.importorskip("train.bench.inference")
    monkeypatch.setattr(inference, "run", lambda arguments: arguments)
    for words in (["--device", "cpu", "--inference", "paper", "--size", "128", "--out", "x.md"],
                  ["--device", "cpu", "--out", "x.md", "--size", "128", "--inference", "paper"]):  # fmt: skip
        given = bench.run(parsed(*words))
        assert (given.inference, given.device, given.size) == ("paper", "cpu", 128)
        assert given.out == Path("x.md")
