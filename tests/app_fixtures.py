"""What the tests of the app share: tiny checkpoints, a running app, maps as data URIs, a browser."""

import base64
import io
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from playwright import sync_api

import cgan
from app.examples import FOLDER
from app.shelf import Shelf
from app.ui import build, launch
from cgan.models import label, pix2pixhd, spade

PALETTE = cgan.Palette.read(FOLDER / "streets" / "palette.json")
SIZE = (48, 64)  # of the training pictures
DRAWN = (96, 128)  # of the canvas
# Without a window's frame a page opens in half the processor time.
BROWSERS = [
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
]
CHROMIUM = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
CHROMIUM += " --disable-component-update --disable-sync"
CHROMIUM += " --use-fake-device-for-media-stream --use-fake-ui-for-media-stream"  # a webcam
PATIENCE = 180_000  # milliseconds: for machines that do something else besides
# The clock of Gradio's first loading indicator goes on for ever when that has left the page, sixty times a
# second: a twentieth of a core for each page that is open. In tests it ticks four times a second.
CALM = """{
  const ask = window.requestAnimationFrame.bind(window);
  const clock = (step) => step.length === 0 && String(step).includes("performance.now()-");
  window.requestAnimationFrame = (step) => (clock(step) ? setTimeout(step, 250) : ask(step));
}"""
OFTEN = 400  # milliseconds: Playwright asks every 50 as long as it may wait no longer, then every 500


def save_checkpoint(folder: Path, seed: int = 0, palette: cgan.Palette = PALETTE) -> Path:
    """A tiny SPADE with drawn weights, strong enough for its pictures to differ visibly from map to map."""
    torch.manual_seed(seed)
    config = spade.PRESETS["tiny"]
    model = spade.Model(type(config)(**{**vars(config), "classes": len(palette)}))
    for weights in model.parameters():
        if weights.ndim > 1:
            weights.data *= 3
    about = {"size": list(SIZE), "data": "drawn weights", "licence": "for tests only"}
    return cgan.save(folder, model, palette, about)


def save_restyler(folder: Path, palette: cgan.Palette = PALETTE) -> Path:
    """A tiny pix2pixHD with drawn weights, whose things have looks."""
    torch.manual_seed(0)
    model = pix2pixhd.Model(replace(pix2pixhd.PRESETS["tiny"], classes=len(palette)))
    for tensor in (*model.parameters(), model.clusters):
        torch.nn.init.normal_(tensor, std=0.3)
    about = {"size": list(SIZE), "data": "drawn weights", "licence": "for tests only"}
    return cgan.save(folder, model, palette, about)


def save_labeller(folder: Path, palette: cgan.Palette = PALETTE) -> Path:
    """A tiny label network with drawn weights, which finds several classes in a picture of many colours."""
    torch.manual_seed(3)
    model = label.Model(label.Config(classes=len(palette), filters=16, stages=3))
    for weights in model.parameters():
        torch.nn.init.normal_(weights, std=0.3)
    about = {"size": list(SIZE), "data": "drawn weights", "licence": "for tests only"}
    return cgan.save(folder, model, palette, about)


def break_checkpoint(folder: Path) -> None:
    """A checkpoint whose weights are the page that a failed download left behind."""
    save_checkpoint(folder)
    (folder / "model.safetensors").write_bytes(b"<!doctype html><title>Sign in</title>")


@cache
def _folder() -> tempfile.TemporaryDirectory:
    """Removed when the process ends."""
    return tempfile.TemporaryDirectory(prefix="cgan-checkpoints-")


@cache
def checkpoints() -> Path:
    """A folder with one good checkpoint, which has a label network, and one broken."""
    root = Path(_folder().name)
    save_checkpoint(root / "tiny")
    save_labeller(root / "tiny" / "labeller")
    break_checkpoint(root / "torn")
    return root


@cache
def address() -> str:
    """The address of the app, started once for all tests of this process."""
    _, url, _ = launch(build(Shelf(checkpoints(), "cpu")), prevent_thread_lock=True, quiet=True)
    return url


def scene(height: int = DRAWN[0], width: int = DRAWN[1]) -> np.ndarray:
    """Labels of sky, building and road, uint8 (height, width)."""
    labels = np.zeros((height, width), np.uint8)
    labels[height // 3 :, : width // 2] = 1
    labels[height // 2 :] = 3
    return labels


def photograph(height: int = 120, width: int = 200) -> np.ndarray:
    """A picture of many colours, uint8 (height, width, 3): clouds of noise."""
    noise = np.random.default_rng(0).integers(0, 256, (height // 20, width // 20, 3), np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)


def as_uri(picture: np.ndarray, kind: str = "PNG") -> str:
    """An array as a picture file in a data URI: (H, W) as ids, (H, W, 3) as colours."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"


def from_uri(uri: str) -> np.ndarray:
    """The pixels in a data URI; of a palette PNG its ids."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))))


def visitor(chromium, **options):
    """The page of a new visitor, who is patient; `options` are those of Playwright's `new_context`.

    Nothing is compressed for it: that would take a tenth of what it takes to open the page.
    """
    usual = {
        "viewport": {"width": 1440, "height": 900},
        "extra_http_headers": {"Accept-Encoding": "identity"},
    }
    context = chromium.new_context(**usual | options)
    context.add_init_script(CALM)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    return page


def expect(seen) -> "Soon":
    """Playwright's assertions of a page or of a part of it."""
    return Soon(seen)


class Soon:
    """They are seen soon after they have become true."""

    def __init__(self, seen):
        self.assertions = sync_api.expect(seen)

    def __getattr__(self, name: str):
        holds = getattr(self.assertions, name)

        def patiently(*wanted, **options) -> None:
            deadline = time.monotonic() + PATIENCE / 1000
            while time.monotonic() < deadline:
                with suppress(AssertionError):
                    return holds(*wanted, timeout=OFTEN, **options)
            return holds(*wanted, timeout=OFTEN, **options)

        return patiently


def browser(playwright):
    """Chromium: that of the system, or Playwright's where there is none."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    return playwright.chromium.launch(executable_path=found, args=CHROMIUM.split())
