"""Films that are being made: videos of the maps, of the frames and of both, that grow a frame at a time.

Small frames are enlarged for the video: H.264 keeps colours at half the size, which would blur pixel art. Its
pixels, and those of maps, become squares; larger frames are interpolated. GIFs are written in the frames' own
size, and of small frames enlarged too.
"""

import io
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from app import requests
from cgan import Palette
from cgan.video import Writer, write_gif
from cgan.video.writing import GIF_FRAMES, Progress

KINDS = ("input", "video", "both")  # the maps in colour, the frames, and both side by side
SEEN = ("source", "beside")  # the video that drives a film, and it beside the frames
SMALL = 256  # pixels: the longer side up to which frames are enlarged
ART = 64  # pixels: the longer side up to which they are pixel art
GIF_BYTES = 96 * 2**20  # of frames in memory: longer films have no GIF


def never() -> bool:
    """Of what nobody can give up."""
    return False


class GivenUpError(Exception):
    """Nobody waits for it any more."""


class Film:
    """What an animator made of maps of `palette`, at `rate` frames a second. Use it in a `with`.

    `sound` is a video whose sound goes along, or None; `kinds` are the videos that are written. Its files lie
    in a temporary folder that goes when the `with` ends.
    """

    def __init__(
        self,
        palette: Palette,
        rate: float,
        sound: bytes | None = None,
        kinds: Sequence[str] = KINDS,
    ):
        self.palette, self.rate = palette, rate
        self.made, self.kept, self._bytes = 0, [], 0
        self._spent, self._start = 0.0, time.perf_counter()
        self._folder = tempfile.TemporaryDirectory(prefix="cgan-film-")
        self._paths = {name: Path(self._folder.name) / f"{name}.mp4" for name in kinds}
        heard = {"video", "both", "beside"}
        self._writers = {
            name: Writer(path, rate, sound if name in heard else None) for name, path in self._paths.items()
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files."""
        for writer in self._writers.values():
            writer.close()
        self._folder.cleanup()

    @property
    def sound(self) -> bool:
        """Whether the film has sound."""
        return any(writer.sound for writer in self._writers.values())

    @property
    def speed(self) -> float:
        """Frames a second that were made so far, without the time that showing them took."""
        return self.made / max(self._spent, 1e-6)

    def begin(self) -> None:
        """A frame is going to be made: time runs."""
        self._start = time.perf_counter()

    def add(self, labels: np.ndarray, frame: np.ndarray, seen: np.ndarray | None = None) -> None:
        """Add a frame, uint8 (H, W, 3), and the map, uint8 (H, W), that it was made of.

        `seen`, like the frame, is what that map was made of: it is needed for the kinds of `SEEN`.
        """
        self._spent += time.perf_counter() - self._start
        self.made += 1
        maps, large = enlarged(self.palette.colours(labels), flat=True), enlarged(frame)
        pictures = {"input": maps, "video": large, "both": np.concatenate([maps, large], 1)}
        if seen is not None:
            source = enlarged(seen)
            pictures |= {"source": source, "beside": np.concatenate([source, large], 1)}
        for name, writer in self._writers.items():
            writer.write(pictures[name])
        self._bytes += frame.nbytes
        if self._bytes <= GIF_BYTES:
            self.kept.append(frame)

    def finished(self) -> dict[str, str]:
        """The mp4s of its `kinds` as data URIs; no frame can be added any more."""
        for writer in self._writers.values():
            writer.close()
        return {name: requests.file_uri(path.read_bytes(), "mp4") for name, path in self._paths.items()}

    def gifs(self, given_up: Callable[[], bool] = never) -> dict[str, str]:
        """What `gifs` gives, nothing of long films: it takes a while, in which the film can be seen."""
        whole = len(self.kept) == self.made <= GIF_FRAMES
        return gifs(self.kept if whole else [], self.rate, given_up)


def enlarged(picture: np.ndarray, flat: bool = False) -> np.ndarray:
    """A picture, uint8 (H, W, 3), a whole number of times as large if it is small.

    Pixels become squares where it is `flat` or pixel art, else what is between them is interpolated.
    """
    times = max(1, SMALL // max(picture.shape[:2]))
    if times == 1 or flat or max(picture.shape[:2]) <= ART:
        return picture.repeat(times, 0).repeat(times, 1)
    return cv2.resize(picture, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC)


def gif(pictures: Sequence[np.ndarray], rate: float, times: int = 1, progress: Progress | None = None) -> str:
    """Pictures as a GIF in a data URI; each pixel is a square with sides of `times`."""
    file = io.BytesIO()
    write_gif(file, pictures, rate, progress, times)
    return requests.file_uri(file.getvalue(), "gif")


def gifs(pictures: Sequence[np.ndarray], rate: float, given_up: Callable[[], bool] = never) -> dict[str, str]:
    """Pictures as `gif` in their own size and, where that is small, as `large`; "" is none.

    There is none where they are given up meanwhile.
    """

    def go_on(_: int) -> None:
        if given_up():
            raise GivenUpError

    none = {"gif": "", "large": ""}
    if not pictures or given_up():
        return none
    side = max(pictures[0].shape[:2])
    try:
        small, large = gif(pictures, rate, progress=go_on), ""
        if side <= ART:  # in the colours of the small one
            large = gif(pictures, rate, SMALL // side, go_on)
        elif SMALL // side > 1:
            large = gif([enlarged(picture) for picture in pictures], rate, progress=go_on)
    except GivenUpError:
        return none
    return {"gif": small, "large": large}
