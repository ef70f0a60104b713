"""The client without `await` in a worker, with stack switching and in a browser that has none."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from urllib.request import Request, urlopen

import pytest

from tests.notebook.conftest import PythonError, Worker, open_worker
from tests.support.files import FileServer
from tests.support.proxy import FaultyProxy

pytestmark = pytest.mark.every_browser

CONNECTED = """
from webchat_py.blocking import get_client

client = get_client("local", url)
credentials = client.connect(name="Ada")
"""

# A greeting that is said after a question has come looks like an answer to it
GREETED = f"""{CONNECTED}
client.new_conversation()
while not client.list_messages():
    pass
"""


def test_browser_is_what_it_is_meant_to_be(worker: Worker) -> None:
    assert worker.run("from pyodide.ffi import can_run_sync\ncan_run_sync()") is worker.switches


def test_question_is_answered(worker: Worker, bot_url: str) -> None:
    code = f"{GREETED}\n[[it.text for it in client.ask(text, silence=1)] for text in ('hi', 'three answers')]"
    assert worker.run(code, url=bot_url) == [["echo: hi"], ["one", "two", "three"]]


def test_every_call_returns_its_result(worker: Worker, bot_url: str) -> None:
    code = f"""{CONNECTED}
first = client.new_conversation()
message = client.send_message("say nothing", metadata={{"a": 1}})
second = client.new_conversation()
exists = [client.conversation_exists(id) for id in (first, second, "conv_nowhere")]
client.switch_conversation(first)
texts = sorted(it.text for it in client.list_messages())
same = client.get_message(message.id).metadata["a"]
client.update_user({{"plan": "gold"}})
user = client.get_user()
[exists, texts, same, user.name, user.data, client.conversation_id == first, len(client.list_conversations())]"""
    expected = [[True, True, False], ["say nothing", "welcome"], 1, "Ada", {"plan": "gold"}, True, 2]
    assert worker.run(code, url=bot_url) == expected


def test_messages_are_iterated_over_until_there_is_silence(worker: Worker, bot_url: str) -> None:
    code = f"""{CONNECTED}
messages = client.messages(timeout=2)
client.send_message("three answers")
texts = [it.text for it in messages]
[texts, [it.text for it in client.history() if it.text != "welcome"]]"""
    told, history = worker.run(code, url=bot_url)
    assert told == ["welcome", "one", "two", "three"]
    assert history == ["three", "two", "one", "three answers"]


def test_handlers_hear_what_comes_while_a_call_waits(worker: Worker, bot_url: str) -> None:
    code = f"""{CONNECTED}
heard = []

@client.on("message")
def hear(message):
    heard.append(message.text)

@client.on("message")
async def hear_too(message):
    heard.append(message.text.upper())

client.ask("hi", silence=1)
client.off("message", hear)
client.ask("again", silence=1)
[sorted(heard)]"""
    assert worker.run(code, url=bot_url) == [["ECHO: AGAIN", "ECHO: HI", "WELCOME", "echo: hi", "welcome"]]


def test_one_event_is_waited_for(worker: Worker, bot_url: str) -> None:
    code = f"""{CONNECTED}
client.ask("hi", silence=1)
[credentials.user_token, client.conversation_id]"""
    key, conversation_id = worker.run(code, url=bot_url)
    with repeated(partial(say, "again", bot_url, key, conversation_id)):
        assert worker.run('client.wait_for("message", timeout=20).text') == "echo: again"


@contextmanager
def repeated(call: Callable[[], object]) -> Iterator[None]:
    """Call something again and again, from a thread, so that it is also called after what is inside has begun."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.2):
            call()

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        try:
            yield
        finally:
            over.set()
        working.result()


def say(text: str, url: str, key: str, conversation_id: str) -> None:
    """Send a message as this user, past all clients."""
    body = json.dumps({"payload": {"type": "text", "text": text}, "conversationId": conversation_id})
    headers = {"x-user-key": key, "content-type": "application/json"}
    urlopen(Request(f"{url}/local/messages", body.encode(), headers)).close()


def test_session_is_taken_up(proxy: FaultyProxy, worker: Worker) -> None:
    code = """
from webchat_py.blocking import get_client

class Memory(dict):
    async def get(self, key):
        return dict.get(self, key)

    async def set(self, key, value):
        self[key] = value

    async def remove(self, key):
        self.pop(key, None)

client = get_client("local", url, storage=Memory())
states = []
client.on("connection", lambda it: states.append(it.state))
client.start()
client.ask("hi", silence=1)
ids = [client.user_id, client.conversation_id]
client.disconnect()
texts = [it.text for it in client.start()]
[sorted(texts), ids == [client.user_id, client.conversation_id], states]"""
    expected = [["echo: hi", "hi", "welcome"], True, ["connecting", "connected", "closed", "connecting", "connected"]]
    assert worker.run(code, url=proxy.url) == expected
    users = [it.split()[0] for it in proxy.requests if it.partition("?")[0].endswith(("/users", "/initialize"))]
    assert users == (["GET", "GET"] if worker.switches else ["POST"])


