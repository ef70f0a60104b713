from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from tests.conftest import launched
from tests.server.people import Person
from tests.support.server import WebchatServer

ADMIN_SECRET = "a secret of the tests"

MakePerson = Callable[..., Person]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebchatServer]:
    """A server with short pages and intervals. Its bot is `tests/server/bots.py`."""
    secret = tmp_path_factory.mktemp("admin") / "secret"
    secret.write_text(f"{ADMIN_SECRET}\n")
    options = ["--bot", "tests.server.bots:answer", "--page-size", "5", "--bot-timeout", "1", "--ping-interval", "0.2"]
    options += ["--admin-secret-file", str(secret)]
    with WebchatServer(tmp_path_factory.mktemp("data"), *options) as server:
        yield server


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Ends with its module: as long as Playwright runs its event loop in this process, no test can run another."""
    with launched() as browser:
        yield browser


@pytest.fixture
def log(server: WebchatServer) -> Callable[[], str]:
    """`log()` is what the server has written to its log since the test began."""
    start = len(server.log)
    return lambda: server.log[start:]


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=60) as client:
        yield client


@pytest.fixture
def root(server: WebchatServer) -> str:
    """The root of the API for a client id of the test's own, and so for data of its own."""
    return f"{server.url}/test-{secrets.token_hex(4)}"


@pytest.fixture
def person(http: httpx.Client, root: str) -> MakePerson:
    """`person(name=...)` makes a user."""

    def make(**body: Any) -> Person:
        return Person(http, root, **body)

    return make


@pytest.fixture
def ann(person: MakePerson) -> Person:
    return person(name="Ann")


@pytest.fixture
def conversation(ann: Person) -> str:
    """A conversation of Ann's."""
    return ann.conversation()


def error_of(response: httpx.Response) -> tuple[int, str]:
    """Status and type of an error, after checking that it is one in the API's form."""
    body = response.json()
    assert set(body) == {"id", "code", "type", "message"}
    assert body["id"].startswith("err_")
    assert body["code"] == response.status_code
    assert body["message"]
    return response.status_code, body["type"]
