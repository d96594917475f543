"""Videos are written as H.264 in mp4, with sound, or as GIF: a picture at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from PIL import Image

from cgan.errors import MediaError
from cgan.pictures import check_picture
from cgan.video.reading import LIMITS, Picture, container, library, opened

COPIED = {"aac", "mp3", "ac3", "eac3", "opus", "alac"}  # sound that mp4 holds; other sound becomes AAC
QUALITY = 18  # x264's constant rate factor: no loss that the eye finds
GIF_FRAMES = 600  # GIFs are put together in memory
SAMPLED = 64  # a GIF picture's colours are chosen from as many pixels on a side
SLOWEST_GIF, FASTEST_GIF = 1.0, 50.0  # pictures a second: browsers slow down what is faster

Progress = Callable[[int], None]


class Writer:
    """An mp4 of H.264 that grows by one picture at a time, with the sound of `audio` if that has any.

    Any browser plays it (yuv420p, the index at the front); odd sizes are made even by repeating the edge. All
    pictures, uint8 (H, W, 3), are as large as the first. Use it in a `with`: what was written before an error
    is a whole video. `rate`: pictures a second. Attributes: `frames` (written so far), `sound` (whether there
    is any).
    """

    def __init__(self, target: Path, rate: float, audio: Path | bytes | None = None) -> None:
        if not 0 < rate <= 1000:
            raise ValueError(f"a rate is above 0 and at most 1000 pictures a second, not {rate}")
        self._av, self.frames = library(), 0
        self.rate = Fraction(rate).limit_denominator(1001)
        sound = None if audio is None else _Sound(self._av, audio)
        options = {"movflags": "+faststart"}
        # An absolute path, so that nothing before a colon is taken for a protocol.
        self._container = self._av.open(str(target.absolute()), "w", format="mp4", options=options)
        self._stream: Any = None
        self._sound = sound if sound is not None and sound.found else None
        self.sound = self._sound is not None
        self._shape: tuple[int, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, picture: Picture) -> None:
        """Add a picture."""
        check_picture(picture)
        if self._stream is None:
            self._begin(picture)
        if picture.shape != self._shape:
            height, width = self._shape[:2]
            raise ValueError(f"all pictures of a video have one size: {width}×{height}, not {picture.shape}")
        height, width = picture.shape[:2]
        if height % 2 or width % 2:
            picture = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=1, dst_color_range=1)
        frame.pts, frame.time_base = self.frames, 1 / self.rate
        self._container.mux(self._stream.encode(frame))
        self.frames += 1
        if self._sound is not None:
            self._sound.copy(self._container, float(self.frames / self.rate))

    def close(self) -> None:
        """Finish the file; again does nothing."""
        if self._container is None:
            return
        container, self._container = self._container, None
        try:
            if self._stream is not None:
                container.mux(self._stream.encode(None))
        finally:
            container.close()
            if self._sound is not None:
                self._sound.close()

    def _begin(self, picture: Picture) -> None:
        self._shape = picture.shape
        height, width = picture.shape[:2]
        stream = self._container.add_stream("libx264", rate=self.rate)
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": str(QUALITY), "preset": "veryfast"}
        context = stream.codec_context  # BT.709, as browsers assume for all but the smallest videos
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = 1, 1, 1, 1
        self._stream = stream
        if self._sound is not None:
            self._sound.join(self._container)


class _Sound:
    """The sound of a video or of a recording, copied along while pictures are written."""

    def __init__(self, av: Any, source: Path | bytes) -> None:
        name = source.name if isinstance(source, Path) else "the sound"
        self._av, self._file = av, opened(source, name, LIMITS)
        try:
            self._source = container(av, self._file, name)
        except MediaError:
            self._file.close()
            raise
        streams = self._source.streams
        self.found = bool(streams.audio)
        if not self.found:
            self.close()
            return
        self._from = streams.audio[0]
        start = streams.video[0].start_time if streams.video else None
        self._start = float(start * streams.video[0].time_base) if start else 0.0
        self._copied = self._from.codec_context.name in COPIED
        self._parts = self._timed()
        self._next = next(self._parts, None)

    def join(self, container: Any) -> None:
        """Make room for the sound in a file that is being written."""
        if self._copied:
            self._to = container.add_stream_from_template(self._from)
        else:
            self._to = container.add_stream("aac", rate=self._from.codec_context.sample_rate)

    def copy(self, container: Any, until: float) -> None:
        """Write what sounds before the second `until`."""
        while self._next is not None and self._next[0] < until:
            part = self._next[1]
            if self._copied:
                part.stream = self._to
            container.mux([part] if self._copied else self._to.encode(part))
            self._next = next(self._parts, None)

    def close(self) -> None:
        """Let go of the file."""
        self._source.close()
        self._file.close()

    def _timed(self) -> Iterator[tuple[float, Any]]:
        """(second, packet or decoded frame), from the first picture on; damaged sound ends there."""
        parts = self._source.demux(self._from) if self._copied else self._source.decode(self._from)
        try:
            for part in parts:
                if part.pts is None or (self._copied and part.dts is None):
                    continue
                shift = round(self._start / part.time_base)
                part.pts -= shift
                if self._copied:
                    part.dts -= shift
                if part.pts >= 0:
                    yield float(part.pts * part.time_base), part
        except self._av.error.FFmpegError:
            return


def write_video(
    target: Path,
    pictures: Iterable[Picture],
    rate: float,
    audio: Path | bytes | None = None,
    progress: Progress | None = None,
) -> int:
    """Write pictures, uint8 (H, W, 3), as they come, as `Writer` does; gives their number.

    `progress` is told that number after each. If `pictures` raises an error, those before it are kept as a
    whole video. ValueError where there are none.
    """
    with Writer(target, rate, audio) as writer:
        for picture in pictures:
            writer.write(picture)
            if progress is not None:
                progress(writer.frames)
    if not writer.frames:
        target.unlink(missing_ok=True)
        raise ValueError("a video needs at least one picture")
    return writer.frames


def write_gif(
    target: Path | BinaryIO,
    pictures: Iterable[Picture],
    rate: float,
    progress: Progress | None = None,
    times: int = 1,
) -> int:
    """Write pictures as a GIF that plays for ever; gives their number. At most `GIF_FRAMES` are taken.

    Pictures of up to 256 colours stay exact. `rate`: pictures a second, kept between 1 and 50; each starts at
    the nearest hundredth of a second. `times`: each pixel becomes a square with sides of so many.
    """
    each = 100 / min(max(rate, SLOWEST_GIF), FASTEST_GIF)
    starts = [round(each * number) for number in range(GIF_FRAMES + 1)]
    pauses = [10 * (later - start) for start, later in pairwise(starts)]
    frames = (_squares(frame, times) for frame in _indexed(islice(pictures, GIF_FRAMES), progress))
    first = next(frames, None)
    if first is None:
        raise ValueError("a GIF needs at least one picture")
    count = [1]
    rest = _counted(frames, count)
    first.save(target, format="GIF", save_all=True, append_images=rest, duration=pauses, loop=0, disposal=1)
    return count[0]


def _indexed(pictures: Iterable[Picture], progress: Progress | None) -> Iterator[Image.Image]:
    """Each picture in at most 256 colours of its own; where there are more, they are dithered."""
    for number, picture in enumerate(pictures, 1):
        check_picture(picture)
        image = Image.fromarray(picture)
        if image.getcolors(256) is not None:
            yield image.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        else:
            yield image.quantize(palette=_palette(image), dither=Image.Dither.FLOYDSTEINBERG)
        if progress is not None:
            progress(number)


def _squares(image: Image.Image, times: int) -> Image.Image:
    """The picture with `times` by `times` pixels for each."""
    return image.resize((times * image.width, times * image.height), Image.Resampling.NEAREST)


def _palette(image: Image.Image) -> Image.Image:
    """256 colours for a picture, from some of its pixels: those of all take ten times as long."""
    few = image.copy()
    few.thumbnail((SAMPLED, SAMPLED), Image.Resampling.NEAREST)
    return few.quantize(256, Image.Quantize.MEDIANCUT)


def _counted(frames: Iterator[Image.Image], count: list[int]) -> Iterator[Image.Image]:
    for frame in frames:
        count[0] += 1
        yield frame
