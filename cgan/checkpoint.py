"""Checkpoints: a folder becomes a model, a model becomes a folder, and both travel to and from the Hub.

    <name>/config.json          format, model, its Config, the palette, `about`, the SHA-256 of the weights
    <name>/model.safetensors    the weights in fp16
    <name>/README.md            the model card, and
    <name>/preview.jpg          what it makes, and perhaps samples.jpg, and
    <name>/examples/1.png …     label maps to begin with, and
    <name>/styles.safetensors   styles to begin with (`cgan.styles`), and
    <name>/labeller/            a checkpoint itself, of the network that labels photographs (not written here)
                                or labeller.txt, the name of the checkpoint beside it that lends its own

No pickle is ever read or written: to unpickle a stranger's file is to run the stranger's code.

A save cannot be caught half-way. Both files are written beside the old ones under names ending in `.new` and
forced to the disk; then the weights are renamed, then the config. The renaming of the weights is the one step
that turns old into new: who reads later takes the config, config.json or config.json.new, that carries the
hash of the weights found. The next save begins by finishing the one before.
"""

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cgan import hub, models, weights
from cgan.errors import CganError, CheckpointError
from cgan.files import parsed, sync_folder, write_through
from cgan.labels import Palette
from cgan.ranges import GROWN, made

FORMAT = 1
CONFIG, WEIGHTS, PENDING = "config.json", "model.safetensors", ".new"
MAX_SIDE = 4096  # pixels of the pictures that a model was trained on
MAX_CONFIG = 2**22  # bytes of a config.json
LABELLER = "labeller"  # the folder of the label network, inside a checkpoint's
_OWN = (CONFIG, WEIGHTS, "README.md", "preview.jpg", "samples.jpg")
FILES = (*_OWN, "styles.safetensors", "examples/*.png", *(f"{LABELLER}/{name}" for name in _OWN))

_FIELDS = {"format": int, "model": str, "config": dict, "palette": list, "about": dict, "sha256": str}
_PICKLES = (".pt", ".pth", ".pkl", ".ckpt", ".bin")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9_][\w.-]*", re.ASCII)


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint says about itself: the contents of its config.json."""

    folder: Path
    model: str  # a name in cgan.models
    config: dict[str, Any] = field(repr=False)  # the fields of the model's Config
    palette: Palette | None = field(repr=False)  # None for models without label maps
    # data, licence, attribution, command, images, hardware, minutes, size, preset, scores, domains, …
    about: dict[str, Any] = field(repr=False)
    sha256: str = field(default="", repr=False)  # of model.safetensors

    @property
    def name(self) -> str:
        """The folder's name; for a download from the Hub owner/name."""
        folder = self.folder.absolute()
        if folder.parent.name == "snapshots":  # …/models--owner--name/snapshots/<commit>
            return folder.parent.parent.name.removeprefix("models--").replace("--", "/", 1)
        return folder.name


@dataclass(frozen=True)
class Found:
    """What `find` saw: the checkpoints, and what is wrong with each folder that should be one."""

    checkpoints: list[Checkpoint]
    broken: dict[str, CheckpointError]


# ---- From a folder


def load_model(folder: str | Path) -> tuple[Checkpoint, nn.Module]:
    """Read a whole folder: what it says, and the model with its weights in fp32 on the CPU.

    Raises `CheckpointError`.
    """
    checkpoint, data = _read_pair(_folder(folder))
    return checkpoint, _build(checkpoint, data)


def read(folder: str | Path) -> Checkpoint:
    """Read what a checkpoint says about itself, and check all but the values of its weights.

    Raises `CheckpointError`.
    """
    folder = _folder(folder)
    weights.check_file(folder / WEIGHTS)
    if (folder / (CONFIG + PENDING)).is_file():  # a save was cut off, or is under way
        return _read_pair(folder)[0]
    return _parse(folder / CONFIG, _bytes(folder / CONFIG))


