"""Pictures from files, and pictures to and from tensors.

A *picture* is a numpy array uint8 (H, W, 3), RGB. An *image* is a float tensor (B, 3, H, W) in [-1, 1].

Files come from strangers: reading is bounded before anything is decoded, only the formats below are tried,
and whatever is wrong ends in one `MediaError`.
"""

import io
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError, features

from cgan.errors import MediaError

MAX_PIXELS = 64_000_000  # 8,000 × 8,000: more is a bomb or a mistake
MAX_BYTES = 64 * 2**20  # of the file

T = TypeVar("T")
PictureLike = np.ndarray | Image.Image | Path  # what `as_picture` takes

# No EPS (it starts another program), no fonts, no icons: formats in which people keep pictures.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM", *(["AVIF"] if features.check("avif") else []))

# What Pillow's decoders raise when a file is damaged.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    OverflowError,
    RuntimeError,
    struct.error,
    zlib.error,
)
FEW_BITS = "12 bits or less are used of 16"  # then it is nearly black
_ORIENTATION = 0x0112  # of EXIF
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N", "I")


def open_picture(
    source: Path | bytes,
    name: str | None = None,
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
    upright: bool = True,
) -> Image.Image:
    """Open and decode `source`, turned upright as its EXIF data ask; its mode stays as in the file.

    Args: `source` a file's path or its contents; `name` what messages call it (else the file's name);
    `upright` False leaves the pixels as they lie in the file.
    Of an animation the first frame is taken. Raises `MediaError` for all but whole pictures within bounds.
    """
    name = name or (source.name if isinstance(source, Path) else "the picture")
    data = _contents(source, name, max_bytes)
    _refuse_lookalikes(data, name)
    try:
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise MediaError(f"{name} has too many pixels; at most {max_pixels:,} are allowed") from error
    except UnidentifiedImageError as error:
        allowed = ", ".join(FORMATS)
        raise MediaError(f"{name} is not a picture that can be read; allowed: {allowed}") from error
    except _DAMAGE as error:
        raise MediaError(f"{name} is damaged: {_line(error)}") from error
    width, height = picture.size
    if width * height > max_pixels:
        raise MediaError(f"{name} is {width}×{height}; at most {max_pixels:,} pixels are allowed")
    try:
        picture.load()
        return ImageOps.exif_transpose(picture) if upright else picture
    except _DAMAGE as error:
        raise MediaError(f"{name} is cut off or damaged: {_line(error)}") from error


def read_picture(
    source: Path | bytes,
    name: str | None = None,
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
    bits: int = 16,
    upright: bool = True,
    notes: list[str] | None = None,
) -> np.ndarray:
    """Read `source` as a picture, uint8 (H, W, 3).

    Transparent parts show white; grey, 16-bit grey, palettes and CMYK become RGB. Of 16-bit grey, `bits` are
    used (many cameras use 12): all of them are white. `notes` is told `FEW_BITS` where it seems that less
    are. Raises `MediaError` as
    `open_picture` does, and for pictures of floating-point or 32-bit numbers, whose white is unknown.
    """
    name = name or (source.name if isinstance(source, Path) else "the picture")
    picture = open_picture(source, name, max_pixels, max_bytes, upright)
    if picture.mode in _SIXTEEN_BITS:
        return _from_sixteen_bits(picture, name, bits, notes)
    if picture.mode == "F":
        raise MediaError(f"{name} holds floating-point numbers; save it with 8 or 16 bits a channel")
    return _on_white(picture)


def as_picture(value: PictureLike) -> np.ndarray:
    """The picture, uint8 (H, W, 3), that is in a file, in a Pillow picture, or in an array, grey or RGBA too.

    A file is a Path: a string might come from a stranger. Raises `MediaError` for files as `read_picture`
    does, ValueError for everything else that is none.
    """
    if isinstance(value, Path):
        return read_picture(value)
    pixels = isinstance(value, np.ndarray) and value.dtype == np.uint8 and value.size > 0
    if isinstance(value, np.ndarray) and pixels and (value.ndim == 2 or value.shape[2:] == (4,)):
        value = Image.fromarray(value)  # grey or RGBA
    if isinstance(value, Image.Image):
        if value.mode == "F" or value.mode in _SIXTEEN_BITS:
            raise ValueError(
                f"a Pillow picture of the mode {value.mode} has more than 8 bits; convert it first"
            )
        return _on_white(value)
    check_picture(value)
    return value


def _on_white(picture: Image.Image) -> np.ndarray:
    """Any picture of 8 bits a channel as RGB; transparent parts show white."""
    if picture.has_transparency_data:
        coloured = picture.convert("RGBA")
        white = Image.new("RGBA", coloured.size, "white")
        picture = Image.alpha_composite(white, coloured)
    return np.array(picture.convert("RGB"))


