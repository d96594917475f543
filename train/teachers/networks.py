"""Frozen networks that judge pictures: perceptual losses, LPIPS, and features for Fréchet distances.

Perceptual loss: Johnson et al. 2016, with the VGG-19 layers and weights of Wang et al. 2018 (pix2pixHD).
LPIPS v0.1: Zhang et al. 2018. MobileNetV2: Sandler et al. 2018. All take images (B, 3, H, W) in [-1, 1].
This is the only file that imports torchvision, and it does so only when a network is asked for that does
not come along (`train/teachers/backbone.py` has those that do).
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from cgan.errors import DataError
from train.teachers.backbone import bundled, squeezenet

Kind = Literal["auto", "squeezenet", "vgg19", "none"]
State = dict[str, Tensor]

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
DOWNLOAD_TIMEOUT = 10.0  # seconds without a byte: a machine with no network must not wait
LPIPS_LAYERS = (1, 4, 7, 9, 10, 11, 12)
LPIPS_WEIGHTS = Path(__file__).parent.parent / "weights" / "lpips_squeeze.safetensors"

# The last layer of each feature, and its weight. VGG-19: relu1_1, 2_1, 3_1, 4_1, 5_1.
# SqueezeNet 1.1: the divisors are the mean distances of two unrelated street photographs, so that each of the
# five layers gives such a pair about a fifth of a total of one.
LAYERS: dict[str, dict[int, float]] = {
    "vgg19": {1: 1 / 32, 6: 1 / 16, 11: 1 / 8, 20: 1 / 4, 29: 1.0},
    "squeezenet": {1: 0.2 / 15, 4: 0.2 / 30, 7: 0.2 / 25, 9: 0.2 / 28, 12: 0.2 / 2},
}
TELLTALE = {"squeezenet": "features.3.squeeze.weight", "vgg19": "features.28.weight"}


class Features(nn.Module):
    """The chosen layers of a frozen ImageNet network, which ends after the last of them.

    kind: "squeezenet" (1.1) or "vgg19"; layers: numbers in torchvision's `features`; state: its weights by
    torchvision's names, or None for random ones (tests).
    forward: (B, 3, H, W) in [-1, 1] -> a tensor for each layer. The normalisation is computed in float32.
    """

    shift: Tensor  # (1, 3, 1, 1)
    scale: Tensor  # (1, 3, 1, 1)

    def __init__(self, kind: str, layers: tuple[int, ...], state: State | None = None):
        super().__init__()
        self.layers = layers
        self.body = _body(kind)[: max(layers) + 1]
        if state is not None:
            _fill(self.body, state, kind)
        for layer in self.body:
            if isinstance(layer, nn.ReLU):
                layer.inplace = False  # a kept feature must not be changed by the next layer
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
        self.register_buffer("shift", 2 * mean - 1, persistent=False)
        self.register_buffer("scale", 1 / (2 * std), persistent=False)
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> list[Tensor]:
        x = (images.float() - self.shift) * self.scale
        found = []
        for index, layer in enumerate(self.body):
            x = layer(x)
            if index in self.layers:
                found.append(x)
        return found


class Perceptual(nn.Module):
    """The weighted L1 distance between the features of two batches (`LAYERS`).

    forward: fake and real (B, 3, H, W) in [-1, 1] -> a float32 scalar; no gradient flows to `real`.
    """

    def __init__(self, kind: str, state: State | None = None):
        super().__init__()
        self.kind = kind
        self.features = Features(kind, tuple(LAYERS[kind]), state)

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        with torch.no_grad():
            targets = self.features(real)
        weights = LAYERS[self.kind].values()
        first, *rest = (
            weight * F.l1_loss(x.float(), target.float())
            for weight, x, target in zip(weights, self.features(fake), targets, strict=True)
        )
        return sum(rest, first)


class Lpips(nn.Module):
    """LPIPS v0.1 on SqueezeNet 1.1: how different two pictures look; 0 for equal ones.

    forward: a and b (B, 3, H, W) in [-1, 1] -> float32 (B,).
    state: SqueezeNet's weights, None for random ones.
    """

    def __init__(self, state: State | None = None):
        super().__init__()
        self.features = Features("squeezenet", LPIPS_LAYERS, state)
        for index, weight in enumerate(load_file(LPIPS_WEIGHTS).values()):
            self.register_buffer(f"line{index}", weight, persistent=False)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        total = torch.zeros(len(a), device=a.device)
        for index, (x, y) in enumerate(zip(self.features(a), self.features(b), strict=True)):
            difference = (_unit(x.float()) - _unit(y.float())).square()
            total = total + F.conv2d(difference, self.get_buffer(f"line{index}")).mean((1, 2, 3))
        return total

    def embed(self, images: Tensor) -> Tensor:
        """Vectors whose squared distances are LPIPS: (B, 3, H, W) in [-1, 1] -> float32 (B, F)."""
        parts = []
        for index, x in enumerate(self.features(images)):
            weights = self.get_buffer(f"line{index}")[0].clamp(min=0) / (x.shape[2] * x.shape[3])
            parts.append((_unit(x.float()) * weights.sqrt()).flatten(1))
        return torch.cat(parts, 1)


def _unit(x: Tensor) -> Tensor:
    """Each pixel's features scaled to length one (LPIPS's small constant outside the root)."""
    return x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10)


def perceptual(kind: Kind, weights: Path | None = None) -> Perceptual | None:
    """The perceptual loss, or None for "none".

    weights: a safetensors file of torchvision's `features.*`. Without it, SqueezeNet ("auto" too) is the
    bundled one, and VGG-19 is downloaded by torchvision.
    Raises DataError when `weights` is not such a file, or when VGG-19 cannot be had.
    """
    if kind == "none":
        return None
    if weights is not None:
        state, found = read_state(weights)
        if kind not in ("auto", found):
            raise DataError(
                f"{weights} holds {found}, not {kind}; leave --perceptual out to take what it holds"
            )
        return Perceptual(found, state)
    if kind == "vgg19":
        return Perceptual(kind, download(kind))
    return Perceptual("squeezenet", bundled("squeezenet"))


def lpips(weights: Path | None = None) -> Lpips:
    """LPIPS with SqueezeNet's weights from the file, or with the bundled ones.

    A VGG-19 file given for the loss does not serve LPIPS: its linear layers belong to SqueezeNet.
    Raises DataError when `weights` is no file of features.
    """
    if weights is not None:
        state, found = read_state(weights)
        if found == "squeezenet":
            return Lpips(state)
    return Lpips(bundled("squeezenet"))


def mobilenet(weights: Path | None = None) -> MobileNetFeatures:
    """The features of FID-MNv2, from the file or bundled; DataError when `weights` is no such file."""
    return MobileNetFeatures(bundled("mobilenet") if weights is None else read_safetensors(weights))


def read_state(path: Path) -> tuple[State, str]:
    """(weights, "squeezenet" or "vgg19") of a safetensors file of features; DataError for any other file."""
    state = read_safetensors(path)
    for kind, name in TELLTALE.items():
        if name in state:
            return state, kind
    raise DataError(
        f"{path} holds neither SqueezeNet 1.1 nor VGG-19: no {' and no '.join(TELLTALE.values())}"
    )


def read_safetensors(path: Path) -> State:
    """The tensors of a file, as float32; DataError when it is missing or is not safetensors."""
    try:
        return {name: tensor.float() for name, tensor in load_file(path).items()}
    except FileNotFoundError as error:
        raise DataError(f"there is no file {path}") from error
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path} is not a safetensors file: {error}") from error


def download(kind: str) -> State:
    """torchvision's ImageNet weights, from its cache or the network; DataError that says all ways out."""
    from torchvision import models

    source = {"vgg19": models.VGG19_Weights.IMAGENET1K_V1}[kind]
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    try:
        cached = (folder / source.url.rpartition("/")[2]).exists()
        if not cached and os.environ.get("HF_HUB_OFFLINE", "0") != "0":
            raise OSError("HF_HUB_OFFLINE is set")
        with _timeout(DOWNLOAD_TIMEOUT):
            return source.get_state_dict(progress=True, check_hash=True, weights_only=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: the hash of what came is wrong
        raise DataError(
            f"{source.url} did not come: {error}; go online once, put that file into {folder}, "
            "give --perceptual-weights FILE, or choose --perceptual squeezenet or none"
        ) from error


@contextlib.contextmanager
def _timeout(seconds: float) -> Iterator[None]:
    """Sockets made inside give up after `seconds`: torch.hub has no such argument."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _body(kind: str) -> nn.Sequential:
    if kind == "squeezenet":
        return squeezenet()
    from torchvision import models

    return {"vgg19": models.vgg19}[kind](weights=None).features


def _fill(body: nn.Module, state: State, what: str) -> None:
    """Load the `features.*` that `body` has; DataError when one is missing or has another shape."""
    own = body.state_dict()
    for name, tensor in own.items():
        there = state.get(f"features.{name}")
        if name.endswith("num_batches_tracked"):
            continue
        if there is None or there.shape != tensor.shape:
            shape = "missing" if there is None else f"of shape {tuple(there.shape)}"
            raise DataError(f"not {what}'s weights: features.{name} is {shape}, wanted {tuple(tensor.shape)}")
        tensor.copy_(there)


# MobileNetV2, whose averaged features make "FID-MNv2"

# expansion, channels, blocks, stride of the first (table 2 of the paper)
MOBILENET = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class _ConvNorm(nn.Sequential):
    """Convolution, batch norm and ReLU6; a stride of two pads one row and column at the right and bottom."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1):
        padding = kernel // 2 if stride == 1 else 0
        conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        super().__init__(conv, nn.BatchNorm2d(outputs), nn.ReLU6())
        self.pad = (0, 1, 0, 1) if stride == 2 else (0, 0, 0, 0)

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, self.pad)
        for layer in self:
            x = layer(x)
        return x


