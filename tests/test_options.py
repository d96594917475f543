"""Dataclasses as flags and as JSON."""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from cgan.ranges import made
from train.flags.options import add_flags, as_dict, comments, from_flags


@dataclass(frozen=True)
class Hyper:
    """How the example learns."""

    rate: float = 2e-4  # learning rate of "both" players, 100 % of it
    kind: Literal["hinge", "least_squares"] = "hinge"  # the adversarial loss
    size: tuple[int, int] = (192, 256)  # height x width
    betas: tuple[float, ...] = (0.0, 0.9)  # Adam's
    use_edges: bool = False  # feed the edges
    start_from: Path | None = None  # a checkpoint # with a hash
    images: int = 1000
    every: int | None = None  # images between sheets (default: all)


@dataclass(frozen=True)
class Needy:
    """Without a default."""

    data: Path  # the folder


def parse(words: list[str], kind=Hyper, defaults=None):
    parser = argparse.ArgumentParser()
    add_flags(parser, kind, defaults)
    return from_flags(parser.parse_args(words), kind)


def test_no_flags_give_the_defaults():
    assert parse([]) == Hyper()


def test_every_type_is_read():
    words = "--rate 1e-3 --kind least_squares --size 64x96 --betas 0.5,0.99 --use-edges --images 7 --every 5"
    got = parse([*words.split(), "--start-from", "a/b"])
    assert got == Hyper(1e-3, "least_squares", (64, 96), (0.5, 0.99), True, Path("a/b"), 7, 5)


def test_one_number_is_a_square_size():
    assert parse(["--size", "128"]).size == (128, 128)


def test_optional_values_can_be_taken_back_and_bools_refused():
    preset = Hyper(use_edges=True, every=3)
    assert parse(["--every", "none", "--no-use-edges"], defaults=preset) == Hyper()


def test_a_preset_replaces_defaults_whole_or_in_part():
    assert parse([], defaults=Hyper(rate=1.0)).rate == 1.0
    assert parse(["--images", "3"], defaults={"rate": 1.0}) == Hyper(rate=1.0, images=3)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--size", "12xx"], "height x width"),
        (["--size", "0"], "height x width"),
        (["--images", "many"], "invalid int value"),
        (["--kind", "wgan"], "least_squares"),
        (["--betas", "1,b"], "commas"),
    ],
)
def test_wrong_values_are_told(words, told, capsys):
    with pytest.raises(SystemExit):
        parse(words)
    assert told in capsys.readouterr().err


def test_a_field_without_default_is_required(capsys):
    with pytest.raises(SystemExit):
        parse([], Needy)
    assert "--data" in capsys.readouterr().err
    assert parse(["--data", "x"], Needy).data == Path("x")


def test_help_shows_meaning_and_default():
    parser = argparse.ArgumentParser()
    add_flags(parser, Hyper)
    text = " ".join(parser.format_help().split())
    assert 'learning rate of "both" players, 100 % of it (default: 0.0002)' in text
    assert "height x width (default: 192x256)" in text
    assert "How the example learns" in text
    assert "--no-use-edges" in text
    assert "(default: none)" in text and "sheets (default: all)" in text and "all) (default" not in text


def test_comments_are_the_trailing_ones():
    assert comments(Hyper)["start_from"] == "a checkpoint # with a hash"
    assert "images" not in comments(Hyper)


def test_json_and_back():
    full = Hyper(start_from=Path("a/b"), every=2)
    assert made(Hyper, json.loads(json.dumps(as_dict(full)))) == full
    assert set(as_dict(Hyper())) == set(vars(Hyper()))  # defaults are written too


def test_json_may_lack_fields_that_have_defaults():
    assert made(Hyper, {"rate": 1}) == Hyper(rate=1.0)
    with pytest.raises(ValueError, match="lacks data"):
        made(Needy, {})


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"rat": 1}, "unknown rat .* rate, kind"),
        ({"rate": "fast"}, "rate is 'fast'"),
        ({"kind": "wgan"}, "hinge, least_squares"),
        ({"size": [1, 2, 3]}, "size is"),
        ({"size": [1, "2"]}, "size is '2'"),
        ({"images": True}, "images is True"),
        ({"images": None}, "images is None"),
    ],
)
def test_json_that_does_not_fit_is_refused(values, told):
    with pytest.raises(ValueError, match=told):
        made(Hyper, values)


def test_fields_without_a_flag_keep_their_default():
    parser = argparse.ArgumentParser()
    add_flags(parser, Hyper, without={"rate"})
    assert "--rate" not in parser.format_help()
    assert from_flags(parser.parse_args([]), Hyper).rate == Hyper().rate
