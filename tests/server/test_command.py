"""The command line, the start, and the end."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.server.conftest import error_of
from tests.server.people import TEXT, Person, eventually
from tests.support.server import WebchatServer

ROOT = Path(__file__).resolve().parents[2]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "webchat_server", "--port", "0", "--data", str(folder / "data"), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "web" / "server")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--bot", "nobody"], "--bot nobody: that is neither demo nor echo nor of the form module:function."),
        (["--bot", ":x"], "--bot :x: that is neither demo nor echo nor of the form module:function."),
        (["--bot", "nowhere:bot"], "--bot nowhere:bot: the module nowhere cannot be imported (ModuleNotFoundError"),
        (["--bot", "broken:bot"], "--bot broken:bot: the module broken cannot be imported (SyntaxError"),
        (["--bot", "quitter:bot"], "--bot quitter:bot: the module quitter cannot be imported (SystemExit: 3)"),
        (["--bot", "shop=echo"], "--bot: there is none for those who ask by another client id. Add --bot BOT."),
        (["--bot", "json:dunps"], "--bot json:dunps: the module json has no function dunps."),
        (["--bot", "json:dumps"], "--bot json:dumps: dumps must be a function defined by `async def dumps(chat)`."),
        (["--bot", "json:__name__"], "--bot json:__name__: __name__ must be a function"),
        (["--host", "192.0.2.1"], "Cannot listen on port 0 of 192.0.2.1: "),
        (["--host", "no such host"], "Cannot listen on port 0 of no such host: "),
        (["--data", "/dev/null"], "The data folder /dev/null cannot be used: "),
        (["--data", "damaged"], "The data folder damaged cannot be used: file is not a database."),
        (["--data", "newer"], "The data folder newer cannot be used: it was written by a newer version"),
        (["--data", "no-secret"], "The data folder no-secret cannot be used: "),
        (["--web", "nowhere"], "there is no index.html in nowhere"),
        (["--admin-secret-file", "nowhere"], "nowhere cannot be read ("),
        (["--admin-secret-file", "broken.py"], "the secret in broken.py must have 16 characters or more"),
        (["--port", "65536"], "65536 is no number from 0 to 65535"),
        (["--ping-interval", "nan"], "nan is no number from 0.001 to 86400"),
        (["--page-size", "0"], "0 is no number from 1 to 10000"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_argument_is_named_in_one_sentence(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "broken.py").write_text("def")
    (tmp_path / "quitter.py").write_text("raise SystemExit(3)")
    for folder in ("damaged", "newer", "no-secret"):
        (tmp_path / folder).mkdir()
    (tmp_path / "damaged" / "webchat.sqlite3").write_text("this is not a database" * 100)
    (tmp_path / "no-secret" / "secret").write_text("")
    newer = sqlite3.connect(tmp_path / "newer" / "webchat.sqlite3")
    newer.execute("PRAGMA user_version = 1000")
    newer.close()
    result = run(tmp_path, *arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = run(tmp_path, "--port", port)
    assert result.returncode == 2
    assert f"Cannot listen on port {port} of 127.0.0.1: Address already in use" in result.stderr


def test_one_line_on_stdout_says_where_it_listens(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "webchat_server", "--port", "0", "--data", str(tmp_path), "--host", "::1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "web" / "server")}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout
        line = process.stdout.readline()
        assert line.startswith("Listening on http://[::1]:")
        url = line.removeprefix("Listening on ").strip()
        assert httpx.post(f"{url}/x/users").status_code == 201
        process.terminate()
        assert process.communicate(timeout=10)[0] == ""
        assert process.returncode == 0


def test_the_secret_is_its_owners_alone(tmp_path: Path) -> None:
    with WebchatServer(tmp_path / "data"):
        secret = tmp_path / "data" / "secret"
        assert secret.stat().st_mode & 0o777 == 0o600
        assert len(secret.read_text()) == 64
        secret.chmod(0o644)
    with WebchatServer(tmp_path / "data"):
        assert secret.stat().st_mode & 0o777 == 0o600


def test_two_servers_have_different_secrets(tmp_path: Path) -> None:
    for name in ("one", "two"):
        with WebchatServer(tmp_path / name):
            pass
    assert (tmp_path / "one" / "secret").read_text() != (tmp_path / "two" / "secret").read_text()


def test_the_end_comes_quickly_with_streams_and_uploads_open(tmp_path: Path, http: httpx.Client) -> None:
    with WebchatServer(tmp_path) as server:
        ann = Person(http, f"{server.url}/x")
        conversation = ann.conversation()
        url = urlsplit(ann.post("/files", {"key": "a", "size": 100}).json()["file"]["uploadUrl"])
        with (
            ann.listening(conversation) as one,
            ann.listening(conversation) as two,
            socket.create_connection((url.hostname, url.port)) as upload,
            socket.create_connection((url.hostname, url.port)),
        ):
            upload.sendall(
                f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx".encode()
            )
            one.frame()
            started = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - started < 3
            assert one.ends()
            assert two.ends()


def test_streams_are_ended_and_not_cut_off(tmp_path: Path, http: httpx.Client) -> None:
    with WebchatServer(tmp_path) as server:
        ann = Person(http, f"{server.url}/x")
        with ann.listening(ann.conversation()) as stream:
            stream.frame()
            server.stop()
            assert stream.ends()
            assert not stream.was_cut_off
        assert "timeout graceful shutdown exceeded" not in server.log


def test_a_kill_loses_nothing(tmp_path: Path, http: httpx.Client) -> None:
    with WebchatServer(tmp_path, "--bot", "tests.server.bots:answer") as server:
        ann = Person(http, f"{server.url}/x", name="Ann", userData={"plan": "gold"})
        ben = Person(http, f"{server.url}/x")
        conversation = ann.conversation()
        ann.post(f"/conversations/{conversation}/participants", {"userId": ben.id})
        metadata = {"clientMessageId": "1"}
        said = ann.say(conversation, "nothing", metadata=metadata)
        answer = ben.hear_bot(conversation, "hello")
        event = {"conversationId": conversation, "payload": {"type": "custom", "data": {"a": 1}}}
        event_id = ann.post("/events", event).json()["event"]["id"]
        file = ann.post("/files", {"key": "a.txt", "size": 4, "accessPolicies": ["public_content"]}).json()["file"]
        http.put(file["uploadUrl"], content=b"kept")
        places = ("/users/me", f"/conversations/{conversation}", f"/conversations/{conversation}/participants")
        before = [ann.get(place).json() for place in places]

        server.kill()
        server.start()

        assert [ann.get(place).json() for place in places] == before
        history = ann.history(conversation)
        assert said in history
        assert answer in [message["payload"] for message in history]
        assert ann.get(f"/events/{event_id}").json()["event"]["payload"] == event["payload"]
        assert http.get(file["url"]).content == b"kept"
        assert ann.say(conversation, "nothing", metadata=metadata) == said
        assert ben.hear_bot(conversation, "still there?")["text"] == "echo: still there?"


def test_what_was_answered_is_kept_though_the_kill_comes_in_the_middle(tmp_path: Path) -> None:
    with WebchatServer(tmp_path, "--bot", "tests.server.bots:answer") as server, httpx.Client(timeout=20) as http:
        ann = Person(http, f"{server.url}/x")
        conversation = ann.conversation()
        answered: list[str] = []

        def talk() -> None:
            while True:
                try:
                    answered.append(ann.say(conversation, "nothing")["id"])
                except httpx.TransportError:
                    return

        with ThreadPoolExecutor(4) as pool:
            for _ in range(4):
                pool.submit(talk)
            eventually(lambda: len(answered) >= 50, seconds=60)
            server.kill()
        server.start()
        stored = {message["id"] for message in ann.history(conversation)}
        assert len(answered) >= 50
        assert stored >= set(answered)
        assert len(stored) <= len(answered) + 4


def test_an_unfinished_upload_is_cleared_away_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "file_1.abcd.part").write_text("x")
    with WebchatServer(tmp_path):
        assert not list((tmp_path / "files").iterdir())


def test_a_database_held_by_another_program_is_an_error_and_no_end(tmp_path: Path, http: httpx.Client) -> None:
    with WebchatServer(tmp_path, "--bot", "tests.server.bots:answer") as server:
        ann = Person(http, f"{server.url}/x")
        conversation = ann.conversation()
        other = sqlite3.connect(tmp_path / "webchat.sqlite3", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert ann.get("/users/me").status_code == 200
        response = ann.post("/messages", {"conversationId": conversation, "payload": TEXT})
        assert error_of(response) == (500, "Internal")
        assert response.headers["retry-after"] == "1"
        other.execute("ROLLBACK")
        other.close()
        assert ann.say(conversation, "nothing") in ann.history(conversation)


def test_a_fault_of_the_server_tells_nothing_about_it(tmp_path: Path, http: httpx.Client) -> None:
    with WebchatServer(tmp_path) as server:
        ann = Person(http, f"{server.url}/x")
        other = sqlite3.connect(tmp_path / "webchat.sqlite3")
        other.execute("DROP TABLE events")
        other.close()
        body = {"conversationId": ann.conversation(), "payload": {"type": "custom", "data": {}}}
        response = ann.call("POST", "/events", json=body, headers={"origin": "https://example.org"})
        assert error_of(response) == (500, "Internal")
        assert "sqlite" not in response.text.lower()
        assert "events" not in response.text
        assert response.headers["access-control-allow-origin"] == "https://example.org"
        assert "no such table: events" in server.log
        assert json.loads(response.text)["id"] in server.log
