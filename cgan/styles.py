"""Ready styles: those of a few training pictures, which a painter's checkpoint keeps beside its weights.

    <name>/styles.safetensors    vectors (N, style) in fp32; strip, a JPEG: what each paints on one and the
                                 same map, side by side; in its header the SHA-256 of the weights they fit

The pictures that the styles were taken from are not in it: they may not be ours to give away.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray
from PIL import Image

from cgan.checkpoint import Checkpoint
from cgan.errors import CheckpointError, MediaError
from cgan.files import replaced
from cgan.pictures import read_picture
from cgan.weights import check_file

FILE = "styles.safetensors"
MOST = 32  # styles of a checkpoint
MAX_BYTES = 2**20  # of the file
MAX_PIXELS = MOST * 256 * 256  # of the strip
QUALITY = 85  # of its JPEG


@dataclass(frozen=True)
class Ready:
    """Styles that can be chosen: vectors, float32 (N, style), and what each paints, uint8 (h, w, 3)."""

    vectors: NDArray[np.float32]
    pictures: list[NDArray[np.uint8]]

    def __len__(self) -> int:
        return len(self.vectors)


NONE = Ready(np.zeros((0, 0), np.float32), [])


def write(
    checkpoint: Checkpoint, vectors: NDArray[np.float32], pictures: Sequence[NDArray[np.uint8]]
) -> Path:
    """Keep styles (N, style) and what they paint, pictures of one size, beside the weights."""
    if not 0 < len(vectors) == len(pictures) <= MOST:
        raise ValueError(f"a checkpoint keeps 1 to {MOST} styles, each with a picture, not {len(vectors)}")
    strip = io.BytesIO()
    Image.fromarray(np.concatenate(list(pictures), axis=1)).save(strip, "JPEG", quality=QUALITY)
    tensors: dict[str, NDArray[Any]] = {
        "vectors": vectors.astype(np.float32),
        "strip": np.frombuffer(strip.getvalue(), np.uint8),
    }
    path = checkpoint.folder / FILE
    with replaced(path) as beside:
        beside.write_bytes(safetensors.numpy.save(tensors, {"sha256": checkpoint.sha256}))
    return path


def read(checkpoint: Checkpoint, length: int) -> Ready:
    """The styles that a checkpoint brings along, vectors of `length` numbers; without the file, none.

    Raises `CheckpointError` for a file that is damaged, or that belongs to other weights.
    """
    path = checkpoint.folder / FILE
    if not path.is_file() or not length:
        return NONE
    if path.stat().st_size > MAX_BYTES:
        raise CheckpointError(f"{path} is larger than {MAX_BYTES // 2**10} KiB: ready styles are not")
    check_file(path)
    try:
        with safetensors.safe_open(path, "numpy") as file:
            whose = (file.metadata() or {}).get("sha256")
            vectors, strip = file.get_tensor("vectors"), file.get_tensor("strip")
    except (safetensors.SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from error
    if whose != checkpoint.sha256:
        raise CheckpointError(f"{path} belongs to other weights: python -m train styles makes it anew")
    count = len(vectors)
    right = vectors.shape == (count, length) and vectors.dtype == np.float32 and 0 < count <= MOST
    if not right or strip.dtype != np.uint8 or not np.isfinite(vectors).all():
        raise CheckpointError(f"{path} does not hold 1 to {MOST} styles of {length} numbers, and a picture")
    try:
        pictures = read_picture(strip.tobytes(), f"the strip in {path}", MAX_PIXELS)
    except MediaError as error:
        raise CheckpointError(str(error)) from error
    if pictures.shape[1] % count:
        raise CheckpointError(f"the strip in {path} does not part into {count} pictures")
    return Ready(vectors, np.split(pictures, count, axis=1))