def orientation(source: Path) -> int:
    """How EXIF data ask to turn a picture: 1 not at all, 3 by 180°, 5 to 8 with its sides exchanged …

    1 too for what cannot be read: whoever reads it will say so.
    """
    turned = _header(source, lambda picture: picture.getexif().get(_ORIENTATION, 1))
    return turned if isinstance(turned, int) and 1 <= turned <= 8 else 1


def size_of(source: Path) -> tuple[int, int] | None:
    """The (width, height) that a picture's header tells; None where it cannot be read."""
    return _header(source, lambda picture: picture.size)


def _header(source: Path, look: Callable[[Image.Image], T]) -> T | None:
    """What a look at an opened picture tells that is not decoded; None where it cannot be opened."""
    try:
        with Image.open(source, formats=FORMATS) as picture:
            return look(picture)
    except (*_DAMAGE, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


def to_image(picture: np.ndarray) -> torch.Tensor:
    """Turn a picture, uint8 (H, W, 3), into an image, float32 (1, 3, H, W) in [-1, 1]."""
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1).unsqueeze(0)
    return pixels.contiguous().float() / 127.5 - 1


def to_pictures(image: torch.Tensor) -> np.ndarray:
    """Turn images, (B, 3, H, W) in [-1, 1] (clipped to it), into pictures, uint8 (B, H, W, 3).

    `to_image` and back gives the same picture to the bit.
    """
    pixels = ((image.detach().float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return pixels.permute(0, 2, 3, 1).contiguous().cpu().numpy()


def _contents(source: Path | bytes, name: str, max_bytes: int) -> bytes:
    """The file's bytes, or `MediaError` where it is missing, no plain file, empty or too long."""
    if not isinstance(source, (Path, bytes)):
        # A string might be a path that a stranger sent: whoever means a path says so.
        raise ValueError(f"a picture's source is a Path or bytes, not {type(source).__name__}")
    if isinstance(source, bytes):
        size = len(source)
    elif not source.exists():
        raise MediaError(f"{name}: there is no such file")
    elif not source.is_file():
        raise MediaError(f"{name} is not a file")
    else:
        size = source.stat().st_size
    if size == 0:
        raise MediaError(f"{name} is empty")
    if size > max_bytes:
        raise MediaError(f"{name} has {size / 2**20:.1f} MiB; at most {max_bytes / 2**20:g} MiB are allowed")
    if isinstance(source, bytes):
        return source
    try:
        return source.read_bytes()
    except OSError as error:
        raise MediaError(f"{name} cannot be read: {error.strerror}") from error


def _refuse_lookalikes(data: bytes, name: str) -> None:
    """Name the two common strangers: web pages and vector drawings."""
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not start.startswith(b"<"):
        return
    if b"<svg" in start:
        raise MediaError(f"{name} is an SVG drawing; export it as PNG")
    if b"<html" in start or b"<!doctype html" in start:
        raise MediaError(f"{name} is a web page, not a picture: the download went to an error or login page")


def _from_sixteen_bits(picture: Image.Image, name: str, bits: int, notes: list[str] | None) -> np.ndarray:
    """Grey of 16 bits -> picture, with 65535 as white (Pillow's own conversion would clip at 255)."""
    if not 8 <= bits <= 16:
        raise ValueError(f"bits is {bits}; it must be from 8 to 16")
    white = 2**bits - 1
    values = np.asarray(picture).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise MediaError(f"{name} holds 32-bit numbers; save it with 8 or 16 bits a channel")
    if notes is not None and 0 < values.max() < 4096 and bits > 12:
        notes.append(FEW_BITS)
    grey = ((values.clip(max=white) * 255 + white // 2) // white).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def _line(error: Exception) -> str:
    """The first line of a decoder's message, or its type where it has none."""
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def check_picture(picture: np.ndarray) -> None:
    """Raise ValueError unless `picture` is uint8 (H, W, 3) with pixels."""
    if not isinstance(picture, np.ndarray):
        kind = type(picture).__name__
        raise ValueError(f"a picture must be uint8 (H, W, 3), a Pillow picture or a Path, not a {kind}")
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
        raise ValueError(f"a picture must be uint8 (H, W, 3), not {picture.dtype} {picture.shape}")


def centre(shape: Sequence[int], size: Sequence[int]) -> tuple[float, float, float, float]:
    """The largest centred (left, top, right, bottom) of the shape of `size` = (height, width), in pixels.

    shape: (height, width, …) of the picture. The box never leaves it: products of scale and side may, by the
    last bit of a float, and Pillow then refuses it.
    """
    tall, wide = shape[:2]
    scale = min(tall / size[0], wide / size[1])
    height, width = min(size[0] * scale, tall), min(size[1] * scale, wide)
    top, left = (tall - height) / 2, (wide - width) / 2
    return left, top, min(left + width, wide), min(top + height, tall)


def fitted(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The largest centred part of a picture of the shape of `size`, resized to it: what training saw."""
    box = centre(picture.shape, size)
    return np.asarray(Image.fromarray(picture).resize(size[::-1], Image.Resampling.LANCZOS, box=box))
