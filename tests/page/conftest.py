"""A reader for each test, in a browser context of its own, who in the end finds that nothing went wrong.

The page is read in mode "pushpin", and with `./build.sh test --full` in mode "messaging" as well, except by tests that
have the mark `only_pushpin`, as they are about what the other mode has not. Those with the mark `both_modes` are
played in both each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.conftest import FULL
from tests.page.reader import Mode, Reader, reading
from tests.support.server import WebchatServer

WEB = Path(__file__).resolve().parents[2] / "web"
BOT = ("--web", str(WEB), "--bot", "tests.page.bot:answer")


@pytest.fixture(scope="session")
def bot_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebchatServer]:
    """The server with the test bot."""
    with WebchatServer(tmp_path_factory.mktemp("bot"), *BOT) as server:
        yield server


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[WebchatServer]:
    """A server with the test bot that the test may stop."""
    with WebchatServer(tmp_path, *BOT) as server:
        yield server


@pytest.fixture
def reader(chromium: Browser, bot_server: WebchatServer) -> Iterator[Reader]:
    """A reader whose browser knows nothing yet; the test opens the page."""
    with reading(chromium, bot_server.url) as reader:
        yield reader


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marks = {mark.name for mark in metafunc.definition.iter_markers()}
    both = "both_modes" in marks or (FULL and "only_pushpin" not in marks)
    if "mode" in metafunc.fixturenames:
        metafunc.parametrize("mode", ["pushpin", "messaging"] if both else ["pushpin"], scope="session", indirect=True)


@pytest.fixture(scope="session", autouse=True)
def mode(request: pytest.FixtureRequest) -> Iterator[str]:
    """The mode that the page is opened in."""
    Mode.current = request.param
    yield request.param
    Mode.current = "pushpin"


@pytest.fixture(scope="module")
def open_page(chromium: Browser, bot_server: WebchatServer, mode: str) -> Iterator[Reader]:
    with reading(chromium, bot_server.url) as reader:
        reader.open_connected()
        yield reader


@pytest.fixture
def chatter(open_page: Reader) -> Iterator[Reader]:
    """A reader in a new conversation, on a page that the module's tests share: starting Python takes seconds."""
    open_page.start_over()
    yield open_page
    open_page.watch.check()
    open_page.watch.expect()
