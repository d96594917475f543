"""Clips of subjects: where references come from, and folders with a sub-folder for each subject."""

import json

import numpy as np
import pytest
import torch
from test_clip_folders import PALETTE, SIZE, own_cache, write  # noqa: F401
from test_clips import sliding

from cgan.errors import DataError
from train.data.batches import FewShotClip
from train.data.clips import Window
from train.data.few_shot_clips import FewShotClipData, read_few_shot_clips


def subjects(lengths: tuple[int, ...], of: tuple[int, ...], **options) -> FewShotClipData:
    """Clips whose pixels are 10 for each subject and clip, and whose labels count all frames."""
    data = sliding(lengths)
    clips = [clip for clip, length in enumerate(lengths) for _ in range(length)]
    numbers = torch.tensor([10 * of[clip] + clip for clip in clips]).byte()
    images = numbers[:, None, None, None].expand_as(data.images).contiguous()
    labels = torch.arange(len(clips)).byte()[:, None, None, None].expand_as(data.labels).contiguous()
    names = data.names
    return FewShotClipData(images, labels, lengths, names, PALETTE, subjects=of, **options)


def shown(images: torch.Tensor) -> torch.Tensor:
    return ((images[..., 0, 0, 0] + 1) * 127.5).round().long()


def test_references_show_the_subject_in_other_clips():
    data = subjects((6, 5, 7, 9, 6), (0, 0, 1, 2, 2))
    counts = set()
    for seed in range(30):
        batch = data.batch([0, 8, 12, 20, 28], seed, SIZE, row_offset=seed)
        window, references = shown(batch.images), shown(batch.references)
        assert (window == window[:, :1]).all()
        assert (references // 10 == window[:, :1] // 10).all()
        alone = window[:, :1] // 10 == 1
        assert ((references != window[:, :1]) | alone).all()
        frames, others = batch.labels[:, :, 0, 0, 0], batch.reference_labels[:, :, 0, 0, 0]
        inside = (others[:, :, None] == frames[:, None]).any()
        assert not inside  # where the clip is the only one, frames beside the window
        counts.add(references.shape[1])
    assert counts == {1, 2, 3, 4}
    still = data.batch([0, 8, 12, 20, 28], 1, SIZE, augment=False)
    assert still.references.shape[1] == 1
    assert still.reference_labels[:, 0, 0, 0, 0].tolist() == [6, 0, 11, 27, 18]


def test_samples_depend_on_seed_and_place_alone():
    data = subjects((6, 5, 7), (0, 0, 1))
    whole, part = data.batch([3, 9, 12], 7, SIZE), data.batch([12], 7, SIZE, row_offset=2)
    assert all(a is None or torch.equal(a[2:], b) for a, b in zip(whole, part, strict=True))


def test_stills_are_references_only():
    data = subjects((4, 6, 4, 6), (0, 0, 1, 1), stills=(False, True, False, True), window=Window(4))
    for augment in (True, False):
        batch = data.batch(list(range(20)), 3, SIZE, augment)
        assert set(shown(batch.images).unique().tolist()) == {0, 12}
        assert set(shown(batch.references).unique().tolist()) == {1, 13}


def test_subjects_are_set_aside():
    data = subjects((6, 5, 7, 9, 6), (0, 0, 1, 2, 2))
    training, aside = data.split(0.34)
    assert not set(training.subjects) & set(aside.subjects)
    assert {*training.subjects, *aside.subjects} == {0, 1, 2}
    assert (shown(training.images.float()[:, None] / 127.5 - 1) // 10).unique().tolist() == sorted(
        set(training.subjects)
    )
    with pytest.raises(DataError, match="none can be spared"):
        subjects((6, 5), (0, 0)).split(0.5)


def test_folders_of_subjects(tmp_path):
    write(tmp_path / "ann", {"walk": 5, "run": 4})
    write(tmp_path / "bob", {"walk": 7})
    data = read_few_shot_clips(tmp_path, SIZE)
    assert data.lengths == (4, 5, 7) and data.subjects == (0, 0, 1) and data.palette == PALETTE
    batch = data.batch([0, 5, 10], 1, SIZE)
    shots = batch.references.shape[1]
    for part, pattern in zip(batch, FewShotClip.fake(3, SIZE, shots=shots), strict=True):
        assert part.shape == pattern.shape and part.dtype == pattern.dtype
    assert read_few_shot_clips(tmp_path, SIZE, labels="edges", flow=False).palette.names == ["paper", "line"]


def test_all_problems_are_told_at_once(tmp_path):
    write(tmp_path / "ann", {"walk": 4})
    write(tmp_path / "bob", {"walk": 3, "run": 5})
    (tmp_path / "bob" / "labels" / "run" / "frame2.png").unlink()
    with pytest.raises(DataError) as caught:
        read_few_shot_clips(tmp_path, SIZE)
    for words in (
        "ann: there is no frame beside the window to be shown",
        "bob: labels/run/ lacks 1 of 5 frames",
        "bob: clip walk has 3 frames; at least 4",
    ):
        assert words in str(caught.value)
    (tmp_path / "one" / "ann").mkdir(parents=True)
    with pytest.raises(DataError, match="at least 2 are needed"):
        read_few_shot_clips(tmp_path / "one", SIZE)


def test_different_palettes_are_refused(tmp_path):
    write(tmp_path / "ann", {"walk": 5})
    write(tmp_path / "bob", {"walk": 5})
    other = [entry | {"name": entry["name"] + "!"} for entry in PALETTE.to_list()]
    (tmp_path / "bob" / "palette.json").write_text(json.dumps(other))
    with pytest.raises(DataError, match="different palettes"):
        read_few_shot_clips(tmp_path, SIZE)


def test_sheets_of_characters(tmp_path):
    from PIL import Image

    PALETTE.write(tmp_path / "palette.json")
    for name in ("ann", "bob"):
        (tmp_path / name).mkdir()
        Image.fromarray(np.full((64, 48, 3), 90, np.uint8)).save(tmp_path / name / "walk.png")
        PALETTE.write_ids(tmp_path / name / "walk.labels.png", np.ones((64, 48), np.uint8))
    data = read_few_shot_clips(tmp_path, (16, 16), Window(2))
    assert data.batch([0, 5], 1, (16, 16)).images.shape == (2, 2, 3, 16, 16)
