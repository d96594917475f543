"""ONNX Runtime for browsers: two files of the npm package onnxruntime-web, from a folder or from npm."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from cgan.errors import CganError
from cgan.files import cache, replaced

VERSION = "1.30.0"
SCRIPT, WASM = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"
PATIENCE = 600  # seconds for npm, which fetches 35 MB
GIVE = "give the folder of the npm package onnxruntime-web"


def found(folder: Path) -> Path:
    """The folder with the two files, inside the package's; `CganError` where they are not there."""
    for inside in (folder, folder / "dist", folder / "node_modules" / "onnxruntime-web" / "dist"):
        if (inside / SCRIPT).is_file() and (inside / WASM).is_file():
            return inside
    raise CganError(f"{folder} has no dist/{SCRIPT} and dist/{WASM}: {GIVE}")


def fetched() -> Path:
    """The same from the cache, or by npm; `CganError` where there is neither."""
    folder = cache("onnxruntime-web") / VERSION
    if (folder / SCRIPT).is_file() and (folder / WASM).is_file():
        return folder
    npm = shutil.which("npm")
    if npm is None:
        raise CganError(f"the page needs ONNX Runtime for browsers: install npm, or {GIVE} with --runtime")
    with tempfile.TemporaryDirectory() as beside:
        words = [npm, "pack", "--silent", f"onnxruntime-web@{VERSION}", "--pack-destination", beside]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired as error:
            raise CganError(f"npm did not fetch onnxruntime-web in {PATIENCE} s; {GIVE}") from error
        packages = list(Path(beside).glob("*.tgz"))
        if done.returncode or not packages:
            why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise CganError(f"npm could not fetch onnxruntime-web@{VERSION} ({why}); {GIVE} with --runtime")
        _unpack(packages[0], folder)
    return folder


def _unpack(package: Path, folder: Path) -> None:
    """Take the two files out of npm's archive."""
    with tarfile.open(package) as archive:
        for name in (SCRIPT, WASM):
            member = archive.extractfile(f"package/dist/{name}")
            if member is None:
                raise CganError(f"{package.name} has no dist/{name}")
            with replaced(folder / name, shared=True) as beside:
                beside.write_bytes(member.read())
