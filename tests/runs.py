"""A tiny run, by its flags and as a trainer before its first step."""

from pathlib import Path

import torch

from train.__main__ import main
from train.engine.trainer import Trainer
from train.launch import build, parse

FLAGS = ["--preset", "tiny", "--perceptual", "none", "--size", "64", "--device", "cpu", "--calibrate", "2"]

# And without the networks that take most of its time.
LIGHT = [*FLAGS, "--discriminator", "patch", "--discriminator-filters", "4", "--discriminator-layers", "2"]


def run(capfd, *words: object) -> tuple[int | str | None, str]:
    """`python -m train …` in this process: exit code and what was said."""
    try:
        code: int | str | None = main([*map(str, words)])
    except SystemExit as error:  # of argparse
        code = error.code
    return code, capfd.readouterr().err


def trainer_in(folder: Path, data: Path, *more: str) -> Trainer:
    """A trainer before its first step, of SPADE, that saves to `folder`."""
    flags = [*FLAGS, "--images", "16", "--validation", "0.1", "--out", str(folder), *more]
    flags += ["--data", str(data)]
    return build("spade", *parse("spade", flags), torch.device("cpu"))
