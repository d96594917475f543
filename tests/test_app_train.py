"""The Train tab: what a plan becomes, a run from start to end, and the page with a trainer that plays one."""

import asyncio
import json
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import gradio as gr
import pytest
from app_fixtures import PATIENCE, browser, expect, visitor
from gradio import EventData
from PIL import Image
from playwright.sync_api import sync_playwright

import cgan
from app import training as running
from app.shelf import Shelf
from app.start import flags
from app.tabs.train.handlers import Runs
from app.training import Plan, Training, curves, read_rows
from app.ui import build, launch

SLOW = 20  # seconds that reading the folder called "slow" takes
TINY = "--perceptual none --batch 2 --calibrate 1 --device cpu --evaluate-every 8"
# Plays `python -m cgan train`: answers at once, and learns until it is told to stop, or twice as long.
PLAYED = r"""
import json, pathlib, signal, sys, time
words = sys.argv[1:]
if words[0] == "describe":
    presets = {name: {"size": [64, 64], "images": 100, "batch": 4} for name in ("tiny", "small", "paper")}
    model = {"title": "SPADE: maps become pictures.", "data": "The data of a folder with `images/`.",
             "presets": presets}
    print(json.dumps({"models": {"spade": model}}))
elif words[0] == "check":
    if "missing" in words:
        sys.exit("error: missing cannot be used, nothing was started:\n  there is no folder images/")
    if "slow" in words:
        time.sleep(SLOW)
    folder = words[words.index("--data") + 1] if "--data" in words else "the built-in world"
    print(f"spade can learn from 12 pictures of {folder}", file=sys.stderr)
else:
    folder = pathlib.Path(words[words.index("--out") + 1]) / "training"
    again = (folder / "run.json").exists()
    (folder / "samples").mkdir(exist_ok=True)
    note = {"model": "spade", "words": words[1:], "images": 100, "every": 50}
    (folder / "beside").write_text(json.dumps(note))
    (folder / "beside").replace(folder / "run.json")  # whole, as the trainer's
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
    with (folder / "log.jsonl").open("a") as log:
        for images in (20, 40, 100 if again else 60):
            row = {"kind": "step", "images": images, "generator.fool": 1 / images, "images_per_second": 2}
            log.write(json.dumps(row) + "\n")
        log.write(json.dumps({"kind": "evaluation", "images": 50, "lpips": 0.5}) + "\n")
    (folder / "beside").write_bytes(open(PICTURE, "rb").read())
    (folder / "beside").replace(folder / "samples" / "000000050.jpg")
    while not stopped and not again:
        time.sleep(0.02)
    print("spade-1 is ready" if again else "stopped after 60 of 100 images", flush=True)
    sys.exit(0 if again else 130)
"""


@pytest.fixture
def played(monkeypatch, tmp_path):
    """The trainer is played: no torch is imported, nothing is learnt."""
    picture = tmp_path / "sheet.jpg"
    Image.new("RGB", (40, 20), "teal").save(picture)
    script = PLAYED.replace("PICTURE", repr(str(picture))).replace("SLOW", str(SLOW))
    monkeypatch.setattr(running, "program", lambda *words: [sys.executable, "-c", script, *words])


@pytest.fixture
def training(tmp_path):
    made = Training(tmp_path / "checkpoints")
    made.root.mkdir()
    yield made
    made.stop()


