"""Data as others lay them out, pictures as cameras leave them: read, or told what would help."""

import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from runs import LIGHT as FLAGS
from runs import run
from torch import nn

from cgan.errors import DataError
from cgan.labels import Palette
from cgan.pictures import FORMATS, orientation, read_picture
from train.data.batches import Painted
from train.data.few_shot import read_few_shot
from train.data.finding import PICTURES, aligned
from train.data.painted import read_painted
from train.data.paired import read_paired
from train.data.unpaired import read_unpaired

SIZE = (32, 32)


def photo(path, value=90, size=(40, 36), **options) -> None:
    """A picture whose left half is dark, so that turning it shows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((*size[::-1], 3), value, np.uint8)
    pixels[:, : size[0] // 2] = 10
    Image.fromarray(pixels).save(path, **options)


def label(path, ids=(0, 1), size=(40, 36)) -> None:
    """A map of stripes of these ids."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = np.array(ids, np.uint8)[np.arange(size[0]) * len(ids) // size[0]]
    Image.fromarray(np.tile(columns, (size[1], 1))).save(path)


def pairs(folder, names=("a", "b", "c"), **options) -> None:
    for name in names:
        photo(folder / "images" / f"{name}.png")
        label(folder / "labels" / f"{name}.png", **options)


def read(folder, reader=read_painted, **options):
    """The data, and what was said."""
    said: list[str] = []
    return reader(folder, SIZE, say=said.append, **options), "\n".join(said)


# ---- Kinds of files


AVIF = [".avif"] if "AVIF" in FORMATS else []


@pytest.mark.parametrize("suffix", [".jfif", ".jpe", ".gif", ".ppm", *AVIF])
def test_kinds_that_are_read(tmp_path, suffix):
    pairs(tmp_path)
    (tmp_path / "images" / "a.png").unlink()
    kinds = {".jfif": "JPEG", ".jpe": "JPEG"}
    photo(tmp_path / "images" / f"a{suffix}", format=kinds.get(suffix))
    data, said = read(tmp_path)
    assert len(data) == 3 and "not read" not in said
    assert abs(int(data.images[0, 0, 20, 35]) - 90) < 12


def test_kinds_that_are_not_read_are_counted_and_named(tmp_path):
    pairs(tmp_path)
    for name in ("x.heic", "y.HEIC", "z.psd", "notes.txt", ".hidden.heic"):
        (tmp_path / "images" / name).write_bytes(b"?")
    _, said = read(tmp_path)
    assert "images/ has 3 files that are not read (2 .heic, 1 .psd); convert pictures to PNG" in said
    for folder in ("one", "two"):
        for number in range(2):
            photo(tmp_path / "domains" / folder / f"{number}.png")
    (tmp_path / "domains" / "one" / "x.heic").write_bytes(b"?")
    assert "1 .heic" in read(tmp_path / "domains", read_unpaired)[1]
    assert "1 .heic" in read(tmp_path / "domains", read_few_shot)[1]


def test_a_folder_of_nothing_else_says_how_to_convert(tmp_path):
    pairs(tmp_path)
    for path in (tmp_path / "images").iterdir():
        path.rename(path.with_suffix(".heic"))
    with pytest.raises(DataError, match="no pictures in images/, only convert pictures|magick mogrify"):
        read(tmp_path)


def test_all_broken_files_are_listed_beside_what_archives_leave(tmp_path):
    for name in ("a", "b"):
        for number in range(2):
            photo(tmp_path / name / f"{number}.png")
        (tmp_path / name / "broken.png").write_bytes(b"x")
        photo(tmp_path / "__MACOSX" / f"{name}.png")
    with pytest.raises(DataError) as caught:
        read(tmp_path, read_unpaired)
    assert "a/broken.png" in str(caught.value) and "b/broken.png" in str(caught.value)
    assert "exactly two" not in str(caught.value)


