"""The client in the workers that people meet: those of PyScript, with the page's document and without, and the kernel
of a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser

from tests.notebook.conftest import WORKBENCH, Kernel, Worker, open_worker
from tests.notebook.notebook import notebook
from tests.support.browsers import BROWSER
from tests.support.files import FileServer
from tests.support.proxy import FaultyProxy
from tests.support.server import WebchatServer

ROOT = Path(__file__).resolve().parents[2]
ISOLATED = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
INSTALL = """
import micropip
from js import location

await micropip.install(f"{location.origin}/vendor/webchat_py-0.1.0-py3-none-any.whl")
1"""


CORE = pytest.mark.every_browser  # not the notebook's kernel, which is driven by Playwright


@pytest.fixture(
    scope="module",
    params=[pytest.param("PyScript, isolated", marks=CORE), pytest.param("PyScript", marks=CORE), "kernel"],
)
def where(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def place(
    request: pytest.FixtureRequest, where: str, runtime: FileServer, webchat_server: WebchatServer
) -> Iterator[Worker]:
    """Python in a worker of that kind."""
    with ExitStack() as ends:
        if where == "kernel":
            chromium: Browser = request.getfixturevalue("chromium")
            worker: Worker = Kernel(ends.enter_context(notebook(chromium, f"{webchat_server.url}/lite", "Quickstart")))
            worker.run(INSTALL)
        else:
            workbench = ends.enter_context(FileServer(WORKBENCH, ISOLATED if where.endswith("isolated") else {}))
            pyscript = ends.enter_context(FileServer(ROOT / "web" / "vendor" / "pyscript"))
            opened = open_worker(workbench, runtime, thread="pyscript", pyscript=f"{pyscript.url}/core.js")
            worker = ends.enter_context(opened)
        yield worker


def test_document_is_there_in_isolated_pyscript_only(place: Worker, where: str) -> None:
    code = "import js\n[hasattr(js, 'document'), hasattr(js, 'localStorage'), js.crossOriginIsolated]"
    isolated = where == "PyScript, isolated"
    # WebKitGTK gives no page a SharedArrayBuffer, by which PyScript hands on the document
    assert place.run(code) == [isolated and BROWSER != "webkit", False, isolated]


def test_question_is_answered_by_either_stream(proxy: FaultyProxy, place: Worker) -> None:
    code = """
from webchat_py import get_client

said = []
for source in ("fetch", "native"):
    async with get_client("local", url, event_source=source) as client:
        await client.connect(name="Ada")
        welcome = client.wait_for("message", timeout=30)
        await client.new_conversation()
        said += [(await welcome).text, *[it.text for it in await client.ask("three answers", silence=1)]]
said"""
    assert place.run(code, url=proxy.url) == ["welcome", "one", "two", "three"] * 2
    paths = [it.partition("?") for it in proxy.requests]
    # in the address, where it must be for an EventSource, which can send no header
    assert ["user-key" in query for path, _, query in paths if path.endswith("/listen")] == [False, True]


def test_session_is_taken_up_after_a_reload(place: Worker, where: str, bot_url: str) -> None:
    code = """
from webchat_py import get_client

async with get_client("local", url, storage="local") as client:
    before = [it.text for it in await client.start()]
    if not before:
        await client.ask("hi", silence=1)
    ids = [client.user_id, client.conversation_id]
[ids, sorted(before)]"""
    ids, before = place.run(code, url=bot_url)
    assert before == []
    place.reload()
    if where == "kernel":
        place.run(INSTALL)
    assert place.run(code, url=bot_url) == [ids, ["echo: hi", "hi", "welcome"]]


def test_storage_that_workers_have_not_says_so(place: Worker, bot_url: str) -> None:
    code = "from webchat_py import get_client\nget_client('local', url, storage='session')"
    said = place.complaint(code, url=bot_url)
    assert said == "ValueError: There is no sessionStorage in a worker; storage='indexeddb' works there"


def test_files_are_sent_from_bytes_and_paths(place: Worker, bot_url: str) -> None:
    code = """
from pathlib import Path
from webchat_py import get_client

Path("table.csv").write_text("a,b")
told = []
async with get_client("local", url) as client:
    await client.connect()
    table = await client.send_file("table.csv", on_progress=lambda *it: told.append(it))
    picture = await client.send_file(b"x" * 70_000, "a.png")
[[[it.type, it.name, it.file_url] for it in (table, picture)], told[-1]]"""
    (table, picture), progress = place.run(code, url=bot_url)
    assert [table[:2], picture[:2], progress] == [["file", "table.csv"], ["image", "a.png"], [3, 3]]
    with urlopen(table[2]) as answer:
        assert answer.read() == b"a,b"
    with urlopen(picture[2]) as answer:
        assert answer.read() == b"x" * 70_000


def test_code_may_block(place: Worker, bot_url: str) -> None:
    code = """
from webchat_py.blocking import get_client

with get_client("local", url) as client:
    client.connect()
    answers = [it.text for it in client.ask("three answers", silence=1)]
answers[-3:]"""
    assert place.run(code, url=bot_url) == ["one", "two", "three"]
