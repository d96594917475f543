"""Models behind a service: the same pictures and errors as at home; with Ray where it is installed."""

import os
import re
import signal
from argparse import ArgumentTypeError
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from app_fixtures import DRAWN, as_uri, from_uri, save_checkpoint, save_restyler, scene
from translate_fixtures import translators

import cgan
from app import serve
from app.replica import Call, Refusal, Replica, packed
from app.shelf import Shelf
from app.tabs.paint.handlers import Painting
from cgan.tasks import Painter


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """Where replicas keep what they are sent."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("CGAN_CACHE", str(folder))
    return folder


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with two painters."""
    root = tmp_path_factory.mktemp("checkpoints")
    for seed, name in enumerate(("one", "two")):
        save_checkpoint(root / name, seed)
    return root


def far(root, replica: Replica) -> serve.FarShelf:
    """A shelf whose models are in a replica of this process."""
    return serve.FarShelf(root, lambda call: replica.answer([call])[0], lambda files: lambda: files)


def alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two pictures are the same but for rounding: those painted together are."""
    return one.shape == other.shape and np.abs(one.astype(int) - other).max() <= 1


def test_the_page_paints_the_same(root):
    shelf = far(root, Replica("cpu"))
    asked = ("one", as_uri(scene()), 7)
    picture, status = Painting(shelf).paint(*asked)
    expected, _ = Painting(Shelf(root, "cpu")).paint(*asked)
    assert picture == expected and from_uri(picture).shape == (*DRAWN, 3)
    assert status.startswith("one · CPU · fp32") and "Ray Serve" in shelf.where()
    assert len(shelf.painter("one").ready.vectors) == len(Shelf(root, "cpu").painter("one").ready.vectors)
    style = shelf.painter("one").draw(3)
    assert np.array_equal(style, cgan.load(root / "one", "cpu").draw(3))


def test_a_stand_in_has_all_that_the_app_asks_of_a_painter(root):
    """`look`, once: the page used it, and behind the service there was none."""
    shelf = far(root, Replica("cpu"))
    folder = Path(serve.__file__).parent
    files = [path for path in folder.rglob("*.py") if path.name != "replica.py"]  # which has painters itself
    said = "".join(path.read_text(encoding="utf-8") for path in files)
    asked = {name for name in re.findall(r"\bpainter\.([a-z_]+)", said) if hasattr(Painter, name)}
    assert {"paint", "encode", "draw", "look", "needs_map"} <= asked
    there = shelf.painter("one")
    assert [name for name in sorted(asked) if not hasattr(there, name)] == []


def test_one_thing_has_the_same_look_there(tmp_path):
    save_restyler(tmp_path / "looks")
    ours, theirs = Shelf(tmp_path, "cpu").painter("looks"), far(tmp_path, Replica("cpu")).painter("looks")
    assert ours.looks == theirs.looks > 1 and ours.needs_map is theirs.needs_map is True
    for seed in range(4):
        style = ours.draw(seed)
        assert ours.look(style, 1) == theirs.look(style, 1) in range(ours.looks)


def test_a_translator_says_what_it_is_without_its_weights():
    here = Shelf(translators(), "cpu")
    shelf = far(translators(), Replica("cpu"))
    for checkpoint in here.find("translate").checkpoints:
        ours, theirs = here.translator(checkpoint.name), shelf.translator(checkpoint.name)
        for word in ("styles", "directions", "domains", "edges", "size"):
            assert vars(ours)[word] == vars(theirs)[word], word
        assert ours.contents.keys() == theirs.contents.keys()
        if ours.styles != "pictures":
            picture = np.full((32, 40, 3), 90, np.uint8)
            assert np.array_equal(ours.translate(picture, seed=1), theirs.translate(picture, seed=1))


def test_calls_that_come_together_are_each_answered(root, cache):
    replica, labels = Replica("cpu"), scene(32, 32)
    checkpoints = [cgan.read_checkpoint(root / name) for name in ("one", "two")]
    files = [lambda it=it: packed(it.folder) for it in checkpoints]
    calls = [Call(checkpoints[i % 2].sha256, "paint", (labels,), {"seed": i}, files[i % 2]) for i in range(4)]
    bad = Call(checkpoints[0].sha256, "paint", (labels + 90,), {}, files[0])
    *answers, refused = replica.answer([*calls, bad])
    for i, answer in enumerate(answers):
        painter = cgan.load(checkpoints[i % 2].folder, "cpu")
        assert alike(answer, painter.paint(labels, seed=i))  # two are painted in one pass
    assert isinstance(refused, Refusal) and isinstance(refused.error(), cgan.DataError)
    assert {path.name for path in (cache / "served").iterdir()} == {it.sha256 for it in checkpoints}
    lost = Call("0" * 64, "paint", (labels,))
    assert "not on the machine" in str(replica.answer([lost])[0].error())
    with pytest.raises(RuntimeError, match="nobody may call"):
        replica.answer([Call(checkpoints[0].sha256, "__reduce__")])


@pytest.mark.parametrize("tables", [True, False])
def test_paints_that_come_together_are_painted_in_one_pass(root, tables, monkeypatch):
    """Maps of one size; by patch tables those that are equal. The pictures are the same but for rounding."""
    checkpoint, replica = cgan.read_checkpoint(root / "one"), Replica("cpu")
    maps = [scene(32, 48), scene(32, 48)[::-1].copy(), scene(48, 32), scene(32, 48)]
    options = [{"seed": 1}, {"seed": 2}, {"seed": 3, "variations": 2}, {"seed": 4}]
    calls = [
        Call(checkpoint.sha256, "paint", (labels,), given, lambda: packed(checkpoint.folder))
        for labels, given in zip(maps, options, strict=True)
    ]
    bad = Call(checkpoint.sha256, "paint", (maps[0] + 90,))
    alone = [replica.answer([call])[0] for call in calls]
    painter = replica._task(calls[0])
    if not tables:
        painter.faster = None
    passes, paint = [], painter._paint

    def counted(ids, styles, noise):
        passes.append(len(styles))
        return paint(ids, styles, noise)

    monkeypatch.setattr(painter, "_paint", counted)
    *together, refused = replica.answer([*calls, bad])
    assert sorted(passes) == ([1, 2, 2] if tables else [2, 3])
    for one, other in zip(alone, together, strict=True):
        assert alike(one, other)
    assert "allowed" in str(refused.error()) and replica.answered == 9


def test_numbers_of_replicas():
    assert serve.range_of("2") == (2, 2) and serve.range_of("1-8") == (1, 8)
    for wrong in ("0", "3-2", "many", "-1", "1-100000"):
        with pytest.raises(ArgumentTypeError, match="write 2, or 1-8"):
            serve.range_of(wrong)


def test_a_call_whose_replica_dies_is_sent_again():
    deaths = iter([ConnectionError("died"), ConnectionError("died"), None, ValueError("wrong")])

    def ask(call):
        if death := next(deaths):
            raise death
        return call

    asked = serve.persistent(ask, ConnectionError)
    assert asked("a call") == "a call"
    with pytest.raises(ValueError, match="wrong"):  # what is the call's own fault is told at once
        asked("another")
    with pytest.raises(ConnectionError):
        serve.persistent(lambda call: (_ for _ in ()).throw(ConnectionError), ConnectionError)("a call")


def test_without_ray_one_line_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(serve, "find_spec", lambda name: None)
    with pytest.raises(SystemExit):
        serve.main([])
    assert "pip install '.[serve]'" in capsys.readouterr().err


@pytest.fixture(scope="module")
def ask():
    """Two replicas on this machine; gives what asks them."""
    if find_spec("ray") is None:
        pytest.skip("needs Ray: pip install '.[serve]'")
    running = serve.serving("cpu", "fp32", (2, 2), num_cpus=2, object_store_memory=2**27)
    try:
        ask = running.__enter__()
    except Exception as error:
        if "timed out during startup" in str(error):  # Ray gives its own processes 30 seconds
            pytest.skip("Ray did not start: this machine is too busy for it")
        raise
    yield ask
    running.__exit__(None, None, None)


def test_two_replicas_paint_the_same(root, ask):
    labels, painter = scene(), cgan.load(root / "one", "cpu")
    expected = [painter.paint(labels, seed=seed) for seed in range(4)]
    far, counts = serve.FarShelf(root, ask, serve.Kept).painter("one"), {}
    with ThreadPoolExecutor(8) as pool:
        while len(counts) < 2:  # until both have answered
            runs = [pool.submit(far.paint, labels, seed=seed % 4) for seed in range(24)]
            for seed, run in enumerate(runs):
                assert alike(run.result(), expected[seed % 4])
            told = [each.split(" has answered ") for each in pool.map(ask, [Call("", "count")] * 16)]
            counts = {who: int(many) for who, many in told if many != "0"}
    with pytest.raises(cgan.DataError, match="allowed"):
        far.paint(labels + 90)


def test_no_call_is_lost_with_a_replica_that_is_killed(root, ask):
    """And another one takes its place."""
    labels, painter = scene(), cgan.load(root / "one", "cpu")
    expected = painter.paint(labels, seed=1)
    far = serve.FarShelf(root, ask, serve.Kept).painter("one")
    with ThreadPoolExecutor(8) as pool:
        before = {each.split()[0] for each in pool.map(ask, [Call("", "count")] * 32)}
        runs = [pool.submit(far.paint, labels, seed=1) for _ in range(24)]
        os.kill(int(min(before)), signal.SIGKILL)
        assert all(alike(run.result(), expected) for run in runs)
        while {each.split()[0] for each in pool.map(ask, [Call("", "count")] * 32)} <= before:
            pass
