"""A project of somebody who tests their own bot: the README's files, the two wheels, and nothing of this repository."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.support.readme import blocks

ROOT = Path(__file__).resolve().parents[2]
RUNTIME = ROOT / "build" / "pyodide-dist"  # what webchat-runtime makes: build.sh calls the same function


def readme_files() -> dict[str, str]:
    """The files that the README's section shows, by their names, which stand in the first line of each."""
    files = [it.code for it in blocks() if it.heading == "Test your bot" and it.language != "sh"]
    return {first.removeprefix("# "): rest for first, _, rest in (code.partition("\n") for code in files)}


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of an environment in which only the two wheels were installed.

    What they need is borrowed from this one, as the tests fetch nothing.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    names = ("webchat_py", "webchat_py_server")
    wheels = [str(wheel) for name in names for wheel in (ROOT / "dist").glob(f"{name}-*.whl")]
    assert len(wheels) == 2
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", "--disable-pip-version-check", *wheels], check=True)
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, content in readme_files().items():
        (tmp_path / name).write_text(content)
    (tmp_path / "webchat-runtime").symlink_to(RUNTIME)
    return tmp_path


def run(commands: Path, project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    return subprocess.run(
        [str(commands / command[0]), *command[1:]],
        cwd=project,
        env=environment | {"SE_OFFLINE": "true"},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def pytest_in(commands: Path, project: Path, *arguments: str) -> tuple[int, str]:
    outcome = run(commands, project, "python", "-m", "pytest", "-p", "no:cacheprovider", *arguments)
    return outcome.returncode, outcome.stdout + outcome.stderr


ERRORS = """
import sys

import pytest
import webchat_py
import webchat_server
from webchat_py import NotFound


def test_it_is_what_was_installed():
    assert all(module.__file__.startswith(sys.prefix) for module in (webchat_py, webchat_server))


def test_errors_are_those_of_the_client(webchat):
    with pytest.raises(NotFound):
        webchat.switch_conversation("conv_nowhere")
    assert webchat.user_id
    with pytest.raises(AttributeError, match="use @run_in_pyodide"):
        webchat.on("message", print)

"""


def test_the_readmes_files_work_and_errors_are_the_clients(commands: Path, project: Path) -> None:
    (project / "test_errors.py").write_text(ERRORS)
    status, output = pytest_in(commands, project)
    assert "5 passed" in output, output
    assert status == 0


IN_THE_PAGE = """
from pytest_pyodide import run_in_pyodide


@run_in_pyodide
def fails(selenium):
    said, expected = "I hear", "You say"
    assert said == expected


def test_it_repeats_in_the_page(webchat_page):
    fails(webchat_page)
"""


TALKATIVE = """
print("Loaded, ", end="")


async def answer(chat):
    print("x" * 200_000)  # more than a pipe holds
    if chat.text == "fail":
        raise RuntimeError("as it was told")
    await chat.send(f"I heard: {chat.text}")
"""
FAILING = """
def test_it_fails(webchat):
    webchat.ask("fail", timeout=1)
"""


def test_a_bot_that_answers_wrongly_fails_its_test_and_what_differs_is_shown(commands: Path, project: Path) -> None:
    (project / "mybot.py").write_text(TALKATIVE)
    (project / "test_page.py").write_text(IN_THE_PAGE)
    (project / "test_failing.py").write_text(FAILING)
    status, output = pytest_in(commands, project, "-k", "repeats or fails")
    assert "3 failed" in output, output[-5000:]
    assert "RuntimeError: as it was told" in output, "it is not shown why the bot did not answer"
    assert "I heard: hello" in output
    assert "assert 'I hear' == 'You say'" in output
    assert status == 1


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("pytest.ini", "[pytest]\nwebchat_bot = mybot:nothing\n", "mybot has no function nothing"),
        ("pytest.ini", "[pytest]\n", "Say which bot is to be tested: webchat_bot = module:function in pytest.ini"),
        ("pytest.ini", "[pytest]\nwebchat_bot = mybot:answer\nwebchat_runtime = x\n", "Make it once: webchat-runtime "),
    ],
    ids=["no such function", "no bot", "no runtime"],
)
def test_what_is_missing_is_said(commands: Path, project: Path, name: str, content: str, said: str) -> None:
    (project / name).write_text(content)
    status, output = pytest_in(commands, project, "-k", "repeats")
    assert said in output, output
    assert status == 1


def test_commands_are_there(commands: Path, project: Path) -> None:
    assert "--bot" in run(commands, project, "webchat-server", "--help").stdout
    full = run(commands, project, "webchat-runtime", ".")
    assert "is there already. Name a folder that is empty" in full.stderr
    assert full.returncode == 2
