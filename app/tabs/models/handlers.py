"""What the Models tab does, apart from how it looks."""

import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from functools import lru_cache
from html import escape
from pathlib import Path

import cv2
import gradio as gr

from app import requests
from app.choosing import TABS, Update, licence, notices, opened
from app.shelf import Shelf, task_of
from cgan import Checkpoint, CheckpointError, export, read_picture
from cgan.checkpoint import WEIGHTS
from cgan.files import replaced
from cgan.tasks.labeller import labeller_in

DEEDS = {
    "paint": "paints label maps",
    "translate": "translates pictures",
    "animate": "animates label maps",
    "label": "labels photographs, for the models of its classes",
}
SCORES = {"lpips": "LPIPS", "frechet": "Fréchet", "l1": "L1", "missed": "1 - mIoU"}
NO_CHECKPOINT = "There is no checkpoint here yet: python -m train MODEL --data FOLDER makes one."
SIDE, LARGE = 560, 2400  # most pixels of a card's picture across, and of samples


class Models:
    """The answers to the events of the tab, a method each."""

    def __init__(self, shelf: Shelf, local: bool = False):
        self.shelf, self.lacking = shelf, export.lacking() if local else []
        self.exports = local and not self.lacking
        self._made = tempfile.TemporaryDirectory(prefix="cgan-onnx-")  # exports, until the app ends

    def list(self) -> tuple[Update, Update]:
        """List all checkpoints: a card of each, and a notice about broken ones."""
        found, loaded = self.shelf.find(), self.shelf.loaded()
        notice = notices(found, NO_CHECKPOINT)
        cards = [self.card(each, each.name in loaded) for each in found.checkpoints]
        return gr.update(cards=cards), gr.update(value=notice, visible=bool(notice))

    def card(self, checkpoint: Checkpoint, loaded: bool) -> dict:
        """What the page shows of a checkpoint."""
        about, task = checkpoint.about, task_of(checkpoint)
        height, width = about["size"]
        megabytes = (checkpoint.folder / WEIGHTS).stat().st_size / 1e6
        rows = {
            "data": str(about.get("data") or "not stated"),
            "licence": licence(checkpoint),
            "size": f"{megabytes:.0f} MB · trained at {width}×{height}",
            "scores": scores(checkpoint),
            "photographs": "a label network that finds their maps lies beside it"
            if labeller_in(checkpoint.folder)
            else "",
            "ONNX": ""
            if task == "animate" or not self.lacking
            else f"can be saved after pip install {' '.join(self.lacking)} and a new start",
        }
        return {
            "name": checkpoint.name,
            "model": checkpoint.model,
            "deed": DEEDS[task],
            "tab": TABS[task].capitalize() if task in TABS else "",
            "picture": shown(checkpoint, "preview.jpg", SIDE),
            "rows": [[name, words] for name, words in rows.items() if words],
            "samples": (checkpoint.folder / "samples.jpg").is_file(),
            "onnx": checkpoint.sha256[:16] if self.exports and task != "animate" else "",
            "loaded": loaded,
        }

    def open(self, event: gr.EventData) -> tuple:
        """Choose a checkpoint in the tab that it is for, and go there."""
        return opened(self.shelf, event.name)

    def samples(self, name: str) -> str:
        """The sheet of samples that nobody picked, a picture as a data URI; "" where there is none."""
        return shown(self.shelf.checkpoint(name), "samples.jpg", LARGE)

    def show(self, event: gr.EventData) -> Update:
        """Show the samples of the card that was clicked."""
        return gr.update(large={"name": event.name, "picture": self.samples(event.name)})

    def unload(self, event: gr.EventData) -> tuple[Update, Update]:
        """Take a checkpoint out of memory."""
        self.shelf.unload(event.name)
        return self.list()

    def onnx(self, event: gr.EventData) -> Update:
        """Make the ONNX graphs of the card that was clicked, once, and give them to it as a zip."""
        return gr.update(value=self.export(event.name))

    def export(self, name: str) -> str:
        """Export a checkpoint as ONNX graphs, each compared with its model; give them as a zip file.

        What a graph takes and gives stands in it. It is made once, and kept until the app ends.
        """
        checkpoint = self.shelf.checkpoint(name)
        archive = self._archive(checkpoint)
        if not archive.exists():
            paths = export.write(checkpoint.folder, archive.parent)
            with replaced(archive) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as packed:
                for path in paths:
                    packed.write(path, path.name)
        return str(archive)

    def _archive(self, checkpoint: Checkpoint) -> Path:
        """Where the exported graphs of a checkpoint lie, once they are made."""
        return Path(self._made.name) / checkpoint.sha256[:16] / f"{checkpoint.folder.name}-onnx.zip"

    def add(self, source: str) -> Iterator[tuple]:
        """Add a checkpoint: a folder of this machine, or a Hub repository as owner/name."""
        word = (source or "").strip()
        if not word:
            raise CheckpointError("give the folder of a checkpoint, or a Hub repository as owner/name")
        yield told(f"Looking for {word}, fetching it if it is on the Hub …"), gr.skip(), gr.skip(), gr.skip()
        try:
            checkpoint = self.shelf.add(word)
        except CheckpointError:
            yield told(""), gr.skip(), gr.skip(), gr.skip()
            raise
        yield told(f"{checkpoint.name} is here: open it in its tab."), "", *self.list()


def told(words: str) -> Update:
    """A line of progress."""
    return gr.update(value=escape(words), visible=bool(words))


def scores(checkpoint: Checkpoint) -> str:
    """The scores by which the trainer chose the weights, in words; "" where there are none."""
    found = checkpoint.about.get("scores") or {}
    domains = checkpoint.about.get("domains") or ("A", "B")
    numbers = {key: value for key, value in found.items() if isinstance(value, int | float)}
    words = [f"{named(key, domains)} {value:.3g}" for key, value in numbers.items()]
    return " · ".join(words) + (" (validation, lower is better)" if words else "")


def named(key: str, domains: Sequence[str] = ("A", "B")) -> str:
    """A score's name for people: "frechet_ab" is "Fréchet, summer to winter" between these domains."""
    first, _, rest = key.partition("_")
    way = {"ab": domains, "ba": domains[::-1]}.get(rest)
    return SCORES.get(first, first) + (f", {way[0]} to {way[1]}" if way else f" {rest}" if rest else "")


def shown(checkpoint: Checkpoint, file: str, side: int) -> str:
    """A picture beside a checkpoint, as the data URI of a JPEG at most `side` across; "" for none."""
    path = checkpoint.folder / file
    return _shrunk(path, path.stat().st_mtime_ns, side) if path.is_file() else ""


@lru_cache(maxsize=64)
def _shrunk(path: Path, changed: int, side: int) -> str:
    picture = read_picture(path.read_bytes(), path.name, requests.MAX_PIXELS)
    height, width = picture.shape[:2]
    scale = min(1.0, side / width)
    target = (round(width * scale), max(1, round(height * scale)))
    small = cv2.resize(picture, target, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    return requests.file_uri(data.tobytes(), "jpeg")
