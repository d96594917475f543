"""Measures: how far generated pictures are from real ones, how varied they are, and how sure that is.

Fréchet distance: Heusel et al. 2017, between Gaussians fitted to features. Kernel distance (KID): Bińkowski
et al. 2018. Precision, recall, density, coverage (PRDC): Naeem et al. 2020. Their names tell the features:
"FID" is said of the Inception network of the published numbers only, "FID-MNv2" of MobileNetV2's.

Why not a library? The trainer needs these measures at every evaluation, offline and on features of its own
choice, and a bootstrap interval needs a hundred Fréchet distances. torchmetrics 1.9 and torch-fidelity 0.4
take about a second for each (the eigenvalues of an F × F product that is not symmetric), `frechet` 3 ms for
62 pictures and 1,280 features, where theirs is less exact, too: such a product has no full rank. Their KID
wants sets of one size; neither has density and coverage, and the package `prdc` has stood still since 2020.
What remains is forty lines, which tests/test_metrics.py holds against all three packages. The network that
makes a "FID" is taken from a library: see `teachers.inception`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from train.teachers import networks as teachers

RESAMPLES = 1000  # draws of the bootstrap for means
FRECHET_RESAMPLES = 100  # and for the Fréchet distance, each of which takes a decomposition
TINY = 1e-9  # spreads below are none
PAIRS = 8  # of which a correlation is told
NEIGHBOURS = 5  # k of PRDC, as the paper's section 5 chooses it; the authors' example code has 10
BATCH = 8

Row = dict[str, float | list[float]]  # the scores of one thing: "lpips", "lpips_interval", …


class Metrics:
    """The frozen networks that measure.

    perceptual_weights: SqueezeNet's file for LPIPS; metric_weights: MobileNetV2's for FID-MNv2; None takes
    the bundled ones.
    features: a network of features to use instead (`teachers.inception`); segmenter: labels pictures.
    """

    def __init__(
        self,
        perceptual_weights: Path | None,
        metric_weights: Path | None,
        device: torch.device | str = "cpu",
        features: torch.nn.Module | None = None,
        segmenter: teachers.Segmenter | None = None,
    ):
        self.device = torch.device(device)
        self.lpips = teachers.lpips(perceptual_weights)
        self.features = teachers.mobilenet(metric_weights) if features is None else features
        self.segmenter = segmenter
        for network in (self.lpips, self.features, self.segmenter):
            if network is not None:
                network.to(self.device)

    @property
    def available(self) -> bool:
        """Whether anything can be measured."""
        return self.lpips is not None or self.features is not None

    @property
    def frechet_name(self) -> str:
        """What the Fréchet distance is called here, after its features."""
        return "" if self.features is None else str(self.features.name)

    @torch.no_grad()
    def embed(self, images: Tensor) -> Tensor | None:
        """The features of images (N, 3, H, W) in [-1, 1], on the CPU: (N, F); None without a network."""
        if self.features is None or not len(images):
            return None
        return torch.cat([self.features(part.to(self.device)).cpu() for part in images.split(BATCH)])

    @torch.no_grad()
    def distances(self, a: Tensor, b: Tensor) -> Tensor | None:
        """LPIPS between pairs of images (N, 3, H, W) in [-1, 1], on the CPU: (N,); None without weights."""
        if self.lpips is None or not len(a):
            return None
        pairs = zip(a.split(BATCH), b.split(BATCH), strict=True)
        return torch.cat([self.lpips(x.to(self.device), y.to(self.device)).cpu() for x, y in pairs])

    @torch.no_grad()
    def all_distances(self, images: Tensor) -> Tensor | None:
        """LPIPS between all images (n, 3, H, W) in [-1, 1]: float32 (n, n); None without weights.

        Each image passes through the network once.
        """
        if self.lpips is None:
            return None
        vectors = torch.cat([self.lpips.embed(part.to(self.device)).cpu() for part in images.split(BATCH)])
        return torch.cdist(vectors, vectors, compute_mode="donot_use_mm_for_euclid_dist").square()

    def diversity(self, images: Tensor) -> float | None:
        """The mean LPIPS over all pairs of images (n, 3, H, W), n at least 2; None without weights."""
        distances = self.all_distances(images)
        return None if distances is None else mean_of_pairs(distances)


def mean_of_pairs(distances: Tensor) -> float:
    """The mean of distances (n, n) over all pairs of different things, n at least 2."""
    count = len(distances)
    return (distances.double().sum() / (count * (count - 1))).item()


# Sets of features


def set_scores(fake: Tensor | None, real: Tensor | None) -> Row:
    """What features of fakes (N, F) and of real pictures (M, F) tell: Fréchet with interval, KID, PRDC.

    What cannot be said of so few is left out: all of it below two, PRDC below `NEIGHBOURS` + 1 of either.
    """
    if fake is None or real is None or min(len(fake), len(real)) < 2:
        return {}
    value = frechet(fake, real)
    around = interval(frechet_of_rows(fake, real), len(fake), value, FRECHET_RESAMPLES)
    row: Row = {"frechet": value, "frechet_interval": around, "kid": kernel_distance(fake, real)}
    return row | (prdc(fake, real) if min(len(fake), len(real)) > NEIGHBOURS else {})


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
    return max(float(distance), 0.0)


def frechet_of_rows(a: Tensor, b: Tensor) -> Callable[[NDArray[np.int64]], float]:
    """`frechet(a[rows], b)` as a function of the rows drawn, for many draws: to about six digits.

    With R Rᵀ = Σb, the eigenvalues of Σa Σb are those of the draw's scatter of a R, for which one product is
    made beforehand; equal rows count once, with their number as weight.
    """
    a, b = a.double(), b.double()
    mean_b = b.mean(0)
    b = (b - mean_b) / (len(b) - 1) ** 0.5
    root = b.T if len(b) < b.shape[1] else _symmetric_root(b.T @ b)
    inside, lengths, spread_b = a @ root, a.square().sum(1), b.square().sum()

    def of(rows: NDArray[np.int64]) -> float:
        counts = torch.from_numpy(np.bincount(rows, minlength=len(a)))
        drawn, total = counts > 0, len(rows)
        weights = counts[drawn].double()
        mean_a, middle = weights @ a[drawn] / total, weights @ inside[drawn] / total
        scatter = (inside[drawn] - middle) * (weights / (total - 1)).sqrt()[:, None]
        square = scatter @ scatter.T if len(scatter) < scatter.shape[1] else scatter.T @ scatter
        cross = torch.linalg.eigvalsh(square).clamp(min=0).sqrt().sum()
        spread_a = (weights @ lengths[drawn] - total * mean_a.square().sum()) / (total - 1)
        distance = (mean_a - mean_b).square().sum() + spread_a + spread_b - 2 * cross
        return max(float(distance), 0.0)

    return of


def _symmetric_root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    return root


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

    return float(within(a) + within(b) - 2 * kernel(a, b).mean())


def prdc(fake: Tensor, real: Tensor, k: int = NEIGHBOURS) -> dict[str, float]:
    """Precision, recall, density and coverage of features (N, F) and (M, F), each set more than `k`.

    A ball around each sample reaches to its k-th neighbour in its own set. Precision: the share of fakes in
    some real ball; recall: of real samples in some fake ball; density: how many real balls hold a fake, in
    units of k (may exceed 1); coverage: the share of real balls with a fake in them. For two sets of one
    distribution density is about 1 and coverage about 1 - 2^-k (sections 3 and 4 of the paper).
    """
    fake, real = fake.double(), real.double()
    real_radii, fake_radii = _radii(real, k), _radii(fake, k)
    between = torch.cdist(real, fake)
    in_real, in_fake = between < real_radii[:, None], between < fake_radii
    return {
        "precision": in_real.any(0).double().mean().item(),
        "recall": in_fake.any(1).double().mean().item(),
        "density": in_real.sum(0).double().mean().item() / k,
        "coverage": in_real.any(1).double().mean().item(),
    }


def _radii(x: Tensor, k: int) -> Tensor:
    """The distance of each row from its k-th neighbour."""
    return torch.cdist(x, x).fill_diagonal_(torch.inf).kthvalue(k, dim=1).values


# How sure


def interval(
    statistic: Callable[[NDArray[np.int64]], float],
    count: int,
    value: float,
    resamples: int = RESAMPLES,
    least: float = 0.0,
) -> list[float]:
    """A 95 % bootstrap interval around `value` for `statistic`, a function of indices into `count` samples.

    The Fréchet distance of resampled pictures is larger on average, as they repeat: so the spread is taken
    around the resamples' own mean. least: the smallest value that there is.
    """
    random = np.random.default_rng(0)
    draws = np.array([statistic(random.integers(0, count, count)) for _ in range(resamples)])
    low, high = np.percentile(draws - draws.mean(), [2.5, 97.5])
    return [max(value + float(low), least), value + float(high)]


def mean_scores(name: str, values: Tensor | None) -> Row:
    """The mean of `values` (N,) and its interval, under `name`; nothing for None."""
    if values is None or not len(values):
        return {}
    array = values.double().numpy()
    mean = float(array.mean())
    around = interval(lambda drawn: float(array[drawn].mean()), len(array), mean)
    return {name: mean, f"{name}_interval": around}


def correlation(name: str, a: NDArray[np.float64], b: NDArray[np.float64]) -> Row:
    """Pearson's correlation of (N,) and (N,) and its interval, under `name`; nothing for fewer than `PAIRS`.

    Nothing, too, where either does not vary.
    """
    if len(a) < PAIRS or min(a.std(), b.std()) < TINY:
        return {}

    def of(rows: NDArray[np.int64]) -> float:
        return float(np.corrcoef(a[rows], b[rows])[0, 1])

    value = of(np.arange(len(a)))
    low, high = interval(of, len(a), value, least=-1.0)
    return {name: value, f"{name}_interval": [low, min(high, 1.0)]}


def correlation_within(name: str, a: NDArray[np.float64], b: NDArray[np.float64]) -> Row:
    """As `correlation`, of what differs from each column's mean: (N, columns) twice; NaN is unknown.

    Pairs of known numbers count; the interval is over rows.
    """
    known = ~(np.isnan(a) | np.isnan(b))

    def of(rows: NDArray[np.int64]) -> float:
        there = known[rows]
        parts = [np.where(there, each[rows], np.nan) for each in (a, b)]
        count = np.maximum(there.sum(0), 1)
        apart = [(part - np.nansum(part, 0) / count)[there] for part in parts]
        spread = float(np.sqrt((apart[0] ** 2).sum() * (apart[1] ** 2).sum()))
        return float((apart[0] * apart[1]).sum()) / spread if spread > TINY else 0.0

    if known.any(1).sum() < PAIRS:
        return {}
    value = of(np.arange(len(a)))
    low, high = interval(of, len(a), value, least=-1.0)
    return {name: value, f"{name}_interval": [low, min(high, 1.0)]}


# Maps of classes


def confusion(found: Tensor, labels: Tensor, classes: int) -> Tensor:
    """How often class i was called j: int64 (B, H, W) twice -> int64 (B, classes, classes)."""
    pairs = (labels * classes + found).flatten(1)
    counts = [torch.bincount(row, minlength=classes**2) for row in pairs]
    return torch.stack(counts).view(-1, classes, classes)


def map_scores(counts: Tensor | None, judged: list[int]) -> Row:
    """Pixel accuracy and mIoU of the classes `judged`, from `confusion` (N, classes, classes), in [0, 1].

    Pixels whose true class is not judged are left out; the mean is over the judged classes that occur.
    """
    if counts is None:
        return {}
    counts = counts.double()

    def of(total: Tensor) -> tuple[float, float]:
        total = total[judged]
        hits, there = total[range(len(judged)), judged], total.sum(1)
        union = there + total.sum(0)[judged] - hits
        return (hits.sum() / there.sum()).item(), (hits / union.clamp(min=1))[there > 0].mean().item()

    row: Row = {}
    for index, name in enumerate(("accuracy", "miou")):
        row[name] = value = of(counts.sum(0))[index]
        row[f"{name}_interval"] = interval(
            lambda drawn, index=index: of(counts[drawn].sum(0))[index],  # type: ignore[misc]
            len(counts),
            value,
            FRECHET_RESAMPLES,
        )
    return row
