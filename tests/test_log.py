"""What a run says: rows, lines, and who may speak."""

import json
import re
import sys
from types import SimpleNamespace

import pytest
import torch

from train.log import ROWS_EVERY, Log, duration, is_first, keep_rows, read, say, tally


def rows(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_rows_are_written_at_intervals_and_at_the_end(tmp_path):
    log = Log(tmp_path, total=100, every=40)
    for images in range(10, 101, 10):
        log.progress(images, {"fool": torch.tensor(0.5)}, {"precision": "fp32"})
    log.close()
    assert [row["images"] for row in rows(tmp_path)] == [40, 80, 100]
    assert rows(tmp_path)[0] | {"images_per_second": 0} == {
        "kind": "step",
        "images": 40,
        "fool": 0.5,
        "precision": "fp32",
        "images_per_second": 0,
    }


def test_a_resumed_log_forgets_what_was_not_saved(tmp_path):
    log = Log(tmp_path, 200)
    for images in (40, 80):
        log.record("step", images, {})
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"kind": "st')  # killed in mid-row
    Log(tmp_path, 200, start=40).record("step", 50, {})
    assert [row["images"] for row in rows(tmp_path)] == [40, 50]


def test_no_log_is_no_error(tmp_path):
    keep_rows(tmp_path / "log.jsonl", 10)
    Log(None, 10).record("step", 1, {})
    assert list(tmp_path.iterdir()) == []


def test_plain_lines_tell_progress(capsys):
    log = Log(None, total=20)
    log.progress(20, {"fool": torch.tensor(0.123456)}, {"memory": "1.2 GiB"})
    log.close()
    err = capsys.readouterr().err
    assert "20/20 images" in err and "fool 0.123" in err and "memory 1.2 GiB" in err and "left" in err


def test_losses_have_lines_of_their_own_which_fit_a_terminal(capsys):
    log = Log(None, total=20)
    losses = {f"loss number {i}": torch.tensor(float(i)) for i in range(12)}
    log.progress(20, losses, {"memory": "1.2 GiB"})
    first, *rest = capsys.readouterr().err.splitlines()
    assert first.startswith("20/20 images") and "loss" not in first
    assert all(line.startswith("  loss number") and len(line) < 80 for line in rest[:-1])
    assert " ".join(rest).count("loss number") == 12 and "memory 1.2 GiB" in rest[-1]


def test_the_bar_fits_80_columns(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    log = Log(None, total=1_000_000, start=123_456)
    log.progress(234_567, {"fool": torch.tensor(0.5)}, {})
    log.close()
    bars = [line for line in re.split(r"[\r\n]", capsys.readouterr().err) if "images, " in line]
    assert bars and all(len(line) <= 80 for line in bars)
    assert "234567/1000000 images" in bars[-1] and bars[-1].endswith("left")


def test_a_slow_run_writes_rows_too(tmp_path, monkeypatch):
    log = Log(tmp_path, total=1000, every=500)
    log.progress(4, {}, {})
    monkeypatch.setattr(log, "row_at", log.row_at - ROWS_EVERY)
    log.progress(8, {}, {})
    log.progress(12, {}, {})
    assert [row["images"] for row in rows(tmp_path)] == [8]


def test_what_is_left_is_reckoned_from_the_first_that_was_done(monkeypatch):
    """A hundred seconds to list the files, then a hundred files a second."""
    clock = iter([0.0, 100.0, 105.0])
    monkeypatch.setattr("train.log.time", SimpleNamespace(monotonic=lambda: next(clock)))  # of one module
    said = []
    reached = tally(said.append, "reading", 1501)
    reached(1), reached(501)
    assert said == ["reading …", f"  501 of 1501, {duration(10)} left"]


def test_preparing_tells_how_far_it_is():
    said = []
    reached = tally(said.append, "rendering 4 landscapes", 4, every=0)
    for done in range(1, 5):
        reached(done)
    lines = [line.split(",")[0] for line in said[1:]]
    assert said[0] == "rendering 4 landscapes …" and lines == ["  2 of 4", "  3 of 4"]
    assert all(line.endswith(" left") for line in said[1:])
    patient = []
    tally(patient.append, "reading", 4, every=1e9)(2)
    assert patient == ["reading …"]


def test_only_the_first_process_speaks(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RANK", "1")
    say("hello")
    log = Log(tmp_path / "run", total=10)
    log.progress(10, {"fool": torch.tensor(1.0)}, {})
    log.record("scores", 10, {"lpips": 1.0})
    log.close()
    assert not is_first() and not (tmp_path / "run").exists()
    out = capsys.readouterr()
    assert out.err == out.out == ""


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (torch.tensor(0.5), 0.5),
        (torch.tensor(float("nan")), "nan"),
        (float("inf"), "inf"),
        (3, 3),
        ("fp16", "fp16"),
    ],
)
def test_values_become_json(value, told):
    assert read(value) == told
    json.loads(json.dumps(read(value), allow_nan=False))


@pytest.mark.parametrize(
    ("seconds", "told"), [(7, "7 s"), (65, "1 min 05 s"), (3725, "1 h 02 min"), (90_000, "25 h 00 min")]
)
def test_durations_are_readable(seconds, told):
    assert duration(seconds) == told
