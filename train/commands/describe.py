"""`python -m train describe`: what can be trained, as JSON, for programs that start runs (the Train tab)."""

from __future__ import annotations

import argparse
import inspect
import json
from typing import Any

from cgan import models
from train import recipes
from train.flags.options import as_dict
from train.run import PRESETS, Run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There are no flags."""


def run(arguments: argparse.Namespace) -> int:
    """Print {"models": {name: {"title", "data", "presets": {name: {"size", "images", "batch"}}}}}."""
    print(json.dumps({"models": {name: described(name) for name in recipes.names()}}, ensure_ascii=False))
    return 0


def described(name: str) -> dict[str, Any]:
    """What model `name` does, what its data folder holds, and what each preset means for a run."""
    told = ("size", "images", "batch")
    presets = {preset: as_dict(Run(**changes)) for preset, changes in PRESETS.items()}
    return {
        "title": (inspect.getdoc(models.module(name)) or name).splitlines()[0],
        "data": (inspect.getdoc(recipes.module(name).Recipe.read) or "").splitlines()[0],
        "presets": {preset: {key: values[key] for key in told} for preset, values in presets.items()},
    }
