"""Stopping what a visitor has running, without losing what was made."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from threading import Event, Lock


class Stop(Event):
    """What ends a run; `number` tells it from all others."""

    def __init__(self, number: int):
        super().__init__()
        self.number = number


class Stops:
    """The runs of all visitors, by session. A run looks at its event after each frame."""

    def __init__(self):
        self._runs: dict[str | None, Stop] = {}
        self._numbers, self._lock = count(1), Lock()

    @contextmanager
    def run(self, session: str | None) -> Iterator[Stop]:
        """The event that ends a run of `session`, for as long as it runs."""
        event = Stop(next(self._numbers))
        with self._lock:
            self._runs[session] = event
        try:
            yield event
        finally:
            with self._lock:
                if self._runs.get(session) is event:
                    del self._runs[session]

    def stop(self, session: str | None, number: int | None = None) -> None:
        """End the run of `session`, if it has one; of that number only, if one is given."""
        with self._lock:
            event = self._runs.get(session)
        if event is not None and number in (None, event.number):
            event.set()
