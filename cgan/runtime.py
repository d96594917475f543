"""Where a model runs, in which precision, and in which memory format."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

import torch

from cgan import threads

DTYPES = {"fp32": torch.float32, "tf32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


class Movable(Protocol):
    """What `Runtime.prepare` needs of a torch module."""

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move it, in place: to a device, a type or a memory format, as torch takes them."""

    def eval(self) -> Self:
        """Behave as in use, not as in training."""

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Say whether gradients are gathered."""


M = TypeVar("M", bound=Movable)


@dataclass(frozen=True)
class Runtime:
    """A device and how to compute on it.

    `dtype` is that of the convolutions and matrix products (by autocast); weights and pictures stay float32.
    """

    device: torch.device
    dtype: torch.dtype
    channels_last: bool  # the memory format in which convolutions are fastest here
    tf32: bool = False  # whether a GPU may round the factors of float32 products to 10 bits

    @classmethod
    def choose(cls, device: str | torch.device = "auto", precision: str = "auto") -> "Runtime":
        """Pick the device and the precision; `auto` is the first GPU, else the CPU, each in what suits it.

        Args: `device` auto | cpu | cuda | cuda:N | mps; `precision` auto | fp32 | tf32 | fp16 | bf16.
        `auto` means fp16 on CUDA, fp32 elsewhere. Raises `ValueError` with what is allowed on this machine.
        """
        chosen = _device(str(device))
        allowed = precisions(chosen)
        if precision == "auto":
            precision = "fp16" if chosen.type == "cuda" else "fp32"
        if precision not in allowed:
            raise ValueError(f"no precision {precision!r} on {chosen}; allowed: auto, {', '.join(allowed)}")
        return cls(chosen, DTYPES[precision], chosen.type != "mps", tf32=precision == "tf32")

    @property
    def precision(self) -> str:
        """The precision's name: fp32, tf32, fp16 or bf16."""
        return "tf32" if self.tf32 else next(name for name, dtype in DTYPES.items() if dtype == self.dtype)

    def describe(self) -> str:
        """Name device and precision for people: "CPU · fp32"."""
        match self.device.type:
            case "cuda":
                name = torch.cuda.get_device_name(self.device)
            case "mps":
                name = "Apple GPU"
            case other:
                name = other.upper()
        return f"{name} · {self.precision}"

    def prepare(self, model: M) -> M:
        """Make `model` ready for inference here, in place: moved, in its memory format, no gradients."""
        model.to(self.device)
        if self.channels_last:
            model.to(memory_format=torch.channels_last)
        return model.eval().requires_grad_(False)

    def autocast(self) -> torch.autocast:
        """The context in which the model computes; in fp32 it also switches off a caller's autocast."""
        if self.device.type == "cuda":
            allow_tf32(self.tf32)
        if self.dtype == torch.float32:
            return torch.autocast(self.device.type, enabled=False)
        return torch.autocast(self.device.type, dtype=self.dtype)

    @contextmanager
    def computing(self, pixels: int) -> Iterator[None]:
        """`autocast`, with the threads of the CPU that a picture of so many pixels is worth."""
        with threads.fitting(pixels) if self.device.type == "cpu" else nullcontext(), self.autocast():
            yield


def allow_tf32(allowed: bool) -> None:
    """Whether GPUs may compute float32 convolutions and matrix products in TF32, from now on.

    torch starts with TF32 convolutions and strict products: without this, fp32 on a GPU is neither. These
    are torch's older names for it; set through the newer ones (`fp32_precision`), the older cannot be read
    any more, and torch 2.11's own compiler reads them.
    """
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = allowed


def devices() -> list[str]:
    """The devices of this machine, best first: the GPUs by number, then `cpu`."""
    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    found = [f"cuda:{index}" for index in range(cards)]
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]


def _device(word: str) -> torch.device:
    """The device that `word` names, or `ValueError` listing those of this machine."""
    found = devices()
    if word == "auto":
        word = found[0]
    if word == "cuda" and "cuda:0" in found:
        word = f"cuda:{torch.cuda.current_device()}"
    if word not in found:
        raise ValueError(f"no device {word!r} here; allowed: auto, {', '.join(found)}")
    return torch.device(word)


def precisions(device: torch.device) -> list[str]:
    """What the device computes itself: fp16 on a CPU and bf16 on an old GPU would only be imitated."""
    match device.type:
        case "cuda":
            major, _ = torch.cuda.get_device_capability(device)
            return ["fp32", "tf32", "fp16", "bf16"] if major >= 8 else ["fp32", "fp16"]
        case "mps":
            return ["fp32", "fp16"]
        case _:
            return ["fp32", "bf16"]
