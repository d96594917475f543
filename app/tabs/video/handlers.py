"""What the Video tab does, apart from how it looks."""

import math
import time
from collections.abc import Iterator

import gradio as gr
import numpy as np

from app import requests
from app.choosing import Update, listed, origin
from app.clip_examples import example_clips, example_subjects
from app.clips import MAX_FRAMES, RATE, Clip, draws_lines, frames_of, outlines, painted, read_clip
from app.films import KINDS, SEEN, Film, gifs
from app.maps import fit, read_map, write_map
from app.sheets import cut, laid_out
from app.shelf import Shelf
from app.tabs.video.live import Live
from app.tabs.video.stops import Stop, Stops
from cgan import CganError, CheckpointError, DataError
from cgan.flights import PATHS
from cgan.keyframes import Flows
from cgan.tasks import Animator

NO_ANIMATOR = "There is no video model yet. Make one: python -m train fs_vid2vid --data FOLDER"
DRAWN = 128  # pixels: subjects up to that size can be drawn in the page
SHEETS, FLIGHTS = "image/png,image/gif,video/*,.mkv", ".zip,application/zip"  # what browsers offer to open
FLIES = "Where does the camera go? Recorded ways, played forward, back or both"
RATES = (1, 60)  # frames a second
PAUSE = 0.12  # seconds between two frames that are shown while a film is made

Shown = dict[str, object]


