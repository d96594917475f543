"""Painting and translating without end: memory stays as it was.

Calls of a client that stays, and calls of programs that come once and go (`call/paint`, as with curl).
"""

import json
import os
import urllib.request
from collections.abc import Callable

import numpy as np
import pytest
from app_fixtures import as_uri, scene
from fuzz.strategies import GROWTH, peak
from gradio_client import Client
from translate_fixtures import address

REQUESTS = 40  # with --long:
LONG_REQUESTS = 20_000
SHARE = 20  # of these, one in so many are told of
MAP, PICTURE = as_uri(scene(16, 16)), as_uri(np.zeros((32, 32, 3), np.uint8))


@pytest.fixture(scope="module")
def client():
    return Client(address(), verbose=False)


def asked_once(name: str, *values: object) -> None:
    """Call an endpoint as a program that has no session: a request, and one for its answer."""
    place = f"{address()}gradio_api/call/{name}"
    request = urllib.request.Request(place, json.dumps({"data": values}).encode())
    request.add_header("content-type", "application/json")
    with urllib.request.urlopen(request) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{place}/{event}") as answer:
        assert b"event: complete" in answer.read()  # perhaps after heartbeats


def ways(client: Client) -> list[Callable[[int], object]]:
    """What is asked for in turn; each takes a seed."""

    def translation(seed: int) -> tuple[object, ...]:
        return "munit", "ba", PICTURE, None, seed, 1, [], None

    return [
        lambda seed: client.predict("painter", MAP, seed, None, api_name="/paint"),
        lambda seed: asked_once("paint", "painter", MAP, seed, None, [], 0),
        lambda seed: client.predict(*translation(seed), api_name="/translate"),
        lambda seed: asked_once("translate", *translation(seed)),
    ]


def test_a_soak_leaves_memory_as_it_was(client, long):
    count, asked = LONG_REQUESTS if long else REQUESTS, ways(client)
    for number in range(count // 10):  # until all that is kept is there
        asked[number % len(asked)](number)
    before = peak()
    for number in range(count):
        asked[number % len(asked)](number)
        if number % (count // SHARE) == 0:
            print(f"{number} requests, at most {peak()} MB, process {os.getpid()}", flush=True)
    print(f"{count} requests, {peak() - before} MB more than {before}")
    assert peak() - before < (before / 20 if long else GROWTH)
