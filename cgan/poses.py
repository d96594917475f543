"""Poses as OpenPose writes them become label maps: a class for each limb, each hand and the face.

A file is JSON of one frame, with points as x, y, confidence in pixels of the frame:

    {"people": [{"pose_keypoints_2d": 75 numbers, "face_keypoints_2d": 210,
                 "hand_left_keypoints_2d": 63, "hand_right_keypoints_2d": 63}]}

The body has 25 points (or 18, as in older files), the face 70, a hand 21; what is missing is not drawn.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cgan.errors import DataError
from cgan.files import parsed
from cgan.labels import Label, Palette

Points = NDArray[np.float64]
Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels of the frame

BODY, FACE, HAND = 25, 70, 21  # points
OLD_BODY = 18  # points of COCO's body, without the middle of the hips and the feet
LEAST_CONFIDENCE = 0.1  # points below are not drawn
MOST_PEOPLE = 1000
FARTHEST = 1e6  # pixels: a number beyond is a mistake

# (name, first point, second point): a tree that spans the body. The right is the person's own.
LIMBS = (
    ("spine", 1, 8),
    ("right shoulder", 1, 2),
    ("right upper arm", 2, 3),
    ("right forearm", 3, 4),
    ("left shoulder", 1, 5),
    ("left upper arm", 5, 6),
    ("left forearm", 6, 7),
    ("right hip", 8, 9),
    ("right thigh", 9, 10),
    ("right shin", 10, 11),
    ("left hip", 8, 12),
    ("left thigh", 12, 13),
    ("left shin", 13, 14),
    ("neck", 1, 0),
    ("right eye", 0, 15),
    ("right ear", 15, 17),
    ("left eye", 0, 16),
    ("left ear", 16, 18),
    ("left foot", 14, 19),
    ("left toes", 19, 20),
    ("left heel", 14, 21),
    ("right foot", 11, 22),
    ("right toes", 22, 23),
    ("right heel", 11, 24),
)
CLASSES = ("background", *(name for name, _, _ in LIMBS), "left hand", "right hand", "face")
LEFT_HAND, RIGHT_HAND, FACE_ID = 25, 26, 27
LIMB_IDS = range(1, len(LIMBS) + 1)

FINGERS = tuple((0, *range(first, first + 4)) for first in (1, 5, 9, 13, 17))
# The face's 68 points are those of `cgan.faces`; the last two are the pupils.
FACE_LINES = (
    range(17),
    range(17, 22),
    range(22, 27),
    range(27, 31),
    range(31, 36),
    (*range(36, 42), 36),
    (*range(42, 48), 42),
    (*range(48, 60), 48),
    (*range(60, 68), 60),
)
BODY_WIDTH, FINE_WIDTH = 1 / 64, 1 / 160  # of the picture's short side: limbs; hands and face


@dataclass(frozen=True)
class Person:
    """The points of one person, float (n, 3): x and y in pixels, confidence. Unknown ones are 0.

    body has 25, face 70, each hand 21.
    """

    body: Points
    face: Points
    left_hand: Points
    right_hand: Points

    @property
    def height(self) -> float:
        """The diagonal of the box around the body's points in pixels, 0 where there are fewer than two."""
        known = self.body[self.body[:, 2] >= LEAST_CONFIDENCE, :2]
        return float(np.linalg.norm(np.ptp(known, axis=0))) if len(known) > 1 else 0.0


def read_poses(source: Path | bytes, name: str | None = None) -> list[Person]:
    """The people of a frame, the largest first; an empty list where there are none.

    `name`: what messages call the file. Raises `DataError` for all that OpenPose would not write.
    """
    name = name or (source.name if isinstance(source, Path) else "the pose")
    found = read_json(source, name)
    people = found.get("people") if isinstance(found, dict) else None
    if not isinstance(people, list) or len(people) > MOST_PEOPLE:
        raise DataError(
            f'{name} is no pose as OpenPose writes it: {{"people": [{{"pose_keypoints_2d": …}}]}}'
        )
    persons = [_person(entry, name) for entry in people]
    return sorted(persons, key=lambda person: -person.height)


def read_json(source: Path | bytes, name: str) -> Any:
    """What a JSON file holds; `DataError` where it holds none."""
    try:
        return parsed(source.read_bytes() if isinstance(source, Path) else source)
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror}") from error
    except ValueError as error:  # not JSON, or not even text
        raise DataError(f"{name} is not JSON: {str(error).splitlines()[0]}") from error


def _person(entry: Any, name: str) -> Person:
    if not isinstance(entry, dict) or "pose_keypoints_2d" not in entry:
        raise DataError(f"{name}: a person has no pose_keypoints_2d")
    body = _points(entry, "pose_keypoints_2d", (BODY, OLD_BODY), name)
    return Person(
        body if len(body) == BODY else _modern(body),
        _points(entry, "face_keypoints_2d", (FACE,), name),
        _points(entry, "hand_left_keypoints_2d", (HAND,), name),
        _points(entry, "hand_right_keypoints_2d", (HAND,), name),
    )


