"""pix2pixHD as a painter: styles are tables of looks, and a single thing can be given another."""

import shutil

import numpy as np
import pytest
import torch
from app_fixtures import save_labeller
from drawn import rectangles

import cgan
from cgan import models
from train import recipes


@pytest.fixture(scope="module")
def painter(tmp_path_factory):
    recipe = recipes.module("pix2pixhd")
    data = rectangles(8, (64, 64))
    config = recipe.Recipe.configure(models.module("pix2pixhd").PRESETS["tiny"], data)
    model = recipe.Recipe(config, recipe.PRESETS["tiny"], None).model
    generator = torch.Generator().manual_seed(0)
    for tensor in (*model.parameters(), model.clusters):  # away from the start, where all pictures are grey
        torch.nn.init.normal_(tensor, std=0.3, generator=generator)
    about = {"size": [64, 64], "data": "none", "licence": "none"}
    return cgan.load(cgan.save(tmp_path_factory.mktemp("c") / "x", model, data.palette, about), device="cpu")


def two_houses() -> np.ndarray:
    labels = np.zeros((64, 96), np.uint8)
    labels[32:] = 1
    labels[20:40, 4:20] = labels[20:40, 72:90] = 2
    return labels


def test_one_thing_is_restyled_and_the_other_is_not(painter):
    assert painter.looks == 3
    labels = two_houses()
    plain = painter.paint(labels)[0].astype(int)
    other = painter.paint(labels, restyle={(30, 10): 2})[0].astype(int)
    difference = np.abs(other - plain).sum(2)
    assert difference[20:40, 4:20].mean() > 2 * difference[20:40, 72:90].mean() + 0.1
    assert np.array_equal(painter.paint(labels, restyle={(21, 5): 2})[0], other), "any pixel names the thing"


def test_styles_come_from_a_picture_and_its_map(painter):
    labels = two_houses()
    dark, light = (np.full((64, 96, 3), grey, np.uint8) for grey in (20, 230))
    assert not np.array_equal(painter.paint(labels, style=dark), painter.paint(labels, style=light))
    vector = painter.encode(dark, labels)
    assert vector.shape == (len(painter.palette) * 3,)
    assert np.array_equal(painter.paint(labels, style=vector), painter.paint(labels, style=dark))


def test_a_label_network_tells_what_is_where_on_a_style_picture(painter, tmp_path):
    """Else it is taken for what is painted, and a wall has the looks of whatever lies at its place."""
    folder = tmp_path / "x"
    shutil.copytree(painter.checkpoint.folder, folder)
    save_labeller(folder / "labeller", painter.palette)
    knowing = cgan.load(folder, device="cpu")
    assert painter.needs_map and not knowing.needs_map
    picture = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
    picture[:, :40] = 30
    found, labels = knowing.label(picture), two_houses()
    assert len(np.unique(found)) > 1 and not np.array_equal(found, labels)
    style = knowing.encode(picture)
    assert np.array_equal(style, knowing.encode(picture, found))
    assert np.array_equal(knowing.paint(labels, style=picture), knowing.paint(labels, style=style))
    under_the_painted = painter.encode(picture, labels)
    assert np.array_equal(
        painter.paint(labels, style=picture), painter.paint(labels, style=under_the_painted)
    )
    assert not np.array_equal(style, under_the_painted)


def test_what_cannot_be_is_refused(painter):
    labels = two_houses()
    with pytest.raises(ValueError, match="give labels too"):
        painter.encode(np.zeros((64, 64, 3), np.uint8))
    for restyle in ({(64, 0): 0}, {(0, 0): 3}, {(0, -1): 0}):
        with pytest.raises(ValueError, match="looks go from 0 to 2"):
            painter.paint(labels, restyle=restyle)
