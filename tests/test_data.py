"""Folders of photographs and label maps: what is read, what is refused, and what a batch is."""

import json
import shutil

import numpy as np
import pytest
import torch
from drawn import rectangles
from PIL import Image

from cgan.errors import DataError
from train.data.batches import Painted
from train.data.naming import colour
from train.data.painted import PaintedData, read_painted
from train.data.stored import parted

PALETTE = [
    {"id": 0, "name": "sky", "colour": "#0000ff"},
    {"id": 1, "name": "road", "colour": "#808080"},
    {"id": 2, "name": "tree", "colour": "#00ff00"},
]


@pytest.fixture
def folder(tmp_path):
    """Four pictures 60×40 whose left third is class 0 and red; then follow 1, green, and 2, blue."""
    labels = np.repeat(np.arange(3, dtype=np.uint8), 20)[None].repeat(40, 0)
    colours = np.array([[200, 0, 0], [0, 200, 0], [0, 0, 200]], np.uint8)
    for name in ("images", "labels", "instances"):
        (tmp_path / name).mkdir()
    for index in range(4):
        Image.fromarray(colours[labels]).save(tmp_path / "images" / f"{index}.png")
        Image.fromarray(labels).save(tmp_path / "labels" / f"{index}.png")
        Image.fromarray(labels.astype(np.uint16) * 1000 + np.uint16(index)).save(
            tmp_path / "instances" / f"{index}.png"
        )
    (tmp_path / "palette.json").write_text(json.dumps(PALETTE))
    return tmp_path


def refused(folder, size=(32, 48)) -> str:
    with pytest.raises(DataError) as caught:
        read_painted(folder, size)
    return str(caught.value)


def test_a_folder_is_read(folder):
    said = []
    data = read_painted(folder, (32, 48), said.append)
    assert len(data) == 4 and data.names == ["0", "1", "2", "3"] and data.size == (32, 48)
    assert data.images.dtype == torch.uint8 and data.images.shape == (4, 3, 36, 54)
    assert data.labels.dtype == torch.uint8 and data.labels.shape == (4, 1, 36, 54)
    assert data.instances.dtype == torch.int32 and data.instances.max() == 2003
    assert data.palette.names == ["sky", "road", "tree"]
    assert len(said) == 1 and said[0].startswith("reading 4 pictures and their maps in")


def test_the_palette_may_lie_beside_the_folder(folder):
    inner = folder / "train"
    inner.mkdir()
    for name in ("images", "labels"):
        (folder / name).rename(inner / name)
    assert read_painted(inner, (32, 48)).palette.names == ["sky", "road", "tree"]


def test_other_shapes_are_cut_at_the_centre_and_that_is_said(folder):
    said = []
    data = read_painted(folder, (32, 32), said.append)
    assert "4 of 4" in said[-1] and "cut at the centre" in said[-1]
    counts = data.labels[0].flatten().bincount() / data.labels[0].numel()
    assert counts.tolist() == pytest.approx([0.25, 0.5, 0.25], abs=0.03)  # 40 of 60 columns are left


def test_without_palette_classes_are_numbered(folder):
    (folder / "palette.json").unlink()
    labels = np.full((40, 60), 5, np.uint8)
    Image.fromarray(labels).save(folder / "labels" / "0.png")
    said = []
    palette = read_painted(folder, (32, 48), said.append).palette
    assert palette.names == [f"class {id}" for id in range(6)]
    assert "0 to 5" in said[-1]


def test_numbered_colours_all_differ():
    assert len({colour(index) for index in range(256)}) == 256


def test_colour_maps_are_read_by_the_palette(folder):
    colours = np.array([[0, 0, 255], [128, 128, 128], [0, 255, 0]], np.uint8)
    ids = np.asarray(Image.open(folder / "labels" / "0.png"))
    Image.fromarray(colours[ids]).save(folder / "labels" / "0.png")
    data = read_painted(folder, (32, 48))
    assert torch.equal(data.labels[0], data.labels[1])


def test_all_problems_are_listed_at_once(folder):
    (folder / "labels" / "0.png").unlink()
    Image.new("L", (10, 10)).save(folder / "labels" / "1.png")
    (folder / "images" / "2.png").write_bytes(b"no picture")
    ids = np.zeros((40, 60), np.uint8)
    ids[0, :7] = 9
    Image.fromarray(ids).save(folder / "labels" / "3.png")
    Image.new("L", (60, 40)).save(folder / "labels" / "extra.png")
    message = refused(folder)
    for told in (
        "images/0.png has no label map",
        "labels/extra.png has no picture",
        "labels/1.png is 10×10, its picture is 60×40",
        "images/2.png",
        "labels/3.png",
        "7 pixels",
        "nothing was started",
    ):
        assert told in message, told
    assert "9" in next(line for line in message.splitlines() if "labels/3.png" in line)


def test_long_reports_are_cut(folder):
    for index in range(100, 140):
        shutil.copy(folder / "images" / "0.png", folder / "images" / f"{index}.png")
    message = refused(folder)
    assert message.endswith("and 60 more") and len(message.splitlines()) == 22


def test_no_folder_is_told(tmp_path):
    assert "not a folder" in refused(tmp_path / "nowhere")
    assert "no folder images/" in refused(tmp_path) and "no folder labels/" in refused(tmp_path)


def test_an_empty_folder_is_told(folder):
    for path in (folder / "images").iterdir():
        path.unlink()
    assert "no pictures in images/" in refused(folder)


def test_one_picture_is_too_few(folder):
    for index in (1, 2, 3):
        for name in ("images", "labels", "instances"):
            (folder / name / f"{index}.png").unlink()
    assert "at least 2" in refused(folder)


