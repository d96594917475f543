"""Small checkpoints for the tests."""

from pathlib import Path

import torch

import cgan
from cgan import models
from cgan.labels import Label, Palette

ROOT = Path(__file__).parent.parent
SIZE = [32, 64]


def palette_of(config):
    """A palette of as many classes as the config asks for, or None."""
    classes = vars(config).get("classes")
    if classes is None:
        return None
    return Palette(tuple(Label(i, f"class {i}", f"#{i:06x}") for i in range(classes)))


def make(name="spade", seed=0):
    """A tiny model with drawn weights."""
    module = models.module(name)
    torch.manual_seed(seed)
    return module.Model(module.PRESETS["tiny"])


def save(folder, model, **about):
    return cgan.save(folder, model, palette_of(model.config), {"size": SIZE} | about)


def save_state(folder, number):
    """Save a checkpoint whose words and whose weights say `number`."""
    model = make()
    torch.nn.init.constant_(model.to_rgb.bias, number)
    save(folder, model, images=number)


def state(folder):
    """The number that a checkpoint says, in its words and in its weights."""
    said, model = cgan.load_model(folder)
    assert torch.equal(model.to_rgb.bias, torch.full((3,), float(said.about["images"])))
    return said.about["images"]