def find(root: str | Path | None = None) -> Found:
    """List the checkpoints in the folder `root` (else `default_root`) by name. Broken ones raise nothing."""
    root = Path(root) if root is not None else default_root()
    found = Found([], {})
    try:
        folders = [path for path in root.iterdir() if (path / CONFIG).exists() or (path / WEIGHTS).exists()]
    except OSError:  # no such folder, or none that may be read: nothing is found there
        return found
    for folder in sorted(folders):
        try:
            found.checkpoints.append(read(folder))
        except CheckpointError as error:
            found.broken[folder.name] = error
    return found


def default_root() -> Path:
    """Where checkpoints lie: `checkpoints` beside the package in a clone, else in the working folder."""
    beside = Path(__file__).parent.parent / "checkpoints"
    return beside if beside.is_dir() else Path("checkpoints")


def locate(source: str | Path, revision: str | None = None, root: str | Path | None = None) -> Path:
    """Find the folder that `source` means.

    Args: `source` a folder, else the name of a checkpoint in `root` (else `default_root`), else a Hub
    repository as "owner/name", of which `revision` names a branch, tag or commit. What was downloaded once is
    found again without a network. Raises `CheckpointError`.
    """
    root = Path(root) if root is not None else default_root()
    word = str(source).strip()
    # os.path says False, where Path raises, for names too long or with a NUL in them
    if word and os.path.isdir(word):
        return Path(word)
    if word and os.path.isdir(root / word):
        return root / word
    if word.lower().endswith(_PICKLES):
        raise CheckpointError(f"{word}: {weights.PICKLE}")
    if os.path.isfile(word):
        raise CheckpointError(f"{word} is a file; give the folder that holds {CONFIG} and {WEIGHTS}")
    beside = os.path.dirname(word)
    if isinstance(source, str) and _HUB_ID.fullmatch(word) and not os.path.isdir(beside):
        return hub.download(word, revision, FILES)
    names = ", ".join(checkpoint.name for checkpoint in find(root).checkpoints) or "none"
    raise CheckpointError(
        f"no checkpoint {word!r:.200}; in {root} there are: {names}; or give a folder or Hub id"
    )


# ---- To a folder


