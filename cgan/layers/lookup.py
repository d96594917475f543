"""Convolutions of label maps looked up instead of computed: exact but for rounding, for inference on a CPU.

The first layer of a network that reads label maps is a 3x3 convolution of a one-hot map, which is almost all
zeros. Where all that it sees is one class, its result is one row of a table; elsewhere it is a sum of a row
for each pixel that it sees. No one-hot map is made.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn


class LabelConvolution:
    """What a 3x3 convolution, which pads with zeros, makes of the one-hot map of label maps; without bias.

    Args: `weight` (outputs, classes * cell * cell, 3, 3). With a `cell` of 2 the one-hot map is in cells of
    2x2 pixels, as `F.pixel_unshuffle` makes them.
    """

    def __init__(self, weight: Tensor, cell: int = 1):
        self.cell, self.side, outputs = cell, 3 * cell, len(weight)
        self.classes = weight.shape[1] // cell**2
        taps = weight.reshape(outputs, self.classes, cell, cell, 3, 3).permute(4, 2, 5, 3, 1, 0)
        taps = taps.reshape(self.side**2, self.classes, outputs)
        self._plain = taps.sum(0)
        self._taps = F.pad(taps, (0, 0, 0, 1)).flatten(0, 1)  # one class more: what lies outside adds nothing

    def __call__(self, labels: Tensor) -> Tensor:
        """int64 (B, 1, H, W) -> (B, outputs, H / cell, W / cell), with channels last."""
        return torch.cat([self._one(each) for each in labels[:, 0].numpy().astype(np.uint16)])

    def _one(self, ids: NDArray[np.uint16]) -> Tensor:
        height, width = (side // self.cell for side in ids.shape)
        padded = np.pad(ids, self.cell, constant_values=self.classes)
        lowest, mixed = self._seen(padded, height, width)
        rows = self._plain.index_select(0, torch.from_numpy(lowest))
        places = np.flatnonzero(mixed)
        if len(places):
            rows[torch.from_numpy(places)] = F.embedding_bag(
                self._bags(padded, places, width), self._taps, mode="sum"
            )
        return rows.view(1, height, width, -1).permute(0, 3, 1, 2)

    def _seen(
        self, padded: NDArray[np.uint16], height: int, width: int
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The lowest class that is seen from each place, and whether there are others: two of (places,)."""
        square, grid = np.ones((self.side, self.side), np.uint8), np.s_[: height * self.cell : self.cell]
        columns = np.s_[: width * self.cell : self.cell]
        low, high = (
            change(padded, square, anchor=(0, 0))[grid, columns].ravel() for change in (cv2.erode, cv2.dilate)
        )
        return low.clip(max=self.classes - 1).astype(np.int64), low != high

    def _bags(self, padded: NDArray[np.uint16], places: NDArray[np.int64], width: int) -> Tensor:
        """For each place the rows of the taps that it sees: (n, side * side)."""
        across = padded.shape[1]
        corners = places // width * self.cell * across + places % width * self.cell
        within = (np.arange(self.side)[:, None] * across + np.arange(self.side)).ravel()
        seen = padded.ravel()[corners[:, None] + within].astype(np.int64)
        return torch.from_numpy(seen + np.arange(self.side**2) * (self.classes + 1))


class Lookup:
    """Computes as a network's first layer does that reads label maps and images beside them.

    It has copies of the weights: they must not change any more.
    Args: `layer` a 3x3 convolution; `maps` how many label maps come before the images; `cell` as above.
    """

    def __init__(self, layer: nn.Conv2d, classes: int, maps: int, cell: int = 1):
        each = classes * cell**2
        parts = layer.weight.split([*[each] * maps, layer.weight.shape[1] - maps * each], 1)
        self.cell, self.bias, self.of_images = cell, layer.get_parameter("bias"), parts[-1]
        self.tables = [LabelConvolution(part, cell) for part in parts[:-1]]

    def __call__(self, maps: Sequence[Tensor], images: Sequence[Tensor] = ()) -> Tensor:
        """int64 (B, 1, H, W) and (B, 3, H, W) each -> (B, outputs, H / cell, W / cell)."""
        out = sum(table(each) for table, each in zip(self.tables, maps, strict=True))
        if not images:
            return out + self.bias[:, None, None]
        seen = F.pixel_unshuffle(torch.cat([*images], 1), self.cell)
        return out + F.conv2d(seen, self.of_images, self.bias, padding=1)
