"""The page's files, served from a folder made for the test."""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.server.conftest import error_of
from tests.server.people import Person
from tests.support.server import WebchatServer

FILES = {
    "index.html": "text/html; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "pyscript.toml": "application/toml",
    "main.py": "text/x-python; charset=utf-8",
    "favicon.svg": "image/svg+xml",
    "chat/webchat_ui/view.py": "text/x-python; charset=utf-8",
    "chat/chat.js": "text/javascript; charset=utf-8",
    "vendor/a.mjs": "text/javascript; charset=utf-8",
    "vendor/deep/a.wasm": "application/wasm",
    "vendor/a-1.0-py3-none-any.whl": "application/zip",
    "vendor/lock.json": "application/json",
    "vendor/stdlib.zip": "application/zip",
    "vendor/a.woff2": "font/woff2",
    "vendor/a b é.txt": "text/plain; charset=utf-8",
    "examples/index.html": "text/html; charset=utf-8",
    "examples/pyscript.html": "text/html; charset=utf-8",
    "examples/pyscript-worker.html": "text/html; charset=utf-8",
    "examples/a.mjs": "text/javascript; charset=utf-8",
    "lite/index.html": "text/html; charset=utf-8",
    "lite/lab/index.html": "text/html; charset=utf-8",
    "lite/files/a.ipynb": "application/x-ipynb+json",
    "lite/manifest.webmanifest": "application/manifest+json",
}
HIDDEN = [
    "package.json",
    "package-lock.json",
    ".npmrc",
    "assemble.py",
    "server/webchat_server/api.py",
    "node_modules/a.js",
    "vendor/.stamp",
    "lite/.stamp",
    "chat/__pycache__/main.pyc",
]


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Path:
    web = tmp_path_factory.mktemp("house") / "web"
    for name in [*FILES, *HIDDEN]:
        (web / name).parent.mkdir(parents=True, exist_ok=True)
        (web / name).write_text(f"content of {name}")
    (web.parent / "outside.txt").write_text("outside")
    (web / "vendor" / "link.txt").symlink_to(web.parent / "outside.txt")
    return web


@pytest.fixture(scope="module")
def site(web: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebchatServer]:
    with WebchatServer(tmp_path_factory.mktemp("data"), "--web", str(web)) as server:
        yield server


@pytest.mark.parametrize(("name", "media_type"), FILES.items())
def test_a_file_of_the_page_is_served_with_its_type(
    http: httpx.Client, site: WebchatServer, name: str, media_type: str
) -> None:
    response = http.get(f"{site.url}/{name}")
    assert (response.status_code, response.text) == (200, f"content of {name}")
    assert response.headers["content-type"] == media_type
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert http.head(f"{site.url}/{name}").headers["content-length"] == response.headers["content-length"]


