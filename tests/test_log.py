"""What a run says: rows, lines, and who may speak."""

import json

import pytest
import torch

from train.log import Log, duration, is_first, keep_rows, read, say


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
