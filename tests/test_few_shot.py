"""Folders of classes: what is read, what is refused, which classes are held out, and what a batch is."""

import pytest
import torch
from drawn import few_shot
from PIL import Image

from cgan.errors import DataError
from train.data import few_shot as classes
from train.data.few_shot import FewShotData, FewShotWorld, read_few_shot

NAMES = ("ant", "bee", "cat", "dog")


@pytest.fixture
def folder(tmp_path):
    """Four classes of three pictures 60×40, each class of one brightness; the dogs lie deeper."""
    for number, name in enumerate(NAMES):
        inner = tmp_path / name / "far" / "down" if name == "dog" else tmp_path / name
        inner.mkdir(parents=True)
        for index in range(3):
            Image.new("RGB", (60, 40), (60 * number,) * 3).save(inner / f"{index}.png")
    return tmp_path


def refused(*arguments) -> str:
    with pytest.raises(DataError) as caught:
        read_few_shot(*arguments)
    return str(caught.value)


def test_a_folder_is_read(folder):
    data = read_few_shot(folder, (32, 48))
    assert data.class_names == NAMES and data.classes.tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert data.images.shape == (12, 3, 36, 54) and data.held_out is None and data.size == (32, 48)
    assert (data.images[:, 0, 0, 0].long() == 60 * data.classes).all()


def test_named_classes_are_held_out(folder):
    data = read_few_shot(folder, (32, 48), ["cat", "ant"])
    assert data.class_names == ("bee", "dog") and data.held_out.class_names == ("ant", "cat")
    assert data.classes.tolist() == [0] * 3 + [1] * 3 == data.held_out.classes.tolist()
    assert data.images[:, 0, 0, 0].unique().tolist() == [60, 180]
    assert data.held_out.images[:, 0, 0, 0].unique().tolist() == [0, 120]
    training, aside = data.split(0.5)
    assert training is data and aside is data.held_out


def test_all_problems_are_listed_at_once(folder):
    (folder / "ant" / "1.png").write_bytes(b"no picture")
    (folder / "elk").mkdir()
    (folder / "fox").mkdir()
    Image.new("RGB", (60, 40)).save(folder / "fox" / "only.png")
    message = refused(folder, (32, 48), ["gnu", "cat"])
    for told in (
        "ant/1.png is not a picture",
        "no pictures in elk/",
        "class 'fox' has a single picture; at least 2 are needed",
        "no class gnu to hold out; there are: ant, bee, cat, dog, elk, fox",
        "nothing was started",
    ):
        assert told in message, told


def test_two_classes_must_be_left(folder, tmp_path):
    message = refused(folder, (32, 48), ["ant", "bee", "cat"])
    assert "1 sub-folder(s) to learn" in message and "at least 2" in message
    (tmp_path / "empty").mkdir()
    assert "0 sub-folder(s)" in refused(tmp_path / "empty", (32, 48))
    assert "is not a folder" in refused(tmp_path / "nowhere", (32, 48))


def test_split_holds_classes_out_by_seed():
    data = few_shot(40, (16, 16), classes=20)
    training, aside = data.split(0.2, seed=1)
    assert len(training.class_names) == 16 and len(aside.class_names) == 4 and training.held_out is aside
    assert sorted(training.class_names + aside.class_names) == sorted(data.class_names)
    for part in (training, aside):
        assert sorted(part.classes.unique().tolist()) == list(range(len(part.class_names)))
    assert data.split(0.2, seed=1)[1].class_names == aside.class_names
    assert data.split(0.2, seed=2)[1].class_names != aside.class_names
    assert len(data.split(0.05)[1].class_names) == 2  # one alone could only be redrawn as itself
    assert len(few_shot(8, (16, 16), classes=4).split(0.05)[1].class_names) == 2
    assert len(few_shot(8, (16, 16), classes=3).split(0.05)[1].class_names) == 1
    with pytest.raises(DataError, match="--validation none"):
        few_shot(8, (16, 16), classes=2).split(0.05)


