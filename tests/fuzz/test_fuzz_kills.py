"""A run that is killed goes on by the same command, to the same weights: at a moment, with --long at many."""

import itertools
import random
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from drawn import unpaired
from PIL import Image
from runs import FLAGS, LIGHT
from safetensors.torch import load_file

from train.engine import state

if sys.platform == "win32":
    pytest.skip("processes that are forked, signals", allow_module_level=True)
from fuzz.mortal import Lived, Moment, live  # noqa: E402

MOMENTS = 17  # of each of three kinds of model
KILLED = (-signal.SIGKILL, -signal.SIGPROF)
WORDS = ("--images", "16", "--batch", "2", "--save-minutes", "0", "--evaluate-every", "6")
LESS = ("--validation", "none")  # most of a run would be frames and scores for it
KINDS = ["spade on a folder", "munit on a folder", "funit on the world"]


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


def moments(kind: str, whole: Lived) -> Iterator[Moment]:
    """Moments in a run as long as `whole`: in turn anywhere, and where it touches a file."""
    drawn = random.Random(kind)
    while True:
        yield Moment(touches=drawn.randint(1, whole.touches))
        yield Moment(seconds=drawn.uniform(0.01, whole.seconds))


def kill(words: list[str], out: Path, moment: Moment) -> Moment:
    """Kill a run that begins in `out`, earlier if it was done before; gives when."""
    while live(words, moment).code not in KILLED:
        shutil.rmtree(out)
        moment = Moment(moment.seconds * 0.7, moment.touches * 7 // 10)
    return moment


def saved(out: Path) -> int | None:
    """How many pictures the run in `out` has seen, by its state; None where there is none."""
    return state.read(out / "training")[1]["images"] if state.exists(out / "training") else None


def weights(out: Path) -> Iterator[tuple[str, torch.Tensor]]:
    """All that a run has learnt, by name: its state, and what it has published."""
    files = (load_file(out / "training" / state.NAME), load_file(out / "model.safetensors"))
    return itertools.chain.from_iterable(file.items() for file in files)


@pytest.mark.parametrize("kind", KINDS)
def test_kills_at_many_moments(kind, painted_folder, domains, tmp_path, long):
    if not long and kind != KINDS[0]:
        pytest.skip("takes minutes: bash tests/run --long")
    model = kind.split()[0]
    data = {"spade": ("--data", painted_folder), "munit": ("--data", domains), "funit": LESS}[model]
    words = [*map(str, (model, *(FLAGS if long else LIGHT), *WORDS, *data, "--out"))]
    whole = live([*words, str(tmp_path / "whole")])
    assert whole.code == 0
    for number, moment in enumerate(itertools.islice(moments(kind, whole), MOMENTS if long else 1)):
        out = tmp_path / f"killed-{number}"
        ours = [*words, str(out)]
        moment = kill(ours, out, moment)
        first = saved(out)
        if number % 3 == 2:  # perhaps once more
            live(ours, moment)
        print(f"{kind}: {moment}, {first} pictures were saved, {saved(out)} before it went on", flush=True)
        assert live(ours).code == 0
        for (name, a), (_, b) in zip(weights(out), weights(tmp_path / "whole"), strict=True):
            assert torch.equal(a, b), f"{name} after a kill at {moment}"
