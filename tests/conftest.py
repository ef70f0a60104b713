"""What all suites share: the server, the browser, and the rule that every test runs (support/policy.py).

Run a suite by `./build.sh test wire`, or by `.venv/bin/python -m pytest tests/wire` once it has been built.
Playwright's synchronous API keeps an event loop running in its process, so suites run as processes of their own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, Page, sync_playwright
from pytest_pyodide import get_global_config

from tests.support.browsers import BROWSER
from tests.support.readme import README
from tests.support.server import WebchatServer

pytest_plugins = ["tests.support.policy"]

ROOT = Path(__file__).resolve().parents[1]
FULL = os.environ.get("WEBCHAT_TEST_FULL") == "1"

# Nothing that a test starts may ask the network for anything
CHROMIUM_FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
]

# A slow machine is no defect, so there is no deadline; the blob reproduces a failure found elsewhere
# what was green is green again; --full looks for what is new
quiet = settings(deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", quiet, derandomize=True)
settings.register_profile("full", quiet, max_examples=20 * quiet.max_examples)
settings.load_profile("full" if FULL else "ci")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", action="store_true", help="write screenshots to build/screenshots/")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    # selenium would otherwise look for a driver's download
    os.environ["SE_OFFLINE"] = "true"
    # before pytest-pyodide reads them, so that plain `pytest tests/browser` needs no options
    config.option.dist_dir = ROOT / "build" / "pyodide-dist"
    config.option.runtime = "chrome"
    get_global_config().set_flags("chrome", ["--js-flags=--expose-gc", *CHROMIUM_FLAGS])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In Firefox and WebKit the core suite runs, without what cannot be tested there; README's table says what."""
    for item in items:
        for missing in item.iter_markers("missing_in"):
            if missing.kwargs["because"] not in README.read_text():
                raise pytest.UsageError(f"{item.nodeid}: the README's table does not say: {missing.kwargs['because']}")
    if BROWSER == "chromium":
        return
    left_out = [item for item in items if not _runs_in(BROWSER, item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def _runs_in(browser: str, item: pytest.Item) -> bool:
    missing = item.get_closest_marker("missing_in")
    return bool(item.get_closest_marker("every_browser")) and not (missing and browser in missing.args)


@pytest.fixture(scope="session")
def webchat_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebchatServer]:
    """The local Webchat server as a process of its own, with the page, on an empty data folder."""
    data = tmp_path_factory.mktemp("data")
    with WebchatServer(data, "--web", str(ROOT / "web")) as server:
        yield server


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium under Playwright, whose own browsers would have to be downloaded.

    Make a context of your own (`chromium.new_context()`): it is what keeps tests apart.
    """
    with launched() as browser:
        yield browser


@contextmanager
def launched() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next(filter(None, map(shutil.which, names)), None)
    assert executable, f"none of {names} is on the PATH; ./build.sh test says how to get it"
    with sync_playwright() as playwright:
        # the sandbox does not work as root, as which CI runs
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", *CHROMIUM_FLAGS])
        yield browser
        browser.close()


@pytest.fixture
def screenshot(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """`screenshot(page, "name")` writes build/screenshots/name.png if pytest was called with --screenshots."""

    def write(page: Page, name: str) -> None:
        if request.config.option.screenshots:
            page.screenshot(path=ROOT / "build" / "screenshots" / f"{name}.png", full_page=True)

    return write
