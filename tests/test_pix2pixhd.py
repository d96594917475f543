"""pix2pixHD: things and their looks, coarse to fine, label maps or pictures in."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from drawn import rectangles
from PIL import Image

import cgan
from cgan.checkpoint import load_model
from cgan.layers.instances import NUMBERS, class_means, components, pooled
from cgan.models import pix2pixhd
from train.data.batches import Painted, Paired
from train.data.paired import PairedData
from train.engine.bank import PRECISIONS, Bank
from train.engine.turns import turns
from train.judge.painter import painted
from train.recipes import pix2pixhd as learning

CONFIG = replace(pix2pixhd.PRESETS["tiny"], classes=6)
HYPER = learning.PRESETS["tiny"]
SAY = lambda line: None  # noqa: E731


def recipe_of(hyper=HYPER, **changes):
    torch.manual_seed(0)
    return learning.Recipe(replace(CONFIG, **changes), hyper, None)


def learn(recipe, batch, precision="fp32", steps=1):
    """Descend on a batch; gives the names of the model's weights that moved."""
    chosen = PRECISIONS[precision]
    banks = {player: Bank(value, chosen) for player, value in recipe.players.items()}
    bank = banks["generator"]
    before = bank.master.detach().clone()
    for _ in range(steps):
        for loss in turns(recipe, [batch], banks):
            assert all(term.isfinite() and term.dtype == torch.float32 for term in loss.terms.values())
            assert banks[loss.player].gradient.isfinite().all()
            banks[loss.player].descend(1e-3)
    old = bank.views(before)
    return {k for k, view in bank.views(bank.master.detach()).items() if not torch.equal(view, old[k])}


def test_shapes():
    model = pix2pixhd.Model(CONFIG)
    batch = Painted.fake(2, (32, 48), 6, instances=True)
    condition = model.condition(batch.labels, batch.instances)
    assert condition.shape == (2, 7, 32, 48) and set(condition.unique().tolist()) == {0, 1}
    style = model.encode(batch.images, batch.labels)
    assert style.shape == (2, CONFIG.style) == (2, 18) and style.abs().max() <= 1
    spread = model.features(batch.labels, style)
    assert spread.shape == model.look(batch.images, batch.labels, None).shape == (2, 3, 32, 48)
    painted = model(condition, style, torch.randn(2, 1, 32, 48))
    assert painted.shape == (2, 3, 32, 48) and painted.abs().max() <= 1
    assert torch.allclose(painted, model(condition, spread)), "a table is spread over the map"
    assert model.encode(batch.images[..., :29, :31], batch.labels[..., :29, :31]).shape == (2, 18)
    assert model.draw(torch.randn(5, 18)).shape == (5, 18) and model.style_mean.shape == (18,)


def test_edges():
    model = pix2pixhd.Model(CONFIG)
    labels = torch.zeros(1, 1, 8, 8, dtype=torch.long)
    instances = labels.clone()
    instances[..., 4:] = 1
    assert not model.condition(labels)[:, 6].any()
    edges = model.condition(labels, instances)[0, 6]
    assert edges[:, 3:5].all() and edges.sum() == 16, "where things of one class touch"
    assert pix2pixhd.Model(replace(CONFIG, edges=False)).condition(labels, instances).shape[1] == 6


def test_components():
    labels = np.array([[1, 0, 1], [0, 1, 2], [0, 2, 0]])
    assert components(labels).tolist() == [[2, 0, 2], [0, 2, 3], [0, 3, 1]], "corners touch"
    data = learning.with_instances(rectangles(2, (64, 64)))
    assert data.instances.shape == data.labels.shape and data.instances.dtype == torch.uint8
    ours = components(data.labels[1, 0].numpy())
    assert np.array_equal(data.instances[1, 0], ours % NUMBERS)
    assert learning.with_instances(data) is data, "what has instances keeps them"


def test_pooling():
    labels = torch.tensor([[[[0, 0, 1, 1]]]])
    instances = torch.tensor([[[[7, 9, 7, 7]]]])
    features = torch.tensor([[[[1.0, 3, 4, 6]], [[0.0, 0, 2, 0]]]])
    assert pooled(features, labels)[0, 0, 0].tolist() == [2, 2, 5, 5]
    assert pooled(features, labels, instances)[0, :, 0].tolist() == [[1, 3, 5, 5], [0, 0, 1, 1]]
    means, shares = class_means(features, labels, 3)
    assert means[0].tolist() == [[2, 0], [5, 1], [0, 0]] and shares[0].tolist() == [0.5, 0.5, 0]


