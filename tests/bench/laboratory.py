"""One Chromium, one page with all clients in it, one server, and the way between them."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from tests.bench.link import Link
from tests.support.server import WebchatServer

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
PEERS = ROOT / "build" / "peers"
PYODIDE = ROOT / "build" / "pyodide-dist"

FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-sync",
    "--enable-precise-memory-info",
    "--js-flags=--expose-gc",
    "--no-first-run",
    "--no-sandbox",  # it does not work as root
]


@dataclass
class Laboratory:
    browser: Browser
    page: Page
    network: CDPSession
    server: WebchatServer
    link: Link
    page_server: str
    """The address of the server that serves the chat page as well, without the link."""

    def measure(self, rig: str, name: str, *values: Any) -> Any:
        """Call a function of a rig; see rig.js."""
        return self.page.evaluate("([rig, name, values]) => measure(rig, name, values)", [rig, name, list(values)])


class _Files(SimpleHTTPRequestHandler):
    """The measured page, from the three folders that hold it."""

    def translate_path(self, path: str) -> str:
        name = path.partition("?")[0].lstrip("/")
        if name.startswith("pyodide/"):
            return str(PYODIDE / name.removeprefix("pyodide/"))
        return str(next((folder / name for folder in (HERE, PEERS, PYODIDE) if (folder / name).is_file()), HERE))

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def laboratory() -> Iterator[Laboratory]:
    wheel = next(PYODIDE.glob("webchat_py-*.whl"))
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with (
        tempfile.TemporaryDirectory() as data,
        WebchatServer(Path(data), "--bot", "tests.bench.bot:answer", "--web", str(ROOT / "web")) as server,
        Link(server.url) as link,
        ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(HERE))) as files,
        sync_playwright() as playwright,
    ):
        threading.Thread(target=files.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{files.server_port}/bench.html?wheel={wheel.name}")
        page.wait_for_function("() => globalThis.measure")
        network = context.new_cdp_session(page)
        yield Laboratory(browser, page, network, server, link, server.url)
        browser.close()
        files.shutdown()
