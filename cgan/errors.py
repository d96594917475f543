"""Every exception that is somebody's input at fault, in one tree.

    CganError
    ├── CheckpointError     a checkpoint cannot be read, written, fetched or pushed
    ├── DataError           a label map, a palette or a folder of training data is not as it must be
    └── MediaError          a picture or a video cannot be read

Their messages say what is wrong, and what is allowed or what to do, in one line. A program may show them to
its user as they are. Wrong arguments in Python code raise `ValueError` instead; anything else is a bug.
"""


class CganError(Exception):
    """The base of all errors that a user can mend."""


class CheckpointError(CganError):
    """A checkpoint that cannot be read, written, fetched or pushed."""


class DataError(CganError):
    """A label map, a palette or a training folder that is not as it must be."""


class MediaError(CganError):
    """A picture or a video that cannot be read."""
