"""World-consistent vid2vid: a label video with depth and cameras becomes a video that remembers its world.

Mallya, Wang, Sapra, Liu: World-Consistent Video-to-Video Synthesis, ECCV 2020. It is vid2vid with one more
condition: a guidance picture, which shows what was painted before, seen from where the camera is now. It
comes from a cloud of coloured points, whose first colour stays (`cgan/layers/points.py`).
"""

from dataclasses import dataclass, fields
from typing import ClassVar

import torch
from torch import Tensor

from cgan.layers.points import Place, grown, no_points, render
from cgan.models import vid2vid
from cgan.models.vid2vid import Frame, Past
from cgan.ranges import Count


@dataclass(frozen=True)
class Config(vid2vid.Config):
    """The shape of world-consistent vid2vid's weights, and how much it remembers."""

    points: Count = 500_000  # points that are remembered, at most: then the oldest are forgotten


PRESETS = {
    name: Config(**{field.name: vars(config)[field.name] for field in fields(config)}, points=points)
    for (name, config), points in zip(vid2vid.PRESETS.items(), (20_000, 500_000, 4_000_000), strict=True)
}


class Model(vid2vid.Model):
    """vid2vid that is guided by the points it has painted."""

    needs_geometry: ClassVar[bool] = True
    guides: ClassVar[int] = 4

    config: Config

    def film(self, labels: Tensor, past: Past, place: Place | None = None) -> tuple[Frame, Past]:
        """The next frame, and what is remembered then: its new points too. Without a place, as vid2vid."""
        if place is None:
            return super().film(labels, past)
        with torch.no_grad():
            points = no_points(place) if past.points is None else past.points
            guide, covered = render(points, place)
        known = None if past.points is None else torch.cat([guide, covered], 1)
        frame = self(labels, past, known)
        if known is not None:
            frame = frame._replace(guide=guide, covered=covered)
        with torch.no_grad():
            points = grown(points, frame.image, covered, place, self.config.points)
        return frame, self.remembered(past, labels, frame)._replace(points=points)
