"""The Models tab: what is told of each checkpoint, what may be added, and who may add."""

import threading
import zipfile

import numpy as np
import pytest
from app_fixtures import (
    PALETTE,
    PATIENCE,
    SIZE,
    break_checkpoint,
    browser,
    expect,
    save_checkpoint,
    save_labeller,
    visitor,
)
from gradio import EventData
from PIL import Image
from playwright.sync_api import sync_playwright

import cgan
from app.choosing import licence, origin
from app.examples import own
from app.shelf import Shelf
from app.tabs.models.handlers import Models, named
from app.ui import build, launch
from cgan import export
from cgan.models import spade
from train.judge.sheet import write


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with a good checkpoint, which has samples and a preview, and a broken one."""
    root = tmp_path_factory.mktemp("shelf")
    folder = save_checkpoint(root / "tiny")
    write(folder / "preview.jpg", np.full((40, 800, 3), 200, np.uint8))
    write(folder / "samples.jpg", np.full((60, 60, 3), 100, np.uint8))
    break_checkpoint(root / "torn")
    return root


@pytest.fixture
def shelf(root):
    return Shelf(root, "cpu")


def event(**data):
    return EventData(None, data)


def names(update) -> list[str]:
    return [card["name"] for card in update["cards"]]


def test_a_card_tells_what_matters(shelf):
    cards, notice = Models(shelf).list()
    (card,) = cards["cards"]
    facts = dict(card["rows"])
    assert card["name"] == "tiny" and card["tab"] == "Paint" and card["samples"] and not card["loaded"]
    assert facts["data"] == "drawn weights" and facts["licence"] == "for tests only"
    assert facts["size"].endswith(f"MB · trained at {SIZE[1]}×{SIZE[0]}") and "scores" not in facts
    assert card["picture"].startswith("data:image/jpeg;base64,")
    assert notice["visible"] and "torn" in notice["value"] and "web page" in notice["value"]


def test_label_networks_are_told_of(tmp_path):
    save_checkpoint(tmp_path / "tiny")
    save_labeller(tmp_path / "tiny" / "labeller")
    save_labeller(tmp_path / "alone")
    cards, _ = Models(Shelf(tmp_path, "cpu")).list()
    alone, tiny = cards["cards"]
    assert alone["tab"] == "" and "labels photographs" in alone["deed"]
    assert tiny["tab"] == "Paint" and "label network" in dict(tiny["rows"])["photographs"]


def test_scores_and_licences_are_words(root):
    checkpoint = cgan.read_checkpoint(root / "tiny")
    assert named("lpips") == "LPIPS" and named("frechet_10") == "Fréchet 10"
    assert named("frechet_ab", ("summer", "winter")) == "Fréchet, summer to winter"
    assert named("frechet_ba", ("summer", "winter")) == "Fréchet, winter to summer"
    for stated in ({}, {"licence": "unknown"}, {"licence": ""}):
        silent = cgan.Checkpoint(checkpoint.folder, "spade", {}, None, {"size": [4, 4], **stated})
        assert licence(silent) == "not stated"
        assert origin(silent) == "Training data not stated · licence: not stated"


def test_a_folder_is_added_lent_and_unloaded(shelf, tmp_path):
    save_checkpoint(tmp_path / "guest", seed=1)
    models = Models(shelf)
    assert not shelf.loaded()
    (first, *_), (told, cleared, cards, _) = models.add(str(tmp_path / "guest"))
    assert "Looking for" in first["value"] and "guest is here" in told["value"] and cleared == ""
    assert names(cards) == ["guest", "tiny"] or names(cards) == ["tiny", "guest"]
    assert [each.name for each in shelf.find("paint").checkpoints] == ["tiny", "guest"]
    painted = shelf.painter("guest").paint(np.zeros((32, 32), np.uint8))
    assert painted.shape == (1, 32, 32, 3) and shelf.loaded() == {"guest"}
    cards, _ = models.unload(event(name="guest"))
    assert not shelf.loaded() and not any(card["loaded"] for card in cards["cards"])


def test_what_an_export_lacks_is_told_to_who_sits_here(tmp_path, monkeypatch):
    """The README's own installation has no ONNX, and no button said why there was none."""
    save_checkpoint(tmp_path / "tiny")
    monkeypatch.setattr(export, "lacking", lambda: ["onnx", "onnxruntime"])
    for local in (True, False):
        (card,) = Models(Shelf(tmp_path, "cpu"), local).list()[0]["cards"]
        assert (
            card["onnx"] == ""
            and (["ONNX", "can be saved after pip install onnx onnxruntime and a new start"] in card["rows"])
            is local
        )


