"""The rules of the house that a machine can check: arrows between packages, sizes, docstrings, taboos."""

import ast
import dataclasses
import importlib
import inspect
import re
import sys
from functools import cache
from pathlib import Path

import pytest

from cgan import models
from train import recipes
from train.flags.options import comments

ROOT = Path(__file__).parent.parent
PACKAGES = ("app", "cgan", "train")
SOURCES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
SOURCES += [path for path in [ROOT / "app.py"] if path.exists()]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
TEXTS = {".py", ".js", ".css", ".html", ".md", ".toml", ".txt", ".json", ".sh", ""}

FILE_LINES, FUNCTION_LINES, LINE_LENGTH = 500, 60, 110
# app -> cgan <- train; and nobody but the app needs Gradio
FORBIDDEN = {"app": {"train"}, "cgan": {"app", "train", "gradio", "torchvision"}, "train": {"app", "gradio"}}
UNSAFE = {"pickle", "dill", "cloudpickle", "joblib", "yaml"}
# Inside train/: a wing imports what stands before it, and itself; never what stands beside it or behind
WINGS = (
    {"flags", "run", "log", "cache", "processes"},
    {"world", "teachers"},
    {"data", "adversaries"},
    {"recipes"},
    {"engine"},
    {"judge"},
    {"publish"},
    {"bench"},
    {"launch", "commands"},
    {"__main__"},
)
STANDING = {wing: place for place, wings in enumerate(WINGS) for wing in wings}
MODULES = {"pillow": "PIL", "opencv-python-headless": "cv2"}  # where the names differ
# Imported only where they are installed, or brought by what is required.
OPTIONAL = {"fastapi", "onnx", "onnxruntime", "ray", "spaces", "tensorboard", "torch_fidelity", "triton"}
MACHINE_PATH = re.compile(r"(?<![\w.\-/])/(home|root|Users|work|mnt|tmp)/[\w.]")


def modules_of(requirements: list[str]) -> set[str]:
    """The modules that the packages bring."""
    names = [re.split(r"[<>=~!\[]", line)[0] for line in requirements]
    return {MODULES.get(name, name.replace("-", "_")) for name in names}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def imported(path: Path) -> frozenset[str]:
    """All modules that a file imports, anywhere in it, by their full names."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:  # relative ones stay in their package
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def runs(node: ast.AST):
    """All nodes below one that are run: not what is for the type checker alone."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
            yield child
            yield from runs(child)


def needs() -> dict[str, set[str]]:
    """By full name of a module of ours: which of our modules it imports, anywhere in it, when it runs."""
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in SOURCES
    }
    found = {}
    for module, path in modules.items():
        names = set()
        for node in runs(tree(path)):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                whole = {f"{node.module}.{alias.name}" for alias in node.names}
                names |= whole & {*modules} or {node.module}
        found[module] = names & {*modules} - {module}
    return found


@cache
def calls(path: Path) -> list[tuple[int, str, ast.Call]]:
    """(line, written name, call) of each call in a file."""
    found = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
    return [(node.lineno, ast.unparse(node.func), node) for node in found]


def functions(path: Path):
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@cache
def owned() -> list[Path]:
    """The text files of the project: what git would keep."""
    kept = []
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        hidden = any(part.startswith(".") and part not in (".ci", ".gitignore") for part in parts)
        if (
            not hidden
            and path.is_file()
            and path.suffix in TEXTS
            and not {"__pycache__", "runs", "training"} & {*parts}
        ):
            kept.append(path)
    return kept


def test_the_rules_have_something_to_check():
    assert len(SOURCES) > 20 and len(TESTS) > 5 and len(owned()) > len(SOURCES)


def test_imports_follow_the_arrows():
    wrong = []
    for path in SOURCES:
        roots = {module.split(".")[0] for module in imported(path)}
        refused = FORBIDDEN[path.relative_to(ROOT).parts[0].removesuffix(".py")] | UNSAFE
        if name(path) != "train/teachers/networks.py":
            refused = refused | {"torchvision"}
        wrong += [f"{name(path)} imports {root}" for root in sorted(roots & refused)]
    assert not wrong


def test_no_circles():
    """Modules can be put into a row in which each needs earlier ones only."""
    left = needs()
    while free := {module for module, wanted in left.items() if not wanted & {*left}}:
        left = {module: wanted for module, wanted in left.items() if module not in free}
    circles = {module: sorted(wanted & {*left}) for module, wanted in left.items()}
    assert not circles, "these need each other, or what does"


