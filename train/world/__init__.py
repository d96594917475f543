"""The world: rendered landscapes with labels, depth, flow and cameras. Training data that needs no download.

    World(seed).frame(camera, style) -> Frame(image, labels, depth, camera, instances)
    clip(seed, path, n) -> Flight

Everything is drawn with torch tensors, in batches, on any device, and is the same for the same seed
everywhere.
"""

from train.world.camera import Camera
from train.world.classes import palette
from train.world.motion import flow, visibility, warp
from train.world.render import SKY_DEPTH, Frame
from train.world.styles import SEASONS, TIMES, WEATHERS, Style
from train.world.world import Flight, World, clip, default_cameras, frames

__all__ = [
    "SEASONS",
    "SKY_DEPTH",
    "TIMES",
    "WEATHERS",
    "Camera",
    "Flight",
    "Frame",
    "Style",
    "World",
    "clip",
    "default_cameras",
    "flow",
    "frames",
    "palette",
    "visibility",
    "warp",
]
