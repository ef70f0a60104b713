"""The wheel on the line of Pyodide before the one that all else here runs on: pages stay on it for a while."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.support.files import FileServer

PREVIOUS = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "pyodide-previous"
TALK = """
async def talk(url, event_source, mode):
    from webchat_py import get_client

    client = get_client("local", url, mode, event_source=event_source)
    await client.connect()
    greeting = client.wait_for("message")
    await client.new_conversation()
    await greeting  # which would be taken for an answer
    told = [message.text for message in await client.ask("hello")]
    if mode == "pushpin":
        told.append((await client.send_file(b"abc", "a.txt")).name)
    told.append(str(len(await client.list_messages()) >= 2))
    await client.disconnect()
    return ", ".join(told)
"""


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Iterator[str]:
    """The URL of a page beside that Pyodide and the wheel."""
    folder = tmp_path_factory.mktemp("previous")
    for file in PREVIOUS.glob("*.*"):
        (folder / file.name).symlink_to(file)
    shutil.copyfile(wheel, folder / wheel.name)
    (folder / "index.html").write_text("<!doctype html><title>Previous</title>")
    with FileServer(folder) as server:
        yield server.url


@pytest.mark.parametrize(
    ("event_source", "mode", "answer"),
    [
        ("fetch", "pushpin", "echo: hello, a.txt, True"),
        ("native", "pushpin", "echo: hello, a.txt, True"),
        ("auto", "messaging", "echo: hello, True"),
    ],
)
def test_it_connects_talks_and_sends_files(
    chromium: Browser, previous: str, wheel: Path, helper_url: str, event_source: str, mode: str, answer: str
) -> None:
    with chromium.new_context() as context:
        page = context.new_page()
        page.goto(f"{previous}/index.html")
        version = page.evaluate(
            """async (wheel) => {
                const { loadPyodide } = await import("/pyodide.mjs");
                self.pyodide = await loadPyodide({ packages: [`${location.origin}/${wheel}`] });
                return pyodide.version;
            }""",
            wheel.name,
        )
        assert version.startswith("0.29.")
        page.evaluate("code => { pyodide.runPython(code); }", TALK)
        talk = "([url, source, mode]) => pyodide.globals.get('talk')(url, source, mode)"
        assert page.evaluate(talk, [helper_url, event_source, mode]) == answer
