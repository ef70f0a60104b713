"""Python in workers: a plain one with Pyodide and the wheel and nothing else, PyScript's, a notebook's kernel."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page

from tests.notebook.notebook import Notebook
from tests.support.files import FileServer
from tests.support.server import WebchatServer

ROOT = Path(__file__).resolve().parents[2]
WORKBENCH = Path(__file__).with_name("workbench")


# Playwright itself would wait for ever
_IN_TIME = """code => Promise.race([
    run(code),
    new Promise((_, reject) => setTimeout(() => reject(new Error("Python still runs after 60 s")), 60000)),
])"""


class Worker:
    """Python in the worker of a page, whose browser switches stacks or not."""

    def __init__(self, page: Page, switches: bool = True) -> None:
        self.page = page
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
        self.page.reload()

    def _run(self, code: str) -> str:
        """What the last line of code is."""
        result: str = self.page.evaluate(_IN_TIME, code)
        return result


class Kernel(Worker):
    """The kernel of a notebook."""

    def __init__(self, opened: Notebook) -> None:
        super().__init__(opened.page)
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


@pytest.fixture(scope="session")
def runtime() -> Iterator[FileServer]:
    """Pyodide and the wheels, on an origin of their own."""
    with FileServer(ROOT / "build" / "pyodide-dist") as server:
        yield server


@pytest.fixture(scope="session")
def workbench() -> Iterator[FileServer]:
    with FileServer(WORKBENCH) as server:
        yield server


def open_worker(chromium: Browser, workbench: FileServer, runtime: FileServer, **options: str) -> Worker:
    """A worker, or what `options` ask for (workbench/index.js); close `worker.page.context` in the end."""
    (wheel,) = (ROOT / "dist").glob("webchat_py-*.whl")
    query = {"runtime": runtime.url, "package": f"{runtime.url}/{wheel.name}", **options}
    page = chromium.new_context().new_page()
    page.set_default_timeout(120_000)
    page.goto(f"{workbench.url}/index.html?{urlencode(query)}")
    return Worker(page, options.get("switching") != "off")


@pytest.fixture(scope="session", params=["on", "off"], ids=["switching stacks", "not switching"])
def either_worker(
    request: pytest.FixtureRequest, chromium: Browser, workbench: FileServer, runtime: FileServer
) -> Iterator[Worker]:
    """A worker in a browser that can switch stacks, and one in a browser that cannot."""
    worker = open_worker(chromium, workbench, runtime, switching=request.param)
    yield worker
    worker.page.context.close()


@pytest.fixture
def worker(either_worker: Worker) -> Iterator[Worker]:
    """The worker that all tests share. `client` is disconnected in the end: a browser has six connections."""
    yield either_worker
    either_worker.run("if 'client' in globals():\n    client.disconnect()\n    del client\n1")
