"""How good a painter is: LPIPS and Fréchet distances, for the trainer and as `python -m train evaluate`.

Fréchet distance: Heusel et al. 2017, between Gaussians fitted to features. Kernel distance (KID): Bińkowski
et al. 2018. With MobileNetV2's features the first is called FID-MNv2: it is never to be compared with a
published FID. LPIPS runs on SqueezeNet, the backbone of the default perceptual loss: it favours models
trained with that loss.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

import cgan
from cgan.errors import DataError
from cgan.labels import Palette
from cgan.pictures import to_image, to_pictures
from cgan.tasks import Painter
from train import card, teachers
from train.batches import Painted
from train.data import PaintedData, read_painted
from train.log import say

Paint = Callable[[Painted], Tensor]  # a batch -> images (B, 3, H, W) in [-1, 1]
RESAMPLES = 1000  # draws of the bootstrap for LPIPS
FRECHET_RESAMPLES = 100  # and for the Fréchet distance, each of which takes a decomposition
BATCH = 8
NOTE = (
    "LPIPS v0.1 on SqueezeNet 1.1, which it shares with the default perceptual loss. "
    "In brackets: 95 % bootstrap intervals over the held-back pictures."
)


class Metrics:
    """The frozen networks that measure; those whose weights cannot be had are left out, which `say` is told.

    perceptual_weights: SqueezeNet's file for LPIPS, None for torchvision's download.
    metric_weights: MobileNetV2's file for FID-MNv2; None takes SqueezeNet's features under another name.
    """

    def __init__(
        self,
        perceptual_weights: Path | None,
        metric_weights: Path | None,
        device: torch.device | str = "cpu",
        say: Callable[[str], None] = say,
    ):
        self.device = torch.device(device)
        self.lpips = teachers.lpips(perceptual_weights, say)
        self.features: torch.nn.Module | None = None
        if metric_weights is not None:
            self.features = teachers.MobileNetFeatures(teachers.read_safetensors(metric_weights))
        elif self.lpips is not None:
            self.features = teachers.SqueezeNetFeatures(self.lpips.features)
        for network in (self.lpips, self.features):
            if network is not None:
                network.to(self.device)

    @property
    def available(self) -> bool:
        """Whether anything can be measured."""
        return self.lpips is not None or self.features is not None

    @property
    def frechet_name(self) -> str:
        """What the Fréchet distance is called here, after its features."""
        return "" if self.features is None else self.features.name

    @torch.no_grad()
    def measure(self, paint: Paint, data: PaintedData) -> Measured:
        """Paint all maps of `data` and compare with its photographs, batch by batch."""
        distances, features = [], []
        for batch in batches(data):
            images = paint(batch).to(self.device)
            if self.lpips is not None:
                distances.append(self.lpips(images, batch.images.to(self.device)).cpu())
            if self.features is not None:
                features.append(self.features(images).cpu())
        return Measured(*(torch.cat(parts) if parts else None for parts in (distances, features)))


@dataclass(frozen=True)
class Measured:
    """What the networks say of N pictures: LPIPS distances (N,) to their photographs and features (N, F)."""

    distances: Tensor | None
    features: Tensor | None


def batches(data: PaintedData):
    """All samples of `data`, in order and whole, as `Painted` batches."""
    for start in range(0, len(data), BATCH):
        yield data.batch(range(start, min(start + BATCH, len(data))), 0, data.size, augment=False)


def painter_scores(
    paint: Paint, data: PaintedData, metrics: Metrics, real: Tensor | None = None
) -> dict[str, float]:
    """The mean LPIPS and the Fréchet distance of what `paint` makes of the maps of `data`; lower is better.

    `real`: the features of the photographs, where the caller has kept them (see `real_features`).
    Keys: "lpips", "frechet"; those that cannot be measured are left out.
    """
    measured = metrics.measure(paint, data)
    scores = {}
    if measured.distances is not None:
        scores["lpips"] = measured.distances.mean().item()
    if measured.features is not None and len(data) > 1:
        real = real_features(data, metrics) if real is None else real
        scores["frechet"] = frechet(measured.features, real)
    return scores


@torch.no_grad()
def real_features(data: PaintedData, metrics: Metrics) -> Tensor | None:
    """The features of the photographs of `data` (N, F), or None where there is no network for them."""
    if metrics.features is None:
        return None
    return torch.cat([metrics.features(batch.images.to(metrics.device)).cpu() for batch in batches(data)])


def photographs(batch: Painted) -> Tensor:
    """The painter that cannot be beaten: the photographs themselves."""
    return batch.images


def frechet(a: Tensor, b: Tensor) -> float:
    """The Fréchet distance of two sets of features (N, F) and (M, F), N and M at least 2, in float64.

    |mean_a - mean_b|² + tr(Σa) + tr(Σb) - 2 tr((Σa Σb)^½). The eigenvalues of Σa Σb are the squared singular
    values of A Bᵀ, the centred features: N × M numbers where that is smaller than F × F.
    """
    a, b = a.double(), b.double()
    means = a.mean(0), b.mean(0)
    a, b = ((x - mean) / (len(x) - 1) ** 0.5 for x, mean in zip((a, b), means, strict=True))
    if min(len(a), len(b)) < a.shape[1]:
        cross = torch.linalg.svdvals(a @ b.T).sum()
    else:
        root = _symmetric_root(a.T @ a)
        cross = torch.linalg.eigvalsh(root @ (b.T @ b) @ root).clamp(min=0).sqrt().sum()
    distance = (means[0] - means[1]).square().sum() + a.square().sum() + b.square().sum() - 2 * cross
    return max(distance.item(), 0.0)


def _symmetric_root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def kernel_distance(a: Tensor, b: Tensor) -> float:
    """KID of two sets of features (N, F) and (M, F), N and M at least 2, in float64.

    The unbiased squared maximum mean discrepancy for the kernel (xᵀy / F + 1)³; for sets alike about 0.
    """
    a, b = a.double(), b.double()

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return (x @ y.T / x.shape[1] + 1) ** 3

    def within(x: Tensor) -> Tensor:
        values = kernel(x, x)
        return (values.sum() - values.diagonal().sum()) / (len(x) * (len(x) - 1))

    return (within(a) + within(b) - 2 * kernel(a, b).mean()).item()


def interval(
    statistic: Callable[[np.ndarray], float], count: int, value: float, resamples: int = RESAMPLES
) -> list[float]:
    """A 95 % bootstrap interval around `value` for `statistic`, a function of indices into `count` samples.

    The Fréchet distance of resampled pictures is larger on average, as they repeat: so the spread is taken
    around the resamples' own mean.
    """
    random = np.random.default_rng(0)
    draws = np.array([statistic(random.integers(0, count, count)) for _ in range(resamples)])
    low, high = np.percentile(draws - draws.mean(), [2.5, 97.5])
    return [max(value + float(low), 0.0), value + float(high)]


# The baselines


def mean_colours(data: PaintedData) -> Tensor:
    """The mean colour of each class over all pictures of `data`: (classes, 3) in [-1, 1].

    A class that never appears gets the mean of all pixels.
    """
    classes = len(data.palette)
    sums, counts = torch.zeros(classes, 3, dtype=torch.float64), torch.zeros(classes, dtype=torch.float64)
    for image, labels in zip(data.images.cpu(), data.labels.cpu(), strict=True):
        flat = labels.flatten().long()
        sums.index_add_(0, flat, image.flatten(1).T.double())
        counts += torch.bincount(flat, minlength=classes)
    grand = sums.sum(0) / counts.sum()
    colours = torch.where(counts[:, None] > 0, sums / counts.clamp(min=1)[:, None], grand)
    return (colours / 127.5 - 1).float()


def paint_flat(colours: Tensor) -> Paint:
    """The painter that gives each class its colour (classes, 3)."""
    return lambda batch: colours.to(batch.labels.device)[batch.labels[:, 0]].permute(0, 3, 1, 2)


def nearest_photographs(data: PaintedData, training: PaintedData) -> list[int]:
    """For each map of `data`, the training sample whose map agrees with it on most pixels."""
    small = [F.interpolate(part.labels.cpu().float(), (32, 32)).flatten(1) for part in (data, training)]
    return [int((small[1] == labels).sum(1).argmax()) for labels in small[0]]


# The command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `python -m train evaluate`."""
    parser.add_argument("checkpoint", help="folder, name or Hub id of a checkpoint")
    parser.add_argument(
        "--data", type=Path, required=True, metavar="FOLDER", help="held-back pictures: images/ and labels/"
    )
    parser.add_argument(
        "--against",
        type=Path,
        metavar="FOLDER",
        help="the training pictures, for the baselines (without: mean colours of --data, real against none)",
    )
    parser.add_argument(
        "--metric-weights", type=Path, metavar="FILE", help="MobileNetV2's features, for FID-MNv2"
    )
    parser.add_argument(
        "--perceptual-weights", type=Path, metavar="FILE", help="SqueezeNet's features, for LPIPS"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    parser.add_argument("--seed", type=int, default=0, help="draws the styles (default: 0)")
    parser.add_argument("--card", action="store_true", help="put the table into the checkpoint's README.md")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the scores here too")


def run(arguments: argparse.Namespace) -> int:
    """Evaluate a checkpoint: print a table and the same as JSON. Returns the exit code."""
    painter = cgan.load(arguments.checkpoint, device=arguments.device)
    if not isinstance(painter, Painter):
        raise DataError(
            f"{arguments.checkpoint} does not paint label maps; only painters can be evaluated so far"
        )
    metrics = Metrics(arguments.perceptual_weights, arguments.metric_weights, painter.runtime.device)
    if not metrics.available:
        raise DataError("nothing can be measured: give --perceptual-weights FILE or --metric-weights FILE")
    data = _read(arguments.data, painter)
    training = None if arguments.against is None else _read(arguments.against, painter)
    rows = evaluate_painter(painter, data, training, metrics, arguments.seed)
    result = {
        "checkpoint": painter.checkpoint.name,
        "pictures": len(data),
        "size": list(data.size),
        "frechet": metrics.frechet_name,
        "rows": rows,
    }
    print(table(result))
    if arguments.card:
        card.put_scores(painter.checkpoint.folder, table(result))
    print(json.dumps(result, ensure_ascii=False))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def evaluate_painter(
    painter: Painter, data: PaintedData, training: PaintedData | None, metrics: Metrics, seed: int = 0
) -> dict[str, dict]:
    """The scores of a painter on held-back `data`, beside its baselines.

    Rows: drawn styles, the photographs' own styles, each class in its mean colour, and, with `training`, real
    against real: for LPIPS the nearest training photograph by label agreement, for the Fréchet distance as
    many training photographs as there are held-back ones, drawn by `seed`.
    """
    real = metrics.measure(photographs, data)
    rows = {}
    for name, paint in {
        "drawn styles": _paint_drawn(painter, seed),
        "the photographs' styles": _paint_styled(painter, seed),
        "each class in its mean colour": paint_flat(mean_colours(training or data)),
    }.items():
        say(f"measuring: {name}")
        rows[name] = _row(metrics.measure(paint, data), real)
    if training is not None:
        say("measuring: real against real")
        rows["real against real"] = _row(_real_against_real(data, training, metrics, seed), real)
    return rows


def _paint_drawn(painter: Painter, seed: int) -> Paint:
    """Pictures in styles drawn by seed, seed + 1, … in the order of the maps."""
    position = iter(range(seed, 2**31))
    return _paint_each(lambda labels, picture: painter.paint(labels, seed=next(position))[0])


def _paint_styled(painter: Painter, seed: int) -> Paint:
    return _paint_each(lambda labels, picture: painter.paint(labels, style=picture, seed=seed)[0])


def _paint_each(paint: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Paint:
    """Paint one map after another, as a user would: labels (H, W) and photograph (H, W, 3) -> picture."""

    def paint_batch(batch: Painted) -> Tensor:
        labels = batch.labels[:, 0].cpu().numpy().astype(np.uint8)
        pictures = map(paint, labels, to_pictures(batch.images))
        return torch.cat([to_image(picture) for picture in pictures])

    return paint_batch


def _real_against_real(data: PaintedData, training: PaintedData, metrics: Metrics, seed: int) -> Measured:
    nearest = training.subset(nearest_photographs(data, training))
    queue = (image for batch in batches(nearest) for image in batch.images)
    distances = metrics.measure(
        lambda batch: torch.stack([next(queue) for _ in batch.labels]), data
    ).distances
    random = np.random.default_rng(seed)
    drawn = random.choice(len(training), min(len(data), len(training)), replace=False).tolist()
    return Measured(distances, metrics.measure(photographs, training.subset(drawn)).features)


def _row(measured: Measured, real: Measured) -> dict[str, float | list[float]]:
    row: dict[str, float | list[float]] = {}
    if measured.distances is not None:
        values = measured.distances.double().numpy()
        row["lpips"] = float(values.mean())
        row["lpips_interval"] = interval(lambda drawn: values[drawn].mean(), len(values), row["lpips"])
    if measured.features is not None and len(measured.features) > 1:
        a, b = measured.features, real.features
        row["frechet"] = frechet(a, b)
        row["frechet_interval"] = interval(
            lambda drawn: frechet(a[drawn], b), len(a), row["frechet"], FRECHET_RESAMPLES
        )
        row["kid"] = kernel_distance(a, b)
    return row


def _read(folder: Path, painter: Painter) -> PaintedData:
    """The data at the painter's size; DataError when its classes are not the painter's."""
    data = read_painted(folder, painter.size, say)
    if not _same_classes(data.palette, painter.palette):
        raise DataError(
            f"{folder} and the checkpoint have other classes: {', '.join(data.palette.names)} and "
            f"{', '.join(painter.palette.names)}"
        )
    return data


def _same_classes(data: Palette, painter: Palette) -> bool:
    """Equal names; or no names at all ("class 0", …), and no more than the painter knows."""
    numbered = all(label.name == f"class {label.id}" for label in data.labels)
    return data.names == painter.names or (numbered and len(data) <= len(painter))


def table(result: dict) -> str:
    """The Markdown table of an evaluation."""
    size = "×".join(map(str, reversed(result["size"])))
    lines = [
        f"{result['checkpoint']}, {result['pictures']} held-back maps at {size}",
        "",
        f"| | LPIPS | {result['frechet'] or 'Fréchet distance'} | KID × 1000 |",
        "|---|---|---|---|",
    ]
    for name, row in result["rows"].items():
        kid = f"{1000 * row['kid']:.1f}" if "kid" in row else "–"
        lines.append(f"| {name} | {_cell(row, 'lpips', 3)} | {_cell(row, 'frechet', 1)} | {kid} |")
    return "\n".join([*lines, "", NOTE])


def _cell(row: dict, key: str, digits: int) -> str:
    if key not in row:
        return "–"
    low, high = row[f"{key}_interval"]
    return f"{row[key]:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"
