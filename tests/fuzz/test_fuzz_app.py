"""Every endpoint of the running app, asked for anything: an answer or one line, and the app goes on.

Errors that are none of ours reach the client as the fault of the app; here they fail the test.
"""

import json
import urllib.request
from contextlib import suppress

import pytest
from app_fixtures import address, as_uri, checkpoints, scene
from fuzz.strategies import anything, budget, names, numbers, pictures
from gradio_client import Client
from gradio_client.exceptions import AppError
from hypothesis import given
from hypothesis import strategies as st

from app.events import FAULT
from app.requests import file_uri


@pytest.fixture(scope="module")
def client():
    return Client(address(), verbose=False)


def endpoints(client) -> dict[str, int]:
    """The app's endpoints and how many values each takes."""
    info = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    return {name: len(facts["parameters"]) for name, facts in info.items()}


files = pictures().map(file_uri)
right = st.sampled_from(["tiny", as_uri(scene(16, 16)), 7, {"path": "/etc/passwd"}, "/etc/passwd"])
values = st.one_of(anything, files, names, numbers, right)


def test_every_endpoint_answers(client, long):
    there = endpoints(client)
    assert {"/paint", "/translate", "/animate"} <= set(there)

    @budget(long)
    @given(st.data())
    def each(data):
        name = data.draw(st.sampled_from(sorted(there)))
        asked = [data.draw(values) for _ in range(there[name])]
        try:
            client.submit(*asked, api_name=name).result(timeout=60)
        except (AppError, ValueError, TypeError) as error:  # the client's own checks are the last two
            assert FAULT not in str(error), (name, asked)
            assert "root:" not in str(error) and str(checkpoints()) not in str(error)

    each()


def test_raw_requests_leave_the_app_alive(long):
    """What no client would send, straight to the address."""

    @budget(long)
    @given(st.sampled_from(["call/paint", "queue/join", "upload", "run/predict", "x"]), anything)
    def each(path, body):
        request = urllib.request.Request(f"{address()}gradio_api/{path}", json.dumps(body).encode())
        request.add_header("content-type", "application/json")
        with suppress(OSError):  # refused
            urllib.request.urlopen(request, timeout=30).read(2000)

    each()
    assert urllib.request.urlopen(address(), timeout=30).status == 200
