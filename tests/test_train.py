"""`python -m train` as a user runs it: resuming, killing, several processes, and clear refusals."""

import json
import signal
import subprocess
import sys
import time

import pytest
import torch
from conftest import ROOT, environment
from runs import FLAGS
from safetensors.torch import load_file

import cgan
from train.engine import state
from train.run import Run, order, rate

TINY = ("spade", *FLAGS)


def tensors(folder):
    return load_file(folder / "training" / state.NAME)


def same(one, two) -> list[str]:
    """Names of the tensors that differ."""
    assert one.keys() == two.keys()
    return [name for name in one if not torch.equal(one[name], two[name])]


def test_train_resume_and_load(command, painted_folder, tmp_path):
    """An interrupted run and an uninterrupted one end in identical weights; the checkpoint paints."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    flags = (
        *TINY,
        "--data",
        painted_folder,
        "--images",
        24,
        "--evaluate-every",
        8,
        "--accumulate",
        2,
        "--batch",
        2,
    )
    done = command(*flags, "--out", whole)
    assert done.returncode == 0, done.stderr
    process = subprocess.Popen(
        [sys.executable, "-m", "train", *map(str, flags), "--out", str(parts)],
        cwd=ROOT,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stderr:  # stop it with the first news of a step
        if "images:" in line:
            process.send_signal(signal.SIGTERM)
            break
    process.stderr.read()
    assert process.wait(60) == 130
    assert 0 < state.read(parts / "training")[1]["images"] < 24
    again = command(*flags, "--out", parts)
    assert again.returncode == 0 and "going on after" in again.stderr, again.stderr
    assert same(tensors(whole), tensors(parts)) == []
    assert same(load_file(whole / "model.safetensors"), load_file(parts / "model.safetensors")) == []

    painter = cgan.load(whole, device="cpu")
    about = painter.checkpoint.about
    assert about["images"] == 24 and about["preset"] == "tiny" and str(tmp_path) not in json.dumps(about)
    assert (whole / "README.md").read_text().startswith("---\nlibrary_name: cgan")
    assert (whole / "preview.jpg").exists()
    rows = [json.loads(line) for line in (whole / "training" / "log.jsonl").read_text().splitlines()]
    assert [row["images"] for row in rows if row["kind"] == "evaluation"] == [8, 16, 24]
    other = command(*flags, "--out", parts, "--seed", 1)
    assert other.returncode == 2 and "--seed 0 there, 1 now" in other.stderr


def test_kill_loses_nothing_saved(command, painted_folder, tmp_path):
    """After kill -9 at any moment the state is readable and the same command goes on."""
    out = tmp_path / "killed"
    flags = (*TINY, "--data", painted_folder, "--images", 400, "--save-minutes", 0, "--evaluate-every", 4)
    process = subprocess.Popen(
        [sys.executable, "-m", "train", *map(str, flags), "--out", str(out)],
        cwd=ROOT,
        env=environment(),
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not state.exists(out / "training") and time.monotonic() < deadline:
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


def test_two_processes_equal_one(command, painted_folder, tmp_path):
    """2 processes x batch 2 = 1 x 4 in float64, batch norm included."""
    one, two = tmp_path / "one", tmp_path / "two"
    flags = (*TINY, "--data", painted_folder, "--images", 20, "--precision", "fp64")
    alone = command(*flags, "--batch", 4, "--out", one)
    assert alone.returncode == 0, alone.stderr
    launcher = (
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node",
        "2",
        "--master-port",
        "29517",
        "-m",
    )
    both = command(*flags, "--batch", 2, "--out", two, launcher=launcher)
    assert both.returncode == 0, both.stderr
    a, b = tensors(one), tensors(two)
    assert a.keys() == b.keys() and any("mean" in name for name in a)
    for name, value in a.items():
        if "adam" not in name:
            assert torch.allclose(value, b[name], atol=1e-5), name
    start = load_file(one / "model.safetensors")
    assert start["blocks.0.conv_0.weight"].abs().sum() > 0


def test_fine_tuning_starts_from_a_checkpoint(command, painted_folder, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    done = command(*TINY, "--data", painted_folder, "--images", 8, "--out", first)
    assert done.returncode == 0, done.stderr
    done = command(
        *TINY,
        "--data",
        painted_folder,
        "--images",
        4,
        "--out",
        second,
        "--start-from",
        first,
        "--rate",
        0,
        "--discriminator-rate",
        0,
    )
    assert done.returncode == 0 and "its run's discriminator" in done.stderr, done.stderr
    masters = [tensors(folder)["bank.discriminator.master"] for folder in (first, second)]
    assert torch.equal(*masters)
    ours, theirs = (load_file(folder / "model.safetensors")["to_rgb.weight"] for folder in (second, first))
    assert torch.allclose(ours.float(), theirs.float(), atol=2e-2)
    refused = command(
        *TINY, "--data", painted_folder, "--out", tmp_path / "x", "--start-from", first, "--filters", 3
    )
    assert refused.returncode == 2 and "the checkpoint decides" in refused.stderr


REFUSALS = {
    "unknown command": (("spad",), "invalid choice: 'spad'"),
    "size": ((*TINY, "--size", "50"), "multiples of 32"),
    "images": ((*TINY, "--images", "0"), "--images 0: it must be at least 1"),
    "no folder": ((*TINY, "--data", "nowhere"), "nowhere is not a folder"),
    "device": (("spade", "--device", "cuda:9", "--preset", "tiny"), "cuda:9"),
    "validation": ((*TINY, "--validation", "some"), "neither a folder nor a share"),
    "start": ((*TINY, "--start-from", "nothing"), "no checkpoint 'nothing'"),
    "weights": ((*TINY[:3], "--perceptual", "vgg19", "--perceptual-weights", "README.md"), "README.md"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals_are_one_clear_line(command, tmp_path, case):
    words, expected = REFUSALS[case]
    done = command(*words, *(("--out", tmp_path / "out") if len(words) > 1 else ()))
    assert done.returncode == 2, done.stderr
    assert expected in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out" / "model.safetensors").exists()


def test_an_unwritable_folder(command, tmp_path):
    (tmp_path / "file").write_text("in the way")
    done = command(*TINY, "--out", tmp_path / "file" / "x")
    assert done.returncode == 1 and "error:" in done.stderr and "Traceback" not in done.stderr


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


def test_without_data_it_learns_from_the_world(command, tmp_path):
    done = command(*TINY, "--images", 8, "--out", tmp_path / "world")
    assert done.returncode == 0 and "rendering 32 landscapes" in done.stderr, done.stderr
    checkpoint = cgan.read_checkpoint(tmp_path / "world")
    assert "snow" in checkpoint.palette.names and checkpoint.about["data"] == "the built-in world"
    assert tensors(tmp_path / "world")["data.images"].shape == (32, 3, 72, 72)
