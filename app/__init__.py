"""The browser application, on top of `cgan`.

`start.py` is the command line and `ui.py` the page, made of the tabs in `tabs/`, which are made of the
components in `components/`, whose scripts `scripts/` puts together. `shelf.py` lends models, which
`serve.py` and `replica.py` put behind Ray Serve; `requests.py` bounds and reads what clients send,
`events.py` is how components are listened to. `training.py` starts runs and reads their folders. `maps.py`,
`drawings.py` and `styles.py` are about what is painted, `clips.py`, `films.py` and `sheets.py` about films,
`calls.py` and `turns.py` about calls and who is next, `choosing.py` about what all tabs have,
`examples.py` about what there is to begin with, `records.py` about what pictures remember.
"""

import inspect
import sys
from collections.abc import Callable


def _import_gradio() -> None:
    """Import Gradio in half the time.

    It reads the sources of its components, to write for editors what it has written already when it was
    published. Told that there is no source, it does not; another way to keep it from that it has none.
    """
    find: Callable[..., str] = inspect.getfile

    def found(what: object) -> str:
        if sys._getframe(1).f_code.co_name == "create_or_modify_pyi":
            raise OSError("not needed")
        return find(what)

    inspect.getfile = found
    try:
        import gradio  # noqa: F401
    finally:
        inspect.getfile = find


_import_gradio()
