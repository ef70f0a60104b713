from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.server.conftest import MakePerson, error_of
from tests.server.people import Person, eventually
from tests.support.server import WebchatServer

MIB = 1024 * 1024
PUBLIC = {"accessPolicies": ["public_content"], "index": False}


def declare(person: Person, key: str, size: int, **more: Any) -> dict[str, Any]:
    response = person.post("/files", {"key": key, "size": size, **PUBLIC, **more})
    assert response.status_code == 201
    file: dict[str, Any] = response.json()["file"]
    return file


def upload(person: Person, key: str, content: bytes = b"content", **more: Any) -> httpx.Response:
    """Upload, and fetch the file as anybody would."""
    file = declare(person, key, len(content), **more)
    response = person.http.put(file["uploadUrl"], content=content)
    assert (response.status_code, response.json()) == (200, {})
    return person.http.get(file["url"])


def test_an_upload_is_to_be_had_at_its_public_url(ann: Person, server: WebchatServer) -> None:
    file = declare(ann, "docs/péché & co.png", 3, tags={"a": "b"})
    assert set(file) == {
        *("id", "botId", "key", "size", "contentType", "tags", "createdAt", "updatedAt"),
        *("accessPolicies", "index", "url", "status", "uploadUrl"),
    }
    assert (file["key"], file["size"], file["contentType"]) == ("docs/péché & co.png", 3, "image/png")
    assert (file["tags"], file["accessPolicies"], file["index"]) == ({"a": "b"}, ["public_content"], False)
    assert file["status"] == "upload_pending"
    assert file["url"].startswith(f"{server.url}/")
    assert file["uploadUrl"].startswith(f"{server.url}/")
    assert file["url"].endswith("/p%C3%A9ch%C3%A9%20%26%20co.png")
    assert error_of(ann.http.get(file["url"])) == (404, "ResourceNotFound")
    assert ann.http.put(file["uploadUrl"], content=b"\0\xff\n").json() == {}
    response = ann.http.get(file["url"])
    assert (response.status_code, response.content, response.headers["content-type"]) == (200, b"\0\xff\n", "image/png")
    assert ann.http.head(file["url"]).headers["content-length"] == "3"


@pytest.mark.parametrize(
    ("key", "declared", "expected"),
    [
        ("a.png", None, "image/png"),
        ("a.JPG", None, "image/jpeg"),
        ("a.webp", None, "image/webp"),
        ("a.mp3", None, "audio/mpeg"),
        ("a.mp4", None, "video/mp4"),
        ("a.webm", None, "video/webm"),
        ("a.txt", None, "text/plain"),
        ("a.pdf", None, "application/pdf"),
        ("a.tar.gz", None, "application/octet-stream"),
        ("a", None, "application/octet-stream"),
        ("a.txt", "application/x.thing+json; v=1", "application/x.thing+json; v=1"),
    ],
)
def test_the_type_is_as_declared_or_guessed_from_the_key(
    ann: Person, key: str, declared: str | None, expected: str
) -> None:
    more: dict[str, Any] = {"contentType": declared} if declared else {}
    assert declare(ann, key, 7, **more)["contentType"] == expected
    assert upload(ann, key, **more).headers["content-type"].startswith(expected)


