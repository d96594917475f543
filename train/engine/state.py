"""What a run needs to go on where it stopped: one safetensors file, JSON in its header, no pickle.

The file is written beside, flushed to the disk and renamed, so that a killed run leaves the last state whole.
"""

import json
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from cgan.errors import CheckpointError
from cgan.files import parsed, replaced

NAME = "state.safetensors"
FORMAT = 1


def write(folder: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Save `tensors` and the JSON-ready `facts` as `folder`'s state. OSError: the disk refuses."""
    ours = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    words = {"facts": json.dumps(facts), "format": str(FORMAT), "sums": json.dumps(sums(ours))}
    try:
        with replaced(folder / NAME, durable=True) as beside:
            save_file(ours, beside, words)
    except SafetensorError as error:  # how safetensors reports a full disk
        raise OSError(str(error)) from error


def read(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `write` saved: (tensors on the CPU, facts).

    CheckpointError if the file is not one of ours, or not as it was written. Files from before there were
    checksums are believed.
    """
    path = folder / NAME
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}); delete it to start the run anew") from error
    if header.get("format") != str(FORMAT):
        raise CheckpointError(
            f"{path} has format {header.get('format')}, not {FORMAT}; delete it to start anew"
        )
    try:
        facts, written = parsed(header["facts"]), parsed(header.get("sums", "null"))
    except (KeyError, ValueError) as error:
        raise CheckpointError(f"{path} tells nothing of its run; delete it to start the run anew") from error
    if type(facts) is not dict or type(facts.get("images")) is not int or facts["images"] < 0:
        raise CheckpointError(f"{path} does not say how far its run is; delete it to start the run anew")
    if written is not None and written != sums(tensors):
        raise CheckpointError(
            f"{path} is damaged: it is not as it was written; copy it again, or delete it to start anew"
        )
    return tensors, facts


def sums(tensors: dict[str, Tensor]) -> dict[str, int]:
    """A checksum of each tensor, (CPU, contiguous)."""
    return {
        name: zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data)
        for name, tensor in tensors.items()
    }


def exists(folder: Path) -> bool:
    """Whether there is a state in `folder`."""
    return (folder / NAME).exists()


def part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix` and a dot, without them."""
    return {k.removeprefix(f"{prefix}."): v for k, v in tensors.items() if k.startswith(f"{prefix}.")}


def with_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The opposite of `part`."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def load_buffers(module: torch.nn.Module, tensors: dict[str, Tensor]) -> None:
    """Copy `tensors` into the buffers of `module` by name."""
    for name, buffer in module.named_buffers():
        buffer.copy_(tensors[name])


@contextmanager
def buffers_kept(modules: Iterable[torch.nn.Module]) -> Iterator[None]:
    """What is tried inside leaves the buffers of `modules` as they were: running means, counters."""
    buffers = [buffer for module in modules for buffer in module.buffers()]
    kept = [buffer.clone() for buffer in buffers]
    try:
        yield
    finally:
        for buffer, before in zip(buffers, kept, strict=True):
            buffer.data.copy_(before)
