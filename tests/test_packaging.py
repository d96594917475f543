"""What `pip install .` brings: one name, all files, what each part needs; and the command `cgan`."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import PATIENCE, ROOT, environment
from test_house import OPTIONAL, PACKAGES, imported, modules_of

import cgan

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def used_by(package: str) -> set[str]:
    """The modules of others that a package imports."""
    files = (ROOT / package).rglob("*.py")
    return (
        {module.split(".")[0] for path in files for module in imported(path)}
        - OPTIONAL
        - {*PACKAGES}
        - {*sys.stdlib_module_names}
    )


def test_each_part_asks_for_what_it_imports():
    core = modules_of(PROJECT["dependencies"])
    assert core == used_by("cgan"), "what `import cgan` needs, and no more"
    for extra in ("app", "train"):
        assert modules_of(EXTRAS[extra]) == used_by(extra) - core
    everything = {*PROJECT["dependencies"], *EXTRAS["app"], *EXTRAS["train"]}
    assert everything == {*(ROOT / "requirements.txt").read_text().split()}


def test_the_version_stands_once():
    assert "version" in PROJECT["dynamic"] and re.fullmatch(r"\d+\.\d+\.\d+", cgan.__version__)
    assert f"\n## [{cgan.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_checkers_have_one_version():
    """pyproject.toml pins them; tests/run installs those; pre-commit runs what tests/run runs."""
    pins = dict(line.split("==") for line in EXTRAS["dev"] if "==" in line)
    assert pins.keys() == {"mypy", "oxlint", "ruff"}
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    run = (ROOT / "tests" / "run").read_text()
    assert f"rev: v{pins['ruff']}\n" in hooks
    for command in ("-m ruff check", "-m ruff format --check", "-m mypy"):
        assert command in run
    for hook in ("ruff-check", "ruff-format", "mypy"):
        assert f"id: {hook}\n" in hooks
    for name, pin in pins.items():
        if find_spec(name):
            assert version(name) == pin, f"this environment has another {name}; run tests/run"


# --- a wheel


def files_under(root: Path, packages=PACKAGES) -> set[str]:
    """Every file that should be installed, as in the repository."""
    paths = (path.relative_to(root) for name in packages for path in (root / name).rglob("*"))
    return {
        path.as_posix()
        for path in paths
        if (root / path).is_file() and "__pycache__" not in path.parts and path.suffix not in (".pyc", ".pyi")
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """A wheel of a copy of the sources; nothing is downloaded, and nothing is written beside them."""
    if not find_spec("setuptools") or not find_spec("pip"):
        pytest.skip("needs pip and setuptools in this environment")
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("*.pyi"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
    ]
    done = subprocess.run([*command, "-w", folder, source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("cgan-*.whl")
    return path


def test_a_wheel_has_every_file_and_one_name(wheel):
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
        (facts,) = (name for name in names if name.endswith("/entry_points.txt"))
        assert "cgan = cgan.__main__:main" in opened.read(facts).decode()
        about = opened.read(facts.replace("entry_points.txt", "METADATA")).decode()
    inside = {name for name in names if ".dist-info/" not in name}
    expected = {name if name.startswith("cgan/") else f"cgan/_rooms/{name}" for name in files_under(ROOT)}
    assert inside == expected
    assert {"cgan/py.typed", "cgan/_rooms/train/weights/lpips_squeeze.safetensors"} <= inside
    needed = re.findall(r"^Requires-Dist: ([\w-]+)[^;\n]*$", about, re.M)
    assert "torch" in needed and "gradio" not in needed and f"\nVersion: {cgan.__version__}\n" in about


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Run Python with the wheel, far from the clone; gives the finished process."""
    site, away = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("away")
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(site)

    def run(*words: str):
        return subprocess.run(
            [sys.executable, *words],
            cwd=away,
            env=environment() | {"PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    return run


def test_the_installed_package_stands_alone(installed):
    """`import cgan` needs no package of the app's or the trainer's, and hides no one's `app` or `train`."""
    code = """
import sys
sys.modules |= dict.fromkeys(("gradio", "torchvision", "tqdm"))  # importing them fails
import cgan, cgan.tasks
from importlib.util import find_spec
from cgan.models import module, names
for name in names():
    module(name)
print(find_spec("app"), find_spec("train"), cgan.__file__)
"""
    done = installed("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("None None ") and str(ROOT) + os.sep not in done.stdout


def test_the_installed_app_starts(installed):
    if not find_spec("gradio"):
        pytest.skip("needs Gradio")
    done = installed("-m", "cgan", "app", "--help")
    assert done.returncode == 0 and "--checkpoints" in done.stdout, done.stderr


@pytest.mark.slow
def test_the_installed_trainer_trains(installed):
    words = "train spade --preset tiny --perceptual none --size 64 --device cpu --images 4 --batch 4"
    done = installed(
        "-m", "cgan", *words.split(), "--validation", "none", "--calibrate", "1", "--out", "made"
    )
    assert done.returncode == 0 and "made is ready" in done.stderr, done.stderr


def test_the_command_in_a_clone(monkeypatch, capsys):
    from cgan import __main__ as command

    assert command.rooms() == ROOT
    for word, expected in {
        "--version": f"cgan {cgan.__version__}",
        "--help": "app, serve, train, evaluate",
    }.items():
        with pytest.raises(SystemExit):
            command.main([word])
        assert expected in capsys.readouterr().out
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert command.main(["train", "spade", "--size", "50"]) == 2
    assert "multiples of 32" in capsys.readouterr().err
    monkeypatch.setitem(command.COMMANDS, "app", ("app.ui", [], "no_such_package", "app"))
    assert command.main(["app"]) == 2
    assert "pip install '.[app]'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        command.main(["spade"])
    assert "invalid choice: 'spade'" in capsys.readouterr().err
