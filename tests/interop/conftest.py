"""One page with both clients in it, for all tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import (
    DIST,
    IN_BROWSER,
    SCRIPT_TIMEOUT,
    main_thread_browser,
    web_server_main,
    wheel,
)
from tests.interop.comparison import Record, normalised
from tests.interop.scenarios import Scenario
from tests.support.proxy import FaultyProxy
from tests.support.server import WebchatServer

__all__ = ["main_thread_browser", "web_server_main", "wheel"]

HERE = Path(__file__).parent
ORIGINAL = DIST.parent / "peers" / "webchat-2.2.2.mjs"
PAGE_SIZE = 3  # messages; so that a few of them make several pages

# Modules from their text: there is no server that has these files
OPEN = """
const load = (text) => import(URL.createObjectURL(new Blob([text], {type: "text/javascript"})));
const [{getClient}, {run}] = await Promise.all([load(%s), load(%s)]);
const ours = pyodide.pyimport("driver");
globalThis.play = (scenario, originalUrl, ourUrl) => Promise.all([
    run(getClient, scenario, originalUrl),
    ours.run(JSON.stringify(scenario), ourUrl),
]);
"""

# For tests that are written in Python, where the original runs in a frame
OPEN_ORIGINAL = """
globalThis.originalSource = URL.createObjectURL(new Blob([%s], {type: "text/javascript"}));
"""
CLOSE_FRAMES = "for (const frame of document.querySelectorAll('iframe')) frame.remove();"

Play = Callable[[Scenario], tuple[Record, Record]]


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data = tmp_path_factory.mktemp("data")
    with WebchatServer(data, "--bot", "tests.interop.bot:answer", "--page-size", str(PAGE_SIZE)) as server:
        yield server.url


@pytest.fixture(scope="session")
def page(main_thread_browser: Any, wheel: Path) -> Any:
    """A page with the original client, and with Pyodide and webchat_py."""
    page = main_thread_browser
    page.set_script_timeout(SCRIPT_TIMEOUT)
    page.load_pyodide()
    page.initialize_pyodide()
    page.load_package(f"{page.base_url}/{wheel.name}")
    page.run(f"import pathlib; pathlib.Path('driver.py').write_text({(HERE / 'driver.py').read_text()!r})")
    page.run_js(OPEN % (json.dumps(ORIGINAL.read_text()), json.dumps((HERE / "driver.js").read_text())))
    return page


@pytest.fixture(scope="session")
def play(page: Any, server_url: str) -> Play:
    """Play a scenario on both clients. Returns what the original did, and what ours did. Each is played once."""

    @cache
    def play(scenario: Scenario) -> tuple[Record, Record]:
        text = json.dumps(asdict(scenario))
        # Proxies of their own: the original leaves streams open, and a browser has six connections a host
        with FaultyProxy(server_url) as originals, FaultyProxy(server_url) as ours:
            told = page.run_js(f"return await globalThis.play({text}, '{originals.url}', '{ours.url}')")
            original_record, our_record = map(record, told, (originals, ours), (text, text))
        return original_record, our_record

    return play


def record(told: str, proxy: FaultyProxy, scenario: str) -> Record:
    requests = [
        {"method": method, "path": path.removeprefix("/interop"), "body": decoded(body)}
        for (method, _, path), body in zip((r.partition(" ") for r in proxy.requests), proxy.bodies, strict=True)
    ]
    return normalised({**json.loads(told), "requests": requests}, proxy.url, scenario)


def decoded(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode()


@pytest.fixture(scope="session")
def page_of_both(page: Any) -> Any:
    for module in (IN_BROWSER, HERE / "original.py", HERE / "players.py"):
        page.run(f"import pathlib; pathlib.Path({module.name!r}).write_text({module.read_text()!r})")
    page.run_js(OPEN_ORIGINAL % json.dumps(ORIGINAL.read_text()))
    return page


@pytest.fixture
def selenium_both(page_of_both: Any) -> Iterator[Any]:
    """A page with Pyodide, where the module `original` opens both clients. With the test everything of theirs ends."""
    logged = len(page_of_both.logs)
    yield page_of_both
    print(page_of_both.logs[logged:])  # noqa: T201 - pytest shows it with a failure
    page_of_both.run_js(CLOSE_FRAMES)
    page_of_both.run_async("from in_browser import cancel_tasks; await cancel_tasks()")


@pytest.fixture
def original_proxy(server_url: str) -> Iterator[FaultyProxy]:
    with FaultyProxy(server_url) as proxy:
        yield proxy


@pytest.fixture
def our_proxy(server_url: str) -> Iterator[FaultyProxy]:
    with FaultyProxy(server_url) as proxy:
        yield proxy


@pytest.fixture
def original_url(original_proxy: FaultyProxy) -> str:
    return original_proxy.url


@pytest.fixture
def our_url(our_proxy: FaultyProxy) -> str:
    return our_proxy.url
