"""Scores of translators: unpaired, few-shot and paired, with their baselines, sheets and cards."""

import argparse
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import cgan
from cgan import contents, models
from cgan.errors import DataError
from train import judge as judges
from train import recipes
from train.judge import command as evaluate
from train.judge import examination as evaluate_translator
from train.judge import few_shot as evaluate_few_shot
from train.judge import few_shot_plan, metrics, report, sheet, unpaired
from train.judge.report import SAMPLES
from train.teachers import networks as teachers

SIZE = (32, 32)


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    """A cache for each test, and few samples where more would only make numbers surer."""
    monkeypatch.setenv("CGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(metrics, "FRECHET_RESAMPLES", 10)
    for module in (unpaired, evaluate_few_shot):
        monkeypatch.setattr(module, "DIVERSE", 3)
    monkeypatch.setattr(few_shot_plan, "PER_CLASS", 4)


@pytest.fixture(scope="module")
def squeezenet_file(tmp_path_factory):
    """Random weights by SqueezeNet's names: enough to tell equal pictures from others."""
    torch.manual_seed(0)
    state = {f"features.{name}": tensor for name, tensor in teachers._body("squeezenet").state_dict().items()}
    path = tmp_path_factory.mktemp("weights") / "squeezenet.safetensors"
    save_file(state, path)
    return path


@pytest.fixture(scope="module")
def examination(squeezenet_file):
    features = teachers.SqueezeNetFeatures(teachers.lpips(squeezenet_file).features)
    networks = metrics.Metrics(squeezenet_file, None, "cpu", features)
    return evaluate_translator.Examination(networks, most=8)


def judge_of(translator):
    return judges.of(recipes.kind_of(translator.checkpoint.model, translator.model.config))


def read(folder, translator):
    return judge_of(translator).read(folder, translator)


def picture(colour, seed) -> np.ndarray:
    """Stripes of a colour, bent by the seed."""
    random = np.random.default_rng(seed)
    down, across = np.indices((36, 36)) / 36
    wave = np.sin(random.uniform(6, 20) * down + random.uniform(6, 20) * across + random.uniform(0, 6))
    shaded = np.array(colour) * (0.7 + 0.25 * wave[..., None]) + random.normal(0, 5, (36, 36, 3))
    return shaded.clip(0, 255).astype(np.uint8)


COLOURS = {"amber": (250, 180, 20), "blue": (30, 60, 240), "green": (40, 200, 60), "rose": (240, 120, 180)}


def write(folder, names, count, seed=0):
    """A folder with a sub-folder of `count` pictures for each name; the colours are those of COLOURS."""
    for name in names:
        (folder / name).mkdir(parents=True)
        for i in range(count):
            path = folder / name / f"{i:03d}.png"
            Image.fromarray(picture(COLOURS[name], seed + 100 * i + len(name))).save(path)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Untrained checkpoints of all kinds, and data sets for them."""
    folder = tmp_path_factory.mktemp("place")
    about = {"size": list(SIZE), "licence": "MIT"}
    domains = {"domains": ["amber", "blue"], "edges": None}
    classes = {"classes": ["amber", "blue"], "held_out": ["green", "rose"]}
    told = {"unit": domains, "munit": domains, "funit": classes, "coco_funit": classes, "pix2pixhd": {}}
    for name, more in told.items():
        torch.manual_seed(0)
        config = models.module(name).PRESETS["tiny"]
        config = replace(config, classes=0) if "classes" in vars(config) else config  # no label maps
        cgan.save(folder / name, models.module(name).Model(config), None, about | more)
    write(folder / "two", ["amber", "blue"], 9)
    write(folder / "training", ["amber", "blue"], 12, seed=7)
    write(folder / "four", COLOURS, 9)
    write(folder / "unseen", ["green", "rose"], 9)
    for name, source in (("inputs", "amber"), ("images", "blue")):
        (folder / "pairs" / name).mkdir(parents=True)
        for path in (folder / "two" / source).iterdir():
            Image.open(path).save(folder / "pairs" / name / path.name)
    return folder


@pytest.fixture
def run(squeezenet_file, capsys):
    """Run the command with SqueezeNet's features; gives its result, its text, and what it said."""

    def run(*words):
        parser = argparse.ArgumentParser()
        evaluate.add_arguments(parser)
        usual = ("--perceptual-weights", squeezenet_file, "--features", "squeezenet", "--device", "cpu")
        assert evaluate.run(parser.parse_args([str(word) for word in (*words, *usual)])) == 0
        captured = capsys.readouterr()
        return json.loads(captured.out.strip().splitlines()[-1]), captured.out, captured.err

    return run


def test_munit_is_judged_both_ways(place, run):
    result, out, _ = run(place / "munit", "--data", place / "two", "--against", place / "training")
    there, back = result["tables"]
    assert there["title"] == "amber → blue, 9 held-back pictures" and back["title"].startswith("blue → amber")
    for section in (there, back):
        drawn, styled, copied, floor = section["rows"].values()
        assert {"frechet", "kid", "precision", "coverage", "kept", "diversity"} <= set(drawn)
        assert "diversity" not in styled and "kept" not in copied and "diversity" in floor
        assert floor["frechet"] < copied["frechet"]  # blue is not amber
        low, high = drawn["diversity_interval"]
        assert low <= drawn["diversity"] <= high and drawn["diversity"] > 0
    assert "| drawn styles |" in out and "| real against real (training) |" in out
    assert "LPIPS from the input" in out and "diversity (LPIPS)" in out


def test_unit_is_judged_against_halves(place, run):
    result, out, _ = run(place / "unit", "--data", place / "two")
    for section in result["tables"]:
        assert list(section["rows"]) == [
            "translations",
            "the inputs themselves",
            "real against real (halves)",
        ]
        assert "--against" in section["note"] and section["note"] in out
        assert "diversity" not in section["rows"]["translations"]


def test_other_domains_are_refused(place, run):
    with pytest.raises(DataError, match="the domains green and rose, the checkpoint amber and blue"):
        run(place / "unit", "--data", place / "unseen")


def test_funit_is_judged_on_unseen_classes(place, run):
    result, out, _ = run(place / "funit", "--data", place / "four")
    (section,) = result["tables"]
    rows = section["rows"]
    assert section["title"].startswith("2 classes not seen in training")
    assert list(rows) == [
        "1 style picture",
        "2 style pictures",
        "5 style pictures",
        "the contents themselves",
        "real pictures of the classes",
    ]
    assert rows["the contents themselves"]["right"] == 0 and rows["the contents themselves"]["kept"] == 0
    assert rows["real pictures of the classes"]["right"] == 1
    assert rows["real pictures of the classes"]["frechet"] < rows["the contents themselves"]["frechet"]
    assert "All classes together" in section["note"] and "among 4 classes; chance is 0.25" in out


def test_contents_may_come_from_the_training_pictures_or_other_unseen_classes(place, examination):
    translator = cgan.load(place / "funit", device="cpu")
    unseen, training = (read(place / name, translator) for name in ("unseen", "training"))
    targets, _ = evaluate_few_shot.targets_of(translator, unseen)
    contents = evaluate_few_shot.contents_of(targets, unseen, training, examination)
    assert len(contents.pictures) == 4 and set(contents.classes) == {-1}
    alone = evaluate_few_shot.contents_of(targets, unseen, None, examination)
    assert set(alone.classes) == {0, 1}
    plan = evaluate_few_shot.planned(targets, alone, 2, examination)
    assert plan.styles.shape == (4, 2)
    for i, j, styles in zip(plan.targets, plan.contents, plan.styles, strict=True):
        assert alone.classes[j] != targets[i].number and set(styles) <= set(targets[i].styles)


@pytest.mark.parametrize("size", [SIZE, (30, 42)], ids=str)
def test_translations_at_once_are_those_one_after_another(place, examination, size):
    """As `Translator.translate` makes them, margins included; but for rounding to grey levels."""
    for name in ("funit", "coco_funit"):
        translator = cgan.load(place / name, device="cpu")
        translator.size = size
        data = read(place / "four", translator)
        pictures = evaluate_translator.whole(data.images, data.size)
        targets, _ = evaluate_few_shot.targets_of(translator, data)
        contents = evaluate_few_shot.contents_of(targets, data, None, examination)
        plan = evaluate_few_shot.planned(targets, contents, 2, examination)
        codes = evaluate_few_shot.encoded(translator, pictures)
        together = evaluate_few_shot.translated(translator, contents, plan, codes).astype(int)
        for i, j in enumerate(plan.contents):
            styles = list(pictures[plan.styles[i]])
            alone = translator.translate(contents.pictures[j], style=styles)[0].astype(int)
            assert alone.shape == together[i].shape and abs(alone - together[i]).max() <= 1


def test_no_translation_is_measured_against_its_own_style(place):
    translator = cgan.load(place / "funit", device="cpu")
    targets, _ = evaluate_few_shot.targets_of(translator, read(place / "four", translator))
    for target in targets:
        assert target.name in ("green", "rose")
        assert not set(target.styles) & set(target.references)


def test_classes_that_were_all_seen_are_refused(place, run):
    with pytest.raises(DataError, match="no class that funit has not seen"):
        run(place / "funit", "--data", place / "training")


def test_which_classes_are_judged_is_said(place, run):
    """Learnt ones never; those held out, which chose the weights, where there are no new ones."""
    result, out, err = run(place / "funit", "--data", place / "four")
    (section,) = result["tables"]
    words = (
        "Judged: 2 of 4 classes, those held out of training, by which the weights may have been chosen. "
        "Left out (learnt): amber, blue."
    )
    assert section["note"].startswith(words) and words in out and words in err


def test_names_that_happen_to_be_held_out_do_not_hide_the_others(place):
    class Seen:
        name, about = "x", {"classes": ["amber"], "held_out": ["green"]}

    translator = cgan.load(place / "funit", device="cpu")
    data = read(place / "four", translator)
    translator.checkpoint = Seen
    targets, words = evaluate_few_shot.targets_of(translator, data)
    assert [target.name for target in targets] == ["blue", "rose"]
    assert "2 of 4 classes, those that neither taught nor chose the weights" in words
    assert "(learnt): amber" in words and "(a class of that name was held out): green" in words
    Seen.about = {}
    assert len(evaluate_few_shot.targets_of(translator, data)[0]) == 4


def test_fréchet_distances_class_by_class(place, examination, monkeypatch):
    """Where the classes have pictures enough, the mean over them: zero for equal sets."""
    monkeypatch.setattr(evaluate_few_shot, "ENOUGH", 4)
    translator = cgan.load(place / "funit", device="cpu")
    data = read(place / "four", translator)
    targets, _ = evaluate_few_shot.targets_of(translator, data)
    pictures = evaluate_translator.whole(data.images, data.size)
    judge = evaluate_few_shot.Table(data, pictures, targets, np.arange(len(data)), examination)
    assert judge.note.startswith("Means over the classes")
    assert judge._sets(judge.real, judge.real)["frechet"] == pytest.approx(0, abs=1e-6)
    swapped = judge._sets(judge.real[::-1], judge.real)
    assert swapped["frechet"] > 1 and swapped["frechet_interval"][0] <= swapped["frechet"]
    assert swapped["kid"] == pytest.approx(
        judge._sets(judge.real, judge.real)["kid"]
    )  # together they are equal


@pytest.fixture(scope="module")
def letters(place):
    """(a checkpoint that learnt by pairs, a folder of four unseen classes, which show the same things)."""
    about = {"size": list(SIZE), "licence": "MIT", "classes": ["amber"]}
    kept = contents.pack(["one"], [picture((9, 9, 9), 0)[:32, :32]])
    model = models.module("funit")
    cgan.save(place / "pairs-funit", model.Model(model.PRESETS["tiny"]), None, about | {"contents": kept})
    for name in COLOURS:
        (place / "letters" / name).mkdir(parents=True)
        for i in range(8):
            colour = np.array(COLOURS[name]) * (0.5 + i / 16)
            Image.fromarray(picture(colour, i)).save(place / "letters" / name / f"{i}.png")
    return place / "pairs-funit", place / "letters"


def test_letters_are_compared_with_the_same_letters(letters, examination):
    """Perfect translations are all right, those to another class all wrong; no style shows their letter."""
    translator = cgan.load(letters[0], device="cpu")
    data = read(letters[1], translator)
    targets, _ = evaluate_few_shot.targets_of(translator, data)
    there = evaluate_few_shot.contents_of(targets, data, None, examination)
    plan = evaluate_few_shot.planned(targets, there, 2, examination)
    shown = data.shown.numpy()
    assert set(there.shown) & set(shown[plan.styles].ravel()) == set()
    pictures = evaluate_translator.whole(data.images, data.size)
    compared, rows = evaluate_few_shot.fewer(targets, data, there)
    assert len(rows) < len(data) and all(set(shown[it.references]) == set(there.shown) for it in compared)
    table = evaluate_few_shot.Table(data, pictures, compared, rows, examination)
    asked = torch.from_numpy(there.shown[plan.contents])
    for turned, share in ((0, 1), (1, 0)):
        numbers = np.array([target.number for target in targets[turned:] + targets[:turned]])
        right = pictures[data.rows_of(torch.from_numpy(numbers[plan.targets]), asked).numpy()]
        row = table.row(right, plan, there, examination.generated(right))
        assert row["right"] == row["right_pixels"] == share


def test_pairs_are_judged_by_the_command(letters, run):
    result, out, _ = run(letters[0], "--data", letters[1], "--pictures", "8")
    (section,) = result["tables"]
    assert "nearest picture of the same content among 4 classes; chance is 0.250" in out
    assert 0 <= section["rows"]["1 style picture"]["right"] <= 1
    assert "right" not in section["rows"]["real pictures of the classes"]


def test_pix2pixhd_of_pictures_is_judged_on_pairs(place, run):
    result, out, _ = run(place / "pix2pixhd", "--data", place / "pairs")
    (section,) = result["tables"]
    rows = section["rows"]
    assert section["title"] == "9 held-back pairs"
    assert {"lpips", "frechet"} <= set(rows["translations"]) and "| the inputs themselves |" in out


HEADINGS = {  # of the samples' pictures
    "unit": ["amber as_blue", "blue as_amber"],
    "munit": ["amber as_blue as_blue as_blue", "blue as_amber as_amber as_amber"],
    "funit": ["style style style picture translated"],
    "pix2pixhd": ["input output true"],
}


@pytest.mark.parametrize("outputs_only", [False, True])
@pytest.mark.parametrize(
    "name, data, pictures, across",
    [("unit", "two", 2, 5), ("munit", "two", 4, 2), ("funit", "four", 5, 2), ("pix2pixhd", "pairs", 3, 3)],
)
def test_sheets_of_samples(place, examination, name, data, pictures, across, outputs_only):
    translator = cgan.load(place / name, device="cpu")
    judge = judge_of(translator)
    cells = judge.cells(translator, judge.read(place / data, translator), None, examination, 16, outputs_only)
    if outputs_only:
        pictures, across = {"munit": (3, 3)}.get(name, (1, 10))
    assert {len(cell) for cell in cells} == {pictures} and 4 <= len(cells) <= 16
    across = min(across, len(cells))
    gaps = (across - 1) * report.SPACE + (pictures * across + across - 2) * sheet.GAP
    assert report.arranged(cells).shape[1] == SIZE[1] * pictures * across + gaps
    told = {" ".join(heading.replace(" ", "_") for heading, _ in cell) for cell in cells}
    assert told == {*HEADINGS[name]} if not outputs_only else len(told) == len(HEADINGS[name])


def test_headings_stand_where_other_things_begin_to_be_shown():
    black = np.zeros((30, 40, 3), np.uint8)
    cells = sheet.labelled(["input", "output"], [[black] * 2] * 10) + sheet.labelled(["other"], [[black]])
    picture = report.arranged(cells)
    above = sheet.grid([[black]], ["output"]).shape[0] - 30
    assert len(picture) == 3 * 30 + 2 * above + 2 * sheet.GAP
    second = picture[:above, 40 + sheet.GAP : 80 + sheet.GAP]
    assert np.array_equal(second, sheet.grid([[black]], ["output"])[:above])
    alike = report.arranged(sheet.labelled(["output"], [[black]] * 3))
    assert (alike[:above, :40] < 200).any() and (alike[:above, 40:] > 200).all(), "what all are is said once"


def test_the_card_of_a_translator(place, run, tmp_path):
    folder = place / "unit"
    (folder / "README.md").write_text("<!-- scores -->\n<!-- end of scores -->\n")
    run(folder, "--data", place / "two", "--card", "--outputs-only", "--pictures", 4)
    card = (folder / "README.md").read_text()
    assert "amber → blue" in card and "blue → amber" in card and (folder / SAMPLES).exists()


def test_at_most_as_many_pictures_as_wished(place, run):
    result, _, _ = run(place / "unit", "--data", place / "two", "--pictures", 4)
    assert result["tables"][0]["title"].startswith("amber → blue, 4")
