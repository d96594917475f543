"""Pictures: every kind that people have is read right, and every other file gets one clear line."""

import io
import os
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from cgan.errors import MediaError
from cgan.pictures import as_picture, centre, fitted, open_picture, read_picture, to_image, to_pictures


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)


def encode(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def test_tensors_and_back_to_the_bit(picture):
    image = to_image(picture)
    assert image.shape == (1, 3, 20, 30) and image.dtype == torch.float32
    assert image.min() >= -1 and image.max() <= 1
    assert np.array_equal(to_pictures(image), picture[None])
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, 2)
    assert np.array_equal(to_pictures(to_image(ramp))[0], ramp)


def test_to_pictures_clips_and_takes_half_precision():
    pictures = to_pictures(torch.tensor([-3.0, 0, 3.0]).half().reshape(1, 3, 1, 1))
    assert pictures.tolist() == [[[[0, 128, 255]]]]


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
def test_lossless_formats_from_bytes_and_files(picture, kind, tmp_path):
    data = encode(Image.fromarray(picture), kind, **({"lossless": True} if kind == "WEBP" else {}))
    assert np.array_equal(read_picture(data), picture)
    (tmp_path / "a picture").write_bytes(data)
    assert np.array_equal(read_picture(tmp_path / "a picture"), picture)


def test_a_phone_photograph_is_turned_upright(picture):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter to the right
    data = encode(Image.fromarray(picture), "PNG", exif=exif)
    assert np.array_equal(read_picture(data), np.rot90(picture, -1))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_is_white(mode):
    coloured = Image.new("RGBA", (2, 1), (0, 0, 0, 255))
    coloured.putpixel((1, 0), (0, 0, 0, 0))
    if mode == "P":
        coloured = Image.new("P", (2, 1), 0)
        coloured.putpalette([0, 0, 0, 9, 9, 9])
        coloured.putpixel((1, 0), 1)
        coloured.info["transparency"] = 1
    data = encode(coloured if mode == "P" else coloured.convert(mode))
    assert read_picture(data).tolist() == [[[0] * 3, [255] * 3]]


def test_half_transparent_black_is_grey():
    assert read_picture(encode(Image.new("RGBA", (1, 1), (0, 0, 0, 127)))).tolist() == [[[128] * 3]]


def test_sixteen_bit_grey_is_scaled_not_clipped():
    values = np.array([[0, 257 * 100, 65535]], np.uint16)
    assert read_picture(encode(Image.fromarray(values)))[0, :, 0].tolist() == [0, 100, 255]


def test_grey_bilevel_and_cmyk():
    assert read_picture(encode(Image.new("L", (1, 1), 77))).tolist() == [[[77] * 3]]
    assert read_picture(encode(Image.new("1", (1, 1), 1))).tolist() == [[[255] * 3]]
    cyan = read_picture(encode(Image.new("CMYK", (8, 8), (255, 0, 0, 0)), "JPEG"))[4, 4]
    assert cyan[0] < 10 and cyan[1] > 245 and cyan[2] > 245


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation(kind):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("#ff0000", "#00ff00")]
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:])
    assert np.abs(read_picture(data)[4, 4].astype(int) - [255, 0, 0]).max() < 8


def test_numbers_without_a_white_are_refused():
    with pytest.raises(MediaError, match="floating-point"):
        read_picture(encode(Image.new("F", (2, 2)), "TIFF"))
    with pytest.raises(MediaError, match="32-bit"):
        read_picture(encode(Image.new("I", (2, 2), 1_000_000), "TIFF"))


def bomb():
    """A PNG that says it is 60,000 × 60,000."""
    header = b"IHDR" + (60_000).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00"
    chunk = (13).to_bytes(4, "big") + header + zlib.crc32(header).to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n" + chunk + encode(Image.new("RGB", (1, 1)))[33:]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\n<!DOCTYPE html><html>", "web page"),
        (b'<?xml version="1.0"?><svg width="1">', "SVG"),
        (b"some text", "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
        (b"\x89PNG\r\n\x1a\n", "is not a picture|damaged"),
        (bomb(), "too many pixels"),
        (encode(Image.new("RGB", (90, 90)))[:-40], "cut off or damaged"),
        (encode(Image.new("RGB", (300, 300), "red"), "JPEG")[:900], "cut off or damaged"),
    ],
    ids=["empty", "html", "svg", "text", "eps", "header", "bomb", "half a png", "half a jpeg"],
)
def test_other_files_are_refused_in_one_line(data, words, tmp_path):
    path = tmp_path / "holiday.png"
    path.write_bytes(data)
    for source, name in ((path, "holiday.png"), (data, "the picture")):
        with pytest.raises(MediaError, match=words) as caught:
            read_picture(source)
        assert str(caught.value).startswith(name) and "\n" not in str(caught.value)


def test_bounds(picture):
    data = encode(Image.fromarray(picture))
    with pytest.raises(MediaError, match="30×20; at most 599 pixels"):
        read_picture(data, max_pixels=599)
    with pytest.raises(MediaError, match="at most 0.00"):
        read_picture(data, max_bytes=len(data) - 1)
    assert read_picture(data, max_pixels=600, max_bytes=len(data)).shape == (20, 30, 3)


def test_only_plain_files(tmp_path):
    with pytest.raises(MediaError, match="no such file"):
        read_picture(tmp_path / "none.png")
    with pytest.raises(MediaError, match="is not a file"):
        read_picture(tmp_path)
    if hasattr(os, "mkfifo"):  # reading it would wait for ever
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(MediaError, match="is not a file"):
            read_picture(tmp_path / "pipe")


def test_a_string_is_no_source():
    """It might be a path that a stranger sent."""
    with pytest.raises(ValueError, match="Path or bytes"):
        open_picture("/etc/hostname")


def test_a_picture_may_be_a_file_pillow_s_or_an_array(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "a.png")
    for value in (tmp_path / "a.png", Image.fromarray(picture), picture):
        assert np.array_equal(as_picture(value), picture)
    grey = picture[..., 0]
    assert np.array_equal(as_picture(grey), np.repeat(grey[..., None], 3, 2))
    clear = np.dstack([picture, np.zeros_like(grey)])
    assert (as_picture(clear) == 255).all(), "transparent parts show white"


@pytest.mark.parametrize(
    "value", ["a.png", None, np.zeros((2, 2, 3)), np.zeros((0, 2, 3), np.uint8), Image.new("F", (2, 2))]
)
def test_all_else_is_no_picture(value):
    with pytest.raises(ValueError, match="picture"):
        as_picture(value)


def test_the_centre_never_leaves_the_picture():
    """By the last bit of a float it did, and Pillow refused the box: a 192-pixel photograph at 72 by 108."""
    for seed in range(5000):
        shape, size = np.random.default_rng(seed).integers(1, 500, (2, 2)).tolist()
        left, top, right, bottom = centre(shape, size)
        assert 0 <= left < right <= shape[1] and 0 <= top < bottom <= shape[0]
        assert min(left, top) < 1e-9, "the largest"
    for width in range(150, 300):
        assert fitted(np.zeros((192, width, 3), np.uint8), (108, 72)).shape == (108, 72, 3)
