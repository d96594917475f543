"""Busy neighbours: other programs that want the same cores, as a browser beside the app does."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def neighbours(count: int) -> Iterator[None]:
    """Inside, so many programs compute without a pause."""
    deaf = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"  # Ctrl-C is for us, who end them
    busy = [subprocess.Popen([sys.executable, "-c", f"{deaf}\nwhile True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for program in busy:
            program.kill()
            program.wait()
