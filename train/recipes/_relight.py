"""Another light for the pictures that teach: where few are at hand, all are of a few days and one camera."""

from torch import Tensor

from cgan.layers.precision import wide
from train.processes import normal

TINT = 0.3  # of the strength: how far the channels part from one another


def relit(images: Tensor, strength: float) -> Tensor:
    """Images (B, 3, H, W) in [-1, 1], each with a gamma curve of its own and somewhat darker.

    The exponent is e to the power of a normal number with the standard deviation `strength`; the channels'
    parts differ by TINT of that; what is dimmed is dimmed by half of it. Black stays black, and nothing is
    cut off. A style encoder that sees the picture has to tell the light then, as the label map cannot.
    """
    if not strength:
        return images
    drawn = normal(len(images), 5, 1, 1, like=wide(images))
    curve = strength * (drawn[:, :1] + TINT * drawn[:, 1:4])
    dimmed = -0.5 * strength * drawn[:, 4:].abs()
    shares = (wide(images) + 1) / 2
    return (2 * dimmed.exp() * shares.clamp_min(1e-6) ** curve.exp() - 1).to(images.dtype)
