"""The training package: `python -m train <model>` makes checkpoints that `cgan` loads."""

from cgan import threads  # noqa: F401  # before torch is loaded
