"""Every block of code in the README works when it is pasted. Only addresses are changed: to the local server's."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Request, Route
from pytest_pyodide import run_in_pyodide

import webchat_py
from tests.support.files import FileServer
from tests.support.readme import block, blocks, code_with
from tests.support.server import WebchatServer
from webchat_py import (
    Action,
    Audio,
    Bloc,
    Card,
    Carousel,
    Choice,
    Custom,
    Dropdown,
    File,
    Image,
    Location,
    Markdown,
    Option,
    Text,
    Unknown,
    Video,
)

ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "web" / "vendor"

RUN_HERE: set[tuple[str, int]] = set()
RUN_ELSEWHERE = {
    ("A chat in your own page", 1): "tests/page/test_component.py puts it into a page",
    ("A chat in your own page", 2): "tests/page/test_component.py gives it to a page",
    ("Test your bot", 1): "tests/notebook/test_project_outside.py makes a project of these files",
    ("Test your bot", 2): "the same",
    ("Test your bot", 3): "the same",
    ("Test your bot", 5): "the same",
}
NOT_RUN = {
    (
        "Test your bot",
        4,
    ): "it asks the registries; tests/notebook/test_project_outside.py does without",
    ("Faults on purpose", 1): "it goes on until it is ended; tests/server/test_faults.py",
    ("Faults on purpose", 2): "it is about the server that was started by hand; tests/server/test_faults.py",
    ("Behind Pushpin", 1): "it goes on until it is ended; tests/server/test_pushpin.py",
}


def runs(heading: str, number: int = 1) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Marks the test that runs this block, which gets it as `code`."""
    RUN_HERE.add((heading, number))
    return pytest.mark.parametrize("code", [pytest.param(block(heading, number), id=heading)])


def test_every_block_is_run() -> None:
    known = [*RUN_HERE, *RUN_ELSEWHERE, *NOT_RUN]
    assert sorted(known) == sorted((it.heading, it.number) for it in blocks())


def printed(runner: Any, code: str) -> str:
    """What code prints."""
    lines = [
        "import contextlib, io",
        "with contextlib.redirect_stdout(io.StringIO()) as out:",
        textwrap.indent(code, "    "),
        "out.getvalue()",
    ]
    said: str = runner.run_async("\n".join(lines))
    return said


@runs("Ten lines")
def test_ten_lines_get_an_answer(selenium_client: Any, server_url: str, code: str) -> None:
    said = printed(selenium_client, code_with(code, "http://127.0.0.1:8000", server_url))
    assert "bot: " in said
    assert "Choice(text=" in said


ACTION, OPTION = Action("say", "Yes", "yes"), Option("Small", "s")
MATCHED = [
    (Text("a"), {"text": "a"}),
    (Markdown("a"), {"text": "a"}),
    *((kind("u"), {"url": "u"}) for kind in (Image, Audio, Video, File)),
    (Location(1.0, 2.0), {"latitude": 1.0, "longitude": 2.0}),
    (Card("t", "s", "u", [ACTION]), {"title": "t", "subtitle": "s", "image_url": "u", "actions": [ACTION]}),
    (Carousel([Card("t")]), {"cards": [Card("t")]}),
    *((kind("a", [OPTION]), {"text": "a", "options": [OPTION]}) for kind in (Choice, Dropdown)),
    (Bloc([Text("a")]), {"items": [Text("a")]}),
    (Custom("u", "n", {"d": 1}), {"url": "u", "name": "n", "data": {"d": 1}}),
    (Unknown("poll", {"q": 1}), {"type": "poll", "data": {"q": 1}}),
]


@runs("Names")
def test_payloads_match_as_it_is_written(code: str) -> None:
    for payload, bound in MATCHED:
        message = webchat_py.Message("m", "c", "bot", None, payload, {}, None, None)
        names = vars(webchat_py) | {name: getattr(webchat_py, name) for name in webchat_py.__all__}
        found: dict[str, Any] = {}
        exec(code, names | {"message": message}, found)
        assert found == bound
    assert {type(payload).__name__ for payload, _ in MATCHED} == set(re.findall(r"(?:case|\|) (\w+)\(", code))


