"""Optical flow that knows where it fails, and label maps that follow it from painted frames."""

import cv2
import numpy as np
import pytest

from cgan.edges import edge_labels, edge_palette
from cgan.keyframes import Flows, carry
from cgan.motion import agreement, flow


def texture(height: int, width: int, seed: int) -> np.ndarray:
    """Smooth coloured noise."""
    noise = np.random.default_rng(seed).random((height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    return cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def scene(count: int, step: float = 2.0, size: int = 96) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """(pictures, label maps) of a square of class 1 that goes right over a background that stays."""
    back, thing = texture(size, size, 0), texture(32, 32, 1)
    pictures, maps = [], []
    for number in range(count):
        left = 8 + round(step * number)
        picture, labels = back.copy(), np.zeros((size, size), np.uint8)
        picture[30:62, left : left + 32], labels[30:62, left : left + 32] = thing, 1
        pictures.append(picture)
        maps.append(labels)
    return pictures, maps


@pytest.mark.parametrize("size", [(48, 64), (96, 96), (200, 300), (500, 800)])
def test_flow_is_found_at_any_size(size):
    picture = cv2.resize(texture(120, 160, 3), size[::-1], interpolation=cv2.INTER_CUBIC)
    other = np.roll(picture, (1, 3), (0, 1))
    found = flow(picture, other)
    assert found.shape == (*size, 2) and found.dtype == np.float32
    inner = found[8:-8, 8:-8]
    assert np.median(inner[..., 0]) == pytest.approx(3, abs=0.25)
    assert np.median(inner[..., 1]) == pytest.approx(1, abs=0.25)


def test_what_is_hidden_is_not_trusted():
    pictures, maps = scene(2, step=8)
    there, back = flow(pictures[1], pictures[0]), flow(pictures[0], pictures[1])
    seen = agreement(there, back)
    uncovered = (maps[0] == 1) & (maps[1] == 0)
    assert seen[uncovered].mean() < 0.5 and seen[~uncovered].mean() > 0.85


def share(found: list[np.ndarray], wanted: list[np.ndarray]) -> float:
    return min(float((a == b).mean()) for a, b in zip(found, wanted, strict=True))


def test_flows_are_computed_once_and_forgotten_beyond_the_limit():
    pictures, maps = scene(4)
    flows = Flows()
    found = [list(carry({0: maps[0]}, pictures, flows)) for _ in range(2)]
    assert np.array_equal(*found) and share(found[0], list(carry({0: maps[0]}, pictures))) > 0.99
    assert len(flows._kept) == 6
    small = Flows(limit=2 * 96 * 96 * 2 * 2)
    list(carry({0: maps[0]}, pictures, small))
    assert len(small._kept) == 2


def test_one_painted_frame_is_carried_both_ways():
    pictures, maps = scene(9)
    for key in (0, 4, 8):
        found = list(carry({key: maps[key]}, iter(pictures)))
        assert np.array_equal(found[key], maps[key]) and share(found, maps) > 0.93


def test_two_painted_frames_are_better_than_one():
    pictures, maps = scene(13, step=3)
    one, two = (list(carry({key: maps[key] for key in keys}, pictures)) for keys in ((0,), (0, 12)))
    assert np.array_equal(two[0], maps[0]) and np.array_equal(two[12], maps[12])
    assert share(two, maps) > 0.96 and share(two, maps) >= share(one, maps)


def test_repainting_wins():
    pictures, maps = scene(5)
    repainted = np.full_like(maps[2], 7)
    found = list(carry({0: maps[0], 2: repainted}, pictures))
    assert (found[4] == 7).all() and set(np.unique(found[1])) <= {0, 1, 7}


def test_frames_are_given_as_soon_as_they_can():
    pictures, maps = scene(8)
    read = []

    def counted():
        for number, picture in enumerate(pictures):
            read.append(number)
            yield picture

    found = carry({0: maps[0], 3: maps[3]}, counted())
    next(found)
    assert read == [0]
    next(found)
    assert read[-1] == 3
    for _ in range(3):
        next(found)
    assert read[-1] == 4


def test_wrong_maps_are_refused():
    pictures, maps = scene(3)
    for given, message in [
        ({}, "no frame is painted"),
        ({-1: maps[0]}, "no frame -1"),
        ({5: maps[0]}, "frame 5 is painted, but the clip has only 3"),
        ({0: maps[0][:9]}, r"frame 0 must be uint8 \(96, 96\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            list(carry(given, pictures))


def test_edges_are_labels_too():
    picture = np.full((64, 64, 3), 200, np.uint8)
    picture[16:48, 16:48] = (40, 60, 20)
    labels = edge_labels(picture)
    assert labels.dtype == np.uint8 and set(np.unique(labels)) == {0, 1} and len(edge_palette()) == 2
    assert 0.02 < labels.mean() < 0.3
