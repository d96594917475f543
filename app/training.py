"""Training, started from the page: `python -m cgan train …` as a process of its own, and what it tells.

A run lives in `training/` inside its checkpoint's folder: `run.json` (the command's words, how many images),
`log.jsonl` (losses and scores), `samples/`, and `output.txt`, what the process said. One run at a time: two
would only share the machine. It goes on while pages come and go; when the app ends, it is stopped, and so
saved.
"""

import atexit
import os
import re
import shlex
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import cgan
from cgan import DataError
from cgan.files import parsed

NAME = re.compile(r"\w[\w.-]{0,60}", re.ASCII)
OUTPUT = "output.txt"
LINES = 200  # of what a process said that are shown
POINTS = 240  # of a curve
CHECKING = 600  # seconds that reading a folder may take
FAR = re.compile(r"(\d+)/\d+ images +([\d.]+)/s")  # in what a run says, long before there is a row of its log
APART = {"images", "images_per_second"}  # numbers of a row that are no losses
# What `python -m train describe` prints, so that a page need not wait for it: it takes seconds.
DESCRIBED = Path(__file__).parent / "static" / "recipes.json"


class OvertakenError(DataError):
    """A check ended, since the next one was asked for."""


@dataclass(frozen=True)
class Plan:
    """A run that somebody wishes: `data` as on the command line, `more` further flags as one would type."""

    model: str
    preset: str
    name: str
    data: str = ""  # "": the built-in world
    size: int | None = None
    images: int | None = None
    licence: str = ""
    more: str = ""
    names: str = ""  # of the classes, by id: "sky, road", where the data have but numbers

    def words(self) -> list[str]:
        """The flags. Raises `DataError` for flags that cannot be read."""
        try:
            words = shlex.split(self.more)
        except ValueError as error:
            raise DataError(f"the further flags cannot be read: {error}") from error
        words += ["--preset", self.preset]
        if self.data.strip():
            words += ["--data", str(Path(self.data.strip()).expanduser())]
        names = ",".join(name.strip() for name in self.names.split(",")).strip(",")
        given = {"--class-names": names, "--size": self.size, "--images": self.images}
        for flag, value in (given | {"--licence": self.licence}).items():
            words += [flag, str(value)] if value else []
        return words


