"""The pytest plugin: talk to a bot of one's own from a real browser, by webchat_py.

    # pytest.ini                          # test_bot.py
    [pytest]                              def test_it_greets(webchat):
    webchat_bot = mybot:answer                assert "Welcome" in webchat.ask("hello")[0].text

`webchat` is a new user in a conversation of their own; `webchat_url` is the URL of the server with the bot, and
`webchat_page` the page, for functions with pytest-pyodide's `@run_in_pyodide`. The plugin does nothing in a project
whose settings name no `webchat_bot`.
"""

from __future__ import annotations

import base64
import io
import pickle
import subprocess
import sys
import threading
import zipfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import ThreadingHTTPServer
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from webchat_py.blocking import BlockingClient

_BOT, _RUNTIME = "webchat_bot", "webchat_runtime"
_LISTENING = "Listening on "
_START_WAIT = 60.0  # seconds, of which the bot's import is a part
_SCRIPT_TIMEOUT = 600.0  # seconds; the calls have timeouts of their own

_INSTALL = """
import base64, importlib, io, site, zipfile
zipfile.ZipFile(io.BytesIO(base64.b64decode({package!r}))).extractall(site.getsitepackages()[0])
importlib.invalidate_caches()

async def webchat_call(client, call):
    import pickle
    name, args, kwargs = pickle.loads(base64.b64decode(call))
    try:
        value = getattr(client, name)
        outcome = True, await value(*args, **kwargs) if callable(value) else value
    except Exception as error:
        outcome = False, error
    return base64.b64encode(pickle.dumps(outcome)).decode()
"""
_CONNECT = "from webchat_py import get_client; webchat = get_client('local', {url!r}); await webchat.connect()"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(_BOT, "the bot to be tested, as module:function")
    parser.addini(_RUNTIME, "the folder that webchat-runtime has made", default="webchat-runtime")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.getini(_BOT):
        # before pytest-pyodide reads them, which looks there for the packages that its own functions load
        config.option.dist_dir = _runtime(config)
        config.option.runtime = "chrome"


def _runtime(config: pytest.Config) -> Path:
    return config.rootpath / str(config.getini(_RUNTIME))


class Webchat:
    """`webchat_py`'s client in a page, called from outside: its methods, without `await`.

    Messages, users and errors that come back are those of `webchat_py`.
    """

    _NOT_FROM_OUTSIDE = ("on", "once", "off", "wait_for", "messages", "history", "widget")

    def __init__(self, page: Any) -> None:
        self._page = page

    def __getattr__(self, name: str) -> Any:
        from webchat_py.client import WebchatClient

        if name in self._NOT_FROM_OUTSIDE:
            raise AttributeError(
                f"{name} cannot be called from outside of the page: use @run_in_pyodide and webchat_url"
            )
        method = getattr(WebchatClient, name)
        return partial(self._call, name) if callable(method) else self._call(name)

    def _call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        call = base64.b64encode(pickle.dumps((name, args, kwargs))).decode()
        outcome = self._page.run_async(f"await webchat_call(webchat, {call!r})")
        returned, value = pickle.loads(base64.b64decode(outcome))  # noqa: S301 - by the page that we have filled
        if returned:
            return value
        raise value


class _Server:
    """The server in a process of its own, and what it and the bot have said."""

    def __init__(self, options: list[str], folder: Path) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - this very server
            [sys.executable, "-m", "webchat_server", *options],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._said: deque[str] = deque()
        self._address: SimpleQueue[str] = SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self.url = ""

    def __enter__(self) -> _Server:
        self._reader.start()
        with suppress(Empty):
            self.url = self._address.get(timeout=_START_WAIT)
        if not self.url:
            self._end()
            pytest.fail(f"The server did not start:\n{self.said()}", pytrace=False)
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def said(self) -> str:
        """What was said since it was asked last."""
        said: list[str] = []
        while self._said:
            said.append(self._said.popleft())
        return "".join(said)

    def _end(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._reader.join()

    def _read(self) -> None:
        # Always to the end: a bot that prints must not wait for somebody who reads.
        for line in self._process.stdout or ():
            _, listening, address = line.partition(_LISTENING)
            if listening:
                self._address.put(address.strip())
            else:
                self._said.append(line)
        self._address.put("")


@pytest.fixture(scope="session")
def _webchat_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Server]:
    bot = request.config.getini(_BOT)
    if not bot:
        pytest.fail(f"Say which bot is to be tested: {_BOT} = module:function in pytest.ini", pytrace=False)
    options = ["--data", str(tmp_path_factory.mktemp("webchat")), "--port", "0", "--bot", bot]
    with _Server(options, request.config.rootpath) as server:
        yield server


@pytest.fixture(scope="session")
def webchat_url(_webchat_server: _Server) -> str:
    """The URL of a server with the bot, on a free port, whose data ends with the tests."""
    return _webchat_server.url


@contextmanager
def _served(runtime: Path) -> Iterator[tuple[str, int]]:
    """The folder and pytest-pyodide's own pages. That one's server has one thread: a connection that Chromium opens in
    advance and leaves idle keeps it from answering any other for up to two minutes."""
    from pytest_pyodide.server import DefaultHandler

    class Handler(DefaultHandler):  # type: ignore[misc]  # pytest-pyodide has no types
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(runtime))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield "127.0.0.1", server.server_port
        server.shutdown()


def _package() -> bytes:
    """webchat_py as it is installed here, as a zip file."""
    try:
        modules = [
            file for file in files("webchat_py") or [] if file.parts[0] == "webchat_py" and file.suffix != ".pyc"
        ]
    except PackageNotFoundError:
        pytest.fail("There is no webchat_py here: pip install webchat_py", pytrace=False)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in modules:
            archive.write(str(file.locate()), str(file))
    return packed.getvalue()


@pytest.fixture(scope="session")
def webchat_page(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page with Pyodide and webchat_py, by pytest-pyodide. All tests share it."""
    try:
        from pytest_pyodide.fixture import selenium_common
    except ModuleNotFoundError as error:
        pytest.fail(f"There is no {error.name}: pip install 'webchat-py-server[pytest]'", pytrace=False)
    runtime = _runtime(request.config)
    if not (runtime / "pyodide.mjs").is_file():
        pytest.fail(f"There is no Pyodide in {runtime}. Make it once: webchat-runtime {runtime}", pytrace=False)
    with _served(runtime) as (host, port), selenium_common(request, "chrome", (host, port, None)) as page:
        page.set_script_timeout(_SCRIPT_TIMEOUT)
        page.run(_INSTALL.format(package=base64.b64encode(_package()).decode()))
        yield page


@pytest.fixture
def webchat(_webchat_server: _Server, webchat_page: Any) -> Iterator[BlockingClient]:
    """A new user of the bot, in a conversation of their own. What the bot printed stands below a test that fails."""
    _webchat_server.said()
    webchat_page.run_async(_CONNECT.format(url=_webchat_server.url))
    client: Any = Webchat(webchat_page)
    yield client
    client.disconnect()
    sys.stdout.write(_webchat_server.said())
