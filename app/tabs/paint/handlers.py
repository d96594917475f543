"""What the Paint tab does, apart from how it looks."""

import secrets
import time

import gradio as gr
import numpy as np

from app import records, requests
from app.choosing import Update, listed, origin
from app.components.seed import FIRST_SEED
from app.events import sentence
from app.examples import examples, own
from app.maps import (
    canvas_size,
    fit,
    fitted,
    has_other_colours,
    known_things,
    open_map,
    read_map,
    read_things,
    write_map,
)
from app.shelf import Shelf
from app.styles import Encoder, farthest, read_blend, ready_of
from cgan import Checkpoint, CheckpointError, DataError, models
from cgan.tasks import Painter

VARIATIONS = 4
VARIED = 0.6  # how strong a style is in variations at most: else the seeds would change but fine detail
DRAWN = 24  # seeds of which those whose looks are farthest apart vary a style
NO_CHECKPOINT = "There is no checkpoint yet. Make one: python -m train spade --out checkpoints/first"
LARGE = "Borders get sharper; detail does not get finer, and wide areas may go flat."
OTHER_COLOURS = "The map's colours are not this model's: it was read by its ids. Are they the same classes?"
FIND = "“From a photograph” finds a map of any picture, or draw it in the colours of the class list."
DRAW = "Draw it in the colours of the class list, or choose the model that it was made for."


class Painting:
    """The answers to the events of the tab, a method each. Maps and pictures are data URIs."""

    def __init__(self, shelf: Shelf):
        self.shelf, self.encoder = shelf, Encoder()

    def checkpoints(self, name: str | None) -> tuple[Update, Update]:
        """List the checkpoints: the picker's choices and a notice about what is missing or broken."""
        return listed(self.shelf, "paint", name, NO_CHECKPOINT)

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
        seed: int = FIRST_SEED,
        style: str | dict | None = None,
        things: list | None = None,
        size: int | None = None,
    ) -> tuple[str, str]:
        """Paint a label map in the look of a seed or in a style; give the picture and the status.

        `style`: a picture; or {"parts": [{"picture": …, "weight": 1}, …], "strength": 1}, up to three that
        are mixed, {"ready": 0} the first that the checkpoint brings along; the rest is the seed's look.
        `things`, for models whose things have looks: [[row, column, look], …], a pixel of each. `size`: the
        longer side of the picture in pixels, 0 for that of the map, whose borders become smooth. The picture
        is a PNG that carries all of this: /restore reads it.
        """
        painter, labels = self._painter_and_labels(name, label_map)
        requests.check_seed(seed)
        requests.check_size(size)
        blend = read_blend(style, painter.checkpoint)
        restyle = read_things(things or [], labels.shape, painter.looks)
        start = time.perf_counter()
        given = None if blend is None else self.encoder.blended(painter, blend, labels, seed)
        painted = painter.paint(labels, style=given, seed=seed, restyle=restyle, size=size or None)[0]
        spent = (time.perf_counter() - start) * 1000
        record = {
            "model": name,
            "seed": seed,
            "style": None if blend is None else blend.to_json(name),
            "things": [[*place, look] for place, look in restyle.items()],
            "size": size or 0,
            "map": write_map(labels, painter.palette),
        }
        status = f"{name} · {painter.runtime.describe()} · {spent:.0f} ms"
        return records.attached(painted, record), status

    def vary(
        self, name: str, label_map: str, style: str | dict | None = None, things: list | None = None
    ) -> list[dict]:
        """Paint a label map in four looks drawn at random, each under a seed of its own.

        A style stays, but with room for the seeds: its strength is 0.6 at most, and told as "strength"; of
        the seeds drawn it is given those whose looks are far apart.
        """
        room, count = {}, VARIATIONS
        if style:
            blend = read_blend(style, self.shelf.checkpoint(name, "paint")) if name else None
            if blend is not None:
                room, count = {"strength": min(blend.strength, VARIED)}, DRAWN
                style = blend.to_json(name) | room
        seeds = [secrets.randbelow(requests.MAX_SEED) for _ in range(count)]
        if room:
            painter = self.shelf.painter(name)
            seeds = [
                seeds[at] for at in farthest(np.stack([painter.draw(seed) for seed in seeds]), VARIATIONS)
            ]
        return [
            {"seed": seed, "picture": self.paint(name, label_map, seed, style, things)[0]} | room
            for seed in seeds
        ]

    def ready_styles(self, name: str | None) -> Update:
        """Show the styles that a checkpoint brings along, as what they paint."""
        if not name:
            return gr.update(ready=[])
        ready = ready_of(self.shelf.checkpoint(name, "paint"))
        pictures = [requests.jpeg_uri(picture) for picture in ready.pictures]
        return gr.update(ready=pictures, checkpoint=name)

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
        read_blend(style, checkpoint)
        picker, _ = self.checkpoints(name)
        canvas = gr.update(value=write_map(labels, checkpoint.palette), **canvas)
        things = gr.update(value=things or [], looks=canvas["looks"])
        return picker, canvas, seed, style or None, things, size

    def take(self, style: str | dict | None, event: gr.EventData) -> tuple[int, dict | Update]:
        """Take one of the four: its seed, and how strong it left the style, which stays."""
        if not style or event.strength is None:
            return event.seed, gr.skip()
        blend = {"parts": [{"picture": style, "weight": 1}]} if isinstance(style, str) else style
        return event.seed, blend | {"strength": event.strength}

    def next_look(
        self, name: str, label_map: str, seed: int, style: str | dict | None, event: gr.EventData
    ) -> Update:
        """Give the thing that was clicked, at (row, column), the look that follows on the one it has."""
        painter, labels = self._painter_and_labels(name, label_map)
        requests.check_seed(seed)
        clicked = read_things([[event.row, event.column, 0]], labels.shape, painter.looks)
        if not clicked:
            raise DataError(f"the thing is at {event.row}, {event.column}; the map ends before")
        ((row, column),) = clicked
        blend = read_blend(style, painter.checkpoint)
        given = painter.draw(seed) if blend is None else self.encoder.blended(painter, blend, labels, seed)
        vector = painter.encode(given, labels) if given.ndim == 3 else given  # a picture's, under this map
        look = (painter.look(vector, labels[row, column]) + 1) % painter.looks
        return gr.update(thing=[row, column, look])

    def give_way(self) -> None:
        """The dice was rolled: clear the style picture, so that the seed's look shows."""
        return None

    def forget(self) -> tuple[list, list]:
        """Another map came: the four looks of the one before go, and those of its things."""
        return [], []

    def forget_variations(self) -> list:
        """Another model came: the four looks of the one before go."""
        return []

    def give_back(self) -> list:
        """What was painted before came back: the four looks of the map that was shown go."""
        return []

    def open_map(self, name: str, label_map: str) -> str:
        """Bring a label map (a PNG of ids or of the palette's colours, or a JPEG of these) to the canvas."""
        if not name:
            raise CheckpointError(NO_CHECKPOINT)
        checkpoint = self.shelf.checkpoint(name, "paint")
        ways = FIND if self.shelf.labels(checkpoint) else DRAW
        labels, said = open_map(label_map, checkpoint.palette, ways)
        if said:
            gr.Warning(sentence(said))
        elif has_other_colours(label_map, checkpoint.palette, labels):
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
