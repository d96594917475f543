"""Data larger than memory: packed once, the same data, found again, and learnt from."""

import json

import pytest
import torch
from runs import LIGHT as FLAGS
from runs import run
from test_layouts import label, pairs, photo, read

from cgan.errors import DataError
from train.data import packed
from train.data.few_shot import read_few_shot
from train.data.painted import read_painted
from train.data.paired import read_paired
from train.data.unpaired import read_unpaired


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A machine without memory to speak of, whose cache is empty."""
    monkeypatch.setenv("CGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(packed, "free", lambda: 1000)
    return tmp_path / "cache" / "packed"


def make(folder) -> None:
    """Seven pairs, of which some pixels are unlabelled, with things; and two domains, four classes."""
    for number in range(7):
        photo(folder / "pairs" / "images" / f"{number}.png", value=40 + 20 * number)
        label(folder / "pairs" / "labels" / f"{number}.png", ids=(0, number % 2, 255))
        label(folder / "pairs" / "instances" / f"{number}.png", ids=(number, 9))
        photo(folder / "pairs" / "inputs" / f"{number}.png", value=200 - 20 * number)
        for name in ("a", "b"):
            photo(folder / "domains" / name / f"{number}.png", value=50 + 20 * number)
        for name in ("cat", "cow", "dog", "hen"):
            photo(folder / "classes" / name / f"{number}.png", value=20 + 20 * number)
    entries = [{"id": id, "name": f"thing {id}", "colour": f"#{id:06x}"} for id in range(2)]
    (folder / "pairs" / "palette.json").write_text(json.dumps(entries))


READERS = {"pairs": read_painted, "inputs": read_paired, "domains": read_unpaired, "classes": read_few_shot}


def folder_of(kind):
    return "pairs" if kind == "inputs" else kind


def contents(data) -> list:
    """All rows, whatever their order."""
    parts = [tensor.flatten(1) for tensor in data.tensors().values() if tensor.dim() > 1]
    rows = torch.cat(parts, 1) if len({len(part) for part in parts}) == 1 else torch.cat(parts)
    return sorted(rows.tolist())


@pytest.mark.parametrize("kind", READERS)
def test_what_is_packed_is_the_same_and_is_found_again(tmp_path, small, monkeypatch, kind):
    make(tmp_path)
    place, reader = tmp_path / folder_of(kind), READERS[kind]
    data, said = read(place, reader)
    assert data.packed and "of memory: packed once into" in said
    again, told = read(place, reader)
    assert "of memory: read from" in told and "reading" not in told
    assert all(torch.equal(one, other) for one, other in
               zip(data.tensors().values(), again.tensors().values(), strict=True))  # fmt: skip
    monkeypatch.setattr(packed, "free", lambda: 10**12)
    usual, _ = read(place, reader)
    assert not usual.packed and contents(usual) == contents(data)


def test_very_many_files_are_packed_too(tmp_path, small, monkeypatch):
    """So that only the first start reads them all, however much memory there is."""
    monkeypatch.setattr(packed, "free", lambda: 10**12)
    monkeypatch.setattr(packed, "MANY", 6)
    make(tmp_path)
    data, said = read(tmp_path / "pairs", read_painted)
    assert data.packed and "the data are 7 samples: packed once into" in said
    again, told = read(tmp_path / "pairs", read_painted)
    assert "samples: read from" in told and "reading" not in told and torch.equal(data.images, again.images)


@pytest.mark.parametrize("kind", READERS)
def test_parts_of_a_pack_are_not_copied(tmp_path, small, kind):
    make(tmp_path)
    data, _ = read(tmp_path / folder_of(kind), READERS[kind])
    rest, aside = data.split(0.3, seed=1)
    assert rest.packed and aside.packed and len(aside) > 0
    if kind in ("pairs", "inputs"):
        assert len(rest) + len(aside) == len(data) and not {*rest.names} & {*aside.names}
    batch = rest.batch([0, 1], seed=3, size=(32, 32))
    assert all(part is None or len(part) == 2 for part in batch)


def test_a_change_of_the_files_packs_anew(tmp_path, small):
    make(tmp_path)
    read(tmp_path / "pairs")
    photo(tmp_path / "pairs" / "images" / "3.png", value=7)
    data, said = read(tmp_path / "pairs")
    assert "packed once into" in said and len(list(small.iterdir())) == 2
    assert 7 in data.images.unique().tolist()


def test_the_oldest_packs_go(tmp_path, small, monkeypatch):
    monkeypatch.setattr(packed, "KEPT", 1)
    make(tmp_path)
    read(tmp_path / "pairs")
    read(tmp_path / "domains", read_unpaired)
    assert len(list(small.iterdir())) == 1


def test_a_broken_file_is_told_and_packs_nothing(tmp_path, small):
    make(tmp_path)
    (tmp_path / "domains" / "a" / "3.png").write_bytes(b"x")
    with pytest.raises(DataError, match="a/3.png"):
        read(tmp_path / "domains", read_unpaired)
    with pytest.raises(DataError, match="a/3.png"):
        read(tmp_path / "domains", read_unpaired)


def test_sparse_ids_of_large_data_need_a_palette(tmp_path, small):
    pairs(tmp_path / "data", ids=(3, 90))
    with pytest.raises(DataError, match="need a palette.json"):
        read(tmp_path / "data")


def test_a_full_disk_is_one_line(tmp_path, small, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    make(tmp_path)
    monkeypatch.setattr(packed, "_reserve", full)
    with pytest.raises(DataError, match="GiB on the disk of .* CGAN_CACHE"):
        read(tmp_path / "pairs")


def test_a_run_on_packed_data_resumes(tmp_path, small, capfd):
    make(tmp_path)
    words = ("spade", *FLAGS, "--data", tmp_path / "pairs", "--validation", "none", "--calibrate", 1)
    code, said = run(capfd, *words, "--images", 8, "--evaluate-every", 8, "--out", tmp_path / "whole")
    assert code == 0 and "of memory: packed once" in said, said
    for images in (4, 8):
        code, said = run(capfd, *words, "--images", images, "--decay-from", 1, "--out", tmp_path / "parts")
        assert code == 0 and "of memory: read from" in said, said
    assert "going on after 4 images" in said and "the data are not" not in said


def test_free_memory_is_that_of_the_group(tmp_path, monkeypatch):
    meminfo, limit, used = (tmp_path / name for name in ("meminfo", "max", "current"))
    meminfo.write_text("MemTotal: 9 kB\nMemAvailable: 1000 kB\n")
    monkeypatch.setattr(packed, "MEMORY", meminfo)
    monkeypatch.setattr(packed, "GROUPS", [[limit, used]])
    assert packed.free() == 1_024_000
    limit.write_text("max\n")
    used.write_text("5\n")
    assert packed.free() == 1_024_000
    limit.write_text("500\n")
    assert packed.free() == 495
    monkeypatch.setattr(packed, "MEMORY", tmp_path / "none")
    monkeypatch.setattr(packed, "GROUPS", [])
    assert packed.free() is None