class Animating:
    """The answers to the events of the tab, a method each. Pictures and clips are data URIs."""

    def __init__(self, shelf: Shelf):
        self.shelf, self.stops, self.filming, self.flows = shelf, Stops(), Live(), Flows()
        self.brought: dict[str, set[object]] = {}  # by model: its example clips, each as `mark_of` has it

    def animators(self, name: str | None) -> tuple[Update, Update]:
        """List the video models: the picker's choices and a notice about what is missing or broken."""
        return listed(self.shelf, "animate", name, NO_ANIMATOR)

    def choose(self, name: str | None, request: gr.Request | None = None) -> tuple[Update | str | dict, ...]:
        """Prepare the tab for a video model. What was asked of the one before is stopped.

        Gives what it takes and begins with: the subject's pictures, the clip with examples, key frames, the
        webcam, whether it has looks of seeds and can make all actions, a hint, and where it comes from.
        """
        if not name:
            return *[gr.skip()] * 7, ""
        if request is not None:
            self.stop(request)
        animator = self.shelf.animator(name)
        clips, subjects = example_clips(animator), []
        if animator.references[1]:
            subjects = example_subjects(animator)
        face = next((each for each in clips if each["name"].endswith(" down")), None)  # face to face
        actions = bool(animator.references[1] and face)
        maps = not draws_lines(animator.palette)
        labels = maps and not animator.needs_geometry and self.shelf.labels(animator.checkpoint) is not None
        self.brought[name] = {mark_of(each["clip"]) for each in clips}
        return (
            subject_of(animator, subjects, face),
            clip_of(animator, clips, face, labels),
            gr.update(palette=animator.palette.to_list(), frames=[], carried=[], found=[], labels=labels,
                      visible=(maps and not animator.needs_geometry) or "hidden"),
            gr.update(side=2 * max(animator.size), visible=not maps or "hidden"),
            gr.update(visible=not animator.references[1] or "hidden"),
            gr.update(visible=actions or "hidden"),
            {"hint": "The film appears here."},
            origin(animator.checkpoint),
        )  # fmt: skip

    def stop(self, request: gr.Request) -> None:
        """Stop what this visitor has running and waiting: what was made so far is the film."""
        self.stops.stop(request.session_hash, requests.asked(request))

    def give_way(self, waited: int | None, request: gr.Request) -> None:
        """Stop what this visitor asked for before: something else is to be made.

        `waited`: 1 where that was asked for before the sheet that is under way, which stays.
        """
        if not waited:
            self.stops.give_way(request.session_hash, requests.asked(request))

    def animate(
        self, name: str, references: list | None, clip: str | list | None, seed: int, rate: float | None,
        request: gr.Request,
    ) -> Iterator[tuple[Shown, str]]:  # fmt: skip
        """Make a film of a clip of label maps: mp4 and GIF, and the frames one by one while it is made.

        Args: `references` pictures of the subject, or the first frame for a model that takes none; `clip` one
        of: a sheet of label maps, a list of them, a label video, {"film", "maps"} of which some frames were
        painted, {"film", "label": true} whose labels are found, {"flight", "path"} with depth and cameras;
        `rate` frames a second, None or 0 for the clip's own, at which its sound goes along.

        The last answer has `video`, `input` (the maps in colour), `both` (side by side), `gif`, `large` (the
        GIF of small frames, enlarged), `made`, `rate`, `stopped` and `sound`. Where a video drives it that is
        no map itself, it has `source` and `beside` too: that video, and the film beside it. The one before it
        has no GIF yet; the others have `frame`, `map`, `made`, `count` and `speed`.
        """
        animator = self._animator(name)
        pictures = self._references(animator, references)
        requests.check_seed(seed)
        driving = read_clip(clip, animator, self.flows, lambda: self.shelf.labeller(name))
        wanted = known_rate(rate) or driving.rate
        sound = driving.sound if wanted == driving.rate else None  # at another speed it would not fit
        kinds = KINDS + (SEEN if driving.seen else ())
        whole = Film(animator.palette, wanted, sound, kinds)
        with self.stops.run(request.session_hash, requests.asked(request)) as stopped, whole as film:
            problem = yield from self._filmed(animator, pictures, driving, seed, film, stopped)
            if film.made > (1 if stopped.gives_way else 0):  # one frame would be a film for a moment
                done = {"made": film.made, "rate": film.rate, "stopped": stopped.is_set() or bool(problem)}
                done["sound"] = "with sound" if film.sound else ""
                shown = film.finished() | done
                with self.stops.rest(request.session_hash, stopped) as rest:
                    yield shown, told(animator, film)
                    shown |= film.gifs(rest.is_set)
                yield shown, told(animator, film)
            else:
                yield gr.skip(), gr.skip()
        if problem:
            raise problem

    def follow(
        self, name: str | None, references: list | None, clip: str | list | None, seed: int,
        rate: float | None, request: gr.Request,
    ) -> Iterator[tuple[Shown | Update, str | Update]]:  # fmt: skip
        """Make a film after a change of the tab; what is still to come is a hint, not an error.

        A model that is chosen brings its clip; until then the tab has another's, of which no film is made.
        """
        animator = self.shelf.animator(name) if name else None
        if animator is None or self._of_another(name, clip):
            yield gr.skip(), gr.skip()
        elif len(references or []) < animator.references[0]:
            yield {"hint": "Who is it? Add a picture, or choose an example."}, gr.skip()
        elif not clip:
            yield {"hint": "What happens? Open a clip, or choose an example."}, gr.skip()
        else:
            yield from self.animate(name, references, clip, seed, rate, request)

    def sheet(
        self, name: str, references: list | None, rate: float | None, request: gr.Request
    ) -> Iterator[tuple[Shown, str]]:
        """Make all example actions of a character: a sheet as PNG, and a GIF of each.

        The last answer has `sheet`, one row for each action and direction, and `gifs`, [{"name", "gif",
        "large"}], in the frames' own size and enlarged; the one before it has none yet.
        """
        animator = self._animator(name)
        pictures = self._references(animator, references)
        clips = [each for each in example_clips(animator) if isinstance(each["clip"], str)]
        if not clips or not animator.references[1]:
            raise DataError(f"there are no example actions for {name}: its classes are others")
        rate = known_rate(rate) or RATE
        count, strips = sum(each["frames"] for each in clips), []
        run = self.stops.run(request.session_hash, requests.asked(request))
        with run as stopped, Film(animator.palette, rate, kinds=()) as film:
            for each in clips:
                driving, start = Clip(read_clip(each["clip"], animator).maps, count), film.made
                yield from self._filmed(animator, pictures, driving, 0, film, stopped)
                if film.made - start < each["frames"]:
                    break
                strips.append((each["name"], film.kept[start : film.made]))
            if not strips:
                yield {"hint": "Stopped before the first action was whole."}, told(animator, film)
                return
            shown = {"sheet": requests.picture_uri(laid_out([frames for _, frames in strips]))}
            made = sum(len(frames) for _, frames in strips)
            shown |= {"made": made, "rate": rate, "stopped": stopped.is_set()}
            with self.stops.rest(request.session_hash, stopped) as rest:
                yield shown, told(animator, film)
                each = [{"name": action} | gifs(frames, rate, rest.is_set) for action, frames in strips]
            yield shown | {"gifs": [made for made in each if made["gif"]]}, told(animator, film)

    def open_film(self, name: str, painted_film: dict | None) -> Update:
        """Open a film of which frames are to be painted: {"film": a video as data URI, "maps": {}}.

        The answer's `props` have `frames`, its pictures at the model's scale, and `rate`, frames a second.
        """
        animator, film = self._animator(name), (painted_film or {}).get("film")
        if not requests.is_film(film):
            raise DataError("the film must be a video, as a data URI")
        video, pictures = frames_of(requests.film(film, "the film"), animator)
        return gr.update(frames=[requests.jpeg_uri(picture) for picture in pictures], carried=[],
                         rate=min(max(video.rate, 1.0), 60.0))  # fmt: skip

    def carry(self, name: str, painted_film: dict | None) -> Update:
        """Carry the maps painted for some frames of a film on to all others, by optical flow.

        Takes {"film": a video, "maps": {"0": a label map, …}} (data URIs); the answer's `props` have
        `carried`, the map of each frame. `animate` takes the same as a clip.
        """
        animator = self._animator(name)
        maps = painted(painted_film or {}, animator, self.flows).maps
        return gr.update(carried=[write_map(labels, animator.palette) for labels in maps])

    def label_frame(self, name: str, painted_film: dict | None) -> Update:
        """Find the map of one frame of a film: {"frame": a picture as data URI, "at": its number}.

        The answer's `props` have `found`, [number, map].
        """
        animator, sent = self._animator(name), painted_film or {}
        if type(sent.get("at")) is not int or not 0 <= sent["at"] < MAX_FRAMES:
            raise DataError(f"at must be the number of a frame, from 0 to {MAX_FRAMES - 1}")
        picture = requests.read_picture(sent.get("frame") or "", "the frame")
        labels = self.shelf.labeller(name).label(picture)
        return gr.update(found=[sent["at"], write_map(fit(labels, animator.size), animator.palette)])

    def live(
        self, name: str, references: list | None, picture: str | None, seed: int, request: gr.Request
    ) -> tuple[Shown, str, Update]:
        """Make the next frame of a film that a camera drives: the outlines of `picture` are its map.

        For models of drawn lines. The answer has `frame`, `map`, `made` and `speed`; `end_live` gives the
        film.
        """
        animator = self._animator(name)
        if not draws_lines(animator.palette) or animator.needs_geometry:
            raise DataError(f"{name} is no model of drawn lines: a camera's picture is no map for it")
        requests.check_seed(seed)
        seen = requests.read_picture(picture or "", "the camera's picture")
        subject = self._references(animator, references)
        look = (name, animator.checkpoint.sha256, seed, hash(tuple(references or ())))
        run = self.filming.run(request.session_hash, look, animator, seed, **known_by(animator, subject))
        labels = outlines(seen, animator.size)
        shown = under_way(run.film, labels, run.next(labels), None)
        return shown | {"live": True}, told(animator, run.film), gr.update(turn=time.perf_counter())

    def end_live(self, request: gr.Request) -> Shown | Update:
        """End the film that a camera drives: `video`, `input`, `both`, `gif`, `made`, `rate`, `stopped`."""
        run = self.filming.take(request.session_hash)
        if run is None:
            return gr.skip()
        with run.film as film:
            files = film.finished() | film.gifs()
            return files | {"made": film.made, "rate": film.rate, "stopped": False, "sound": ""}

    def leave(self, request: gr.Request) -> None:
        """A visitor has gone: what was under way goes too."""
        self.stops.leave(request.session_hash)
        self.filming.leave(request.session_hash)

    def _of_another(self, name: str | None, clip: str | list | dict | None) -> bool:
        """Whether a clip is an example of other models alone."""
        owners = {owner for owner, marks in self.brought.items() if mark_of(clip) in marks}
        return bool(owners) and name not in owners

    def _animator(self, name: str | None) -> Animator:
        if not name:
            raise CheckpointError(NO_ANIMATOR)
        return self.shelf.animator(name)

    def _references(self, animator: Animator, sent: list | None) -> list[np.ndarray]:
        """The pictures that a client sent, as many as the model takes; else the first frame, or none."""
        sent = [] if sent is None else sent
        least, most = animator.references
        name = animator.checkpoint.name
        if least and sent == []:
            raise DataError(
                f"draw or upload a character first: {name} takes 1 to {most} pictures of the subject"
            )
        if not isinstance(sent, list) or not least <= len(sent) <= (most or 1):
            wanted = f"{least} to {most} pictures of the subject" if most else "at most one first frame"
            given = len(sent) if isinstance(sent, list) else f"a {type(sent).__name__}"
            raise DataError(f"{name} takes {wanted}, a list of data URIs, not {given}")
        return [requests.read_picture(uri, f"picture {place}") for place, uri in enumerate(sent, 1)]

    def _filmed(
        self, animator: Animator, pictures: list[np.ndarray], clip: Clip, seed: int, film: Film,
        stopped: Stop,
    ) -> Iterator[tuple[Shown, str]]:  # fmt: skip
        """Fill `film`, and show it now and then; returns what went wrong half-way, or None."""
        given = known_by(animator, pictures) | {"geometry": clip.places}
        current: list[np.ndarray] = []
        frames = animator.animate(remembered(clip.maps, current), seed=seed, **given)
        shown = -math.inf
        try:
            while not stopped.is_set():
                film.begin()
                if (frame := next(frames, None)) is None:
                    return None
                film.add(current[0], frame, next(clip.seen) if clip.seen else None)
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