def test_the_wings_have_an_order():
    wrong = []
    for module, wanted in needs().items():
        for other in wanted:
            if module.startswith("train.") and other.startswith("train."):
                wing, theirs = module.split(".")[1], other.split(".")[1]
                if wing != theirs and STANDING[wing] <= STANDING[theirs]:
                    wrong.append(f"{module} imports {other}")
    assert not wrong


def test_sizes():
    wrong = []
    for path in SOURCES + TESTS:
        lines = path.read_text(encoding="utf-8").splitlines()
        if len(lines) > FILE_LINES:
            wrong.append(f"{name(path)} has {len(lines)} lines")
        for number, line in enumerate(lines, 1):
            if len(line) > LINE_LENGTH:
                wrong.append(f"{name(path)}:{number} is longer than {LINE_LENGTH}")
        for node in functions(path):
            if node.end_lineno - node.lineno >= FUNCTION_LINES:
                wrong.append(f"{name(path)}: {node.name} is too long")
    assert not wrong


def test_docstrings():
    """Modules, public classes and their public methods, public functions; `forward` is told by its class."""
    undocumented = []
    for path in SOURCES:
        module = tree(path)
        undocumented += [] if ast.get_docstring(module) else [name(path)]
        for node in module.body:
            members = node.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_") else []
            for part in [node, *members]:
                is_definition = isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
                if is_definition and "overload" in map(ast.unparse, part.decorator_list):
                    continue
                if is_definition and not part.name.startswith("_") and part.name != "forward":
                    undocumented += [] if ast.get_docstring(part) else [f"{name(path)}: {part.name}"]
    assert not undocumented


def test_tests_say_what_they_test():
    assert not [name(path) for path in TESTS if not ast.get_docstring(tree(path))]


def test_no_silent_fallbacks():
    wrong = []
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ExceptHandler) and node.type is None:
                wrong.append(f"{name(path)}:{node.lineno}: bare except")
        for line, function, call in calls(path):
            if function == "getattr" and len(call.args) > 2:
                wrong.append(f"{name(path)}:{line}: getattr with a default")
    assert not wrong


def test_no_pickle():
    wrong = []
    for path in SOURCES:
        for line, function, call in calls(path):
            if function in ("torch.load", "torch.save"):
                wrong.append(f"{name(path)}:{line}: {function}")
            if function in ("json.loads", "json.load") and path.name != "files.py":
                wrong.append(f"{name(path)}:{line}: cgan.files.parsed knows what else JSON may do")
            allowed = {keyword.arg: keyword.value for keyword in call.keywords}.get("allow_pickle")
            if allowed is not None and ast.unparse(allowed) != "False":
                wrong.append(f"{name(path)}:{line}: allow_pickle")
    assert not wrong


def test_no_drawer_for_everything():
    drawers = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert not [name(path) for path in SOURCES if path.stem in drawers]


def test_no_path_of_some_machine():
    found = []
    for path in owned():
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if MACHINE_PATH.search(line) and path != Path(__file__):
                found.append(f"{name(path)}:{number}: {line.strip()[:80]}")
    assert not found


def test_two_files_a_model():
    assert models.names(), "there are no models"
    assert models.names() == recipes.names()
    for model in models.names():
        assert (ROOT / "cgan" / "models" / f"{model}.py").exists()
        assert (ROOT / "train" / "recipes" / f"{model}.py").exists()


def options() -> list[type]:
    """Every Config, Hyper and Run."""
    modules = [f"cgan.models.{model}" for model in models.names()]
    modules += [f"train.recipes.{model}" for model in recipes.names()] + ["train.run"]
    found = []
    for module in modules:
        members = inspect.getmembers(importlib.import_module(module), inspect.isclass)
        found += [kind for title, kind in members if title in ("Config", "Hyper", "Run")]
    return found


@pytest.mark.parametrize("kind", options(), ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_option_says_what_it_means(kind):
    assert dataclasses.is_dataclass(kind) and kind.__dataclass_params__.frozen
    silent = {field.name for field in dataclasses.fields(kind)} - set(comments(kind))
    assert not silent


def test_requirements_are_those_that_are_imported():
    """No more than are used, no fewer than are needed."""
    modules = modules_of((ROOT / "requirements.txt").read_text().split())
    used = {module.split(".")[0] for path in SOURCES for module in imported(path)}
    used -= OPTIONAL | set(PACKAGES) | sys.stdlib_module_names
    assert used - modules == set(), "imported, not required"
    assert modules - used == set(), "required, not imported"
