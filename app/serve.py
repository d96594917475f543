"""The same page and API with its models behind Ray Serve: `python -m app.serve`, with the extra `serve`.

    python -m app.serve --replicas 2                     two of them on this machine
    python -m app.serve --replicas 1-8 --cluster auto    as many as are needed, on a cluster that runs already

What `python app.py` takes is taken here too. Painters and translators compute in the replicas; videos, whose
frames follow one another, and label networks stay with the page. Calls that wait for a replica are answered
together. A replica that fails is replaced, and Ray asks each every ten seconds whether it can still compute.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cgan
from app import start
from app.replica import Answer, Call, Far, FarPainter, FarTranslator, Replica, packed
from app.shelf import Shelf

TOGETHER, WAIT = 8, 0.005  # the most calls that are answered together, and seconds for which more are awaited
PATIENCE = 300  # seconds for an answer; a first one waits until the checkpoint is there
TRIES = 3  # times that a call is sent, if the replicas that have it die
BUSY = 2  # calls under way in each replica at which another one is started
Ask = Callable[[Call], Answer]


class FarShelf(Shelf):
    """A shelf whose painters and translators compute in replicas.

    `ask` sends a call, `keep` makes of a checkpoint's files what gives them to whoever lacks them.
    """

    def __init__(self, root: Path, ask: Ask, keep: Callable[[dict[str, bytes]], Any], device: str = "auto"):
        super().__init__(root, device)
        self._asked, self._keep = ask, keep
        self._files: dict[str, Any] = {}  # by hash
        self._words = str(ask(Call("", "describe")))

    def where(self) -> str:
        """On what a replica computes, in words."""
        return f"{self._words}, behind Ray Serve"

    def painter(self, name: str) -> FarPainter:
        """The checkpoint called `name`, painting elsewhere. Raises `CheckpointError`."""
        return self._far(FarPainter, self.checkpoint(name, "paint"))

    def translator(self, name: str) -> FarTranslator:
        """The checkpoint called `name`, translating elsewhere. Raises `CheckpointError`."""
        return self._far(FarTranslator, self.checkpoint(name, "translate"))

    def _far(self, kind: type[Far], checkpoint: cgan.Checkpoint) -> Any:
        digest = checkpoint.sha256
        if digest not in self._files:
            with self._unplaced():
                cgan.load_model(checkpoint.folder)  # whole, or told here
            self._files[digest] = self._keep(packed(checkpoint.folder))

        def ask(method: str, arguments: tuple, options: dict) -> Answer:
            return self._asked(Call(digest, method, arguments, options, self._files[digest]))

        return kind(checkpoint, ask, self._words)


def deployment(device: str, precision: str, least: int, most: int) -> Any:
    """The replicas, from `least` to `most` by how many calls are under way, as Ray Serve takes them."""
    from ray import serve

    class Models:
        """A replica, as Ray asks it: several calls at once."""

        def __init__(self) -> None:
            self.replica = Replica(device, precision)

        @serve.batch(max_batch_size=TOGETHER, batch_wait_timeout_s=WAIT)
        async def __call__(self, calls: list[Call]) -> list[Answer]:
            return await asyncio.to_thread(self.replica.answer, calls)

        def check_health(self) -> None:
            """Ray asks this now and then, and replaces who raises."""
            self.replica.healthy()

    scale = {"min_replicas": least, "max_replicas": most, "target_ongoing_requests": BUSY}
    many = {"num_replicas": least} if least == most else {"autoscaling_config": scale}
    return serve.deployment(Models, name="models", max_ongoing_requests=4 * TOGETHER, **many).bind()


class Kept:
    """Gives a checkpoint's files from Ray's store, to whichever machine asks."""

    def __init__(self, files: dict[str, bytes]):
        import ray

        self.reference = ray.put(files)

    def __call__(self) -> dict[str, bytes]:
        """The files: name -> contents."""
        import ray

        files: dict[str, bytes] = ray.get(self.reference)
        return files


@contextmanager
def serving(
    device: str, precision: str, replicas: tuple[int, int], cluster: str | None = None, **options: Any
) -> Iterator[Ask]:
    """Inside, replicas answer: on the cluster at an address, else on this machine.

    `options` are of `ray.init`.
    """
    import ray
    from ray import serve
    from ray.exceptions import RayActorError

    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    quiet = {"include_dashboard": False} if cluster is None else {}
    ray.init(address=cluster, log_to_driver=False, logging_level="error", **quiet, **options)
    try:
        handle = serve.run(deployment(device, precision, *replicas), name="cgan", route_prefix=None)
        yield persistent(lambda call: handle.remote(call).result(timeout_s=PATIENCE), RayActorError)
    finally:
        serve.shutdown()
        ray.shutdown()


def persistent(ask: Ask, lost: type[Exception]) -> Ask:
    """`ask`, which asks again where it raises `lost`, its replica having died: calls change nothing."""

    def asked(call: Call) -> Answer:
        for _ in range(TRIES - 1):
            try:
                return ask(call)
            except lost:
                continue
        return ask(call)

    return asked


def range_of(text: str) -> tuple[int, int]:
    """`2` -> (2, 2); `1-8` -> (1, 8)."""
    found = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    least, most = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= least <= most <= 1000:
        raise ArgumentTypeError(f"{text!r} is no number of replicas; write 2, or 1-8")
    return least, most


def main(words: list[str] | None = None) -> int:
    """Start replicas and the page, and serve until Ctrl-C. Returns the exit status."""
    parser = start.flags("python -m app.serve")
    parser.add_argument("--replicas", type=range_of, default=(1, 1), metavar="N", help="2, or 1-8: as needed")
    where = "address of a Ray cluster, or auto for the one of this machine (default: none, Ray starts here)"
    parser.add_argument("--cluster", metavar="ADDRESS", help=where)
    given = parser.parse_args(words)
    if find_spec("ray") is None:
        parser.error("this needs Ray: pip install '.[serve]', or start python app.py without it")
    with serving(given.device, given.precision, given.replicas, given.cluster) as ask:
        return start.serve(given, parser, lambda: FarShelf(given.checkpoints, ask, Kept, given.device))


if __name__ == "__main__":
    sys.exit(main())
