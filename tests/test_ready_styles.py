"""Ready styles: kept beside the weights by `python -m train styles`, and mixed with others by the app."""

import json

import numpy as np
import pytest
import safetensors.numpy
import torch
from app_fixtures import as_uri, browser, expect, from_uri, save_checkpoint, scene, visitor
from gradio import EventData
from playwright.sync_api import sync_playwright
from runs import run
from test_app_history import drop

import cgan
from app import records, requests
from app.shelf import Shelf
from app.styles import read_blend
from app.tabs.paint.handlers import VARIED, Painting
from app.ui import build, launch
from cgan import styles
from cgan.models import spade
from train.commands.styles import read_map, typical

RED, BLUE = (np.full((40, 40, 3), colour, np.uint8) for colour in ((240, 30, 20), (20, 40, 230)))


@pytest.fixture(scope="module")
def shelf(tmp_path_factory) -> Shelf:
    """A painter with three ready styles, and one with none."""
    root = tmp_path_factory.mktemp("styled")
    save_checkpoint(root / "plain", seed=1)
    painter = cgan.load(save_checkpoint(root / "styled"), "cpu")
    vectors = np.stack([3 * painter.draw(seed) for seed in (5, 6, 7)])
    pictures = [painter.paint(scene(48, 64), style=vector)[0] for vector in vectors]
    styles.write(painter.checkpoint, vectors, pictures)
    return Shelf(root, "cpu")


@pytest.fixture(scope="module")
def painting(shelf) -> Painting:
    return Painting(shelf)


def blend(*parts: dict, strength: float = 1.0) -> dict:
    return {"parts": list(parts), "strength": strength}


# ---- Kept beside the weights


def test_a_run_gets_ready_styles_of_its_data(painted_folder, tmp_path, capfd):
    palette = cgan.Palette.read(painted_folder / "palette.json")
    torch.manual_seed(0)
    model = spade.Model(spade.Config(**{**vars(spade.PRESETS["tiny"]), "classes": len(palette)}))
    folder = cgan.save(tmp_path / "mine", model, palette, {"size": [64, 64]})
    files = []
    for _ in range(2):
        code, said = run(capfd, "styles", folder, "--data", painted_folder, "--count", 3, "--device", "cpu")
        assert code == 0 and "3 styles of 12 pictures" in said
        files.append((folder / styles.FILE).read_bytes())
    assert files[0] == files[1]
    ready = cgan.load(folder, "cpu").ready
    assert ready.vectors.shape == (3, 8) and {each.shape for each in ready.pictures} == {(96, 96, 3)}
    light = [picture.mean() for picture in ready.pictures]
    assert light == sorted(light)
    for words, message in (
        (["--count", 0], "1 to 32"),
        (["--count", 13], "12 pictures"),
        (["--data", tmp_path / "none"], "none"),
    ):
        code, said = run(capfd, "styles", folder, "--data", painted_folder, *words)
        assert code == 2 and message in said


def test_typical_styles_are_one_of_each_kind():
    centres = np.array([[0, 0], [9, 0], [0, 9]], np.float32)
    vectors = np.concatenate([centres + offset for offset in (-0.3, 0.1, 0.2)]).astype(np.float32)
    chosen = typical(vectors, 3)
    assert sorted(at % 3 for at in chosen) == [0, 1, 2]


def test_maps_are_read_by_the_names_of_their_classes(tmp_path):
    own = cgan.Palette.from_list([{"id": i, "name": n, "colour": f"#00000{i}"} for i, n in enumerate("ab")])
    other = cgan.Palette.from_list(
        [{"id": i, "name": n, "colour": f"#10000{i}"} for i, n in enumerate("cba")]
    )
    own.write(tmp_path / "palette.json")
    own.write_ids(tmp_path / "map.png", np.array([[0, 1]], np.uint8))
    assert read_map(tmp_path / "map.png", other).tolist() == [[2, 1]]
    with pytest.raises(cgan.DataError, match="lacks: a"):
        read_map(tmp_path / "map.png", cgan.Palette(other.labels[:2]))


