"""What hostile inputs are made of: bytes, JSON, pictures, headers; and the budget that they are tried for."""

import io
import json
import os
import resource
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from PIL import Image

SHORT, LONG = 25, 1_000  # inputs of each kind: in every run of the tests, and with --long
SECONDS, GROWTH = 5.0, 200  # s and MB at most for one input
MADE = 600  # MB at most for pictures that are made, up to 2048 × 2048 pixels at once
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16", "F", "CMYK", "YCbCr")
KINDS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")


def budget(long: bool) -> settings:
    """How much is tried."""
    return settings(
        max_examples=LONG if long else SHORT,
        deadline=None,  # `watched` keeps the time
        derandomize=not long,  # what fails once fails again
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@contextmanager
def watched() -> Iterator[None]:
    """One input: it may be refused, but it may not take long."""
    began = time.process_time()
    yield
    spent = time.process_time() - began
    assert spent < SECONDS, f"one input took {spent:.1f} s"


def peak() -> int:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


names = st.text(max_size=12)
numbers = st.one_of(
    st.integers(-(2**70), 2**70),
    st.integers(-3, 300),
    st.floats(),
    st.sampled_from([0, -1, 2**31, 2**63, 10**9, 1e300, 5e-324]),
)
plain = st.one_of(st.none(), st.booleans(), numbers, names)
anything = st.recursive(plain, lambda inner: st.one_of(st.lists(inner, max_size=4),
                        st.dictionaries(names, inner, max_size=4)), max_leaves=12)  # fmt: skip


@st.composite
def pictures(draw) -> bytes:
    """A picture file: of any mode and kind, perhaps damaged, perhaps none at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=400))
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    seed = draw(st.integers(0, 2**16))
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    picture = Image.fromarray(pixels)
    file = io.BytesIO()
    try:
        picture.convert(draw(st.sampled_from(MODES))).save(file, draw(st.sampled_from(KINDS)))
    except (OSError, ValueError, KeyError):  # a mode that this kind cannot hold
        picture.save(file, "PNG")
    data = bytearray(file.getvalue())
    for _ in range(draw(st.integers(0, 6))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(1, len(data)))] if draw(st.booleans()) else data)


@st.composite
def headers(draw, names_of_tensors: list[str]) -> bytes:
    """A safetensors file: a header of any JSON, or one that is nearly right, and some data."""
    if draw(st.booleans()):
        header = draw(anything)
    else:
        offsets = st.one_of(st.lists(numbers, min_size=1, max_size=3), anything)
        entry = st.fixed_dictionaries(
            {"dtype": st.sampled_from(["F32", "F16", "I64", "X"]), "shape": st.lists(numbers, max_size=4)},
            optional={"data_offsets": offsets},
        )
        header = draw(st.dictionaries(st.sampled_from(names_of_tensors), entry, max_size=6))
    text = json.dumps(header).encode()
    length = draw(st.one_of(st.just(len(text)), st.integers(0, 2**64 - 1)))
    return struct.pack("<Q", length) + text + draw(st.binary(max_size=64))


def where(path: str | os.PathLike) -> set[str]:
    """All files below a folder."""
    return {os.path.join(place, name) for place, _, files in os.walk(path) for name in files}