def until(training: Training, name: str, *states: str, **facts: object) -> dict:
    """The report of a run in one of these states, with these facts in it."""
    deadline = time.monotonic() + PATIENCE / 1000

    def there(report: dict) -> bool:
        return report["state"] in states and facts.items() <= report.items()

    while not there(report := training.report(name)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert there(report), report
    return report


def test_a_plan_is_a_command_line(training):
    plan = Plan("spade", "small", "mine", "photos and maps", 128, 5000, "MIT", "--batch '8'")
    words = training.command(plan)
    assert words[:5] == ["spade", "--batch", "8", "--preset", "small"]
    assert words[5:9] == ["--data", "photos and maps", "--size", "128"]
    assert words[9:] == ["--images", "5000", "--licence", "MIT", "--out", str(training.root / "mine")]
    assert "--data" not in Plan("spade", "tiny", "x").words()
    named = Plan("spade", "tiny", "x", names=" sky, the ground,").words()
    assert named[-2:] == ["--class-names", "sky,the ground"]


def test_names_of_classes_are_asked_for_where_there_are_maps(training):
    runs = Runs(Shelf(training.root), training)
    for model, asked in (("spade", True), ("vid2vid", True), ("label", True), ("munit", False)):
        assert runs.choose(model, "small")[-1]["visible"] is asked
        told = runs.tell(model, "small", "mine", names="sky, road")
        assert ("--class-names sky,road" in told) is asked


def test_what_was_typed_stays_when_another_model_is_chosen(training):
    runs = Runs(Shelf(training.root), training)
    size, images, proposed, name, *_ = runs.choose("spade", "small")
    assert [size["value"], images["value"]] == proposed and name["value"] == "spade-1"
    size, images, other, name, *_ = runs.choose("munit", "paper", proposed[0], 77, "spade-1", proposed)
    assert size["value"] == other[0] != proposed[0] and "value" not in images
    assert name["value"] == "munit-1"
    size, images, _, name, *_ = runs.choose("spade", "small", None, other[1], "mine", other)
    assert size["value"] == proposed[0] and images["value"] == proposed[1] and "value" not in name


def test_of_two_checks_the_last_is_answered(played, training):
    runs = Runs(Shelf(training.root), training)
    first = runs.check("spade", "tiny", "mine", "slow")
    assert next(first)["words"] == "Reading the folder …"
    started = time.monotonic()
    with ThreadPoolExecutor(1) as beside:
        overtaken = beside.submit(list, first)
        while training._latest is None:
            time.sleep(0.01)
        *_, last = runs.check("spade", "tiny", "mine", "photos")
        assert last["words"].endswith("of photos") and last["asked"][3] == "photos"
        assert all("words" not in each for each in overtaken.result())
    assert time.monotonic() - started < SLOW


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 99, None])
def test_names_are_plain_words(training, name):
    with pytest.raises(cgan.DataError, match="must be a word"):
        training.folder(name)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({0: "spad"}, "no model 'spad'"),
        ({1: "huge"}, "in the preset 'huge'"),
        ({4: -1}, "the size is -1"),
        ({5: 1.5}, "number of images is 1.5"),
        ({5: True}, "number of images is True"),
        ({7: "--batch '8"}, "flags cannot be read"),
    ],
)
def test_a_form_is_read_with_care(played, training, change, told):
    form = ["spade", "tiny", "mine", "", 64, 100, "", ""]
    for place, value in change.items():
        form[place] = value
    runs = Runs(Shelf(training.root), training)
    with pytest.raises(cgan.DataError, match=told):
        list(runs.start(*form))
    assert not training.runs()


def test_rows_and_curves(tmp_path):
    rows = [
        {"kind": "step", "images": i, "fool": i / 2, "precision": "fp32", "bad": "nan"} for i in range(999)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows) + '{"kind": "st'
    (tmp_path / "log.jsonl").write_text(text + "\n[]\n{}\n")
    read = read_rows(tmp_path / "log.jsonl")
    assert read == rows and read_rows(tmp_path / "nowhere") == []
    found = curves(read)
    assert [*found] == ["fool"] and 100 < len(found["fool"]) <= 240 and found["fool"][1][1] > 0


def test_a_run_learns_before_its_log_has_a_row(training):
    folder = training.folder("early") / "training"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text('{"model": "spade", "words": [], "images": 100, "every": 50}')
    (folder / "output.txt").write_text("reading …\n")
    training._process = SimpleNamespace(poll=lambda: None, terminate=lambda: None)
    training._name = "early"
    assert training.report("early")["state"] == "preparing"
    with (folder / "output.txt").open("a") as output:
        output.write("4/100 images  0.5/s  3 min left\n24/100 images  1.25/s  1 min left\n  generator 0.1\n")
    report = training.report("early")
    assert (report["state"], report["images"], report["rate"]) == ("learning", 24, 1.25)


