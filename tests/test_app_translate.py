"""The Translate tab without a browser: through `gradio_client`, as a program uses it, and its parts alone."""

import base64
import io
from types import SimpleNamespace

import numpy as np
import pytest
from app_fixtures import PALETTE, as_uri, from_uri, scene
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image
from test_app_maps import bomb
from translate_fixtures import LETTERS, SIZE, address, photograph, translator, translators

import cgan
from app import drawings, examples, requests, styles
from app.maps import has_other_colours, read_map, write_map
from app.shelf import Shelf
from app.start import greeting
from app.tabs.translate.handlers import STEPS, Translating
from app.tabs.translate.turns import inputs, style_sets

RED = np.full((40, 40, 3), (240, 30, 20), np.uint8)
BLUE = np.full((40, 40, 3), (20, 40, 230), np.uint8)


@pytest.fixture(scope="module")
def client():
    return Client(address(), verbose=False)


def ask(client, name, picture=None, direction=None, drawn=None, seed=0, count=1, styles=None, size=None):
    """Translate through the API: before, the pictures after, and the status."""
    sent = as_uri(photograph()) if picture is None and drawn is None else picture
    shown, status = client.predict(
        name, direction, sent, drawn, seed, count, styles, size, api_name="/translate"
    )
    after = [from_uri(each["picture"]) for each in shown["pictures"]]
    return from_uri(shown["before"]), after, status


def style(picture, weight=1.0):
    return {"picture": as_uri(picture), "weight": weight}


# ---------------------------------------------------------------- what the models do


def test_only_translators_are_listed(client):
    model, notice = client.predict(None, api_name="/translators")
    assert [choice[0] for choice in model["choices"]] == ["coco_funit", "funit", "munit", "unit"]
    assert not notice["visible"]


@pytest.mark.parametrize("direction", ["ab", "ba"])
def test_unit_goes_both_ways(client, direction):
    before, (after,), status = ask(client, "unit", direction=direction)
    assert min(before.shape[:2]) == SIZE[0] and after.shape == before.shape
    assert np.array_equal(after, translator("unit").translate(before, direction=direction)[0])
    assert status.startswith("unit · CPU · fp32 · ") and status.endswith(" ms")


def test_munit_follows_seeds_and_styles(client):
    before, looks, _ = ask(client, "munit", direction="ba", seed=5, count=3)
    same = translator("munit").translate(before, direction="ba", seed=5, variations=3)
    assert np.array_equal(looks, same) and not np.array_equal(looks[0], looks[1])
    _, (styled,), _ = ask(client, "munit", direction="ba", styles=[style(RED)])
    assert np.array_equal(styled, translator("munit").translate(before, RED, direction="ba")[0])


def test_a_weaker_style_leaves_room_for_the_looks_of_seeds(client):
    munit, red = translator("munit"), translator("munit").encode(RED, direction="ba")
    half = {"parts": [style(RED)], "strength": 0.5}
    before, looks, _ = ask(client, "munit", direction="ba", seed=5, count=2, styles=half)
    for look, seed in zip(looks, (5, 6), strict=True):
        between = (red + munit.draw(seed, "ba")) / 2
        direct = munit.translate(before, between.astype(np.float32), direction="ba")[0]
        assert np.abs(look.astype(int) - direct).max() <= 1
    whole = {"parts": [style(RED)], "strength": 1}
    assert np.array_equal(
        ask(client, "munit", direction="ba", styles=whole)[1],
        ask(client, "munit", direction="ba", styles=[style(RED)])[1],
    )


@pytest.mark.parametrize("name", ["funit", "coco_funit"])
def test_few_shot_models_mix_pictures_by_weight(client, name):
    before, (mixed,), _ = ask(client, name, styles=[style(RED, 0.25), style(BLUE, 0.75)])
    direct = translator(name).translate(before, [RED, BLUE], [0.25, 0.75])[0]
    assert np.abs(mixed.astype(int) - direct).max() <= 1
    _, (alone,), _ = ask(client, name, styles=[style(RED, 1), style(BLUE, 0)])
    assert np.array_equal(alone, translator(name).translate(before, RED)[0])


