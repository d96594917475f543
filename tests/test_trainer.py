"""The trainer's parts: the watchdog, the averaged model, what is published, and the order of precedence."""

import numpy as np
import pytest
import torch
from runs import trainer_in
from torch import nn

import cgan
from cgan.errors import CganError
from cgan.layers.spade.norm import BatchNorm
from train.engine import state, trainer
from train.engine.bank import PRECISIONS, Bank
from train.engine.trainer import Trainer
from train.engine.watchdog import diagnose
from train.flags.options import as_dict
from train.judge import sheet
from train.judge.parts import chosen_by
from train.judge.report import put_scores
from train.launch import describe, parse
from train.publish.card import model_card
from train.publish.publisher import Publisher, total
from train.recipes import Player


@pytest.fixture
def it(tmp_path, painted_folder) -> Trainer:
    """A trainer before its first step."""
    return trainer_in(tmp_path / "run", painted_folder)


def test_the_watchdog_names_the_layer(it):
    it.step()
    with torch.no_grad():
        it.recipe.model.blocks[2].norm_1.shared.bias.fill_(float("nan"))
    said = diagnose(it._turns(it.images), it.banks)
    assert said == "generator.blocks.2.norm_1.shared (Conv2d) gives NaN"
    assert not it.banks["generator"].gradient.any(), "what was gathered is thrown away"


def test_the_watchdog_names_gradients():
    layer = nn.Linear(2, 2)
    bank = Bank(Player(layer, 0.1, (0.0, 0.9)), PRECISIONS["fp32"])

    def turns():
        bank.backward(layer(torch.ones(1, 2)).sum() * 0 + (layer.bias * float("inf")).sum())
        yield "player", {"loss": torch.ones(())}

    assert diagnose(turns(), {"player": bank}) == "the gradient of player.bias overflows"


def test_bad_steps_are_skipped_reported_and_end_the_run(it, monkeypatch, capfd):
    monkeypatch.setattr(trainer, "PATIENCE", 3)
    it.recipe.hyper = it.recipe.hyper.__class__(weight_features=float("nan"))
    before = it.banks["generator"].master.detach().clone()
    it.step()
    assert torch.equal(it.banks["generator"].master, before)
    assert "a step after 0 images was skipped: the loss generator.features is NaN" in capfd.readouterr().err
    it.step()
    with pytest.raises(CganError, match="stopped after 3 bad steps"):
        it.step()


def test_the_average_follows_and_is_calibrated(it):
    for _ in range(3):
        it.step()
    flat, effective = it.average.flat, it.banks["generator"].effective
    assert not torch.equal(flat, effective) and (flat - effective).abs().max() < 0.1
    before = {name: buffer.clone() for name, buffer in it.recipe.model.named_buffers()}
    it.average.calibrate(it.recipe, it._calibration())
    twin = it.average.model
    norm = next(layer for layer in twin.modules() if isinstance(layer, BatchNorm))
    assert norm.momentum == 0.1 and norm.mean.abs().sum() > 0
    assert twin.style_mean.abs().sum() > 0 and not twin.training
    for name, buffer in it.recipe.model.named_buffers():
        assert torch.equal(buffer, before[name]), "the learning model is left alone"


def test_calibrated_statistics_are_a_plain_mean(it):
    """Over the batches, and whatever the statistics were before."""

    class Stub:
        def calibrate(self, model, batch):
            model.blocks[0].norm_0.base(batch)
            return batch[:, 0, 0]

        def finish(self, model, facts):
            assert len(facts) == 12

    average = it.average
    norm = average.model.blocks[0].norm_0.base
    batches = [torch.randn(4, len(norm.mean), 3, 3) + i for i in range(3)]
    norm.mean.fill_(100.0)
    average.calibrate(Stub(), batches)
    assert torch.allclose(norm.mean, torch.stack([x.mean((0, 2, 3)) for x in batches]).mean(0), atol=1e-5)


