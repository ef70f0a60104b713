"""Who may import what: the wire room does no I/O, and only the browser room knows the browser."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "webchat_py"
# sys: for intern
PURE = {"__future__", "collections", "dataclasses", "datetime", "html", "itertools", "json", "re", "sys", "typing"}
STANDARD = PURE | {"asyncio", "contextlib", "difflib", "logging", "os", "types", "weakref"}
BROWSER = STANDARD | {"js", "mimetypes", "pyodide"}


def imports(path: Path) -> set[str]:
    """The modules a file imports: those of the package as `.room`, others by their first name."""
    room = path.relative_to(PACKAGE).parent.parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.ImportFrom):
            base = room[: len(room) - node.level + 1]
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found |= {"." + ".".join((*base, *name.split("."))) for name in names}
    return found


def outside(names: set[str], allowed: set[str], rooms: tuple[str, ...]) -> set[str]:
    return {name for name in names if name not in allowed and not name.startswith(rooms)}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_stay_in_their_room(path: Path) -> None:
    match path.relative_to(PACKAGE).parts[0]:
        case "wire":
            assert outside(imports(path), PURE, (".wire",)) == set()
        case "browser":
            assert outside(imports(path), BROWSER, (".wire", ".browser")) == set()
        case "factory.py" | "blocking.py":  # where the rooms are put together
            assert outside(imports(path), STANDARD | {"functools", "pyodide_http", "time"}, (".",)) == set()
        case "widget.py":  # which draws in a notebook, where IPython is
            assert outside(imports(path), STANDARD | {"IPython"}, (".",)) == set()
        case _:
            names = imports(path)
            assert outside(names, STANDARD, (".",)) == set()
            assert not any(name.startswith(".browser") for name in names)


def test_the_check_sees_a_forbidden_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.PACKAGE", tmp_path)
    (tmp_path / "wire").mkdir()
    offender = tmp_path / "wire" / "offender.py"
    offender.write_text("import asyncio, js.fetch\nfrom ..browser.fetch import send\nfrom . import sse\n")
    assert outside(imports(offender), PURE, (".wire",)) == {"asyncio", "js", ".browser.fetch"}
