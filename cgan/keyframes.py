"""Label maps painted for a few frames of a clip are carried on to all others by optical flow.

Between two painted frames each pixel takes its class from the one whose flow it trusts more: that is the
nearer one, unless something hid the place on the way.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from cgan.motion import Flow, agreement, fetched, flow, positions

Picture = NDArray[np.uint8]
Labels = NDArray[np.uint8]

FADING = 0.98  # of the trust stays from one frame to the next
LOST = 0.3  # of it where the flow does not come back to where it began


class Flows:
    """Optical flow that is computed once for each two pictures: a frame that is painted again costs little.

    Keeps those that were asked for last, in at most `limit` bytes, in half precision.
    """

    def __init__(self, limit: int = 256 * 2**20) -> None:
        self.limit, self._bytes = limit, 0
        self._kept: OrderedDict[tuple[int, int], NDArray[np.float16]] = OrderedDict()
        self._lock = Lock()

    def __call__(self, picture: Picture, other: Picture) -> Flow:
        """As `cgan.motion.flow`, to a few thousandths of a pixel."""
        key = hash(picture.tobytes()), hash(other.tobytes())
        with self._lock:
            found = self._kept.get(key)
        if found is None:
            found = flow(picture, other).astype(np.float16)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = found
                self._bytes += found.nbytes
            self._kept.move_to_end(key)
            while self._bytes > self.limit:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return found.astype(np.float32)


def carry(
    maps: Mapping[int, Labels],
    frames: Iterable[Picture],
    flow: Callable[[Picture, Picture], Flow] = flow,
) -> Iterator[Labels]:
    """The label map, uint8 (H, W), of each frame, in order; painted ones as they are.

    maps: label maps by the number of their frame, from 0; frames: pictures, uint8 (H, W, 3); flow: that of
    `cgan.motion`, or `Flows`. Holds no more frames than lie between two painted ones. Raises ValueError where
    nothing is painted, a map is not as large as its frame, or the clip ends before a painted frame.
    """
    if not maps:
        raise ValueError("no frame is painted: at least one is needed")
    if min(maps) < 0:
        raise ValueError(f"frames count from 0: there is no frame {min(maps)}")
    waiting: list[Picture] = []  # since the last painted frame, itself first
    count, last = 0, max(maps)
    track: _Track | None = None  # from the last painted frame to the latest one
    for count, frame in enumerate(frames, 1):
        number = count - 1
        if number in maps:
            _check(maps[number], frame, number)
            yield from _between(track, waiting, _Track.begin(maps[number], frame, flow))
            yield maps[number]
            track, waiting = _Track.begin(maps[number], frame, flow), []
        elif number > last and track is not None:
            track = track.onward(frame)
            yield track.labels()
        else:
            waiting.append(frame)
    if count <= last:
        raise ValueError(f"frame {last} is painted, but the clip has only {count}")


def _check(labels: Labels, frame: Picture, number: int) -> None:
    if labels.dtype != np.uint8 or labels.shape != frame.shape[:2]:
        height, width = frame.shape[:2]
        raise ValueError(
            f"the map of frame {number} must be uint8 ({height}, {width}), not {labels.dtype} {labels.shape}"
        )


@dataclass(frozen=True)
class _Track:
    """How a frame's pixels go back to a painted frame.

    places (H, W, 2): where in it; trust (H, W), from 0 to 1.
    """

    key: Labels
    frame: Picture
    places: Flow
    trust: NDArray[np.float32]
    flow: Callable[[Picture, Picture], Flow]

    @classmethod
    def begin(cls, key: Labels, frame: Picture, flow: Callable[[Picture, Picture], Flow]) -> _Track:
        """At the painted frame itself."""
        nowhere = np.zeros((*key.shape, 2), np.float32)
        return cls(key, frame, positions(nowhere), np.ones(key.shape, np.float32), flow)

    def onward(self, frame: Picture) -> _Track:
        """To a frame beside this one."""
        there, back = self.flow(frame, self.frame), self.flow(self.frame, frame)
        before = positions(there)
        trust = fetched(self.trust, before) * FADING * np.where(agreement(there, back), 1, LOST)
        return _Track(self.key, frame, fetched(self.places, before), trust.astype(np.float32), self.flow)

    def labels(self) -> Labels:
        """The classes that the painted frame has there: never a blend."""
        height, width = self.key.shape
        columns = np.rint(self.places[..., 0]).clip(0, width - 1).astype(np.intp)
        rows = np.rint(self.places[..., 1]).clip(0, height - 1).astype(np.intp)
        return self.key[rows, columns]


def _between(before: _Track | None, frames: list[Picture], after: _Track) -> Iterator[Labels]:
    """The maps of the frames from one painted frame (or the clip's beginning) to the next."""
    later: list[tuple[Labels, NDArray[np.float32]]] = []
    track = after
    for frame in reversed(frames):
        track = track.onward(frame)
        later.append((track.labels(), track.trust))
    for frame in frames:
        labels, trust = later.pop()
        if before is not None:
            before = before.onward(frame)
            labels = np.where(before.trust >= trust, before.labels(), labels)
        yield labels
