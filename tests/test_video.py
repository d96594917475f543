"""Videos that are written and read, and the files that are refused in one sentence."""

import struct
import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from cgan.errors import DataError, MediaError
from cgan.label_videos import read_label_video
from cgan.labels import Palette
from cgan.video import Limits, Video, Writer, read_video, write_gif, write_video

av = pytest.importorskip("av")


def pictures(count: int, height: int = 48, width: int = 64):
    """A red curtain is drawn over blue from the left; a green mark is in the upper left corner."""
    for number in range(count):
        picture = np.full((height, width, 3), (40, 90, 160), np.uint8)
        picture[:, : 1 + 3 * number] = (200, 30, 60)
        picture[:8, :8] = (0, 255, 0)
        yield picture


def curtain(picture: np.ndarray) -> int:
    """Which of `pictures` this is."""
    return round((int((picture[picture.shape[0] // 2, :, 0] > 120).sum()) - 1) / 3)


@pytest.fixture
def film(tmp_path) -> Path:
    """Twenty pictures, twelve a second."""
    target = tmp_path / "film.mp4"
    write_video(target, pictures(20), 12)
    return target


def refused(source, **options) -> str:
    with pytest.raises(MediaError) as caught:
        list(read_video(source, **options))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_written_is_read(film):
    with Video(film) as video:
        assert (video.width, video.height, video.rate, video.frames) == (64, 48, 12, 20)
        assert video.seconds == pytest.approx(20 / 12, abs=0.01) and not video.sound
        found = list(video)
    for given, picture in zip(pictures(20), found, strict=True):
        assert picture.dtype == np.uint8 and picture.shape == given.shape
        assert np.abs(picture.astype(int) - given).mean() < 4
    assert [curtain(picture) for picture in found] == list(range(20))
    assert len(list(read_video(film.read_bytes()))) == 20


def test_browsers_can_play_it(film):
    data = film.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # starts before all is there
    with av.open(film) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")


def test_odd_sizes_are_made_even(tmp_path):
    told = []
    assert write_video(tmp_path / "odd.mp4", pictures(3, 31, 45), 10, progress=told.append) == 3
    assert told == [1, 2, 3]
    assert next(read_video(tmp_path / "odd.mp4")).shape == (32, 46, 3)


@pytest.mark.parametrize("rate", [4, 6, 12, 24, 7.5])
def test_other_rates_repeat_and_leave_out(film, rate):
    found = [curtain(picture) for picture in read_video(film, rate=rate)]
    assert len(found) == pytest.approx(20 * rate / 12, abs=1)
    assert found == pytest.approx([12 * tick / rate for tick in range(len(found))], abs=1)


def test_uneven_times_are_kept_or_made_even(tmp_path):
    times = [0, 1, 2, 10, 11, 20]  # tenths of a second
    with av.open(tmp_path / "uneven.mkv", "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for time, picture in zip(times, pictures(len(times)), strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with Video(tmp_path / "uneven.mkv") as video:
        assert [time for time, _ in video.timed()] == pytest.approx([time / 10 for time in times], abs=0.002)
    even = [curtain(picture) for picture in read_video(tmp_path / "uneven.mkv", rate=10)]
    assert even[:20] == [0, 1, *[2] * 8, 3, *[4] * 9] and even[20] == 5


def test_phones_turn_their_videos(film):
    data = bytearray(film.read_bytes())
    upright = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    turned = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 48 * 65536, 0, 1 << 30)  # clockwise by a quarter
    place = data.index(upright, data.index(b"tkhd"))
    data[place : place + 36] = turned
    with Video(bytes(data)) as video:
        assert (video.width, video.height) == (48, 64)
        picture = next(iter(video))
    assert picture.shape == (64, 48, 3)
    assert picture[4, -4, 1] > 200 and picture[4, 4, 1] < 120  # the mark has gone to the upper right


def test_limits(film):
    assert "too long; at most 5 pictures" in refused(film, limits=Limits(frames=5))
    assert "too long; at most 0.5 seconds" in refused(film, limits=Limits(seconds=0.5))
    assert "64×48; at most 1,000 pixels" in refused(film, limits=Limits(pixels=1000))
    assert "at most 0.001 MiB" in refused(film, limits=Limits(bytes=1000)).replace("0.000953674", "0.001")
    assert len(list(read_video(film, limits=Limits(frames=5, cut=True)))) == 5
    assert len(list(read_video(film, limits=Limits(seconds=0.5, cut=True)))) == 7


def test_what_is_no_video(film, tmp_path):
    (tmp_path / "empty.mp4").touch()
    assert refused(tmp_path / "empty.mp4") == "empty.mp4 is empty"
    assert "no such file" in refused(tmp_path / "missing.mp4")
    assert "is not a file" in refused(tmp_path)
    assert "no video that can be read" in refused(b"a letter to a friend" * 50, name="letter.mp4")
    (tmp_path / "torn.mp4").write_bytes(film.read_bytes()[:900])
    assert "torn.mp4 is" in refused(tmp_path / "torn.mp4")
    Image.new("RGB", (8, 8)).save(tmp_path / "picture.png")
    assert "picture.png" in refused(tmp_path / "picture.png")
    with pytest.raises(ValueError, match="Path or bytes, not str"):
        read_video(str(film))


def test_pictures_before_the_damage_are_given(film):
    data = film.read_bytes()
    pictures_read = read_video(data[:-700], name="half.mp4")
    found = [next(pictures_read)]
    with pytest.raises(MediaError, match="half.mp4 is cut off or damaged"):
        found.extend(pictures_read)


def test_playlists_open_nothing(film, tmp_path):
    hls = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{film}\n#EXT-X-ENDLIST\n"
    concat = f"ffconcat version 1.0\nfile {film}\n"
    for text in (hls, concat):
        for name in ("list.m3u8", "list.mp4"):
            (tmp_path / name).write_text(text)
            assert "no video that can be read" in refused(tmp_path / name)


def tone(path: Path, codec: str, seconds: float = 2.0, film_too: bool = False) -> Path:
    """A hum, with pictures or without."""
    with av.open(path, "w") as container:
        video = container.add_stream("libx264", rate=10) if film_too else None
        sound = container.add_stream(codec, rate=48000, layout="mono")
        if video is not None:
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
            for picture in pictures(int(10 * seconds)):
                container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(video.encode(None))
        wave = (np.sin(np.arange(int(48000 * seconds)) * 0.06) * 9000).astype(np.int16)
        for start in range(0, len(wave), 1024):
            part = wave[None, start : start + 1024]
            frame = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
            frame.sample_rate, frame.pts = 48000, start
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return path


def packets(path: Path):
    """A file's sound, as it is packed."""
    with av.open(path) as container:
        yield from (packet for packet in container.demux(audio=0) if packet.pts is not None)


@pytest.mark.parametrize(("codec", "suffix", "kept"), [("aac", "mp4", True), ("pcm_s16le", "mkv", False)])
def test_sound_goes_along(tmp_path, codec, suffix, kept):
    source = tone(tmp_path / f"source.{suffix}", codec, film_too=True)
    with Video(source) as video:
        assert video.sound
    write_video(tmp_path / "out.mp4", pictures(10), 10, audio=source)
    with av.open(tmp_path / "out.mp4") as container:
        (stream,) = container.streams.audio
        assert stream.codec_context.name == "aac"
        samples = sum(frame.samples for frame in container.decode(stream))
    assert samples / 48000 == pytest.approx(1, abs=0.1)  # as long as the pictures
    if kept:
        given, copied = (
            [bytes(packet) for packet in packets(path)] for path in (source, tmp_path / "out.mp4")
        )
        assert copied and set(copied) <= set(given)


def test_silence_and_sound_alone(film, tmp_path):
    assert write_video(tmp_path / "mute.mp4", pictures(4), 10, audio=film) == 4
    with Video(tmp_path / "mute.mp4") as video:
        assert not video.sound
    assert "has no pictures, only sound" in refused(tone(tmp_path / "hum.mp4", "aac"))
    with pytest.raises(MediaError, match=r"no such file"):
        Writer(tmp_path / "out.mp4", 10, audio=tmp_path / "missing.mp4")


def test_what_was_written_before_an_error_is_whole(tmp_path):
    def broken():
        yield from pictures(5)
        raise RuntimeError("the model fell over")

    with pytest.raises(RuntimeError, match="fell over"):
        write_video(tmp_path / "part.mp4", broken(), 10)
    assert len(list(read_video(tmp_path / "part.mp4"))) == 5
    with pytest.raises(ValueError, match="at least one picture"):
        write_video(tmp_path / "none.mp4", [], 10)
    assert not (tmp_path / "none.mp4").exists()
    with pytest.raises(ValueError, match="one size: 64×48"):
        write_video(tmp_path / "two.mp4", [*pictures(1), *pictures(1, 32, 32)], 10)


def test_gifs(tmp_path):
    told = []
    assert write_gif(tmp_path / "film.gif", pictures(9), 12.5, told.append) == 9 == told[-1]
    for given, picture in zip(pictures(9), read_video(tmp_path / "film.gif"), strict=True):
        assert np.array_equal(given, picture)  # few colours stay exact
    with Image.open(tmp_path / "film.gif") as opened:
        assert opened.info["duration"] == 80 and opened.info["loop"] == 0
    noise = np.random.default_rng(0).integers(0, 256, (2, 40, 40, 3), dtype=np.uint8)
    assert (
        write_gif(tmp_path / "noise.gif", noise, 10) == write_gif(tmp_path / "4.gif", noise, 10, times=4) == 2
    )
    for small, large in zip(read_video(tmp_path / "noise.gif"), read_video(tmp_path / "4.gif"), strict=True):
        assert np.array_equal(small.repeat(4, 0).repeat(4, 1), large)
    with pytest.raises(ValueError, match="at least one picture"):
        write_gif(tmp_path / "none.gif", [], 10)


def test_gifs_play_as_fast_as_they_say(tmp_path):
    """Eight frames a second last 125 ms each, and GIF counts in hundredths of a second."""
    write_gif(tmp_path / "film.gif", pictures(8), 8)
    with Image.open(tmp_path / "film.gif") as film:
        pauses = [film.seek(at) or film.info["duration"] for at in range(8)]
    assert sum(pauses) == 1000 and set(pauses) == {120, 130}
    write_gif(tmp_path / "one.gif", pictures(1), 8)
    assert len(list(read_video(tmp_path / "one.gif"))) == 1


def test_gifs_of_many_colours_have_no_bands(tmp_path):
    y, x = np.mgrid[:128, :128]
    sky = np.stack([90 + 0.8 * x, 110 + 0.7 * y, 200 + 0.15 * (x + y)], -1).astype(np.uint8)
    write_gif(tmp_path / "sky.gif", [sky], 10)
    (read,) = read_video(tmp_path / "sky.gif")
    seen = [cv2.blur(picture.astype(np.float32), (9, 9))[8:-8, 8:-8] for picture in (read, sky)]
    assert abs(seen[0] - seen[1]).max() < 1.5  # grey levels; 256 colours by median cut, not dithered: 2.0


def test_memory_does_not_grow(tmp_path):
    alive = 0

    class Counted(np.ndarray):
        def __del__(self):
            nonlocal alive
            alive -= 1

    def many():
        nonlocal alive
        for picture in pictures(60):
            alive += 1
            assert alive < 5
            yield picture.view(Counted)

    assert write_video(tmp_path / "long.mp4", many(), 30) == 60


def test_without_the_library_only_videos_are_refused(film, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    assert refused(film) == "videos need PyAV, which is not installed: pip install av"


PALETTE = Palette.from_list(
    [
        {"id": 0, "name": "sky", "colour": "#87b5e0"},
        {"id": 1, "name": "house", "colour": "#b5533c"},
        {"id": 2, "name": "roof", "colour": "#a03c50"},  # not far from the house's
        {"id": 3, "name": "tree", "colour": "#2f5d34"},
    ]
)


def test_label_videos_are_read(tmp_path):
    maps = []
    for number in range(6):
        labels = np.zeros((64, 96), np.uint8)
        labels[40:] = 3
        labels[20:50, 10 + 4 * number : 40 + 4 * number] = 1
        labels[10:20, 10 + 4 * number : 40 + 4 * number] = 2
        maps.append(labels)
    write_video(tmp_path / "labels.mp4", (PALETTE.colours(labels) for labels in maps), 10)
    found = list(read_label_video(tmp_path / "labels.mp4", PALETTE))
    for labels, given in zip(found, maps, strict=True):
        assert labels.dtype == np.uint8 and (labels == given).mean() > 0.98
        assert set(np.unique(labels)) == {0, 1, 2, 3}
    assert len(list(read_label_video(tmp_path / "labels.mp4", PALETTE, rate=5))) == 3


def test_other_videos_hold_no_labels(film):
    with pytest.raises(DataError, match=r"film.mp4 .frame 0.'s pixels are near a colour of the palette"):
        list(read_label_video(film, PALETTE))
