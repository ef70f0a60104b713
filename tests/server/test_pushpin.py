"""The event streams by way of a real Pushpin: one in front of two servers on the same data, and `--pushpin`."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.server.conftest import error_of
from tests.server.people import Person, Stream, eventually
from tests.server.test_command import run
from tests.support.pushpin import Pushpin
from tests.support.server import WebchatServer

WEB = Path(__file__).resolve().parents[2] / "web"
OPTIONS = ["--bot", "tests.server.bots:answer", "--ping-interval", "1", "--web", str(WEB)]


@pytest.fixture(scope="module")
def pushpin() -> Iterator[Pushpin]:
    with Pushpin() as pushpin:
        yield pushpin


@pytest.fixture(scope="module")
def servers(pushpin: Pushpin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[WebchatServer]]:
    """Two processes that share their data, which they were the first to find empty, both at the same time."""
    data = tmp_path_factory.mktemp("data")
    servers = [WebchatServer(data, *OPTIONS, "--grip-control", pushpin.control_url) for _ in range(2)]
    with ExitStack() as stack:
        with ThreadPoolExecutor() as pool:
            for server in pool.map(WebchatServer.__enter__, servers):
                stack.push(server)
        pushpin.start(*servers)
        yield servers


@pytest.fixture
def root(servers: list[WebchatServer], pushpin: Pushpin, root: str) -> str:
    """The API behind Pushpin, for a client id of the test's own."""
    return f"{pushpin.url}/{root.rpartition('/')[2]}"


def at(server: WebchatServer, person: Person) -> Person:
    """The same person, as one who calls this server and not Pushpin."""
    direct = object.__new__(Person)
    direct.http, direct.id, direct.key = person.http, person.id, person.key
    direct.root = f"{server.url}/{person.root.rpartition('/')[2]}"
    return direct


def children(pid: int) -> list[int]:
    """All processes that this one has started, and those that they have."""
    direct = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*direct, *(each for child in direct for each in children(child))]


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def folder_of(pushpin: int) -> Path:
    """The temporary folder of this Pushpin."""
    return Path(command_of(pushpin).partition("--config=")[2].rstrip("\0")).parent


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


# --- the stream -------------------------------------------------------------------------------------------------


def test_a_stream_begins_at_once_with_a_comment(ann: Person, conversation: str) -> None:
    with ann.listening(conversation) as stream:
        assert stream.frame() == ": listening"


def test_silence_is_broken_by_pings(ann: Person, conversation: str) -> None:
    with ann.listening(conversation) as stream:
        stream.frame()
        assert [stream.frame() for _ in range(2)] == ["event: message\ndata: ping"] * 2


def test_the_answer_has_the_headers_that_it_has_without_pushpin(ann: Person, conversation: str) -> None:
    url = f"{ann.root}/conversations/{conversation}/listen?x-user-key={ann.key}"
    with ann.http.stream("GET", url, headers={"origin": "https://example.org"}) as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream"
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["access-control-allow-origin"] == "https://example.org"
        assert not [name for name in response.headers if name.startswith("grip")]


def test_a_refused_stream_is_the_apis_error(ann: Person) -> None:
    assert error_of(ann.get("/conversations/nowhere/listen")) == (404, "ResourceNotFound")


def test_signals_come_as_they_come_without_pushpin(ann: Person, conversation: str) -> None:
    with ann.listening(conversation) as stream:
        said = ann.say(conversation, "signals")
        signals = [stream.signal() for _ in range(9)]
    assert signals[0] == {"type": "message_created", "data": said}
    assert [each["type"] for each in signals[1:]] == [
        "message_status_changed",
        "typing_started",
        "typing_stopped",
        "custom",
        "webchat_visibility",
        "webchat_config",
        "confetti",
        "message_status_changed",
    ]


def test_a_burst_arrives_complete_and_in_its_order(ann: Person, conversation: str) -> None:
    with ann.listening(conversation) as stream:
        said = [ann.say(conversation, "nothing", metadata={"number": number}) for number in range(150)]
        assert [stream.message() for _ in said] == said


def test_what_is_said_while_pushpin_takes_nothing_comes_after_that(ann: Person, servers: list[WebchatServer]) -> None:
    """It is more by then than Pushpin takes at once."""
    conversation, direct = ann.conversation(), at(servers[0], ann)
    (handler,) = [pid for pid in children(os.getpid()) if "pushpin-handler" in command_of(pid)]
    with ann.listening(conversation) as stream:
        stream.frame()
        os.kill(handler, signal.SIGSTOP)
        try:
            said = [direct.say(conversation, "nothing", metadata={"a": "x" * 100_000}) for _ in range(15)]
        finally:
            os.kill(handler, signal.SIGCONT)
        assert [stream.message() for _ in said] == said


