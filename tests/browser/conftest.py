"""Fixtures for tests of webchat_py inside Pyodide, in a real browser, by pytest-pyodide.

A test is a function that runs in the browser; its first argument names the fixture and is None inside:

    from pytest_pyodide import run_in_pyodide

    @run_in_pyodide
    async def hello_is_answered(selenium, url):
        from webchat_py import get_client

        client = get_client(client_id="local", api_url=url)
        ...
        assert message.text == "hello"

    def test_hello_is_answered(selenium_client, webchat_server):
        hello_is_answered(selenium_client, webchat_server.url)

or, with a fixture that gives the plain value (`server_url` is one), in one piece:

    @run_in_pyodide
    async def test_hello_is_answered(selenium_client, server_url):
        ...

- Only the function's own source travels: import inside it, and use nothing of the module around it. What tests share
  is in in_browser.py beside this file, a module that is there in Pyodide.
- Arguments and the returned value are pickled: plain values only.
- An exception comes back as itself and fails the test with its traceback in the browser; `assert` shows its parts.
- `selenium_client` runs on the page's main thread, `selenium_worker_client` in a worker, `selenium_either_client`
  once in each. The tests of a module share a page as long as they pass, for starting Pyodide takes seconds; tasks end
  with their test. `@pytest.mark.fresh_page` gives a test a page, a Pyodide and browser storage of its own.
- The page comes from pytest-pyodide's own web server, so the API stands on another origin and CORS is exercised.
- A script may take 60 s; `@pytest.mark.driver_timeout(120)` asks for more.
- Leaks: call `selenium_client.enable_pyproxy_tracing()`, run one function, compare `selenium_client.get_num_proxies()`
  before and after.
"""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Generator, Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from pytest_pyodide.server import DefaultHandler
from pytest_pyodide.utils import parse_driver_timeout

from tests.support.browsers import forget, leave_page, running
from tests.support.proxy import FaultyProxy
from tests.support.server import WebchatServer
from tests.support.sockets import ScriptedSockets
from tests.support.visitor import Visitor

pytest.register_assert_rewrite("tests.browser.schedules")  # so that it shows what differs

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "build" / "pyodide-dist"
IN_BROWSER = Path(__file__).with_name("in_browser.py")
PASSED = pytest.StashKey[bool]()
SCRIPT_TIMEOUT = 60.0  # seconds


class DistHandler(DefaultHandler):  # type: ignore[misc]  # pytest-pyodide has no types
    """Serves pytest-pyodide's own pages and build/pyodide-dist."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def web_server_main() -> Iterator[tuple[str, int, None]]:
    """In place of pytest-pyodide's server, which has one thread: a connection that Chromium opens in advance and
    leaves idle keeps it from answering any other for up to two minutes."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(DistHandler, directory=str(DIST))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield "127.0.0.1", server.server_port, None
        server.shutdown()


@pytest.fixture
def server_url(webchat_server: WebchatServer) -> str:
    """The API's URL as a plain string, as a function that runs in the browser can take it."""
    return webchat_server.url


@pytest.fixture(scope="session")
def helper_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server whose bot gives the answers of tests/support/bots.py."""
    with WebchatServer(tmp_path_factory.mktemp("data"), "--bot", "tests.support.bots:answer") as server:
        yield server.url


@pytest.fixture
def proxy_url(helper_url: str) -> Iterator[str]:
    """The URL of a proxy before the server of `helper_url`, which misbehaves as the test tells it."""
    with FaultyProxy(helper_url) as proxy:
        yield proxy.url


@pytest.fixture(scope="session")
def faulty_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebchatServer]:
    """A server like that of `helper_url` that goes wrong as a test tells it, and sends pings often."""
    arguments = ["--bot", "tests.support.bots:answer", "--faults", "none", "--ping-interval", "0.2"]
    with WebchatServer(tmp_path_factory.mktemp("data"), *arguments) as server:
        yield server


@pytest.fixture
def faulty_url(faulty_server: WebchatServer) -> Iterator[str]:
    """The URL of a proxy before `faulty_server`. Both misbehave as the test tells them."""
    with FaultyProxy(faulty_server.url) as proxy:
        yield proxy.url
    _end_faults(faulty_server)


@pytest.fixture
def sockets_url(faulty_server: WebchatServer) -> Iterator[str]:
    """The URL of `faulty_server` itself, for mode "messaging"."""
    yield faulty_server.url
    _end_faults(faulty_server)


def _end_faults(server: WebchatServer) -> None:
    request = Request(f"{server.url}/faults", b"[]", method="PUT")
    with urlopen(request) as answer:
        assert answer.status == 200


@pytest.fixture(scope="session")
def scripted_url() -> Iterator[str]:
    """The URL of a server whose WebSockets say what the test wants. See tests/support/sockets.py."""
    with ScriptedSockets() as sockets:
        yield sockets.url


@pytest.fixture
def killable(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The URL of a server with the bot of tests/support/bots.py, and that of a proxy which kills and starts it by
    command, and by which it can be asked as well."""
    server = WebchatServer(tmp_path, "--bot", "tests.support.bots:answer")
    with server, FaultyProxy(server.url, server) as proxy:
        yield server.url, proxy.url


