"""What the Video tab does, apart from how it looks."""

import math
import time
from collections.abc import Iterator
from threading import Event

import gradio as gr
import numpy as np

from app import requests
from app.choosing import Update, listed, origin
from app.clips import RATE, Clip, draws_lines, example_clips, example_subjects, read_clip
from app.films import Film, gif
from app.maps import write_map
from app.shelf import Shelf
from app.tabs.video.stops import Stops
from cgan import CganError, CheckpointError, DataError
from cgan.tasks import Animator

FIRST = "fs_vid2vid-sprites"  # shown first, if it is there: one drawing walks
NO_ANIMATOR = "There is no video model yet. Make one: python -m train fs_vid2vid --data FOLDER"
NO_GEOMETRY = "needs depth and a camera for each map, which this page cannot send; use cgan.load(…).animate"
RATES = (1, 60)  # frames a second
PAUSE = 0.12  # seconds between two frames that are shown while a film is made

Shown = dict[str, object]


class Animating:
    """The answers to the events of the tab, a method each. Pictures and clips are data URIs."""

    def __init__(self, shelf: Shelf):
        self.shelf, self.stops = shelf, Stops()

    def animators(self, name: str | None) -> tuple[Update, Update]:
        """List the video models: the picker's choices and a notice about what is missing or broken."""
        return listed(self.shelf, "animate", name, FIRST, NO_ANIMATOR)

    def choose(self, name: str | None) -> tuple[Update | str | dict, ...]:
        """Prepare the tab for a video model: what it begins with, what drives it, where it comes from."""
        if not name:
            return *[gr.skip()] * 4, ""
        animator = self.shelf.animator(name)
        least, most = animator.references
        subjects, clips = (example_subjects(animator) if most else []), example_clips(animator)
        first = next((each for each in clips if each["name"].endswith(" down")), None)  # face to face
        films = "any video: its outlines are drawn" if draws_lines(animator.palette) else "a label video"
        return (
            gr.update(
                value=[subjects[0]["picture"]] if subjects else [],
                most=most or 1, least=least, examples=subjects,
                what=f"Who? One to {most} pictures" if most else "First frame, if you like",
            ),
            gr.update(value=first["picture"] if first else None, examples=clips, films=films),
            gr.update(visible=bool(most and clips) or "hidden"),
            {"hint": f"{name} {NO_GEOMETRY}." if animator.needs_geometry else "The film appears here."},
            origin(animator.checkpoint),
        )  # fmt: skip

    def stop(self, request: gr.Request) -> None:
        """Stop what this visitor has running: what was made so far is the film."""
        self.stops.stop(request.session_hash)

    def animate(
        self, name: str, references: list | None, clip: str | list | None, seed: int, rate: float | None,
        request: gr.Request,
    ) -> Iterator[tuple[Shown, str]]:  # fmt: skip
        """Make a film of a clip of label maps: mp4 and GIF, and the frames one by one while it is made.

        Args: `references` pictures of the subject, or the first frame for a model that takes none; `clip` see
        `app.clips`; `rate` frames a second, None or 0 for the clip's own. The last answer has `video`,
        `input` (the maps in colour) and `gif`, the others `frame`, `map`, `made`, `count` and `speed`.
        """
        animator = self._animator(name)
        pictures = self._references(animator, references)
        requests.check_seed(seed)
        driving = read_clip(clip, animator)
        with self.stops.run(request.session_hash) as stopped, Film(
            animator.palette, known_rate(rate) or driving.rate
        ) as film:  # fmt: skip
            problem = yield from self._filmed(animator, pictures, driving, seed, film, stopped)
            if film.made:
                done = {"made": film.made, "rate": film.rate, "stopped": stopped.is_set() or bool(problem)}
                yield film.finished() | done, told(animator, film)
        if problem:
            raise problem

    def follow(
        self, name: str | None, references: list | None, clip: str | list | None, seed: int,
        rate: float | None, request: gr.Request,
    ) -> Iterator[tuple[Shown | Update, str | Update]]:  # fmt: skip
        """Make a film after a change of the tab; what is still to come is a hint, not an error."""
        animator = self.shelf.animator(name) if name else None
        if animator is None or animator.needs_geometry:
            yield gr.skip(), gr.skip()
        elif len(references or []) < animator.references[0]:
            yield {"hint": "Who is it? Add a picture, or choose an example."}, gr.skip()
        elif not clip:
            yield {"hint": "What happens? Open a clip of label maps, or choose an example."}, gr.skip()
        else:
            yield from self.animate(name, references, clip, seed, rate, request)

    def sheet(
        self, name: str, references: list | None, rate: float | None, request: gr.Request
    ) -> Iterator[tuple[Shown, str]]:
        """Make all example actions of a character: a sheet as PNG, and a GIF of each.

        The last answer has `sheet`, one row for each action and direction, and `gifs`, [{"name", "gif"}].
        """
        animator = self._animator(name)
        pictures = self._references(animator, references)
        clips = example_clips(animator)
        if not clips or not animator.references[1]:
            raise DataError(f"there are no example actions for {name}: its classes are others")
        rate = known_rate(rate) or RATE
        count, strips = sum(each["frames"] for each in clips), []
        with self.stops.run(request.session_hash) as stopped, Film(animator.palette, rate) as film:
            for each in clips:
                driving, start = Clip(read_clip(each["picture"], animator).maps, count), film.made
                yield from self._filmed(animator, pictures, driving, 0, film, stopped)
                if film.made - start < each["frames"]:
                    break
                strips.append((each["name"], film.kept[start : film.made]))
            if not strips:
                yield {"hint": "Stopped before the first action was whole."}, told(animator, film)
                return
            gifs = [{"name": action, "gif": gif(frames, rate)} for action, frames in strips]
            shown = {"sheet": requests.picture_uri(laid_out([frames for _, frames in strips])), "gifs": gifs}
            yield shown | {"made": film.made, "rate": rate, "stopped": stopped.is_set()}, told(animator, film)

    def _animator(self, name: str | None) -> Animator:
        if not name:
            raise CheckpointError(NO_ANIMATOR)
        animator = self.shelf.animator(name)
        if animator.needs_geometry:
            raise DataError(f"{name} {NO_GEOMETRY}")
        return animator

    def _references(self, animator: Animator, sent: list | None) -> list[np.ndarray]:
        """The pictures that a client sent, as many as the model takes; else the first frame, or none."""
        sent = [] if sent is None else sent
        least, most = animator.references
        name = animator.checkpoint.name
        if not isinstance(sent, list) or not least <= len(sent) <= (most or 1):
            wanted = f"{least} to {most} pictures of the subject" if most else "at most one first frame"
            given = len(sent) if isinstance(sent, list) else f"a {type(sent).__name__}"
            raise DataError(f"{name} takes {wanted}, a list of data URIs, not {given}")
        return [requests.read_picture(uri, f"picture {place}") for place, uri in enumerate(sent, 1)]

    def _filmed(
        self, animator: Animator, pictures: list[np.ndarray], clip: Clip, seed: int, film: Film,
        stopped: Event,
    ) -> Iterator[tuple[Shown, str]]:  # fmt: skip
        """Fill `film`, and show it now and then; returns what went wrong half-way, or None."""
        few_shot = animator.references[1] > 0
        given = {"references": pictures} if few_shot else {"first": pictures[0] if pictures else None}
        current: list[np.ndarray] = []
        frames = animator.animate(remembered(clip.maps, current), seed=seed, **given)
        shown = -math.inf
        try:
            while not stopped.is_set():
                film.begin()
                if (frame := next(frames, None)) is None:
                    return None
                film.add(current[0], frame)
                if time.monotonic() - shown >= PAUSE:
                    yield under_way(film, current[0], frame, clip.count), told(animator, film)
                    shown = time.monotonic()
        except CganError as error:
            if not film.made:
                raise
            return error
        finally:
            frames.close()
        return None


