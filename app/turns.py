"""Models take turns: one computes at a time, and a film lets others in between its frames.

Two at once would only make each other slow, or run out of GPU memory; but a film takes seconds, and whoever
paints meanwhile is answered after the frame that is being made.
"""

import inspect
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from threading import Condition


class Turns:
    """A lock that is given in the order in which it was asked for."""

    def __init__(self) -> None:
        self._line: deque[object] = deque()  # who has it, and then who waits
        self._moved = Condition()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for a turn; it ends with the `with`."""
        me = object()
        with self._moved:
            self._line.append(me)
            try:
                self._moved.wait_for(lambda: self._line[0] is me)
            except BaseException:
                self._leave(me)
                raise
        try:
            yield
        finally:
            with self._moved:
                self._leave(me)

    def _leave(self, me: object) -> None:
        self._line.remove(me)
        self._moved.notify_all()


def inside(handler: Callable, context: Callable[[], AbstractContextManager]) -> Callable:
    """`handler`, which runs in a context of its own; a generator in one for each of its parts."""

    @wraps(handler)
    def whole(*values):
        with context():
            return handler(*values)

    @wraps(handler)
    def in_parts(*values):
        parts = handler(*values)
        try:
            while True:
                with context():
                    try:
                        part = next(parts)
                    except StopIteration:
                        return
                yield part
        finally:
            parts.close()

    return in_parts if inspect.isgeneratorfunction(handler) else whole
