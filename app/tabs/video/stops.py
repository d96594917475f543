"""Stopping what a visitor has running, without losing what was made."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock


class Stop(Event):
    """What ends a run that was asked for at the time `asked`.

    `gives_way`: to something else that is to be made, so that nobody waits for it any more.
    """

    def __init__(self, asked: float):
        super().__init__()
        self.asked, self.gives_way = asked, False

    def give_way(self) -> None:
        """End the run, as something else is to be made."""
        self.gives_way = True
        self.set()


class Stops:
    """The runs of all visitors, by session. A run looks at its event after each frame.

    What ends them tells when it was asked for (see `requests.asked`): what was asked for since then stays.
    """

    def __init__(self):
        self._runs: dict[str | None, Stop] = {}
        self._stopped: dict[str | None, float] = {}  # when each session last stopped all that it had asked
        self._next: dict[str | None, float] = {}  # and when it last asked for something else in its place
        self._lock = Lock()

    @contextmanager
    def run(self, session: str | None, asked: float = math.inf) -> Iterator[Stop]:
        """The event that ends a run of `session`, for as long as it runs.

        asked: when somebody asked for it; where all was stopped since, or was to give way, it is set.
        """
        with self._registered(session, Stop(asked)) as event:
            if asked < self._stopped.get(session, -math.inf):
                event.set()
            yield event

    @contextmanager
    def rest(self, session: str | None, stopped: Stop) -> Iterator[Stop]:
        """The event that ends the rest of a run: what is made where the run has been stopped, too.

        It is set where the run gave way.
        """
        with self._registered(session, Stop(stopped.asked)) as event:
            yield event

    @contextmanager
    def _registered(self, session: str | None, event: Stop) -> Iterator[Stop]:
        with self._lock:
            self._runs[session] = event
            if event.asked < self._next.get(session, -math.inf):
                event.give_way()
        try:
            yield event
        finally:
            with self._lock:
                if self._runs.get(session) is event:
                    del self._runs[session]

    def give_way(self, session: str | None, asked: float) -> None:
        """End what `session` asked for before `asked`, running or waiting: something else is to come."""
        with self._lock:
            self._next[session] = asked
            event = self._runs.get(session)
        if event is not None and event.asked < asked:
            event.give_way()

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
            self._next.pop(session, None)
