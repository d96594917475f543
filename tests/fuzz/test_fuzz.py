"""Whatever is read, painted, translated or asked for: an answer, or one of our own errors in one line.

A few inputs in every run, thousands with `bash tests/run --long tests/fuzz`. None may end in another
exception, take long, fill the memory or write anywhere.
"""

import contextlib
import json

import numpy as np
import pytest
from fuzz.strategies import (
    GROWTH,
    MADE,
    anything,
    budget,
    headers,
    names,
    numbers,
    peak,
    pictures,
    watched,
    where,
)
from hypothesis import given
from hypothesis import strategies as st
from samples import make, save

import cgan
from cgan import checkpoint
from cgan.errors import CganError
from cgan.labels import Palette
from cgan.pictures import read_picture
from cgan.ranges import made
from train import launch
from train.engine import state
from train.recipes import spade as recipe

PALETTE = Palette.from_list([{"id": i, "name": f"class {i}", "colour": f"#{i * 40:06x}"} for i in range(4)])


def ours(error: Exception) -> None:
    """An error for whoever gave the input: not too long to be read."""
    assert 0 < len(str(error)) < 2000, error


@pytest.fixture
def tried(long):
    """Run a test of one input on many: tried(strategy, test). None may take more than `growth` MB.

    Hypothesis remembers what it has tried, a few hundred MB after thousands of inputs: not counted.
    """

    def over(strategy, test, growth=GROWTH) -> None:
        @budget(long)
        @given(strategy)
        def each(value):
            before = peak()
            with watched():
                try:
                    test(value)
                except (CganError, ValueError) as error:
                    ours(error)
            assert peak() - before < growth

        each()

    return over


@pytest.fixture(scope="module")
def painter(tmp_path_factory):
    return cgan.load(save(tmp_path_factory.mktemp("fuzz") / "spade", make()), device="cpu")


@pytest.fixture(scope="module")
def translator(tmp_path_factory):
    return cgan.load(save(tmp_path_factory.mktemp("fuzz") / "munit", make("munit")), device="cpu")


def test_pictures(tried):
    def read(data):
        picture = read_picture(data, max_pixels=10_000)
        assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3

    tried(pictures(), read)


def test_label_maps(tried):
    def read(data):
        ids = PALETTE.ids(data)
        assert ids.dtype == np.uint8 and ids.ndim == 2 and ids.max() < 4

    tried(pictures(), read)


def test_palettes(tried):
    colours = st.one_of(names, st.just("#102030"))
    entry = st.fixed_dictionaries({"id": numbers, "name": names, "colour": colours})
    tried(st.one_of(anything, st.lists(entry, max_size=5)), Palette.from_list)


sides = st.integers(0, 40)
shapes = st.one_of(st.tuples(sides, sides), st.sampled_from([(1, 90_000), (3, 4, 5)]))
styles = st.one_of(st.none(), st.lists(st.floats(), min_size=6, max_size=9).map(np.array))
some = st.one_of(st.integers(-1, 3), numbers)


def test_painting(tried, painter):
    def paint(asked):
        shape, most, style, seed, variations = asked
        labels = np.random.default_rng(0).integers(0, most, shape).astype(np.uint8)
        painted = painter.paint(labels, style=style, seed=seed, variations=variations)
        assert painted.shape == (variations, *shape, 3)

    tried(st.tuples(shapes, st.integers(1, 12), styles, some, some), paint, growth=MADE)


def test_translating(tried, translator):
    def translate(asked):
        shape, style, weights, seed, variations, direction = asked
        picture = np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)
        made = translator.translate(picture, style, weights, direction, seed, variations)
        assert made.shape == (variations, *shape, 3)

    directions = st.sampled_from([None, "ab", "ba", "x"])
    weights = st.one_of(st.none(), st.lists(st.floats(), max_size=3))
    tried(st.tuples(shapes, styles, weights, some, some, directions), translate, growth=MADE)


def test_configs(tried, tmp_path):
    folder = save(tmp_path / "x", make())
    path = folder / "config.json"
    right = json.loads(path.read_text())
    fields = st.dictionaries(st.sampled_from([*right["config"], "x"]), anything, max_size=3)
    tops = st.dictionaries(st.sampled_from([*right, "x"]), anything, max_size=2)

    def load(asked):
        whole, top, field = asked
        content = whole if whole is not None else right | top
        if whole is None and isinstance(content.get("config"), dict):
            content["config"] = content["config"] | field
        path.write_text(json.dumps(content))
        assert len(cgan.find(tmp_path).checkpoints) + len(cgan.find(tmp_path).broken) == 1
        cgan.load(folder, device="cpu")

    tried(st.tuples(st.one_of(st.none(), anything), tops, fields), load)
    assert where(tmp_path) == {str(path), str(folder / "model.safetensors")}


def test_headers(tried, tmp_path):
    folder = save(tmp_path / "x", make())
    tensors = [*make().state_dict()][:5]

    def load(data):
        (folder / "model.safetensors").write_bytes(data)
        assert len(cgan.find(tmp_path).broken) <= 1
        with pytest.raises(cgan.CheckpointError):
            checkpoint.load_model(folder)

    tried(headers(tensors), load)


def test_states(tried, tmp_path):
    def read(data):
        (tmp_path / state.NAME).write_bytes(data)
        state.read(tmp_path)

    tried(headers(["a", "average.flat"]), read)


FLAGS = ["--filters", "--rate", "--images", "--size", "--precision", "--save-minutes", "--x", "--seed"]


def test_the_command_line(tried):
    words = st.one_of(names, numbers.map(str), st.sampled_from(["nan", "inf", "-1", "64x", "none", "1e9"]))

    def parse(asked):
        with contextlib.suppress(SystemExit):  # of argparse, in one line
            launch.parse("spade", ["--preset", "tiny", *[word for pair in asked for word in pair]])

    tried(st.lists(st.tuples(st.sampled_from(FLAGS), words), max_size=3), parse)


def test_options_as_json(tried):
    fields = list(vars(recipe.PRESETS["tiny"]))
    asked = st.dictionaries(st.sampled_from([*fields, "x"]), anything, max_size=4)
    tried(asked, lambda it: made(recipe.Hyper, it))