@pytest.fixture(scope="session")
def wheel() -> Path:
    """The wheel of webchat_py that the test pages load; fails if it is not that of the sources."""
    (path,) = DIST.glob("webchat_py-*.whl")
    sources = {
        str(file.relative_to(ROOT)): file.read_bytes()
        for file in (ROOT / "webchat_py").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    with zipfile.ZipFile(path) as archive:
        packed = {name: archive.read(name) for name in archive.namelist() if name.startswith("webchat_py/")}
    assert packed == sources, "webchat_py/ has changed since its wheel was built: run ./build.sh"
    return path


@pytest.fixture(scope="session")
def main_thread_browser(web_server_main: tuple[str, int, None]) -> Iterator[Any]:
    with running(web_server_main, worker=False) as runner:
        yield runner


@pytest.fixture(scope="session")
def worker_browser(web_server_main: tuple[str, int, None]) -> Iterator[Any]:
    with running(web_server_main, worker=True) as runner:
        yield runner


@pytest.fixture(scope="session")
def page_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyProxy]:
    """A proxy before a server with the chat page and the bot of tests/page/bot.py."""
    arguments = ["--web", str(ROOT / "web"), "--bot", "tests.page.bot:answer"]
    with WebchatServer(tmp_path_factory.mktemp("page"), *arguments) as server, FaultyProxy(server.url) as proxy:
        yield proxy


@pytest.fixture
def visitor(main_thread_browser: Any, page_proxy: FaultyProxy) -> Iterator[Visitor]:
    """Somebody whose browser knows nothing of the page yet, behind `page_proxy`, which keeps to nothing that an earlier
    test told it."""
    leave_page(main_thread_browser)
    main_thread_browser.module_of_page = None
    visitor = Visitor(main_thread_browser.driver, page_proxy.url)
    visitor.driver.get(f"{page_proxy.url}/favicon.svg")
    visitor.driver.execute_script("localStorage.clear()")
    yield visitor
    leave_page(main_thread_browser)
    page_proxy.clear()


@pytest.fixture
def selenium_client(request: pytest.FixtureRequest, main_thread_browser: Any, wheel: Path) -> Iterator[Any]:
    """A page with Pyodide on its main thread, and webchat_py installed."""
    yield from page_of_module(request, main_thread_browser, wheel)


@pytest.fixture
def selenium_worker_client(request: pytest.FixtureRequest, worker_browser: Any, wheel: Path) -> Iterator[Any]:
    """A page with Pyodide in a worker, and webchat_py installed there."""
    yield from page_of_module(request, worker_browser, wheel)


@pytest.fixture(params=["selenium_client", "selenium_worker_client"])
def selenium_either_client(request: pytest.FixtureRequest) -> Any:
    """The test runs twice: with Pyodide on the page's main thread, and in a worker."""
    return request.getfixturevalue(request.param)


def page_of_module(request: pytest.FixtureRequest, runner: Any, wheel: Path) -> Iterator[Any]:
    """A page with Pyodide that the tests of one module share, as long as they pass: starting it takes seconds.

    After each test all tasks are cancelled, and with them the streams; after a failure the next test gets a new page.
    """
    if not runner.driver.is_running:
        leave_page(runner)
    runner.set_script_timeout(parse_driver_timeout(request.node) or SCRIPT_TIMEOUT)
    fresh = request.node.get_closest_marker("fresh_page") is not None
    if fresh or getattr(runner, "module_of_page", None) != request.node.path:
        start_page(runner, wheel)
    runner.module_of_page = None
    logged = len(runner.logs)
    yield runner
    if runner.driver.is_running:
        print(runner.logs[logged:])  # noqa: T201 - pytest shows it with a failure
    if request.node.stash.get(PASSED, False):
        runner.run_async("from in_browser import cancel_tasks; await cancel_tasks()")
        runner.module_of_page = None if fresh else request.node.path
    else:
        leave_page(runner)


def start_page(runner: Any, wheel: Path) -> None:
    """Load the page as a new visitor does."""
    forget(runner)
    load_page(runner, wheel)


def load_page(runner: Any, wheel: Path) -> None:
    """Load the page, or load it again: what the browser keeps for it stays."""
    runner.prepare_driver()
    runner.javascript_setup()
    runner.load_pyodide()
    runner.initialize_pyodide()
    runner.load_package(f"{runner.base_url}/{wheel.name}")
    runner.run(f"import pathlib; pathlib.Path('in_browser.py').write_text({IN_BROWSER.read_text()!r})")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[PASSED] = report.passed
    return report
