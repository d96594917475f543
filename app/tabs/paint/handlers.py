"""What the Paint tab does, apart from how it looks."""

import secrets
import time

import gradio as gr
import numpy as np

from app import records, requests
from app.choosing import Update, listed, origin
from app.examples import examples, own
from app.maps import (
    canvas_size,
    fit,
    fitted,
    has_other_colours,
    known_things,
    read_map,
    read_things,
    write_map,
)
from app.shelf import Shelf
from app.styles import Encoder, read_style
from cgan import Checkpoint, CheckpointError, DataError, models
from cgan.tasks import Painter

VARIATIONS = 4
FIRST = "spade-landscape"  # shown first, if it is there: everybody wants to paint mountains
NO_CHECKPOINT = "There is no checkpoint yet. Make one: python -m train spade --out checkpoints/first"
LARGE = "Borders get sharper; detail does not get finer, and wide areas may go flat."
OTHER_COLOURS = "The map's colours are not this model's: it was read by its ids. Are they the same classes?"


class Painting:
    """The answers to the events of the tab, a method each. Maps and pictures are data URIs."""

    def __init__(self, shelf: Shelf):
        self.shelf, self.encoder = shelf, Encoder()

    def checkpoints(self, name: str | None) -> tuple[Update, Update]:
        """List the checkpoints: the picker's choices and a notice about what is missing or broken."""
        return listed(self.shelf, "paint", name, FIRST, NO_CHECKPOINT)

    def choose(self, name: str | None, things: list | None = None) -> tuple[Update, Update, str, Update]:
        """Prepare the canvas and the examples for a checkpoint; tell where it comes from.

        Looks of `things` stay where the checkpoint has them: the map may stay, too.
        """
        if not name:
            return gr.skip(), gr.skip(), "", gr.skip()
        checkpoint = self.shelf.checkpoint(name, "paint")
        canvas, maps = self._canvas(checkpoint)
        strip = gr.update(examples=maps, labels=self.shelf.labels(checkpoint) is not None)
        kept = gr.update(value=known_things(things, canvas["looks"]), looks=canvas["looks"])
        return gr.update(**canvas), strip, origin(checkpoint), kept

    def paint(
        self,
        name: str,
        label_map: str,
        seed: int,
        style: str | None,
        things: list | None = None,
        size: int | None = None,
    ) -> tuple[str, str]:
        """Paint a label map in the look of a seed or of a style picture; give the picture and the status.

        `things`, for models whose things have looks: [[row, column, look], …], a pixel of each. `size`: the
        longer side of the picture in pixels, 0 for that of the map, whose borders become smooth. The picture
        is a PNG that carries all of this: /restore reads it.
        """
        painter, labels = self._painter_and_labels(name, label_map)
        requests.check_seed(seed)
        requests.check_size(size)
        shown = read_style(style, painter.size) if style else None
        restyle = read_things(things or [], labels.shape, painter.looks)
        start = time.perf_counter()
        given = None if shown is None else self.encoder.of_painter(painter, shown)
        painted = painter.paint(labels, style=given, seed=seed, restyle=restyle, size=size or None)[0]
        spent = (time.perf_counter() - start) * 1000
        record = {
            "model": name,
            "seed": seed,
            "style": None if shown is None else requests.picture_uri(shown),
            "things": [[*place, look] for place, look in restyle.items()],
            "size": size or 0,
            "map": write_map(labels, painter.palette),
        }
        status = f"{name} · {painter.runtime.describe()} · {spent:.0f} ms"
        return records.attached(painted, record), status

    def vary(self, name: str, label_map: str) -> list[dict]:
        """Paint a label map in four looks drawn at random, each under a seed of its own."""
        seeds = [secrets.randbelow(requests.MAX_SEED) for _ in range(VARIATIONS)]
        return [{"seed": seed, "picture": self.paint(name, label_map, seed, None)[0]} for seed in seeds]

    def hint(self, name: str | None, size: int) -> Update:
        """Tell what to expect of a size above that of the model's training pictures; else nothing."""
        trained = max(self.shelf.checkpoint(name, "paint").about["size"]) if name else 0
        requests.check_size(size)
        large = bool(trained) and (size or 0) > trained
        told = f"{size} pixels: {size / trained:.1f} times its training pictures. {LARGE}" if large else ""
        return gr.update(value=told, visible=large)

    def restore(self, record: dict | str) -> tuple[Update, Update, int, str | None, Update, int]:
        """Bring back what a picture was painted from: its model, map, seed, style, things and size.

        `record` is such a picture, a PNG as a data URI, or what the PNG carries: {"cgan": 1, "model", …}.
        """
        record = records.read(record)
        name, seed, style, things = (record.get(key) for key in ("model", "seed", "style", "things"))
        size = record.get("size") or 0
        requests.check_seed(seed)
        requests.check_size(size)
        checkpoint = self.shelf.checkpoint(name, "paint")
        canvas, _ = self._canvas(checkpoint)
        labels = _fitted(read_map(record.get("map"), checkpoint.palette), checkpoint)
        read_things(things or [], labels.shape, canvas["looks"])
        if style:
            read_style(style, checkpoint.about["size"])
        picker, _ = self.checkpoints(name)
        canvas = gr.update(value=write_map(labels, checkpoint.palette), **canvas)
        things = gr.update(value=things or [], looks=canvas["looks"])
        return picker, canvas, seed, style or None, things, size

    def take(self, event: gr.EventData) -> tuple[int, None]:
        """Take one of the four: its seed, and no style picture."""
        return event.seed, None

    def give_way(self) -> None:
        """The dice was rolled: clear the style picture, so that the seed's look shows."""
        return None

    def forget(self) -> tuple[list, list]:
        """Another map came: the four looks of the one before go, and those of its things."""
        return [], []

    def forget_variations(self) -> list:
        """Another model came: the four looks of the one before go."""
        return []

    def open_map(self, name: str, label_map: str) -> str:
        """Bring a label map (a PNG of ids or of the palette's colours) to the canvas."""
        if not name:
            raise CheckpointError(NO_CHECKPOINT)
        checkpoint = self.shelf.checkpoint(name, "paint")
        labels = read_map(label_map, checkpoint.palette)
        if has_other_colours(label_map, checkpoint.palette, labels):
            gr.Info(OTHER_COLOURS)
        return write_map(_fitted(labels, checkpoint), checkpoint.palette)

    def _canvas(self, checkpoint: Checkpoint) -> tuple[dict, list[dict]]:
        """What the canvas is told of a checkpoint, and the maps to begin with."""
        palette, size = checkpoint.palette, canvas_size(checkpoint.about["size"])
        maps = own(checkpoint.folder, palette, size) or examples(palette, size)
        told = {
            "checkpoint": checkpoint.name,
            "palette": palette.to_list(),
            "size": list(size),
            "first": maps[0]["picture"] if maps else "",
            "looks": models.module(checkpoint.model).Config(**checkpoint.config).looks,
        }
        return told, maps

    def label(self, name: str, photograph: str) -> str:
        """Find the label map of a photograph, for the canvas: the map of what the photograph shows.

        It is found by the label network that came with the model, or by one of the same classes.
        """
        if not name:
            raise CheckpointError(NO_CHECKPOINT)
        checkpoint = self.shelf.checkpoint(name, "paint")
        picture = requests.read_picture(photograph or "", "the photograph")
        labeller = self.shelf.labeller(name)
        width, height = fitted(picture.shape, canvas_size(checkpoint.about["size"]))
        return write_map(labeller.label(picture, (height, width)), checkpoint.palette)

    def _painter_and_labels(self, name: str, label_map: str) -> tuple[Painter, np.ndarray]:
        if not name:
            raise CheckpointError(NO_CHECKPOINT)
        if not label_map:
            raise DataError("there is no map to paint: draw one, or choose an example")
        painter = self.shelf.painter(name)
        return painter, read_map(label_map, painter.palette)


def _fitted(labels: np.ndarray, checkpoint: Checkpoint) -> np.ndarray:
    """Labels, uint8 (H, W), at the scale of the checkpoint's canvas."""
    return fit(labels, canvas_size(checkpoint.about["size"]))
