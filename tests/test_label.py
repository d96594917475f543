"""The label network: photographs become label maps, alone and beside a painter."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from drawn import rectangles
from runs import run

import cgan
from cgan import checkpoint
from cgan.models import label, spade
from cgan.tasks import Labeller
from train.data.batches import Labelled
from train.data.painted import PaintedData
from train.engine.bank import PRECISIONS, Bank
from train.engine.turns import turns
from train.judge.labelling import class_rows, counted, judged, usual_map
from train.recipes.label import Hyper, Recipe, apart, hidden, pixels, varied

PALETTE = cgan.Palette.from_list(
    [
        {"id": 0, "name": "dark", "colour": "#000000"},
        {"id": 1, "name": "light", "colour": "#ffffff"},
        {"id": 2, "name": "void", "colour": "#ff0000"},
    ]
)
ABOUT = {"size": [64, 64], "data": "stripes", "licence": "none"}


def stripes(count: int, seed: int = 0, side: int = 72) -> PaintedData:
    """Dark and light stripes, each of its own width and with noise; labels by lightness."""
    random = np.random.default_rng(seed)
    labels = np.zeros((count, 1, side, side), np.uint8)
    for each in labels[:, 0]:
        edges = np.cumsum(random.integers(12, 30, 8))
        each[np.searchsorted(edges, np.arange(side)) % 2 == 1] = 1
    images = 60 + 130 * labels.repeat(3, 1) + random.normal(0, 15, (count, 3, side, side))
    images, labels = torch.from_numpy(images.clip(0, 255).astype(np.uint8)), torch.from_numpy(labels)
    return PaintedData(images, labels, None, PALETTE, [f"stripes {i}" for i in range(count)])


def learnt(steps: int, seed: int = 0) -> label.Model:
    """A tiny network that has learnt from stripes."""
    torch.manual_seed(seed)
    recipe, data = (
        Recipe(replace(label.PRESETS["tiny"], classes=3), Hyper(rate=3e-3, colours=0.2), None),
        stripes(16, seed),
    )
    banks = {"labeller": Bank(recipe.players["labeller"], PRECISIONS["fp32"])}
    for step in range(steps):
        rows = [(4 * step + i) % 16 for i in range(4)]
        for _ in turns(recipe, [data.batch(rows, step, (64, 64))], banks):
            banks["labeller"].descend(3e-3)
    return recipe.model


def right(model: label.Model, seed: int = 100) -> float:
    """The share of pixels of other stripes that it labels as they are."""
    batch = stripes(4, seed).batch(range(4), 0, (64, 64), augment=False)
    with torch.no_grad():
        found = model(batch.images).argmax(1)
    return (found == batch.labels[:, 0]).float().mean().item()


@pytest.fixture(scope="module")
def model():
    return learnt(25)


def test_it_learns_stripes(model):
    assert right(model) > 0.73


def test_it_is_saved_and_labels(model, tmp_path):
    cgan.save(tmp_path / "stripes", model, PALETTE, ABOUT)
    labeller = cgan.load(tmp_path / "stripes", device="cpu")
    assert isinstance(labeller, Labeller) and labeller.palette == PALETTE and labeller.size == (64, 64)
    picture = np.full((50, 71, 3), 60, np.uint8)
    picture[:, 36:] = 190
    labels = labeller.label(picture)
    assert labels.shape == (50, 71) and labels.dtype == np.uint8
    assert (labels[:, 36:] == 1).mean() > 0.7 and (labels[:, :36] == 0).mean() > 0.7
    assert np.array_equal(labels, labeller.label(picture))
    large = labeller.label(picture, size=(100, 142))
    assert large.shape == (100, 142) and (large[::2, ::2] == labels).mean() > 0.9
    assert labeller.label(picture[:1]).shape == (1, 71), "a strip is no harm"
    with pytest.raises(cgan.DataError, match="at most"):
        labeller.label(picture, size=(5000, 5000))
    with pytest.raises(ValueError, match="uint8"):
        labeller.label(np.zeros((8, 8, 3)))


def painter_in(folder, classes=3, palette=PALETTE):
    painted = spade.Model(replace(spade.PRESETS["tiny"], classes=classes))
    return cgan.load(cgan.save(folder, painted, palette, ABOUT), device="cpu")


def test_a_painter_brings_one_along(model, tmp_path):
    painter = painter_in(tmp_path / "mine")
    with pytest.raises(cgan.CheckpointError, match=r"mine has no label network; .*train label"):
        painter.label(np.zeros((64, 64, 3), np.uint8))
    cgan.save(tmp_path / "mine" / "labeller", model, PALETTE, ABOUT)
    painter = cgan.load(tmp_path / "mine", device="cpu")
    labels = painter.label(np.full((40, 60, 3), 190, np.uint8))
    assert labels.shape == (40, 60) and painter.paint(labels).shape == (1, 40, 60, 3)
    assert [it.name for it in cgan.find(tmp_path).checkpoints] == ["mine"]


@pytest.mark.parametrize("name", ["../lender", "..", "", "no such", "/", "\xff"])
def test_one_is_lent_by_name(model, tmp_path, name):
    cgan.save(tmp_path / "lender" / "labeller", model, PALETTE, ABOUT)
    painter_in(tmp_path / "mine")
    note = tmp_path / "mine" / "labeller.txt"
    note.write_text("lender\n", encoding="utf-8")
    labels = cgan.load(tmp_path / "mine", device="cpu").label(np.full((40, 60, 3), 190, np.uint8))
    assert labels.shape == (40, 60)
    with pytest.raises(cgan.CheckpointError, match="that of lender; copy lender/labeller into it"):
        checkpoint.push(tmp_path / "mine", "someone/mine")
    note.write_text(name, encoding="latin-1")
    with pytest.raises(cgan.CheckpointError, match="mine has no label network"):
        cgan.load(tmp_path / "mine", device="cpu").label(np.zeros((64, 64, 3), np.uint8))


def test_one_that_does_not_belong_is_told(model, tmp_path):
    names = ("night", "day", "dusk")
    others = cgan.Palette(tuple(replace(it, name=n) for it, n in zip(PALETTE.labels, names, strict=True)))
    cgan.save(tmp_path / "other" / "labeller", model, others, ABOUT)
    with pytest.raises(cgan.CheckpointError, match="other classes than other"):
        painter_in(tmp_path / "other").labeller  # noqa: B018
    painted = spade.Model(replace(spade.PRESETS["tiny"], classes=3))
    cgan.save(tmp_path / "wrong" / "labeller", painted, PALETTE, ABOUT)
    with pytest.raises(cgan.CheckpointError, match="holds a spade"):
        painter_in(tmp_path / "wrong").labeller  # noqa: B018


def test_what_nobody_knows_is_not_learnt():
    data = stripes(2)
    data.labels[:, :, :20] = 2
    batch = hidden(data).batch([0, 1], 0, (64, 64), augment=False)
    assert torch.equal(batch.known == 0, batch.labels == 2) and hidden(stripes(2)).unknown.sum() == 0
    logits = torch.zeros(2, 3, 64, 64, requires_grad=True)
    (pixels(logits, batch.labels, batch.known) + apart(logits, batch.labels, batch.known)).backward()
    assert (logits.grad.abs().sum(1, keepdim=True) > 0).equal(batch.known > 0)


def test_dice_is_nothing_for_what_is_right():
    batch = Labelled.fake(classes=3)
    sure = 50.0 * torch.nn.functional.one_hot(batch.labels[:, 0], 3).movedim(3, 1)
    known = torch.ones_like(batch.images[:, :1])
    assert apart(sure, batch.labels, known) < 1e-3 < apart(-sure, batch.labels, known)


def test_pictures_vary_and_their_maps_go_along():
    batch = rectangles(3, (64, 64)).batch([0, 1, 2], 0, (64, 64))
    batch = batch._replace(images=(batch.labels / 2.5 - 1).expand(-1, 3, -1, -1).contiguous())
    torch.manual_seed(0)
    seen = varied(batch, 0.5, 0.0)
    inside = (seen.images[:, :1] + 1) * 2.5 - seen.labels
    assert not torch.equal(seen.labels, batch.labels) and (inside.abs() < 0.5).float().mean() > 0.9
    torch.manual_seed(0)
    assert not torch.equal(varied(batch, 0.5, 1.0).images, seen.images)
    assert torch.equal(varied(batch, 1.0, 0.0).labels, batch.labels), "all of it is seen"


def test_the_judge_counts():
    data = hidden(stripes(4))
    counts = counted(lambda batch: batch.labels[:, 0], data, 3)
    assert counts.shape == (4, 3, 3) and torch.equal(
        counts, torch.diag_embed(counts.diagonal(dim1=1, dim2=2))
    )
    rows = class_rows(counts.sum(0), PALETTE, judged(PALETTE))
    assert [*rows] == ["dark", "light"] and all(row["iou"] == 1 for row in rows.values())
    assert sum(row["share"] for row in rows.values()) == pytest.approx(1)
    assert usual_map(data, 3).shape == data.size


def test_the_command(painted_folder, tmp_path, capfd, monkeypatch):
    """Trained on a painter's folder, judged; the card tells mIoU."""
    monkeypatch.setenv("CGAN_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "mine" / "labeller"
    words = ["--preset", "tiny", "--size", "64", "--images", "16", "--device", "cpu", "--out", out]
    code, said = run(capfd, "label", "--data", painted_folder, "--validation", "0.2", *words)
    assert code == 0 and "missed" in said and not (out / "examples").exists()
    code, said = run(capfd, "evaluate", out, "--data", painted_folder, "--device", "cpu", "--card")
    card = (out / "README.md").read_text(encoding="utf-8")
    assert code == 0 and "mIoU" in card and "the usual map" in card and "class by class" in card
