"""The notebooks of the site, run from top to bottom as a person runs them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.notebook.notebook import Notebook, notebook
from tests.support.files import FileServer
from tests.support.server import WebchatServer

ROOT = Path(__file__).resolve().parents[2]
QUICKSTART = [
    [],
    ["Ada user_"],
    ["Hello, Ada! Nice to meet you."],
    ["A card\nwith a picture and buttons"],
    ["I can show you these: Text, Markdown, Image,"],
    ["Welcome! I am the demo bot"],
    ["'sent'"],
    [],
]
EVENTS = [
    [],
    ["Credentials(user_id='user_"],
    ["bot: This is plain text.", "'message_sent', 'message_status'"],
    ["{'action': 'demo', 'answer': 42}"],
    ["8 of 8 bytes", "table.csv"],
    [r"'a,b\n1,2\n'"],
    ["table.csv", "I sent the page a custom event."],
    [],
]
CASES = [[], [], ["'5 of 5 passed'"], ["Question\tExpected\tSaid"], []]
NOTEBOOKS = {"Quickstart": QUICKSTART, "Events and files": EVENTS, "Testing your bot": CASES}


def check_outputs(opened: Notebook, expected: list[list[str]]) -> None:
    """Each cell has these outputs, each of them with this text in it."""
    expect(opened.cells).to_have_count(len(expected))
    for number, texts in enumerate(expected):
        said = "\n".join(opened.outputs(number).all_inner_texts())
        for text in texts:
            assert text in said, f"cell {number} says {said!r}"
        assert texts or not said, f"cell {number} says {said!r}"


def test_every_notebook_is_known_here() -> None:
    assert {file.stem for file in (ROOT / "web" / "notebooks").glob("*.ipynb")} == set(NOTEBOOKS)


def test_notebooks_are_kept_without_outputs() -> None:
    for file in (ROOT / "web" / "notebooks").glob("*.ipynb"):
        for cell in json.loads(file.read_text())["cells"]:
            assert not cell.get("outputs"), file.name
            assert not cell.get("execution_count"), file.name


@pytest.fixture(scope="module")
def running(chromium: Browser, webchat_server: WebchatServer) -> Iterator[dict[str, Notebook]]:
    """All notebooks, each in a browser that knows nothing yet. One runs while the next starts."""
    with ExitStack() as ends:
        opened = {}
        for name in NOTEBOOKS:
            opened[name] = ends.enter_context(notebook(chromium, f"{webchat_server.url}/lite", name))
            opened[name].run_all()
        yield opened


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_run_all_works_without_the_internet(
    running: dict[str, Notebook], webchat_server: WebchatServer, name: str
) -> None:
    opened = running[name]
    opened.wait_until_all_have_run()
    check_outputs(opened, NOTEBOOKS[name])
    if name == "Quickstart":
        expect(opened.outputs(3).locator("img")).to_have_js_property("complete", True)
        assert opened.outputs(3).locator("img").evaluate("image => image.naturalWidth") > 0
    elsewhere = [url for url in opened.requests if not url.startswith((webchat_server.url, "data:", "blob:"))]
    assert elsewhere == []


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[FileServer]:
    """A plain HTTP server with the same JupyterLite."""
    with FileServer(ROOT / "web" / "lite") as server:
        yield server


@pytest.fixture(scope="module")
def wheels() -> Iterator[FileServer]:
    """A plain HTTP server with the wheel."""
    with FileServer(ROOT / "dist") as server:
        yield server


def test_quickstart_works_in_a_jupyterlite_elsewhere_with_the_wheel_from_a_third_origin(
    chromium: Browser, webchat_server: WebchatServer, elsewhere: FileServer, wheels: FileServer
) -> None:
    (wheel,) = (ROOT / "dist").glob("webchat_py-*.whl")
    with notebook(chromium, elsewhere.url, "Quickstart") as opened:
        url = f"{wheels.url}/{wheel.name}"
        opened.rewrite(0, f"import micropip\n\nSERVER = {webchat_server.url!r}\nawait micropip.install({url!r})")
        opened.run_all()
        opened.wait_until_all_have_run()
        check_outputs(opened, QUICKSTART)
        assert url in opened.requests
        assert re.search(rf"{webchat_server.url}/local/conversations/\w+/listen\n", "\n".join([*opened.requests, ""]))
        opened.menu("Kernel", "Shut Down Kernel")
        expect(opened.page.get_by_text("No Kernel").first).to_be_visible()
        expect(opened.outputs(5).get_by_role("log")).to_contain_text("Welcome! I am the demo bot")
