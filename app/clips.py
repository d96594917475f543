"""Clips that drive an animator: what clients send.

A clip is one of these, pictures and files being data URIs:

- a list of label maps, a picture each;
- a sheet of them, cut into frames of the size that the model was trained at, row by row;
- a video of the palette's colours; models of drawn lines take any video: its outlines are drawn;
- {"film": any video, "maps": {"0": map, "12": map, …}}: maps painted for some of its frames, counted from 0,
  which optical flow carries on to the others;
- {"film": any video, "label": true}: the label network finds the map of each frame;
- {"flight": a zip (see `cgan.flights`) or an example's name, "path": "forward", "back" or "there and back"},
  the only one with depth and cameras.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, tee

import cv2
import numpy as np

from app import requests
from app.clip_examples import example_flight
from app.drawings import as_drawing, is_drawing
from app.maps import fit, fitted, read_map
from app.sheets import cut
from cgan import DataError, Palette
from cgan.edges import edge_labels, edge_palette
from cgan.flights import PATHS, Flight, read_flight
from cgan.keyframes import Flows, carry
from cgan.label_videos import ColourKey
from cgan.tasks import Animator, Labeller
from cgan.tasks.animator import Geometry
from cgan.video import Limits, Video

MAX_FRAMES = 600
MAX_PIXELS = 1024 * 1024  # of a frame
MAX_SECONDS = 60.0
RATE = 8.0  # pictures a second, where a clip has none of its own
SHAPE = (
    "a list of label maps, a sheet of them, a label video, a film that is painted or labelled, or a flight"
)
ORDINARY = "if this is an ordinary video, have its labels found, or paint a frame or two"
LIMITS = Limits(MAX_FRAMES, 1920 * 1088, MAX_SECONDS, requests.MAX_BYTES)


@dataclass(frozen=True)
class Clip:
    """Label maps, uint8 (H, W), to be read once; how many there are, if that is known; pictures a second;
    where each was seen from, if that is known; a video whose sound goes with them; and its pictures, uint8
    (H, W, 3), where they are no maps themselves.
    """

    maps: Iterator[np.ndarray]
    count: int | None
    rate: float = RATE
    places: Iterator[Geometry] | None = None
    sound: bytes | None = None
    seen: Iterator[np.ndarray] | None = None


def read_clip(
    sent: str | list | dict,
    animator: Animator,
    flows: Flows | None = None,
    labeller: Callable[[], Labeller] | None = None,
) -> Clip:
    """The clip that a client sent; its frames are read when they are wanted, the first one at once.

    `flows` see `painted`; `labeller` gives the label network for a film that is to be labelled. Raises
    `DataError` and `MediaError`, also while it is read, and what `labeller` raises.
    """
    if isinstance(sent, dict) and "flight" in sent:
        return _flown(sent, animator)
    if animator.needs_geometry:
        raise DataError(
            f"{animator.checkpoint.name} needs depth and a camera for each map: the clip must be a flight, "
            '{"flight": a zip as data URI or an example\'s name, "path": "forward"}'
        )
    if isinstance(sent, dict) and sent.get("label") is True:
        return labelled(sent, animator, labeller)
    if isinstance(sent, dict):
        return painted(sent, animator, flows)
    if isinstance(sent, str) and requests.is_film(sent):
        return _film(requests.film(sent, "the clip"), animator)
    if isinstance(sent, str):
        frames = cut(read_map(sent, animator.palette, "the clip"), animator.size)
        return Clip(iter(frames), len(frames))
    if not isinstance(sent, list) or not sent:
        raise DataError(f"the clip must be {SHAPE}, as data URIs")
    if len(sent) > MAX_FRAMES:
        raise DataError(f"the clip has {len(sent)} frames; at most {MAX_FRAMES} are allowed")
    return Clip(_begun(_each(sent, animator.palette)), len(sent))


def frames_of(data: bytes, animator: Animator) -> tuple[Video, Iterator[np.ndarray]]:
    """A film that somebody sent, and its pictures, uint8 (H, W, 3), at the scale of the model's frames."""
    video = Video(data, "the film", limits=LIMITS)
    return video, _small(video, animator.size)


def labelled(sent: dict, animator: Animator, labeller: Callable[[], Labeller] | None) -> Clip:
    """A film of which the label network finds the map of each frame."""
    if not requests.is_film(sent.get("film")):
        raise DataError("the film must be a video, as a data URI")
    if labeller is None:
        raise DataError(f"there is no label network for {animator.checkpoint.name} here")
    network, data = labeller(), requests.film(sent["film"], "the film")
    video, frames = frames_of(data, animator)
    frames, seen = tee(frames)
    maps = _begun(network.label(frame) for frame in frames)
    return Clip(maps, video.frames, _rate(video), sound=data, seen=seen)


