"""Videos: read as a stream of pictures, written as H.264 or GIF, in bounded memory."""

from cgan.video.reading import LIMITS, SUFFIXES, Limits, Video, read_video
from cgan.video.writing import Progress, Writer, write_gif, write_video

__all__ = [
    "LIMITS",
    "SUFFIXES",
    "Limits",
    "Progress",
    "Video",
    "Writer",
    "read_video",
    "write_gif",
    "write_video",
]
