"""Scores of painters: the baselines, the segmenter, the command with its table, sheet and card."""

import argparse
import json
import signal
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from drawn import rectangles
from PIL import Image
from safetensors.torch import save_file

import cgan
from cgan.errors import DataError
from cgan.labels import Palette
from cgan.models import spade, unit
from train import judge as judges
from train.__main__ import main
from train.data.batches import Painted
from train.judge import command as evaluate
from train.judge import evaluation, metrics, parts, report, sheet
from train.judge import painter as evaluate_painter
from train.judge.grid import class_brightness
from train.judge.report import SAMPLES
from train.teachers import networks as teachers


@pytest.fixture(scope="module")
def squeezenet_file(tmp_path_factory):
    """Random weights by SqueezeNet's names: enough to tell equal pictures from others."""
    torch.manual_seed(0)
    state = {f"features.{name}": tensor for name, tensor in teachers._body("squeezenet").state_dict().items()}
    path = tmp_path_factory.mktemp("weights") / "squeezenet.safetensors"
    save_file(state, path)
    return path


@pytest.fixture(scope="module")
def networks(squeezenet_file):
    features = teachers.SqueezeNetFeatures(teachers.lpips(squeezenet_file).features)
    return metrics.Metrics(squeezenet_file, None, "cpu", features)


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    """A cache for each test, and few draws where more would only make intervals surer."""
    monkeypatch.setenv("CGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(metrics, "FRECHET_RESAMPLES", 10)


def test_painter_scores_order_painters(networks):
    data = rectangles(10, (48, 48), 0)
    perfect = evaluate_painter.painter_scores(evaluate_painter.photographs, data, networks)
    flat = evaluate_painter.painter_scores(
        evaluate_painter.paint_flat(evaluate_painter.mean_colours(data)), data, networks
    )
    black = evaluate_painter.painter_scores(lambda batch: torch.full_like(batch.images, -1), data, networks)
    assert perfect["lpips"] == 0 and perfect["frechet"] == pytest.approx(0, abs=1e-6)
    for score in ("lpips", "frechet"):
        assert perfect[score] < flat[score] < black[score]


def test_everything_is_measured_without_a_flag(monkeypatch):
    def refuse(kind):
        raise DataError("no network")

    monkeypatch.setattr(teachers, "download", refuse)
    networks = metrics.Metrics(None, None)
    assert networks.available and networks.frechet_name == "FID-MNv2"
    scores = evaluate_painter.painter_scores(evaluate_painter.photographs, rectangles(3, (32, 32)), networks)
    assert scores["lpips"] == 0 and scores["frechet"] == pytest.approx(0, abs=1e-6)


def test_mobilenet_features_get_their_own_name(squeezenet_file, tmp_path):
    state = teachers.MobileNetFeatures().body.state_dict()
    path = tmp_path / "mobilenet.safetensors"
    save_file({f"features.{name}": tensor for name, tensor in state.items()}, path)
    networks = metrics.Metrics(squeezenet_file, path)
    assert networks.frechet_name == "FID-MNv2"
    scores = evaluate_painter.painter_scores(evaluate_painter.photographs, rectangles(3, (32, 32)), networks)
    assert scores["frechet"] == pytest.approx(0, abs=1e-6)


def test_mean_colours_are_those_of_the_classes():
    data = rectangles(4, (32, 32), 0)
    palette = torch.from_numpy(data.palette.rgb)
    labels = data.labels.clamp(max=4)  # class 5 never appears
    images = palette[labels[:, 0].long()].permute(0, 3, 1, 2)
    colours = evaluate_painter.mean_colours(replace(data, images=images, labels=labels))
    present = labels.unique().long()
    assert torch.allclose(colours[present], palette[present] / 127.5 - 1, atol=1e-6)
    assert torch.allclose(colours[5], (images / 127.5 - 1).mean((0, 2, 3)), atol=1e-4)


def test_the_nearest_photograph_is_the_one_with_the_same_map():
    training = rectangles(12, (48, 48), 0)
    assert evaluate_painter.nearest_photographs(training.subset([7, 2, 9]), training) == [7, 2, 9]


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
    data = rectangles(7, (32, 64), 0)
    model = spade.Model(replace(spade.PRESETS["tiny"], classes=len(data.palette)))
    cgan.save(folder / "painter", model, data.palette, {"size": [32, 64], "licence": "MIT"})
    write(data, folder / "val")
    write(rectangles(9, (32, 64), 1), folder / "train")
    return folder


@pytest.fixture
def run(squeezenet_file, capsys):
    """Run the command with SqueezeNet's features; gives its result, its text, and what it said."""

    def run(*words):
        parser = argparse.ArgumentParser()
        evaluate.add_arguments(parser)
        usual = ("--perceptual-weights", squeezenet_file, "--features", "squeezenet", "--device", "cpu")
        assert evaluate.run(parser.parse_args([str(word) for word in (*words, *usual)])) == 0
        captured = capsys.readouterr()
        return json.loads(captured.out.strip().splitlines()[-1]), captured.out, captured.err

    return run


def rows(result) -> dict:
    (section,) = result["tables"]
    return section["rows"]


def test_the_command_prints_a_table_and_json(place, run, tmp_path):
    words = [place / "painter", "--data", place / "val", "--against", place / "train"]
    result, out, _ = run(*words, "--json", tmp_path / "scores.json")
    assert result == json.loads((tmp_path / "scores.json").read_text())
    assert result["size"] == [32, 64] and result["frechet"] == "FD-SqueezeNet"
    found = rows(result)
    assert list(found) == [
        "drawn styles",
        "the photographs' styles",
        "other photographs' styles",
        "each class in its mean colour",
        "real against real",
    ]
    for row in found.values():
        assert np.isfinite(row["kid"])
        for score in ("lpips", "frechet") if "lpips" in row else ("frechet",):
            low, high = row[f"{score}_interval"]
            assert low <= row[score] <= high
        for share in ("precision", "recall", "coverage"):
            assert 0 <= row[share] <= 1
    assert found["real against real"]["lpips"] < found["drawn styles"]["lpips"]
    assert "| real against real |" in out and "shares with" in out and "7 held-back maps at 64×32" in out
    assert "| | LPIPS ↓ | FD-SqueezeNet ↓ | KID × 1000 ↓ | precision | recall | density | coverage |" in out


def test_the_command_repeats_by_seed_and_from_the_cache(place, run, monkeypatch):
    words = [place / "painter", "--data", place / "val"]
    first = rows(run(*words, "--seed", 1)[0])
    seen = []
    monkeypatch.setattr(evaluate_painter, "real_features", lambda data, metrics: seen.append(1))
    again = rows(run(*words, "--seed", 1)[0])
    assert first == again and not seen
    assert first["drawn styles"] != rows(run(*words, "--seed", 2)[0])["drawn styles"]
    assert "real against real" not in first


def test_grid_and_style_are_told(place, run, squeezenet_file, tmp_path):
    """Of eight maps of 64×128, each with eight blocks; what chose the weights is named."""
    data = rectangles(8, (64, 128), 3)
    write(data, tmp_path / "wide")
    torch.manual_seed(0)
    model = spade.Model(replace(spade.PRESETS["tiny"], classes=len(data.palette)))
    read = judges.of(Painted).read(tmp_path / "wide", _Sized(data.palette, (64, 128)))
    chosen = parts.chosen_by("set aside", [read.images[:3]])
    cgan.save(tmp_path / "painter", model, data.palette, {"size": [64, 128], "chosen_by": chosen})
    result, out, _ = run(tmp_path / "painter", "--data", tmp_path / "wide")
    other = rows(result)["other photographs' styles"]
    assert "lpips" not in other and -1 <= other["followed"] <= 1
    for name, row in rows(result).items():
        assert np.isfinite(row["grid"]) and ("followed" in row) == (name == "other photographs' styles")
    assert "| grid, dB | style followed | class by class |" in out and "Grid: how much higher" in out
    assert "The other photographs are 8 of these, whose mean brightness is" in out
    assert "Not a last judgement: 3 of these 8 pictures chose the weights (set aside)" in out


def test_other_photographs_may_lend_their_styles(place, run, capsys):
    found, out, _ = run(place / "painter", "--data", place / "val", "--styles", place / "train")
    plain = rows(run(place / "painter", "--data", place / "val")[0])
    changed = {name for name, row in rows(found).items() if row != plain[name]}
    assert changed == {"other photographs' styles"} and "of another set, whose mean brightness" in out


def test_only_painters_take_styles_of_others(tmp_path):
    cgan.save(
        tmp_path / "unit", unit.Model(unit.PRESETS["tiny"]), None, {"size": [32, 32], "domains": ["a", "b"]}
    )
    with pytest.raises(DataError, match="--styles is for painters"):
        evaluation.lent_styles(tmp_path, cgan.load(tmp_path / "unit"))


class _Sized(NamedTuple):
    """What a judge reads of a painter to read data for it."""

    palette: Palette
    size: tuple[int, int]


def test_styles_of_others_are_never_ones_own():
    for count in (2, 3, 10):
        others = evaluate_painter.exchanged(count, seed=count)
        assert sorted(others) == list(range(count)) and not (others == np.arange(count)).any()


@pytest.mark.parametrize("follows", [True, False])
def test_a_painter_that_follows_the_style_is_told_from_one_that_does_not(networks, follows):
    """Whatever the maps: one paints as bright as its style, the other as bright as its map asks."""
    data = rectangles(10, (32, 32), 0)

    class Stub:
        looks, palette = 0, data.palette

        def encode(self, picture, labels=None):
            return picture.mean((0, 1), dtype=np.float32)

        def paint(self, labels, style=None, seed=0):
            colour = style if follows else 10 * labels[..., None].astype(float)
            return np.broadcast_to(colour, (1, *labels.shape, 3)).astype(np.uint8)

    real = evaluate_painter.Measured(None, None, spectra=evaluate_painter.real_spectra(data))
    row = evaluate_painter._exchanged_row(Stub(), data, networks, 0, real, [])
    assert row["followed"] > 0.99 if follows else row["followed"] < 0.9


def test_classes_that_follow_their_own_light(networks):
    """A painter that lays each class's mean grey of the style picture under its map follows to the full."""
    data = rectangles(10, (32, 32), 0)

    class Stub:
        looks, palette = 1, data.palette

        def encode(self, picture, labels):
            found = class_brightness(picture[None], labels[None], len(data.palette))[0]
            return np.where(np.isnan(found), 0, found).astype(np.float32)

        def paint(self, labels, style=None, seed=0):
            return style[labels][None, ..., None].repeat(3, 3).round().astype(np.uint8)

    real = evaluate_painter.Measured(None, None, spectra=evaluate_painter.real_spectra(data))
    row = evaluate_painter._exchanged_row(Stub(), data, networks, 0, real, [])
    assert row["followed_classes"] > 0.99 > row["followed"]


def test_a_segmenter_tells_what_paintings_show(place, run, tmp_path):
    from torchvision.models.segmentation import lraspp_mobilenet_v3_large

    body = lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=6)
    save_file(body.state_dict(), tmp_path / "segmenter.safetensors")
    words = [place / "painter", "--data", place / "val", "--no-cache"]
    result, out, _ = run(*words, "--segmenter", tmp_path / "segmenter.safetensors")
    for name in ("drawn styles", "the photographs themselves"):
        row = rows(result)[name]
        low, high = row["miou_interval"]
        assert 0 <= low <= row["miou"] <= high <= 1 and 0 <= row["accuracy"] <= 1
    assert "| pixel accuracy | mIoU |" in out


