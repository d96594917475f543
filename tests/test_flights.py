"""Flights from folders and zips: the frames in their order, and what is wrong with them."""

import io
import json
import re
import zipfile

import numpy as np
import pytest
from PIL import Image

from cgan import CganError, Palette
from cgan.flights import PATHS, read_flight

PALETTE = Palette.from_list(
    [{"id": 0, "name": "sky", "colour": "#0000ff"}, {"id": 1, "name": "land", "colour": "#00ff00"}]
)
TURNED = [{"id": 0, "name": "land", "colour": "#00ff00"}, {"id": 1, "name": "sky", "colour": "#0000ff"}]


def png(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    return file.getvalue()


def files(count: int = 11) -> dict[str, bytes]:
    """A flight upwards of so many frames of 6×8; frame n is n metres high and shows n pixels of land."""
    found = {"intrinsics.txt": b"8 8 4 3"}
    for number in range(count):
        labels = (np.arange(48).reshape(6, 8) < number).astype(np.uint8)
        found[f"labels/frame{number}.png"] = png(labels)
        found[f"depth/frame{number}.png"] = png(np.full((3, 4), 2500, np.uint16))
        found[f"pose/frame{number}.txt"] = f"1 0 0 0  0 1 0 {-number}  0 0 1 0  0 0 0 1".encode()
    return found


def zipped(parts: dict[str, bytes], top: str = "") -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in parts.items():
            archive.writestr(top + name, content)
    return data.getvalue()


@pytest.mark.parametrize("top", ["", "my flight/"])
def test_frames_come_in_natural_order_along_a_path(top):
    flight = read_flight(zipped(files(), top), PALETTE)
    maps, places = flight.along("there and back")
    heights = [
        (int(labels.sum()), -int(place.pose[1, 3])) for labels, place in zip(maps, places, strict=True)
    ]
    assert heights == [(n, n) for n in [*range(11), *range(9, -1, -1)]]
    assert len(flight) == 11 and [len(flight.order(path)) for path in PATHS] == [11, 11, 21]


def test_a_folder_is_the_same_as_its_zip(tmp_path):
    for name, content in files(2).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    one, other = (read_flight(source, PALETTE).frame(1) for source in (tmp_path, zipped(files(2))))
    assert np.array_equal(one[0], other[0]) and one[1].depth.shape == (6, 8) and one[1].depth.max() == 2.5
    assert one[1].intrinsics.tolist() == other[1].intrinsics.tolist() == [8, 8, 4, 3]


def test_clips_of_the_world_s_folders_are_read():
    parts = files(2)
    moved = {
        f"{name.split('/')[0]}/north/{name.split('/')[1]}": it for name, it in parts.items() if "/" in name
    }
    moved["intrinsics/north.json"] = b'{"fx": 8, "fy": 8, "cx": 4, "cy": 3, "width": 8, "height": 6}'
    assert len(read_flight(zipped(moved), PALETTE)) == 2


def test_classes_are_known_by_their_names():
    flight = read_flight(zipped(files(3) | {"palette.json": json.dumps(TURNED).encode()}), PALETTE)
    assert flight.labels(2).sum() == 46


def without(*names: str) -> dict[str, bytes]:
    return {name: content for name, content in files(2).items() if name not in names}


BAD = {
    "no zip": (b"PK or not", "no zip that can be read"),
    "nothing": (zipped({}), "no folder labels/"),
    "too few depth maps": (zipped(without("depth/frame1.png")), "2 in labels/, 1 in depth/, 2 in pose/"),
    "no camera": (zipped(without("intrinsics.txt")), "no intrinsics.json"),
    "another class": (
        zipped(files(2) | {"palette.json": b'[{"id": 0, "name": "sea", "colour": "#000000"}]'}),
        "shows 'sea'",
    ),
    "two flights": (
        zipped(files(2) | {"labels/b/1.png": b"", "depth/1.png": b"", "pose/1.txt": b""}),
        "2 flights",
    ),
    "a bad pose": (zipped(files(2) | {"pose/frame0.txt": b"1 2 3"}), "must be 4×4 numbers"),
    "a bad map": (
        zipped(files(2) | {"labels/frame0.png": png(np.full((6, 8), 9, np.uint8))}),
        "without a class: 9",
    ),
    "a damaged zip": (zipped(files(2)).replace(b"IDAT", b"IDAU"), "damaged"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_told_in_a_sentence(case):
    source, words = BAD[case]
    with pytest.raises(CganError, match=re.escape(words)) as told:
        read_flight(source, PALETTE).frame(0)
    assert "\n" not in str(told.value)


def test_a_bomb_is_not_unpacked():
    bomb = zipped(files(2) | {"pose/frame0.txt": bytes(33 * 2**20)})
    with pytest.raises(CganError, match="more than 32 MiB"):
        read_flight(bomb, PALETTE).frame(0)
