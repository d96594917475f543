"""Things in pictures: which pixels belong to one, and what their features have in common.

Wang, Liu, Zhu, Tao, Kautz, Catanzaro: High-Resolution Image Synthesis and Semantic Manipulation with
Conditional GANs, CVPR 2018 (section 3.4: instance-wise average pooling).
"""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cgan.layers.precision import wide

NUMBERS = 256  # numbers of instances are kept apart modulo this: pooling has a fixed size, nobody waits


def components(labels: NDArray) -> NDArray[np.int32]:
    """Number the connected parts of a label map: ids (H, W) -> int32 (H, W) from 0, class by class.

    Pixels that touch at a corner are connected. They stand in for things where a map has none of its own.
    """
    parts, found = np.zeros(labels.shape, np.int32), 0
    for id in np.unique(labels):
        inside = labels == id
        count, numbers = cv2.connectedComponents(inside.astype(np.uint8), connectivity=8)
        parts[inside] = numbers[inside] - 1 + found
        found += count - 1
    return parts


def pooled(features: Tensor, labels: Tensor, instances: Tensor | None = None) -> Tensor:
    """Give each pixel the mean of the features over its thing: all pixels of its class and instance number.

    Without instances a thing is all that a picture has of a class. Two things of one class whose numbers are
    equal modulo 256 count as one. Sums in fp32.
    Shapes: features (B, c, H, W); labels and instances int64 (B, 1, H, W); out as features, in fp32.
    """
    keys = labels if instances is None else labels * NUMBERS + instances % NUMBERS
    count = 256 * (1 if instances is None else NUMBERS)  # labels are bytes
    sums, sizes = _sums(features, keys, count)
    means = sums / sizes.clamp(min=1)
    return means.gather(2, keys.flatten(2).expand(-1, means.shape[1], -1)).view(features.shape)


def class_means(features: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """What each class has on average in each picture, in fp32, and the share of the picture that it covers.

    Shapes: features (B, c, H, W); labels int64 (B, 1, H, W); out (B, classes, c), zero where a class is not
    there, and (B, classes).
    """
    sums, sizes = _sums(features, labels, classes)
    means = (sums / sizes.clamp(min=1)).transpose(1, 2)
    return means, sizes[:, 0] / labels[0].numel()


def _sums(features: Tensor, keys: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Sums of the features (B, c, count) and numbers of pixels (B, 1, count) by key (B, 1, H, W)."""
    flat, keys = wide(features).flatten(2), keys.flatten(2)
    batch, channels, _ = flat.shape
    sums = flat.new_zeros(batch, channels, count).scatter_add(2, keys.expand(-1, channels, -1), flat)
    sizes = flat.new_zeros(batch, 1, count).scatter_add(2, keys, torch.ones_like(flat[:, :1]))
    return sums, sizes
