"""The losses that several models share. All reduce in fp32, whatever the precision of the networks."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from cgan.layers.precision import wide

SURE = 1e-5  # a chance is no nearer to 0 or 1, so that its logarithm is finite
Judgement = list[list[Tensor]]  # for each scale of a discriminator: its features, and last its scores


def _over_scales(judged: Judgement, measure: Callable[[Tensor], Tensor]) -> Tensor:
    return torch.stack([measure(wide(scale[-1])) for scale in judged]).mean()


def added(terms: Sequence[Tensor]) -> Tensor:
    """The sum of terms of one shape, one after the other; there is at least one."""
    return sum(terms[1:], terms[0])


def halves(judged: Judgement) -> tuple[Judgement, Judgement]:
    """The judgements of the two halves of a batch."""
    pairs = [[feature.chunk(2) for feature in scale] for scale in judged]
    return [[pair[0] for pair in scale] for scale in pairs], [[pair[1] for pair in scale] for scale in pairs]


def hinge_real(judged: Judgement) -> Tensor:
    """mean(max(0, 1 - x)) over the scores of real pictures (Lim and Ye, Geometric GAN, 2017)."""
    return _over_scales(judged, lambda x: F.relu(1 - x).mean())


def hinge_fake(judged: Judgement) -> Tensor:
    """mean(max(0, 1 + x)) over the scores of fake pictures, for the discriminator."""
    return _over_scales(judged, lambda x: F.relu(1 + x).mean())


def hinge_fool(judged: Judgement) -> Tensor:
    """-mean(x) over the scores of fake pictures, for the generator."""
    return _over_scales(judged, lambda x: -x.mean())


def least_squares_real(judged: Judgement) -> Tensor:
    """mean((x - 1)²) / 2 over the scores of real pictures (Mao et al., Least Squares GANs, 2017)."""
    return _over_scales(judged, lambda x: 0.5 * (x - 1).square().mean())


def least_squares_fake(judged: Judgement) -> Tensor:
    """mean(x²) / 2 over the scores of fake pictures, for the discriminator."""
    return _over_scales(judged, lambda x: 0.5 * x.square().mean())


class Adversary(NamedTuple):
    """The three losses of an adversarial game: over real and fake scores, and the generator's."""

    real: Callable[[Judgement], Tensor]
    fake: Callable[[Judgement], Tensor]
    fool: Callable[[Judgement], Tensor]


ADVERSARIES = {
    "hinge": Adversary(hinge_real, hinge_fake, hinge_fool),
    "least_squares": Adversary(least_squares_real, least_squares_fake, least_squares_real),
}


def relative_l1(x: Tensor, target: Tensor) -> Tensor:
    """The mean distance of codes, as a share of the target's mean size; no gradient reaches `target`.

    Plain L1 between codes of free scale falls when both shrink, and nothing is learned by that. A target
    that is all but zero, as a constant picture's may be, counts as one of size 0.1.
    """
    x, target = wide(x), wide(target.detach())
    return F.l1_loss(x, target) / target.abs().mean().clamp(min=0.1)


def feature_matching(fake: Judgement, real: Judgement) -> Tensor:
    """L1 between a discriminator's features of fakes and real pictures (pix2pixHD, 2018, equation 4).

    Summed over the layers, averaged over the scales; no gradient reaches `real`.
    """
    scales = [
        added([F.l1_loss(wide(a), wide(b.detach())) for a, b in zip(ours[:-1], theirs[:-1], strict=True)])
        for ours, theirs in zip(fake, real, strict=True)
    ]
    return added(scales) / len(scales)


def cross_entropy(x: Tensor, target: Tensor) -> Tensor:
    """How far tanh's images are from others, all in [-1, 1], by cross-entropy, less the target's own: >= 0.

    Each value is taken as the chance (1 + x) / 2 of white. Where tanh has saturated on the wrong side, L1 has
    no gradient left: black letters on white paper stay white. This one has: before tanh, it is half of target
    less output.
    Shapes: x, target (B, 3, H, W); out (B, 3, H, W), in fp32.
    """
    chance, wanted = ((1 + wide(it)) / 2 for it in (x, target))
    chance, wanted = (it.clamp(SURE, 1 - SURE) for it in (chance, wanted))
    white = wanted * (wanted.log() - chance.log())
    return white + (1 - wanted) * ((1 - wanted).log() - (1 - chance).log())


def kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of N(mean, exp(log_variance)) from N(0, 1), averaged over the batch.

    Shapes: mean, log_variance (B, style).
    """
    mean, log_variance = wide(mean), wide(log_variance)
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1).mean()
