"""Fake batches have the shapes that their docstrings promise, and every kind of batch can move."""

import pytest
import torch

from train.data import batches
from train.data.batches import Clip, FewShot, FewShotClip, Labelled, Painted, Paired, Unpaired

KINDS = [Painted, Labelled, Unpaired, FewShot, Paired, Clip, FewShotClip]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_fakes_are_drawn_by_seed_and_can_move(kind):
    batch, again, other = kind.fake(), kind.fake(), kind.fake(seed=1)
    assert isinstance(batch, kind) and isinstance(batch.to("cpu"), kind)
    parts = [(a, b) for a, b in zip(batch, again, strict=True) if a is not None]
    assert all(torch.equal(a, b) for a, b in parts)
    assert not torch.equal(batch[0], other[0])
    assert all(part.device.type == "meta" for part in batch.to("meta") if part is not None)


@pytest.mark.parametrize(
    ("kind", "names"),
    [(Unpaired, ("a", "b")), (FewShot, ("contents", "styles")), (Paired, ("inputs", "images"))],
)
def test_pictures_are_images(kind, names):
    batch = kind.fake(batch=3, size=(20, 40))
    for name in names:
        image = batch._asdict()[name]
        assert image.shape == (3, 3, 20, 40) and image.dtype == torch.float32
        assert -1 <= image.min() < -0.9 and 0.9 < image.max() <= 1
    first, second = (batch._asdict()[name] for name in names)
    assert not torch.equal(first, second)


def test_classes_are_numbers():
    batch = FewShot.fake(batch=50, size=(4, 4), classes=3)
    for classes in (batch.content_classes, batch.style_classes):
        assert classes.shape == (50,) and classes.dtype == torch.int64
        assert sorted(classes.unique().tolist()) == [0, 1, 2]


def test_clips_have_a_step_between_two_frames():
    clip = Clip.fake(batch=2, size=(24, 40), frames=3, classes=5)
    assert clip.labels.shape == clip.depth.shape == clip.instances.shape == (2, 3, 1, 24, 40)
    assert clip.labels.dtype == clip.instances.dtype == torch.int64 and clip.labels.max() < 5
    assert clip.images.shape == (2, 3, 3, 24, 40)
    assert clip.flow.shape == (2, 2, 2, 24, 40) and clip.seen.shape == (2, 2, 1, 24, 40)
    assert clip.pose.shape == (2, 3, 4, 4) and clip.intrinsics.shape == (2, 4)


def test_few_shot_clips_show_their_subject():
    clip = FewShotClip.fake(batch=2, size=(24, 40), frames=3, shots=2, classes=5)
    assert clip.labels.shape == (2, 3, 1, 24, 40) and clip.images.shape == (2, 3, 3, 24, 40)
    assert clip.references.shape == (2, 2, 3, 24, 40) and clip.reference_labels.shape == (2, 2, 1, 24, 40)
    assert clip.flow.shape == (2, 2, 2, 24, 40) and clip.seen.shape == (2, 2, 1, 24, 40)
    assert not torch.equal(clip.references, clip.images[:, :2])


def test_all_kinds_are_tested():
    kinds = [kind for kind in vars(batches).values() if isinstance(kind, type) and hasattr(kind, "fake")]
    assert kinds == KINDS
