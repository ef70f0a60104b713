"""Python in workers: a plain one with Pyodide and the wheel and nothing else, PyScript's, a notebook's kernel."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.notebook.notebook import Notebook
from tests.support.browsers import driven
from tests.support.files import FileServer
from tests.support.proxy import FaultyProxy
from tests.support.server import WebchatServer

ROOT = Path(__file__).resolve().parents[2]
WORKBENCH = Path(__file__).with_name("workbench")


IN_TIME = 60.0  # seconds
_RUN = """
const [code, done] = arguments;
run(code).then(result => done({ result }), error => done({ error: error.message }));
"""


class PythonError(Exception):
    """What Python on a page raised, and its traceback there."""


class Worker:
    """Python in the worker of a page, which `driver` shows, and whose browser switches stacks or not."""

    def __init__(self, driver: Any = None, switches: bool = True) -> None:
        self._driver = driver
        self.switches = switches

    def run(self, code: str, **values: Any) -> Any:
        """Run code in which the names of `values` have these values; returns what the last line of it is, by JSON."""
        lines = [f"{name} = {value!r}" for name, value in values.items()]
        *body, last = textwrap.dedent(code).strip().splitlines()
        return json.loads(self._run("\n".join(["import json", *lines, *body, f"json.dumps({last})"])))

    def complaint(self, code: str, **values: Any) -> str:
        """What code raises, as `Type: message`."""
        body = textwrap.indent(textwrap.dedent(code).strip(), "    ")
        rescue = "except Exception as error:\n    said = f'{type(error).__name__}: {error}'"
        said: str = self.run(f"said = 'nothing'\ntry:\n{body}\n{rescue}\nsaid", **values)
        return said

    def reload(self) -> None:
        """Load the page anew, with a new worker."""
        self._driver.refresh()

    def _run(self, code: str) -> str:
        """What the last line of code is."""
        answer = self._driver.execute_async_script(_RUN, code)
        if "error" in answer:
            raise PythonError(answer["error"])
        result: str = answer["result"]
        return result


class Kernel(Worker):
    """The kernel of a notebook."""

    def __init__(self, opened: Notebook) -> None:
        super().__init__()
        self._notebook = opened

    def reload(self) -> None:
        self._notebook.reload()

    def _run(self, code: str) -> str:
        *body, last = code.splitlines()
        cell = self._notebook.run("\n".join([*body, f"print({last})"]))
        return cell.locator('[data-mime-type="application/vnd.jupyter.stdout"]').inner_text()


@pytest.fixture(scope="session")
def bot_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server with the bot of tests/support/bots.py."""
    with WebchatServer(tmp_path_factory.mktemp("data"), "--bot", "tests.support.bots:answer") as server:
        yield server.url


@pytest.fixture
def proxy(bot_url: str) -> Iterator[FaultyProxy]:
    """A proxy before the server of `bot_url`, which knows what was asked for. Name it before the worker."""
    with FaultyProxy(bot_url) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def runtime() -> Iterator[FileServer]:
    """Pyodide and the wheels, on an origin of their own."""
    with FileServer(ROOT / "build" / "pyodide-dist") as server:
        yield server


@pytest.fixture(scope="session")
def workbench() -> Iterator[FileServer]:
    with FileServer(WORKBENCH) as server:
        yield server


@contextmanager
def open_worker(workbench: FileServer, runtime: FileServer, **options: str) -> Iterator[Worker]:
    """A worker in a browser of its own, or what `options` ask for (workbench/index.js)."""
    (wheel,) = (ROOT / "dist").glob("webchat_py-*.whl")
    query = {"runtime": runtime.url, "package": f"{runtime.url}/{wheel.name}", **options}
    with driven() as driver:
        driver.set_script_timeout(IN_TIME)
        driver.get(f"{workbench.url}/index.html?{urlencode(query)}")
        yield Worker(driver, options.get("switching") != "off")


SWITCHING = pytest.mark.missing_in("webkit", because="stack switching (JSPI)")


@pytest.fixture(
    scope="session",
    params=[pytest.param("on", id="switching stacks", marks=SWITCHING), pytest.param("off", id="not switching")],
)
def either_worker(request: pytest.FixtureRequest, workbench: FileServer, runtime: FileServer) -> Iterator[Worker]:
    """A worker in a browser that can switch stacks, and one in a browser that cannot."""
    with open_worker(workbench, runtime, switching=request.param) as worker:
        yield worker


@pytest.fixture
def worker(either_worker: Worker) -> Iterator[Worker]:
    """The worker that all tests share. `client` is disconnected in the end: a browser has six connections."""
    yield either_worker
    either_worker.run("if 'client' in globals():\n    client.disconnect()\n    del client\n1")
