"""The command `webchat-runtime FOLDER`: assemble the Pyodide that pytest-pyodide loads, from npm and PyPI.

The npm package of Pyodide holds the core only. The wheels that its `pyodide-lock.json` names come from PyPI instead,
where they are packed differently and so have another sha256; a lock that names missing files makes micropip ask for
them in vain. Hence the lock is written anew: only the wheels that are there, with their own hashes.
"""

from __future__ import annotations

import argparse
import base64
import email
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

VERSION = "314.0.7"
INTEGRITY = "0YvXxEhfEdpLfb/XkM2BFAeMROq0iMUX2bzzH9pOttyMcWkwq+HbE5uyuGD82LN7y2q+SNvi/6V5JEsOlD2R1A=="
"""The sha512 of the npm package of this version, in base64."""

CORE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
LOCK = "pyodide-lock.json"
WHEELS = Path(__file__).with_name("runtime-requirements.txt")


class RuntimeFailed(Exception):
    """The folder could not be assembled; the message says why."""


def main() -> None:
    """Exits with 1, after one sentence that says why, if the folder cannot be made."""
    parser = argparse.ArgumentParser(prog="webchat-runtime", description="Assemble the Pyodide that tests load.")
    parser.add_argument("folder", type=Path, help="where to put it: a folder that is empty, or does not exist yet")
    folder: Path = parser.parse_args().folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        parser.error(f"{folder} is there already. Name a folder that is empty, or does not exist yet")
    try:
        assemble(folder)
    except (RuntimeFailed, OSError) as error:
        sys.exit(f"webchat-runtime: {error}")


def assemble(folder: Path) -> None:
    """Put Pyodide and the wheels that pytest-pyodide needs into a folder. All or nothing."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        made = Path(work, "runtime")
        made.mkdir()
        lock = unpack(fetch_core(Path(work)), made)
        add_wheels(made, [WHEELS], lock)
        if folder.exists():
            folder.rmdir()
        made.rename(folder)


def fetch_core(work: Path) -> Path:
    """Pyodide's npm package, as a file. Raises `RuntimeFailed`."""
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeFailed("npm is needed to fetch Pyodide. It comes with Node.js, from nodejs.org")
    package = f"pyodide@{VERSION}"
    run([npm, "pack", package, "--loglevel=error", "--pack-destination", str(work)], f"npm could not fetch {package}")
    (file,) = work.glob("*.tgz")
    if base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode() != INTEGRITY:
        raise RuntimeFailed(f"what npm fetched as {package} is not what was published under that name")
    return file


def unpack(package: Path, folder: Path) -> dict[str, Any]:
    """Put the core into a folder, and return Pyodide's own lock."""
    with tarfile.open(package) as archive:
        for name in CORE:
            (folder / name).write_bytes(_member(archive, name))
        lock: dict[str, Any] = json.loads(_member(archive, LOCK))
    return lock


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.extractfile(f"package/{name}")
    assert member is not None, name  # noqa: S101 - it is a file in this very package, whose hash is known
    return member.read()


def add_wheels(folder: Path, requirements: list[Path], lock: dict[str, Any]) -> None:
    """Put the wheels of `requirements` beside Pyodide's core in `folder`, and write the lock that names them."""
    download(requirements, folder)
    wheels = [Wheel.read(file) for file in sorted(folder.glob("*.whl"))]
    names = {wheel.name for wheel in wheels}
    packages = {wheel.name: lock_entry(wheel, lock["packages"][wheel.name], names) for wheel in wheels}
    (folder / LOCK).write_text(json.dumps({**lock, "packages": packages}, indent=1, sort_keys=True) + "\n")


def download(requirements: list[Path], folder: Path) -> None:
    """Fetch wheels by pip. Raises `RuntimeFailed`."""
    # Pyodide's Python, not the one that runs this; its wheels are pure, so any platform's will do
    target_python = ["--python-version", "3.14", "--platform", "any"]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    wanted = [argument for file in requirements for argument in ("--requirement", str(file))]
    wheels_only = ["--no-deps", "--only-binary", ":all:", "--require-hashes"]
    run([*pip, *wheels_only, *target_python, "--dest", str(folder), *wanted], "pip could not fetch the wheels")


def run(command: list[str], problem: str) -> None:
    outcome = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603 - its words are ours
    if outcome.returncode:
        raise RuntimeFailed(f"{problem}:\n{outcome.stderr.strip()}")


@dataclass(frozen=True)
class Wheel:
    """A wheel file: its name as Pyodide's lock spells it, its version and its metadata."""

    file: Path
    name: str
    version: str
    metadata: Message

    @classmethod
    def read(cls, file: Path) -> Wheel:
        distribution, version, *_ = file.stem.split("-")
        with zipfile.ZipFile(file) as archive:
            metadata = archive.read(f"{distribution}-{version}.dist-info/METADATA").decode()
        return cls(file, normalized(distribution), version, email.message_from_string(metadata))

    def required(self) -> set[str]:
        """Names of what it requires on any platform, its optional extras left out."""
        lines = [line for line in self.metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
        return {normalized(re.split(r"[^\w.-]", line, maxsplit=1)[0]) for line in lines}


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def lock_entry(wheel: Wheel, original: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """The entry that `original` becomes for a wheel from PyPI, when only the packages in `names` are there.

    What it depends on is read from the wheel: Pyodide's own entry of pytest asks for six packages that pytest has
    not needed for years, and does not name `packaging`, which it does need.
    """
    if wheel.version != original["version"]:
        raise RuntimeFailed(f"{wheel.file.name} is pinned, but this Pyodide's lock names version {original['version']}")
    return original | {
        "file_name": wheel.file.name,
        "sha256": hashlib.sha256(wheel.file.read_bytes()).hexdigest(),
        "depends": sorted(wheel.required() & names),
    }


if __name__ == "__main__":
    main()
