"""Several processes, started by torchrun, that learn as one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor


def size() -> int:
    """How many processes there are."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Which of them this one is, from 0."""
    return dist.get_rank() if size() > 1 else 0


@contextmanager
def processes(device: torch.device) -> Iterator[torch.device]:
    """Join the processes that torchrun started, if it did; gives this process's own device."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield device
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield device
    finally:
        dist.destroy_process_group()


def average_over_processes(x: Tensor) -> None:
    """Replace `x` by its mean over the processes."""
    if size() > 1:
        dist.all_reduce(x)
        x.div_(size())


def agree(flag: bool, device: torch.device) -> bool:
    """Whether any process says so."""
    if size() == 1:
        return flag
    votes = torch.tensor(float(flag), device=device)
    dist.all_reduce(votes)
    return votes.item() > 0


def share(tensors: list[Tensor]) -> None:
    """Give every process the values of the first."""
    if size() > 1:
        for tensor in tensors:
            dist.broadcast(tensor, 0)


def wait() -> None:
    """Go on when all processes are here."""
    if size() > 1:
        dist.barrier()


def normal(*shape: int, like: Tensor) -> Tensor:
    """N(0, 1) for this process's part of the batch, so that the processes together draw what one would alone.

    Shapes: (B, …) for this process; type and device as `like`. Draws from the default generator.
    """
    whole = torch.randn(shape[0] * size(), *shape[1:], dtype=like.dtype, device=like.device)
    return whole[rank() * shape[0] : (rank() + 1) * shape[0]]