def test_one_rule_for_links(tmp_path_factory):
    folder, outside = (tmp_path_factory.mktemp(name) for name in ("inside", "outside"))
    pairs(folder)
    photo(outside / "d.png")
    (folder / "images" / "d.png").symlink_to(outside / "d.png")
    (folder / "images" / "e.png").symlink_to(folder / "images" / "a.png")
    label(folder / "labels" / "e.png")
    with pytest.raises(DataError, match="images/d.png is a link that leads out of the folder"):
        read(folder)
    (folder / "images" / "d.png").unlink()
    assert len(read(folder)[0]) == 4


# ---- Bits and turns


def deep(path, most: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((np.arange(40 * 36).reshape(36, 40) * most // 1439).astype(np.uint16)).save(path)


def test_twelve_bits_are_told_and_can_be_scaled(tmp_path, monkeypatch, capfd):
    pairs(tmp_path / "data")
    for name in ("a", "b"):
        deep(tmp_path / "data" / "images" / f"{name}.png", 4095)
    deep(tmp_path / "data" / "images" / "c.png", 65535)
    _, said = read(tmp_path / "data")
    assert said.count("hold 16 bits") == 1 and "2 pictures" in said and "--bits 12" in said
    path = tmp_path / "data" / "images" / "a.png"
    assert read_picture(path).max() == 16 and read_picture(path, bits=12).max() == 255
    words = ("arrange", tmp_path / "data" / "images", "--out", tmp_path / "scaled", "--bits", 12)
    code, told = run(capfd, *words)
    assert code == 0 and "3 pictures are in" in told
    assert read_picture(tmp_path / "scaled" / "a.png").max() == 255
    code, told = run(capfd, *words)
    assert code == 2 and "is there already" in told


def turned(path, how: int, size=(40, 36)) -> None:
    exif = Image.Exif()
    exif[0x0112] = how
    photo(path, size=size, exif=exif)


def test_a_quarter_turn_that_the_map_does_not_share(tmp_path):
    """The sizes tell that they fit as they lie."""
    pairs(tmp_path)
    turned(tmp_path / "images" / "a.png", 6)
    data, said = read(tmp_path)
    assert "1 pictures are not turned as their EXIF data ask" in said
    assert torch.equal(data.images[0], data.images[1])


def test_a_quarter_turn_that_the_map_was_drawn_with(tmp_path):
    pairs(tmp_path)
    turned(tmp_path / "images" / "a.png", 6)
    label(tmp_path / "labels" / "a.png", size=(36, 40))
    data, said = read(tmp_path)
    assert "EXIF" not in said and not torch.equal(data.images[0], data.images[1])


@pytest.mark.parametrize(("how", "size"), [(3, (40, 36)), (2, (40, 36)), (8, (36, 36))])
def test_a_turn_of_which_nobody_knows_is_refused_by_its_name(tmp_path, how, size):
    pairs(tmp_path)
    turned(tmp_path / "images" / "a.png", how, size)
    label(tmp_path / "labels" / "a.png", size=size)
    assert orientation(tmp_path / "images" / "a.png") == how
    with pytest.raises(DataError, match=f"images/a.png is to be turned .EXIF orientation {how}"):
        read(tmp_path)
    for name in ("a", "b"):
        photo(tmp_path / "inputs" / f"{name}.png", size=size)
    (tmp_path / "images" / "c.png").unlink()
    photo(tmp_path / "images" / "b.png", size=size)
    with pytest.raises(DataError, match="EXIF orientation"):
        read(tmp_path, read_paired)


# ---- Ids


def test_a_mask_is_two_classes(tmp_path):
    pairs(tmp_path, ids=(0, 255))
    data, said = read(tmp_path)
    assert data.palette.names == ["class 0", "class 255"] and data.labels.unique().tolist() == [0, 1]
    assert "0, 255 become 0 to 1" in said and data.unknown is None


def test_gaps_are_compressed(tmp_path):
    pairs(tmp_path, ids=(3, 70, 200))
    data, said = read(tmp_path)
    assert data.palette.names == ["class 3", "class 70", "class 200"] and "3, 70, 200 become 0 to 2" in said


def with_palette(folder, count=2) -> None:
    entries = [{"id": i, "name": f"thing {i}", "colour": f"#{i:06x}"} for i in range(count)]
    (folder / "palette.json").write_text(json.dumps(entries))


@pytest.mark.parametrize("palette", [False, True])
@pytest.mark.parametrize("mode", ["L", "P"])
def test_unlabelled_pixels_are_no_class(tmp_path, palette, mode):
    pairs(tmp_path, ids=(0, 1, 255, 255))
    if mode == "P":  # as PASCAL VOC's maps
        for path in (tmp_path / "labels").iterdir():
            picture = Image.open(path)
            picture.load()
            picture.putpalette([channel for id in range(256) for channel in (id, 3, 9)])
            picture.save(path)
    if palette:
        with_palette(tmp_path)
    data, said = read(tmp_path)
    assert len(data.palette) == 2 and "which looks like 'unlabelled'" in said
    assert data.labels.unique().tolist() == [0, 1] and 0.4 < data.unknown.float().mean() < 0.6
    batch = data.batch([0, 1], 1, SIZE)
    assert batch.known.shape == (2, 1, *SIZE) and set(batch.known.unique().tolist()) == {0.0, 1.0}


def test_there_is_no_loss_where_nothing_is_known():
    batch = Painted.fake(classes=3)
    known = torch.zeros(2, 1, 64, 64)
    known[..., :32] = 1
    batch = batch._replace(known=known)
    fake = nn.Parameter(torch.zeros(2, 3, 32, 32))
    images = batch.images[..., ::2, ::2]
    (batch.judged(fake, images) - images).square().sum().backward()
    assert fake.grad[..., :16].all() and not fake.grad[..., 16:].any()


def test_it_trains_on_what_is_labelled(tmp_path, capfd):
    pairs(tmp_path / "data", ids=(0, 1, 255))
    for model in ("spade", "pix2pixhd"):
        words = (model, *FLAGS, "--data", tmp_path / "data", "--out", tmp_path / model, "--images", 4)
        code, said = run(capfd, *words, "--validation", "none")
        assert code == 0 and "unlabelled" in said, said


# ---- Names and folders


@pytest.mark.parametrize(
    ("image", "map_", "words"),
    [
        ("aachen_{}_leftImg8bit", "aachen_{}_gtFine_labelIds", "without the endings"),
        ("{}", "{}_mask", "without the endings"),
        ("{}", "{}.seg", "without the endings"),
        ("0016E5_{}", "0016E5_{}_L", "without the endings"),
        ("Street_{}", "street_{}", "without regard to case"),
        ("city/{}", "{}", "without the folders"),
        ("city/{}_leftImg8bit", "maps/{}_gtFine_labelIds", "without folders and endings"),
        ("city/{}", "city/{}", ""),
        ("{}", "{}_of me.v2", "without the ending _of me.v2"),
        ("{}-rgb", "{}", "without the ending -rgb"),
        (unicodedata.normalize("NFD", "straße ü {}"), unicodedata.normalize("NFC", "straße ü {}"), ""),
    ],
)
def test_names_that_belong_together(tmp_path, image, map_, words):
    for number in range(3):
        photo(tmp_path / "images" / (image.format(number) + ".png"), value=60 + 50 * number)
        label(tmp_path / "labels" / (map_.format(number) + ".png"), ids=(number, number))
    data, said = read(tmp_path)
    assert words in said and bool(words) == ("are joined" in said)
    assert [int(map_[0, 0, 0]) for map_ in data.labels] == [0, 1, 2]


def test_names_that_mean_two_files_are_not_guessed(tmp_path):
    said: list[str] = []
    files = {name: tmp_path / "images" / f"{name}.png" for name in ("a", "b")}
    maps = {name: tmp_path / "labels" / f"{name}.png" for name in ("a_mask", "a_gt", "b_mask")}
    joined = aligned(files, maps, said.append)
    assert set(joined) == {"a_mask", "a_gt", "b"} and "b.png and b_mask.png" in said[0]


def test_endings_that_others_could_have_join_nothing():
    """1 and 2 are not 10 and 20, and those of other numbers are others."""
    said: list[str] = []
    for ours, theirs in ((("1", "2"), ("10", "20")), (("a_1", "b_1"), ("a_2", "b_2")), (("a",), ("a_x",))):
        files, maps = ({name: Path("d") / f"{name}.png" for name in names} for names in (ours, theirs))
        assert set(aligned(files, maps, said.append)) == {*theirs} and not said


def test_imaginaires_names_and_a_folder_deeper(tmp_path):
    root = tmp_path / "set"
    for sequence in ("one", "two"):
        for number in range(2):
            photo(root / "images" / sequence / f"{number:03}.jpg")
            label(root / "seg_maps" / sequence / f"{number:03}.png")
            label(root / "instance_maps" / sequence / f"{number:03}.png", ids=(4, 9))
    data, said = read(tmp_path)
    assert len(data) == 4 and data.instances.unique().tolist() == [4, 9]
    assert "one folder deeper, in set/" in said


def test_edge_maps_are_inputs(tmp_path):
    for number in range(2):
        photo(tmp_path / "images" / f"{number}.jpg")
        photo(tmp_path / "edge_maps" / f"{number}.png")
    assert len(read(tmp_path, read_paired)[0]) == 2


def test_cyclegans_folders(tmp_path):
    for name in ("trainA", "trainB", "testA", "testB"):
        for number in range(3 if name[-1] == "A" else 2):
            photo(tmp_path / name / f"{number}.jpg")
    data, said = read(tmp_path, read_unpaired)
    assert data.domains == ("A", "B") and (len(data.images_a), len(data.images_b)) == (3, 2)
    assert "trainA/ and trainB/ are the domains A and B" in said


def test_pairs_side_by_side_after_the_command_that_is_told(tmp_path, capfd):
    """As pix2pix's: a photograph on the right of what it is made from."""
    for number in range(3):
        photo(tmp_path / "facades" / "train" / f"{number}.jpg", size=(80, 40))
    for reader in (read_painted, read_paired, read_unpaired):
        with pytest.raises(DataError, match="python -m train arrange .*train --out PAIRS --split AB"):
            read(tmp_path / "facades", reader)
    code, said = run(
        capfd, "arrange", tmp_path / "facades" / "train", "--out", tmp_path / "pairs", "--split", "BA"
    )
    assert code == 0, said
    data, _ = read(tmp_path / "pairs", read_paired)
    assert len(data) == 3 and data.inputs.float().mean() > 50 > data.images.float().mean()


@pytest.mark.parametrize(
    ("parts", "reader", "told"),
    [
        (("images", "inputs"), read_painted, "are for pix2pixhd"),
        (("images", "labels"), read_paired, "are for spade and pix2pixhd"),
        (("trainA", "trainB"), read_painted, "are for unit and munit"),
        (("x/images", "x/labels", "y/z"), read_painted, "perhaps --data .*x is meant"),
    ],
)
def test_the_model_that_a_folder_is_for_is_named(tmp_path, parts, reader, told):
    for name in parts:
        for number in range(2):
            photo(tmp_path / name / f"{number}.png")
    with pytest.raises(DataError, match=told):
        read(tmp_path, reader)


def test_palettes_of_editors(tmp_path):
    path = tmp_path / "palette.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps([{"id": 0, "name": "sky", "color": "#0000ff"}]).encode())
    assert Palette.read(path).labels[0].colour == "#0000ff"
    with pytest.raises(DataError, match="exactly the fields"):
        Palette.from_list([{"id": 0, "name": "sky", "color": "#0000ff", "colour": "#0000ff"}])


def test_a_class_of_one_picture_is_told_how_it_could_be_used(tmp_path):
    for name, count in (("cats", 2), ("dogs", 2), ("lynx", 1)):
        for number in range(count):
            photo(tmp_path / name / f"{number}.png")
    with pytest.raises(DataError, match="'lynx' has a single picture; .* give it as style later"):
        read(tmp_path, read_few_shot)


def test_every_kind_is_one_that_can_be_opened():
    assert ".jfif" in PICTURES and "JPEG" in FORMATS