def save(folder: str | Path, model: nn.Module, palette: Palette | None, about: dict[str, Any]) -> Path:
    """Write `model` as a checkpoint and return its folder; one that is there is replaced as a whole or not.

    Args: `about` see `Checkpoint`; it needs "size", [H, W]. One process at a time may save to a folder.
    Raises `ValueError` for weights that fp16 and for words that JSON cannot hold, and `CheckpointError` where
    the disk or the folder refuses.
    """
    folder, name, data = Path(folder), _name_of(model), weights.pack(model)
    shape: Any = model.config
    config = asdict(shape)
    _check_about(about, ValueError)
    _check_palette(palette, name, config, ValueError)
    content = {
        "format": FORMAT,
        "model": name,
        "config": config,
        "palette": palette.to_list() if palette else None,
        "about": about,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _finish_last(folder)
        _write_beside(folder, {WEIGHTS: data, CONFIG: text.encode()})
        for file in (WEIGHTS, CONFIG):
            os.replace(folder / (file + PENDING), folder / file)
            sync_folder(folder)
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be written: {error.strerror or error}") from error
    return folder


def lender_of(folder: Path) -> str | None:
    """Whose label network a checkpoint borrows: the name in its `labeller.txt`, of one beside it; or None."""
    try:
        with (folder / f"{LABELLER}.txt").open(encoding="utf-8", errors="replace") as file:
            name = file.read(256).strip()
    except OSError:
        return None
    return name if name.strip(".") and Path(name).name == name else None


def push(folder: str | Path, repo_id: str, private: bool = False) -> str:
    """Check a checkpoint and upload its files to the Hub repository `repo_id`, made if need be.

    Returns the page's address. Raises `CheckpointError`, for a broken checkpoint before anything is sent.
    """
    checkpoint, _ = load_model(folder)
    if (checkpoint.folder / LABELLER).is_dir():
        load_model(checkpoint.folder / LABELLER)
    elif lender := lender_of(checkpoint.folder):
        raise CheckpointError(
            f"{folder}: its label network is that of {lender}; copy {lender}/{LABELLER} into it, then push"
        )
    if (checkpoint.folder / (CONFIG + PENDING)).is_file():
        raise CheckpointError(f"{folder}: a save is under way or was cut off; save it once more, then push")
    message = f"Upload {checkpoint.name} ({checkpoint.model})"
    return hub.upload(checkpoint.folder, repo_id, FILES, private, message)


# ---- Reading, step by step


def _folder(folder: str | Path) -> Path:
    """A folder that has the files of a checkpoint, or the `CheckpointError` that says what it lacks."""
    folder = Path(folder)
    if not os.path.isdir(folder):
        raise CheckpointError(f"{folder}: there is no such folder")
    try:
        inside = {path.name for path in folder.iterdir() if path.is_file()}
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be read: {error.strerror}") from error
    if WEIGHTS not in inside:
        pickles = sorted(name for name in inside if name.lower().endswith(_PICKLES))
        why = f", only {pickles[0]}: {weights.PICKLE}" if pickles else "; copy or download it again"
        raise CheckpointError(f"{folder} has no {WEIGHTS}{why}")
    if not inside & {CONFIG, CONFIG + PENDING}:
        raise CheckpointError(f"{folder} has no {CONFIG}; copy or download it again")
    return folder


def _read_pair(folder: Path) -> tuple[Checkpoint, bytes]:
    """The config and the weights that belong together, though a save was cut off or runs at this moment."""
    for _ in range(3):  # a save may come between reading the one and the other
        data = _bytes(folder / WEIGHTS)
        weights.check_file(folder / WEIGHTS)
        digest = hashlib.sha256(data).hexdigest()
        for path in (folder / CONFIG, folder / (CONFIG + PENDING)):
            text = _bytes(path, missing=b"")
            if _digest_in(text) == digest:
                return _parse(path, text), data
    _parse(folder / CONFIG, _bytes(folder / CONFIG))  # a fault of the config itself is the better message
    raise CheckpointError(
        f"{folder}: {WEIGHTS} is damaged or not the file that {CONFIG} describes (their SHA-256 differ); "
        f"copy or download both again"
    )


def _digest_in(text: bytes) -> Any:
    """The hash that a config carries; None where it is no config, or only a part of one."""
    try:
        return parsed(text)["sha256"]
    except (ValueError, TypeError, LookupError):
        return None


def _parse(path: Path, text: bytes) -> Checkpoint:
    """The contents of the config.json at `path` as a Checkpoint, every field checked."""
    weights.refuse_lookalikes(text[:1024], path)
    try:
        content = parsed(text)
    except ValueError as error:
        raise CheckpointError(f"{path} is not JSON ({error}); copy or download it again") from error
    if not isinstance(content, dict) or type(content.get("format")) is not int:
        raise CheckpointError(f"{path} is not the config of a cgan checkpoint: it has no format number")
    if content["format"] != FORMAT:
        remedy = "update cgan" if content["format"] > FORMAT else "there was never such a format"
        raise CheckpointError(f"{path} has format {content['format']}, this cgan reads {FORMAT}: {remedy}")
    for name, kind in _FIELDS.items():
        value = content.get(name, ...)
        if not isinstance(value, kind) and not (name == "palette" and value is None):
            raise CheckpointError(f"{path}: {name!r} is missing or no {kind.__name__}; download it again")
    try:
        palette = None if content["palette"] is None else Palette.from_list(content["palette"])
        _check_about(content["about"], CheckpointError)
        _config(content["model"], content["config"])
        _check_palette(palette, content["model"], content["config"], CheckpointError)
    except CganError as error:
        raise CheckpointError(f"{path}: {error}") from error
    words = {name: content[name] for name in ("model", "config", "about", "sha256")}
    return Checkpoint(folder=path.parent, palette=palette, **words)


def _config(name: str, values: dict[str, Any]) -> Any:
    """The Config of model `name` with `values`: all its fields and no others."""
    try:
        kind = models.module(name).Config
    except ValueError as error:
        raise CheckpointError(f"{error}; an update of cgan may know it") from error
    known = [field.name for field in fields(kind)]
    listed = f"{name} has: {', '.join(known)}"
    if strange := [field for field in values if field not in known]:
        raise CheckpointError(f"unknown settings in config, {weights.some(strange)}; {listed}; update cgan")
    needed = [field.name for field in fields(kind) if GROWN not in field.metadata]
    if missing := [field for field in needed if field not in values]:
        raise CheckpointError(f"config lacks {weights.some(missing)}; {listed}")
    try:
        return made(kind, values)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"config makes no {name}: {weights.first_line(error)}") from error


