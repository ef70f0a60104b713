"""Assemble what a browser loads, from npm and PyPI packages. Called by build.sh only, with
web/server on Python's path.

    assemble.py key PATH...        print a hash of files and folders, by name and content
    assemble.py vendor FOLDER      fill FOLDER with what the page loads: Pyodide, PyScript, marked, DOMPurify
    assemble.py lite FOLDER        fill FOLDER with the JupyterLite site of the notebooks
    assemble.py test-dist FOLDER   fill FOLDER with what webchat-runtime makes, the page's wheels and the tests'
    assemble.py peers FOLDER       fill FOLDER with the original JavaScript clients, for tests

`webchat_server/runtime.py` tells of the lock that stands beside a Pyodide.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from webchat_server import runtime

WEB = Path(__file__).resolve().parent
NODE_MODULES = WEB / "node_modules"
PAGE_WHEELS = WEB / "pyodide-requirements.txt"
NOTEBOOKS = WEB / "notebooks"
KERNEL_WHEELS = NOTEBOOKS / "pyodide-requirements.txt"
TEST_WHEELS = WEB.parent / "tests" / "pyodide-requirements.txt"
PIPLITE_WHEELS = NOTEBOOKS / "piplite-requirements.txt"

# folder under vendor/ -> folder under node_modules/, and the files taken from it
FROM_NPM = {
    "pyodide": ("pyodide", runtime.CORE),
    "pyscript": ("@pyscript/core/dist", ("*.js", "*.css")),
    "marked": ("marked/lib", ("marked.esm.js",)),
    "dompurify": ("dompurify/dist", ("purify.es.mjs",)),
}

# module under build/peers/ -> what it holds
PEERS = {
    "webchat-2.2.2.mjs": 'export { getClient } from "@botpress/webchat"',
    "webchat-client-0.7.3.mjs": 'export * from "@botpress/webchat-client"',
}

COMPRESSIBLE_FROM = 16 * 1024  # bytes; below this a second file beside the first is not worth it
COMPRESSION_MUST_SAVE = 0.1  # of the size: python_stdlib.zip and wheels are compressed already


def main(arguments: list[str]) -> None:
    match arguments:
        case ["key", *paths] if paths:
            print(key([Path(path) for path in paths]))
        case ["vendor", folder]:
            assemble_vendor(Path(folder))
        case ["lite", folder]:
            assemble_lite(Path(folder))
        case ["test-dist", folder]:
            runtime.assemble(Path(folder))
            add_wheels(Path(folder), [PAGE_WHEELS, TEST_WHEELS])
        case ["peers", folder]:
            for module, source in PEERS.items():
                bundle(source, Path(folder) / module)
        case _:
            sys.exit(__doc__)


def key(paths: list[Path]) -> str:
    """A hash that changes when a file in `paths` changes, appears, goes or is renamed."""
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(source_files(path)):
            name = str(file.relative_to(path.parent))
            digest.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def source_files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    for file in path.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            yield file


def assemble_vendor(vendor: Path) -> None:
    for name in FROM_NPM:
        copy_from_npm(name, vendor / name)
    add_wheels(vendor / "pyodide", [PAGE_WHEELS])
    for file in [file for file in vendor.rglob("*") if file.is_file()]:
        compress(file)


def assemble_lite(site: Path) -> None:
    """JupyterLite with a Pyodide of its own, so that the folder can be served anywhere and asks nobody else."""
    with tempfile.TemporaryDirectory() as folder:
        wheels = Path(folder, "wheels")
        runtime.download([PIPLITE_WHEELS], wheels)
        shutil.copyfile(NOTEBOOKS / "jupyter-lite.json", Path(folder, "jupyter-lite.json"))
        # Without contents: for those it would want jupyter-server, forty packages for one small index
        options = ["--lite-dir", folder, "--output-dir", str(site), "--piplite-wheels", str(wheels), "--no-sourcemaps"]
        outcome = subprocess.run(
            [sys.executable, "-m", "jupyterlite_core", "build", *options],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if outcome.returncode:
            sys.exit(f"jupyter lite build failed:\n{outcome.stdout}")
    copy_from_npm("pyodide", site / "static" / "pyodide")
    add_wheels(site / "static" / "pyodide", [PAGE_WHEELS, KERNEL_WHEELS])
    add_contents(sorted(NOTEBOOKS.glob("*.ipynb")), site)
    for file in [file for file in site.rglob("*") if file.is_file()]:
        compress(file)


def add_contents(notebooks: list[Path], site: Path) -> None:
    """Put the notebooks into the site, and the list of them in the form of Jupyter Server's contents API."""
    for folder in ("files", "api/contents"):
        (site / folder).mkdir(parents=True, exist_ok=True)
    for notebook in notebooks:
        shutil.copyfile(notebook, site / "files" / notebook.name)
    root = contents_entry("directory", "", "json") | {"content": [notebook_entry(file) for file in notebooks]}
    (site / "api" / "contents" / "all.json").write_text(json.dumps(root, indent=1) + "\n")


def notebook_entry(notebook: Path) -> dict[str, Any]:
    return contents_entry("notebook", notebook.name, "json") | {"size": notebook.stat().st_size}


def contents_entry(kind: str, name: str, form: str) -> dict[str, Any]:
    # One fixed time, as in the wheels: the site is the same whenever it is built
    times = dict.fromkeys(("created", "last_modified"), "1980-01-01T00:00:00Z")
    entry = {"type": kind, "name": name, "path": name, "format": form, "mimetype": None, "content": None}
    return entry | times | {"writable": True}


def copy_from_npm(name: str, target: Path) -> None:
    package_folder, patterns = FROM_NPM[name]
    target.mkdir(parents=True, exist_ok=True)
    for pattern in patterns:
        files = sorted((NODE_MODULES / package_folder).glob(pattern))
        if not files:
            sys.exit(f"npm package {package_folder} has no file {pattern}")
        for file in files:
            shutil.copyfile(file, target / file.name)


def add_wheels(folder: Path, requirements: list[Path]) -> None:
    """Put the wheels of `requirements` beside Pyodide's core in `folder`, and write the lock that names them."""
    lock = json.loads((NODE_MODULES / "pyodide" / runtime.LOCK).read_text())
    runtime.add_wheels(folder, requirements, lock)


def compress(file: Path) -> None:
    """Write `file`.gz beside a large file that gzip makes much smaller; the server sends it instead."""
    content = file.read_bytes()
    if len(content) < COMPRESSIBLE_FROM:
        return
    packed = gzip.compress(content, mtime=0)
    if len(packed) < (1 - COMPRESSION_MUST_SAVE) * len(content):
        file.with_name(f"{file.name}.gz").write_bytes(packed)


def bundle(source: str, module: Path) -> None:
    """Bundle `source` and all it imports from npm into one ES module, with esbuild."""
    # React, which the original client imports, asks for NODE_ENV; its style sheet is of no use to a test
    options = ["--bundle", "--format=esm", "--loader:.css=empty", '--define:process.env.NODE_ENV="production"']
    esbuild = [str(NODE_MODULES / ".bin" / "esbuild"), "--log-level=warning", f"--outfile={module}"]
    subprocess.run([*esbuild, *options], check=True, cwd=WEB, input=source, text=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except runtime.RuntimeFailed as error:
        sys.exit(str(error))
