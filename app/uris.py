"""Pictures as data URIs, the only form in which this app takes pictures from browsers and API clients.

A string from a client is never opened as a path.
"""

import base64
import binascii
import re

import cv2
import numpy as np

from cgan import MediaError, read_picture

MAX_BYTES = 16 * 2**20  # of an uploaded file
MAX_PIXELS = 4096 * 4096

_START = re.compile(r"data:image/[a-z0-9.+-]+;base64,", re.IGNORECASE)


def contents(uri: str, name: str) -> bytes:
    """The file inside a data URI. Raises `MediaError` for anything else, and for files that are too large."""
    head = _START.match(uri) if isinstance(uri, str) else None
    if head is None and isinstance(uri, str) and uri.startswith("data:"):
        raise MediaError(f"{name} is not a picture; PNG, JPEG, WEBP, BMP, GIF and TIFF can be opened")
    if head is None:
        allowed = "a data URI (data:image/png;base64,…), not a path or an address"
        raise MediaError(f"{name} must be {allowed}")
    if len(uri) - head.end() > MAX_BYTES * 4 / 3 + 4:
        raise MediaError(f"{name} is too large: at most {MAX_BYTES // 2**20} MiB are allowed")
    try:
        return base64.b64decode(uri[head.end():], validate=True)
    except (binascii.Error, ValueError) as error:
        raise MediaError(f"{name} is not valid base64: {error}") from error


def picture(uri: str, name: str) -> np.ndarray:
    """The picture in a data URI, uint8 (H, W, 3). Raises `MediaError`."""
    return read_picture(contents(uri, name), name, MAX_PIXELS)


def from_file(data: bytes, kind: str = "png") -> str:
    """The data URI of a picture file's contents."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def from_picture(picture: np.ndarray) -> str:
    """A picture, uint8 (H, W, 3), as the data URI of a PNG, packed lightly: speed counts more than bytes."""
    _, data = cv2.imencode(".png", picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return from_file(data.tobytes())
