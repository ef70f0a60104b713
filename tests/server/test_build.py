"""What build.sh made, and what it says where something is missing."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from webchat_server import runtime

ROOT = Path(__file__).resolve().parents[2]
PYODIDES = [
    ROOT / "web" / "vendor" / "pyodide",
    ROOT / "web" / "lite" / "static" / "pyodide",
    ROOT / "build" / "pyodide-dist",
]


def build(root: Path, *arguments: str, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    command = [shutil.which("bash") or "bash", str(root / "build.sh"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"PATH": path})


@pytest.fixture
def newcomer(tmp_path: Path) -> Path:
    """A checkout where nothing has been built, in a folder with a space in its name."""
    root = tmp_path / "a check out"
    needs = [f"web/{name}requirements.txt" for name in ("build-", "server/", "notebooks/")]
    server = "web/server/webchat_server"
    modules = [f"{server}/__init__.py", f"{server}/runtime.py", f"{server}/runtime-requirements.txt"]
    for name in ("build.sh", "web/assemble.py", *modules, *needs):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    return root


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A folder for the PATH that holds only the usual small tools."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("dirname", "mkdir", "mktemp", "rm", "cat"):
        (folder / tool).symlink_to(str(shutil.which(tool)))
    return folder


def put_tool(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!{shutil.which('bash')}\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize("folder", PYODIDES, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_lock_names_the_wheels_that_are_there(folder: Path) -> None:
    packages = json.loads((folder / "pyodide-lock.json").read_text())["packages"]
    assert {"micropip", "pyodide-http"} <= set(packages)
    for package in packages.values():
        wheel = (folder / package["file_name"]).read_bytes()
        assert package["sha256"] == hashlib.sha256(wheel).hexdigest(), package["name"]
        assert set(package["depends"]) <= set(packages), package["name"]


def test_webchat_runtime_fetches_the_pyodide_that_the_page_has() -> None:
    locked = json.loads((ROOT / "web" / "package-lock.json").read_text())["packages"]["node_modules/pyodide"]
    assert (runtime.VERSION, f"sha512-{runtime.INTEGRITY}") == (locked["version"], locked["integrity"])


def test_webchat_runtime_leaves_nothing_behind_where_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools, work = tmp_path / "bin", tmp_path / "work"
    tools.mkdir()
    put_tool(tools, "npm", "echo forged >$5/pyodide.tgz")
    monkeypatch.setenv("PATH", str(tools))
    with pytest.raises(runtime.RuntimeFailed, match="is not what was published under that name"):
        runtime.assemble(work / "runtime")
    (tools / "npm").unlink()
    with pytest.raises(runtime.RuntimeFailed, match="npm is needed"):
        runtime.assemble(work / "runtime")
    assert list(work.iterdir()) == []


def test_compressed_files_hold_what_stands_beside_them() -> None:
    compressed = list((ROOT / "web" / "vendor").rglob("*.gz"))
    assert {"pyodide.asm.wasm.gz", "pyodide.asm.mjs.gz"} <= {file.name for file in compressed}
    for file in compressed:
        assert gzip.decompress(file.read_bytes()) == file.with_suffix("").read_bytes(), file


def test_wheel_stands_beside_the_page_and_in_the_tests_pyodide() -> None:
    (wheel,) = (ROOT / "dist").glob("webchat_py-*.whl")
    assert {file.name.partition("-")[0] for file in (ROOT / "dist").glob("*.whl")} == {
        "webchat_py",
        "webchat_py_server",
        "webchat_py_ui",
    }
    for folder in (ROOT / "web" / "vendor", ROOT / "build" / "pyodide-dist"):
        (copy,) = folder.glob("webchat_py-*.whl")
        assert (copy.name, copy.read_bytes()) == (wheel.name, wheel.read_bytes())


def test_building_again_makes_nothing() -> None:
    outcome = build(ROOT)
    assert (outcome.returncode, outcome.stderr) == (0, "")


def test_verb_that_does_not_exist(newcomer: Path) -> None:
    outcome = build(newcomer, "dance")
    assert (outcome.returncode, outcome.stdout) == (2, "")
    assert "./build.sh run" in outcome.stderr


def test_old_python_is_named(newcomer: Path, bare_path: Path) -> None:
    put_tool(bare_path, "python3", '[ "$1" = --version ] && echo Python 3.9.2')
    outcome = build(newcomer, path=str(bare_path))
    assert outcome.returncode == 1
    assert "Python 3.11 or newer is needed; Python 3.9.2 was found" in outcome.stderr


def test_missing_node_is_named(newcomer: Path, bare_path: Path) -> None:
    (bare_path / "python3").symlink_to(sys.executable)
    outcome = build(newcomer, "run", path=str(bare_path))
    assert outcome.returncode == 1
    assert "Node.js 20 or newer is needed; no node was found" in outcome.stderr
    assert not (newcomer / ".venv").exists()


def test_old_node_is_named(newcomer: Path, bare_path: Path) -> None:
    (bare_path / "python3").symlink_to(sys.executable)
    put_tool(bare_path, "npm", "exit 1")
    put_tool(bare_path, "node", '[ "$1" = --version ] && echo v18.19.0 || echo false')
    outcome = build(newcomer, path=str(bare_path))
    assert outcome.returncode == 1
    assert "Node.js 20 or newer is needed; v18.19.0 was found" in outcome.stderr


def test_missing_pushpin_is_named(newcomer: Path, bare_path: Path) -> None:
    (bare_path / "python3").symlink_to(sys.executable)
    outcome = build(newcomer, "run", "--pushpin", path=str(bare_path))
    assert outcome.returncode == 1
    assert "On Debian and Ubuntu, apt-get install pushpin zurl as root." in outcome.stderr
    assert not (newcomer / ".venv").exists()


def test_committed_files_name_no_registry() -> None:
    hosts = ["pypi" + ".org", "pythonhosted" + ".org", "registry.npmjs" + ".org", "jsdelivr" + ".net", "unpkg" + ".com"]
    patterns = [argument for host in hosts for argument in ("-e", host)]
    outcome = subprocess.run(["git", "grep", "-lF", *patterns], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (outcome.returncode, outcome.stdout) == (1, ""), "git grep found something, or could not search"
