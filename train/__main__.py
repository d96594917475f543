"""`python -m train <model>` makes a checkpoint; `python -m train evaluate <checkpoint>` judges one.

This is the table of commands: what a run is made of is in `train.launch`.
"""

import argparse
import importlib
import sys

import torch

from cgan.errors import CganError
from train import launch, recipes
from train.log import say

# Further commands, and their modules.
TOOLS = {
    "evaluate": "train.judge.command",
    "bench": "train.bench.learning",
    "proof": "train.bench.proof",
    "world": "train.world.command",
    "glyphs": "train.data.glyphs",
}


def main(words: list[str]) -> int:
    """Run one command line (without the program's name); gives the exit code."""
    parser = argparse.ArgumentParser("python -m train", description=__doc__, allow_abbrev=False)
    commands = [*recipes.names(), *TOOLS]
    parser.add_argument("command", choices=commands, metavar="command", help=", ".join(commands))
    command = parser.parse_args(words[:1]).command
    try:
        if command in TOOLS:
            return tool(command, words[1:])
        return launch.learn(command, words[1:])
    except (CganError, ValueError) as error:
        say(f"error: {error}")
        return 2
    except OSError as error:
        say(f"error: {error.strerror or error}{f': {error.filename}' if error.filename else ''}")
        return 1
    except torch.OutOfMemoryError:
        say("error: the GPU's memory is full; try a smaller --batch with --accumulate, or a smaller --size")
        return 1


def tool(command: str, words: list[str]) -> int:
    """Run `evaluate` and its like, each a module with `add_arguments` and `run`."""
    module = importlib.import_module(TOOLS[command])
    parser = argparse.ArgumentParser(
        f"python -m train {command}",
        description=module.__doc__,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(parser)
    return module.run(parser.parse_args(words))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
