"""Attention over reference pictures: each place of the new frame looks up where they show the same.

Wang et al.: Few-shot Video-to-Video Synthesis, NeurIPS 2019 (section 3.2: attention over K examples), at a
finer scale than there, and it also tells the place that was looked at: a flow.
"""

from math import log
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan.layers.precision import wide

SHARPNESS = 10.0  # of the softmax at the start: a cosine of 1 weighs exp(10) times one of 0


class Found(NamedTuple):
    """What attention found for each place of the new frame.

    values (B, v, h, w), mixed; mass (B, K, h, w): each reference's share; places (B, K, 2, h, w): the mean
    column and row within each reference, as shares of its width and height.
    """

    values: Tensor
    mass: Tensor
    places: Tensor


class ReferenceAttention(nn.Module):
    """Cosine attention from the features of a label map to those of K references, in any order.

    Shapes: queries (B, queries, h, w); keys (B, K, keys, h, w); values (B, K, v, h, w). All in fp32.
    """

    def __init__(self, queries: int, keys: int, length: int):
        super().__init__()
        self.to_query, self.to_key = nn.Conv2d(queries + 2, length, 1), nn.Conv2d(keys + 2, length, 1)
        self.sharpness = nn.Parameter(torch.full((1,), log(SHARPNESS)))

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor) -> Found:
        batch, count, channels = values.shape[:3]
        query = wide(self.to_query(with_places(queries)))
        key = wide(self.to_key(with_places(keys.flatten(0, 1))))
        key = key.view(batch, count, *key.shape[1:])
        with torch.autocast(query.device.type, enabled=False):
            query = F.normalize(query, dim=1) * wide(self.sharpness).exp()
            mixed = F.scaled_dot_product_attention(
                tokens(query[:, None]),
                tokens(F.normalize(key, dim=2)),
                tokens(torch.cat([wide(values), tracers(wide(values))], 2)),
                scale=1.0,
            )
        mixed = mixed.transpose(1, 2).reshape(batch, -1, *queries.shape[2:])
        traced = mixed[:, channels:].reshape(batch, 3, count, *queries.shape[2:])
        mass = traced[:, 0]
        places = traced[:, 1:].transpose(1, 2) / (mass[:, :, None] + 1e-6)
        return Found(mixed[:, :channels], mass, places)


def tokens(x: Tensor) -> Tensor:
    """The pixels of K maps as a row of vectors: (B, K, c, h, w) -> (B, K h w, c)."""
    return x.permute(0, 1, 3, 4, 2).flatten(1, 3)


def places_of(x: Tensor) -> Tensor:
    """The column and row of each pixel's middle as shares of width and height: (2, h, w)."""
    height, width = x.shape[-2:]
    row = (torch.arange(height, device=x.device, dtype=torch.float32) + 0.5) / height
    column = (torch.arange(width, device=x.device, dtype=torch.float32) + 0.5) / width
    return torch.stack([column.expand(height, width), row[:, None].expand(height, width)])


def with_places(x: Tensor) -> Tensor:
    """(B, c, h, w) and where each pixel is, from -1 to 1: (B, c + 2, h, w)."""
    places = (2 * places_of(x) - 1).to(x.dtype)
    return torch.cat([x, places.expand(len(x), -1, -1, -1)], 1)


def tracers(values: Tensor) -> Tensor:
    """Channels whose mean tells where it was taken: (B, K, v, h, w) -> (B, K, 3 K, h, w).

    For each of the K pictures: one there and zero elsewhere, and this times column and row.
    """
    batch, count = values.shape[:2]
    places = places_of(values)
    marks = torch.cat([torch.ones_like(places[:1]), places])
    of_each = torch.eye(count, device=values.device)[:, None, :, None, None] * marks[:, None]
    return of_each.flatten(1, 2).expand(batch, -1, -1, -1, -1).to(values.dtype)
