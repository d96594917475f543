"""What a run needs to go on where it stopped: one safetensors file, JSON in its header, no pickle.

The file is written beside, flushed to the disk and renamed, so that a killed run leaves the last state whole.
"""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from cgan.errors import CheckpointError
from cgan.files import replaced

NAME = "state.safetensors"
FORMAT = 1


def write(folder: Path, tensors: dict[str, Tensor], facts: dict) -> None:
    """Save `tensors` and the JSON-ready `facts` as `folder`'s state. OSError: the disk refuses."""
    ours = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    try:
        with replaced(folder / NAME, durable=True) as beside:
            save_file(ours, beside, {"facts": json.dumps(facts), "format": str(FORMAT)})
    except SafetensorError as error:  # how safetensors reports a full disk
        raise OSError(str(error)) from error


def read(folder: Path) -> tuple[dict[str, Tensor], dict]:
    """What `write` saved: (tensors on the CPU, facts). CheckpointError if the file is not one of ours."""
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
    return tensors, json.loads(header["facts"])


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
