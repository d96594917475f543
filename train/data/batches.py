"""The batches that recipes are fed: named tuples, each with a `fake` for tests and benchmarks."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from train.data.protocol import each

Device = torch.device | str


class Painted(NamedTuple):
    """Photographs with a label for each pixel.

    Shapes: labels int64 (B, 1, H, W), from 0 to classes - 1; images float32 (B, 3, H, W) in [-1, 1];
    instances int64 (B, 1, H, W), or None where the data have none: equal numbers belong to one thing; known
    float (B, 1, H, W), 0 where nobody knows the label, or None where all are known.
    """

    labels: Tensor
    images: Tensor
    instances: Tensor | None = None
    known: Tensor | None = None

    def judged(self, fake: Tensor, images: Tensor) -> Tensor:
        """`fake`, with the pixels of `images` where no label is known: no loss is there.

        Shapes: both (B, 3, h, w), of the batch's size or smaller by a whole factor.
        """
        if self.known is None:
            return fake
        step = self.known.shape[-1] // fake.shape[-1]
        return torch.where(self.known[..., ::step, ::step] > 0, fake, images.to(fake.dtype))

    @classmethod
    def fake(
        cls,
        batch: int = 2,
        size: tuple[int, int] = (64, 64),
        classes: int = 6,
        device: Device = "cpu",
        seed: int = 0,
        instances: bool = False,
    ) -> Painted:
        """Random labels in large squares and random pixels: the right shapes, no meaning."""
        generator = torch.Generator().manual_seed(seed)
        labels = _squares((batch, 1), size, classes, generator)
        images = _pixels((batch, 3, *size), generator)
        return cls(labels, images, labels.clone() if instances else None).to(device)

    def to(self, device: Device) -> Painted:
        """The same batch on `device`."""
        return each(self, lambda part: part.to(device, non_blocking=True))

    def rows(self, start: int, stop: int) -> Painted:
        """The samples from `start` to `stop`, for micro-batches."""
        return each(self, lambda part: part[start:stop])


class Labelled(Painted):
    """The same pictures and maps, learnt from the other way round: it is the labels that are to be found."""


class Unpaired(NamedTuple):
    """Pictures of two domains, float32 (B, 3, H, W) in [-1, 1].

    a[i] has nothing to do with b[i], unless the data has pairs: then both show the same thing.
    """

    a: Tensor
    b: Tensor

    @classmethod
    def fake(
        cls, batch: int = 2, size: tuple[int, int] = (64, 64), device: Device = "cpu", seed: int = 0
    ) -> Unpaired:
        """Random pixels: the right shapes, no meaning."""
        generator = torch.Generator().manual_seed(seed)
        return cls(*(_pixels((batch, 3, *size), generator) for _ in range(2))).to(device)

    def to(self, device: Device) -> Unpaired:
        """The same batch on `device`."""
        return each(self, lambda part: part.to(device, non_blocking=True))


class FewShot(NamedTuple):
    """Pictures to be redrawn, and pictures of the classes to redraw them as; drawn independently.

    Shapes: contents and styles float32 (B, 3, H, W) in [-1, 1]; content_classes and style_classes int64
    (B,), from 0 to classes - 1. Where the data know what the contents look like as the style's class (the
    same letter in another typeface): targets (B, 3, H, W), of which those with known (B,) = 1 count; else
    None.
    """

    contents: Tensor
    content_classes: Tensor
    styles: Tensor
    style_classes: Tensor
    targets: Tensor | None = None
    known: Tensor | None = None

    @classmethod
    def fake(
        cls,
        batch: int = 2,
        size: tuple[int, int] = (64, 64),
        classes: int = 6,
        device: Device = "cpu",
        seed: int = 0,
        paired: bool = False,
    ) -> FewShot:
        """Random pixels of random classes, without meaning. `paired`: with targets, one unknown."""
        generator = torch.Generator().manual_seed(seed)
        contents, styles = (_pixels((batch, 3, *size), generator) for _ in range(2))
        of_contents, of_styles = (torch.randint(classes, (batch,), generator=generator) for _ in range(2))
        made = cls(contents, of_contents, styles, of_styles)
        if paired:
            targets = _pixels((batch, 3, *size), generator)
            made = made._replace(targets=targets, known=(torch.arange(batch) > 0).float())
        return made.to(device)

    def to(self, device: Device) -> FewShot:
        """The same batch on `device`."""
        return each(self, lambda part: part.to(device, non_blocking=True))


class Paired(NamedTuple):
    """Pictures and what becomes of them, float32 (B, 3, H, W) in [-1, 1]: the same place in both."""

    inputs: Tensor
    images: Tensor

    @classmethod
    def fake(
        cls, batch: int = 2, size: tuple[int, int] = (64, 64), device: Device = "cpu", seed: int = 0
    ) -> Paired:
        """Random pixels: the right shapes, no meaning."""
        generator = torch.Generator().manual_seed(seed)
        return cls(*(_pixels((batch, 3, *size), generator) for _ in range(2))).to(device)

    def to(self, device: Device) -> Paired:
        """The same batch on `device`."""
        return each(self, lambda part: part.to(device, non_blocking=True))


class Clip(NamedTuple):
    """Label videos with their pictures, and the geometry that joins the frames. T frames, in order.

    labels (B, T, 1, H, W) int64; images (B, T, 3, H, W) in [-1, 1]; flow (B, T - 1, 2, H, W) in pixels
    (right, down), from frame t + 1 back to t, as a video model warps its last picture; seen (B, T - 1, 1, H,
    W): 1 where frame t shows it; depth (B, T, 1, H, W) in metres along the camera's axis, 0 where it is
    unknown; pose (B, T, 4, 4), camera to world, with the camera's axes to the right, down and ahead;
    intrinsics (B, 4): fx, fy, cx, cy in pixels of H x W, the first pixel's middle at 0.5; instances (B, T, 1,
    H, W) int64.
    What the data do not know is None.
    """

    labels: Tensor
    images: Tensor
    flow: Tensor | None = None
    seen: Tensor | None = None
    depth: Tensor | None = None
    pose: Tensor | None = None
    intrinsics: Tensor | None = None
    instances: Tensor | None = None

    @classmethod
    def fake(
        cls,
        batch: int = 2,
        size: tuple[int, int] = (64, 64),
        classes: int = 6,
        frames: int = 4,
        device: Device = "cpu",
        seed: int = 0,
    ) -> Clip:
        """Random labels in large squares, random pixels, nothing moves: the right shapes, no meaning."""
        generator = torch.Generator().manual_seed(seed)
        labels = _squares((batch, frames, 1), size, classes, generator)
        flow = torch.zeros(batch, frames - 1, 2, *size)
        return cls(
            labels,
            _pixels((batch, frames, 3, *size), generator),
            flow,
            torch.ones_like(flow[:, :, :1]),
            torch.full(labels.shape, 10.0),
            torch.eye(4).repeat(batch, frames, 1, 1),
            torch.tensor([size[1], size[1], size[1] / 2, size[0] / 2]).float().repeat(batch, 1),
            labels.clone(),
        ).to(device)

    def to(self, device: Device) -> Clip:
        """The same batch on `device`."""
        return each(self, lambda part: part.to(device, non_blocking=True))


class FewShotClip(NamedTuple):
    """Label videos with pictures of a subject, and K other pictures that show the same subject.

    labels (B, T, 1, H, W) int64; images (B, T, 3, H, W) in [-1, 1]; references (B, K, 3, H, W) with their
    reference_labels (B, K, 1, H, W) int64, of which a model may be told nothing; flow and seen as a `Clip`'s,
    or None.
    """

    labels: Tensor
    images: Tensor
    references: Tensor
    reference_labels: Tensor
    flow: Tensor | None = None
    seen: Tensor | None = None

    @classmethod
    def fake(
        cls,
        batch: int = 2,
        size: tuple[int, int] = (64, 64),
        classes: int = 6,
        frames: int = 4,
        shots: int = 2,
        device: Device = "cpu",
        seed: int = 0,
    ) -> FewShotClip:
        """Random labels in large squares, random pixels, nothing moves: the right shapes, no meaning."""
        clip, shown = (Clip.fake(batch, size, classes, n, device, seed + n) for n in (frames, shots))
        return cls(clip.labels, clip.images, shown.images, shown.labels, clip.flow, clip.seen)

    def to(self, device: Device) -> FewShotClip:
        """The same batch on `device`."""
        return each(self, lambda part: part.to(device, non_blocking=True))


def _pixels(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Uniform in [-1, 1]."""
    return torch.rand(shape, generator=generator) * 2 - 1


def _squares(
    shape: tuple[int, ...], size: tuple[int, int], classes: int, generator: torch.Generator
) -> Tensor:
    """Labels (*shape, H, W) in squares of 16 pixels."""
    height, width = size
    coarse = torch.randint(classes, (*shape, -(-height // 16), -(-width // 16)), generator=generator)
    return coarse.repeat_interleave(16, -2).repeat_interleave(16, -1)[..., :height, :width].contiguous()
