"""Label maps painted for a few frames of a clip are carried on to all others by optical flow.

Between two painted frames each pixel takes its class from the one whose flow it trusts more: that is the
nearer one, unless something hid the place on the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgan.motion import Flow, agreement, fetched, flow, positions

Picture = NDArray[np.uint8]
Labels = NDArray[np.uint8]

FADING = 0.98  # of the trust stays from one frame to the next
LOST = 0.3  # of it where the flow does not come back to where it began


def carry(maps: Mapping[int, Labels], frames: Iterable[Picture]) -> Iterator[Labels]:
    """The label map, uint8 (H, W), of each frame, in order; painted ones as they are.

    maps: label maps by the number of their frame, from 0; frames: pictures, uint8 (H, W, 3). Holds no more
    frames than lie between two painted ones. Raises ValueError where nothing is painted, a map is not as
    large as its frame, or the clip ends before a painted frame.
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
            yield from _between(track, waiting, _Track.begin(maps[number], frame))
            yield maps[number]
            track, waiting = _Track.begin(maps[number], frame), []
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

    @classmethod
    def begin(cls, key: Labels, frame: Picture) -> _Track:
        """At the painted frame itself."""
        nowhere = np.zeros((*key.shape, 2), np.float32)
        return cls(key, frame, positions(nowhere), np.ones(key.shape, np.float32))

    def onward(self, frame: Picture) -> _Track:
        """To a frame beside this one."""
        there, back = flow(frame, self.frame), flow(self.frame, frame)
        before = positions(there)
        trust = fetched(self.trust, before) * FADING * np.where(agreement(there, back), 1, LOST)
        return _Track(self.key, frame, fetched(self.places, before), trust.astype(np.float32))

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
