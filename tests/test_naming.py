"""Classes get names from lists that data sets have, or from whoever trains."""

import numpy as np
import pytest
from PIL import Image
from runs import run

from cgan import DataError
from train.data.naming import read_list
from train.data.painted import read_painted


@pytest.fixture
def folder(tmp_path):
    """Three pictures of 40×40 whose maps have the ids 0, 1 and 2, and no palette."""
    labels = np.repeat(np.arange(3, dtype=np.uint8), 14)[:40, None].repeat(40, 1)
    for name in ("images", "labels"):
        (tmp_path / "data" / name).mkdir(parents=True)
    for number in range(3):
        Image.fromarray(labels * 100).convert("RGB").save(tmp_path / "data" / "images" / f"{number}.png")
        Image.fromarray(labels).save(tmp_path / "data" / "labels" / f"{number}.png")
    return tmp_path / "data"


@pytest.mark.parametrize(
    "text",
    [
        "sky\nroad\n\n# a remark\ngrass land\n",
        "0 sky\n1: road\n2, grass land",
        "1 2 3\tsky\n4 5 6 road\n7;8;9 grass land",
    ],
)
def test_lists_name_classes(folder, text):
    (folder / "codes.txt").write_text(text, encoding="utf-8")
    told: list[str] = []
    palette = read_painted(folder, (32, 32), told.append).palette
    assert palette.names == ["sky", "road", "grass land"] and any(
        "codes.txt names 3" in line for line in told
    )
    assert palette.labels[0].colour == "#010203" or not text.startswith("1 2 3")


def test_a_palette_counts_more_than_a_list(folder):
    (folder / "classes.txt").write_text("a\nb\nc\n", encoding="utf-8")
    read_painted(folder, (32, 32)).palette.write(folder / "palette.json")
    (folder / "classes.txt").write_text("x\ny\nz\n", encoding="utf-8")
    assert read_painted(folder, (32, 32)).palette.names == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 sky\n2 road", "line 2 has the id 2"),
        ("sky\nsky", "same name"),
        ("1 2 sky", "must be a name"),
        ("", "1 to 256"),
    ],
)
def test_what_is_no_list_is_told(tmp_path, text, words):
    (tmp_path / "classes.txt").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=f"classes.txt: .*{words}"):
        read_list(tmp_path / "classes.txt")
    (tmp_path / "classes.txt").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(DataError, match="cannot be read as a list"):
        read_list(tmp_path / "classes.txt")


def test_names_are_asked_for(folder, capfd):
    words = ["check", "spade", "--data", folder, "--size", "32", "--validation", "none"]
    code, said = run(capfd, *words)
    assert code == 0 and "--class-names names them" in said
    code, said = run(capfd, *words, "--class-names", "sky, road,grass")
    assert code == 0 and "3 classes: sky, road, grass" in said
    code, said = run(capfd, *words, "--class-names", "sky,road")
    assert code == 2 and "has 2 names; the data have 3 classes" in said
    (folder / "classes.txt").write_text("a\nb\nc\n", encoding="utf-8")
    code, said = run(capfd, *words, "--class-names", "sky,road,grass")
    assert code == 2 and "the data name their classes, a, b, c" in said