def painted(sent: dict, animator: Animator, flows: Flows | None = None) -> Clip:
    """A film of which some frames were painted: the maps of all. `flows` are kept from call to call."""
    film, maps = sent.get("film"), sent.get("maps")
    if not requests.is_film(film):
        raise DataError("the film must be a video, as a data URI")
    if not isinstance(maps, dict) or not maps:
        raise DataError('paint at least one frame of the film: {"film": …, "maps": {"0": a map}}')
    wrong = [number for number in maps if not (str(number).isdecimal() and int(number) < MAX_FRAMES)]
    if wrong:
        raise DataError(f"there is no frame {wrong[0]!r:.20}: they count from 0 to {MAX_FRAMES - 1}")
    data = requests.film(film, "the film")
    video, frames = frames_of(data, animator)
    width, height = fitted((video.height, video.width), animator.size)
    keys = {}
    for number, uri in maps.items():
        labels = read_map(uri, animator.palette, f"the map of frame {number}")
        keys[int(number)] = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    frames, seen = tee(frames)
    maps = _begun(_carried(keys, frames, flows or Flows()))
    return Clip(maps, video.frames, _rate(video), sound=data, seen=seen)


def _carried(keys: dict[int, np.ndarray], frames: Iterator[np.ndarray], flows: Flows) -> Iterator[np.ndarray]:
    try:
        yield from carry(keys, frames, flows)
    except ValueError as error:  # a frame was painted that the film has not
        raise DataError(str(error)) from error


def _flown(sent: dict, animator: Animator) -> Clip:
    """A flight's maps, and its geometry for a model that needs it."""
    path, flight = sent.get("path", PATHS[0]), _flight(sent["flight"], animator.palette)
    if path not in PATHS:
        raise DataError(f"no path {path!r:.40}; there are: {', '.join(PATHS)}")
    order = flight.order(path)
    if len(order) > MAX_FRAMES:
        raise DataError(f"the flight has {len(order)} frames; at most {MAX_FRAMES} are allowed")
    if not animator.needs_geometry:
        return Clip(_begun(fit(flight.labels(number), animator.size) for number in order), len(order))
    frames = _begun(scaled(*flight.frame(number), animator.size) for number in order)
    maps, places = tee(frames)
    return Clip((it[0] for it in maps), len(order), places=(it[1] for it in places))


def _flight(sent: str, palette: Palette) -> Flight:
    """A flight that a client sent, or an example of that name: no path is looked for."""
    if requests.is_zip(sent):
        return read_flight(requests.zipped(sent, "the flight"), palette, "the flight")
    return read_flight(example_flight(sent), palette, f"the flight {sent!r}")


def scaled(labels: np.ndarray, place: Geometry, size: tuple[int, int]) -> tuple[np.ndarray, Geometry]:
    """A frame of a flight at the scale of frames of `size` (H, W)."""
    if labels.size > MAX_PIXELS:
        raise DataError(f"the flight's frames are {labels.shape[1]}×{labels.shape[0]}; that is too large")
    small = fit(labels, size)
    depth = cv2.resize(place.depth, small.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    down, across = small.shape[0] / labels.shape[0], small.shape[1] / labels.shape[1]
    return small, Geometry(depth, place.pose, place.intrinsics * [across, down, across, down])


def draws_lines(palette: Palette) -> bool:
    """Whether a model's classes are paper and line: then any video can drive it."""
    return palette.names == edge_palette().names


def outlines(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The label map of lines, uint8 (H, W), of a picture at the scale of frames of `size`."""
    small = cv2.resize(picture, fitted(picture.shape, size), interpolation=cv2.INTER_AREA)
    return as_drawing(small, size) if is_drawing(small) else edge_labels(small)


def _each(sent: list, palette: Palette) -> Iterator[np.ndarray]:
    for number, uri in enumerate(sent, 1):
        labels = read_map(uri, palette, f"frame {number} of the clip")
        if labels.size > MAX_PIXELS:
            allowed = f"at most {MAX_PIXELS:,} pixels are allowed"
            raise DataError(f"frame {number} of the clip is {labels.shape[1]}×{labels.shape[0]}; {allowed}")
        yield labels


def _begun(maps: Iterator) -> Iterator:
    """The same maps; what is wrong with the first is told now."""
    return chain([next(maps)], maps)


def _film(data: bytes, animator: Animator) -> Clip:
    """A video: of labels, or for models of lines of anything."""
    video = Video(data, "the clip", limits=LIMITS)
    if not draws_lines(animator.palette):
        try:
            maps = _begun(_labels(video, animator))
        except DataError as error:
            raise DataError(f"{ORDINARY}: {error}") from error
        return Clip(maps, video.frames, _rate(video), sound=data)
    frames, seen = tee(_small(video, animator.size))
    maps = _begun(outlines(frame, animator.size) for frame in frames)
    return Clip(maps, video.frames, _rate(video), sound=data, seen=seen)


def _rate(video: Video) -> float:
    return min(max(float(video.rate), 1.0), 60.0)


def _small(video: Video, size: tuple[int, int]) -> Iterator[np.ndarray]:
    with video:
        for picture in video:
            yield cv2.resize(picture, fitted(picture.shape, size), interpolation=cv2.INTER_AREA)


def _labels(video: Video, animator: Animator) -> Iterator[np.ndarray]:
    key = ColourKey(animator.palette)
    with video:
        for number, picture in enumerate(video, 1):
            yield fit(key.ids(picture, f"frame {number} of the clip"), animator.size)