def test_files_are_sent_from_bytes_and_paths(worker: Worker, bot_url: str) -> None:
    code = f"""{CONNECTED}
from pathlib import Path
from pyodide.http import pyfetch

Path("table.csv").write_text("a,b")
told = []
table = client.send_file("table.csv", on_progress=lambda *it: told.append(it))
sent = [table, client.send_file(b"x" * 70_000, "a.png")]
content = [len(await (await pyfetch(it.file_url)).bytes()) for it in sent]
[content, [[it.type, it.name] for it in sent], told[-1]]"""
    expected = [[3, 70_000], [["file", "table.csv"], ["image", "a.png"]], [3, 3]]
    assert worker.run(code, url=bot_url) == expected


def test_context_manager_disconnects(worker: Worker, bot_url: str) -> None:
    code = """
from webchat_py import StateError
from webchat_py.blocking import get_client

with get_client("local", url) as client:
    credentials = client.connect()
    client.ask("hi", silence=1)
before = client.user_id
client.connect(credentials)
[before, client.user_id == credentials.user_id, repr(client).startswith("<BlockingClient 'local' closed")]"""
    assert worker.run(code, url=bot_url) == [None, True, True]


def test_client_goes_on_after_a_long_pause(worker: Worker, bot_url: str) -> None:
    """Nobody called for longer than a silent stream is trusted. Where only calls listen, that is no loss."""
    code = """
import time
from webchat_py.blocking import get_client

client = get_client("local", url, idle_timeout=2)
states = []
client.on("connection", lambda it: states.append(it.state))
client.connect()
client.ask("hi", silence=1)
time.sleep(2.5)
[[it.text for it in client.ask("again", silence=1)], states]"""
    answers, states = worker.run(code, url=bot_url)
    assert answers == ["echo: again"]
    assert states[:2] == ["connecting", "connected"]
    assert worker.switches or states[2:] == []


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ('client.ask("say nothing", timeout=2)', "RequestTimeout: There was no answer within 2 s"),
        (
            'client.wait_for("own_message", timeout=0.5)',
            "RequestTimeout: There was no event 'own_message' within 0.5 s",
        ),
        ('client.switch_conversation("conv_nowhere")', "NotFound: "),
        ('client.send_message("")', "ValueError: There is nothing to send"),
        ('client.disconnect(); client.ask("hi")', "StateError: The client is not connected."),
        ("client.disconnect(); client.messages()", "StateError: The client is not connected."),
        ('get_client("local", "http://127.0.0.1:9").connect()', "NetworkError: POST /users: No answer"),
        ("client.no_such_thing", "AttributeError: "),
        ("client.on('massage', print)", "ValueError: "),
    ],
    ids=lambda value: value[:20],
)
def test_errors_are_those_of_the_client(worker: Worker, bot_url: str, code: str, said: str) -> None:
    assert worker.complaint(f"{GREETED}\n{code}", url=bot_url).startswith(said)


def test_another_user_token_is_no_secret_for_the_history_only(worker: Worker, bot_url: str) -> None:
    """What another device of the same user wrote, and what the bot said to it, arrives once."""
    code = f"""{CONNECTED}
from webchat_py import get_client as get_other

heard = []
client.on("message", lambda it: heard.append(it.text))
client.on("own_message", lambda it: heard.append(f"own {{it.text}}"))
client.ask("hi", silence=1)
other = get_other("local", url)
await other.connect(credentials)
await other.start(client.conversation_id)
await other.ask("from elsewhere", silence=1)
client.ask("hi again", silence=1)
await other.disconnect()
heard"""
    expected = ["welcome", "echo: hi", "own from elsewhere", "echo: from elsewhere", "echo: hi again"]
    assert worker.run(code, url=bot_url) == expected


