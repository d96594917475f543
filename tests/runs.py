"""A tiny run, by its flags and as a trainer before its first step."""

from pathlib import Path

import torch

from train.engine.trainer import Trainer
from train.launch import build, parse

FLAGS = ["--preset", "tiny", "--perceptual", "none", "--size", "64", "--device", "cpu", "--calibrate", "2"]


def trainer_in(folder: Path, data: Path, *more: str) -> Trainer:
    """A trainer before its first step, of SPADE, that saves to `folder`."""
    flags = [*FLAGS, "--images", "16", "--validation", "0.1", "--out", str(folder), *more]
    flags += ["--data", str(data)]
    return build("spade", *parse("spade", flags), torch.device("cpu"))
