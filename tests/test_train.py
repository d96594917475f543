"""`python -m train` as a user runs it: resuming, killing, several processes, and clear refusals."""

import json
import signal
import subprocess
import sys
import time

import pytest
import torch
from conftest import PATIENCE, ROOT, environment
from runs import FLAGS, run, trainer_in
from safetensors.torch import load_file

import cgan
from train.data.growing import Landscapes
from train.engine import state
from train.run import Run, order, rate

TINY = ("spade", *FLAGS)
STOPPED = """
import os, signal, sys
from train.__main__ import main
from train.engine.trainer import Trainer

step = Trainer.step

def stopped(self):
    said = step(self)
    if self.images == 8:  # a signal at this very moment, however busy the machine is
        os.kill(os.getpid(), signal.SIGTERM)
    return said

Trainer.step = stopped
sys.exit(main(sys.argv[1:]))
"""


def tensors(folder):
    return load_file(folder / "training" / state.NAME)


def same(one, two) -> list[str]:
    """Names of the tensors that differ."""
    assert one.keys() == two.keys()
    return [name for name in one if not torch.equal(one[name], two[name])]


@pytest.mark.slow
def test_train_resume_and_load(painted_folder, tmp_path, capfd):
    """An interrupted run and an uninterrupted one end in identical weights; the checkpoint paints."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    flags = (
        *TINY,
        "--data",
        painted_folder,
        "--images",
        16,
        "--evaluate-every",
        8,
        "--accumulate",
        2,
        "--batch",
        2,
    )
    code, said = run(capfd, *flags, "--out", whole)
    assert code == 0, said
    words = [sys.executable, "-c", STOPPED, *map(str, flags), "--out", str(parts)]
    stopped = subprocess.run(words, cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert stopped.returncode == 130 and "stopped after 8 of 16" in stopped.stderr, stopped.stderr
    assert state.read(parts / "training")[1]["images"] == 8
    code, said = run(capfd, *flags, "--out", parts)
    assert code == 0 and "going on after" in said, said
    assert same(tensors(whole), tensors(parts)) == []
    assert same(load_file(whole / "model.safetensors"), load_file(parts / "model.safetensors")) == []

    painter = cgan.load(whole, device="cpu")
    about = painter.checkpoint.about
    assert about["images"] == 16 and about["preset"] == "tiny" and str(tmp_path) not in json.dumps(about)
    assert (whole / "README.md").read_text().startswith("---\nlibrary_name: cgan")
    assert (whole / "preview.jpg").exists()
    rows = [json.loads(line) for line in (whole / "training" / "log.jsonl").read_text().splitlines()]
    assert [row["images"] for row in rows if row["kind"] == "evaluation"] == [8, 16]
    code, said = run(capfd, *flags, "--out", parts, "--seed", 1)
    assert code == 2 and "--seed 0 there, 1 now" in said


def test_the_first_samples_come_early(painted_folder, tmp_path):
    trainer = trainer_in(tmp_path / "run", painted_folder, "--images", "40000", "--batch", "3")
    assert trainer.every == 2001 and sorted(trainer.early) == [501, 1002]
    asked = ("--images", "40000", "--batch", "3", "--evaluate-every", "3000")
    assert trainer_in(tmp_path / "asked", painted_folder, *asked).early == set()


@pytest.mark.slow
def test_kill_loses_nothing_saved(command, painted_folder, tmp_path):
    """After kill -9 at any moment the state is readable and the same command goes on."""
    out = tmp_path / "killed"
    flags = (*TINY, "--data", painted_folder, "--images", 40_000, "--save-minutes", 0, "--evaluate-every", 4)
    process = subprocess.Popen(
        [sys.executable, "-m", "train", *map(str, flags), "--out", str(out)],
        cwd=ROOT,
        env=environment(),
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + PATIENCE
    while not (out / "config.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.4)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    _, facts = state.read(out / "training")
    cgan.load(out, device="cpu")
    again = command(
        *TINY,
        "--data",
        painted_folder,
        "--images",
        facts["images"] + 4,
        "--save-minutes",
        0,
        "--evaluate-every",
        4,
        "--out",
        out,
    )
    assert again.returncode == 0, again.stderr
    assert f"going on after {facts['images']} images" in again.stderr


@pytest.mark.slow
def test_two_processes_equal_one(command, painted_folder, tmp_path, capfd):
    """2 processes x batch 2 = 1 x 4 in float64, batch norm included, and tables those without."""
    one, two = tmp_path / "one", tmp_path / "two"
    flags = (*TINY, "--data", painted_folder, "--images", 8, "--precision", "fp64", "--evaluate-every", 8)
    code, said = run(capfd, *flags, "--batch", 4, "--tables", "off", "--out", one)
    assert code == 0, said
    launcher = (
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node",
        "2",
        "--rdzv-backend",
        "c10d",
        "--rdzv-endpoint",
        "localhost:0",  # a free port
        "-m",
    )
    both = command(*flags, "--batch", 2, "--tables", "on", "--out", two, launcher=launcher)
    assert both.returncode == 0, both.stderr
    a, b = tensors(one), tensors(two)
    assert a.keys() == b.keys() and any("mean" in name for name in a)
    for name, value in a.items():
        if "adam" not in name:
            assert torch.allclose(value, b[name], atol=1e-5), name
    start = load_file(one / "model.safetensors")
    assert start["blocks.0.conv_0.weight"].abs().sum() > 0


def test_fine_tuning_starts_from_a_checkpoint(painted_folder, tmp_path, capfd):
    first, second = tmp_path / "first", tmp_path / "second"
    code, said = run(capfd, *TINY, "--data", painted_folder, "--images", 8, "--out", first)
    assert code == 0, said
    still = ("--images", 4, "--rate", 0, "--discriminator-rate", 0)
    more = (*TINY, "--data", painted_folder, "--start-from", first)
    code, said = run(capfd, *more, *still, "--out", second)
    assert code == 0 and "its run's discriminator" in said, said
    masters = [tensors(folder)["bank.discriminator.master"] for folder in (first, second)]
    assert torch.equal(*masters)
    ours, theirs = (load_file(folder / "model.safetensors")["to_rgb.weight"] for folder in (second, first))
    assert torch.allclose(ours.float(), theirs.float(), atol=2e-2)
    code, said = run(capfd, *more, "--out", tmp_path / "x", "--filters", 3)
    assert code == 2 and "the checkpoint decides" in said


REFUSALS = {
    "unknown command": (("spad",), "no command spad (did you mean spade?); there are: coco_funit"),
    "size": ((*TINY, "--size", "50"), "multiples of 32"),
    "size of vid2vid": (
        ("vid2vid", "--preset", "paper", "--device", "cpu", "--size", "96x300"),
        "--size 96x300: height and width must be multiples of 128, such as 128x256",
    ),
    "size of pix2pixhd": (
        ("pix2pixhd", *FLAGS, "--size", "96", "--downs", "4", "--enhancers", "2"),
        "--size 96x96: height and width must be multiples of 64",
    ),
    "images": ((*TINY, "--images", "0"), "--images 0: it must be at least 1"),
    "no folder": ((*TINY, "--data", "nowhere"), "nowhere is not a folder"),
    "flag": ((*TINY, "--bath", "3"), "no flag --bath (did you mean --batch?)"),
    "choice": (("spade", "--preset", "smal"), "invalid choice: 'smal'"),
    "device": (("spade", "--device", "cuda:9", "--preset", "tiny"), "cuda:9"),
    "validation": ((*TINY, "--validation", "some"), "neither a folder nor a share"),
    "start": ((*TINY, "--start-from", "nothing"), "no checkpoint 'nothing'"),
    "weights": (
        (*TINY[:3], "--size", "64", "--perceptual", "vgg19", "--perceptual-weights", "README.md"),
        "README.md",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals_are_one_clear_line(painted_folder, tmp_path, monkeypatch, capfd, case):
    monkeypatch.chdir(ROOT)
    words, expected = REFUSALS[case]
    if len(words) > 1:
        words = (words[0], "--data", painted_folder, "--out", tmp_path / "out", *words[1:])
    code, said = run(capfd, *words)
    assert code == 2 and expected in said.splitlines()[-1] and "usage" not in said, said
    assert not (tmp_path / "out" / "model.safetensors").exists()


def test_a_refusal_of_the_command(command):
    done = command("spade", "--size", "50")
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert "multiples of 32" in done.stderr


def test_an_unwritable_folder(tmp_path, capfd):
    (tmp_path / "file").write_text("in the way")
    code, said = run(capfd, *TINY, "--out", tmp_path / "file" / "x")
    assert code == 1 and "error:" in said


def test_a_full_disk_keeps_the_last_state(tmp_path, monkeypatch):
    state.write(tmp_path, {"x": torch.ones(3)}, {"images": 1})

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(state, "save_file", full)
    with pytest.raises(OSError, match="No space"):
        state.write(tmp_path, {"x": torch.zeros(3)}, {"images": 2})
    kept, facts = state.read(tmp_path)
    assert kept["x"].sum() == 3 and facts == {"images": 1}


def test_order_shows_every_picture_once_an_epoch():
    whole = order(0, 30, 10, seed=1)
    for epoch in range(3):
        assert sorted(whole[epoch * 10 : epoch * 10 + 10].tolist()) == list(range(10))
    assert torch.equal(order(7, 9, 10, seed=1), whole[7:16])
    assert not torch.equal(order(0, 10, 10, seed=2), whole[:10])


def test_rate_falls_to_zero():
    run = Run(images=100, decay_from=0.5)
    assert [rate(1.0, images, run) for images in (0, 50, 75, 100)] == [1.0, 1.0, 0.5, 0.0]


@pytest.mark.slow
def test_without_data_it_learns_from_the_world(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(Landscapes, "start", 12)
    monkeypatch.setattr(Landscapes, "aside", 4)
    code, said = run(capfd, *TINY, "--images", 8, "--out", tmp_path / "world")
    assert code == 0 and "rendering 12 landscapes" in said, said
    checkpoint = cgan.read_checkpoint(tmp_path / "world")
    assert "snow" in checkpoint.palette.names and checkpoint.about["data"] == "the built-in world"
    assert tensors(tmp_path / "world")["data.images"].shape == (12, 3, 72, 72)