def test_a_drawing_counts_where_the_model_takes_drawings(client):
    lines = np.zeros((64, 64), np.uint8)
    lines[20:24, 10:50] = 1
    drawn = write_map(lines, drawings.INK)
    before, _, _ = ask(client, "munit", direction="ab", drawn=drawn)
    assert before.min() < 60 and (before == 255).mean() > 0.7
    by_picture, _, _ = ask(client, "munit", as_uri(drawings.INK.colours(lines)), "ab")
    assert np.array_equal(before, by_picture)


def test_an_alphabet_comes_on_a_sheet(client):
    sheet = client.predict("coco_funit", [style(RED, 0.5), style(BLUE, 0.5)], api_name="/alphabet")
    direct = translator("coco_funit").sheet([RED, BLUE])
    assert direct.shape == (64, 96, 3), "capitals, and small letters below"
    assert np.abs(from_uri(sheet).astype(int) - direct).max() <= 1
    for name, styles_, told in (
        ("coco_funit", [], "style from pictures"),
        ("funit", [style(RED)], "no alphabet"),
    ):
        with pytest.raises(AppError, match=told):
            client.predict(name, styles_, api_name="/alphabet")


def test_a_drawn_letter_becomes_a_style(client):
    lines = np.zeros((64, 64), np.uint8)
    lines[20:24, 10:50] = 1
    drawn = write_map(lines, drawings.LETTER)
    styles_, paper = client.predict(drawn, [style(RED)], api_name="/add_letter")
    assert styles_ == [style(RED), {"picture": drawn, "weight": 1.0}] and not from_uri(paper).any()
    for sent, there, told in (
        (None, [], "draw one"),
        (paper, [], "draw one"),
        (drawn, [style(RED)] * 8, "room"),
    ):
        with pytest.raises(AppError, match=told):
            client.predict(sent, there, api_name="/add_letter")


def test_examples_of_styles_make_room_and_show_where_they_fit(tmp_path, monkeypatch):
    monkeypatch.setattr(examples, "FOLDER", tmp_path)
    (tmp_path / "translate" / "munit" / "styles" / "coats").mkdir(parents=True)
    Image.fromarray(BLUE).save(tmp_path / "translate" / "munit" / "styles" / "coats" / "1.png")
    translating = Translating(Shelf(translators(), "cpu"))
    (coats,) = style_sets(translator("munit"))
    example, own = {"picture": coats["pictures"][0], "weight": 1}, style(RED)
    *_, there = translating.turn("munit", "ab", [example, own])
    assert there["sets"] == [coats] and "value" not in there
    *_, there = translating.turn("munit", "ba", {"parts": [example, own], "strength": 0.5})
    assert there["sets"] == [] and there["value"] == {"parts": [own], "strength": 0.5}
    drawn = write_map(np.eye(64, dtype=np.uint8), drawings.LETTER)
    styles_, _ = translating.add_letter(drawn, [example, own])
    assert styles_ == [own, {"picture": drawn, "weight": 1.0}]


def test_letters_of_a_checkpoint_are_examples(client):
    assert [each["name"] for each in inputs(translator("coco_funit"), "ab")] == [*LETTERS[2:], *LETTERS[:2]]
    *_, letter, sheet, _ = client.predict("coco_funit", None, api_name="/choose_translator")
    assert all(each["visible"] is True for each in (letter, sheet))
    *_, letter, sheet, _ = client.predict("funit", None, api_name="/choose_translator")
    assert all(each["visible"] == "hidden" for each in (letter, sheet))


def test_the_size_is_the_shorter_side(client):
    before, (after,), _ = ask(client, "unit", as_uri(photograph(90, 60)), size=40)
    assert before.shape == after.shape == (60, 40, 3)


def test_the_strip_walks_from_style_to_style(client):
    strip = client.predict(
        "funit", None, as_uri(photograph()), None, 0, [style(RED), style(BLUE)], None, api_name="/blend"
    )
    ends = [ask(client, "funit", styles=[style(colour)])[1][0] for colour in (RED, BLUE)]
    assert len(strip) == STEPS
    assert np.array_equal(from_uri(strip[0]["picture"]), ends[0])
    assert np.array_equal(from_uri(strip[-1]["picture"]), ends[1])
    assert [(part["style"], part["weight"]) for part in strip[3]["mix"]] == [(0, 0.5), (1, 0.5)]


