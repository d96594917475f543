"""Label maps at another size: smooth borders, thin things that stay, bounds; and pictures painted so."""

import cv2
import numpy as np
import pytest
from app_fixtures import as_uri, checkpoints, from_uri, scene

import cgan
from app.shelf import Shelf
from app.tabs.paint.handlers import Painting
from cgan.enlarging import long_side, moved, resized


def disc(side: int, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:side, :side] + 0.5
    return ((rows - side / 2) ** 2 + (columns - side / 2) ** 2 <= radius**2).astype(np.uint8)


def wrong(labels: np.ndarray, true: np.ndarray) -> float:
    return float((labels != true).mean())


def test_borders_are_smooth():
    small, true = disc(48, 17), disc(480, 170)
    stairs = cv2.resize(small, (480, 480), interpolation=cv2.INTER_NEAREST)
    assert wrong(resized(small, (480, 480)), true) < wrong(stairs, true) / 2


@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_thin_things_stay(width):
    labels = np.zeros((60, 80), np.uint8)
    labels[10:50, 30 : 30 + width] = 1
    labels[50:] = 2
    large = resized(labels, (480, 640))
    assert abs((large[100:380] == 1).sum(1).mean() - 8 * width) < 4
    assert set(np.unique(large)) == {0, 1, 2}


def test_a_smaller_map_takes_what_covers_most():
    labels = np.kron(np.array([[0, 1], [2, 1]], np.uint8), np.ones((30, 40), np.uint8))
    labels[::7, ::7] = 3
    assert np.array_equal(resized(labels, (2, 2)), [[0, 1], [2, 1]])
    assert np.array_equal(resized(labels, labels.shape), labels)


@pytest.mark.parametrize(
    ("shape", "side"), [((192, 256), 1024), ((256, 192), 512), ((1, 4000), 16), ((7, 7), 9)]
)
def test_the_longer_side_is_the_one_asked_for(shape, side):
    height, width = long_side(shape, side)
    assert max(height, width) == side and min(height, width) >= 1
    assert abs(height / width - shape[0] / shape[1]) < 0.5


def test_a_thing_is_found_again_wherever_it_was_named():
    labels = np.zeros((40, 60), np.uint8)
    labels[10:20, 5:9] = labels[10:30, 40:58] = 1
    for place in ((10, 5), (19, 8)):
        row, column = moved(labels, place, (400, 600))
        assert 110 <= row < 190 and 60 <= column < 80
    row, column = moved(labels, (29, 57), (20, 30))
    assert resized(labels, (20, 30))[row, column] == 1 and column >= 20


def test_pictures_are_painted_larger_and_smaller():
    painter, labels = cgan.load(checkpoints() / "tiny", "cpu"), scene()
    large = painter.paint(labels, seed=3, size=200, variations=2)
    assert large.shape == (2, 150, 200, 3)
    assert np.array_equal(large, painter.paint(resized(labels, (150, 200)), seed=3, variations=2))
    assert painter.paint(labels, size=64).shape == (1, 48, 64, 3)
    assert np.array_equal(painter.paint(labels, size=128), painter.paint(labels))


@pytest.mark.parametrize("size", [0, -1, 2.0, "64", True, 10**6])
def test_what_is_no_size(monkeypatch, size):
    painter = cgan.load(checkpoints() / "tiny", "cpu")
    monkeypatch.setattr(cv2, "resize", None)  # nothing is enlarged before the refusal
    with pytest.raises(ValueError, match="the size is"):
        painter.paint(scene(), size=size)
    with pytest.raises(cgan.DataError, match="at most"):
        painter.paint(scene(), size=4000)


def test_the_app_paints_larger_and_says_what_not_to_expect():
    painting = Painting(Shelf(checkpoints(), "cpu"))
    picture, _ = painting.paint("tiny", as_uri(scene()), 7, None, [], 256)
    assert from_uri(picture).shape == (192, 256, 3)
    assert "4.0 times" in painting.hint("tiny", 256)["value"]
    for size in (0, 64):
        assert (
            painting.hint("tiny", size) == painting.hint(None, 512)
            and not painting.hint("tiny", size)["visible"]
        )
    for size in (1, 4096, "512", 5.5):
        with pytest.raises(cgan.DataError, match="from 16 to 2048 pixels"):
            painting.paint("tiny", as_uri(scene()), 7, None, [], size)
