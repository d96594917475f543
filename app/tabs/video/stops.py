"""Stopping what a visitor has running, without losing what was made."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock


class Stops:
    """The runs of all visitors, by session. A run looks at its event after each frame."""

    def __init__(self):
        self._runs: dict[str | None, Event] = {}
        self._lock = Lock()

    @contextmanager
    def run(self, session: str | None) -> Iterator[Event]:
        """The event that ends a run of `session`, for as long as it runs."""
        event = Event()
        with self._lock:
            self._runs[session] = event
        try:
            yield event
        finally:
            with self._lock:
                if self._runs.get(session) is event:
                    del self._runs[session]

    def stop(self, session: str | None) -> None:
        """End the run of `session`, if it has one."""
        with self._lock:
            event = self._runs.get(session)
        if event is not None:
            event.set()
