"""Videos are read as a stream of pictures, in memory that does not grow with their length.

Files come from strangers. A video is read from a file that is open already, only by the formats below and
without any protocol: a playlist that names other files or addresses is refused, as is whatever has too many
pixels, frames or seconds. All that is wrong ends in one `MediaError`.

PyAV (the package `av`) does the work; nothing else needs it, and without it only videos are refused.
"""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from cgan.errors import MediaError

# What people keep videos in. No playlists, no lists of other files, no devices, no single pictures.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,gif,apng,"
    "h264,hevc,m4v,ivf,nut"
)
SUFFIXES = frozenset(  # of files in a folder that are taken for videos
    [".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".flv", ".wmv", ".ogv", ".gif"]
)

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Limits:
    """What a video may have."""

    frames: int = 20_000  # pictures, as they are given out
    pixels: int = 3840 * 2160  # of one picture
    seconds: float = 900.0  # from the first picture on
    bytes: int = 2**31  # of the file
    cut: bool = False  # end there, where there are more frames or seconds, rather than refuse


LIMITS = Limits()


def library() -> Any:
    """The module `av`; `MediaError` where it is not installed."""
    try:
        import av
    except ImportError as error:
        raise MediaError("videos need PyAV, which is not installed: pip install av") from error
    return av


class Video:
    """A video that is open, and its pictures, uint8 (H, W, 3), when it is iterated (once).

    width, height: of the pictures, turned upright; rate: pictures a second on average; seconds and frames:
    as the file says, or None; sound: whether there is any; start: the first picture's time in the file.

    Args: `source` a file's path or its contents; `name` what messages call it (else the file's name).
    `rate`: pictures a second to give out, by repeating and leaving out; None gives each picture of the file
    once, whenever it is shown. Raises `MediaError` for all that is no whole video within `limits`, at once or
    while it is read.
    """

    def __init__(
        self,
        source: Path | bytes,
        name: str | None = None,
        rate: float | None = None,
        limits: Limits = LIMITS,
    ) -> None:
        if rate is not None and not 0 < rate <= 1000:
            raise ValueError(f"a rate is above 0 and at most 1000 pictures a second, not {rate}")
        self.name = name or (source.name if isinstance(source, Path) else "the video")
        self.limits, self._wanted = limits, rate
        self._av = library()
        self._file = opened(source, self.name, limits)
        try:
            self._container = container(self._av, self._file, self.name)
            self._stream = self._chosen()
            self._frames = self._decoded()
            self._first: Any = next(self._frames, None)
            if self._first is None:
                raise MediaError(f"{self.name} has no pictures")
        except BaseException:
            self._file.close()
            raise
        self._facts()

    def _facts(self) -> None:
        """What is known before the pictures are read."""
        stream = self._stream
        self.start = float(self._first.time or 0)
        average = stream.average_rate or stream.guessed_rate
        self.rate = min(max(float(average), 0.1), 240.0) if average else 25.0
        self.frames: int | None = stream.frames or None
        duration = self._container.duration
        self.seconds: float | None = duration / 1e6 if duration and duration > 0 else None
        self.sound = bool(self._container.streams.audio)
        self.height, self.width = self._upright(self._first).shape[:2]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._frames.close()
        self._container.close()
        self._file.close()

    def __iter__(self) -> Iterator[Picture]:
        for count, (_, picture) in enumerate(self._resampled()):
            if count >= self.limits.frames:
                self._too_long(f"{self.limits.frames:,} pictures")
                return
            yield picture

    def timed(self) -> Iterator[tuple[float, Picture]]:
        """Each picture of the file with the second from the first one on at which it is shown, rising."""
        time, step = 0.0, 1 / self.rate
        for count, frame in enumerate(self._all()):
            if frame.time is not None:
                time = max(float(frame.time) - self.start, time)
            elif count:
                time += step
            if time > self.limits.seconds:
                self._too_long(f"{self.limits.seconds:g} seconds")
                return
            yield time, self._upright(frame)

    def _all(self) -> Iterator[Any]:
        """All frames, the first one again."""
        first, self._first = self._first, None
        if first is None:
            raise ValueError(f"{self.name} has been read already: open it anew")
        yield first
        yield from self._frames

    def _resampled(self) -> Iterator[tuple[float, Picture]]:
        """Pictures at the rate that is wanted: at each tick the latest one, a quarter of a tick early."""
        if self._wanted is None:
            yield from self.timed()
            return
        rate, ticks, held, latest = self._wanted, 0, None, 0.0
        for time, picture in self.timed():
            while held is not None and (ticks + 0.25) / rate < time:
                yield ticks / rate, held
                ticks += 1
            held, latest = picture, time
        while held is not None and (ticks == 0 or (ticks + 0.25) / rate < latest + 1 / self.rate):
            yield ticks / rate, held
            ticks += 1

    def _too_long(self, limit: str) -> None:
        if not self.limits.cut:
            raise MediaError(f"{self.name} is too long; at most {limit} are allowed")

    def _chosen(self) -> Any:
        """The stream of pictures: the first that is no cover of a record."""
        covers = self._av.stream.Disposition.attached_pic
        streams = [it for it in self._container.streams.video if not it.disposition & covers]
        if not streams:
            raise MediaError(f"{self.name} has no pictures" + (", only sound" if self._sounds() else ""))
        width, height = streams[0].codec_context.width, streams[0].codec_context.height
        self._check_size(width, height)
        return streams[0]

    def _sounds(self) -> bool:
        return bool(self._container.streams.audio)

    def _check_size(self, width: int, height: int) -> None:
        if width * height > self.limits.pixels:
            raise MediaError(
                f"{self.name} is {width}×{height}; at most {self.limits.pixels:,} pixels are allowed"
            )

    def _decoded(self) -> Generator[Any, None, None]:
        """The decoder's frames; what stops it is a `MediaError`."""
        count = 0
        try:
            for frame in self._container.decode(self._stream):
                self._check_size(frame.width, frame.height)
                yield frame
                count += 1
        except self._av.error.FFmpegError as error:
            where = f" after {count} pictures" if count else ""
            raise MediaError(f"{self.name} is cut off or damaged{where}: {_told(error)}") from error

    def _upright(self, frame: Any) -> Picture:
        """A frame's picture as it is to be shown: with square pixels, turned as the file asks."""
        aspect = self._stream.codec_context.sample_aspect_ratio
        width = frame.width
        if aspect and 0.1 < aspect < 10 and aspect != 1:
            width = max(1, round(width * float(aspect)))
            self._check_size(width, frame.height)
        pixels = frame.reformat(width=width, height=frame.height, format="rgb24").to_ndarray()
        turns = round((frame.rotation or 0) / 90) % 4  # counter-clockwise
        return np.ascontiguousarray(np.rot90(pixels, turns))


def read_video(
    source: Path | bytes, name: str | None = None, rate: float | None = None, limits: Limits = LIMITS
) -> Iterator[Picture]:
    """The pictures of a video, one after the other; the arguments and errors are those of `Video`.

    The file is opened and checked at once, and closed when the pictures end or are no longer wanted.
    """
    return _closing(Video(source, name, rate, limits))


def _closing(video: Video) -> Iterator[Picture]:
    try:
        yield from video
    finally:
        video.close()


def opened(source: Path | bytes, name: str, limits: Limits) -> BinaryIO:
    """The file, open; nothing that is a text can be opened, so no address can."""
    if isinstance(source, bytes):
        if not source:
            raise MediaError(f"{name} is empty")
        return io.BytesIO(source)
    if not isinstance(source, Path):
        raise ValueError(f"a video's source is a Path or bytes, not {type(source).__name__}")
    if not source.exists():
        raise MediaError(f"{name}: there is no such file")
    if not source.is_file():
        raise MediaError(f"{name} is not a file")
    size = source.stat().st_size
    if size == 0:
        raise MediaError(f"{name} is empty")
    if size > limits.bytes:
        raise MediaError(
            f"{name} has {size / 2**20:.0f} MiB; at most {limits.bytes / 2**20:g} MiB are allowed"
        )
    try:
        return source.open("rb")
    except OSError as error:
        raise MediaError(f"{name} cannot be read: {error.strerror}") from error


def container(av: Any, file: BinaryIO, name: str) -> Any:
    """The demuxer of an open file of one of `FORMATS`, which cannot open anything else."""
    try:
        return av.open(file, options={"protocol_whitelist": "", "format_whitelist": FORMATS})
    except av.error.FFmpegError as error:
        allowed = "mp4, mov, mkv, webm, avi, mpeg, gif and their like"
        raise MediaError(
            f"{name} is no video that can be read, or it is cut off; allowed: {allowed}"
        ) from error


def _told(error: Exception) -> str:
    """A library's error in a word, without the file's place."""
    words = error.args[1] if len(error.args) > 1 else error
    return (str(words).splitlines() or [type(error).__name__])[0]
