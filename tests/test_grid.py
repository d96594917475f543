"""The grid in decibels: lattices drawn on textures are found, textures alone are not; style followed."""

import cv2
import numpy as np
import pytest

from train.judge.grid import Spectra, brightness, class_brightness, grid, grid_score, spectra
from train.judge.metrics import correlation, correlation_within

COUNT, SIDE = 32, 128  # 512 blocks


def textures(seed, count=COUNT, side=SIDE):
    """Noise with the spectrum of natural pictures, 1 / f, of changing contrast, rounded: (N, H, W, 3)."""
    random = np.random.default_rng(seed)
    down, across = np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)
    far = np.hypot(down, across)
    far[0, 0] = 1
    made = []
    for _ in range(count):
        layer = np.fft.ifft2(np.fft.fft2(random.normal(size=(side, side))) / far).real
        layer *= 40 * random.uniform(0.3, 1.5) / layer.std()
        made.append(128 + layer + random.normal(0, 2, layer.shape))
    return rounded(np.stack(made)[..., None])


def rounded(levels):
    return np.broadcast_to(levels, (*levels.shape[:3], 3)).clip(0, 255).round().astype(np.uint8)


DOWN, ACROSS = np.indices((SIDE, SIDE))
LATTICES = {
    "chessboard": (DOWN + ACROSS) % 2 == 0,
    "columns of 2": ACROSS % 2 == 0,
    "rows of 4": DOWN % 4 == 0,
    "crosses of 3": (DOWN % 3 == 0) | (ACROSS % 3 == 0),
    "crosses of 4": (DOWN % 4 == 0) | (ACROSS % 4 == 0),
    "crosses of 8": (DOWN % 8 == 0) | (ACROSS % 8 == 0),
    "diagonals of 3": (DOWN + ACROSS) % 3 == 0,
    "diagonals of 5": (DOWN - ACROSS) % 5 == 0,
    "diagonals of 8": (DOWN + ACROSS) % 8 == 0,
}


@pytest.fixture(scope="module")
def real():
    return spectra(textures(0))


def with_lattice(name, levels, seed=7):
    lattice = LATTICES[name] - LATTICES[name].mean()
    return rounded(textures(seed).astype(float) + levels * lattice[..., None])


@pytest.mark.parametrize("name", LATTICES)
def test_lattices_are_found(real, name):
    """Of ten grey levels, which eyes see on every wall: by more than 3 dB."""
    assert grid(spectra(with_lattice(name, 10)), real) > 4


def test_a_stronger_lattice_stands_higher(real):
    heights = [grid(spectra(with_lattice("crosses of 4", levels)), real) for levels in (0, 5, 10, 20)]
    assert heights == sorted(heights) and heights[0] < 1 < 3 < heights[1] and heights[3] > heights[1] + 5


def test_textures_alone_have_no_grid(real):
    """The largest of many noisy numbers is not taken for a line."""
    found = [grid(spectra(textures(seed)), real) for seed in range(1, 11)]
    assert max(map(abs, found)) < 1 and abs(np.mean(found)) < 0.4


def test_white_noise_and_blur_have_no_grid(real):
    noise = rounded(np.random.default_rng(1).normal(128, 30, (COUNT, SIDE, SIDE, 1)))
    blurred = np.stack([cv2.GaussianBlur(picture, (0, 0), 0.8) for picture in textures(3)])
    for pictures in (noise, blurred):
        assert abs(grid(spectra(pictures), real)) < 1.5


def test_what_was_enlarged_without_care_has_a_grid(real):
    """Pictures of blocks of 2×2 pixels, beside the same between which is interpolated."""
    half = [cv2.resize(picture, (64, 64), interpolation=cv2.INTER_AREA) for picture in textures(3)]
    blocks, smooth = (
        np.stack([cv2.resize(picture, (SIDE, SIDE), interpolation=way) for picture in half])
        for way in (cv2.INTER_NEAREST, cv2.INTER_LINEAR)
    )
    assert grid(spectra(blocks), real) > 3 > 1.5 + grid(spectra(smooth), real)