def wrong_files(right: bytes) -> dict[str, tuple[bytes, str]]:
    tensors = safetensors.numpy.load(right)
    whose = json.loads(right[8 : 8 + int.from_bytes(right[:8], "little")])["__metadata__"]
    vectors, strip = tensors["vectors"], tensors["strip"]

    def file(metadata=whose, **changed):
        return safetensors.numpy.save(tensors | changed, metadata)

    return {
        "other weights": (file({"sha256": "0"}), "other weights"),
        "nobody's": (file(None), "other weights"),
        "other lengths": (file(vectors=vectors[:, :5].copy()), "of 8 numbers"),
        "infinite": (file(vectors=vectors * np.float32(np.inf)), "of 8 numbers"),
        "too many": (file(vectors=np.zeros((99, 8), np.float32)), "1 to 32"),
        "no picture": (file(strip=strip[:40].copy()), "strip"),
        "other pictures": (file(vectors=np.zeros((7, 8), np.float32)), "part into 7"),
        "no vectors": (safetensors.numpy.save({"strip": strip}, whose), "damaged"),
        "half": (right[: len(right) // 2], "cut off"),
        "too large": (bytes(styles.MAX_BYTES + 1), "larger than"),
    }


def test_a_wrong_file_is_told_and_paints_nothing(shelf, tmp_path):
    right = (shelf.root / "styled" / styles.FILE).read_bytes()
    folder = save_checkpoint(tmp_path / "styled")
    for why, (content, message) in wrong_files(right).items():
        (folder / styles.FILE).write_bytes(content)
        with pytest.raises(cgan.CheckpointError, match=message):
            pytest.fail(why + str(styles.read(cgan.read_checkpoint(folder), 8)))
        assert cgan.load(folder, "cpu").paint(scene(32, 32)).shape == (1, 32, 32, 3)
        with pytest.raises(cgan.CheckpointError, match="styled"):
            Painting(Shelf(tmp_path, "cpu")).ready_styles("styled")


# ---- In the app


def test_ready_styles_pictures_and_seeds_mix_as_vectors_do(shelf, painting):
    painter, labels, uri = shelf.painter("styled"), scene(), as_uri(scene())
    ready, drawn, third = painter.ready.vectors, painter.draw(9), painter.draw(3)
    red = painter.encode(RED)
    cases = [
        (blend({"ready": 1}), ready[1]),
        (blend({"ready": 1}, strength=0.25), 0.25 * ready[1] + 0.75 * drawn),
        (
            blend({"ready": 0, "weight": 0.2}, {"seed": 3, "weight": 0.6}),
            0.25 * ready[0] + 0.75 * third,
        ),
        (blend({"ready": 0}, {"ready": 2}, {"picture": as_uri(RED)}), (ready[0] + ready[2] + red) / 3),
        (blend({"picture": as_uri(RED)}, {"ready": 0, "model": "plain"}), red),
    ]
    for style, vector in cases:
        picture, _ = painting.paint("styled", uri, 9, style)
        wanted = painter.paint(labels, style=vector.astype(np.float32), seed=9)[0]
        assert np.abs(from_uri(picture).astype(int) - wanted).max() <= 2
        *_, kept, _, _ = restored = painting.restore(picture)
        assert painting.paint("styled", restored[1]["value"], restored[2], kept)[0] == picture


BAD = {
    "no parts": ({"strength": 1}, "the style must be"),
    "a list": ([{"ready": 0}], "the style must be"),
    "four": (blend(*[{"ready": 0}] * 4), "at most 3"),
    "a number that is none": (blend({"ready": 3}), "has 3, counted from 0"),
    "a flag": (blend({"ready": True}), "has 3"),
    "two sources": (blend({"ready": 0, "seed": 1}), "style 1 must have"),
    "no part": (blend(7), "style 1 must have"),
    "a weight": (blend({"ready": 0, "weight": 2}), "weight of style 1"),
    "no weight": (blend({"ready": 0, "weight": 0}), "weight 0"),
    "a strength": (blend({"ready": 0}, strength=1.5), "strength"),
    "not a number": (blend({"ready": 0}, strength=float("nan")), "strength"),
    "a path": (blend({"picture": "/etc/passwd"}), "data URI"),
}


@pytest.mark.parametrize("why", BAD)
def test_what_is_no_style_is_one_clear_sentence(shelf, painting, why):
    style, message = BAD[why]
    with pytest.raises(cgan.CganError, match=message):
        painting.paint("styled", as_uri(scene()), 1, style)
    with pytest.raises(cgan.CganError):
        read_blend(style, shelf.checkpoint("styled"))


def test_a_model_without_ready_styles_has_none(painting):
    assert painting.ready_styles("plain")["ready"] == [] == painting.ready_styles(None)["ready"]
    assert len(painting.ready_styles("styled")["ready"]) == 3
    with pytest.raises(cgan.DataError, match="brings none"):
        painting.paint("plain", as_uri(scene()), 1, blend({"ready": 0}))


def test_variations_keep_the_style_and_leave_it_room(painting):
    uri, style = as_uri(scene()), blend({"ready": 2})
    four = painting.vary("styled", uri, style)
    assert len({each["picture"] for each in four}) == 4
    for each in four:
        seed, kept = painting.take(style, EventData(None, {k: each[k] for k in ("seed", "strength")}))
        assert kept == style | {"strength": VARIED}
        assert painting.paint("styled", uri, seed, kept)[0] == each["picture"]
    assert {each["strength"] for each in painting.vary("styled", uri, style | {"strength": 0.3})} == {0.3}
    assert all(set(each) == {"seed", "picture"} for each in painting.vary("styled", uri))


@pytest.mark.slow
def test_styles_are_chosen_mixed_and_kept_in_the_page(shelf):
    _, url, _ = launch(build(shelf), prevent_thread_lock=True, quiet=True)
    with sync_playwright() as playwright:
        chromium = browser(playwright)
        page = visitor(chromium, permissions=["clipboard-read", "clipboard-write"])
        page.goto(url)
        expect(page.locator(".result .picture")).to_be_visible()
        page.get_by_label("Model").select_option("styled")
        expect(page.get_by_label("Ready style 1")).to_be_visible()
        place = page.get_by_label("Mix styles").bounding_box()
        page.get_by_label("Ready style 1").click()
        wait_for_style(page, {0: 1})
        assert page.get_by_label("Mix styles").bounding_box() == place, "buttons stay where they are"
        page.get_by_label("Mix styles").click()
        expect(page.locator(".style .next")).to_contain_text("Now choose another style")
        page.get_by_label("Ready style 3").click()
        wait_for_style(page, {0: 0.5, 2: 0.5})
        page.get_by_label("Mix of styles").press("ArrowLeft")
        wait_for_style(page, {0: 0.55, 2: 0.45})
        page.get_by_label("Four variations").click()
        tile = page.locator(".variations .tile").nth(1)
        expect(page.get_by_label("Four variations")).to_contain_text("60 % your style")
        tile.click()
        shown, taken = page.locator(".result .picture"), tile.locator("img").get_attribute("src")
        expect(shown).to_have_attribute("src", taken)
        wait_for_style(page, {0: 0.55, 2: 0.45}, VARIED)
        expect(page.get_by_label("Strength of the style")).to_have_value(str(VARIED))
        png = requests.contents(picture_of(page), "it")
        page.get_by_label("Copy a link").click()
        expect(page.locator(".history .note")).to_contain_text("copied: model, seed, style")
        link = page.evaluate("navigator.clipboard.readText()")
        page.get_by_label("Clear the style picture").click()
        expect(shown).not_to_have_attribute("src", taken)
        drop(page, ".history", png)
        wait_for_style(page, {0: 0.55, 2: 0.45}, VARIED)
        page.goto("about:blank")
        page.goto(link)
        expect(page.locator(".result .picture")).to_be_visible()
        wait_for_style(page, {0: 0.55, 2: 0.45}, VARIED)
        chromium.close()


def picture_of(page) -> str:
    return page.locator(".result .picture").get_attribute("src")


def wait_for_style(page, weights: dict[int, float], strength: float = 1) -> None:
    """Wait until the picture was painted in ready styles of these weights, and so strong."""
    while True:
        style = records.read(before := picture_of(page))["style"] or {"parts": []}
        mixed = {each["ready"]: each["weight"] for each in style["parts"]}
        if mixed == weights and style["strength"] == strength:
            return
        page.wait_for_function("old => document.querySelector('.result .picture').src !== old", arg=before)
