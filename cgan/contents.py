"""The contents that a checkpoint brings along: a picture of each thing that its classes show, as letters.

config.json keeps them in `about`: {"names": ["upper-A", …], "strip": a PNG in base64}, the pictures side by
side, each of the training pictures' size. Names to the first hyphen are groups, which a sheet sets apart.
"""

import base64
import binascii
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from cgan.errors import CheckpointError, MediaError
from cgan.pictures import read_picture

MOST = 128  # contents of a checkpoint
COLUMNS = 13  # of a sheet: half an alphabet


def pack(names: Sequence[str], pictures: Sequence[np.ndarray]) -> dict[str, Any]:
    """What `about` keeps of these pictures, uint8 (H, W, 3) of one size."""
    joined = np.concatenate(list(pictures), axis=1)
    grey = (joined == joined[..., :1]).all()
    strip = Image.fromarray(joined[..., 0] if grey else joined)
    file = io.BytesIO()
    strip.save(file, "PNG", optimize=True)
    return {"names": list(names), "strip": base64.b64encode(file.getvalue()).decode()}


def unpack(kept: Any, size: tuple[int, int]) -> dict[str, np.ndarray]:
    """The pictures, uint8 (H, W, 3) of `size`, by name; None has none. CheckpointError for all else."""
    if kept is None:
        return {}
    told: dict[str, Any] = kept if isinstance(kept, dict) else {}
    names: Any = told.get("names")
    strip: Any = told.get("strip")
    right = isinstance(names, list) and all(isinstance(name, str) for name in names)
    if not right or not isinstance(strip, str) or not 0 < len(set(names)) == len(names) <= MOST:
        raise CheckpointError(f"the checkpoint's contents need up to {MOST} different names, and a strip")
    height, width = size
    try:
        data = base64.b64decode(strip, validate=True)
        pictures = read_picture(data, "the strip of contents", height * width * len(names))
    except (binascii.Error, ValueError, MediaError) as error:
        raise CheckpointError(f"the checkpoint's contents cannot be read: {error}") from error
    if pictures.shape[:2] != (height, width * len(names)):
        raise CheckpointError(f"the checkpoint's contents are not {len(names)} pictures of {width}x{height}")
    return dict(zip(names, np.split(pictures, len(names), axis=1), strict=True))


def grouped(pictures: Mapping[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """Pictures by name in groups, which stand in backward order: upper case, lower case, digits."""
    groups: dict[str, dict[str, np.ndarray]] = {}
    for name, picture in pictures.items():
        groups.setdefault(name.partition("-")[0] if "-" in name else "", {})[name] = picture
    return [groups[name] for name in sorted(groups, reverse=True)]


def sheet(pictures: Mapping[str, np.ndarray]) -> np.ndarray:
    """Pictures of one size by name, on white: a group after the other, each in rows of up to 13."""
    parts = [list(group.values()) for group in grouped(pictures)]
    rows = [part[start : start + COLUMNS] for part in parts for start in range(0, len(part), COLUMNS)]
    columns = max(map(len, rows))
    blank = np.full_like(rows[0][0], 255)
    return np.concatenate([np.concatenate([*row, *[blank] * (columns - len(row))], 1) for row in rows])