def test_one_run_at_a_time_stopped_and_resumed(played, training):
    assert training.check(Plan("spade", "tiny", "one")).endswith("of the built-in world")
    training.start(Plan("spade", "tiny", "one"))
    report = until(training, "one", "learning", images=60, sheets=[50])
    for name in ("one", "two"):
        with pytest.raises(cgan.DataError, match="one is under way"):
            training.start(Plan("spade", "tiny", name))
    assert training.running() == "one" and training.runs() == ["one"]
    assert report["images"] == 60 and report["total"] == 100 and report["rate"] == 2
    assert report["losses"]["generator.fool"][0] == [20, 0.05] and report["scores"] == {"lpips": [[50, 0.5]]}
    assert report["sheets"] == [50] and training.sheet("one", 50)[:2] == b"\xff\xd8"
    with pytest.raises(cgan.DataError, match="no samples of 51"):
        training.sheet("one", 51)
    training.stop()
    assert until(training, "one", "stopped")["said"] == ["stopped after 60 of 100 images"]
    with pytest.raises(cgan.DataError, match="resume it"):
        training.start(Plan("spade", "tiny", "one"))
    training.resume("one")
    assert until(training, "one", "done")["command"].startswith("python -m train spade --preset tiny")
    with pytest.raises(cgan.DataError, match="there is a run called one: choose another name"):
        training.start(Plan("spade", "tiny", "one"))
    ((told, *_),) = Runs(Shelf(training.root), training).start("spade", "tiny", "one", "nowhere")
    assert told["wrong"] and "choose another name" in told["words"], "not that there is no folder"
    for code, state in ((-signal.SIGTERM, "done"), (1, "failed")):  # asked to stop when all was done
        training._process = SimpleNamespace(returncode=code, poll=lambda code=code: code)
        assert training.report("one")["state"] == state
    with pytest.raises(cgan.DataError, match="no run called two"):
        training.resume("two")


@pytest.mark.slow
def test_a_real_run_becomes_a_checkpoint(training, painted_folder):
    """With the real trainer: what is described, checked, learnt, reported; and it ends on the shelf."""
    models = training.models()
    assert "spade" in models and models["spade"]["presets"]["tiny"]["size"] == [64, 64]
    runs, shelf = Runs(Shelf(training.root, "cpu"), training), Shelf(training.root, "cpu")
    with pytest.raises(cgan.DataError, match="there is no folder images/"):
        training.check(Plan("spade", "tiny", "mine", str(training.root)))
    said = list(runs.start("spade", "tiny", "mine", str(painted_folder), 64, 16, "", TINY))
    assert "can learn from 11 pictures" in said[-1][0]["words"]
    report = until(training, "mine", "done", "failed")
    assert report["state"] == "done", report["said"]
    assert report["images"] == 16 and report["sheets"] == [8, 16] and "lpips" in report["scores"]
    checkpoint = shelf.checkpoint("mine", "paint")
    assert len([*checkpoint.folder.glob("examples/*.png")]) == 1, "one validation picture, one map"
    tabs, paint, *_ = runs.use("mine")
    assert tabs.selected == "paint" and paint["value"] == "mine"
    assert runs.sheet(EventData(None, {"name": "mine", "images": 16}))["sheet"]["picture"].startswith(
        "data:image/jpeg"
    )


def test_training_is_off_where_others_reach_the_page(tmp_path):
    assert flags().parse_args([]).allow_training is False
    assert flags().parse_args(["--allow-training"]).allow_training is True
    for allowed in (False, True):
        parts = {each["props"].get("elem_id"): each for each in blocks(tmp_path, allowed)}
        assert ("r-start" in parts) == allowed
        assert allowed or "--allow-training" in parts["r-off"]["props"]["value"]


def test_the_form_is_whole_before_the_trainer_was_asked(monkeypatch, tmp_path):
    monkeypatch.setattr(running, "program", lambda *_: pytest.fail("asked"))
    (tmp_path / "spade-1").mkdir()
    parts = {each["props"].get("elem_id"): each["props"].get("value") for each in blocks(tmp_path, True)}
    assert [parts[f"r-{name}"] for name in ("model", "preset", "name")] == ["spade", "small", "spade-2"]
    assert parts["r-size"] == 128 and parts["r-images"] == 40000
    assert (
        "It learns from" in parts["r-about"] and "python -m train spade --preset small" in parts["r-command"]
    )


