"""No save is half a save, wherever it is cut off."""

import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import PATIENCE
from samples import ROOT, make, save, save_state, state

import cgan
from cgan.errors import CheckpointError


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot be written"):
        save(tmp_path / "file", make())
    old = save(tmp_path / "old", make())
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full_disk)
        with pytest.raises(CheckpointError, match="No space left on device"):
            save(old, make(seed=1))
    assert sorted(os.listdir(old)) == ["config.json", "model.safetensors"]
    cgan.load_model(old)


def full_disk(handle):
    raise OSError(28, "No space left on device")


class Killed(BaseException):
    """Stands for the power cut: nothing in the code may catch it."""


def cut_at(step, monkeypatch):
    """Let the process die before the given one of the calls that touch the disk's names."""
    calls = iter(range(1000))

    def dying(function):
        def call(*arguments):
            if next(calls) == step:
                raise Killed
            return function(*arguments)

        return call

    for name in ("replace", "fsync"):
        monkeypatch.setattr(os, name, dying(getattr(os, name)))


def held(folder):
    """The number of the save that a folder holds, on which all ways to read it must agree."""
    assert cgan.read_checkpoint(folder) == cgan.load_model(folder)[0]
    assert not cgan.find(folder.parent).broken
    return state(folder)


def test_a_save_cut_off_anywhere_leaves_the_old_or_the_new(tmp_path):
    folder, seen = tmp_path / "street", []
    for step in range(100):
        save_state(folder, 1)
        with pytest.MonkeyPatch.context() as patch:
            cut_at(step, patch)
            try:
                save_state(folder, 2)
            except Killed:
                seen.append(held(folder))
            else:
                break
        # And the save after that can be cut off too.
        with pytest.MonkeyPatch.context() as patch:
            cut_at(step % 3, patch)
            with pytest.raises(Killed):
                save_state(folder, 3)
        assert held(folder) in (seen[-1], 3)
    assert held(folder) == 2
    assert seen == sorted(seen) and set(seen) == {1, 2} and len(seen) >= 6
    assert sorted(os.listdir(folder)) == ["config.json", "model.safetensors"]


def test_a_first_save_cut_off_leaves_nothing_or_the_new(tmp_path):
    for step in range(100):
        folder = tmp_path / str(step) / "street"
        with pytest.MonkeyPatch.context() as patch:
            cut_at(step, patch)
            try:
                save_state(folder, 2)
            except Killed:
                pass
            else:
                break
        if cgan.find(folder.parent).checkpoints:
            assert held(folder) == 2
        else:
            assert not (folder / "model.safetensors").exists()
    assert step >= 6


def test_a_torn_pending_config_is_nothing(tmp_path):
    folder = save(tmp_path / "street", make())
    (folder / "config.json.new").write_text((folder / "config.json").read_text()[:-3])
    (folder / "model.safetensors.new").write_bytes(b"torn")
    cgan.load_model(folder)
    save_state(folder, 2)
    assert held(folder) == 2


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_kill_dash_nine_while_saving(tmp_path):
    """A real process saves two states in turn, as fast as it can, and is killed."""
    code = f"""if True:
        import itertools, sys
        from pathlib import Path
        sys.path[:0] = {[str(ROOT), str(ROOT / "tests")]!r}
        from samples import save_state
        for number in itertools.cycle((1, 2)):
            save_state(Path({str(tmp_path)!r}) / "street", number)
    """
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        deadline = time.monotonic() + PATIENCE
        while not (tmp_path / "street" / "config.json").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        for _ in range(10):  # and whoever reads meanwhile sees one state or the other
            assert state(tmp_path / "street") in (1, 2)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert state(tmp_path / "street") in (1, 2)