def mark_of(clip: str | list | dict | None) -> object:
    """What tells an example clip from others: its hash, or a flight's name, whatever the path."""
    if isinstance(clip, dict):
        return str(clip.get("flight"))
    return hash(clip) if isinstance(clip, str) else None


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
    return f"{animator.checkpoint.name} · {animator.runtime.describe()} · {film.speed:.1f} frames/s"


def known_by(animator: Animator, pictures: list[np.ndarray]) -> dict[str, object]:
    """Pictures as the argument of `Animator.animate`: of the subject, or the first frame."""
    if animator.references[1]:
        return {"references": pictures}
    return {"first": pictures[0] if pictures else None}


def subject_of(animator: Animator, subjects: list[dict], face: dict | None) -> Update:
    """What the pictures of the subject are, for a model; `face` is an example that is seen face to face."""
    least, most = animator.references
    drawable = most and max(animator.size) <= DRAWN
    guide = ""
    if face and drawable:
        guide = write_map(cut(read_map(face["clip"], animator.palette), animator.size)[0], animator.palette)
    return gr.update(
        value=[subjects[0]["picture"]] if subjects else [],
        most=most or 1, least=least, examples=subjects,
        what=f"Who? One to {most} pictures" if most else "First frame, if you like",
        canvas=list(animator.size) if drawable else [], guide=guide, turn=animator.checkpoint.name,
    )  # fmt: skip


def clip_of(animator: Animator, clips: list[dict], face: dict | None, labels: bool) -> Update:
    """What can drive a model, and what does to begin with; `labels`: whether films can be labelled."""
    first = face or next(iter(clips), None)
    flights = animator.needs_geometry or any(isinstance(each["clip"], dict) for each in clips)
    lines = draws_lines(animator.palette)
    opens = f"a sheet of label maps or {'any video: its outlines are drawn' if lines else 'a label video'}"
    accept = f"{SHEETS},{FLIGHTS}" if flights else SHEETS
    if animator.needs_geometry:
        opens, accept = "a flight: a zip of labels, depth and cameras", FLIGHTS
    return gr.update(
        what=FLIES if flights else "What happens?",
        value=first["clip"] if first else None, examples=clips, paths=list(PATHS) if flights else [],
        opens=opens, accept=accept, labels=labels, turn=animator.checkpoint.name,
    )  # fmt: skip
