"""Poses and faces: files in the formats that people hold, their label maps, and faces that drive others."""

import json

import numpy as np
import pytest

from cgan import faces, poses
from cgan.errors import DataError

BOX = (0.0, 0.0, 128.0, 128.0)


def standing(x: float = 64.0, height: float = 100.0) -> list[float]:
    """Somebody who faces us, arms to the sides: the 25 points as OpenPose writes them."""
    places = {0: (0, 0.1), 1: (0, 0.2), 8: (0, 0.55)}
    places |= {15: (-0.02, 0.08), 16: (0.02, 0.08), 17: (-0.05, 0.1), 18: (0.05, 0.1)}
    for side, joints in ((-1, (2, 3, 4, 9, 10, 11, 22, 23, 24)), (1, (5, 6, 7, 12, 13, 14, 19, 20, 21))):
        across = (0.12, 0.25, 0.4, 0.07, 0.08, 0.09, 0.13, 0.15, 0.07)
        down = (0.2, 0.22, 0.24, 0.55, 0.75, 0.95, 0.98, 0.98, 0.98)
        places |= {j: (side * a, d) for j, a, d in zip(joints, across, down, strict=True)}
    return [v for j in range(25) for v in (x + places[j][0] * height, 10 + places[j][1] * height, 0.9)]


def person(**fields) -> dict:
    return {"pose_keypoints_2d": standing()} | fields


def read(*people) -> list[poses.Person]:
    return poses.read_poses(json.dumps({"version": 1.3, "people": people}).encode(), "frame.json")


def test_limbs_are_classes():
    labels = poses.draw(read(person()), (512, 512), BOX)
    assert labels.dtype == np.uint8 and set(np.unique(labels)) == {0, *poses.LIMB_IDS}
    labels = poses.draw(read(person()), (128, 128), BOX)
    names = np.array(poses.CLASSES)
    assert names[labels[int(10 + 40), 64]] == "spine"
    assert names[labels[32, 64 - 32]] == "right forearm" and names[labels[32, 64 + 32]] == "left forearm"
    palette = poses.palette()
    assert palette.names == list(poses.CLASSES) and len(palette) == 28


def test_a_box_is_drawn_as_if_it_were_the_frame():
    people = read(person())
    whole = poses.draw(people, (256, 256), BOX)
    part = poses.draw(people, (128, 128), (32.0, 32.0, 96.0, 96.0))
    inside = whole[64:192, 64:192]  # the same part at the same scale, but with thicker lines
    assert ((part > 0) <= (inside > 0)).mean() > 0.99 and (part == inside)[part > 0].mean() > 0.9


def test_doubtful_points_and_chosen_limbs_are_left_out():
    shy = person()
    shy["pose_keypoints_2d"][3 * 4 + 2] = 0.05  # the right wrist
    forearm = poses.CLASSES.index("right forearm")
    assert forearm not in poses.draw(read(shy), (128, 128), BOX)
    assert forearm in poses.draw(read(shy), (128, 128), BOX, threshold=0.01)
    assert forearm not in poses.draw(read(person()), (128, 128), BOX, without={forearm})


def test_hands_and_face_have_classes_of_their_own():
    angle = np.linspace(0, 6, 70)
    ring = np.stack([64 + 9 * np.cos(angle), 20 + 9 * np.sin(angle), np.ones(70)], 1)
    left, right = (np.stack([x + np.arange(21) % 5, 30 + np.arange(21), np.ones(21)], 1) for x in (110, 10))
    whole = person(
        face_keypoints_2d=ring.ravel().tolist(),
        hand_left_keypoints_2d=left.ravel().tolist(),
        hand_right_keypoints_2d=right.ravel().tolist(),
    )
    labels = poses.draw(read(whole), (128, 128), BOX)
    assert (np.nonzero(labels == poses.LEFT_HAND)[1] > 100).all()
    assert (np.nonzero(labels == poses.RIGHT_HAND)[1] < 20).all()
    assert (labels == poses.FACE_ID).any()


def test_the_largest_comes_first_and_old_bodies_are_read():
    small = {"pose_keypoints_2d": standing(20, 40)}
    people = read(small, person())
    assert people[0].height > people[1].height > 0 and read() == []
    old = np.array(standing()).reshape(25, 3)[[*range(8), *range(9, 15), *range(15, 19)]]
    (found,) = read({"pose_keypoints_2d": old.ravel().tolist()})
    assert np.allclose(found.body[:19, :2], np.array(standing()).reshape(25, 3)[:19, :2], atol=1e-6)
    assert not found.body[19:].any()


def test_mirrors_swap_left_and_right():
    for names in (list(poses.CLASSES), list(faces.CLASSES)):
        swapped = poses.mirrored(names)
        assert [swapped[id] for id in swapped] == list(range(len(names)))
    assert poses.CLASSES[poses.mirrored(poses.CLASSES)[poses.LEFT_HAND]] == "right hand"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "no pose as OpenPose writes it"),
        (b'{"people": 3}', "no pose as OpenPose writes it"),
        (b'{"people": [3]}', "no pose_keypoints_2d"),
        (b'{"people": [{"pose_keypoints_2d": [1, 2, 3]}]}', "must be 75 or 54 numbers"),
        (b'{"people": [{"pose_keypoints_2d": "left"}]}', "must be 75 or 54 numbers"),
        (b'{"people": [{"pose_keypoints_2d": [' + b"1e9," * 74 + b"0]}]}", "no places in a picture"),
        (b'{"people": [{"pose_keypoints_2d": [' + b"NaN," * 74 + b"0]}]}", "no places in a picture"),
        (
            b'{"people": [{"pose_keypoints_2d": [], "face_keypoints_2d": [1]}]}',
            "face_keypoints_2d must be 210",
        ),
    ],
)
def test_bad_poses_are_refused_in_a_sentence(text, message):
    with pytest.raises(DataError, match=message) as caught:
        poses.read_poses(text, "frame.json")
    assert str(caught.value).startswith("frame.json") and "\n" not in str(caught.value)