def test_restyling_one_thing_changes_its_features_only():
    model = pix2pixhd.Model(CONFIG)
    labels = torch.zeros(1, 1, 32, 32, dtype=torch.long)
    labels[..., 4:12, 4:12] = labels[..., 20:28, 20:28] = 3
    number = int(components(labels[0, 0].numpy())[21, 21])
    style, look = torch.zeros(1, 18), torch.tensor([1.0, -1, 0.5])
    features = model.features(labels, style, overrides={number: look})
    inside = torch.zeros(32, 32, dtype=torch.bool)
    inside[20:28, 20:28] = True
    assert (features[0, :, inside] == look[:, None]).all() and not features[0, :, ~inside].any()
    assert torch.equal(model.features(labels, style, labels, {3: look})[0, :, 8, 8], look), "own instances"
    condition = model.condition(labels)
    change = (model(condition, features) - model(condition, style)).abs().mean((0, 1))
    assert change[inside].mean() > change[~inside].mean()


def test_a_style_picture_gives_the_mean_of_each_class():
    model = pix2pixhd.Model(CONFIG)
    model.clusters.fill_(0.25)
    batch = Painted.fake(2, (64, 64), 3)
    style = model.encode(batch.images, batch.labels).view(2, 6, 3)
    theirs = model.encoder(batch.images)[0, :, batch.labels[0, 0] == 1].mean(1)
    assert torch.allclose(style[0, 1], theirs, atol=1e-5)
    assert (style[:, 3:] == 0.25).all(), "absent classes look as they do on average"


def test_clusters():
    rows = np.repeat(np.float32([[0.5, 0.5], [-0.5, 0], [0.9, 0.1]]), [6, 3, 1], 0)
    light = np.repeat([0.2, 0.5, -0.5], [6, 3, 1])
    centres, shares = learning.clustered(rows, light, 3)
    assert np.allclose(shares, [0.1, 0.6, 0.3]), "from dark to light"
    assert np.allclose(centres, [[0.9, 0.1], [0.5, 0.5], [-0.5, 0]], atol=1e-5)
    again = learning.clustered(rows, light, 3)
    assert np.array_equal(again[0], centres) and np.array_equal(again[1], shares)
    for n in (1, 2, 10):  # equal rows make one look
        centres, shares = learning.clustered(np.full((n, 2), 0.5), np.zeros(n), 4)
        assert centres.shape == (4, 2) and shares.tolist() == [1, 0, 0, 0] and (centres == 0.5).all()


def test_looks_are_remembered_and_drawn():
    recipe = recipe_of()
    batch = Painted.fake(4, (64, 64), 5)  # class 5 is never there
    batch.labels[:, :, 0, 0] = 5  # or hardly
    looks = recipe.calibrate(recipe.model, batch)
    assert looks.shape == (4, 6, 4) and looks[:, 5].isnan().all()
    recipe.finish(recipe.model, torch.cat([looks, looks]))
    model = recipe.model
    assert model.clusters.isfinite().all() and torch.allclose(model.shares.sum(1), torch.ones(6))
    drawn = model.draw(torch.randn(500, 18, generator=torch.Generator().manual_seed(0))).view(500, 6, 3)
    for id in range(6):
        which = (drawn[:, id, None] == model.clusters[id]).all(-1)
        assert which.any(1).all(), "drawn looks are clusters"
    assert torch.allclose(drawn.mean(0).flatten(), model.style_mean, atol=0.1)
    extreme = model.draw(torch.full((1, 18), 9.0))
    assert torch.equal(extreme.view(6, 3), model.clusters[:, -1])


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("instances", [True, False])
def test_a_step(precision, instances):
    recipe = recipe_of(enhancers=1)
    moved = learn(recipe, Painted.fake(2, (64, 64), 6, instances=instances), precision, steps=2)
    assert moved == dict(recipe.model.named_parameters()).keys()


