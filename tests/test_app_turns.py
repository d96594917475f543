"""Models take turns: nobody computes beside another, nobody goes past another, and films let others in."""

import threading
import time

import pytest

from app.turns import Turns, inside

PATIENCE = 60


def test_a_turn_is_given_in_the_order_of_asking_and_to_one_alone():
    turns, order, inside = Turns(), [], []

    def take(number):
        with turns.taken():
            inside.append(number)
            assert len(inside) == 1
            time.sleep(0.002)
            order.append(inside.pop())

    threads = [threading.Thread(target=take, args=[number]) for number in range(8)]
    with turns.taken():
        for waiting, thread in enumerate(threads, 1):
            thread.start()
            until(lambda waiting=waiting: len(turns._line) == 1 + waiting)
    for thread in threads:
        thread.join(PATIENCE)
    assert order == list(range(8)) and not turns._line


def test_a_film_lets_others_in_between_its_frames():
    turns, seen = Turns(), []

    def film(count):
        for number in range(count):
            seen.append(number)
            yield number

    frames = inside(film, turns.taken)(3)
    paint = inside(lambda word: seen.append(word) or word, turns.taken)
    assert next(frames) == 0 and paint("a stroke") == "a stroke" and next(frames) == 1
    other = threading.Thread(target=paint, args=["another"])
    with turns.taken():
        other.start()
        until(lambda: len(turns._line) == 2)
    other.join(PATIENCE)
    assert list(frames) == [2] and seen == [0, "a stroke", 1, "another", 2]


def test_a_fault_ends_a_turn_and_a_film_that_is_left_is_closed():
    turns, closed = Turns(), []

    def film():
        try:
            yield 1
            raise ValueError("no more")
        finally:
            closed.append(True)

    frames = inside(film, turns.taken)()
    assert next(frames) == 1
    with pytest.raises(ValueError, match="no more"):
        next(frames)
    left = inside(film, turns.taken)()
    next(left)
    left.close()
    assert len(closed) == 2

    def broken():
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        inside(broken, turns.taken)()
    assert not turns._line


def until(holds):
    """Wait for what another thread does."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.001)