def test_the_better_model_is_kept(it, tmp_path, monkeypatch):
    publisher: Publisher = it.publisher
    scores = iter(
        [{"lpips": 0.5, "frechet": 100.0}, {"lpips": 0.6, "frechet": 120.0}, {"lpips": 0.4, "frechet": 90.0}]
    )
    monkeypatch.setattr(publisher.judge, "scores", lambda model, sitting: next(scores))
    kept = []
    for images in (8, 16, 24):
        publisher.consider(it.average.model, images, 60.0)
        kept.append(cgan.read_checkpoint(publisher.folder).about["images"])
    assert kept == [8, 8, 24]
    assert sorted(path.name for path in (publisher.folder / "training" / "samples").iterdir()) == [
        "000000008.jpg", "000000016.jpg", "000000024.jpg",
    ]  # fmt: skip
    card = (publisher.folder / "README.md").read_text()
    assert "lpips 0.4, frechet 90" in card and str(tmp_path) not in card


def test_a_score_on_other_validation_data_is_no_score(it):
    """And what chose the weights is told; states from before that tell nothing of it."""
    publisher: Publisher = it.publisher
    publisher.about["chosen_by"] = chosen_by("set aside", [torch.zeros(2, 3, 4, 4, dtype=torch.uint8)])
    publisher.best = 3.0
    facts = publisher.facts()
    publisher.resume(facts)
    assert publisher.best == 3.0
    publisher.resume({name: value for name, value in facts.items() if name != "chosen_by"})
    assert publisher.best == 3.0
    publisher.about["chosen_by"] = None
    publisher.resume(facts)
    assert publisher.best is None


def test_a_card_that_was_rewritten_by_hand_stays(it):
    it.evaluate()
    card = it.publisher.folder / "README.md"
    assert "python -m train spade --preset tiny" in card.read_text()
    put_scores(card.parent, "| better | scores |")
    assert "| better | scores |" in card.read_text() and "Not judged" not in card.read_text()
    card.write_text("my own words")
    with pytest.raises(cgan.CheckpointError, match="no place for scores"):
        put_scores(card.parent, "x")
    it.evaluate()
    assert card.read_text() == "my own words"
    assert "not stated" in model_card(
        "x",
        it.recipe.model,
        it.publisher.about | {"images": 1, "minutes": 2, "scores": {}},
        it.publisher.judge,
    )


def test_total():
    assert total({}) is None
    assert total({"a": 4.0, "b": 9.0}) == pytest.approx(6.0)


def test_sheets_have_all_cells():
    white, black = np.full((4, 6, 3), 255, np.uint8), np.zeros((4, 6, 3), np.uint8)
    picture = sheet.grid([[black, white], [black]])
    assert picture.shape == (4 + sheet.GAP + 4, 6 + sheet.GAP + 6, 3)
    assert (picture[:4, :6] == 0).all() and (picture[-4:, :6] == 0).all() and (picture[-4:, 6:] == 255).all()
    headed = sheet.grid([[black, white], [black]], ["a", "picture"])
    above = len(headed) - len(picture)
    assert above > sheet.LARGEST and np.array_equal(headed[above:], picture)
    assert (headed[:above, :6] < 200).any(), "a word stands there"
    assert sheet.evenly(62, 6).tolist() == [0, 10, 20, 31, 41, 51] and sheet.evenly(2, 6).tolist() == [0, 1]


def test_a_foreign_state_is_refused(tmp_path):
    (tmp_path / state.NAME).write_bytes(b"<html>")
    with pytest.raises(cgan.CheckpointError, match="delete it to start the run anew"):
        state.read(tmp_path)


def test_the_recorded_command_can_be_typed_again_and_tells_no_path(tmp_path):
    words = ["--preset", "tiny", "--no-noise", "--weight-kl", "0.5", "--size", "64x96"]
    words += ["--data", str(tmp_path)]
    preset, config, hyper, run = parse("spade", words)
    options = {"run": as_dict(run)}
    about = describe("spade", preset, config, hyper, run, options, torch.device("cpu"))
    told = about["command"].removeprefix("python -m train spade ").split()
    again = parse("spade", [str(tmp_path) if word == tmp_path.name else word for word in told])
    assert again == (preset, config, hyper, run)
    assert str(tmp_path) not in str(about)
