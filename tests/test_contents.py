"""The contents that a checkpoint brings along: packed, unpacked, refused, laid out, and chosen from data."""

import numpy as np
import pytest
import torch
from translate_fixtures import LETTERS, letter, translator

from cgan import contents
from cgan.errors import CheckpointError
from train import recipes
from train.data.few_shot import FewShotData


def packed() -> dict:
    return contents.pack(LETTERS, [letter(name) for name in LETTERS])


def test_contents_come_back():
    found = contents.unpack(packed(), (32, 32))
    assert list(found) == LETTERS and all(np.array_equal(found[name], letter(name)) for name in LETTERS)
    assert contents.unpack(None, (32, 32)) == {} == translator("funit").contents
    red = np.full((8, 8, 3), (200, 10, 10), np.uint8)
    assert np.array_equal(contents.unpack(contents.pack(["red"], [red]), (8, 8))["red"], red)


WRONG = {
    "no names": {"strip": "AAAA"},
    "names twice": {"names": ["a", "a"], "strip": "AAAA"},
    "a number": {"names": [1], "strip": "AAAA"},
    "too many": {"names": [str(i) for i in range(1000)], "strip": "AAAA"},
    "no picture": {"names": ["a"], "strip": "AAAA"},
    "no base64": {"names": ["a"], "strip": "$$$"},
    "a list": ["a"],
    "another size": packed() | {"names": ["a", "b"]},
}


@pytest.mark.parametrize("why", WRONG)
def test_wrong_contents_are_told(why):
    with pytest.raises(CheckpointError, match="the checkpoint's contents"):
        contents.unpack(WRONG[why], (32, 32))


def test_a_sheet_has_a_row_for_each_group():
    sheet = contents.sheet({name: letter(name) for name in LETTERS})
    assert sheet.shape == (64, 96, 3) and np.array_equal(sheet[:32, :32], letter("upper-A"))
    assert np.array_equal(sheet[32:, 32:64], letter("lower-b")) and (sheet[32:, 64:] == 255).all()
    assert contents.sheet({str(i): letter("a") for i in range(14)}).shape == (64, 13 * 32, 3)


def test_a_translator_makes_the_sheet():
    model, style = translator("coco_funit"), letter("upper-Q")
    sheet = model.sheet([style, style], [1, 3])
    assert np.abs(sheet[:32, :32].astype(int) - model.translate(letter("upper-A"), style)[0]).max() <= 1
    with pytest.raises(ValueError, match="no contents"):
        translator("funit").sheet(style)


def faces(kinds: list[int], letters: int = 3) -> FewShotData:
    """Typefaces whose pictures are of these greys; the last one lacks its last letter."""
    greys = torch.tensor([grey + letter for grey in kinds for letter in range(letters)][:-1])
    images = greys.byte()[:, None, None, None].repeat(1, 3, 36, 36)
    classes = torch.arange(len(kinds)).repeat_interleave(letters)[:-1]
    shown = torch.arange(letters).repeat(len(kinds))[:-1]
    names = tuple(f"letter {number}" for number in range(letters))
    faces = tuple(f"face {number}" for number in range(len(kinds)))
    return FewShotData(images, classes, faces, shown=shown, shown_names=names, flip=False)


def test_the_plainest_class_lends_its_pictures():
    """That nearest to all the others, of those that have all letters; the last one has not."""
    names, pictures = faces([10, 90, 250, 110]).contents()
    assert names == ["letter 0", "letter 1", "letter 2"] and pictures.shape == (3, 3, 32, 32)
    assert pictures[:, 0, 0, 0].tolist() == [90, 91, 92]
    about = recipes.module("funit").Recipe.about(faces([10, 90, 250, 110]))
    kept = contents.unpack(about["contents"], (32, 32))
    assert [int(picture[0, 0, 0]) for picture in kept.values()] == [90, 91, 92]
    aside = faces([10, 90, 250, 110]).hold_out([1])[0]
    assert aside.contents()[1][0, 0, 0, 0] == 10
    assert faces([10, 90], letters=200).contents()[0] == []
