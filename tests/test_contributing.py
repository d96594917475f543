"""The model of CONTRIBUTING.md: added as it stands there, checked like any other, trained and loaded."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import test_models
from conftest import ROOT
from runs import FLAGS

import cgan
from cgan import models
from train import launch, recipes

BLOCK = re.compile(r"^`([\w/]+\.py)`:\n\n```python\n(.*?)^```$", re.M | re.S)
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
NAME = "mosaic"


@pytest.fixture
def written(tmp_path) -> Path:
    """A folder with the files of CONTRIBUTING.md."""
    for place, code in BLOCK.findall(TEXT):
        path = tmp_path / "added" / place
        path.parent.mkdir(parents=True)
        path.write_text(code, encoding="utf-8")
    return tmp_path / "added"


@pytest.fixture
def added(written, monkeypatch) -> str:
    """The name of the model, which is there until the test ends."""
    for package, place in ((models, "cgan/models"), (recipes, "train/recipes")):
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(written / place)])
        monkeypatch.delitem(sys.modules, f"{package.__name__}.{NAME}", raising=False)
    yield NAME
    for package in (models, recipes):
        sys.modules.pop(f"{package.__name__}.{NAME}", None)
        vars(package).pop(NAME, None)


def test_it_is_two_files(written):
    assert [place for place, _ in BLOCK.findall(TEXT)] == [
        f"cgan/models/{NAME}.py",
        f"train/recipes/{NAME}.py",
    ]
    assert not (ROOT / "cgan" / "models" / f"{NAME}.py").exists()


def test_it_is_in_good_style(written):
    if not find_spec("ruff"):
        pytest.skip("needs ruff")
    for words in (["check"], ["format", "--check", "--diff"]):
        command = [
            sys.executable,
            "-m",
            "ruff",
            *words,
            "--config",
            str(ROOT / "pyproject.toml"),
            "--no-cache",
        ]
        done = subprocess.run([*command, str(written)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_it_passes_the_tests_of_all_models(added, tmp_path, monkeypatch):
    assert added in models.names() and added in recipes.names()
    mode = test_models.Mode(added, "rectangles")
    test_models.test_presets(added)
    for precision in ("fp32", "bf16"):
        test_models.test_a_step_moves_every_weight(mode, precision)
    test_models.test_save_and_load(mode, tmp_path)
    test_models.test_paint(mode, tmp_path)
    test_models.test_paint_with_style(mode, tmp_path)
    test_models.test_a_run_resumes(mode, tmp_path, monkeypatch)


def test_it_trains_from_the_command_line(added, painted_folder, tmp_path):
    words = [*FLAGS, "--data", str(painted_folder), "--images", "8", "--batch", "4"]
    assert launch.learn(added, [*words, "--out", str(tmp_path / "made")]) == 0, "two steps"
    painter = cgan.load(tmp_path / "made", device="cpu")
    assert painter.checkpoint.model == added
    assert painter.checkpoint.about["images"] in (4, 8), "the better of the two"
    labels = np.zeros((33, 47), np.uint8)
    labels[10:] = 1
    assert painter.paint(labels, seed=1).shape == (1, 33, 47, 3)


def test_every_place_that_is_named_is_there():
    """The map of the files and the commands; what is to be replaced stands in capitals."""
    named = set(re.findall(r"`((?:app|cgan|train|tests|checkpoints)/[\w/.*-]*)`", TEXT))
    gone = [place for place in named if not re.search(r"NAME|\*", place) and not (ROOT / place).exists()]
    assert sorted(gone) == sorted(f"{it}/{NAME}.py" for it in ("cgan/models", "train/recipes"))