def _points(entry: dict[str, Any], key: str, counts: tuple[int, ...], name: str) -> Points:
    """The points of a field, zeros where it is missing or empty."""
    numbers = entry.get(key) or [0.0] * (3 * counts[0])
    allowed = " or ".join(str(3 * count) for count in counts)
    is_list = isinstance(numbers, list) and all(type(number) in (int, float) for number in numbers)
    if not is_list or len(numbers) not in [3 * count for count in counts]:
        raise DataError(f"{name}: {key} must be {allowed} numbers")
    if not all(abs(number) < FARTHEST for number in numbers):  # nor is NaN
        raise DataError(f"{name}: {key} holds numbers that are no places in a picture")
    return np.array(numbers, np.float64).reshape(-1, 3)


def _modern(old: Points) -> Points:
    """COCO's 18 points among the 25."""
    body = np.zeros((BODY, 3))
    body[:8], body[9:15], body[15:19] = old[:8], old[8:14], old[14:18]
    if old[8, 2] > 0 and old[11, 2] > 0:
        body[8] = (old[8] + old[11]) / 2
    return body


def palette() -> Palette:
    """The classes: background, 24 limbs, two hands, the face. The right is warm, the left is cold."""
    colours = ["#000000"]
    for number, name in enumerate(CLASSES[1:]):
        hue = {"right": 0, "left": 90}.get(name.split()[0], 50) + (number * 13) % 40  # of OpenCV's 180
        colours.append(_hex(hue, 255 - 110 * (number % 2), 255 - 60 * (number % 3)))
    return Palette(tuple(Label(id, CLASSES[id], colour) for id, colour in enumerate(colours)))


def _hex(hue: int, saturation: int, value: int) -> str:
    pixel = np.array([[[hue, saturation, value]]], np.uint8)
    return "#" + cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB).tobytes().hex()


def mirrored(names: Sequence[str]) -> list[int]:
    """The class of each class in a mirror, by name: left becomes right."""
    other = {"left": "right", "right": "left"}
    swapped = [" ".join(other.get(word, word) for word in name.split()) for name in names]
    return [list(names).index(name) for name in swapped]


def draw(
    people: Sequence[Person],
    size: tuple[int, int],
    box: Box,
    threshold: float = LEAST_CONFIDENCE,
    without: Collection[int] = (),
) -> NDArray[np.uint8]:
    """The label map, uint8 (H, W) of `size`, of what `box` of the frame shows of `people`.

    Points of less confidence than `threshold` are left out, as are the classes in `without` (the limbs that a
    model is to learn to do without). To draw all of a frame, `box` is (0, 0, its width, its height).
    """
    labels = np.zeros(size, np.uint8)
    thick = max(1, round(min(size) * BODY_WIDTH))
    fine = max(1, round(min(size) * FINE_WIDTH))
    for person in reversed(people):  # the largest on top
        for id, (_, *ends) in zip(LIMB_IDS, LIMBS, strict=True):
            if id not in without:
                _line(labels, person.body, ends, id, thick, box, threshold)
        for id, points in ((LEFT_HAND, person.left_hand), (RIGHT_HAND, person.right_hand)):
            for finger in FINGERS if id not in without else ():
                _line(labels, points, finger, id, fine, box, threshold)
        for line in FACE_LINES if FACE_ID not in without else ():
            _line(labels, person.face, line, FACE_ID, fine, box, threshold)
    return labels


def _line(
    labels: NDArray[np.uint8],
    points: Points,
    chain: Sequence[int],
    id: int,
    width: int,
    box: Box,
    threshold: float,
) -> None:
    """Draw the parts of a chain of points whose ends are both known."""
    for start, stop in zip(chain[:-1], chain[1:], strict=True):
        if min(points[start, 2], points[stop, 2]) >= max(threshold, 1e-6):
            polyline(labels, points[[start, stop], :2], id, width, box)


def polyline(labels: NDArray[np.uint8], points: Points, id: int, width: int, box: Box) -> None:
    """Draw a line through points (n, 2) of the frame, into labels that show `box` of it."""
    height, across = labels.shape
    scale = np.array([across / (box[2] - box[0]), height / (box[3] - box[1])])
    # OpenCV's pixel 0 has its middle at 0, a frame's at 0.5; four more bits place lines between pixels.
    places = (points - np.array(box[:2])) * scale - 0.5
    fixed = np.rint(places.clip(-1e5, 1e5) * 16).astype(np.int32)
    cv2.polylines(labels, [fixed[:, None]], False, int(id), width, cv2.LINE_8, 4)
