"""Scores of painters: the distances themselves, the baselines, and the command."""

import argparse
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from drawn import rectangles
from PIL import Image
from safetensors.torch import save_file

import cgan
from cgan.errors import DataError
from cgan.models import spade
from train import evaluate, teachers


@pytest.fixture(scope="module")
def squeezenet_file(tmp_path_factory):
    """Random weights by SqueezeNet's names: enough to tell equal pictures from others."""
    torch.manual_seed(0)
    state = {f"features.{name}": tensor for name, tensor in teachers._body("squeezenet").state_dict().items()}
    path = tmp_path_factory.mktemp("weights") / "squeezenet.safetensors"
    save_file(state, path)
    return path


@pytest.fixture(scope="module")
def metrics(squeezenet_file):
    return evaluate.Metrics(squeezenet_file, None, "cpu", lambda line: None)


def gaussian(count, features, seed, mean=0.0, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, features, generator=generator, dtype=torch.float64) * scale + mean


def test_frechet_of_known_gaussians():
    """Independent features: |difference of means|² + the sum of (σ - τ)²."""
    a, b = gaussian(60_000, 4, 0), gaussian(60_000, 4, 1, mean=0.5, scale=3.0)
    assert evaluate.frechet(a, b) == pytest.approx(4 * 0.25 + 4 * 4, rel=0.02)


def test_frechet_of_equal_sets_is_zero_both_ways():
    assert evaluate.frechet(gaussian(50, 8, 0), gaussian(50, 8, 0)) == pytest.approx(0, abs=1e-9)
    assert evaluate.frechet(gaussian(5, 80, 0), gaussian(5, 80, 0)) == pytest.approx(0, abs=1e-9)


def test_frechet_by_samples_equals_frechet_by_features():
    """The N × M way against the F × F way, on features padded with zeros so that either is taken."""
    a, b = (
        gaussian(30, 20, 0),
        gaussian(25, 20, 1, mean=0.3) @ torch.diag(torch.linspace(0.5, 2, 20).double()),
    )
    wide = [torch.cat([x, torch.zeros(len(x), 20, dtype=torch.float64)], 1) for x in (a, b)]
    assert evaluate.frechet(a, b) == pytest.approx(evaluate.frechet(*wide), rel=1e-6)
    product = torch.cov(a.T) @ torch.cov(b.T)
    trace = torch.linalg.eigvals(product).real.clamp(min=0).sqrt().sum()
    expected = (
        (a.mean(0) - b.mean(0)).square().sum() + torch.cov(a.T).trace() + torch.cov(b.T).trace() - 2 * trace
    )
    assert evaluate.frechet(a, b) == pytest.approx(expected.item(), rel=1e-6)


def test_kernel_distance_is_about_zero_for_one_distribution_and_grows():
    same = evaluate.kernel_distance(gaussian(400, 16, 0), gaussian(400, 16, 1))
    other = evaluate.kernel_distance(gaussian(400, 16, 0), gaussian(400, 16, 1, mean=0.5))
    assert abs(same) < 0.03 < other


def test_interval_holds_the_value_and_narrows_with_more_samples():
    values = gaussian(400, 1, 0, mean=5.0).numpy()[:, 0]
    widths = []
    for count in (20, 400):
        part = values[:count]
        low, high = evaluate.interval(lambda drawn, part=part: part[drawn].mean(), count, float(part.mean()))
        assert low < part.mean() < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_painter_scores_order_painters(metrics):
    data = rectangles(10, (48, 48), 0)
    perfect = evaluate.painter_scores(evaluate.photographs, data, metrics)
    flat = evaluate.painter_scores(evaluate.paint_flat(evaluate.mean_colours(data)), data, metrics)
    black = evaluate.painter_scores(lambda batch: torch.full_like(batch.images, -1), data, metrics)
    assert perfect["lpips"] == 0 and perfect["frechet"] == pytest.approx(0, abs=1e-6)
    for score in ("lpips", "frechet"):
        assert perfect[score] < flat[score] < black[score]


def test_metrics_without_weights_are_not_available(monkeypatch):
    def refuse(kind):
        raise DataError("no network")

    monkeypatch.setattr(teachers, "download", refuse)
    said = []
    metrics = evaluate.Metrics(None, None, "cpu", said.append)
    assert not metrics.available and metrics.frechet_name == "" and "no network" in said[0]
    assert evaluate.painter_scores(evaluate.photographs, rectangles(2, (32, 32)), metrics) == {}


