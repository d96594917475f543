"""What fails while a run goes on: numbers that are not finite, signals, a kill at a bad moment."""

import os
import signal
from dataclasses import dataclass, field

import pytest
import torch
from runs import LIGHT as FLAGS
from runs import run
from safetensors.torch import load_file

import cgan
from train import launch
from train.data.painted import PaintedData
from train.engine import state, trainer
from train.engine.trainer import Trainer
from train.log import Log, heard_or_not, say
from train.publish.publisher import Publisher
from train.recipes import Loss, spade

pytestmark = pytest.mark.filterwarnings("error:.*lr_scheduler")
BATCH = 4


@pytest.fixture
def words(painted_folder, tmp_path):
    """A run of three steps that ends with a checkpoint."""
    data = ("--data", painted_folder, "--out", tmp_path / "out", "--validation", "none", "--calibrate", 1)
    return ("spade", *FLAGS, *data, "--images", 3 * BATCH, "--evaluate-every", 3 * BATCH)


@dataclass
class Spoilt:
    """`Recipe.step` whose calls of these numbers, from 1, yield losses that are NaN."""

    calls: frozenset[int] | range
    step: object = field(default=spade.Recipe.step)
    count: int = 0

    def __call__(self, recipe, batch):
        self.count += 1
        bad = self.count in self.calls
        for loss in self.step(recipe, batch):
            yield Loss(loss.player, {n: t * float("nan") if bad else t for n, t in loss.terms.items()})


def spoil(monkeypatch, calls) -> None:
    spoilt = Spoilt(calls)
    monkeypatch.setattr(spade.Recipe, "step", lambda recipe, batch: spoilt(recipe, batch))


def images_in(folder) -> int:
    return state.read(folder / "training")[1]["images"]


@pytest.mark.parametrize("call", [1, 3])
def test_a_loss_that_is_nan_once_is_skipped(words, tmp_path, monkeypatch, capfd, call):
    """At the first step and at the last one, when lines of progress are due."""
    spoil(monkeypatch, {call})
    code, said = run(capfd, *words)
    assert code == 0, said
    assert f"a step after {BATCH * (call - 1)} images was skipped" in said
    assert "discriminator.fake nan" in said
    cgan.load(tmp_path / "out", device="cpu")