def test_what_a_component_refuses_is_told_without_a_traceback(tmp_path):
    page = build(Shelf(tmp_path, "cpu"), training=True)
    (plan,) = [each for each in page.fns.values() if each.api_name == "plan"]
    with pytest.raises(gr.Error, match="huge") as refused:
        asyncio.run(page.preprocess_data(plan, ["spade", "huge", 128, 40000, "spade-1", None], None))
    assert not refused.value.print_exception


def test_a_proposed_name_gives_way_when_it_was_taken(played, training):
    (training.root / "spade-1" / "training").mkdir(parents=True)
    runs = Runs(Shelf(training.root, "cpu"), training)
    first, then = runs.open("spade", None, "spade-1")
    assert first[-1]["value"] == "spade-2" and then[0]["choices"] == ["spade"], "only one can be trained here"
    assert "value" not in next(runs.open("spade", None, "mine"))[-1]


def blocks(root, training: bool) -> list[dict]:
    """The components of a page which others can reach."""
    return build(Shelf(root, "cpu"), local=False, training=training).config["components"]


WATCH = """() => {
  const start = document.querySelector("#r-start");
  new MutationObserver(() => { window.paused ||= start.disabled; }).observe(start, { attributes: true });
}"""


@pytest.mark.slow
def test_the_page_starts_watches_stops_and_resumes(played, tmp_path):
    root = tmp_path / "shelf"
    root.mkdir()
    _, url, _ = launch(build(Shelf(root, "cpu"), True, True), prevent_thread_lock=True, quiet=True)
    with sync_playwright() as playwright:
        chromium = browser(playwright)
        page = visitor(chromium, viewport={"width": 1200, "height": 900})
        page.goto(url)
        page.get_by_role("tab", name="Train").click()
        expect(page.locator("#r-about")).to_contain_text("It learns from a folder with images/")
        expect(page.get_by_label("Name of the checkpoint")).to_have_value("spade-1")
        expect(page.locator("#r-advanced")).to_have_css("overflow", "visible")  # no bar beneath its line
        page.get_by_label("Size in pixels").fill("5")
        expect(page.locator("#r-command")).to_have_text("the size is 5; it must be a whole number from 32")
        page.get_by_label("Size in pixels").fill("64")
        page.get_by_label("Name of the checkpoint").fill("../evil")
        page.get_by_role("button", name="Start").click()
        expect(page.get_by_text("must be a word of letters, digits, - and _")).to_be_visible()
        page.get_by_label("Name of the checkpoint").fill("spade-1")
        expect(page.get_by_role("button", name="Start")).to_be_enabled()
        page.get_by_label("Folder of training data").fill("missing")
        page.evaluate(WATCH)
        page.get_by_role("button", name="Start").click()
        answer = page.locator("#r-answer pre")
        expect(answer).to_contain_text("there is no folder images/")
        expect(page.get_by_role("button", name="Start")).to_be_enabled()
        assert page.evaluate("window.paused")  # while it started
        page.get_by_label("Folder of training data").fill("slow")
        expect(answer).to_be_hidden()
        page.get_by_role("button", name="Check the folder").click()
        expect(answer).to_have_text("Reading the folder …")
        page.get_by_label("Folder of training data").fill("photos")
        expect(answer).to_be_hidden()
        page.get_by_role("button", name="Check the folder").click()
        expect(answer).to_have_text("spade can learn from 12 pictures of photos")
        page.get_by_label("Folder of training data").fill("other")
        expect(answer).to_be_hidden()
        expect(page.locator(".course .empty")).to_be_visible()
        page.get_by_label("Folder of training data").fill("photos")
        expect(page.locator("#r-command")).to_contain_text(
            "train spade --preset small --data photos --size 64"
        )
        page.get_by_role("button", name="Start").click()
        expect(page.locator(".course .state")).to_have_text("spade-1: Learning")
        expect(page.locator(".course .cost")).to_contain_text("of 100 pictures · 2 a second")
        expect(page.get_by_role("img", name="Samples of the run")).to_be_visible()
        expect(page.locator(".course .curve")).to_have_count(2)
        page.get_by_role("button", name="Stop").click()
        expect(page.locator(".course .state")).to_contain_text("Stopped")
        page.get_by_role("button", name="Resume").click()
        expect(page.locator(".course .state")).to_have_text("spade-1: Ready")
        chromium.close()
