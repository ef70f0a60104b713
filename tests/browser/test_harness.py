"""The harness itself: where the code of a test runs, that assertions reach pytest, that tests are kept apart, and that
none can be left out in silence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_pyodide import run_in_pyodide

ROOT = Path(__file__).resolve().parents[2]


@run_in_pyodide
async def where_am_i(selenium: Any) -> tuple[str, bool]:
    import asyncio
    import json
    import sys

    import js

    await asyncio.sleep(0)
    return json.loads(json.dumps(".".join(map(str, sys.version_info[:2])))), hasattr(js, "document")


def test_main_thread_runs_pyodide_314_beside_the_document(selenium_client: Any) -> None:
    assert where_am_i(selenium_client) == ("3.14", True)


def test_worker_runs_pyodide_314_without_a_document(selenium_worker_client: Any) -> None:
    assert where_am_i(selenium_worker_client) == ("3.14", False)


@run_in_pyodide
async def compare(selenium: Any, left: list[int], right: list[int]) -> None:
    assert left == right


def test_assertion_shows_its_parts(selenium_either_client: Any) -> None:
    with pytest.raises(AssertionError, match=r"assert \[1, 2\] == \[1, 3\]"):
        compare(selenium_either_client, [1, 2], [1, 3])


@run_in_pyodide
async def leave_traces(selenium: Any) -> list[str]:
    """Leave a value in a module and in storage, and say which were found there."""
    import json

    import js

    found = [
        name
        for name, there in {
            "module": hasattr(json, "trace"),
            "storage": js.localStorage.getItem("trace") == "left",
        }.items()
        if there
    ]
    json.trace = "left"  # type: ignore[attr-defined]
    js.localStorage.setItem("trace", "left")
    return found


@pytest.mark.fresh_page
@pytest.mark.parametrize("turn", [1, 2])
def test_no_trace_of_another_test_is_left_on_a_fresh_page(selenium_client: Any, turn: int) -> None:
    assert leave_traces(selenium_client) == [], f"turn {turn}"
    assert leave_traces(selenium_client) == ["module", "storage"], "within one test they stay"


@run_in_pyodide
async def start_an_endless_task(selenium: Any) -> int:
    """Start a task that never ends by itself, and say how many there are beside this one."""
    import asyncio

    import js

    task = asyncio.ensure_future(asyncio.Event().wait())
    js.kept = task
    await asyncio.sleep(0)
    return len(asyncio.all_tasks()) - 1


@pytest.mark.parametrize("turn", [1, 2])
def test_no_task_of_another_test_is_left(selenium_client: Any, turn: int) -> None:
    assert start_an_endless_task(selenium_client) == 1, f"turn {turn}"


@run_in_pyodide
async def make_proxies(selenium: Any, count: int) -> None:
    import js
    from pyodide.ffi import create_proxy

    js.kept = js.Array.new()
    for _ in range(count):
        js.kept.push(create_proxy(lambda: None))


def test_leaked_proxies_can_be_counted(selenium_either_client: Any) -> None:
    selenium_either_client.enable_pyproxy_tracing()
    make_proxies(selenium_either_client, 0)
    before = selenium_either_client.get_num_proxies()
    make_proxies(selenium_either_client, 3)
    assert selenium_either_client.get_num_proxies() == before + 3


@run_in_pyodide
async def docstring_of_the_package(selenium: Any) -> str:
    import in_browser

    import webchat_py

    assert in_browser.__doc__
    return webchat_py.__doc__ or ""


def test_webchat_py_and_the_helpers_are_installed(selenium_either_client: Any) -> None:
    assert docstring_of_the_package(selenium_either_client)


@run_in_pyodide
async def ask_the_server(selenium: Any, url: str) -> int:
    from pyodide.http import pyfetch

    response = await pyfetch(f"{url}/harness/users", method="POST", body="{}")
    return int(response.status)


def test_server_of_another_origin_answers(selenium_either_client: Any, server_url: str) -> None:
    assert ask_the_server(selenium_either_client, server_url) == 201


SUITES_THAT_FAIL = {
    "a skipped test": "@pytest.mark.skip\ndef test(): pass",
    "a test that skips itself": "def test(): pytest.skip('not today')",
    "a skipped module": "pytest.skip('not today', allow_module_level=True)",
    "an expected failure": "@pytest.mark.xfail\ndef test(): assert False",
    "an expected failure that passes": "@pytest.mark.xfail\ndef test(): pass",
    "a test that a plugin loses": "def test_lost(): pass",
    "no test": "",
}


def run_pytest(folder: Path, source: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text("def pytest_runtest_protocol(item): return item.name == 'test_lost' or None")
    if source:
        (folder / "test_it.py").write_text(f"import pytest\n{source}\n")
        (folder / "test_other.py").write_text("def test_passes(): pass\n")
    plugins = ("-p", "no:asyncio", "-p", "no:pyodide", "-p", "tests.support.policy")
    command = [sys.executable, "-m", "pytest", "--rootdir", str(folder), *plugins, *options, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.mark.parametrize("case", SUITES_THAT_FAIL)
def test_run_fails_for(case: str, tmp_path: Path) -> None:
    outcome = run_pytest(tmp_path, SUITES_THAT_FAIL[case])
    assert outcome.returncode != 0, outcome.stdout


def test_run_passes_without_what_the_caller_left_out(tmp_path: Path) -> None:
    tally = tmp_path / "tally"
    outcome = run_pytest(tmp_path, SUITES_THAT_FAIL["a skipped test"], "-k", "passes", "--tally", str(tally))
    assert outcome.returncode == 0, outcome.stdout
    assert tally.read_text() == "1\n"