def test_a_kept_look_of_seeds_is_what_the_strip_showed(client):
    strip = client.predict("munit", "ba", as_uri(photograph()), None, 3, [], None, api_name="/blend")
    _, (again,), _ = ask(client, "munit", direction="ba", styles=strip[2]["mix"])
    assert np.array_equal(again, from_uri(strip[2]["picture"]))
    assert strip[0]["mix"][0] == {"seed": 3, "weight": 1.0}


@pytest.mark.parametrize(("name", "choices"), [("unit", 2), ("munit", 2), ("funit", 0)])
def test_choosing_prepares_the_tab(client, name, choices):
    direction, source, pen, _, strip, seed, count, styles, size, *of_letters, origin = client.predict(
        name, None, api_name="/choose_translator"
    )
    assert len(direction["props"]["choices"]) == choices and direction["value"] == "ab"
    assert pen["visible"] is (name == "munit") or pen["visible"] == "hidden"
    assert seed["visible"] == count["visible"] == (True if name == "munit" else "hidden")
    assert styles["visible"] == strip["visible"] == ("hidden" if name == "unit" else True)
    assert size["value"] == SIZE[0]
    assert origin == f"Trained on drawn weights of {name} · licence: for tests only"
    assert source["visible"] == ("hidden" if name == "munit" else True)


def test_a_photograph_for_a_model_of_drawings_becomes_one(client):
    source, pen, strip = client.predict("munit", "ab", as_uri(photograph()), api_name="/open_picture")
    lines = from_uri(pen)
    assert min(lines.shape) == 2 * 256 and set(np.unique(lines)) == {0, 1} and 0.001 < lines.mean() < 0.2
    assert strip == []


def test_every_event_has_a_name_and_says_what_it_does(client):
    names = [each["api_name"] for each in client.config["dependencies"]]
    assert len(names) == len(set(names)) and not any("_1" in name for name in names), names
    told = set(client.view_api(return_format="dict")["named_endpoints"])
    assert told >= {"/translators", "/choose_translator", "/turn", "/open_picture", "/translate", "/blend"}


# ---------------------------------------------------------------- pictures of all sorts


def file(picture: Image.Image, kind: str, **options) -> str:
    data = io.BytesIO()
    picture.save(data, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(data.getvalue()).decode()}"


def turned() -> str:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees
    return file(Image.fromarray(photograph(48, 96)), "JPEG", exif=exif)


def sixteen() -> str:
    ramp = np.linspace(0, 65535, 64 * 48).reshape(48, 64).astype(np.uint16)
    return file(Image.fromarray(ramp), "PNG")


def animated() -> str:
    frames = [Image.fromarray(photograph()[:, ::step].copy()) for step in (1, -1)]
    return file(frames[0], "GIF", save_all=True, append_images=frames[1:])


def clear() -> str:
    picture = np.dstack([photograph(), np.zeros((48, 64), np.uint8)])
    picture[:24, :, 3] = 255
    return file(Image.fromarray(picture, "RGBA"), "PNG")


def varied(before) -> bool:
    return before.std() > 10


PHOTOGRAPH = Image.fromarray(photograph())
SORTS = {
    "alpha": (clear, lambda before: (before[-1] > 250).all() and varied(before[0])),
    "grey": (lambda: file(PHOTOGRAPH.convert("L"), "PNG"), varied),
    "exif": (turned, lambda before: before.shape == (64, 32, 3)),
    "16 bits": (sixteen, lambda before: before[0].max() < 10 and before[-1].min() > 240),
    "cmyk": (
        lambda: file(Image.fromarray(RED).convert("CMYK"), "JPEG"),
        lambda before: before[..., 0].mean() > 180 and before[..., 2].mean() < 80,
    ),
    "gif": (animated, varied),
    "palette": (lambda: file(PHOTOGRAPH.quantize(32), "PNG"), varied),
    "tiff": (lambda: file(PHOTOGRAPH, "TIFF"), varied),
    "large": (lambda: file(Image.new("RGB", (4000, 4000), "red"), "PNG"), lambda b: b.shape == (32, 32, 3)),
    "one pixel": (lambda: file(Image.new("RGB", (1, 1), "red"), "PNG"), lambda b: b.shape == (32, 32, 3)),
    "a thread": (lambda: file(Image.new("RGB", (5000, 2), "red"), "PNG"), lambda b: b.shape == (1, 2048, 3)),
}


