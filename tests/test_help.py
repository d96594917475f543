"""What `python -m train` tells before anything is started: commands, flags, data, and what is off."""

import dataclasses
import importlib
import json
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import ROOT, environment

from app.training import DESCRIBED
from cgan import models
from cgan.labels import Label, Palette
from train import launch, recipes
from train.__main__ import TOOLS, main
from train.flags import sources
from train.launch import farewell, off, parse
from train.publish.publisher import Publisher
from train.run import GROUPS


def test_all_commands_have_a_line(capsys):
    assert main([]) == main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(len(line) <= 80 for line in text.splitlines())
    for name in [*recipes.names(), *TOOLS]:
        assert len(re.findall(rf"^  {name} +\S", text, re.MULTILINE)) == 2, name  # one for each call


def test_the_flags_that_matter_come_first(capsys):
    with pytest.raises(SystemExit):
        main(["spade", "--help"])
    text = capsys.readouterr().out
    headings = re.findall(r"^(\S.*):$", text, re.MULTILINE)
    assert headings[:5] == ["options", *GROUPS]
    assert any("SPADE learns" in heading for heading in headings[5:])
    flags = re.findall(r"^  (--[\w-]+)", text, re.MULTILINE)
    assert flags[:6] == ["--preset", "--data", "--out", "--size", "--images", "--batch"]
    assert len(flags) == len({*flags}) and sum(map(len, GROUPS.values())) > 20


def test_programs_learn_what_can_be_trained(capsys):
    assert main(["describe"]) == 0
    described = json.loads(capsys.readouterr().out)["models"]
    assert list(described) == recipes.names()
    for model in described.values():
        assert model["title"] and "folder" in model["data"] or "clips" in model["data"]
        assert model["presets"]["tiny"] == {"size": [64, 64], "images": 2000, "batch": 4}
    # What the Train tab shows before it has asked: `python -m train describe > app/static/recipes.json`.
    assert json.loads(DESCRIBED.read_text(encoding="utf-8"))["models"] == described


def test_data_can_be_checked_alone(painted_folder, tmp_path, capsys):
    words = ["check", "spade", "--preset", "tiny", "--device", "cpu", "--data"]
    assert main([*words, str(painted_folder)]) == 0
    said = capsys.readouterr().err
    assert "spade can learn from 11 pictures, 1 more for validation · 6 classes: sky, ground" in said
    (tmp_path / "images").mkdir()
    assert main([*words, str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "there is no folder labels/" in said and "there are no pictures in images/" in said
    assert list(tmp_path.iterdir()) == [tmp_path / "images"]
    assert main(["check", "spad"]) == 2
    assert "check spad (did you mean spade?): give one of coco_funit" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "validation", "told"),
    [
        ([], [1], []),
        (["--perceptual", "none"], [1], ["perceptual loss: off (--perceptual none)"]),
        (["--validation", "none"], None, ["scores: off (--validation none)"]),
    ],
)
def test_what_is_off_is_said_first(flags, validation, told):
    _, _, hyper, run = parse("spade", ["--device", "cpu", "--weight-perceptual", "10", *flags])
    lines = off(run, hyper, validation, SimpleNamespace(available=True))
    assert [line.split(";")[0].split(",")[0] for line in lines] == told
    assert "no network" in off(run, hyper, [1], SimpleNamespace(available=False))[-1]


def test_a_run_that_cannot_be_judged_says_so_once(tmp_path):
    picture = np.zeros((4, 4, 3), np.uint8)
    judge = SimpleNamespace(sheets=lambda *_: (picture, picture), scores=lambda *_: {})
    said = []
    publisher = Publisher(tmp_path, judge, SimpleNamespace(validation=[1]), {}, said.append)
    publisher._publish = lambda *_: None
    publisher.consider(None, 8, 1.0)
    publisher.consider(None, 16, 2.0)
    assert said[0].startswith("scores: off, as 1 validation picture(s) are too few")
    assert [line.split(" · ")[0] for line in said[1:]] == ["8 images: saved", "16 images: saved"]
    assert said[2].endswith(str(tmp_path / "training" / "samples" / "000000016.jpg"))
    assert (tmp_path / "training" / "samples" / "000000016.jpg").exists()


def test_the_end_tells_what_to_do_next(tmp_path, monkeypatch):
    publisher = SimpleNamespace(folder=tmp_path / "mine", published=False)
    trainer = SimpleNamespace(publisher=publisher)
    samples = tmp_path / "mine" / "training" / "samples"
    samples.mkdir(parents=True)
    for images in (8, 16):
        (samples / f"{images:09d}.jpg").write_bytes(b"")
    first, *rest = farewell(trainer, True).splitlines()
    assert first == f"{tmp_path / 'mine'} is ready"
    assert rest[0].split() == ["samples", str(samples / "000000016.jpg")]
    assert rest[1].endswith(f"app --checkpoints {tmp_path}") and f"evaluate {tmp_path / 'mine'}" in rest[2]
    for names, told in ((("class 0", "class 7"), True), (("sky", "class 1"), False)):
        palette = Palette(tuple(Label(i, name, f"#00000{i}") for i, name in enumerate(names)))
        monkeypatch.setattr(
            launch, "read_checkpoint", lambda _, palette=palette: SimpleNamespace(palette=palette)
        )
        publisher.published = True
        assert ("--class-names" in farewell(trainer, True)) == told


def test_ctrl_c_while_data_are_prepared_is_one_line(tmp_path, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(launch, "read_data", interrupted)
    assert main(["spade", "--preset", "tiny", "--device", "cpu", "--out", str(tmp_path / "mine")]) == 130
    assert capsys.readouterr().err == "stopped at once; what was saved before is still there\n"


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None  # importing it fails
from train.__main__ import main
for line in sys.stdin.read().splitlines():
    try:
        print(main(line.split()), flush=True)
    except (SystemExit, ImportError) as end:
        print(end.code if isinstance(end, SystemExit) else "torch", flush=True)
"""


def test_what_needs_no_torch_does_not_wait_for_it():
    lines = ["--help", "spad", "spade --sise 3", "check wc_vid2vid --point", "evaluate", "evaluate --help"]
    words = [sys.executable, "-c", WITHOUT_TORCH]
    asked = "\n".join([*lines, "munit --help", "spade --no-noise --size=32"])
    done = subprocess.run(words, input=asked, cwd=ROOT, env=environment(), capture_output=True, text=True)
    codes = [line for line in done.stdout.splitlines() if re.fullmatch(r"\d|torch", line)]
    assert codes == ["0", "2", "2", "2", "2", "0", "torch", "torch"], done.stderr
    assert "MUNIT: a picture" in done.stdout, "the help begins before torch is there"
    told = done.stderr.splitlines()
    assert [line.partition("(")[2].partition(")")[0] for line in told[:3]] == [
        "did you mean spade?",
        "did you mean --size?",
        "did you mean --points?",
    ]


@pytest.mark.parametrize("name", models.names())
def test_flags_are_known_from_the_source_alone(name):
    for module, kind in (("cgan.models", "Config"), ("train.recipes", "Hyper")):
        loaded = vars(importlib.import_module(f"{module}.{name}"))[kind]
        expected = {field.name for field in dataclasses.fields(loaded)}
        assert sources.fields(f"{module}.{name}", kind) == expected