def _build(checkpoint: Checkpoint, data: bytes) -> Any:
    """The checkpoint's model with the weights `data`."""
    config = _config(checkpoint.model, checkpoint.config)
    try:
        with torch.device("meta"):  # shapes without memory: nothing is drawn, and absurd numbers cost nothing
            model = models.module(checkpoint.model).Model(config)
    except (TypeError, ValueError, RuntimeError, ArithmeticError, LookupError) as error:
        problem = f"config makes no {checkpoint.model}: {weights.first_line(error)}"
        raise CheckpointError(f"{checkpoint.folder / CONFIG}: {problem}") from error
    weights.unpack(data, model, checkpoint.folder / WEIGHTS)
    return model


def _check_about(about: dict[str, Any], error: type[Exception]) -> None:
    """`about` names the size of the training pictures, at which a model is at its best."""
    size: Any = about.get("size")
    pair = isinstance(size, (list, tuple)) and len(size) == 2
    if not (pair and all(type(number) is int and 0 < number <= MAX_SIDE for number in size)):
        needed = f"[height, width] of the training pictures, each from 1 to {MAX_SIDE}"
        raise error(f"about needs a size, {needed}, not {size!r:.60}")
    domains, edges = about.get("domains", ["A", "B"]), about.get("edges")
    pair = isinstance(domains, (list, tuple)) and len(domains) == 2
    if not (pair and all(isinstance(name, str) for name in domains)):
        raise error(f"about's domains must be two names, not {domains!r}")
    if edges is not None and edges not in domains:
        raise error(f"about's edges must be one of the domains, {' and '.join(domains)}, not {edges!r}")


def _check_palette(
    palette: Palette | None, model: str, config: dict[str, Any], error: type[Exception]
) -> None:
    """A model that reads label maps needs a palette of as many classes as it has."""
    named = len(palette) if palette else 0
    if models.module(model).Model.task in ("paint", "animate", "label") and config["classes"] != named:
        raise error(f"the model has {config['classes']} classes, its palette {named}")


def _bytes(path: Path, missing: bytes | None = None) -> bytes:
    """A file's contents, or `CheckpointError`; `missing` where there is no file, if given."""
    try:
        if path.name.startswith(CONFIG) and path.stat().st_size > MAX_CONFIG:
            raise CheckpointError(f"{path} is too large for a config: at most {MAX_CONFIG:,} bytes are read")
        return path.read_bytes()
    except OSError as error:
        if missing is not None and isinstance(error, FileNotFoundError):
            return missing
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error


# ---- Writing, step by step


def _name_of(model: nn.Module) -> str:
    """The name of the model in cgan.models; `ValueError` for any other module."""
    kind = type(model)
    name = kind.__module__.rpartition(".")[2]
    if kind.__module__ != f"{models.__name__}.{name}" or models.module(name).Model is not kind:
        raise ValueError(f"only models of cgan.models can be saved, not {kind.__module__}.{kind.__name__}")
    return name


def _finish_last(folder: Path) -> None:
    """If the last save was cut off after the weights were renamed, rename its config too."""
    pending, data = folder / (CONFIG + PENDING), folder / WEIGHTS
    if not (pending.is_file() and data.is_file()):
        return
    if _digest_in(pending.read_bytes()) == hashlib.sha256(data.read_bytes()).hexdigest():
        os.replace(pending, folder / CONFIG)
        sync_folder(folder)


def _write_beside(folder: Path, contents: dict[str, bytes]) -> None:
    """Write each file under its pending name and force it to the disk; if one fails, none stays."""
    try:
        for name, content in contents.items():
            write_through(folder / (name + PENDING), content)
        sync_folder(folder)
    except OSError:
        for name in contents:
            (folder / (name + PENDING)).unlink(missing_ok=True)
        raise