def test_a_signal_that_pushpin_does_not_take_is_found_in_the_messages(ann: Person, conversation: str) -> None:
    with ann.listening(conversation) as stream:
        said = ann.say(conversation, '"' * 400_000)
        assert stream.ends()
    assert said in ann.history(conversation)


def test_a_stream_that_pushpin_does_not_hold_is_an_error(
    ann: Person, conversation: str, servers: list[WebchatServer]
) -> None:
    response = at(servers[0], ann).get(f"/conversations/{conversation}/listen")
    assert error_of(response) == (500, "Internal")
    assert "through Pushpin" in response.text


# --- its end ----------------------------------------------------------------------------------------------------


def test_a_stream_ends_with_its_conversation(ann: Person, person: Callable[..., Person]) -> None:
    ben, conversation, other = person(), ann.conversation(), ann.conversation()
    ann.post(f"/conversations/{conversation}/participants", {"userId": ben.id}).raise_for_status()
    with ann.listening(conversation) as one, ben.listening(conversation) as two, ann.listening(other) as three:
        ann.delete(f"/conversations/{conversation}").raise_for_status()
        assert one.ends()
        assert two.ends()
        assert not one.was_cut_off
        said = ann.say(other, "nothing")
        assert three.message() == said


def add(ann: Person, ben: Person, conversation: str, hers: Stream) -> None:
    """Returns when the signal of it has come: it comes after the answer."""
    ann.post(f"/conversations/{conversation}/participants", {"userId": ben.id}).raise_for_status()
    assert hers.signal()["type"] == "participant_added"


def test_the_stream_of_a_participant_who_is_removed_ends(ann: Person, person: Callable[..., Person]) -> None:
    ben, conversation = person(), ann.conversation()
    with ann.listening(conversation) as hers, ben.listening(ben.conversation()) as o, ExitStack() as later:
        add(ann, ben, conversation, hers)
        his = later.enter_context(ben.listening(conversation))
        ann.delete(f"/conversations/{conversation}/participants/{ben.id}").raise_for_status()
        assert his.ends()
        assert hers.signal() == {
            "type": "participant_removed",
            "data": {"conversationId": conversation, "participantId": ben.id},
        }
        assert o.frame() == ": listening"
        assert o.frame() == "event: message\ndata: ping"


def test_the_streams_of_a_user_who_is_deleted_end(ann: Person, person: Callable[..., Person]) -> None:
    ben, conversation = person(), ann.conversation()
    with ann.listening(conversation) as hers, ben.listening(ben.conversation()) as his_own, ExitStack() as later:
        add(ann, ben, conversation, hers)
        his = later.enter_context(ben.listening(conversation))
        ben.delete("/users/me").raise_for_status()
        assert his.ends()
        assert his_own.ends()
        assert hers.signal()["type"] == "participant_removed"


# --- initialize -------------------------------------------------------------------------------------------------


def initialize(person: Person, conversation: str) -> Any:
    url, query = f"{person.root}/initialize", {"conversationId": conversation}
    return person.http.stream("GET", url, headers={"x-user-key": person.key}, params=query)


def test_initialize_makes_one_user_and_one_conversation(http: httpx.Client, root: str) -> None:
    with http.stream("GET", f"{root}/initialize") as response:
        stream = Stream(response)
        init = stream.signal()
        assert init["type"] == "init"
        ann = object.__new__(Person)
        ann.http, ann.root, ann.key = http, root, init["data"]["user"]["userKey"]
        conversation = init["data"]["conversation"]["id"]
        assert [each["id"] for each in ann.get("/conversations").json()["conversations"]] == [conversation]
        said = ann.say(conversation, "nothing")
        assert stream.message() == said


