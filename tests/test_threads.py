"""Threads: how many, and that they sleep while they wait."""

import os
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
import torch
from conftest import ROOT

from cgan import crowd, threads
from train.bench.neighbours import neighbours

SPY = """
import os, sys

class Spy:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print("torch is loaded with", *map(os.environ.get, ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")))
            os._exit(0)

sys.meta_path.insert(0, Spy())
import importlib
importlib.import_module(sys.argv[1])
"""


@pytest.mark.parametrize("entry", ["cgan.tasks", "app.start", "train.launch", "train.bench.learning"])
@pytest.mark.parametrize(
    ("set_by_user", "expected"),
    [
        ({}, "passive 700"),
        ({"GOMP_SPINCOUNT": "5"}, "passive 5"),
        ({"OMP_WAIT_POLICY": "active"}, "active None"),
    ],
)
def test_waiting_threads_soon_sleep_unless_the_user_says_otherwise(entry, set_by_user, expected):
    ours = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}
    surroundings = {name: value for name, value in os.environ.items() if name not in ours} | set_by_user
    words = [sys.executable, "-c", SPY, entry]
    done = subprocess.run(words, cwd=ROOT, env=surroundings, capture_output=True, text=True)
    assert done.stdout == f"torch is loaded with {expected}\n", done.stderr


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Pretend: so many cores, and what the files of the cgroup say."""

    def pretend(cores, quota=None, old=None):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
        new, us, period = (tmp_path / name for name in ("cpu.max", "us", "period"))
        if quota is not None:
            new.write_text(quota)
        if old is not None:
            us.write_text(f"{old[0]}\n")
            period.write_text(f"{old[1]}\n")
        monkeypatch.setattr(threads, "_QUOTA", new)
        monkeypatch.setattr(threads, "_OLD_QUOTA", [us, period])

    return pretend


@pytest.mark.parametrize(
    ("cores", "quota", "old", "expected"),
    [
        (8, None, None, 8),
        (8, "max 100000", None, 8),
        (8, "300000 100000", None, 3),
        (2, "300000 100000", None, 2),
        (8, "50000 100000", None, 1),
        (8, "words", None, 8),
        (8, None, (200000, 100000), 2),
        (8, None, (-1, 100000), 8),
        (8, None, (100, 0), 8),
    ],
)
def test_cores_are_counted_as_they_may_be_used(machine, cores, quota, old, expected):
    machine(cores, quota, old)
    assert threads.allowed() == expected


@pytest.mark.parametrize(("pixels", "expected"), [(1, 1), (128 * 128, 1), (192 * 192, 2), (2048 * 2048, 8)])
def test_small_pictures_take_few_threads(machine, pixels, expected):
    machine(8)
    assert threads.for_pixels(pixels) == expected


def test_what_the_user_set_is_never_exceeded_and_comes_back(machine):
    machine(8)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with threads.fitting(4096 * 4096):
            assert torch.get_num_threads() == 2
        with threads.fitting(1):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
        machine(1)
        threads.settle()
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_neighbours_go_when_they_are_done_with():
    with neighbours(2):
        pass


@pytest.fixture
def standing():
    """A crowd for a test, with how many of its threads are there."""
    made = crowd.Crowd()
    yield made, lambda: [thread.name for thread in threading.enumerate()].count("cgan-crowd")
    made.gather(False)


def test_a_crowd_stands_while_others_want_our_cores(standing, monkeypatch):
    made, count = standing
    clock, mine = iter([0, 1, 2, 3, 4, 5, 6, 6.001]), iter([0, 0.5, 0.5, 1.1, 1.1, 2, 2, 2])
    pretended = SimpleNamespace(perf_counter=lambda: next(clock), thread_time=lambda: next(mine))
    monkeypatch.setattr(crowd, "time", pretended)
    monkeypatch.setattr(crowd, "LIBGOMP", True)
    for expected in (True, True, False, False):  # half of a second was ours, 0.6, 0.9; and too short to tell
        with made.watched():
            pass
        assert bool(made) == expected
        if expected:
            assert count() == 1


def test_a_thread_that_has_no_core_tells(standing):
    """Sleeping is not computing, as far as anybody can see."""
    made, _ = standing
    with made.watched():
        threading.Event().wait(4 * crowd.LONG)
    assert bool(made) == crowd.LIBGOMP


CROWDED = """
import os, torch
from cgan.crowd import Crowd
before = len(os.listdir("/proc/self/task")), torch.get_num_threads()
Crowd().gather(True)
print(len(os.listdir("/proc/self/task")) - before[0], torch.get_num_threads() - before[1])
"""


@pytest.mark.skipif(not crowd.LIBGOMP, reason="needs Linux")
def test_a_crowd_is_as_large_as_the_machine():
    """Only then has libgomp more threads than cores; and nobody else gets more threads by it."""
    words = [sys.executable, "-c", CROWDED]
    done = subprocess.run(
        words, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True
    )
    came, changed = map(int, done.stdout.split())
    assert came >= len(os.sched_getaffinity(0)) and changed == 0, done.stderr


def test_nothing_stands_without_libgomp(standing, monkeypatch):
    made, count = standing
    monkeypatch.setattr(crowd, "LIBGOMP", False)
    with made.watched():
        threading.Event().wait(4 * crowd.LONG)
    assert not made and count() == 0


def test_the_crowd_changes_no_picture_and_pieces_that_fail_are_told(standing):
    made, _ = standing
    torch.manual_seed(0)
    layer, image = torch.nn.Conv2d(8, 8, 3), torch.randn(1, 8, 96, 96)
    alone = layer(image)
    made.gather(True)
    assert torch.equal(layer(image), alone)
    with pytest.raises(ZeroDivisionError), made.watched():
        1 / 0  # noqa: B018