@pytest.mark.parametrize("sort", SORTS)
def test_pictures_of_all_sorts_are_translated(client, sort):
    make, right = SORTS[sort]
    before, (after,), _ = ask(client, "unit", make())
    assert right(before.astype(float))
    assert after.shape == before.shape


@pytest.mark.parametrize("sort", ["alpha", "16 bits", "cmyk", "tiff"])
def test_style_pictures_of_all_sorts_are_taken(client, sort):
    _, (after,), _ = ask(client, "funit", styles=[{"picture": SORTS[sort][0]()}])
    assert after.shape == (32, 43, 3)


def test_what_browsers_cannot_show_is_opened_as_png(client):
    source, _, _ = client.predict("unit", "ab", SORTS["tiff"][0](), api_name="/open_picture")
    shown = source["value"]
    assert shown.startswith("data:image/png") and np.array_equal(from_uri(shown), photograph())


BAD = {
    "no picture": (dict(picture=""), "no picture to translate"),
    "a path": (dict(picture="/etc/passwd"), "data URI"),
    "an address": (dict(picture="http://localhost/x.png"), "data URI"),
    "a bomb": (dict(picture=bomb(30000)), "pixels"),
    "too many pixels": (dict(picture=bomb(5000)), "pixels"),
    "a text": (dict(picture=requests.file_uri(b"hello")), "not a picture"),
    "cut off": (dict(picture=as_uri(photograph(), "JPEG")[:400] + "AAAA"), "cut off|damaged|base64"),
    "a direction": (dict(direction="up"), "has: ab, ba"),
    "a seed": (dict(seed=-1), "seed"),
    "a count": (dict(count=9), "from 1 to 8"),
    "no count": (dict(count=None), "from 1 to 8"),
    "a size": (dict(size=100000), "from 32 to 1024"),
    "a size in words": (dict(size="large"), "from 32 to 1024"),
    "styles": (dict(name="munit", styles=["red"]), "style 1 must have a picture or a seed"),
    "a path as style": (dict(name="munit", styles=[{"picture": "/etc/passwd"}]), "data URI"),
    "too many styles": (dict(name="munit", styles=[{"seed": 1}] * 9), "at most 8"),
    "a weight": (dict(name="munit", styles=[{"seed": 1, "weight": -1}]), "from 0 to 1"),
    "no weight at all": (dict(name="munit", styles=[{"seed": 1, "weight": 0}]), "weight 0"),
    "a strength": (dict(name="munit", styles={"parts": [{"seed": 1}], "strength": 2}), "from 0 to 1"),
    "a weak style": (dict(name="funit", styles={"parts": [], "strength": 0.5}), "draws no looks"),
    "no parts": (dict(name="munit", styles={"strength": 1}), "at most 8"),
    "a seed as style": (dict(name="funit", styles=[{"seed": 1}]), "from pictures"),
    "no style": (dict(name="funit"), "style from pictures"),
    "a painter": (dict(name="painter"), "is no translator"),
    "a checkpoint": (dict(name="../unit"), "there are: "),
    "no checkpoint": (dict(name=""), "python -m train munit"),
}


GOOD = {"name": "unit", "direction": None, "picture": as_uri(photograph()), "drawing": None, "seed": 0}
GOOD |= {"count": 1, "styles": [], "size": None}


@pytest.mark.parametrize("why", BAD)
def test_bad_requests_are_told(why):
    request, message = BAD[why]
    with pytest.raises(cgan.CganError, match=message):
        Translating(Shelf(translators(), "cpu")).translate(**GOOD | request)


def test_the_api_tells_them_too_and_the_app_stays_up(client):
    for why in ("a path", "a bomb", "a direction"):
        request, message = BAD[why]
        with pytest.raises(AppError, match=message):
            ask(client, **{"name": "unit", "picture": as_uri(photograph())} | request)
    assert len(ask(client, "unit")[1]) == 1


def test_a_blend_needs_two_pictures_and_a_painting_a_painter(client):
    with pytest.raises(AppError, match="two style pictures"):
        client.predict("funit", None, as_uri(RED), None, 0, [style(RED)], None, api_name="/blend")
    with pytest.raises(AppError, match="is no painter"):
        client.predict("unit", as_uri(scene()), 0, None, api_name="/paint")


# ---------------------------------------------------------------- the parts alone