def test_looking_for_news_reads_no_older_pages(proxy: FaultyProxy, worker: Worker, bot_url: str) -> None:
    """However much has been said since, each look asks for the newest page only: what was told is not read again."""
    code = f"""{CONNECTED}
client.ask("hi", silence=1)
[credentials.user_token, client.conversation_id]"""
    key, conversation_id = worker.run(code, url=proxy.url)
    for _ in range(60):  # more than a page of the history holds
        say("say nothing", bot_url, key, conversation_id)
    worker.run("len(list(client.messages(timeout=1)))")
    before = len(proxy.requests)
    assert worker.run("[it.text for it in client.messages(timeout=1)]") == []
    pages = [it for it in proxy.requests[before:] if it.partition("?")[0].endswith("/messages")]
    assert (pages != []) is not worker.switches
    assert [it for it in pages if "nextToken" in it] == []


def test_own_event_loop_leaves_the_other_as_it_was(worker: Worker, bot_url: str) -> None:
    code = f"""{CONNECTED}
import asyncio
loop, task = asyncio.get_running_loop(), asyncio.current_task()
client.ask("hi", silence=1)
await asyncio.sleep(0)
done = await asyncio.gather(asyncio.sleep(0.01, "a"), asyncio.sleep(0, "b"))
[asyncio.get_running_loop() is loop, asyncio.current_task() is task, done]"""
    assert worker.run(code, url=bot_url) == [True, True, ["a", "b"]]


def test_no_name_of_the_client_is_missing(worker: Worker) -> None:
    code = """
from webchat_py.blocking import BlockingClient
from webchat_py.client import WebchatClient

[name for name in vars(WebchatClient) if not name.startswith("_") and not hasattr(BlockingClient, name)]"""
    assert worker.run(code) == []


@pytest.mark.parametrize("options", ["storage='indexeddb'", "mode='messaging'"])
def test_what_needs_stack_switching_says_so(worker: Worker, bot_url: str, options: str) -> None:
    code = f"from webchat_py.blocking import get_client\nget_client('local', url, {options})\nraise KeyError"
    said = worker.complaint(code, url=bot_url)
    if worker.switches:
        assert said == "KeyError: "
    else:
        assert said.startswith(f"ValueError: {options} needs a browser that can switch stacks")


def test_handler_may_wait_only_where_stacks_are_switched(worker: Worker, bot_url: str) -> None:
    code = f"""{CONNECTED}
heard, errors = [], []
client.on("message", lambda it: heard.append(client.get_user().name))
client.on("error", lambda it: errors.append(f"{{type(it).__name__}}: {{it}}"))
client.ask("hi", silence=1)
[heard, errors]"""
    heard, errors = worker.run(code, url=bot_url)
    if worker.switches:
        assert (heard, errors) == (["Ada", "Ada"], [])
    else:
        assert (heard, errors[0]) == (
            [],
            "StateError: A handler cannot wait here, where the browser cannot switch stacks",
        )


def test_urllib_works_by_sync_http(worker: Worker, workbench: FileServer) -> None:
    code = """
import js
from webchat_py.blocking import enable_sync_http

try:
    enable_sync_http()
    missing = ""
except RuntimeError as error:
    missing = str(error)
await js.pyodide.loadPackage("pyodide-http")
enable_sync_http()
import urllib.request

[missing, urllib.request.urlopen(f"{url}/index.html").read().decode().splitlines()[0]]"""
    missing, line = worker.run(code, url=workbench.url)
    assert missing.startswith("enable_sync_http() needs pyodide-http: await micropip.install('pyodide-http')")
    assert line == "<!doctype html>"


def test_requests_work_beside_sync_http(worker: Worker, bot_url: str) -> None:
    code = """
import js
from webchat_py.blocking import enable_sync_http

await js.pyodide.loadPackage(["requests", "pyodide-http"])
enable_sync_http()
import requests

user = requests.post(f"{url}/local/users", json={"name": "Ada"}, timeout=30).json()
me = requests.get(f"{url}/local/users/me", headers={"x-user-key": user["key"]})
refused = requests.get(f"{url}/local/users/me", headers={"x-user-key": "wrong"})
try:
    requests.get("http://127.0.0.1:9/")
    error = ""
except requests.ConnectionError as failure:
    error = type(failure).__name__
[me.json()["user"]["name"], refused.status_code, error]"""
    assert worker.run(code, url=bot_url) == ["Ada", 401, "ConnectionError"]


def test_main_thread_is_refused_with_advice(workbench: FileServer, runtime: FileServer) -> None:
    with open_worker(workbench, runtime, thread="main") as page:
        with pytest.raises(PythonError, match=r"RuntimeError: .*main thread. Use webchat_py.get_client and await"):
            page.run("from webchat_py.blocking import get_client\nget_client('local')")
        with pytest.raises(PythonError, match=r"RuntimeError: .*main thread. Use pyodide.http.pyfetch"):
            page.run("from webchat_py.blocking import enable_sync_http\nenable_sync_http()")