def test_what_real_pictures_have_is_no_grid():
    """Railings on both sides."""
    fake, true = (spectra(with_lattice("columns of 2", 10, seed)) for seed in (1, 2))
    assert abs(grid(fake, true)) < 1


def test_flat_pictures_have_no_grid(real):
    flat = np.full((COUNT, SIDE, SIDE, 3), 77, np.uint8)
    assert grid(spectra(flat), spectra(flat)) == pytest.approx(0, abs=1e-9)
    assert np.isfinite(grid(spectra(flat), real))


def test_the_power_of_noise_is_its_variance():
    noise = rounded(np.random.default_rng(0).normal(128, 20, (16, SIDE, SIDE, 1)))
    found = spectra(noise)
    assert found.blocks == 16 and found.power.shape == (16, 32, 32)
    assert found.power[:, 4:, 4:].mean().item() == pytest.approx(400, rel=0.05)


def test_few_or_small_pictures_have_no_score(real):
    few = [textures(1, count=3), textures(1, count=64, side=24), textures(1, count=15, side=64)]
    assert all(grid_score(spectra(pictures), real) == {} for pictures in few)
    assert grid_score(None, real) == {} and set(grid_score(spectra(textures(1, 16, 64)), real)) == {"grid"}


def test_other_sizes_can_be_compared(real):
    assert abs(grid(spectra(textures(2, count=40, side=96)), real)) < 1.5


def test_rows_are_pictures(real):
    part = real.rows(np.array([3, 1]))
    assert isinstance(part, Spectra) and (part.power == real.power[[3, 1]]).all()


# Style followed


def test_brightness_is_the_luma():
    pictures = np.zeros((3, 4, 4, 3), np.uint8)
    pictures[0], pictures[1, ..., 1], pictures[2, :2] = 255, 100, 100
    assert brightness(pictures) == pytest.approx([255, 58.7, 50])


def test_classes_have_their_own_brightness():
    pictures = np.zeros((2, 10, 20, 3), np.uint8)
    pictures[:, :, 10:] = 100
    labels = np.zeros((2, 10, 20), np.int64)
    labels[0, :, 10:] = 1
    labels[1, :, :5], labels[1, 0, 0] = 1, 2  # a single pixel of 200 says nothing
    found = class_brightness(pictures, labels, 3)
    assert found[0, :2] == pytest.approx([0, 100]) and found[1, :2] == pytest.approx([200 / 3, 0])
    assert np.isnan(found[:, 2]).all()


def test_correlation_within_columns_leaves_their_means_out():
    random = np.random.default_rng(0)
    shared, means = random.normal(size=(100, 4)), 50 * np.arange(4)
    row = correlation_within("f", shared + means, 0.5 * shared - means)
    assert row["f"] == pytest.approx(1) and row["f_interval"] == pytest.approx([1, 1])
    row = correlation_within("f", shared + means, random.normal(size=(100, 4)) + means)
    assert abs(row["f"]) < 0.25, "the classes alone follow nothing"
    holes = np.where(random.random((100, 4)) < 0.5, np.nan, shared)
    assert correlation_within("f", holes, 2 * shared + means)["f"] == pytest.approx(1)
    assert correlation_within("f", shared[:7], shared[:7]) == {}
    assert correlation_within("f", shared, np.ones((100, 4)))["f"] == 0


def test_correlation_by_hand():
    random = np.random.default_rng(0)
    a = random.normal(size=200)
    row = correlation("followed", a, 0.5 * a + 3)
    assert row["followed"] == pytest.approx(1) and row["followed_interval"] == pytest.approx([1, 1])
    row = correlation("followed", a, -a + random.normal(size=200))
    low, high = row["followed_interval"]
    assert -0.9 < low < row["followed"] < high < -0.5
    assert correlation("followed", a[:7], a[:7]) == {} == correlation("followed", a, np.ones(200))