def known_rate(rate: float | None) -> float | None:
    """The frames a second that a client asked for, None for the clip's own; `DataError` for none."""
    if rate in (None, 0):
        return None
    low, high = RATES
    if type(rate) not in (int, float) or not low <= rate <= high:
        raise DataError(f"the rate is {rate!r}; it must be from {low} to {high} frames a second, or 0")
    return float(rate)


def remembered(maps: Iterator[np.ndarray], current: list[np.ndarray]) -> Iterator[np.ndarray]:
    """The same maps; the one that was asked for last lies in `current`."""
    for labels in maps:
        current[:] = [labels]
        yield labels


def under_way(film: Film, labels: np.ndarray, frame: np.ndarray, count: int | None) -> Shown:
    """What is shown of a film that is being made: its last frame, and how far it is."""
    return {
        "frame": requests.picture_uri(frame),
        "map": write_map(labels, film.palette),
        "made": film.made,
        "count": count,
        "speed": round(film.speed, 1),
    }


def told(animator: Animator, film: Film) -> str:
    """The line in the page's header."""
    return f"{animator.checkpoint.name} · {animator.runtime.describe()} · {film.speed:.1f} frames a second"


def laid_out(rows: list[list[np.ndarray]]) -> np.ndarray:
    """One sheet of rows of frames, uint8 (H, W, 3); the rest has the first pixel's colour."""
    height, width = rows[0][0].shape[:2]
    longest = max(len(row) for row in rows)
    sheet = np.empty((len(rows) * height, longest * width, 3), np.uint8)
    sheet[:] = rows[0][0][0, 0]
    for place, row in enumerate(rows):
        sheet[place * height : (place + 1) * height, : len(row) * width] = np.concatenate(row, 1)
    return sheet
