"""`kill -9` at any moment (with --long): the same command goes on, to the same weights."""

import random
import signal
import subprocess
import sys
import time

import pytest
import torch
from conftest import ROOT, environment
from drawn import unpaired
from PIL import Image
from runs import FLAGS
from safetensors.torch import load_file

from train.engine import state

MOMENTS = 17  # of each of three kinds of model
WORDS = ("--images", "24", "--batch", "2", "--save-minutes", "0", "--evaluate-every", "8")


@pytest.fixture
def domains(tmp_path):
    """Two folders of pictures."""
    data = unpaired(4, (64, 64))
    for name, images in (("a", data.images_a), ("b", data.images_b)):
        (tmp_path / "domains" / name).mkdir(parents=True)
        for number, image in enumerate(images):
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(
                tmp_path / "domains" / name / f"{number}.png"
            )
    return tmp_path / "domains"


def begun(*words: object) -> subprocess.Popen:
    command = [sys.executable, "-m", "train", *map(str, words)]
    return subprocess.Popen(command, cwd=ROOT, env=environment(), stderr=subprocess.DEVNULL)


@pytest.mark.parametrize("kind", ["spade on a folder", "munit on a folder", "funit on the world"])
def test_kills_at_many_moments(kind, painted_folder, domains, tmp_path, long):
    if not long:
        pytest.skip("takes an hour: bash tests/run --long")
    model = kind.split()[0]
    data = {"spade": ("--data", painted_folder), "munit": ("--data", domains)}.get(model, ())
    words = (model, *FLAGS, *WORDS, *data)
    start = time.monotonic()
    assert begun(*words, "--out", tmp_path / "whole").wait() == 0
    whole, moments = time.monotonic() - start, random.Random(kind)
    for number in range(MOMENTS):
        out, kills = tmp_path / f"killed-{number}", 0
        while True:
            process = begun(*words, "--out", out)
            try:
                assert process.wait(whole * moments.uniform(0.2, 1.2) * (1 + kills)) == 0
                break
            except subprocess.TimeoutExpired:
                process.kill()
                assert process.wait() == -signal.SIGKILL
                kills += 1
        ours, theirs = (load_file(it / "training" / state.NAME) for it in (out, tmp_path / "whole"))
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs), f"{kills} kills"
