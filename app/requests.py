"""What clients may send: how much, pictures as data URIs, seeds. A string is never opened as a path."""

import base64
import binascii
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping

import cv2
import gradio as gr
import numpy as np
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from cgan import DataError, MediaError
from cgan import read_picture as read_file
from cgan.pictures import FORMATS

MAX_BYTES = 16 * 2**20  # of an uploaded file
MAX_PIXELS = 4096 * 4096
MAX_SEED = 2**31 - 1
MIN_SIZE, MAX_SIZE = 16, 2048  # of a picture's longer side
LARGEST_REQUEST = 3 * MAX_BYTES  # a map and a style picture in base64, and some more
ASKED = "cgan.asked"  # in a connection's scope: when it began
REFUSAL = b'{"detail": "the request is too large"}'

Message = MutableMapping[str, object]  # of ASGI
Receive, Send = Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]

_START = re.compile(r"data:image/[a-z0-9.+-]+;base64,", re.IGNORECASE)
_FILM = re.compile(r"data:video/[a-z0-9.+-]+(?:;codecs=[\w., \"-]+)?;base64,", re.IGNORECASE)
_ZIP = re.compile(r"data:[a-z0-9.+/-]*zip[a-z0-9.+/-]*;base64,", re.IGNORECASE)


class BodyLimit:
    """ASGI middleware: answers 413 to bodies of more than `limit` bytes, and ends streams at that length.

    The bound is kept before anything of a body is read into memory. When a request came is noted for `asked`.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], limit: int = LARGEST_REQUEST):
        self.app, self.limit = app, limit

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection, as ASGI asks."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        scope[ASKED] = time.monotonic()
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > self.limit:
            headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
            await send({"type": "http.response.start", "status": 413, "headers": headers})
            return await send({"type": "http.response.body", "body": REFUSAL})
        return await self.app(scope, self._counted(receive), send)

    def _counted(self, receive: Receive) -> Receive:
        """`receive`, which ends a body of unknown length at the limit, as if the client had gone."""
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return message if received <= self.limit else {"type": "http.disconnect"}

        return counted


def asked(request: gr.Request) -> float:
    """When a request came, as `time.monotonic` has it, however long it has waited in a line since then."""
    now = time.monotonic()
    return now if request.request is None else request.request.scope.get(ASKED, now)


def refuse(request: Request, error: Exception) -> JSONResponse:
    """What a client hears whose body is not what an address takes: where, and why, not what it sent.

    FastAPI's own answer repeats the body, and breaks on a NaN in it.
    """
    found = error.errors() if isinstance(error, RequestValidationError) else []
    detail = [{key: fault[key] for key in ("type", "loc", "msg")} for fault in found]
    return JSONResponse({"detail": detail}, status_code=422)


def check_seed(seed: int) -> None:
    """Raise `DataError` unless `seed` is one."""
    if type(seed) is not int or not 0 <= seed <= MAX_SEED:
        raise DataError(f"the seed is {seed!r:.60}; it must be a whole number from 0 to {MAX_SEED}")


def check_size(size: int | None) -> None:
    """Raise `DataError` unless `size` is the side of a picture, or 0 or None for that of its map."""
    if size is not None and (type(size) is not int or not 0 <= size <= MAX_SIZE or 0 < size < MIN_SIZE):
        raise DataError(f"the size is {size!r:.60}; it must be from {MIN_SIZE} to {MAX_SIZE} pixels, or 0")


def contents(uri: str, name: str) -> bytes:
    """The file inside a data URI. Raises `MediaError` for anything else, and for files that are too large."""
    head = _START.match(uri) if isinstance(uri, str) else None
    if head is None and isinstance(uri, str) and uri.startswith("data:"):
        allowed = ", ".join(FORMATS)
        raise MediaError(f"{name} is not a picture that can be read; allowed: {allowed}")
    if head is None:
        allowed = "a data URI (data:image/png;base64,…), not a path or an address"
        raise MediaError(f"{name} must be {allowed}")
    return _unpacked(uri, head.end(), name)


def is_film(uri: str) -> bool:
    """Whether a client sent a video, or a GIF, as a data URI."""
    return isinstance(uri, str) and (bool(_FILM.match(uri)) or uri[:15].lower() == "data:image/gif;")


def film(uri: str, name: str) -> bytes:
    """The video file inside a data URI for which `is_film`. Raises `MediaError` for one that is too large."""
    return _unpacked(uri, uri.index("base64,") + 7, name) if _FILM.match(uri) else contents(uri, name)


def is_zip(uri: str) -> bool:
    """Whether a client sent a zip as a data URI."""
    return isinstance(uri, str) and bool(_ZIP.match(uri))


def zipped(uri: str, name: str) -> bytes:
    """The zip inside a data URI for which `is_zip`. Raises `MediaError` for one that is too large."""
    return _unpacked(uri, uri.index("base64,") + 7, name)


def jpeg_uri(picture: np.ndarray, quality: int = 85) -> str:
    """A picture, uint8 (H, W, 3), as the data URI of a JPEG: for many pictures that are only looked at."""
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return file_uri(data.tobytes(), "jpeg")


def _unpacked(uri: str, start: int, name: str) -> bytes:
    """The bytes that a data URI has from `start` on."""
    if len(uri) - start > MAX_BYTES * 4 / 3 + 4:
        raise MediaError(f"{name} is too large: at most {MAX_BYTES // 2**20} MiB are allowed")
    try:
        return base64.b64decode(uri[start:], validate=True)
    except (binascii.Error, ValueError) as error:
        raise MediaError(f"{name} is not valid base64: {error}") from error


def read_picture(uri: str, name: str) -> np.ndarray:
    """The picture in a data URI, uint8 (H, W, 3). Raises `MediaError`."""
    return read_file(contents(uri, name), name, MAX_PIXELS)


def file_uri(data: bytes, kind: str = "png") -> str:
    """The data URI of a picture's or an mp4's contents: what clients get, and may send again."""
    return f"data:{'video' if kind == 'mp4' else 'image'}/{kind};base64,{base64.b64encode(data).decode()}"


def picture_uri(picture: np.ndarray) -> str:
    """A picture, uint8 (H, W, 3), as the data URI of a PNG, packed lightly: speed counts more than bytes."""
    _, data = cv2.imencode(".png", picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return file_uri(data.tobytes())