@pytest.mark.parametrize(
    ("key", "more"), [("a.png", {}), ("a.mp3", {}), ("a.mp4", {}), ("a", {"contentType": "image/gif"})]
)
def test_raster_images_audio_and_video_are_shown_in_place(ann: Person, key: str, more: dict[str, Any]) -> None:
    headers = upload(ann, key, **more).headers
    assert headers["content-disposition"].startswith("inline;")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize(
    ("key", "more"),
    [
        ("a.html", {}),
        ("a.svg", {}),
        ("a.xhtml", {}),
        ("a.xml", {}),
        ("a.js", {}),
        ("a.mjs", {}),
        ("a.css", {}),
        ("a.wasm", {}),
        ("a.png", {"contentType": "text/html"}),
        ("a.png", {"contentType": "image/svg+xml"}),
        ("a.png", {"contentType": "TEXT/HTML"}),
        ("a.png", {"contentType": "application/ecmascript"}),
    ],
)
def test_what_could_run_is_a_download_without_a_type_of_its_own(ann: Person, key: str, more: dict[str, Any]) -> None:
    headers = upload(ann, key, b"<script>alert(1)</script>", **more).headers
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith("attachment;")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize("key", ["a.txt", "a.pdf", "a.zip", "a", "a.json"])
def test_everything_else_is_a_download(ann: Person, key: str) -> None:
    headers = upload(ann, key).headers
    assert headers["content-disposition"].startswith("attachment;")
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("../../secret", "secret"),
        ("..", "file"),
        ("a/..", "file"),
        ("/", "file"),
        ("..\\..\\boot.ini", "boot.ini"),
        ('a"; filename="x.html', "a%22%3B%20filename%3D%22x.html"),
        ("a\r\nSet-Cookie: a=b", "a%0D%0ASet-Cookie%3A%20a%3Db"),
        ("nul\0.png", "nul%00.png"),
        ("?#%2e", "%3F%23%252e"),
        ("x" * 5000, "x" * 5000),
    ],
)
def test_a_hostile_key_names_nothing_but_a_file(ann: Person, key: str, name: str) -> None:
    response = upload(ann, key, b"mine")
    assert (response.status_code, response.content) == (200, b"mine")
    assert str(response.url).rpartition("/")[2] == name
    assert "set-cookie" not in response.headers


def test_urls_cannot_be_guessed(ann: Person) -> None:
    first, second = declare(ann, "a.png", 1), declare(ann, "a.png", 1)
    assert first["url"] != second["url"]
    assert len(first["id"].partition("_")[2]) >= 22
    assert len(first["uploadUrl"].partition("token=")[2]) >= 32
    wrong = first["uploadUrl"].replace(first["id"], second["id"])
    for url in (wrong, wrong.partition("?")[0], f"{first['uploadUrl']}x", first["uploadUrl"][:-1] + "é"):
        assert error_of(ann.http.put(url, content=b"x")) == (403, "Forbidden")
    unknown = first["uploadUrl"].replace(first["id"], "file_0")
    assert error_of(ann.http.put(unknown, content=b"x")) == (404, "ResourceNotFound")
    assert error_of(ann.http.get(f"{ann.root}/files/file_0/a.png")) == (404, "ResourceNotFound")


def test_a_file_that_is_not_public_is_its_owners_alone(person: MakePerson) -> None:
    ann, eve = person(), person()
    file = ann.post("/files", {"key": "a.txt", "size": 1}).json()["file"]
    ann.http.put(file["uploadUrl"], content=b"x")
    path = file["url"].removeprefix(ann.root)
    assert error_of(ann.http.get(file["url"])) == (401, "Unauthorized")
    assert error_of(eve.get(path)) == (403, "Forbidden")
    assert ann.get(path).content == b"x"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"size": 1}, "key"),
        ({"key": "", "size": 1}, "key"),
        ({"key": "a"}, "size"),
        ({"key": "a", "size": "1"}, "size"),
        ({"key": "a", "size": -1}, "size"),
        ({"key": "a", "size": 1.5}, "size"),
        ({"key": "a", "size": True}, "size"),
        ({"key": "a", "size": 1, "accessPolicies": ["all"]}, "accessPolicies[0]"),
        ({"key": "a", "size": 1, "accessPolicies": "public_content"}, "accessPolicies"),
        ({"key": "a", "size": 1, "index": "no"}, "index"),
        ({"key": "a", "size": 1, "tags": {"x": 1}}, "tags.x"),
        ({"key": "a", "size": 1, "contentType": 1}, "contentType"),
        ({"key": "a", "size": 1, "contentType": ""}, "contentType"),
        ({"key": "a", "size": 1, "contentType": "image"}, "contentType"),
        ({"key": "a", "size": 1, "contentType": "image/png\r\nSet-Cookie: a=b"}, "contentType"),
        ({"key": "a", "size": 1, "contentType": "image/png\n"}, "contentType"),
    ],
)
def test_a_wrong_declaration_is_refused_by_the_name_of_its_field(ann: Person, body: dict[str, Any], field: str) -> None:
    response = ann.post("/files", body)
    assert error_of(response) == (400, "InvalidPayload")
    assert response.json()["message"].startswith(f"{field} ")