def test_the_root_is_the_page_under_a_strict_policy(http: httpx.Client, site: WebchatServer) -> None:
    response = http.get(site.url)
    assert response.text == "content of index.html"
    policy = dict(entry.split(" ", 1) for entry in response.headers["content-security-policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self' 'wasm-unsafe-eval' 'unsafe-eval'",
        "style-src": "'self'",
        "img-src": "'self' data: blob:",
        "media-src": "'self' blob:",
        "connect-src": "'self'",
        "font-src": "'self'",
        "worker-src": "'self' blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


@pytest.mark.parametrize(
    "path",
    [
        *HIDDEN,
        "chat",
        "chat/",
        "chat/nowhere.py",
        "vendor//a.mjs",
        "vendor/link.txt",
        "style.css/",
        "INDEX.HTML",
        "chat/../package.json",
        "chat/../../outside.txt",
        "vendor/../../outside.txt",
        "chat/%2e%2e/package.json",
        "chat/..%2fpackage.json",
        "chat/%2e%2e%2f%2e%2e%2foutside.txt",
        "vendor/..%5c..%5coutside.txt",
        "vendor/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "vendor//etc/passwd",
        "vendor/a.mjs%00.txt",
        "vendor/%00",
        "vendor/" + "x" * 5000,
        "vendor/" + "x/" * 2000,
        "..",
        "%2e%2e/outside.txt",
    ],
)
def test_nothing_else_is_served(site: WebchatServer, path: str) -> None:
    # Over a plain socket, for HTTP clients tidy such paths before they send them
    address = urlsplit(site.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(f"GET /{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b'"type":"ResourceNotFound"' in answer
    assert b"content of" not in answer
    assert "Traceback" not in site.log


def test_the_page_can_only_be_read(http: httpx.Client, site: WebchatServer) -> None:
    for method in ("POST", "PUT", "DELETE"):
        response = http.request(method, f"{site.url}/index.html")
        assert error_of(response) == (405, "MethodNotFound")
        assert response.headers["allow"] == "GET, HEAD"


def test_the_api_wins_over_the_page(http: httpx.Client, site: WebchatServer) -> None:
    for client_id in ("chat", "examples", "vendor", "demo-media"):
        assert Person(http, f"{site.url}/{client_id}").conversation()


def test_a_file_is_sent_again_only_when_it_has_changed(http: httpx.Client, site: WebchatServer, web: Path) -> None:
    name = f"vendor/{secrets.token_hex(4)}.js"
    (web / name).write_text("one")
    first = http.get(f"{site.url}/{name}")
    assert first.headers["cache-control"] == "no-cache"
    etag = first.headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = http.get(f"{site.url}/{name}", headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
    status = (web / name).stat()
    (web / name).write_text("two")
    os.utime(web / name, ns=(status.st_atime_ns, status.st_mtime_ns + 1000))  # as quick as a file system can tell
    changed = http.get(f"{site.url}/{name}", headers={"if-none-match": etag})
    assert (changed.status_code, changed.text) == (200, "two")


def test_a_packed_file_is_sent_to_those_who_take_it(http: httpx.Client, site: WebchatServer, web: Path) -> None:
    content = b"x" * 10_000
    (web / "vendor" / "big.wasm").write_bytes(content)
    (web / "vendor" / "big.wasm.gz").write_bytes(gzip.compress(content))
    url = f"{site.url}/vendor/big.wasm"
    tags = set()
    for accepted, is_packed in (
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.0", False),
        ("xgzip", False),
    ):
        response = http.get(url, headers={"accept-encoding": accepted})
        assert response.content == content
        assert response.headers["content-type"] == "application/wasm"
        assert "Accept-Encoding" in response.headers["vary"]
        assert response.headers.get("content-encoding") == ("gzip" if is_packed else None), accepted
        assert (int(response.headers["content-length"]) < 1000) is is_packed
        tags.add((response.headers["etag"], is_packed))
    assert len(tags) == 2


def test_a_packed_file_that_is_older_than_the_file_is_not_sent(
    http: httpx.Client, site: WebchatServer, web: Path
) -> None:
    (web / "vendor" / "changed.js.gz").write_bytes(gzip.compress(b"old"))
    (web / "vendor" / "changed.js").write_text("new")
    os.utime(web / "vendor" / "changed.js.gz", (0, 0))
    assert http.get(f"{site.url}/vendor/changed.js").text == "new"


def test_without_a_page_there_is_only_the_api(http: httpx.Client, server: WebchatServer) -> None:
    assert error_of(http.get(server.url)) == (404, "ResourceNotFound")


@pytest.mark.parametrize("path", ["examples/", "lite/", "lite/lab/"])
def test_a_folder_of_examples_or_notebooks_is_its_index(http: httpx.Client, site: WebchatServer, path: str) -> None:
    assert http.get(f"{site.url}/{path}").text == f"content of {path}index.html"
    response = http.get(f"{site.url}/{path.removesuffix('/')}")
    assert (response.status_code, response.headers["location"]) == (308, f"/{path}")


@pytest.mark.parametrize("path", ["lite/nothing", "lite/nothing/", "lite//", "lite/../index.html/", "vendor", "chat/"])
def test_no_other_folder_has_an_index(http: httpx.Client, site: WebchatServer, path: str) -> None:
    assert error_of(http.get(f"{site.url}/{path}")) == (404, "ResourceNotFound")


@pytest.mark.parametrize(
    ("name", "scripts", "isolated"),
    [
        ("index.html", "'self' 'wasm-unsafe-eval'", False),
        ("a.mjs", "'self' 'wasm-unsafe-eval'", False),
        ("pyscript.html", "'self' 'wasm-unsafe-eval' 'unsafe-eval'", False),
        ("pyscript-worker.html", "'self' 'wasm-unsafe-eval' 'unsafe-eval'", True),
    ],
)
def test_an_example_has_what_it_needs_and_no_more(
    http: httpx.Client, site: WebchatServer, name: str, scripts: str, isolated: bool
) -> None:
    headers = http.get(f"{site.url}/examples/{name}").headers
    assert f"script-src {scripts}" in headers["content-security-policy"].split("; ")
    assert (headers.get("cross-origin-opener-policy") == "same-origin") is isolated
    assert (headers.get("cross-origin-embedder-policy") == "require-corp") is isolated


def test_a_notebook_page_runs_its_own_inline_scripts_and_no_other(
    http: httpx.Client, site: WebchatServer, web: Path
) -> None:
    script = "\n  start('é');\n"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = f'<script type="application/json">{{}}</script><script>{script}</script><script src="a.js"></script>'
    (web / "lite" / "own.html").write_text(page)
    scripts = http.get(f"{site.url}/lite/own.html").headers["content-security-policy"].partition("; ")[0]
    assert scripts == f"script-src 'self' 'unsafe-eval' 'wasm-unsafe-eval' 'sha256-{digest}'"


def test_a_worker_of_the_notebooks_may_reach_any_server(http: httpx.Client, site: WebchatServer, web: Path) -> None:
    (web / "lite" / "kernel.js").write_text("")
    policy = http.get(f"{site.url}/lite/kernel.js").headers["content-security-policy"]
    assert "connect-src * data: blob:" in policy.split("; ")
    assert "'unsafe-inline'" not in policy.partition("; ")[0]