def test_nothing_is_lost_between_what_initialize_tells_and_the_signals(ann: Person, conversation: str) -> None:
    ended = Event()

    def talk() -> list[str]:
        said = []
        while not ended.is_set():
            said.append(ann.say(conversation, "nothing")["id"])
        return said

    with ThreadPoolExecutor() as pool:
        talking = pool.submit(talk)
        heard = []
        try:
            for _ in range(5):
                with initialize(ann, conversation) as response:
                    stream = Stream(response)
                    told = [message["id"] for message in reversed(stream.signal()["data"]["messages"])]
                    heard.append([*told, *(stream.message()["id"] for _ in range(8))])
        finally:
            ended.set()
        said = talking.result()
    for each in heard:
        each = list(dict.fromkeys(each))  # what is told twice is known by its id
        start = said.index(each[0])
        assert each == said[start : start + len(each)]


def test_what_initialize_tells_is_for_one_reader_only(ann: Person, conversation: str) -> None:
    with ann.listening(conversation) as stream, initialize(ann, conversation) as response:
        assert Stream(response).signal()["type"] == "init"
        said = ann.say(conversation, "nothing")
        assert stream.signal() == {"type": "message_created", "data": said}


# --- several servers --------------------------------------------------------------------------------------------


def test_what_is_said_to_one_server_is_heard_by_the_readers_of_all(
    ann: Person, conversation: str, servers: list[WebchatServer]
) -> None:
    with ann.listening(conversation) as one, ann.listening(conversation) as two:
        for server in servers:
            said = at(server, ann).say(conversation, "hello")
            for stream in (one, two):
                assert stream.message() == said
                assert stream.from_bot()["payload"]["text"] == "echo: hello"


def test_when_a_server_is_gone_another_answers(ann: Person, conversation: str, servers: list[WebchatServer]) -> None:
    with ann.listening(conversation) as stream:
        stream.frame()
        servers[0].kill()
        try:
            said = ann.say(conversation, "nothing")
            assert stream.message() == said
        finally:
            servers[0].start()


def test_a_message_that_is_sent_to_both_servers_at_once_is_stored_once(
    ann: Person, conversation: str, servers: list[WebchatServer]
) -> None:
    def send(server: WebchatServer, number: int) -> dict[str, Any]:
        return at(server, ann).say(conversation, "nothing", metadata={"clientMessageId": str(number)})

    with ThreadPoolExecutor(2 * len(servers)) as pool:
        sent = [[pool.submit(send, server, number) for server in servers] for number in range(40)]
        messages = [[each.result() for each in twice] for twice in sent]
    assert all(one == other for one, other in messages)
    assert len(ann.history(conversation)) == len(messages)


def test_an_upload_to_one_server_is_left_alone_when_another_starts(ann: Person, servers: list[WebchatServer]) -> None:
    content = os.urandom(200_000)
    file = at(servers[0], ann).post("/files", {"key": "a", "size": len(content)}).json()["file"]
    url = urlsplit(file["uploadUrl"])
    folder = servers[0].data / "files"
    with socket.create_connection((url.hostname, url.port)) as upload:
        head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n\r\n"
        upload.sendall(head.encode() + content[:100_000])
        assert eventually(lambda: any(file["id"] in each.name for each in folder.glob("*.part")))
        servers[1].restart()
        upload.sendall(content[100_000:])
        assert upload.recv(12) == b"HTTP/1.1 200"
    assert at(servers[0], ann).get(f"/files/{file['id']}/a").content == content


# --- what else goes through it ----------------------------------------------------------------------------------


def test_a_big_file_goes_through(ann: Person) -> None:
    content = os.urandom(1_000_000) * 30
    file = ann.post("/files", {"key": "a", "size": len(content)}).json()["file"]
    assert file["uploadUrl"].startswith(ann.root)
    ann.http.put(file["uploadUrl"], content=content).raise_for_status()
    assert ann.get(f"/files/{file['id']}/a").content == content


@pytest.mark.parametrize("path", ["/", "/vendor/pyodide/pyodide.asm.wasm"])
def test_the_page_goes_through(http: httpx.Client, pushpin: Pushpin, servers: list[WebchatServer], path: str) -> None:
    mine, theirs = (http.get(f"{origin}{path}") for origin in (pushpin.url, servers[0].url))
    assert mine.content == theirs.content
    for name in ("content-type", "cache-control", "content-security-policy", "etag"):
        assert mine.headers.get(name) == theirs.headers.get(name), name


def test_no_key_is_in_its_log(ann: Person, conversation: str, pushpin: Pushpin) -> None:
    url = f"{ann.root}/conversations/{conversation}/listen?x-user-key={ann.key}"
    with ann.http.stream("GET", url) as response, initialize(ann, conversation) as other:
        for stream in (Stream(response), Stream(other)):
            assert stream.frame() == ": listening"
    assert ann.key not in pushpin.log


