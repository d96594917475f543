"""Records: what a picture was painted from, which it carries with it and which brings all of it back.

A record is JSON: {"cgan": 1, "model", "seed", "style", "things", "map"}, the map and a style picture as data
URIs of PNGs, both at the size at which they were used. A painted PNG has it as text (an iTXt chunk called
"cgan"), so that a saved picture is a project file as well: it can be looked at, and nothing else is to be
kept beside it.
"""

import json
import struct
import zlib
from typing import Any

import numpy as np

from app import requests
from cgan import DataError
from cgan.files import parsed

FORMAT = 1
MAX_BYTES = 4 * 2**20  # of a record: a map of 2048 x 2048 and a style picture have less
KEYWORD = b"cgan"
SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER = len(SIGNATURE) + 25  # the first chunk, IHDR, has 13 bytes and 12 around them

Record = dict[str, Any]


def attached(picture: np.ndarray, record: Record) -> str:
    """A picture, uint8 (H, W, 3), and its record: the data URI of a PNG."""
    uri = requests.picture_uri(picture)
    png = requests.contents(uri, "the picture")
    text = json.dumps(record | {"cgan": FORMAT}, separators=(",", ":"), ensure_ascii=False).encode()
    body = b"iTXt" + KEYWORD + b"\0\0\0\0\0" + text  # neither packed nor translated: base64 is inside
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return requests.file_uri(png[:HEADER] + chunk + png[HEADER:])


def read(given: object) -> Record:
    """The record that a client sent: itself, or a PNG that carries it, as a data URI.

    Its values are as they were sent: whoever uses one checks it. Raises `DataError` where there is none, and
    `MediaError` for what is no picture.
    """
    record = _text(requests.contents(given, "the picture")) if isinstance(given, str) else given
    if not isinstance(record, dict) or type(record.get("cgan")) is not int:
        raise DataError("the picture does not tell what it was painted from: only PNGs saved here do")
    if record["cgan"] > FORMAT:
        raise DataError(f"the picture has a record of format {record['cgan']}, this cgan reads {FORMAT}")
    return record


def _text(png: bytes) -> object:
    """What the iTXt chunk of a PNG holds, as JSON; None where there is none that is whole."""
    place = len(SIGNATURE) if png.startswith(SIGNATURE) else len(png)
    while place + 12 <= len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        data = png[place + 8 : place + 8 + length]
        start = KEYWORD + b"\0\0\0\0\0"
        if png[place + 4 : place + 8] == b"iTXt" and data.startswith(start) and length <= MAX_BYTES:
            try:
                return parsed(data[len(start) :])
            except ValueError:
                return None
        place += 12 + length
    return None