class _Residual(nn.Module):
    """An inverted residual block: widen, convolve each channel, narrow."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int):
        super().__init__()
        hidden = inputs * expansion
        widen = [_ConvNorm(inputs, hidden, 1)] if expansion > 1 else []
        narrow = [nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
        self.conv = nn.Sequential(*widen, _ConvNorm(hidden, hidden, 3, stride, hidden), *narrow)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.residual else self.conv(x)


class MobileNetFeatures(nn.Module):
    """The 1,280 averaged features of MobileNetV2, for a Fréchet distance named "FID-MNv2".

    state: `features.*` by torchvision's names, padded as in TensorFlow; None for random ones.
    forward: (B, 3, H, W) in [-1, 1] of any size, resized to 224×224 -> float32 (B, 1280).
    """

    name = "FID-MNv2"

    def __init__(self, state: State | None = None):
        super().__init__()
        blocks: list[nn.Module] = [_ConvNorm(3, 32, 3, 2)]
        inputs = 32
        for expansion, outputs, count, stride in MOBILENET:
            for index in range(count):
                blocks.append(_Residual(inputs, outputs, stride if index == 0 else 1, expansion))
                inputs = outputs
        self.body = nn.Sequential(*blocks, _ConvNorm(inputs, 1280, 1))
        if state is not None:
            _fill(self.body, state, "MobileNetV2")
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        x = F.interpolate(images.float(), (224, 224), mode="bilinear", antialias=True, align_corners=False)
        return self.body(x).mean((2, 3))


class SqueezeNetFeatures(nn.Module):
    """SqueezeNet's 512 averaged last features: another network's Fréchet distance, where that is asked for.

    It borrows `features` from LPIPS. forward: (B, 3, H, W) in [-1, 1] -> float32 (B, 512).
    """

    name = "FD-SqueezeNet"

    def __init__(self, features: Features):
        super().__init__()
        self.features = features

    def forward(self, images: Tensor) -> Tensor:
        return self.features(images)[-1].float().mean((2, 3))


# Inception, whose features make the published "FID"


class InceptionFeatures(nn.Module):
    """The 2,048 averaged features of the Inception network of all published FIDs.

    body: torch-fidelity's network, which repeats TensorFlow's pooling and resizing to 299×299.
    forward: (B, 3, H, W) in [-1, 1] of any size, rounded to 8 bits as that network expects -> (B, 2048).
    """

    name = "FID"

    def __init__(self, body: nn.Module):
        super().__init__()
        self.body = body
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        pixels = ((images.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
        return self.body(pixels)[0].flatten(1)


def inception() -> InceptionFeatures:
    """Inception as torch-fidelity has it; DataError when that is not installed or its weights do not come.

    torchvision's Inception has other weights and pools in another way: its numbers are no FID. The file is
    first read without trust (weights only, hash checked as it comes): the library itself would unpickle it.
    """
    try:
        from torch_fidelity import feature_extractor_inceptionv3 as library
    except ImportError as error:
        raise DataError("torch-fidelity is not installed; pip install '.[evaluate]'") from error
    url = library.URL_INCEPTION_V3
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    try:
        cached = (folder / url.rpartition("/")[2]).exists()
        if not cached and os.environ.get("HF_HUB_OFFLINE", "0") != "0":
            raise OSError("HF_HUB_OFFLINE is set")
        with _timeout(DOWNLOAD_TIMEOUT):
            torch.hub.load_state_dict_from_url(url, check_hash=True, weights_only=True)
        return InceptionFeatures(library.FeatureExtractorInceptionV3("inception-v3-compat", ["2048"]))
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"{url} did not come: {error}; go online once, or put that file into {folder}"
        ) from error


# What labels pictures, for mIoU


class Segmenter(nn.Module):
    """LR-ASPP on MobileNetV3 (Howard et al. 2019), torchvision's `lraspp_mobilenet_v3_large`.

    state: all its weights by torchvision's names; the classes are those of the palette, in its order.
    forward: (B, 3, H, W) in [-1, 1] -> labels int64 (B, H, W).
    """

    shift: Tensor  # (1, 3, 1, 1)
    scale: Tensor  # (1, 3, 1, 1)

    def __init__(self, state: State):
        super().__init__()
        from torchvision.models.segmentation import lraspp_mobilenet_v3_large

        last = state.get("classifier.low_classifier.weight")
        if last is None or last.dim() != 4:
            raise DataError("no LR-ASPP: classifier.low_classifier.weight is missing")
        self.classes = len(last)
        self.body = lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=self.classes)
        try:
            self.body.load_state_dict(state)
        except RuntimeError as error:
            raise DataError(f"not the weights of lraspp_mobilenet_v3_large: {error}") from error
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
        self.register_buffer("shift", 2 * mean - 1, persistent=False)
        self.register_buffer("scale", 1 / (2 * std), persistent=False)
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        return self.body((images.float() - self.shift) * self.scale)["out"].argmax(1)


def segmenter(path: Path, classes: int) -> Segmenter:
    """The segmenter in a safetensors file; DataError when it is none, or one of not so many `classes`."""
    state = read_safetensors(path)
    try:
        found = Segmenter(state)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    if found.classes != classes:
        raise DataError(f"{path} knows {found.classes} classes; the checkpoint {classes}")
    return found
