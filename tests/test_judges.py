"""One judge a kind of batch; the three parts of the data, and what is said where they meet."""

from dataclasses import replace
from typing import NamedTuple

import pytest
import torch
from drawn import clips, few_shot, few_shot_clips, paired, rectangles, unpaired

from cgan import models
from cgan.errors import DataError
from train import judge as judges
from train import recipes
from train.data.batches import Clip, FewShot, FewShotClip, Labelled, Painted, Paired, Unpaired
from train.judge import learning, parts
from train.judge.metrics import Metrics
from train.judge.protocol import Sitting


class Colours(torch.nn.Module):
    """Features that need no weights."""

    name = "colours"

    def forward(self, images):
        return torch.nn.functional.adaptive_avg_pool2d(images, 2).flatten(1)


@pytest.fixture
def metrics(monkeypatch):
    monkeypatch.setattr("train.teachers.networks.lpips", lambda *given: None)
    return Metrics(None, None, "cpu", Colours())


def test_each_recipe_has_a_judge():
    for name in recipes.names():
        kind = recipes.kind_of(name, models.module(name).PRESETS["tiny"])
        judge = judges.of(kind)
        assert judge.batch is kind and judge.scored
        assert judge.__class__.__module__ == f"train.judge.{judges.kinds()[kind]}"


def test_pictures_without_classes_are_pairs():
    config = replace(models.module("pix2pixhd").PRESETS["tiny"], classes=0)
    assert recipes.kind_of("pix2pixhd", config) is Paired


def test_an_unknown_kind_is_an_error():
    class Smelled(NamedTuple):
        noses: int

    known = "Clip, FewShot, FewShotClip, Labelled, Painted, Paired, Unpaired"
    with pytest.raises(DataError, match=f"nobody judges.*Smelled.*{known}"):
        judges.of(Smelled)


DATA = {
    Painted: ("spade", rectangles),
    Labelled: ("label", rectangles),
    Unpaired: ("munit", unpaired),
    Paired: ("pix2pixhd", paired),
    FewShot: ("funit", few_shot),
    Clip: ("wc_vid2vid", clips),
    FewShotClip: ("fs_vid2vid", few_shot_clips),
}


@pytest.mark.parametrize("kind", DATA, ids=lambda kind: kind.__name__)
def test_a_sitting(kind, metrics):
    """Sheets, scores and words of each kind, of an untrained model."""
    name, make = DATA[kind]
    data, judge = make(10, (32, 32)), judges.of(kind)
    recipe, presets = recipes.module(name), models.module(name).PRESETS
    config = recipe.Recipe.configure(presets["tiny"], data)
    model = models.module(name).Model(config).eval()
    sitting = Sitting(data, data, (32, 32), metrics, recipe.Recipe.palette(data))
    sheets = judge.sheets(model, sitting)
    assert sheets.samples.shape[0] > 6 * 32 and sheets.preview.shape != sheets.samples.shape
    scores = judge.scores(model, sitting)
    assert scores and all(value >= 0 for value in scores.values()) and judge.scores(model, sitting) == scores
    assert judge.scores(model, replace(sitting, validation=None)) == {}
    about = recipe.Recipe.about(data)
    assert "cgan.load" in judge.usage("x", model) and judge.caption(model, about).endswith(".")
    assert len(judge.pictures(data)[0]) == len(data)


def test_a_style_that_is_shown_is_followed(metrics):
    """A translator that takes over its style picture whole is at no distance from the classes."""
    data, judge = few_shot(12, (32, 32)), judges.of(FewShot)

    class Copy(torch.nn.Module):
        styles = "pictures"

        def __init__(self):
            super().__init__()
            self.unused = torch.nn.Parameter(torch.zeros(()))

        def encode(self, image, direction):
            return image

        def content(self, image, direction):
            return image

        def decode(self, content, style, direction):
            return style

    scores = judge.scores(Copy(), Sitting(data, data, (32, 32), metrics))
    assert scores["class_distance"] == pytest.approx(0, abs=1e-3)
    assert learning.can_compare(Sitting(data, data, (32, 32), metrics))


# Three parts


def test_pictures_are_known_again():
    data = rectangles(9, (32, 32)).images
    about = {"chosen_by": parts.chosen_by("set aside", [data[:4]])}
    assert about["chosen_by"]["pictures"] == 4 and len(about["chosen_by"]["fingerprints"]) == 4
    assert parts.remarks(about, [data[4:]], None) == []
    (said,) = parts.remarks(about, [data[2:]], None)
    assert said.startswith("Not a last judgement: 2 of these 7 pictures chose the weights (set aside)")
    (said,) = parts.remarks(about, [data[4:]], [data[8:]])
    assert said == "1 of these 5 pictures are among those of --against, too."
    assert parts.remarks({}, [data], None) == [] == parts.remarks({"chosen_by": None}, [data], None)
    assert parts.unknown({}) and not parts.unknown({"chosen_by": None})


def test_many_pictures_are_kept_in_part():
    data = torch.arange(600).div(4).byte()[:, None, None, None].expand(-1, 3, 2, 2)
    chosen = parts.chosen_by("a folder", [data])
    assert chosen["pictures"] == 600 and len(chosen["fingerprints"]) == parts.MOST
    (said,) = parts.remarks({"chosen_by": chosen}, [data[:40]], None)
    assert "at least 40 of these 40" in said