class Training:
    """The runs whose checkpoints lie in `root`, of which one may be under way."""

    def __init__(self, root: Path):
        self.root = Path(root)
        self._process: subprocess.Popen | None = None
        self._name = ""  # of the run that was started last
        self._models: dict = parsed(DESCRIBED.read_bytes())["models"]
        self._asked = False
        self._latest: subprocess.Popen | None = None  # the check that ends when the next one comes
        self._lock = Lock()
        atexit.register(self.stop)

    # ---- before a run

    def models(self) -> dict:
        """What can be trained, as far as it is known: {name: {"title", "data", "presets"}}."""
        return self._models

    def learn_models(self) -> bool:
        """Ask the trainer, once, what can be trained; whether that is news.

        Raises `DataError` where nothing can.
        """
        if self._asked:
            return False
        done = self._ask("describe")
        if done.returncode:
            raise DataError(done.stderr.strip() or "python -m train describe failed")
        before, self._models, self._asked = self._models, parsed(done.stdout)["models"], True
        return self._models != before

    def check(self, plan: Plan, latest: bool = False) -> str:
        """What the command says of the plan's data. Raises `DataError` with its report if not.

        `latest`: of such checks only the last is wanted; those before it end, and raise `OvertakenError`.
        """
        done = self._ask("check", plan.model, *plan.words(), latest=latest)
        said = done.stderr.strip()
        if done.returncode:
            raise DataError(said.removeprefix("error: ") or f"the check ended with status {done.returncode}")
        return said

    def folder(self, name: str) -> Path:
        """The folder of the run called `name`. Raises `DataError` for what is no plain name."""
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise DataError("the checkpoint's name must be a word of letters, digits, - and _")
        return self.root / name

    def check_name(self, name: str) -> None:
        """Raise `DataError` where no run can be started by that name: it is taken, or one is under way."""
        folder = self.folder(name)
        self._check_free()
        if (folder / "training" / "run.json").exists():
            ready = self.report(name)["state"] == "done"
            way_on = "choose another name" if ready else "resume it, or choose another name"
            raise DataError(f"there is a run called {name}: {way_on}")
        if folder.exists() and any(folder.iterdir()):
            raise DataError(f"there is something called {name} already: choose another name")

    def command(self, plan: Plan) -> list[str]:
        """The words after `python -m train` that start the plan."""
        return [plan.model, *plan.words(), "--out", str(self.folder(plan.name))]

    # ---- a run

    def start(self, plan: Plan) -> None:
        """Start the plan. Raises `DataError` where a run is under way, or its folder is taken."""
        self.check_name(plan.name)
        self._start(plan.name, self.command(plan))

    def resume(self, name: str) -> None:
        """Go on with a run that was stopped. Raises `DataError` where there is none."""
        note = self._note(name)
        if not note:
            raise DataError(f"there is no run called {name} that was begun")
        self._start(name, [note["model"], *note["words"]])

    def stop(self) -> None:
        """Ask the run to stop: it finishes its step, saves, and ends."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def runs(self) -> list[str]:
        """The names of the runs that are here, the latest first."""
        notes = self.root.glob("*/training")
        there = sorted(notes, key=lambda path: path.stat().st_mtime, reverse=True)
        return [path.parent.name for path in there if NAME.fullmatch(path.parent.name)]

    def running(self) -> str:
        """The name of the run that is under way, or ""."""
        return self._name if self._process is not None and self._process.poll() is None else ""

    def report(self, name: str) -> dict:
        """What is shown of a run: state, numbers, curves, scores, samples, and the last lines it said."""
        folder, note = self.folder(name) / "training", self._note(name)
        rows = read_rows(folder / "log.jsonl")
        said = read_lines(folder / OUTPUT)
        steps = [row for row in rows if row["kind"] == "step"]
        said_far, said_rate = far(said)
        seen, total = max([said_far, *(row["images"] for row in rows)]), note.get("images", 0)
        sheets = sorted(path.stem for path in (folder / "samples").glob("*.jpg"))
        return {
            "name": name,
            "state": self._state(name, seen > 0, said, 0 < total <= seen),
            "images": seen,
            "total": total,
            "every": note.get("every", 0),
            "rate": steps[-1].get("images_per_second", 0) if steps else said_rate,
            "losses": curves(steps),
            "scores": curves([row for row in rows if row["kind"] == "evaluation"]),
            "sheets": [int(stem) for stem in sheets if stem.isdigit()],
            "said": said[-LINES:],
            "command": shlex.join(["python", "-m", "train", note["model"], *note["words"]]) if note else "",
        }

    def sheet(self, name: str, images: int) -> bytes:
        """The JPEG of samples after so many images. Raises `DataError` where there is none."""
        path = self.folder(name) / "training" / "samples" / f"{int(images):09d}.jpg"
        if not path.is_file():
            raise DataError(f"{name} has no samples of {images} images")
        return path.read_bytes()

    def _check_free(self) -> None:
        if self.running():
            raise DataError(f"{self.running()} is under way: stop it first, or wait")

    def _start(self, name: str, words: list[str]) -> None:
        with self._lock:
            self._check_free()
            folder = self.folder(name) / "training"
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / OUTPUT).open("ab") as output:
                self._process = subprocess.Popen(
                    program(*words),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=environment(),
                    start_new_session=True,  # Ctrl-C ends the app, which asks the run to stop: once is enough
                )
            self._name = name

    def _state(self, name: str, learnt: bool, said: list[str], complete: bool) -> str:
        """One of: preparing, learning, stopping, done, stopped, failed."""
        mine = self._process if name == self._name else None
        if mine is not None and mine.poll() is None:
            if any(line.startswith("stopping:") for line in said[-3:]):
                return "stopping"
            return "learning" if learnt else "preparing"
        if mine is not None and mine.returncode not in (0, 130, -signal.SIGTERM):  # told to stop at its end
            return "failed"
        return "done" if complete else "stopped"

    def _note(self, name: str) -> dict:
        path = self.folder(name) / "training" / "run.json"
        try:
            note = parsed(path.read_bytes()) if path.is_file() else {}
        except ValueError:  # a run that another version made, or nobody
            return {}
        kinds = {"model": str, "words": list, "images": int}
        whole = isinstance(note, dict) and all(isinstance(note.get(key), kind) for key, kind in kinds.items())
        return note if whole else {}

    def _ask(self, *words: str, latest: bool = False) -> subprocess.CompletedProcess:
        """Run a command that ends by itself, or when the next of the `latest` comes."""
        process = subprocess.Popen(
            program(*words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=environment(),
        )
        if latest:
            before, self._latest = self._latest, process
            if before is not None:
                before.kill()
        try:
            output, said = process.communicate(timeout=CHECKING)
        except subprocess.TimeoutExpired as error:
            process.kill()
            process.communicate()
            raise DataError(f"reading the folder took more than {CHECKING // 60} minutes") from error
        if latest and self._latest is not process:
            raise OvertakenError("another folder is read instead")
        return subprocess.CompletedProcess(words, process.returncode, output, said)


def program(*words: str) -> list[str]:
    """The command line of the trainer, in a clone and installed."""
    return [sys.executable, "-m", "cgan", "train", *words]


def environment() -> dict[str, str]:
    """For child processes: they find the cgan that runs here, and write UTF-8."""
    places = [str(Path(cgan.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, places)), "PYTHONIOENCODING": "utf-8"}


def read_rows(path: Path) -> list[dict]:
    """The rows of a log; one that is being written now is left out."""
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            rows.append(parsed(line))
        except ValueError:
            continue
    return [row for row in rows if isinstance(row, dict) and "kind" in row and type(row.get("images")) is int]


def read_lines(path: Path) -> list[str]:
    """The last lines of what a process said."""
    if not path.is_file():
        return []
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 64 * 1024))
        return [line for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]


def far(said: list[str]) -> tuple[int, float]:
    """How many images a run said last that it had seen, and how many a second."""
    told = [found for line in said if (found := FAR.match(line))]
    return (int(told[-1][1]), float(told[-1][2])) if told else (0, 0.0)


def curves(rows: list[dict]) -> dict[str, list[list[float]]]:
    """Each number of the rows by name, as [[images, value], …] of at most `POINTS` points."""
    rows = rows[:: -(-len(rows) // POINTS)] if rows else rows
    found: dict[str, list[list[float]]] = {}
    for row in rows:
        for name, value in row.items():
            if name not in APART and isinstance(value, int | float):
                found.setdefault(name, []).append([row["images"], value])
    return found
