"""Folders of label videos: what is read, from which of people's formats, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from test_keyframes import scene
from test_poses import face, standing

from cgan import faces, poses
from cgan.cameras import depth_labels, read_depth, read_intrinsics, read_pose
from cgan.errors import DataError
from cgan.files import natural
from cgan.labels import Palette
from train.data.clip_reading import depth_palette, read_clips
from train.data.clips import ClipData, Window
from train.data.stored import canvas
from train.launch import parse, parts_of
from train.recipes import vid2vid

SIZE = (48, 48)
PALETTE = Palette.from_list(
    [{"id": 0, "name": "floor", "colour": "#808080"}, {"id": 1, "name": "box", "colour": "#c04020"}]
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("CGAN_CACHE", str(tmp_path_factory.mktemp("cache")))


def write(folder: Path, clips: dict[str, int], labels: str | None = "labels", images: str = "images") -> Path:
    """Clips of a square that moves, as frames frame1.png, frame2.png, … ("" writes them without a folder)."""
    for name, count in clips.items():
        pictures, maps = scene(count)
        for number in range(count):
            for part, array in ((images, pictures[number]), (labels, maps[number])):
                if part is not None:
                    place = folder / part / name
                    place.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(array).save(place / f"frame{number + 1}.png")
    PALETTE.write(folder / "palette.json")
    return folder


def refused(folder: Path, **options) -> str:
    with pytest.raises(DataError) as caught:
        read_clips(folder, SIZE, **options)
    return str(caught.value)


def test_folders_of_frames(tmp_path):
    said = []
    data = read_clips(write(tmp_path, {"a": 11, "b": 4}), SIZE, say=said.append)
    assert isinstance(data, ClipData) and data.names == ("a", "b") and data.lengths == (11, 4)
    assert data.images.shape == (15, 3, *canvas(SIZE)) and data.palette == PALETTE and data.mirror is None
    lefts = [int(np.nonzero(labels[0, 27].numpy())[0][0]) for labels in data.labels[:11]]
    assert lefts == sorted(lefts)  # frame2 before frame10
    assert said == ["computing the optical flow of 15 frames …"]
    batch = data.batch([0, 12], 1, SIZE)
    assert batch.flow.shape == (2, 3, 2, *SIZE) and batch.depth is None and batch.pose is None
    inside = batch.labels[:, 1:, 0] == 1  # the square came from the left, or from the right in a mirror
    assert 0.7 < float(batch.flow[:, :, 0].abs()[inside].median()) < 1.4
    assert read_clips(tmp_path, SIZE, flow=False).flow is None


def test_one_clip_without_a_folder(tmp_path):
    data = read_clips(write(tmp_path / "street", {"": 5}), SIZE, flow=False)
    assert data.names == ("street",) and data.lengths == (5,)


def test_pictures_beside_clips(tmp_path):
    said = []
    write(tmp_path, {"walk": 4})
    single = scene(2)
    for name, number in (("b", 0), ("walk2", 1)):
        for part, arrays in zip(("images", "labels"), single, strict=True):
            Image.fromarray(arrays[number]).save(tmp_path / part / f"{name}.png")
    data = read_clips(tmp_path, SIZE, window=Window(4), say=said.append)
    assert data.names == ("walk", "b", "walk2") and data.lengths == (4, 1, 1)
    assert not data.seen[4:].any() and len(said) == 1  # nothing moves in them
    assert data.drift == 0 and read_clips(tmp_path, SIZE, window=Window(4), drift=0.1).drift == 0.1
    (tmp_path / "labels" / "b.png").unlink()
    assert "labels/ has nothing for images/b" in refused(tmp_path)
    Image.fromarray(single[0][0]).save(tmp_path / "images" / "walk.png")
    assert "images/ has two clips called walk" in refused(tmp_path)


def test_nothing_but_single_pictures_is_no_film(tmp_path):
    write(tmp_path, {"a": 1, "b": 1})
    assert "clip a has 1 frames; at least 2 are needed" in refused(tmp_path, window=Window(1))


def test_nothing_drifts_where_there_are_only_clips(tmp_path):
    said = []
    read_clips(write(tmp_path, {"a": 4}), SIZE, say=said.append, flow=False, drift=0.1)
    assert said == [
        "--drift changes nothing: there are no pictures beside the clips, or their cameras are known"
    ]


def test_validation_stands_still(tmp_path, capsys):
    taught, judged = write(tmp_path / "taught", {"a": 4}), write(tmp_path / "judged", {"b": 4})
    for part, array in zip(("images", "labels"), scene(1), strict=True):
        Image.fromarray(array[0]).save(taught / part / "single.png")
    words = ["--preset", "tiny", "--size", "32", "--data", str(taught), "--validation", str(judged)]
    _, _, hyper, run = parse("vid2vid", [*words, "--drift", "0.1", "--out", str(tmp_path / "run")])
    data, validation = parts_of(vid2vid.Recipe, run, hyper)
    assert (data.drift, validation.drift) == (0.1, 0.0)
    assert "--drift" not in capsys.readouterr().err  # which it would change nothing of


def test_other_names_of_folders_and_instances(tmp_path):
    write(tmp_path, {"a": 4}, labels="seg_maps")
    write(tmp_path, {"a": 4}, labels="instance_maps")
    data = read_clips(tmp_path, SIZE, flow=False)
    assert data.instances.dtype == torch.int32 and data.batch([0], 1, SIZE).instances.max() == 1


def test_videos(tmp_path):
    pytest.importorskip("av")
    from cgan.video import write_video

    pictures, maps = scene(6)
    for part in ("images", "labels"):
        (tmp_path / part).mkdir()
    write_video(tmp_path / "images" / "walk.mp4", pictures, 10)
    write_video(tmp_path / "labels" / "walk.mp4", [PALETTE.colours(labels) for labels in maps], 10)
    assert "labels/walk.mp4 is a video: its colours need a palette.json" in refused(tmp_path)
    PALETTE.write(tmp_path / "palette.json")
    data = read_clips(tmp_path, SIZE, flow=False)
    write(tmp_path / "frames", {"walk": 6})
    still = read_clips(tmp_path / "frames", SIZE, flow=False)
    assert data.lengths == (6,) and (data.labels == still.labels).float().mean() > 0.97
    assert (data.images.float() - still.images.float()).abs().mean() < 12
    write_video(tmp_path / "labels" / "walk.mp4", [PALETTE.colours(labels) for labels in maps[:4]], 10)
    assert "clip walk has 6 pictures and 4 in labels/" in refused(tmp_path)
    (tmp_path / "images" / "walk.mp4").write_bytes(b"no film")
    assert "walk.mp4 is no video" in refused(tmp_path)


def test_edges_need_no_labels(tmp_path):
    write(tmp_path, {"a": 4}, labels=None)
    assert (
        "say where label maps come from, with --labels; allowed: labels, poses, landmarks, edges, depth"
        in refused(tmp_path)
    )
    data = read_clips(tmp_path, SIZE, labels="edges", flow=False)
    assert data.palette.names == ["paper", "line"] and 0 < data.labels.float().mean() < 0.5
    with pytest.raises(ValueError, match="labels cannot come from 'thoughts'"):
        read_clips(tmp_path, SIZE, labels="thoughts")


def test_poses(tmp_path):
    write(tmp_path, {"dance": 4}, labels=None)
    place = tmp_path / "poses" / "dance"
    place.mkdir(parents=True)
    for number in range(1, 5):
        people = [
            {"pose_keypoints_2d": standing(30 + 4 * number, 80)},
            {"pose_keypoints_2d": standing(80, 30)},
        ]
        (place / f"frame{number}_keypoints.json").write_text(json.dumps({"people": people}))
    data = read_clips(tmp_path, SIZE, flow=False)
    assert data.palette.names == list(poses.CLASSES)
    columns = [np.nonzero(labels[0].numpy() == 1)[1].mean() for labels in data.labels]
    assert np.diff(columns) == pytest.approx(4 * 54 / 96, abs=0.6)
    assert data.mirror[poses.LEFT_HAND] == poses.RIGHT_HAND and data.vanishing[1] == 0.05
    flipped = [data.batch([0], seed, SIZE) for seed in range(12)]
    forearm = poses.CLASSES.index("right forearm")
    for batch in flipped:  # the right arm is at the picture's left, in a mirror too
        right, left = (torch.nonzero(batch.labels == id)[:, 4].float() for id in (forearm, forearm + 3))
        assert not len(right) or not len(left) or right.mean() < left.mean()
    (place / "frame2_keypoints.json").write_text("{}")
    (place / "frame3_keypoints.json").unlink()
    message = refused(tmp_path)
    assert "poses/dance/frame2_keypoints.json is no pose as OpenPose writes it" in message
    assert "poses/dance/ lacks 1 of 4 frames: frame3" in message


def test_landmarks(tmp_path):
    write(tmp_path, {"talk": 4}, labels=None)
    place = tmp_path / "landmarks-dlib68" / "talk"
    place.mkdir(parents=True)
    for number in range(1, 5):
        (place / f"frame{number}.json").write_text(json.dumps(face((48, 48), 30, 0.05 * number).tolist()))
    data = read_clips(tmp_path, SIZE, flow=False)
    assert data.palette.names == list(faces.CLASSES) and set(data.labels.unique().tolist()) > {0, 1, 6, 7, 8}
    assert data.vanishing is None


def camera_clip(folder: Path, intrinsics: str = "170 0 96\n0 170 96\n0 0 1\n") -> Path:
    """Four frames 96×96 with depth and camera; intrinsics for 192×192."""
    write(folder, {"": 4}, labels=None)
    for part in ("depth", "pose"):
        (folder / part).mkdir()
    for number in range(1, 5):
        depth = np.full((96, 96), 2000, np.uint16)
        depth[:10], depth[10:20], depth[90:] = 0, 65535, 8000
        Image.fromarray(depth).save(folder / "depth" / f"frame{number}.png")
        pose = np.eye(4)
        pose[0, 3] = 0.1 * number
        np.savetxt(folder / "pose" / f"frame{number}.txt", pose)
    (folder / "intrinsics.txt").write_text(intrinsics)
    return folder


def test_depth_and_camera(tmp_path):
    data = read_clips(camera_clip(tmp_path), SIZE, labels="depth", flow=False)
    batch = data.batch([0], 1, SIZE, augment=False)
    assert batch.intrinsics[0].tolist() == pytest.approx([42.5, 42.5, 24, 24], abs=0.01)
    assert batch.pose[0, :, 0, 3].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4])
    column = batch.depth[0, 0, 0, :, 24].tolist()
    assert column[0] == 0 and column[7] == 0 and column[24] == 2 and column[-1] == 8
    assert data.palette == depth_palette() and len(batch.labels.unique()) == 3
    assert read_clips(tmp_path, SIZE, labels="edges", flow=False).depth is not None


def test_cameras_that_do_not_fit(tmp_path):
    folder = camera_clip(tmp_path, "170 170 300 20")
    np.savetxt(folder / "pose" / "frame2.txt", np.diag([1.0, 1, 2, 1]))
    (folder / "pose" / "frame3.txt").write_text("nan " * 16)
    Image.new("L", (96, 96)).save(folder / "depth" / "frame1.png")
    message = refused(folder, labels="edges")
    for words in (
        "intrinsics.txt does not fit frames of 96×96",
        "frame2.txt is no camera's pose",
        "frame3.txt holds numbers that are not finite",
        "frame1.png has the mode L; depth is 16-bit grey",
    ):
        assert words in message
    (folder / "intrinsics.txt").unlink()
    assert "no intrinsics.txt or intrinsics.json" in refused(folder, labels="edges")


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("i.txt", "100 0 48 0 100 48 0 0 1", [100, 100, 48, 48]),
        ("i.txt", "100 100 24 24", [200, 200, 48, 48]),
        (
            "i.json",
            '{"fx": 400, "fy": 400, "cx": 160, "cy": 160, "width": 320, "height": 320}',
            [120, 120, 48, 48],
        ),
        ("i.json", '{"fx": 400, "fy": 400, "cx": 160, "cy": 120, "width": 320, "height": 240}', None),
        ("i.json", '{"fx": 400}', None),
        ("i.json", "[", None),
        ("i.txt", "0 0 48 48", None),
        ("i.txt", "a b c d", None),
    ],
)
def test_intrinsics(tmp_path, name, text, found):
    (tmp_path / name).write_text(text)
    if found is None:
        with pytest.raises(DataError, match=name):
            read_intrinsics(tmp_path / name, name, (96, 96))
    else:
        assert read_intrinsics(tmp_path / name, name, (96, 96)).tolist() == found


def test_bands_of_depth():
    depth = np.array([[0, 0.1, 0.41, 2, 3, 39, 41, 6e4]], np.float32)
    labels = depth_labels(depth)[0].tolist()
    assert labels[:3] == [0, 1, 2] and labels[-3:] == [15, 16, 16] and labels == sorted(labels)
    assert len(depth_palette()) == 17


def test_poses_and_depth_of_files(tmp_path):
    (tmp_path / "pose.txt").write_text("1 2 3")
    with pytest.raises(DataError, match="must be 4×4 numbers"):
        read_pose(tmp_path / "pose.txt", "pose.txt")
    Image.fromarray(np.array([[0, 65535, 1500]], np.uint16)).save(tmp_path / "depth.png")
    assert read_depth(tmp_path / "depth.png", "depth.png").tolist() == [[0, 0, 1.5]]


def test_all_problems_are_told_at_once(tmp_path):
    write(tmp_path, {"a": 4, "b": 4, "short": 2, "lonely": 4})
    for path in (tmp_path / "labels" / "lonely").iterdir():
        path.unlink()
    (tmp_path / "labels" / "a" / "frame3.png").unlink()
    Image.new("L", (20, 20)).save(tmp_path / "labels" / "b" / "frame2.png")
    (tmp_path / "images" / "b" / "frame4.png").write_bytes(b"torn")
    (tmp_path / "labels" / "extra").mkdir()
    Image.new("L", (20, 20)).save(tmp_path / "labels" / "extra" / "frame2.png")
    message = refused(tmp_path)
    for words in (
        "labels/lonely/ has no frames",
        "labels/ has nothing for images/lonely",
        "images/ has nothing for labels/extra",
        "labels/a/ lacks 1 of 4 frames: frame3",
        "labels/b/frame2.png is 20×20, its picture is 96×96",
        "images/b/frame4.png",
        "clip short has 2 frames; at least 4 are needed",
    ):
        assert words in message
    assert read_clips(write(tmp_path / "again", {"c": 2}), SIZE, window=Window(2), flow=False).lengths == (2,)


def test_folders_that_are_none(tmp_path):
    assert "is not a folder" in refused(tmp_path / "missing")
    assert "no folder images/" in refused(tmp_path)
    write(tmp_path, {"a": 4})
    write(tmp_path, {"a": 4}, labels="seg_maps")
    assert "labels/ and seg_maps/ mean the same" in refused(tmp_path)


def test_natural_order():
    names = ["frame10", "frame2", "Frame1", "2", "10", "frame2b"]
    assert sorted(names, key=natural) == ["2", "10", "Frame1", "frame2", "frame2b", "frame10"]