@pytest.mark.parametrize("outputs_only", [False, True])
def test_the_card_gets_table_and_sheet(place, run, tmp_path, outputs_only):
    folder = place / "painter"
    (folder / "README.md").write_text("before\n<!-- scores -->\n<!-- end of scores -->\nafter\n")
    words = [folder, "--data", place / "val", "--card", "--samples", tmp_path / "sheet.jpg"]
    _, out, err = run(*words, *["--outputs-only"][: int(outputs_only)])
    card = (folder / "README.md").read_text()
    assert f"]({SAMPLES})" in card and "| drawn styles |" in card
    assert card.startswith("before") and card.endswith("after\n")
    picture = Image.open(folder / SAMPLES)
    assert picture.size == Image.open(tmp_path / "sheet.jpg").size
    assert ("--outputs-only" in err + out) != outputs_only
    pictures, samples = (7, 7) if outputs_only else (9, 3)  # seven samples: in one row, or three in a row
    gaps = report.SPACE * (samples - 1) + sheet.GAP * (pictures + samples - 2)
    assert picture.size[0] == 64 * pictures + gaps


def test_ctrl_c_leaves_nothing_behind(place, squeezenet_file, tmp_path, monkeypatch, capsys):
    write = sheet.Image.Image.save

    def interrupted(*given, **options):
        write(*given, **options)
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    def measured(*_, **__):
        signal.raise_signal(signal.SIGINT)

    (tmp_path / "out").mkdir()
    words = ["evaluate", place / "painter", "--data", place / "val", "--device", "cpu", "--no-cache"]
    words += ["--perceptual-weights", squeezenet_file, "--features", "squeezenet"]
    words += ["--samples", tmp_path / "out" / "sheet.jpg", "--json", tmp_path / "out" / "scores.json"]
    before = {*(place / "painter").iterdir()}
    for patched in (("train.judge.painter.watched", measured), ("PIL.Image.Image.save", interrupted)):
        with monkeypatch.context() as patch:
            patch.setattr(*patched)
            assert main([str(word) for word in words]) == 130
        assert "stopped at once" in capsys.readouterr().err
        assert not [*(tmp_path / "out").iterdir()] and {*(place / "painter").iterdir()} == before


