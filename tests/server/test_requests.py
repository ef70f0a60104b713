"""What holds for every request: bodies, limits, routes, CORS, host names."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.server.conftest import error_of
from tests.server.people import Person
from tests.support.server import WebchatServer

MIB = 1024 * 1024


def _deep(levels: int) -> bytes:
    return b'{"userData": ' + b'{"a":' * levels + b"1" + b"}" * levels + b"}"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b"<html>",
        b"[]",
        b"null",
        b'"text"',
        b"1",
        b'{"name": "\xff"}',
        b'{"userData": {"a": NaN}}',
        b'{"userData": {"a": -Infinity}}',
        b'{"userData": {"a": 1e999}}',
        b'{"userData": {"a": ' + b"1" * 5000 + b"}}",
        b'{"name": "\\ud800"}',
        b'{"userData": {"\\udfff": 1}}',
        b'{"userData": [[["\\ud83d"]]]}',
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        _deep(101),
        _deep(2_000),
        _deep(150_000),
        b"[" * 500_000,
    ],
    ids=lambda body: repr(body[:24]),
)
def test_a_body_that_is_no_json_object_is_refused(ann: Person, body: bytes, log: Callable[[], str]) -> None:
    for method, path in (("POST", "/users"), ("PUT", "/users/me"), ("POST", "/messages")):
        assert error_of(ann.call(method, path, content=body)) == (400, "InvalidPayload")
    assert "Traceback" not in log()


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": "a\\u0000b"}',
        b'{"name": "\\ud83d\\ude00"}',
        b'{"userData": {"a": ' + b"9" * 4000 + b"}}",
        b'{"userData": {"": {"a\\u0000": 1e308}}}',
        b'{"__proto__": 1, "name": "x", "name": "y"}',
        _deep(90),
    ],
    ids=lambda body: repr(body[:24]),
)
def test_odd_json_survives(ann: Person, body: bytes) -> None:
    response = ann.call("PUT", "/users/me", content=body)
    assert response.status_code == 200
    assert ann.get("/users/me").json() == response.json()


def test_a_body_of_1_mib_is_taken_and_one_byte_more_is_not(ann: Person) -> None:
    frame = len(b'{"name":""}')
    taken = ann.call("PUT", "/users/me", content=b'{"name":"' + b"x" * (MIB - frame) + b'"}')
    assert taken.status_code == 200
    refused = ann.call("PUT", "/users/me", content=b'{"name":"' + b"x" * (MIB - frame + 1) + b'"}')
    assert error_of(refused) == (413, "PayloadTooLarge")


def test_a_body_without_a_length_is_counted(ann: Person) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"name":"'
        for _ in range(1024):
            yield b"x" * 1024
        yield b'"}'

    assert error_of(ann.call("PUT", "/users/me", content=chunks())) == (413, "PayloadTooLarge")


def test_a_body_that_is_too_large_is_refused_by_its_length_alone(server: WebchatServer) -> None:
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(f"POST /x/users HTTP/1.1\r\nHost: localhost\r\nContent-Length: {10**12}\r\n\r\n".encode())
        assert connection.recv(12) == b"HTTP/1.1 413"


def test_an_endless_body_is_refused_before_it_ends(server: WebchatServer) -> None:
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(b"POST /x/users HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(17):
            connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        assert connection.recv(12) == b"HTTP/1.1 413"


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/x", "/x/nowhere", "/x/users/you", "/x/users/", "/x/conversations/y/z", "//", "/%00", "/x/%ff"],
)
def test_an_unknown_route_is_answered_in_json(http: httpx.Client, server: WebchatServer, path: str) -> None:
    for method in ("GET", "POST"):
        response = http.request(method, f"{server.url}{path}")
        assert error_of(response) == (404, "ResourceNotFound")
        assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/users", "POST"),
        ("POST", "/users/me", "GET, PUT, DELETE"),
        ("PATCH", "/users/me", "GET, PUT, DELETE"),
        ("PUT", "/conversations", "GET, POST"),
        ("POST", "/conversations/x/messages", "GET"),
        ("GET", "/messages", "POST"),
        ("GET", "/events", "POST"),
        ("BREW", "/files", "POST"),
    ],
)
def test_a_wrong_method_is_answered_by_the_right_ones(ann: Person, method: str, path: str, allowed: str) -> None:
    response = ann.call(method, path)
    assert error_of(response) == (405, "MethodNotFound")
    assert response.headers["allow"] == allowed


def test_answers_are_not_kept_and_not_taken_for_pages(ann: Person) -> None:
    for response in (ann.get("/users/me"), ann.get("/nowhere")):
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert "server" not in response.headers


# --- CORS -------------------------------------------------------------------------------------------------------

ORIGIN = {"origin": "https://example.org"}


def _allows_the_origin(response: httpx.Response) -> bool:
    headers = response.headers
    assert "Origin" in headers["vary"]
    assert headers["access-control-allow-credentials"] == "true"
    return headers["access-control-allow-origin"] == ORIGIN["origin"]


def test_answers_and_errors_can_be_read_from_any_origin(ann: Person, conversation: str) -> None:
    assert _allows_the_origin(ann.get("/users/me", headers=ORIGIN))
    for response in (
        ann.get("/messages/x", headers=ORIGIN),
        ann.get("/nowhere", headers=ORIGIN),
        ann.call("PATCH", "/users", headers=ORIGIN),
        ann.call("POST", "/messages", headers=ORIGIN, content=b"{"),
        ann.call("PUT", "/users/me", headers=ORIGIN, content=bytes(2 * MIB)),
        ann.http.get(f"{ann.root}/users/me", headers=ORIGIN),
    ):
        assert response.status_code >= 400
        assert _allows_the_origin(response)
    with ann.http.stream(
        "GET", f"{ann.root}/conversations/{conversation}/listen", headers={**ORIGIN, "x-user-key": ann.key}
    ) as response:
        assert _allows_the_origin(response)


def test_an_answer_to_no_origin_still_varies_by_it(ann: Person) -> None:
    headers = ann.get("/users/me").headers
    assert "Origin" in headers["vary"]
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    ("path", "method", "wanted"),
    [
        ("/users", "POST", "content-type"),
        ("/users/me", "PUT", "content-type,x-user-key,x-xsrf-token"),
        ("/conversations/x/listen", "GET", "x-user-key"),
        ("/conversations/x/listen", "GET", "timeout,x-admin-secret,x-user-key"),
        ("/uploads/x", "PUT", "content-type,x-amz-tagging"),
        ("/uploads/x", "PUT", None),
    ],
)
def test_a_preflight_is_granted_what_it_asks_for(
    http: httpx.Client, root: str, path: str, method: str, wanted: str | None
) -> None:
    headers = {**ORIGIN, "access-control-request-method": method}
    if wanted:
        headers["access-control-request-headers"] = wanted
    response = http.options(f"{root}{path}", headers=headers)
    assert response.status_code == 204
    assert response.content == b""
    assert _allows_the_origin(response)
    assert method in response.headers["access-control-allow-methods"].split(", ")
    assert response.headers["access-control-allow-headers"] == wanted or wanted is None


# --- host names -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.1.2.3:8000", "[::1]", "[::1]:8000", "webchat.localhost:80"]
)
def test_loopback_names_are_answered(http: httpx.Client, root: str, host: str) -> None:
    assert http.post(f"{root}/users", headers={"host": host}).status_code == 201


@pytest.mark.parametrize(
    "host",
    ["example.org", "localhost.example.org", "127.0.0.1.example.org", "xlocalhost", "10.0.0.1", "[::2]", "", "["],
)
def test_other_names_are_refused_with_the_reason(http: httpx.Client, root: str, host: str) -> None:
    for path in (f"{root}/users", root.rpartition("/")[0]):
        response = http.post(path, headers={"host": host})
        assert error_of(response) == (403, "Forbidden")
        assert "loopback" in response.json()["message"]


def test_a_server_for_other_machines_takes_any_name(http: httpx.Client, tmp_path: Path) -> None:
    with WebchatServer(tmp_path, "--host", "0.0.0.0") as server:
        for host in ("example.org", "[", "a b"):
            ann = Person(http, f"{server.url}/x")
            response = ann.call("POST", "/files", json={"key": "a", "size": 1}, headers={"host": host})
            assert response.status_code == 201
        assert "Traceback" not in server.log