def test_a_checkpoint_is_saved_as_onnx_by_who_sits_here(tmp_path):
    model = spade.Model(spade.Config(**{**vars(spade.PRESETS["tiny"]), "classes": len(PALETTE)}))
    cgan.save(tmp_path / "tiny", model, PALETTE, {"size": SIZE})
    shelf = Shelf(tmp_path, "cpu")
    models = Models(shelf, local=True)
    assert models.list()[0]["cards"][0]["onnx"] and not Models(shelf).list()[0]["cards"][0]["onnx"]
    button = models.onnx(event(name="tiny"))
    with zipfile.ZipFile(button["value"]) as packed:
        assert {*packed.namelist()} == {"paint.onnx", "encode.onnx", "draw.onnx"}
    assert models.onnx(event(name="tiny")) == button and models.export("tiny") == button["value"], (
        "it is made once"
    )
    with pytest.raises(cgan.CheckpointError, match="there are: tiny"):
        models.onnx(event(name="../tiny"))


def test_opening_goes_to_its_tab(shelf):
    tabs, paint, translate, video = Models(shelf).open(event(name="tiny"))
    assert tabs.selected == "paint" and paint["value"] == "tiny" and paint["choices"] == ["tiny"]
    assert "value" not in translate and "value" not in video
    with pytest.raises(cgan.CheckpointError, match="there are: tiny"):
        Models(shelf).open(event(name="../tiny"))


@pytest.mark.parametrize(
    ("source", "told"), [("", "give the folder"), ("nothing at all", "no checkpoint"), ("torn", "web page")]
)
def test_what_cannot_be_added_is_told(shelf, root, source, told):
    source = str(root / source) if source == "torn" else source
    with pytest.raises(cgan.CheckpointError, match=told):
        list(Models(shelf).add(source))
    assert not shelf.guests


def test_two_of_one_name_are_refused(shelf, tmp_path):
    save_checkpoint(tmp_path / "tiny", seed=1)
    with pytest.raises(cgan.CheckpointError, match="another tiny here already"):
        shelf.add(str(tmp_path / "tiny"))
    shelf.add(str(shelf.root / "tiny"))
    assert not shelf.guests, "it is here already"


def test_examples_beside_a_checkpoint_are_read_with_care(tmp_path, monkeypatch):
    (tmp_path / "examples").mkdir()
    PALETTE.write_ids(tmp_path / "examples" / "1.png", np.ones((8, 8), np.uint8))
    Image.new("RGB", (8, 8), (250, 0, 250)).save(tmp_path / "examples" / "2.png")
    (tmp_path / "examples" / "3.png").write_bytes(b"no picture")
    said = []
    monkeypatch.setattr("app.examples.gr.Warning", said.append)
    found = own(tmp_path, PALETTE, SIZE)
    assert [each["name"] for each in found] == ["1"] and len(said) == 2
    assert own(tmp_path / "nowhere", PALETTE, SIZE) == []


@pytest.mark.parametrize("local", [False, True])
def test_only_who_sits_here_may_name_folders(shelf, local):
    """From elsewhere there is no such call: no path of a client is ever looked for."""
    calls = {each["api_name"] for each in build(shelf, local=local, training=local).config["dependencies"]}
    assert {"models", "paint"} <= calls
    ours = {"add_model", "onnx", "export_onnx", "unload", "start", "resume", "check_data", "stop_training"}
    assert calls & ours == (ours if local else set())


def test_the_page_lists_opens_and_adds(root, tmp_path, monkeypatch):
    save_checkpoint(tmp_path / "guest", seed=1)
    seen, write_graphs = threading.Event(), export.write

    def patient(*words):
        """Export, but not before the test has seen that it is under way."""
        assert seen.wait(PATIENCE / 1000)
        return write_graphs(*words)

    monkeypatch.setattr(export, "write", patient)
    _, url, _ = launch(build(Shelf(root, "cpu"), local=True), prevent_thread_lock=True, quiet=True)
    with sync_playwright() as playwright:
        chromium = browser(playwright)
        page = visitor(chromium, viewport={"width": 1200, "height": 800})
        page.goto(url)
        page.get_by_role("tab", name="Models").click()
        expect(page.locator(".card h2")).to_have_text(["tiny"])
        page.get_by_role("button", name="Samples").click()
        expect(page.get_by_role("img", name="Samples of tiny")).to_be_visible()
        page.get_by_role("button", name="Close").click()
        expect(page.locator(".cards dialog")).to_be_hidden()
        page.locator("#m-source").get_by_role("textbox").fill(str(tmp_path / "guest"))
        page.locator("#m-add").click()
        expect(page.locator(".card h2")).to_have_text(["tiny", "guest"])
        page.locator(".card").nth(1).get_by_role("button", name="ONNX").click()
        expect(page.locator(".card").nth(1).locator(".busy")).to_contain_text("Exporting")
        expect(page.locator(".card").nth(0).get_by_role("button", name="ONNX")).to_be_disabled()
        seen.set()
        with page.expect_download() as saved:
            page.locator(".card").nth(1).get_by_role("link", name="Save ONNX").click()
        assert saved.value.suggested_filename == "guest-onnx.zip"
        expect(page.locator(".card").nth(0).get_by_role("button", name="ONNX")).to_be_enabled()
        page.locator(".card").nth(1).get_by_role("button", name="Open in Paint").click()
        expect(page.locator("#model select")).to_have_value("guest")
        expect(page.locator("#status")).to_contain_text("guest")
        chromium.close()