def test_a_batch_draws_styles_from_all_pictures():
    data = numbered(8)
    batch = data.batch([3, 1, 7], 2, (16, 16))
    assert batch.contents.shape == batch.styles.shape == (3, 3, 16, 16)
    assert batch.content_classes.tolist() == [1, 0, 3] and batch.content_classes.dtype == torch.int64
    seen = [data.batch(range(8), seed, (16, 16)) for seed in range(20)]
    assert all(which(batch.contents) == list(range(8)) for batch in seen)
    assert {number for batch in seen for number in which(batch.styles)} == set(range(8))
    for one in seen:
        assert one.style_classes.tolist() == [number // 2 for number in which(one.styles)]


def test_a_batch_is_a_function_of_seed_and_place():
    data = few_shot(8, (32, 32))
    whole = data.batch([5, 1, 4, 2], 7, (32, 32))
    halves = [data.batch([5, 1], 7, (32, 32)), data.batch([4, 2], 7, (32, 32), row_offset=2)]
    for part in range(4):
        assert torch.equal(torch.cat([half[part] for half in halves]), whole[part])
    assert not torch.equal(whole.styles, data.batch([5, 1, 4, 2], 8, (32, 32)).styles)
    plain = [data.batch([5, 1, 4, 2], 7, (32, 32), augment=False) for _ in range(2)]
    assert torch.equal(plain[0].styles, plain[1].styles)
    assert torch.equal(plain[0].style_classes, whole.style_classes)


def numbered(count: int) -> FewShotData:
    """Grey pictures whose brightness is ten times their number, two of each class."""
    images = 10 * torch.arange(count)[:, None, None, None].expand(-1, 3, 18, 18)
    names = tuple(f"class {number}" for number in range(count // 2))
    return FewShotData(images.byte().contiguous(), torch.arange(count) // 2, names)


def which(images) -> list[int]:
    return ((images[:, 0, 8, 8] + 1) * 12.75).round().long().tolist()


def test_the_world_shows_other_classes_in_validation(monkeypatch):
    def grey(view, size, device):
        image = torch.full((len(view.styles), 3, *size), view.seed % 50 / 25 - 1)
        return type("Frame", (), {"image": image}) if view.camera != 4 else None

    monkeypatch.setattr(classes, "view_frame", grey)
    pool = FewShotWorld((32, 32))
    training, aside = pool.split(0.05)
    assert training is pool and pool.held_out is aside and len(aside) == pool.aside
    assert len(pool.class_names) == 60 and len(aside.class_names) == 12
    assert not set(pool.class_names) & set(aside.class_names)
    pool.advance(50 * pool.every)
    assert len(pool) == pool.start + 100 and len(pool.frames.classes.unique()) > 20
    again = FewShotWorld((32, 32))
    again.load(pool.state())
    pool.advance(60 * pool.every)
    again.advance(60 * again.every)
    assert torch.equal(pool.frames.images, again.frames.images)
    assert torch.equal(pool.frames.classes, again.frames.classes)
    batch = pool.batch([0, 1], 3, (32, 32))
    assert batch.contents.shape == (2, 3, 32, 32) and batch.style_classes.max() < 60


def letters(tmp_path):
    """Three typefaces of the letters a to c, each picture of one brightness; one has no c."""
    for face in range(3):
        (tmp_path / f"face {face}").mkdir()
        for letter, name in enumerate("abc"[: 2 if face == 2 else 3]):
            grey = 10 + 70 * face + 20 * letter
            Image.new("RGB", (40, 40), (grey,) * 3).save(tmp_path / f"face {face}" / f"{name}.png")
    return tmp_path


def test_files_of_one_name_are_pairs(tmp_path):
    said = []
    data = read_few_shot(letters(tmp_path), (32, 32), (), said.append, pairs=True, flip=False)
    assert any("8 of 8 pictures show what pictures of other classes show" in line for line in said)
    batch = data.batch(range(8), 3, (32, 32))
    grey = ((batch.targets.mean((1, 2, 3)) + 1) * 127.5).round()
    for row in range(8):
        face, letter = int(batch.style_classes[row]), int(data.shown[row])
        there = not (face == 2 and letter == 2)
        assert bool(batch.known[row]) == there
        assert not there or grey[row] == 10 + 70 * face + 20 * letter
    assert batch.known.sum() < 8 or 2 not in batch.style_classes[data.shown == 2]
    training, aside = data.split(0.4)
    assert training.flip is aside.flip is False and len(aside.shown) == len(aside)
    plain = read_few_shot(tmp_path, (32, 32)).batch(range(4), 3, (32, 32))
    assert plain.targets is None and plain.known is None


def test_pairs_need_equal_names(tmp_path):
    for face in range(2):
        (tmp_path / f"face {face}").mkdir()
        for letter in range(2):
            Image.new("RGB", (40, 40)).save(tmp_path / f"face {face}" / f"{face}{letter}.png")
    with pytest.raises(DataError, match="no two classes have a file of the same name"):
        read_few_shot(tmp_path, (32, 32), pairs=True)


def test_letters_are_not_mirrored(tmp_path):
    """Without flips, the dark half of a picture stays where it is; with them it does not."""
    half = Image.new("RGB", (40, 40), (255,) * 3)
    half.paste((0, 0, 0), (0, 0, 20, 40))
    for face in range(2):
        (tmp_path / f"face {face}").mkdir()
        for name in "ab":
            half.save(tmp_path / f"face {face}" / f"{name}.png")

    def darker_left(flip: bool) -> set[bool]:
        data = read_few_shot(tmp_path, (32, 32), flip=flip)
        images = torch.cat([data.batch(range(4), seed, (32, 32)).contents for seed in range(8)])
        return {bool(image[..., :16].mean() < image[..., 16:].mean()) for image in images}

    assert darker_left(False) == {True} and darker_left(True) == {True, False}