@runs("Sessions")
@pytest.mark.fresh_page
def test_session_survives(selenium_client: Any, server_url: str, code: str) -> None:
    code = code_with(code, '"the client id"', f'"local", {server_url!r}')
    assert printed(selenium_client, f"{code}\nawait client.ask('help')\nawait client.disconnect()") == ""
    again = printed(selenium_client, code)
    assert "help\n" in again
    assert "I can show you these:" in again


@runs("Recipes")
def test_script_in_a_page_with_pyscript_runs(
    chromium: Browser, tmp_path: Path, webchat_server: WebchatServer, code: str
) -> None:
    """Pyodide, which such a page gets from PyScript's default address, comes from here."""
    (tmp_path / "pyscript").symlink_to(VENDOR / "pyscript")
    (wheel,) = VENDOR.glob("webchat_py-*.whl")
    (tmp_path / wheel.name).symlink_to(wheel)
    ten_lines = code_with(block("Ten lines"), "http://127.0.0.1:8000", webchat_server.url)
    script = code_with(code, "  from webchat_py import get_client\n  ...\n", textwrap.indent(ten_lines, "  "))
    page_source = f'<!doctype html><script type="module" src="pyscript/core.js"></script>\n{script}'
    (tmp_path / "index.html").write_text(page_source)

    def pyodide(route: Route, request: Request) -> None:
        file = VENDOR / "pyodide" / request.url.rpartition("/")[2]
        route.fulfill(path=file, headers={"Access-Control-Allow-Origin": "*"})

    with FileServer(tmp_path) as server, chromium.new_context() as context:
        context.route(lambda url: "127.0.0.1" not in url, pyodide)
        page = context.new_page()
        with page.expect_console_message(lambda it: "Choice(text=" in it.text, timeout=60_000):
            page.goto(f"{server.url}/index.html")


@runs('Mode "messaging"')
def test_other_mode_sends_a_message(selenium_client: Any, server_url: str, code: str) -> None:
    code = code_with(code, "http://localhost:3100", server_url)
    told = selenium_client.run_async(f"{code}\nf'{{message.status}}, {{(await client.get_user()).data}}'")
    assert told == "sent, {'plan': 'gold'}"


@runs("Notebooks")
def test_widget_shows_the_conversation(selenium_client: Any, server_url: str, code: str) -> None:
    begin = code_with(block("Ten lines"), "http://127.0.0.1:8000", server_url)
    html = selenium_client.run_async(f"{begin}\nwidget = {code}\nawait client.ask('card')\nwidget._repr_html_()")
    assert "A card" in html


@runs("Code that blocks")
def test_code_that_blocks_gets_its_answers(selenium_worker_client: Any, server_url: str, code: str) -> None:
    said = printed(selenium_worker_client, code_with(code, "http://127.0.0.1:8000", server_url))
    assert "I can show you these:" in said
    assert "tell me more" in said


@runs("The local server")
def test_bot_answers(selenium_client: Any, tmp_path: Path, code: str) -> None:
    (tmp_path / "mybots.py").write_text(code)
    with WebchatServer(tmp_path / "data", "--bot", "mybots:answer", folder=tmp_path) as server:
        expected = ["Welcome!", "You said: hello", "Which one?", "Image"]
        assert heard(selenium_client, server.url) == expected


@run_in_pyodide
async def heard(selenium, url):
    from webchat_py import get_client

    async with get_client("local", url) as client:
        await client.connect()
        first = client.wait_for("message", timeout=30)
        await client.new_conversation()
        said = [await first]
        for question in ("hello", "tea", "picture"):
            said += await client.ask(question)
        return [getattr(it.payload, "text", type(it.payload).__name__) for it in said]
