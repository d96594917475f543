"""Style pictures in the app: each is encoded once, and what comes out is what the models give."""

import numpy as np
import pytest
from app_fixtures import as_uri, checkpoints, from_uri, save_checkpoint, scene
from gradio import EventData
from translate_fixtures import photograph, translator, translators

import cgan
from app.shelf import Shelf
from app.styles import Encoder, farthest, read_style
from app.tabs.paint.handlers import DRAWN, VARIED, Painting
from app.tabs.translate.handlers import Translating
from cgan.tasks import Painter, Translator

COLOURS = [np.full((40, 40, 3), colour, np.uint8) for colour in ((240, 30, 20), (20, 40, 230), (9, 200, 9))]


@pytest.fixture
def counted(monkeypatch) -> list[str]:
    """The tasks whose `encode` was called."""
    calls = []
    for kind in (Painter, Translator):

        def encode(self, *given, _original=kind.encode, **options):
            calls.append(type(self).__name__)
            return _original(self, *given, **options)

        monkeypatch.setattr(kind, "encode", encode)
    return calls


def test_many_strokes_encode_their_style_once(counted):
    painting, labels, style = Painting(Shelf(checkpoints(), "cpu")), scene(), as_uri(COLOURS[0])
    painter = cgan.load(checkpoints() / "tiny", "cpu")
    for column in range(0, 50, 10):
        labels[:, column] = 2
        picture, _ = painting.paint("tiny", as_uri(labels), 3, style)
        direct = painter.paint(labels, read_style(style, painter.size), seed=3)[0]
        assert np.array_equal(from_uri(picture), direct)
    assert counted == ["Painter"]
    painting.paint("tiny", as_uri(labels), 3, as_uri(COLOURS[1]))
    assert len(counted) == 2


def test_a_blend_and_its_repetition_encode_each_picture_once(counted):
    translating = Translating(Shelf(translators(), "cpu"))
    styles = [{"picture": as_uri(colour), "weight": 1} for colour in COLOURS]
    for size in (32, 40):
        strip = translating.blend("funit", None, as_uri(photograph()), None, 0, styles, size)
        assert len(strip) == 7
    translating.translate("funit", None, as_uri(photograph()), None, 0, 1, styles, 32)
    assert counted == ["Translator"] * 3


def test_each_direction_has_its_own_style(counted):
    encoder, munit = Encoder(), translator("munit")
    vectors = [encoder.of_translator(munit, COLOURS[0], direction) for direction in ("ab", "ba", "ab")]
    assert np.array_equal(vectors[0], vectors[2]) and not np.array_equal(vectors[0], vectors[1])
    assert len(counted) == 2


def test_the_encoder_is_bounded_and_forgets_the_oldest(counted):
    encoder, painter = Encoder(kept=2), cgan.load(checkpoints() / "tiny", "cpu")
    for place in (0, 1, 0, 2, 0, 1):
        encoder.of_painter(painter, COLOURS[place])
    assert len(encoder._vectors) == 2 and len(counted) == 4, "0, 1, 2 and again 1, which had gone"


def test_a_retrained_checkpoint_is_encoded_anew(tmp_path, counted):
    encoder = Encoder()
    vectors = []
    for seed in (0, 1):
        painter = cgan.load(save_checkpoint(tmp_path / "tiny", seed=seed), "cpu")
        vectors.append(encoder.of_painter(painter, COLOURS[0]))
    assert len(counted) == 2 and not np.array_equal(*vectors)


def test_four_variations_of_a_style_differ_and_keep_it(monkeypatch):
    painting, painter = Painting(Shelf(checkpoints(), "cpu")), cgan.load(checkpoints() / "tiny", "cpu")
    drawn = iter(range(DRAWN))
    monkeypatch.setattr("app.tabs.paint.handlers.secrets.randbelow", lambda _: next(drawn))
    sent, style = as_uri(scene()), as_uri(COLOURS[0])
    four = painting.vary("tiny", sent, style)
    assert [each["strength"] for each in four] == [VARIED] * 4
    looks = np.stack([painter.draw(seed) for seed in range(DRAWN)])
    assert [each["seed"] for each in four] == farthest(looks, 4)
    blend, chosen = {"parts": [{"picture": style, "weight": 1}], "strength": VARIED}, four[1]
    assert painting.take(style, EventData(None, chosen)) == (chosen["seed"], blend)
    again, _ = painting.paint("tiny", sent, chosen["seed"], blend)
    assert np.array_equal(from_uri(again), from_uri(chosen["picture"]))


def test_the_farthest_rows_are_chosen():
    assert farthest(np.array([[0.0, 0], [1, 0], [5, 0], [0, 4], [0.1, 0]]), 3) == [0, 2, 3]
