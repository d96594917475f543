"""`python -m train glyphs`: which fonts become folders, what is skipped and why, and how letters look."""

import signal

import numpy as np
import pytest
from PIL import Image, ImageFont

from train.__main__ import main
from train.data import glyphs
from train.data.few_shot import read_few_shot


@pytest.fixture
def fonts(tmp_path):
    """A folder with the font that Pillow brings along, once more under another name, and no font."""
    folder = tmp_path / "fonts" / "deep"
    folder.mkdir(parents=True)
    data = ImageFont.load_default(20).path.getvalue()
    for name in ("one.ttf", "two.otf"):
        (folder / name).write_bytes(data)
    (folder / "three.ttf").write_bytes(b"no font")
    (folder / "readme.txt").write_text("no font either")
    return tmp_path / "fonts"


def test_fonts_become_folders(fonts, tmp_path, capsys):
    assert main(["glyphs", "--fonts", str(fonts), "--out", str(tmp_path / "out"), "--size", "48"]) == 0
    told = "".join(capsys.readouterr())
    assert "3 font files" in told and "1 typeface of 62 letters and digits" in told
    assert "1 look as another one" in told and "1 cannot be read" in told and "--pairs --no-flip" in told
    (face,) = (tmp_path / "out").iterdir()
    assert face.name == "aileron-regular" and len({*face.iterdir()}) == 62
    upper, lower = (np.asarray(Image.open(face / f"{name}.png")) for name in ("upper-W", "lower-w"))
    assert upper.shape == (48, 48) and upper.min() < 30 and (upper[0] == 255).all()
    assert (upper < 128).sum() > (lower < 128).sum(), "one size for all letters"
    bottoms = [np.flatnonzero((it < 128).any(1))[-1] for it in (upper, lower)]
    assert abs(int(bottoms[0]) - int(bottoms[1])) <= 1, "one baseline"


def test_ctrl_c_finishes_the_typeface(fonts, tmp_path, monkeypatch, capsys):
    letters = glyphs.letters

    def interrupted(*given):
        monkeypatch.setattr(glyphs, "letters", letters)
        signal.raise_signal(signal.SIGINT)
        return letters(*given)

    monkeypatch.setattr(glyphs, "letters", interrupted)
    assert main(["glyphs", "--fonts", str(fonts), "--out", str(tmp_path / "out")]) == 130
    told = "".join(capsys.readouterr())
    assert "finishing this typeface" in told and "has the 1 typefaces that were drawn" in told
    (face,) = (tmp_path / "out").iterdir()
    assert len([*face.iterdir()]) == 62


def test_the_trainer_reads_them(fonts, tmp_path):
    for size in (32, 40):
        glyphs.write([fonts / "deep" / "one.ttf"], tmp_path / "data" / str(size), size)
    for size in ("32", "40"):  # two classes: the same typeface in two sizes
        (tmp_path / "data" / size / "aileron-regular").rename(tmp_path / "data" / f"face-{size}")
        (tmp_path / "data" / size).rmdir()
    data = read_few_shot(tmp_path / "data", (32, 32), pairs=True, flip=False)
    assert len(data) == 124 and data.shown.bincount().tolist() == [2] * 62


def test_no_letter_may_be_missing(fonts, monkeypatch):
    monkeypatch.setattr(glyphs, "CHARACTERS", glyphs.CHARACTERS[:-1] + "\u4e9c")  # not in Pillow's font
    count, skipped = glyphs.write([fonts / "deep" / "one.ttf"], fonts / "out", 32)
    assert count == 0 and skipped == {glyphs.LACKS: 1}


def test_boxes_and_symbols_are_no_letters():
    font = ImageFont.load_default(64)
    right = glyphs.letters(font, 48)
    assert glyphs.fault(font, right, set()) == "" and glyphs.readable(right) > 0.9
    boxes = np.full_like(right, 255)
    boxes[:, 8:40, 12:36] = 0
    assert glyphs.fault(font, boxes, set()) == glyphs.BOXES
    symbols = np.roll(right, 31, 0)  # each letter looks as a quite different one
    assert glyphs.fault(font, symbols, set()) == glyphs.SYMBOLS


def test_refusals_say_what_is_allowed(fonts, tmp_path, capsys):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    (tmp_path / "bare").mkdir()
    for words, told in (
        (["--fonts", str(tmp_path / "nowhere")], "is not a folder"),
        (["--fonts", str(tmp_path / "bare")], "no typeface of the 62 letters"),
    ):
        assert main(["glyphs", "--out", str(tmp_path / "new"), *words]) == 2
        assert told in "".join(capsys.readouterr())
    assert main(["glyphs", "--out", str(tmp_path / "full")]) == 2
    assert "is not empty" in "".join(capsys.readouterr())


def test_fonts_are_found_without_fontconfig(fonts, monkeypatch):
    monkeypatch.setattr(glyphs.shutil, "which", lambda name: None)
    monkeypatch.setattr(glyphs, "usual_folders", lambda: [fonts])
    assert [file.name for file in glyphs.installed()] == ["one.ttf", "three.ttf", "two.otf"]
