"""Stopping what a visitor has running, without losing what was made."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from threading import Event, Lock


class Stop(Event):
    """What ends a run; `number` tells it from all others.

    `gives_way`: to something else that is to be made, so that nobody waits for it any more.
    """

    def __init__(self, number: int):
        super().__init__()
        self.number, self.gives_way = number, False


class Stops:
    """The runs of all visitors, by session. A run looks at its event after each frame."""

    def __init__(self):
        self._runs: dict[str | None, Stop] = {}
        self._stopped: dict[str | None, float] = {}  # when each session last stopped all that it had asked
        self._numbers, self._lock = count(1), Lock()

    @contextmanager
    def run(self, session: str | None, asked: float = math.inf) -> Iterator[Stop]:
        """The event that ends a run of `session`, for as long as it runs.

        asked: when somebody asked for it (see `requests.asked`); where all was stopped since, it is set.
        """
        with self._registered(session, Stop(next(self._numbers))) as event:
            if asked < self._stopped.get(session, -math.inf):
                event.set()
            yield event

    @contextmanager
    def rest(self, session: str | None, stopped: Stop) -> Iterator[Stop]:
        """The event that ends the rest of a run: what is made where the run has been stopped, too.

        It is set where the run gave way.
        """
        with self._registered(session, Stop(stopped.number)) as event:
            if stopped.gives_way:
                event.set()
            yield event

    @contextmanager
    def _registered(self, session: str | None, event: Stop) -> Iterator[Stop]:
        with self._lock:
            self._runs[session] = event
        try:
            yield event
        finally:
            with self._lock:
                if self._runs.get(session) is event:
                    del self._runs[session]

    def give_way(self, session: str | None, number: int) -> None:
        """End the run of `session`, if it is the one of that number."""
        with self._lock:
            event = self._runs.get(session)
        if event is not None and number == event.number:
            event.gives_way = True
            event.set()

    def stop(self, session: str | None, asked: float) -> None:
        """End the run of `session`, and those that it asked for before `asked` and which wait."""
        with self._lock:
            self._stopped[session] = asked
            event = self._runs.get(session)
        if event is not None:
            event.set()

    def leave(self, session: str | None) -> None:
        """The visitor has gone, and what runs ends."""
        self.stop(session, math.inf)
        with self._lock:
            del self._stopped[session]