def test_what_cannot_be_measured_is_told(place, squeezenet_file, tmp_path, monkeypatch):
    def start(*words):
        parser = argparse.ArgumentParser()
        evaluate.add_arguments(parser)
        evaluate.run(parser.parse_args([str(word) for word in (place / "painter", "--data", *words)]))

    write(rectangles(2, (32, 64), 1), tmp_path / "other")
    palette = json.loads((tmp_path / "other" / "palette.json").read_text())
    palette[2]["name"] = "castle"
    (tmp_path / "other" / "palette.json").write_text(json.dumps(palette))
    with pytest.raises(DataError, match="castle"):
        start(tmp_path / "other", "--perceptual-weights", squeezenet_file, "--features", "squeezenet")

    def refuse(*arguments):
        raise DataError("no network")

    monkeypatch.setattr(teachers, "inception", refuse)
    monkeypatch.setattr(teachers, "download", refuse)
    with pytest.raises(DataError, match="no network"):
        start(place / "val", "--features", "inception")


def test_fid_is_said_of_inception_alone(place, squeezenet_file, monkeypatch, capsys):
    """Where Inception can be had it is taken, and only then the name is FID."""

    class Stub(torch.nn.Module):
        name = "FID"

        def forward(self, images):
            return images.mean((2, 3))

    monkeypatch.setattr(teachers, "inception", Stub)
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    words = (place / "painter", "--data", place / "val", "--perceptual-weights", squeezenet_file)
    evaluate.run(parser.parse_args([str(word) for word in words]))
    out = capsys.readouterr().out
    assert "| FID ↓ |" in out and "torch-fidelity" in out
