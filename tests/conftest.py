"""What several tests need: small data, a small run, and the command line as a user calls it.

Large libraries are imported where they are needed: the process that shares out the tests loads this file too,
before it starts those that run them.
"""

import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # nothing is downloaded by a test
ROOT = Path(__file__).parent.parent
PATIENCE = 1200  # seconds for a child process to end: on a busy machine; it shows what hangs, and no more


def pytest_addoption(parser):
    parser.addoption(
        "--seed",
        type=int,
        default=0,
        help="what tests draw weights and pictures with: those that learn hold for any",
    )
    parser.addoption("--long", action="store_true", help="try far more in tests/fuzz")


def pytest_collection():
    """A process that runs tests imports the app first, which imports Gradio in half the time."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        import app  # noqa: F401


def pytest_collection_modifyitems(items):
    """Files with slow tests come first, so that the processes, which share out files, end together."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish():
    """What has been imported by now stays, and is not looked through for garbage again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def long(request) -> bool:
    """Whether far more is to be tried."""
    return request.config.getoption("--long")


@pytest.fixture(autouse=True)
def one_seed(request):
    """Tests do not depend on the tests before them.

    `torch.manual_seed` would keep what calls it, for devices that may yet begin: each time, a millisecond.
    """
    import torch

    seed = request.config.getoption("--seed")
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)


@pytest.fixture(autouse=True)
def strict_products():
    """On a GPU, torch starts with TF32 convolutions: what is called fp32 here is."""
    from cgan.runtime import allow_tf32

    allow_tf32(False)


@pytest.fixture(autouse=True)
def ctrl_c():
    """Ctrl-C is heard, though a shell may have told programs in the background to ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def painted_folder(tmp_path_factory) -> Path:
    """A painter's data folder: twelve drawn scenes."""
    import numpy as np
    from drawn import rectangles
    from PIL import Image

    folder = tmp_path_factory.mktemp("painted")
    data = rectangles(12, (64, 64), seed=1)
    for part in ("images", "labels"):
        (folder / part).mkdir()
    for i in range(len(data)):
        Image.fromarray(data.images[i].permute(1, 2, 0).numpy()).save(folder / "images" / f"{i}.png")
        data.palette.write_ids(folder / "labels" / f"{i}.png", data.labels[i, 0].numpy().astype(np.uint8))
    data.palette.write(folder / "palette.json")
    return folder


@pytest.fixture(scope="module")
def chromium():
    """A browser for the tests of a module."""
    from app_fixtures import browser
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = browser(playwright)
        yield made
        made.close()


@pytest.fixture
def command():
    """Run `python -m train …` in a process of its own; gives the finished process."""

    def run(*words: str | Path, launcher: tuple[str, ...] = (sys.executable, "-m"), **options):
        return subprocess.run(
            [*launcher, "train", *map(str, words)],
            cwd=ROOT,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            **options,
        )

    return run


def environment() -> dict[str, str]:
    """For child processes: one thread each."""
    return os.environ | {"OMP_NUM_THREADS": "1"}