# --- without Pushpin --------------------------------------------------------------------------------------------


def test_a_pushpin_that_is_killed_is_missed_and_found_again(tmp_path: Path, http: httpx.Client) -> None:
    with (
        Pushpin() as pushpin,
        WebchatServer(tmp_path, *OPTIONS, "--grip-control", pushpin.control_url) as server,
    ):
        pushpin.start(server)
        ann = Person(http, f"{pushpin.url}/x")
        conversation, direct = ann.conversation(), at(server, ann)
        with ann.listening(conversation) as stream:
            said = [ann.say(conversation, "nothing")]
            assert stream.message() == said[0]
            pushpin.kill()
            assert stream.ends()
        said.append(direct.say(conversation, "nothing"))
        assert eventually(lambda: "Pushpin has not taken" in server.log)

        pushpin.restart()
        with ann.listening(conversation) as stream:
            stream.frame()
            said.append(ann.say(conversation, "nothing"))
            assert stream.message() == said[2]
        assert ann.history(conversation) == said[::-1]
        assert "Traceback" not in server.log


def test_streams_outlive_their_server(tmp_path: Path, http: httpx.Client) -> None:
    with (
        Pushpin() as pushpin,
        WebchatServer(tmp_path, *OPTIONS, "--grip-control", pushpin.control_url) as server,
    ):
        pushpin.start(server)
        ann = Person(http, f"{pushpin.url}/x")
        conversation = ann.conversation()
        with ann.listening(conversation) as stream:
            stream.frame()
            server.restart()
            said = ann.say(conversation, "nothing")
            assert stream.message() == said


# --- the option --pushpin ---------------------------------------------------------------------------------------


def test_one_option_starts_and_ends_it_all(tmp_path: Path, http: httpx.Client) -> None:
    with WebchatServer(tmp_path, *OPTIONS, "--pushpin") as server:
        processes = children(server.pid)
        assert len(processes) == 5
        folder = folder_of(processes[0])
        assert folder.exists()
        ann = Person(http, f"{server.url}/x")
        conversation = ann.conversation()
        with ann.listening(conversation) as stream:
            stream.frame()
            said = ann.say(conversation, "nothing")
            assert stream.message() == said
            assert server.stop(signal.SIGINT) == 0
            assert stream.ends()
        assert not list(filter(is_running, processes))
        assert not folder.exists()


def test_when_a_process_of_pushpin_dies_the_server_ends(tmp_path: Path) -> None:
    with WebchatServer(tmp_path, *OPTIONS, "--pushpin") as server:
        processes = children(server.pid)
        os.kill(processes[-1], signal.SIGKILL)
        assert server.wait() == 1
        assert not list(filter(is_running, processes))
        assert "Pushpin has ended, so this server ends, too" in server.log
        assert "Exited unexpectedly" in server.log


def test_when_the_server_is_killed_pushpin_ends(tmp_path: Path) -> None:
    with WebchatServer(tmp_path, *OPTIONS, "--pushpin") as server:
        processes = children(server.pid)
        folder = folder_of(processes[0])
        server.kill()
        assert eventually(lambda: not list(filter(is_running, processes)))
        shutil.rmtree(folder)  # what was killed has not cleared it away


def test_a_machine_without_pushpin_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "zurl").symlink_to(str(shutil.which("zurl")))
    monkeypatch.setenv("PATH", f"{tmp_path}:{Path(sys.executable).parent}")
    result = run(tmp_path, "--pushpin")
    assert result.returncode == 2
    assert result.stderr.endswith("pushpin and setpriv cannot be found; on Debian, apt-get install pushpin zurl\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--grip-control", "127.0.0.1:5561"], "127.0.0.1:5561 is no URL such as http://127.0.0.1:5561"),
        (["--grip-control", "http://127.0.0.1:1", "--pushpin"], "not allowed with"),
        (["--host", "::1", "--pushpin"], "::1 is no IPv4 address, and Pushpin garbles the others."),
    ],
    ids=["no URL", "both", "IPv6"],
)
def test_a_wrong_argument_is_named(tmp_path: Path, arguments: list[str], said: str) -> None:
    result = run(tmp_path, *arguments)
    assert result.returncode == 2
    assert said in result.stderr


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run(tmp_path, "--port", str(taken.getsockname()[1]), "--pushpin")
    assert result.returncode == 2
    assert "Address already in use" in result.stderr
