"""model.safetensors: tensors become bytes, and bytes are looked at with suspicion before they become tensors.

Floating tensors of two or more dimensions are stored in fp16, vectors and scalars (biases, statistics) in
fp32: they are small, and their precision counts. A model holds all of them in fp32.
"""

from collections.abc import Iterable
from pathlib import Path

import safetensors.torch
import torch
from torch import nn

from cgan.errors import CheckpointError
from cgan.files import parsed

_LONGEST_HEADER = 2**22  # bytes: room for 20,000 tensors, ten times as many as any model has
_PICKLE_STARTS = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_AGAIN = "copy or download it again"
_OTHER = "these weights belong to another config, or to another version of the model"

PICKLE = (
    "it is a pickle, which could run foreign code when read, so cgan never does; "
    "use a checkpoint folder with config.json and model.safetensors"
)


def pack(model: nn.Module) -> bytes:
    """The contents of a safetensors file with the model's weights.

    Raises `ValueError` naming the first tensor that holds NaN or infinity or does not fit fp16.
    """
    stored = {}
    for name, tensor in model.state_dict().items():
        tensor = tensor.detach().cpu()
        if tensor.is_floating_point():
            if not tensor.isfinite().all():
                raise ValueError(f"{name} holds NaN or infinity: the training has diverged")
            tensor = tensor.to(torch.float16 if tensor.ndim >= 2 else torch.float32)
            if not tensor.isfinite().all():
                raise ValueError(f"{name} holds values beyond those of fp16, ±65504")
        stored[name] = tensor.clone(memory_format=torch.contiguous_format)
    return safetensors.torch.save(stored, metadata={"format": "pt"})


def unpack(data: bytes, model: nn.Module, path: Path) -> None:
    """Give `model` (on the meta device) the weights of a safetensors file, floating ones in fp32.

    Args: `path` is what messages call the file. Raises `CheckpointError` unless the tensors have the names,
    shapes and kinds of the model's, and are finite.
    """
    expected = model.state_dict()
    _compare_names(expected, _entries(data[8 : 8 + int.from_bytes(data[:8], "little")], path), path)
    try:
        tensors = safetensors.torch.load(data)
    except (safetensors.SafetensorError, LookupError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged ({first_line(error)}); {_AGAIN}") from error
    _compare(expected, tensors, path)
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise CheckpointError(f"{path}: {name} holds NaN or infinity; {_AGAIN}, or train it anew")
    # Copies, because `load` lends the memory of `data`.
    own = {
        name: tensor.to(torch.float32 if tensor.is_floating_point() else tensor.dtype, copy=True)
        for name, tensor in tensors.items()
    }
    model.load_state_dict(own, assign=True)


def check_file(path: Path) -> None:
    """Raise `CheckpointError` for what is wrong with a safetensors file at first sight, its length included.

    Only its header is read.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(1024)
            length = int.from_bytes(start[:8], "little")
            if start[8:9] != b"{":
                refuse_lookalikes(start, path)
            if start[8:9] != b"{" or length > _LONGEST_HEADER:
                raise CheckpointError(f"{path} is not a safetensors file; {_AGAIN}")
            file.seek(8)
            header = file.read(length)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    whole = 8 + length
    if len(header) == length:
        whole += max(_entries(header, path).values())
    if size != whole:
        state = "cut off" if size < whole else "too long"
        raise CheckpointError(f"{path} is {state}: {size:,} bytes instead of {whole:,} or more; {_AGAIN}")


def refuse_lookalikes(start: bytes, path: Path) -> None:
    """Name the strangers that downloads leave behind: nothing, a git-lfs pointer, a web page, a pickle."""
    if not start:
        raise CheckpointError(f"{path} is empty; {_AGAIN}")
    if start.startswith(b"version https://git-lfs"):
        raise CheckpointError(f"{path} is only a git-lfs pointer; run `git lfs pull` in its repository")
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise CheckpointError(
            f"{path} is a web page: the download went to an error or login page; download it again"
        )
    if start.startswith(_PICKLE_STARTS):
        raise CheckpointError(f"{path}: {PICKLE}")


def first_line(error: Exception) -> str:
    """The first line of an error's message, or its type where it has none."""
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def some(names: list[str]) -> str:
    """The first names of a list that may be long."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _entries(header: bytes, path: Path) -> dict[str, int]:
    """What a safetensors header announces: the tensors' names, and where each ends in the data."""
    try:
        entries = {name: entry for name, entry in parsed(header).items() if name != "__metadata__"}
        ends = {name: entry["data_offsets"][1] for name, entry in entries.items()}
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise CheckpointError(f"{path} is damaged: its header cannot be read; {_AGAIN}") from error
    if not ends:
        raise CheckpointError(f"{path} is damaged: its header names no tensor; {_AGAIN}")
    if not all(type(end) is int and end >= 0 for end in ends.values()):
        raise CheckpointError(f"{path} is damaged: its header has offsets that are none; {_AGAIN}")
    return ends


def _compare_names(expected: Iterable[str], found: Iterable[str], path: Path) -> None:
    """`CheckpointError` unless the tensors have the names that are expected."""
    if missing := sorted(set(expected) - set(found)):
        raise CheckpointError(f"{path} lacks {some(missing)}: {_OTHER}")
    if strange := sorted(set(found) - set(expected)):
        raise CheckpointError(f"{path} has tensors that the model lacks, {some(strange)}: {_OTHER}")


def _compare(expected: dict[str, torch.Tensor], found: dict[str, torch.Tensor], path: Path) -> None:
    """`CheckpointError` unless the shapes and kinds of the tensors are as expected."""
    for name, tensor in expected.items():
        have, want = tuple(found[name].shape), tuple(tensor.shape)
        if have != want:
            raise CheckpointError(f"{path}: {name} has the shape {have}, the model needs {want}: {_OTHER}")
        if tensor.is_floating_point() != found[name].is_floating_point():
            raise CheckpointError(f"{path}: {name} is {found[name].dtype}, not {tensor.dtype}: {_OTHER}")