@pytest.mark.parametrize("path", sorted((examples.FOLDER / "translate" / "drawings").glob("*.png")), ids=str)
def test_the_example_drawings_are_drawings(path):
    picture = cgan.read_picture(path)
    assert picture.shape == (256, 256, 3) and drawings.is_drawing(picture)
    lines = drawings.as_drawing(picture, (512, 512))
    assert lines.shape == (512, 512) and 0.02 < lines.mean() < 0.2
    assert not drawings.is_drawing(photograph()) and not drawings.is_drawing(255 - picture)


def test_there_are_six_example_drawings_for_a_model_of_edges():
    shown = inputs(translator("munit"), "ab")
    assert len(shown) == 6 and shown[0]["name"] == "t shirt"
    assert examples.is_example(shown[0]["picture"]) and not examples.is_example(as_uri(RED))


def test_examples_come_from_the_best_folder_and_never_from_outside(tmp_path, monkeypatch):
    monkeypatch.setattr(examples, "FOLDER", tmp_path)
    for place in ("unit/summer", "summer", "funit/styles/pug"):
        (tmp_path / "translate" / place).mkdir(parents=True)
        Image.fromarray(RED if "/" in place else BLUE).save(tmp_path / "translate" / place / "1-red_dog.png")
    (found,) = inputs(translator("unit"), "ab")
    assert found["name"] == "red dog" and np.array_equal(from_uri(found["picture"]), RED)
    assert inputs(translator("unit"), "ba") == []
    assert [each["name"] for each in style_sets(translator("funit"))] == ["pug"]
    assert examples.pictures("../summer", "..", "unit/../summer") == []


def test_a_path_of_weights_touches_every_stop():
    walked = np.array(styles.path(3, 7))
    assert np.allclose(walked.sum(1), 1) and np.allclose(walked[[0, 3, 6]], np.eye(3))


def test_the_shelf_tells_painters_from_translators():
    shelf = Shelf(translators(), "cpu")
    assert [checkpoint.name for checkpoint in shelf.find("paint").checkpoints] == ["painter"]
    assert len(shelf.find("translate").checkpoints) == 4 and len(shelf.find().checkpoints) == 5


def test_maps_in_foreign_colours_are_noticed():
    own = write_map(scene(), PALETTE)
    strange = [entry | {"colour": f"#ff00{i:02x}"} for i, entry in enumerate(PALETTE.to_list())]
    foreign = write_map(scene(), cgan.Palette.from_list(strange))
    grey = write_map(scene(), cgan.Palette.from_list(
        [entry | {"colour": f"#{i:02x}{i:02x}{i:02x}"} for i, entry in enumerate(PALETTE.to_list())]
    ))  # fmt: skip
    found = {
        name: has_other_colours(uri, PALETTE, read_map(uri, PALETTE))
        for name, uri in {"own": own, "foreign": foreign, "grey": grey, "plain": as_uri(scene())}.items()
    }
    assert found == {"own": False, "foreign": True, "grey": False, "plain": False}


def test_the_start_prints_where_the_app_is_and_on_what_it_runs():
    line = greeting("http://127.0.0.1:7860/", None, Shelf(translators(), "cpu").where())
    assert line == "cgan is at http://127.0.0.1:7860 · CPU · fp32 · Ctrl-C ends it"


def test_a_strip_of_other_styles_is_not_kept():
    sent = [{"picture": as_uri(np.full((8, 8, 3), grey, np.uint8)), "weight": 1} for grey in (20, 200)]
    parts = [{"style": i, "mark": styles.mark(part), "weight": 0.5} for i, part in enumerate(sent)]
    event = SimpleNamespace(mix=parts)
    kept = Translating(Shelf(translators(), "cpu")).keep(sent, event)
    assert [part["weight"] for part in kept] == [0.5, 0.5]
    for others in (sent[:1], sent[::-1], []):
        with pytest.raises(cgan.DataError, match="styles have changed"):
            Translating(Shelf(translators(), "cpu")).keep(others, event)


def test_garments_are_there_to_take_styles_from():
    found = examples.sets("munit-edges2clothing/styles")
    assert [each["name"] for each in found] == ["red", "blue", "pink", "mustard", "green", "grey"]
    assert all(from_uri(picture).shape == (128, 96, 3) for each in found for picture in each["pictures"])