# Faces


def face(middle=(64.0, 60.0), size: float = 40.0, open_mouth: float = 0.0, jaw: float = 1.0) -> np.ndarray:
    """68 landmarks of somebody who faces us."""

    def arc(x, y, rx, ry, start, stop, count):
        angle = np.linspace(start, stop, count)
        return np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], 1)

    half, turn = np.pi, 2 * np.pi
    parts = [
        arc(0, 0, 0.9 * jaw, 1.1, half, 0, 17),
        arc(-0.45, -0.35, 0.25, 0.1, half, turn, 5),
        arc(0.45, -0.35, 0.25, 0.1, half, turn, 5),
        np.stack([np.linspace(0.0, 0.03, 4), np.linspace(-0.2, 0.2, 4)], 1),
        arc(0, 0.28, 0.15, 0.05, half, 0, 5),
        arc(-0.42, -0.15, 0.15, 0.07, half, 3 * half, 7)[:6],
        arc(0.42, -0.15, 0.15, 0.07, half, 3 * half, 7)[:6],
        arc(0, 0.6, 0.3, 0.12 + open_mouth, half, 3 * half, 13)[:12],
        arc(0, 0.6, 0.2, 0.05 + open_mouth, half, 3 * half, 9)[:8],
    ]
    return np.concatenate(parts) * size + np.array(middle)


def test_landmarks_become_curves():
    points = faces.read_landmarks(json.dumps(face().tolist()).encode(), "face.json")
    labels = faces.draw(points, (128, 128), BOX)
    assert set(np.unique(labels)) == set(range(len(faces.CLASSES)))
    assert faces.palette().names == list(faces.CLASSES)
    rows = np.nonzero(labels == faces.FOREHEAD_ID)[0]
    assert rows.max() <= 62 and 60 - rows.min() == pytest.approx(1.1 * 40 * 2 / 3, abs=2)


def test_curves_go_through_their_points():
    points = np.array([[0.0, 0], [1, 2], [3, 1], [4, 4]])
    for closed in (False, True):
        line = faces.curve(points, closed)
        gaps = np.linalg.norm(line[None] - points[:, None], axis=2).min(1)
        assert gaps.max() < 1e-9
    assert np.allclose(faces.curve(points, True)[0], faces.curve(points, True)[-1])
    straight = faces.curve(np.array([[0.0, 0], [1, 1], [2, 2]]))
    assert np.allclose(straight[:, 0], straight[:, 1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"nothing", "is not JSON"),
        (b"{}", "must be a list of 68 points"),
        (b"[[1, 2]]", "not 1 entries"),
        (b"[" + b"[1, 2]," * 67 + b"[1]]", r"point 67 must be \[x, y\]"),
        (b"[" + b"[1, 2]," * 67 + b"[1, Infinity]]", r"point 67 must be \[x, y\]"),
    ],
)
def test_bad_landmarks_are_refused_in_a_sentence(text, message):
    with pytest.raises(DataError, match=message):
        faces.read_landmarks(text, "face.json")


def test_a_driving_face_moves_the_reference():
    reference = face(jaw=1.2)
    assert np.allclose(faces.Reshaper(reference)(reference), reference)
    larger = (reference - 64) * 1.7 + 200
    assert np.allclose(faces.Reshaper(reference)(larger), reference)
    reshaper = faces.Reshaper(reference)  # driven by somebody else, narrower, larger, elsewhere
    still = reshaper(face((300, 200), 90, jaw=0.8))
    assert np.abs(still - reference).max() < 0.08 * 40
    wide = still[16, 0] - still[0, 0]
    assert wide == pytest.approx(reference[16, 0] - reference[0, 0], rel=0.03)
    moved = reshaper(face((345, 200), 90, jaw=0.8))
    shift = moved - still
    assert np.allclose(shift, shift[0], atol=0.5) and np.allclose(shift[0], [20, 0], atol=3)  # half a face
    spoken = reshaper(face((345, 200), 90, open_mouth=0.2, jaw=0.8))
    opened = np.ptp(spoken[48:60, 1]) - np.ptp(moved[48:60, 1])
    assert opened > 0.2 * 40


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 9])
def test_jitter_is_taken_out_a_frame_for_a_frame(count):
    frames = [np.full((68, 2), float(number)) for number in range(count)]
    found = [points[0, 0] for points in faces.steadied(frames)]
    want = [float(np.median(range(max(0, t - 2), min(count, t + 3)))) for t in range(count)]
    assert found == want
    if count == 9:
        frames[4] += 50
        assert max(points[0, 0] for points in faces.steadied(frames)) < 9