def test_a_constant_picture_and_map():
    grey = torch.full((1, 3, 32, 32), 0.3)
    labels = torch.full((1, 1, 32, 32), 2)
    assert learn(recipe_of(), Painted(labels, grey))
    recipe = recipe_of(classes=0, edges=False, features=0)
    assert learn(recipe, Paired(grey, grey))
    assert recipe.model(grey[..., :4, :4]).isfinite().all(), "features of one pixel"


def test_an_enhancer_starts_from_the_global_generator():
    model = recipe_of(enhancers=1).model
    assert model.multiple == 8
    batch = Painted.fake(2, (64, 32), 6)
    condition, style = model.condition(batch.labels), model.encode(batch.images, batch.labels)
    small = torch.atanh(model.coarse(condition, style))
    assert small.shape == (2, 3, 32, 16)
    larger = torch.nn.functional.interpolate(small, scale_factor=2.0, mode="bilinear").tanh()
    assert torch.allclose(model(condition, style), larger, atol=1e-5)
    with pytest.raises(ValueError, match="divisible by 8"):
        pix2pixhd.Model(replace(CONFIG, enhancers=3))


def test_coarse_to_fine():
    hyper, batch = replace(HYPER, coarse=4), Painted.fake(2, (64, 64), 6)
    recipe = recipe_of(hyper, enhancers=2)
    moved = learn(recipe, batch, steps=2)
    assert any(key.startswith("base.") for key in moved)
    assert not any(key.startswith("enhancers.") for key in moved), "4 pictures: the global generator alone"
    assert int(recipe.discriminator.seen) == 4
    again = recipe_of(hyper, enhancers=2)
    again.discriminator.load_state_dict(recipe.discriminator.state_dict())
    moved = learn(again, batch, steps=2)
    assert any(key.startswith("enhancers.") for key in moved), "a run goes on where it was"
    without = recipe_of(replace(hyper, adversary="least_squares"))
    assert learn(without, batch), "without enhancers there is nothing to wait for"


def test_pictures_in(tmp_path):
    for kind in ("inputs", "images"):
        (tmp_path / kind).mkdir()
        for i in range(3):
            pixels = np.random.default_rng(i).integers(0, 255, (40, 40, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / kind / f"{i}.png")
    data = learning.Recipe.read(tmp_path, (32, 32), HYPER, SAY)
    assert isinstance(data, PairedData) and learning.Recipe.palette(data) is None
    assert learning.Recipe.about(data) == {"domains": ["inputs", "images"]}
    config = learning.Recipe.configure(CONFIG, data)
    assert (config.classes, config.style) == (0, 0)
    recipe = learning.Recipe(config, HYPER, None)
    batch = data.batch([0, 1], 0, (32, 32))
    assert recipe.batch is Paired and recipe.model.task == "translate"
    assert learn(recipe, batch) == dict(recipe.model.named_parameters()).keys()
    recipe.finish(recipe.model, recipe.calibrate(recipe.model, batch))
    cgan.save(tmp_path / "made", recipe.model, None, {"size": [32, 32]} | learning.Recipe.about(data))
    translator = cgan.load(tmp_path / "made", device="cpu")
    out = translator.translate(np.zeros((21, 35, 3), np.uint8))
    assert out.shape == (1, 21, 35, 3) and translator.domains == ("inputs", "images")


def test_painting_and_saving(tmp_path):
    data = learning.with_instances(rectangles(4, (64, 64)))
    config = learning.Recipe.configure(pix2pixhd.PRESETS["tiny"], data)
    recipe = learning.Recipe(config, HYPER, None)
    assert config == CONFIG and recipe.batch is Painted and recipe.model.task == "paint"
    batch = data.batch([0, 1], 0, (64, 64), augment=False)
    recipe.finish(recipe.model, recipe.calibrate(recipe.model, batch))
    own, drawn, again = (painted(recipe.model, batch, 0, own_style=own) for own in (True, False, False))
    assert own.shape == (2, 3, 64, 64) and torch.equal(drawn, again) and not torch.equal(own, drawn)
    folder = cgan.save(tmp_path / "made", recipe.model, data.palette, {"size": [64, 64]})
    checkpoint, model = load_model(folder)
    assert pix2pixhd.Config(**checkpoint.config) == config and "style" not in checkpoint.config
    assert torch.allclose(model.clusters, recipe.model.clusters, atol=1e-3)
