"""Things cut out of photographs on white; and what is no picture of one thing is given up."""

import numpy as np
import pytest
from PIL import Image
from runs import run

from train.__main__ import main
from train.data.cutting import cut_out, on_square


def photograph(*things, ground=(150, 160, 150), size=(150, 120)):
    """Rectangles (top, left, height, width) of reddish cloth on a ground, both a little noisy."""
    picture = np.empty((*size, 3), np.float32)
    picture[:] = ground
    for top, left, height, width in things:
        picture[top : top + height, left : left + width] = (180, 40, 60)
    noise = np.random.default_rng(0).normal(0, 6, (*size, 1))
    return (picture + noise).clip(0, 255).round().astype(np.uint8)


def test_a_thing_is_cut_out():
    picture = photograph((30, 25, 90, 60))
    made = cut_out(picture)
    assert made.shape == picture.shape and made.dtype == np.uint8
    assert np.array_equal(made[40:110, 35:75], picture[40:110, 35:75]), "what is inside stays as it is"
    ground = np.ones(picture.shape[:2], bool)
    ground[26:124, 21:89] = False
    assert (made[ground] == 255).all(), "white around it"
    assert np.array_equal(cut_out(picture), made), "the same each time"


@pytest.mark.parametrize(
    "picture",
    [
        photograph(),
        photograph((0, 0, 150, 70)),
        photograph((40, 15, 60, 30), (40, 75, 60, 30)),
        photograph((30, 25, 90, 60), ground=(182, 44, 62)),
        photograph((1, 1, 2, 400), size=(4, 900)),
    ],
    ids=["nothing", "at the border", "two", "of the ground's colour", "a strip"],
)
def test_what_is_doubtful_is_given_up(picture):
    assert cut_out(picture) is None


def test_a_thing_stands_somewhere_on_a_square():
    """As it was, with more or less white around it, by the seed."""
    picture = np.full((150, 120, 3), 255, np.uint8)
    picture[30:120, 25:85] = (180, 40, 60)
    squares = [on_square(picture, seed) for seed in range(20)]
    for made in squares:
        side, dark = made.shape[0], (made < 250).any(2)
        assert made.shape == (side, side, 3) and 90 / 0.98 < side < 90 / 0.59
        rows, columns = dark.any(1).nonzero()[0], dark.any(0).nonzero()[0]
        thing = made[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert np.array_equal(thing, picture[30:120, 25:85])
    assert len({made.shape[0] for made in squares}) > 10 and len({made.tobytes() for made in squares}) == 20
    assert np.array_equal(on_square(picture, 3), squares[3])
    blank = np.full((9, 9, 3), 255, np.uint8)
    assert np.array_equal(on_square(blank, 0), blank)


def test_arranging_tells_how_many(tmp_path, capfd):
    (tmp_path / "shop").mkdir()
    for name, picture in (("a.png", photograph((30, 25, 90, 60))), ("b.png", photograph())):
        Image.fromarray(picture).save(tmp_path / "shop" / name)
    assert main(["arrange", str(tmp_path / "shop"), "--cut-out", "--out", str(tmp_path / "cut")]) == 0
    assert "1 pictures are in" in (said := "".join(capfd.readouterr())) and "1 could not be cut out" in said
    assert [it.name for it in (tmp_path / "cut").iterdir()] == ["a.png"]
    assert main(["arrange", str(tmp_path / "cut"), "--square", "--out", str(tmp_path / "square")]) == 0
    with Image.open(tmp_path / "square" / "a.png") as square:
        assert square.width == square.height
    assert main(["arrange", str(tmp_path), "--cut-out", "--split", "AB", "--out", str(tmp_path / "x")]) != 0
    assert "give one of them" in "".join(capfd.readouterr())


def test_what_cannot_be_arranged_is_told_and_replaces_nothing(tmp_path, capfd):
    """Of two pictures that would become one file the first stays; none at all is no success."""
    shop = tmp_path / "shop"
    shop.mkdir()
    code, said = run(capfd, "arrange", shop, "--cut-out", "--out", tmp_path / "cut")
    assert code == 2 and "there are no pictures" in said, said
    Image.new("RGB", (40, 40)).save(shop / "plain.png")
    code, said = run(capfd, "arrange", shop, "--cut-out", "--out", tmp_path / "cut")
    assert code == 2 and "none of 1 pictures could be cut out" in said and "nothing was written" in said, said
    for name, value in (("a.png", 10), ("a.jpg", 200)):
        Image.new("RGB", (40, 40), (value, value, value)).save(shop / name)
    (shop / "torn.png").write_bytes(b"x")
    for how in (("--split", "AB"), ("--bits", "12")):
        out = tmp_path / how[1]
        code, said = run(capfd, "arrange", shop, *how, "--out", out)
        assert code == 2 and "torn.png" in said and f"others are in {out}" in said, said
        assert ("a.png would become a.png, as another picture did" in said) == (how[0] == "--split"), said
