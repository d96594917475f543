"""`python -m train MODEL --data FOLDER` makes a checkpoint; `python -m train evaluate CHECKPOINT` judges one.

This is the table of commands: what a run is made of is in `train.launch`. Nothing here imports torch before
there is something to do with it.
"""

import importlib
import sys

from cgan import models
from cgan.errors import CganError
from train import recipes
from train.flags import sources
from train.flags.options import flag
from train.flags.parsing import Parser, nearest
from train.log import say

# Further commands: their modules, and what each does.
TOOLS = {
    "check": ("train.launch", "read and check a folder of data as MODEL would, and start nothing"),
    "evaluate": ("train.judge.command", "score a checkpoint on held-back data, beside its baselines"),
    "tune": ("train.commands.tune", "teach a few-shot video model one subject from a few pictures"),
    "export": ("train.commands.export", "write a checkpoint as ONNX graphs, or as a page that paints"),
    "styles": ("train.commands.styles", "give a painter ready styles, taken from training pictures"),
    "arrange": ("train.data.arrange", "copy a folder of pictures as training reads it: halves, bits"),
    "world": ("train.world.command", "render the built-in world into a folder of data"),
    "glyphs": ("train.data.glyphs", "draw the typefaces of this machine into a folder of data"),
    "bench": ("train.bench.learning", "measure how fast training and inference are here"),
    "proof": ("train.bench.proof", "show what half precision gains and costs on this machine"),
    "describe": ("train.commands.describe", "models, presets and data folders, as JSON for programs"),
}
HELP = ("-h", "--help", "help")


def main(words: list[str]) -> int:
    """Run one command line (without the program's name); gives the exit code."""
    if not words or words[0] in HELP:
        print(overview())
        return 0
    command, *rest = words
    try:
        return obey(command, rest)
    except (CganError, ValueError) as error:
        say(f"error: {error}")
        return 2
    except OSError as error:
        say(f"error: {error.strerror or error}{f': {error.filename}' if error.filename else ''}")
        return 1
    except (MemoryError, RuntimeError) as error:
        gpu = type(error).__name__ == "OutOfMemoryError"  # torch's, which need not have been loaded
        if not (gpu or isinstance(error, MemoryError) or "can't allocate memory" in str(error)):
            raise
        full = "the GPU's memory is full" if gpu else "the memory is full"
        say(f"error: {full}; try a smaller --batch with --accumulate, or a smaller --size")
        return 1
    except KeyboardInterrupt:
        say("stopped at once; what was saved before is still there")
        return 130


def obey(command: str, words: list[str]) -> int:
    """Find who does what the command says. Raises ValueError for a command that is none."""
    if command in recipes.names():
        begin(command, command, words)
        return importlib.import_module("train.launch").learn(command, words)
    if command == "check":
        if words and words[0] in recipes.names():
            begin(f"check {words[0]}", words[0], words[1:])
        return importlib.import_module("train.launch").check_data(words)
    if command in TOOLS:
        return tool(command, words)
    there = [*recipes.names(), *TOOLS]
    raise ValueError(f"no command {command}{nearest(command, there)}; there are: {', '.join(there)}")


def begin(command: str, name: str, words: list[str]) -> None:
    """What needs no torch: the first lines of the help, if that is asked for, or which flag is none."""
    if {*HELP[:2]} & {*words}:
        print(sources.docstring(f"{models.__name__}.{name}"), end="\n\n", flush=True)
        return
    homes = (
        ("train.run", "Run"),
        (recipes.__name__ + f".{name}", "Hyper"),
        (f"{models.__name__}.{name}", "Config"),
    )
    fields = set().union(*(sources.fields(*home) for home in homes))
    flags = {"--preset", *map(flag, fields)}
    for word in words:
        plain = "--" + word.split("=")[0].removeprefix("--no-").removeprefix("--")
        if word.startswith("--") and not {plain, word.split("=")[0]} & flags:
            Parser(f"python -m train {command}").refuse(word, flags)
    if "torch" not in sys.modules and sys.stderr.isatty():
        say("loading torch …")


def tool(command: str, words: list[str]) -> int:
    """Run `evaluate` and its like, each a module with `add_arguments` and `run`."""
    name = TOOLS[command][0]
    if {*HELP[:2]} & {*words}:
        print(sources.docstring(name), end="\n\n", flush=True)
    module = importlib.import_module(name)
    parser = Parser(f"python -m train {command}")
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
    first = sources.docstring(f"{models.__name__}.{name}").split("\n")[0]
    words = (first.partition(": ")[2] or first).rstrip(".")
    return words if len(words) <= 66 else words[:65].rsplit(" ", 1)[0].rstrip(",") + " …"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
