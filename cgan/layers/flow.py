"""Optical flow: what moves a picture to where its things are in another, and the network that finds it.

Wang, Liu, Zhu, Liu, Tao, Kautz, Catanzaro: Video-to-Video Synthesis, NeurIPS 2018 (equation 4: warped picture
and occlusion mask). Flow is in pixels, to the right and down, and leads from each pixel of the new frame to
the place in the old one that shows the same.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan.layers.precision import wide
from cgan.layers.pyramid import Pyramid

CELL = 2  # pixels across: the network sees frames in cells of CELL x CELL, at half their size


def warp(image: Tensor, flow: Tensor) -> Tensor:
    """Fetch `image` along `flow`: bilinear, and beyond the border what lies there.

    Shapes: image (B, channels, H, W); flow (B, 2, H, W); out as image, fp32.
    """
    height, width = flow.shape[2:]
    flow = wide(flow)
    column = torch.arange(width, device=flow.device, dtype=flow.dtype) + 0.5
    row = torch.arange(height, device=flow.device, dtype=flow.dtype) + 0.5
    places = torch.stack([(column + flow[:, 0]) / width, (row[:, None] + flow[:, 1]) / height], -1)
    with torch.autocast(flow.device.type, enabled=False):
        return F.grid_sample(
            wide(image), places * 2 - 1, mode="bilinear", padding_mode="border", align_corners=False
        )


def enlarged(x: Tensor, scale: int) -> Tensor:
    """Bilinear enlargement: (B, c, h, w) -> (B, c, scale h, scale w)."""
    return x if scale == 1 else F.interpolate(x, scale_factor=float(scale), mode="bilinear")


class FlowNet(nn.Module):
    """Flow and occlusion mask from all that tells of two frames, in cells of pixels (section 3.2).

    `cell`: how many pixels across they are; in the end, flow is enlarged by as much. `reach`: flow is in
    units of so many pixels, so that a network with small weights can begin small. `guessed`: it is told a
    first guess, to which it begins to add nothing.
    Shapes: x (B, inputs, h, w); out, for cells of 2, flow (B, 2, 2h, 2w) in pixels of those, and mask (B, 1,
    2h, 2w): the logit that the old frame shows what is wanted.
    """

    def __init__(
        self,
        inputs: int,
        filters: int,
        halvings: int,
        limit: int,
        reach: float = 10.0,
        guessed: bool = False,
        cell: int = CELL,
    ):
        super().__init__()
        self.reach, self.cell = reach, cell
        self.body = Pyramid(inputs, filters, halvings, limit)
        head = nn.Conv2d(filters, 3, 3, padding=1)
        self.guess = nn.Conv2d(2 * cell * cell, filters, 3, padding=1) if guessed else None
        self.last = "correction" if guessed else "head"  # no run may take one for the other
        self.add_module(self.last, head)
        for part in head.parameters() if guessed else ():
            nn.init.zeros_(part)

    def forward(self, x: Tensor, guess: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.after(self.body.start(x), guess)

    def after(self, started: Tensor, guess: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """What follows the body's first convolution, whose result (B, filters, h, w) is given.

        guess: (B, 2, 2h, 2w), for a network that is told one.
        """
        if self.guess is not None and guess is not None:
            started = started + self.guess(F.pixel_unshuffle(guess / self.reach, self.cell).to(started.dtype))
        found = wide(self.get_submodule(self.last)(F.leaky_relu(self.body.after(started)[0], 0.2)))
        flow = enlarged(found[:, :2] * self.reach, self.cell)
        return flow if guess is None else flow + guess, enlarged(found[:, 2:], self.cell)
