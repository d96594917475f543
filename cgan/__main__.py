"""The command `cgan`: `cgan app`, `cgan serve`, `cgan train MODEL …`, `cgan evaluate CHECKPOINT …`.

Or `python -m cgan`. It starts the programs that `python app.py` and `python -m train` start in a clone, and
imports neither before it is asked to. In a clone they lie beside this package; `pip install` puts them inside
it, into `_rooms`, as their names are too common for everybody's packages.
"""

import argparse
import importlib
import importlib.util
import sys
from pathlib import Path

import cgan

# word: (module with `main(words)`, words before the user's, what must be installed, which extra brings it)
COMMANDS = {
    "app": ("app.start", [], "gradio", "app"),
    "serve": ("app.serve", [], "gradio", "serve"),
    "train": ("train.__main__", [], "torchvision", "train"),
    "evaluate": ("train.__main__", ["evaluate"], "torchvision", "train"),
}


def rooms() -> Path:
    """The folder where `app` and `train` lie."""
    here = Path(__file__).parent
    return here / "_rooms" if (here / "_rooms").is_dir() else here.parent


def main(words: list[str] | None = None) -> int:
    """Run one command line (without the program's name); gives the exit code."""
    words = sys.argv[1:] if words is None else words
    parser = argparse.ArgumentParser("cgan", description=cgan.__doc__, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--version", action="version", version=f"cgan {cgan.__version__}")
    parser.add_argument("command", choices=COMMANDS, metavar="command", help=", ".join(COMMANDS))
    module, before, needed, extra = COMMANDS[parser.parse_args(words[:1]).command]
    if importlib.util.find_spec(needed) is None:
        print(f"cgan {words[0]} needs {needed}: pip install '.[{extra}]'", file=sys.stderr)
        return 2
    if words[0] == "app" and not {"-h", "--help"} & {*words}:
        print("cgan: loading …", flush=True)  # at once: torch and Gradio take some seconds
    sys.path.insert(0, str(rooms()))
    code: int = importlib.import_module(module).main([*before, *words[1:]])
    return code


if __name__ == "__main__":
    sys.exit(main())
