"""The training package: `python -m train <model>` makes checkpoints that `cgan` loads."""
