"""Commands beside learning itself, a file each, with `add_arguments` and `run`; `train.__main__` lists them.

Those that belong to a wing stand there: `evaluate` in `train.judge`, `world` in `train.world`.
"""
