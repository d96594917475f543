"""Folders of two domains and of pairs: what is read and refused; batches; drawings; where data lie."""

import numpy as np
import pytest
import torch
from drawn import paired, unpaired
from PIL import Image

from cgan.edges import edge_drawing
from cgan.errors import DataError
from train.data import unpaired as domains
from train.data.paired import read_paired
from train.data.stored import Sent, place
from train.data.unpaired import UnpairedData, UnpairedWorld, read_unpaired


def save(path, colour, size=(60, 40)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


@pytest.fixture
def folder(tmp_path):
    """Three red pictures 60×40 of apples, one of them in a folder inside, and five blue ones of berries."""
    for index in range(2):
        save(tmp_path / "apples" / f"{index}.png", (200, 0, 0))
    save(tmp_path / "apples" / "late" / "deep" / "2.jpg", (200, 0, 0))
    for index in range(5):
        save(tmp_path / "berries" / f"{index}.png", (0, 0, 50 * index))
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def refused(read, *arguments) -> str:
    with pytest.raises(DataError) as caught:
        read(*arguments)
    return str(caught.value)


def test_a_folder_is_read(folder):
    said = []
    data = read_unpaired(folder, (32, 48), say=said.append)
    assert data.domains == ("apples", "berries") and data.edges is None
    assert data.images_a.shape == (3, 3, 36, 54) and data.images_b.shape == (5, 3, 36, 54)
    assert len(data) == 5 and data.size == (32, 48) and data.bytes == 8 * 3 * 36 * 54
    assert said == ["reading 3 pictures in apples/ …", "reading 5 pictures in berries/ …"]
    assert (data.images_a[:, 0] > 190).all() and data.images_b[:, 2, 0, 0].tolist() == [0, 50, 100, 150, 200]


def test_other_shapes_are_cut_and_that_is_said(folder):
    said = []
    read_unpaired(folder, (32, 32), say=said.append)
    assert "8 of 8 pictures" in said[-1] and "cut at the centre" in said[-1]


def test_all_problems_of_two_domains_are_listed_at_once(folder):
    (folder / "apples" / "1.png").write_bytes(b"no picture")
    for index in range(1, 5):
        (folder / "berries" / f"{index}.png").unlink()
    message = refused(read_unpaired, folder, (32, 32), "cherries")
    for told in (
        "apples/1.png is not a picture that can be read",
        "berries/ has a single picture; at least 2 are needed",
        "no domain 'cherries' to draw; there are: apples, berries",
        "nothing was started",
    ):
        assert told in message, told


def pairs_in(folder):
    """Four pairs: a bright disc on the left of its picture, and the same in blue."""
    for index in range(4):
        for name, colour in (("day", (255, 255, 0)), ("night", (0, 0, 255))):
            picture = np.zeros((40, 60, 3), np.uint8)
            picture[5 * index : 5 * index + 15, :20] = colour
            (folder / name).mkdir(exist_ok=True)
            Image.fromarray(picture).save(folder / name / f"{index}.png")
    return folder


def test_pairs_stay_pairs(tmp_path):
    data = read_unpaired(pairs_in(tmp_path), (32, 48), pairs=True)
    assert data.pairs and len(data) == 4
    for part in (data, *data.split(0.5), data.subset([3, 1])):
        day, night = part.batch([0, 1, 1], 5, (32, 48))
        assert torch.allclose(day[:, 0], night[:, 2], atol=0.02), "moved, scaled and flipped alike"
        assert not torch.equal(day[1], day[2]), "each time anew"
    apart = read_unpaired(tmp_path, (32, 48)).batch([0, 1, 1], 5, (32, 48))
    assert not torch.allclose(apart.a[:, 0], apart.b[:, 2], atol=0.02)


def test_pairs_need_partners_of_their_names(tmp_path):
    pairs_in(tmp_path)
    (tmp_path / "night" / "0.png").rename(tmp_path / "night" / "x.png")
    save(tmp_path / "day" / "late" / "1.png", (9, 9, 9))
    message = refused(lambda: read_unpaired(tmp_path, (32, 48), pairs=True))
    for told in (
        "day/0.png has no picture in night/",
        "night/x.png has no picture in day/",
        "1 pictures in day/ have another one's name",
    ):
        assert told in message, told


def test_pairs_of_other_shapes_are_no_pairs(tmp_path):
    """At another size they are: what counts is that both are cut alike."""
    pairs_in(tmp_path)
    for path in sorted((tmp_path / "day").iterdir()):
        picture = Image.open(path)
        picture.resize((2 * picture.width, 2 * picture.height)).save(path)
    assert len(read_unpaired(tmp_path, (32, 48), pairs=True)) == 4
    picture.resize((picture.width, 2 * picture.height)).save(path)
    message = refused(lambda: read_unpaired(tmp_path, (32, 48), pairs=True))
    assert f"day/{path.name} is" in message and "its partner in night/ is" in message, message


def test_one_folder_of_photographs_gives_its_own_drawings(tmp_path):
    for index in range(2):
        save(tmp_path / "photograph" / f"{index}.png", (200, 100 * index, 0))
    data = read_unpaired(tmp_path, (32, 48), "drawing", pairs=True)
    assert data.domains == ("drawing", "photograph") and len(data.images_a) == len(data.images_b) == 2
    assert (data.images_a > 250).all(), "plain pictures have no outlines"
    assert "there are 1: photograph" in refused(read_unpaired, tmp_path, (32, 48), "drawing")


def test_two_sub_folders_are_needed(folder, tmp_path):
    (folder / "cherries").mkdir()
    message = refused(read_unpaired, folder, (32, 32))
    assert "exactly two sub-folders are needed" in message
    assert "there are 3: apples, berries, cherries" in message and "no pictures in cherries/" in message
    (tmp_path / "empty").mkdir()
    assert "there is none" in refused(read_unpaired, tmp_path / "empty", (32, 32))
    assert "is not a folder" in refused(read_unpaired, tmp_path / "nowhere", (32, 32))


def test_links_out_of_the_folder_are_not_followed(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    save(elsewhere / "far.png", (0, 0, 0))
    (folder / "apples" / "far.png").symlink_to(elsewhere / "far.png")
    (folder / "apples" / "again").symlink_to(elsewhere)
    (folder / "apples" / "near.png").symlink_to(folder / "apples" / "0.png")
    message = refused(read_unpaired, folder, (32, 32))
    assert "apples/far.png is a link that leads out" in message and "apples/again is a link" in message
    (folder / "apples" / "far.png").unlink()
    (folder / "apples" / "again").unlink()
    assert len(read_unpaired(folder, (32, 32)).images_a) == 4


# Batches


def test_a_batch_draws_from_the_smaller_domain():
    data = numbered(4, 9)
    batch = data.batch(range(9), 1, (16, 16))
    assert batch.a.shape == batch.b.shape == (9, 3, 16, 16) and batch.a.abs().max() <= 1
    assert which(batch.b) == list(range(9))
    drawn = {number for seed in range(20) for number in which(data.batch(range(9), seed, (16, 16)).a)}
    assert drawn == {0, 1, 2, 3}
    plain = data.batch(range(9), 1, (16, 16), augment=False)
    assert which(plain.a) == [0, 1, 2, 3] * 2 + [0] and which(plain.b) == list(range(9))


def test_the_domains_do_not_go_together():
    pairs = {
        (a, b)
        for seed in range(30)
        for a, b in zip(*map(which, numbered(4, 4).batch(range(4), seed, (16, 16))), strict=True)
    }
    assert len(pairs) == 16


def test_a_batch_is_a_function_of_seed_and_place():
    data = unpaired(6, (32, 32))
    whole = data.batch([5, 1, 4, 2], 7, (32, 32))
    halves = [data.batch([5, 1], 7, (32, 32)), data.batch([4, 2], 7, (32, 32), row_offset=2)]
    for side in range(2):
        assert torch.equal(torch.cat([half[side] for half in halves]), whole[side])
        assert not torch.equal(whole[side], data.batch([5, 1, 4, 2], 8, (32, 32))[side])
    one = UnpairedData(data.images_a, data.images_a.clone(), data.domains)
    same = [one.batch([0] * 6, seed, (32, 32)) for seed in range(3)]
    assert not any(torch.equal(a, b) for batch in same for a, b in zip(*batch, strict=True))


def test_split_parts_both_domains():
    training, aside = numbered(10, 20).split(0.2, seed=3)
    assert [len(training.images_a), len(training.images_b)] == [8, 16]
    assert [len(aside.images_a), len(aside.images_b)] == [2, 4]
    seen = [int(data.images_a[i, 0, 0, 0]) for data in (training, aside) for i in range(len(data.images_a))]
    assert sorted(seen) == [10 * number for number in range(10)] and aside.domains == ("one", "two")


def numbered(first: int, second: int) -> UnpairedData:
    """Grey pictures whose brightness is ten times their number."""
    sides = (10 * torch.arange(count)[:, None, None, None].expand(-1, 3, 18, 18) for count in (first, second))
    return UnpairedData(*(side.byte().contiguous() for side in sides), ("one", "two"))


def which(images) -> list[int]:
    return ((images[:, 0, 8, 8] + 1) * 12.75).round().long().tolist()


# Drawings


def test_a_drawing_shows_outlines_in_black_on_white():
    picture = np.full((128, 96, 3), 230, np.uint8)
    picture[32:96, 24:72] = (200, 30, 40)
    drawing = edge_drawing(picture)
    assert drawing.shape == picture.shape and drawing.dtype == np.uint8
    assert (drawing[..., 0] == drawing[..., 1]).all() and (drawing[..., 0] == drawing[..., 2]).all()
    ink = drawing[..., 0] < 128
    near = np.zeros_like(ink)
    near[29:99, 21:75] = True
    near[35:93, 27:69] = False
    assert ink[near].sum() == ink.sum() and 0.15 < ink[near].mean() < 0.6
    assert ink[:, 48].sum() >= 2 and ink[64].sum() >= 2
    assert np.array_equal(drawing, edge_drawing(picture))


def test_plain_and_tiny_pictures_can_be_drawn():
    assert (edge_drawing(np.full((40, 30, 3), 77, np.uint8)) == 255).all()
    assert edge_drawing(np.zeros((1, 5, 3), np.uint8)).shape == (1, 5, 3)
    with pytest.raises(ValueError, match="uint8"):
        edge_drawing(np.zeros((8, 8), np.uint8))


def test_one_domain_may_be_drawn(folder):
    for index in range(5):
        picture = np.full((80, 80, 3), 240, np.uint8)
        picture[20:60, 20:60] = (10, 60, 200)
        Image.fromarray(picture).save(folder / "berries" / f"{index}.png")
    said = []
    data = read_unpaired(folder, (64, 64), "berries", said.append)
    assert data.edges == "berries" and "outlines of 5 pictures in berries/" in said[1]
    drawn = data.images_b.float()
    assert drawn.std(1).max() == 0 and drawn.amin((1, 2, 3)).max() < 60 and drawn.mean() > 200
    assert (data.images_a[:, 0] > 190).all()


# Where data lie


def test_data_are_placed_where_they_fit():
    data = unpaired(4, (16, 16))
    assert isinstance(place(data, "cpu"), UnpairedData)
    assert isinstance(place(data, "cpu", free=2 * data.bytes + 2), UnpairedData)
    sent = place(data, "cpu", free=2 * data.bytes)
    assert isinstance(sent, Sent) and len(sent) == 4 and sent.bytes == data.bytes
    ours, theirs = (kept.batch([2, 0], 5, (16, 16), row_offset=3) for kept in (sent, data))
    assert torch.equal(ours.a, theirs.a) and torch.equal(ours.b, theirs.b)
    sent.advance(100)
    sent.load(sent.state())
    assert place(data, "meta", free=10).batch([0], 1, (16, 16)).a.device.type == "meta"


# The built-in world


def test_a_world_of_two_sides_grows_evenly_and_survives_a_stop(monkeypatch):
    monkeypatch.setattr(domains, "view_frame", grey)
    whole = UnpairedWorld((32, 32))
    assert whole.domains == ("summer", "winter") and len(whole.frames.images_a) == len(whole.frames.images_b)
    start = len(whole)
    assert start == whole.start and len(whole.split(0.1)[1]) == whole.aside
    aside = whole.split(0.1)[1]
    assert len(aside.images_a.unique(dim=0)) == len(aside.images_b.unique(dim=0)) == len(aside)
    whole.advance(5 * whole.every)
    assert len(whole) == len(whole.frames.images_a) == len(whole.frames.images_b) == start + 10
    stopped, after = UnpairedWorld((32, 32)), UnpairedWorld((32, 32))
    stopped.advance(2 * stopped.every)
    after.load(stopped.state())
    after.advance(5 * after.every)
    for name, images in whole.frames.tensors().items():
        assert torch.equal(images, after.frames.tensors()[name])
    with pytest.raises(ValueError, match="no sides 'years'; there are: seasons, hours"):
        UnpairedWorld((32, 32), between="years")


def grey(view, size, device):
    """Stands in for the renderer: the brightness says which view it is; every fifth is dull."""
    if view.camera == 4:
        return None
    level = (view.seed * 8 + view.camera) % 50 / 25 - 1
    return type("Frame", (), {"image": torch.full((len(view.styles), 3, *size), level)})


# Pairs


def test_pairs_are_read_and_stay_together(tmp_path):
    for index in range(3):
        save(tmp_path / "inputs" / f"{index}.png", (80 * index,) * 3)
        save(tmp_path / "images" / f"{index}.jpg", (80 * index,) * 3)
    data = read_paired(tmp_path, (32, 48))
    assert len(data) == 3 and data.names == ["0", "1", "2"] and data.inputs.shape == (3, 3, 36, 54)
    batch = data.batch([2, 0, 1], 4, (32, 48))
    assert batch.inputs.shape == (3, 3, 32, 48) and (batch.inputs - batch.images).abs().max() < 0.02
    training, aside = data.split(0.3)
    assert sorted(training.names + aside.names) == data.names


def test_pairs_move_together():
    data = paired(2, (32, 48))
    for seed in range(3):
        batch = data.batch([0, 1], seed, (32, 48))
        same = type(data)(data.inputs, data.inputs, data.names).batch([0, 1], seed, (32, 48))
        assert torch.equal(batch.inputs, same.images)


def test_problems_of_pairs_are_listed(tmp_path):
    assert "no folder inputs/" in refused(read_paired, tmp_path, (32, 48))
    for name, stems in (("inputs", "abc"), ("images", "bcd")):
        for stem in stems:
            save(tmp_path / name / f"{stem}.png", (0, 0, 0), (60, 40) if name + stem != "inputsc" else (8, 9))
    message = refused(read_paired, tmp_path, (32, 48))
    for told in (
        "inputs/a.png has no picture in images/",
        "images/d.png has no picture in inputs/",
        "inputs/c.png is 8×9, its partner in images/ is 60×40",
    ):
        assert told in message, told
