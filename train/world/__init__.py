"""The world: rendered landscapes with labels, depth, flow and cameras. Training data that needs no download.

    World(seed).frame(camera, style) -> Frame(image, labels, depth, camera, instances)
    clip(seed, path, n) -> Clip

Everything is drawn with torch tensors, in batches, on any device, and is the same for the same seed everywhere.
"""

from .camera import Camera
from .classes import palette
from .flow import flow, visibility, warp
from .render import SKY_DEPTH, Frame
from .styles import SEASONS, TIMES, WEATHERS, Style
from .world import Clip, World, clip, default_cameras, frames

__all__ = [
    "SEASONS", "SKY_DEPTH", "TIMES", "WEATHERS", "Camera", "Clip", "Frame", "Style", "World",
    "clip", "default_cameras", "flow", "frames", "palette", "visibility", "warp",
]