def test_a_broken_palette_is_told(folder):
    (folder / "palette.json").write_text("[{]")
    assert "palette.json" in refused(folder)


def test_lossy_maps_and_colours_without_palette_are_refused(folder):
    (folder / "palette.json").unlink()
    Image.new("RGB", (60, 40)).save(folder / "labels" / "0.png")
    Image.new("L", (60, 40)).save(folder / "labels" / "9.jpg")
    message = refused(folder)
    assert "labels/0.png holds colours" in message and "labels/9.jpg: maps must be lossless" in message


def test_a_missing_instance_map_is_told(folder):
    (folder / "instances" / "2.png").unlink()
    assert "images/2.png has no map in instances/" in refused(folder)


# Batches


def test_a_batch_has_the_promised_shapes(folder):
    batch = read_painted(folder, (32, 48)).batch([0, 2, 1], seed=1, size=(32, 48))
    assert isinstance(batch, Painted)
    assert batch.images.shape == (3, 3, 32, 48) and batch.images.dtype == torch.float32
    assert batch.labels.shape == (3, 1, 32, 48) and batch.labels.dtype == torch.int64
    assert batch.instances.dtype == torch.int64 and (batch.instances[1] % 1000 == 2).all()
    assert batch.images.min() >= -1 and batch.images.max() <= 1


def test_pictures_labels_and_instances_move_together(folder):
    """Away from the edges between them, every class keeps its own colour and its own instance."""
    data = read_painted(folder, (32, 48))
    for seed in range(5):
        batch = data.batch(range(4), seed, (32, 48))
        brightest = batch.images.argmax(1, keepdim=True)
        assert (brightest == batch.labels).float().mean() > 0.97
        assert torch.equal(batch.instances // 1000, batch.labels)


def test_augmentation_flips_scales_and_moves():
    data = rectangles(2, (32, 48), 0)
    batch = data.batch([0] * 64, 3, (32, 48))
    assert len({row.numpy().tobytes() for row in batch.labels}) > 50
    plain = data.batch([0], 0, (32, 48), augment=False).images
    like, unlike = ((batch.images - other).abs().mean((1, 2, 3)) for other in (plain, plain.flip(3)))
    flipped = (unlike < like).float().mean()
    assert 0.25 < flipped < 0.75


def test_without_augmentation_the_whole_picture_is_taken():
    data = rectangles(2, (32, 48), 0)
    batch = data.batch([1], 5, (36, 54), augment=False)
    assert torch.equal(batch.labels[0], data.labels[1].long())
    assert (batch.images[0] - (data.images[1] / 127.5 - 1)).abs().max() < 1e-3
    square = data.batch([1], 5, (36, 36), augment=False)  # the centre: 9 columns fewer on each side
    assert torch.equal(square.labels[0], data.labels[1, :, :, 9:45].long())


def test_a_batch_is_a_function_of_seed_and_place():
    data = rectangles(6, (32, 32), 0)
    whole = data.batch([5, 1, 4, 2], 7, (32, 32))
    halves = [data.batch([5, 1], 7, (32, 32)), data.batch([4, 2], 7, (32, 32), row_offset=2)]
    for field in ("images", "labels"):
        joined = torch.cat([getattr(half, field) for half in halves])
        assert torch.equal(joined, getattr(whole, field))
    assert not torch.equal(whole.images, data.batch([5, 1, 4, 2], 8, (32, 32)).images)
    assert not torch.equal(halves[1].images, data.batch([4, 2], 7, (32, 32)).images)


def test_a_batch_leaves_the_global_random_state_alone():
    data = rectangles(2, (32, 32), 0)
    before = torch.get_rng_state()
    data.batch([0, 1], 7, (32, 32))
    assert torch.equal(before, torch.get_rng_state())


def test_split_is_a_partition_and_repeats():
    data = rectangles(20, (16, 16), 0)
    train, aside = data.split(0.2, seed=3)
    assert len(train) == 16 and len(aside) == 4
    assert sorted(train.names + aside.names) == data.names
    assert data.split(0.2, seed=3)[1].names == aside.names != data.split(0.2, seed=4)[1].names
    assert torch.equal(aside.images[0], data.images[data.names.index(aside.names[0])])
    assert len(rectangles(3, (16, 16)).split(0.01)[1]) == 1
    with pytest.raises(ValueError, match="between 0 and 1"):
        data.split(1.5)


def test_rectangles_are_drawn_by_seed():
    data = rectangles(3, (40, 56), seed=2)
    assert isinstance(data, PaintedData) and data.size == (40, 56)
    assert torch.equal(data.images, rectangles(3, (40, 56), seed=2).images)
    assert not torch.equal(data.images, rectangles(3, (40, 56), seed=3).images)
    assert len(data.labels.unique()) >= 4 and data.labels.max() < len(data.palette)
    with pytest.raises(ValueError, match="at least 2"):
        rectangles(1, (16, 16))


def test_fake_batches_fit_their_docstring():
    batch = Painted.fake(batch=3, size=(20, 40), classes=5, instances=True)
    assert batch.labels.shape == (3, 1, 20, 40) and batch.labels.dtype == torch.int64
    assert batch.labels.min() >= 0 and batch.labels.max() < 5
    assert batch.images.shape == (3, 3, 20, 40) and batch.instances.shape == batch.labels.shape
    assert batch.rows(1, 3).images.shape[0] == 2
    assert Painted.fake().instances is None


def test_a_share_sets_no_more_aside_than_an_evaluation_has_time_for():
    for count, aside in ((40, 2), (3, 1), (19_000, 950), (200_000, 1000)):
        stay, gone = parted(count, 0.05, seed=0)
        assert (len(stay), len(gone)) == (count - aside, aside)
        assert sorted([*stay, *gone]) == list(range(count))
