"""Films that a camera drives: a picture comes, a frame goes, and all frames become a film in the end."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock

import numpy as np

from app.clips import MAX_FRAMES, RATE
from app.films import Film
from cgan import DataError
from cgan.tasks import Animator

KEPT = 4  # films under way: with one more, the one that waited longest is given up


@dataclass
class Run:
    """A film under way; `look` is what it was begun for: another model, subject or seed begins another."""

    look: object
    film: Film
    frames: Iterator[np.ndarray]
    current: list[np.ndarray]

    def next(self, labels: np.ndarray) -> np.ndarray:
        """The frame, uint8 (H, W, 3), of a map, uint8 (H, W)."""
        if self.film.made >= MAX_FRAMES:
            raise DataError(
                f"the film has {MAX_FRAMES} frames now: stop the webcam to see it, and begin anew"
            )
        self.film.begin()
        self.current[:] = [labels]
        frame = next(self.frames)
        self.film.add(labels, frame)
        return frame


class Live:
    """The films under way of all visitors, by session."""

    def __init__(self):
        self._runs: OrderedDict[str | None, Run] = OrderedDict()
        self._lock = Lock()

    def run(self, session: str | None, look: object, animator: Animator, seed: int, **given) -> Run:
        """The film under way of a session, begun now if there is none that looks like that.

        `given` are further arguments of `Animator.animate`.
        """
        with self._lock:
            run = self._runs.get(session)
            if run is None or run.look != look:
                self._give_up(session)
                current: list[np.ndarray] = []
                frames = animator.animate(latest(current), seed=seed, **given)
                run = self._runs[session] = Run(look, Film(animator.palette, RATE), frames, current)
            self._runs.move_to_end(session)
            while len(self._runs) > KEPT:
                self._give_up(next(iter(self._runs)))
            return run

    def take(self, session: str | None) -> Run | None:
        """The film under way of a session, which is its own from now on; None where there is none."""
        with self._lock:
            return self._runs.pop(session, None)

    def leave(self, session: str | None) -> None:
        """The visitor has gone: so does the film."""
        with self._lock:
            self._give_up(session)

    def _give_up(self, session: str | None) -> None:
        run = self._runs.pop(session, None)
        if run is not None:
            run.film.close()


def latest(current: list[np.ndarray]) -> Iterator[np.ndarray]:
    """Without end, what lies in `current` when the next map is asked for."""
    while True:
        yield current[0]
