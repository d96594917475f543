"""What programs call: answers, in one line and without a traceback, to requests that our pages never send."""

import inspect
from collections.abc import Callable

import gradio as gr
from fastapi import Request
from fastapi.responses import JSONResponse
from gradio.blocks import BlockFunction
from gradio.route_utils import FnIndexInferError
from gradio.state_holder import SessionState

ADDRESSED = ("/call/", "/run/", "/api/", "/queue/join", "/component_server")


class Calls(gr.Blocks):
    """Blocks whose handlers may be called with fewer values than they have inputs."""

    async def preprocess_data(
        self,
        block_fn: BlockFunction,
        inputs: list[object],
        state: SessionState | None,
        explicit_call: bool = False,
    ) -> list[object]:
        """The values that a handler is called with; what a call leaves out is as the handler says.

        Raises gr.Error for too few, for too many, for what a component refuses, and for what Gradio takes
        for a file on this machine.
        """
        name, most = block_fn.api_name, len(block_fn.inputs)
        usual = defaults(block_fn.fn)[:most]
        least = usual.count(inspect.Parameter.empty)
        if not least <= len(inputs) <= most:
            takes = f"{least} to {most} values" if least < most else f"{most} values"
            raise gr.Error(f"/{name} takes {takes}, not {len(inputs)}", print_exception=False)
        try:
            return await super().preprocess_data(
                block_fn, [*inputs, *usual[len(inputs) :]], state, explicit_call
            )
        except gr.Error as error:  # a component's own check, of a number's bounds: no fault of ours
            raise gr.Error(str(error.message), print_exception=False) from error
        except (ValueError, TypeError) as error:  # Gradio's own checks; their words name folders
            told = f"/{name} was sent a value that it does not take: files come as data URIs"
            raise gr.Error(told, print_exception=False) from error


def defaults(handler: Callable) -> list[object]:
    """What a handler takes for each value that is left out; `Parameter.empty` where it must be given."""
    given = inspect.signature(handler).parameters.values()
    return [each.default for each in given if each.kind is each.POSITIONAL_OR_KEYWORD]


def not_there(request: Request, error: Exception) -> JSONResponse:
    """What a client hears who calls by a name or a number that nothing has; other errors are faults."""
    if isinstance(error, FnIndexInferError) or any(part in request.url.path for part in ADDRESSED):
        return JSONResponse({"detail": "nothing is called so here; /gradio_api/info lists all calls"}, 404)
    raise error