def test_mobilenet_features_get_their_own_name(squeezenet_file, tmp_path):
    state = teachers.MobileNetFeatures().body.state_dict()
    path = tmp_path / "mobilenet.safetensors"
    save_file({f"features.{name}": tensor for name, tensor in state.items()}, path)
    metrics = evaluate.Metrics(squeezenet_file, path, "cpu", lambda line: None)
    assert metrics.frechet_name == "FID-MNv2"
    scores = evaluate.painter_scores(evaluate.photographs, rectangles(3, (32, 32)), metrics)
    assert scores["frechet"] == pytest.approx(0, abs=1e-6)


def test_mean_colours_are_those_of_the_classes():
    data = rectangles(4, (32, 32), 0)
    palette = torch.from_numpy(data.palette.rgb)
    labels = data.labels.clamp(max=4)  # class 5 never appears
    images = palette[labels[:, 0].long()].permute(0, 3, 1, 2)
    colours = evaluate.mean_colours(replace(data, images=images, labels=labels))
    present = labels.unique().long()
    assert torch.allclose(colours[present], palette[present] / 127.5 - 1, atol=1e-6)
    assert torch.allclose(colours[5], (images / 127.5 - 1).mean((0, 2, 3)), atol=1e-4)


def test_the_nearest_photograph_is_the_one_with_the_same_map():
    training = rectangles(12, (48, 48), 0)
    assert evaluate.nearest_photographs(training.subset([7, 2, 9]), training) == [7, 2, 9]


def write(data, folder):
    """`data` as a folder of files."""
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    for name, image, labels in zip(data.names, data.images, data.labels, strict=True):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(folder / "images" / f"{name}.png")
        Image.fromarray(labels[0].numpy()).save(folder / "labels" / f"{name}.png")
    data.palette.write(folder / "palette.json")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with an untrained checkpoint and two data sets."""
    folder = tmp_path_factory.mktemp("place")
    torch.manual_seed(0)
    data = rectangles(5, (32, 64), 0)
    model = spade.Model(replace(spade.PRESETS["tiny"], classes=len(data.palette)))
    cgan.save(folder / "painter", model, data.palette, {"size": [32, 64], "licence": "MIT"})
    write(data, folder / "val")
    write(rectangles(9, (32, 64), 1), folder / "train")
    return folder


def run(*words) -> int:
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    return evaluate.run(parser.parse_args([str(word) for word in words]))


def test_the_command_prints_a_table_and_json(place, squeezenet_file, tmp_path, capsys):
    words = [place / "painter", "--data", place / "val", "--against", place / "train", "--device", "cpu"]
    assert run(*words, "--perceptual-weights", squeezenet_file, "--json", tmp_path / "scores.json") == 0
    out = capsys.readouterr().out
    result = json.loads(out.strip().splitlines()[-1])
    assert result == json.loads((tmp_path / "scores.json").read_text())
    assert result["pictures"] == 5 and result["size"] == [32, 64] and result["frechet"] == "FD-SqueezeNet"
    rows = result["rows"]
    assert list(rows) == [
        "drawn styles",
        "the photographs' styles",
        "each class in its mean colour",
        "real against real",
    ]
    for row in rows.values():
        assert np.isfinite(row["kid"])
        for score in ("lpips", "frechet"):
            low, high = row[f"{score}_interval"]
            assert low <= row[score] <= high
    assert rows["real against real"]["lpips"] < rows["drawn styles"]["lpips"]
    assert "| real against real |" in out and "shares with" in out


def test_the_command_repeats_by_seed(place, squeezenet_file, capsys):
    words = [
        place / "painter",
        "--data",
        place / "val",
        "--perceptual-weights",
        squeezenet_file,
        "--device",
        "cpu",
    ]
    results = []
    for seed in (1, 1, 2):
        run(*words, "--seed", seed)
        results.append(json.loads(capsys.readouterr().out.strip().splitlines()[-1])["rows"])
    assert results[0] == results[1]
    assert results[0]["drawn styles"] != results[2]["drawn styles"]
    assert "real against real" not in results[0]


def test_other_classes_are_refused(place, squeezenet_file, tmp_path):
    write(rectangles(2, (32, 64), 1), tmp_path / "other")
    palette = json.loads((tmp_path / "other" / "palette.json").read_text())
    palette[2]["name"] = "castle"
    (tmp_path / "other" / "palette.json").write_text(json.dumps(palette))
    with pytest.raises(DataError, match="castle"):
        run(place / "painter", "--data", tmp_path / "other", "--perceptual-weights", squeezenet_file)
