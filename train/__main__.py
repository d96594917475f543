"""`python -m train MODEL --data FOLDER` makes a checkpoint; `python -m train evaluate CHECKPOINT` judges one.

This is the table of commands: what a run is made of is in `train.launch`.
"""

import ast
import importlib
import importlib.util
import sys
from pathlib import Path

import torch

from cgan import models
from cgan.errors import CganError
from train import launch, recipes
from train.log import say
from train.parsing import Parser, nearest

# Further commands: their modules, and what each does.
TOOLS = {
    "check": ("train.launch", "read and check a folder of data as MODEL would, and start nothing"),
    "evaluate": ("train.judge.command", "score a checkpoint on held-back data, beside its baselines"),
    "tune": ("train.tune", "teach a few-shot video model one subject from a few pictures"),
    "arrange": ("train.data.arrange", "copy a folder of pictures as training reads it: halves, bits"),
    "world": ("train.world.command", "render the built-in world into a folder of data"),
    "glyphs": ("train.data.glyphs", "draw the typefaces of this machine into a folder of data"),
    "bench": ("train.bench.learning", "measure how fast training and inference are here"),
    "proof": ("train.bench.proof", "show in 25 minutes that half precision costs a GPU no quality"),
    "describe": ("train.describe", "models, presets and data folders, as JSON for programs"),
}
HELP = ("-h", "--help", "help")


def main(words: list[str]) -> int:
    """Run one command line (without the program's name); gives the exit code."""
    if not words or words[0] in HELP:
        print(overview())
        return 0
    command, *rest = words
    try:
        if command in recipes.names():
            return launch.learn(command, rest)
        if command == "check":
            return launch.check_data(rest)
        if command in TOOLS:
            return tool(command, rest)
        there = [*recipes.names(), *TOOLS]
        raise ValueError(f"no command {command}{nearest(command, there)}; there are: {', '.join(there)}")
    except (CganError, ValueError) as error:
        say(f"error: {error}")
        return 2
    except OSError as error:
        say(f"error: {error.strerror or error}{f': {error.filename}' if error.filename else ''}")
        return 1
    except torch.OutOfMemoryError:
        say("error: the GPU's memory is full; try a smaller --batch with --accumulate, or a smaller --size")
        return 1
    except KeyboardInterrupt:
        say("stopped at once; what was saved before is still there")
        return 130


def tool(command: str, words: list[str]) -> int:
    """Run `evaluate` and its like, each a module with `add_arguments` and `run`."""
    module = importlib.import_module(TOOLS[command][0])
    parser = Parser(f"python -m train {command}", module.__doc__)
    module.add_arguments(parser)
    return module.run(parser.parse_args(words))


def overview() -> str:
    """All commands, a line each."""
    lines = [
        "python -m train MODEL --data FOLDER    train a model; it says all it does",
        "python -m train COMMAND --help         the flags of a command, or of a model",
        "",
        "Models:",
        *(f"  {name:<11} {title(name)}" for name in recipes.names()),
        "",
        "Other commands:",
        *(f"  {name:<11} {words}" for name, (_, words) in TOOLS.items()),
    ]
    return "\n".join(lines)


def title(name: str) -> str:
    """What a model does: what follows its name in the first line of its file, shortened to a line of 80."""
    found = importlib.util.find_spec(f"{models.__name__}.{name}")
    text = Path(found.origin).read_text(encoding="utf-8") if found and found.origin else ""
    first = (ast.get_docstring(ast.parse(text)) or "").split("\n")[0]
    words = (first.partition(": ")[2] or first).rstrip(".")
    return words if len(words) <= 66 else words[:65].rsplit(" ", 1)[0].rstrip(",") + " …"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
