"""How this app listens: every event has a name in the API, and what users can mend is told to them.

Model calls wait in one line, films in another, as one takes long; who comes to the head of either waits for
a turn (`app.turns`).
"""

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec

import gradio as gr
from gradio.events import Dependency

from app.turns import Turns, inside
from cgan import CganError

FAULT = "This is a fault of the app, not yours; its log says more"
MODEL_LINE = {"concurrency_id": "model", "concurrency_limit": 1}
FILM_LINE = {"concurrency_id": "film", "concurrency_limit": 1}
TURNS = Turns()
# Where a call is under way, Gradio makes another when it ends (`always_last`, its default for changes), and
# repeats the whole event with which it began. Two such calls of one event can wake each other without end: so
# one of them is, and the others of that event are made each time.
EACH_TIME = {"trigger_mode": "multiple"}
# How our sentences begin, where it is not with somebody's name for something.
BEGINNING = re.compile(
    "(a|an|at|class|every|export|frame|give|no|palette|reading|the|there|things|this|videos) "
)
BROWSER = {
    "api_description": "In the browser alone.",
    "api_visibility": "private",
}  # of scripts without a handler


def on(
    triggers: Sequence[Callable],
    handler: Callable,
    inputs: Sequence[gr.components.Component],
    outputs: Sequence[gr.components.Component],
    *,
    api_name: str,
    model: bool = False,
    **options,
) -> Dependency:
    """Call `handler` at each of `triggers` (`canvas.input`, `page.load`, …); `.failure` tells when it raised.

    Args: `api_name` the event's name for `gradio_client`; `model` whether the handler runs one; `options` as
    in `gr.on`. A `CganError` of the handler is shown in the browser; any other exception is a bug and keeps
    its traceback.
    """
    if model:
        options |= FILM_LINE if inspect.isgeneratorfunction(handler) else MODEL_LINE
        handler = inside(_on_zero_gpu(handler), TURNS.taken)
    paragraphs = inspect.cleandoc(handler.__doc__ or "").split("\n\n")
    description = "\n\n".join(" ".join(each.split()) for each in paragraphs)  # for people, and for agents
    told = inside(handler, _telling)
    told.__name__ = api_name  # by which agents know it, where `--mcp` serves them
    return gr.on(
        triggers,
        told,
        list(inputs),
        list(outputs),
        api_name=api_name,
        api_description=description,
        **options,
    )


def at_once(
    triggers: Sequence[Callable],
    script: str,
    inputs: Sequence[gr.components.Component],
    outputs: Sequence[gr.components.Component],
    *,
    api_name: str,
) -> None:
    """Run a JavaScript function in the browser at each of `triggers`: what need not wait for the server."""
    gr.on(
        triggers,
        None,
        list(inputs),
        list(outputs),
        js=script,
        api_name=api_name,
        **BROWSER,
    )


@contextmanager
def _telling() -> Iterator[None]:
    """A CganError inside becomes the message that Gradio shows: the one place where that happens.

    A fault of ours keeps its traceback, in the log; the client is told that it is one.
    """
    try:
        yield
    except CganError as error:
        raise gr.Error(sentence(str(error)), print_exception=False) from error
    except gr.Error:
        raise
    except Exception as error:
        raise gr.Error(f"{FAULT} ({type(error).__name__})") from error


def sentence(told: str) -> str:
    """What was told, beginning with a capital, unless with a name. (In a terminal it follows a colon.)"""
    return told[:1].upper() + told[1:] if BEGINNING.match(told) else told


def _on_zero_gpu(handler: Callable) -> Callable:
    """On Hugging Face's shared GPUs a handler must ask for one; elsewhere `spaces` is not installed."""
    if find_spec("spaces") is None:
        return handler
    import spaces

    return spaces.GPU(handler)