def test_a_loss_that_stays_nan_ends_the_run_which_is_saved(words, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(trainer, "PATIENCE", 2)
    spoil(monkeypatch, range(2, 1000))
    code, said = run(capfd, *words)
    assert code == 2 and "training stopped after 2 bad steps in a row" in said, said
    assert images_in(tmp_path / "out") == 3 * BATCH
    assert all(it.isfinite().all() for it in load_file(tmp_path / "out/training" / state.NAME).values())
    monkeypatch.undo()
    code, said = run(capfd, *words, "--images", 4 * BATCH)
    assert code == 0 and "going on after 12 images" in said, said


def test_nan_in_the_data_is_skipped(words, tmp_path, monkeypatch, capfd):
    batch, calls = PaintedData.batch, iter(range(1000))

    def spoilt(self, *given, **named):
        made = batch(self, *given, **named)
        return made._replace(images=made.images * float("nan")) if next(calls) in (1, 2) else made

    monkeypatch.setattr(PaintedData, "batch", spoilt)  # and the watchdog's look at the same batch
    code, said = run(capfd, *words)
    assert code == 0 and "a step after 4 images was skipped" in said, said
    cgan.load(tmp_path / "out", device="cpu")


@pytest.mark.parametrize("moment", ["before saving", "before judging"])
def test_weights_that_are_not_finite_replace_nothing(words, tmp_path, monkeypatch, capfd, moment):
    code, said = run(capfd, *words)
    assert code == 0, said
    before = (tmp_path / "out" / "model.safetensors").read_bytes()
    step = Trainer.step

    def broken(self):
        said = step(self)
        self.banks["generator"].master.data[3] = float("inf")
        return said

    monkeypatch.setattr(Trainer, "step", broken)
    late = {"before saving": "--save-minutes=0", "before judging": "--save-minutes=9"}[moment]
    code, said = run(capfd, *words, "--images", 6 * BATCH, late)
    assert code == 2 and "the weights of the generator" in said and "not finite" in said, said
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == before
    assert images_in(tmp_path / "out") == 3 * BATCH


def test_scores_that_are_not_finite_choose_nothing(words, tmp_path, monkeypatch, capfd):
    scores = Publisher.consider
    values = iter([float("nan"), 0.5])

    def judged(self, model, seen, seconds):
        value = next(values)
        self.judge.scores, self.sitting.judged = (lambda *_: {"lpips": value}), True
        return scores(self, model, seen, seconds)

    monkeypatch.setattr(Publisher, "consider", judged)
    code, said = run(capfd, *words, "--evaluate-every", 2 * BATCH)
    assert code == 0 and "the scores are not finite, so this model is not published" in said, said
    assert cgan.read_checkpoint(tmp_path / "out").about["images"] == 3 * BATCH


def test_fp16_finds_its_scale(words, tmp_path, monkeypatch, capfd):
    """Its first steps overflow: neither a fault nor an end."""
    monkeypatch.setattr(launch, "choose_precision", lambda wish, device: "fp16")
    monkeypatch.setattr(trainer, "PATIENCE", 3)
    code, said = run(capfd, *words)
    assert code == 0 and "skipped" not in said, said
    assert state.read(tmp_path / "out/training")[0]["bank.generator.scaler.scale"] <= 65536


def test_a_fault_of_ours_keeps_its_traceback(words, monkeypatch, capfd):
    def faulty(self):
        raise ValueError("Unknown format code 'g'")

    monkeypatch.setattr(Trainer, "step", faulty)
    with pytest.raises(RuntimeError, match="a fault inside cgan, not of your making"):
        run(capfd, *words)


class Killed(BaseException):
    """As `kill -9`: nobody catches it."""


def test_a_kill_between_the_first_checkpoint_and_the_next_save(words, tmp_path, monkeypatch, capfd):
    consider = Publisher.consider

    def killed(self, model, seen, seconds):
        consider(self, model, seen, seconds)
        raise Killed

    monkeypatch.setattr(Publisher, "consider", killed)
    with pytest.raises(Killed):
        run(capfd, *words, "--evaluate-every", BATCH)
    assert cgan.read_checkpoint(tmp_path / "out").about["images"] == BATCH
    monkeypatch.undo()
    code, said = run(capfd, *words, "--evaluate-every", BATCH)
    assert code == 0 and "going on after 0 images" in said, said
    killed_once = load_file(tmp_path / "out" / "model.safetensors")
    run(capfd, *words, "--evaluate-every", BATCH, "--out", tmp_path / "whole")
    whole = load_file(tmp_path / "whole" / "model.safetensors")
    assert all(torch.equal(whole[name], killed_once[name]) for name in whole)


@pytest.mark.skipif(os.name == "nt", reason="SIGHUP")
@pytest.mark.parametrize("ignored", [False, True])
def test_a_closed_terminal_saves_and_stops(words, tmp_path, monkeypatch, capfd, ignored):
    """Unless nohup said that it does not matter. The second signal is the shell's."""
    step = Trainer.step

    def hung_up(self):
        said = step(self)
        if self.images == 2 * BATCH:
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGHUP)
        return said

    monkeypatch.setattr(Trainer, "step", hung_up)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    try:
        code, said = run(capfd, *words)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert code == (0 if ignored else 130), said
    assert images_in(tmp_path / "out") == (3 if ignored else 2) * BATCH


def test_a_terminal_that_has_gone_is_no_error(monkeypatch):
    """Writing to it fails: then nobody hears, and nothing else."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", buffering=1) as gone:
        monkeypatch.setattr("sys.stderr", gone)
        say("first")
        say("second")
        Log(None, 8).progress(8, {"player.fake": torch.tensor(float("nan"))}, {})
        with heard_or_not():
            pass


def test_a_mistyped_option_deletes_no_run(words, tmp_path, capfd):
    code, said = run(capfd, *words)
    assert code == 0, said
    code, said = run(capfd, *words, "--fresh", "--data", tmp_path / "nowhere")
    assert code == 2 and images_in(tmp_path / "out") == 3 * BATCH
    code, said = run(capfd, *words, "--fresh", "--images", BATCH)
    assert code == 0 and "going on" not in said and images_in(tmp_path / "out") == BATCH