@pytest.mark.parametrize("size", [100 * MIB + 1, 2**63, 10**400])
def test_a_file_above_100_mib_is_refused_before_it_is_sent(ann: Person, size: int) -> None:
    assert error_of(ann.post("/files", {"key": "a", "size": size})) == (413, "PayloadTooLarge")


def test_an_upload_of_100_mib_is_taken(ann: Person) -> None:
    chunk = bytes(MIB)
    file = declare(ann, "a.bin", 100 * MIB)
    response = ann.http.put(file["uploadUrl"], content=(chunk for _ in range(100)))
    assert response.status_code == 200
    assert ann.http.head(file["url"]).headers["content-length"] == str(100 * MIB)


def test_a_body_above_100_mib_is_refused_by_its_length_alone(ann: Person) -> None:
    file = declare(ann, "a.bin", 100 * MIB)
    url = urlsplit(file["uploadUrl"])
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {100 * MIB + 1}\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(12) == b"HTTP/1.1 413"


def test_a_body_larger_than_declared_is_refused(ann: Person) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"123"
        yield b"45"

    file = declare(ann, "a.txt", 4)
    for content in (b"12345", chunks()):
        assert error_of(ann.http.put(file["uploadUrl"], content=content)) == (413, "PayloadTooLarge")
    assert error_of(ann.http.get(file["url"])) == (404, "ResourceNotFound")


def test_a_body_smaller_than_declared_is_refused_and_can_be_sent_again(ann: Person) -> None:
    file = declare(ann, "a.txt", 4)
    response = ann.http.put(file["uploadUrl"], content=b"123")
    assert error_of(response) == (400, "InvalidPayload")
    assert response.json()["message"].startswith("size ")
    assert ann.http.put(file["uploadUrl"], content=b"1234").status_code == 200
    assert ann.http.get(file["url"]).content == b"1234"


def test_an_upload_that_is_cut_off_leaves_nothing_behind(
    ann: Person, server: WebchatServer, log: Callable[[], str]
) -> None:
    file = declare(ann, "a.bin", MIB)
    url = urlsplit(file["uploadUrl"])
    head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {MIB}\r\n\r\n"
    with socket.create_connection((url.hostname, url.port)) as connection:
        connection.sendall(head.encode() + bytes(MIB // 2))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass
    assert error_of(ann.http.get(file["url"])) == (404, "ResourceNotFound")
    assert eventually(lambda: not list((server.data / "files").glob(f"{file['id']}*")))
    assert "Traceback" not in log()


def test_two_uploads_at_once_do_not_mix(ann: Person) -> None:
    file = declare(ann, "a.bin", MIB)
    contents = [bytes([number]) * MIB for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda content: ann.http.put(file["uploadUrl"], content=content), contents))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert ann.http.get(file["url"]).content in contents


def test_parts_of_a_file_can_be_had(ann: Person) -> None:
    file = declare(ann, "a.mp4", 10)
    ann.http.put(file["uploadUrl"], content=b"0123456789")
    response = ann.http.get(file["url"], headers={"range": "bytes=2-4"})
    assert (response.status_code, response.content) == (206, b"234")


def test_an_empty_file_is_a_file(ann: Person) -> None:
    response = upload(ann, "a.txt", b"")
    assert (response.status_code, response.content) == (200, b"")
