"""A pytest plugin: every test that was collected has to run, and to pass.

A skipped test, an expected failure, or a test that was collected and never ran makes the run fail, for each of them
can hide a defect behind a green result. What `-k` or `-m` leaves out by the caller's own wish does not count.

`--tally FILE` appends the number of passed tests to FILE, for the total that build.sh prints over all suites.
"""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--tally", type=Path, metavar="FILE", help="append the number of passed tests to FILE")


def pytest_configure(config: pytest.Config) -> None:
    # Under pytest-xdist the process that hears of all tests, and not those that run a part of them
    if not config.option.collectonly and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Policy(config.option.tally), "policy")


class Policy:
    """Counts what was collected, what ran and what was excused, and fails a run where they differ."""

    def __init__(self, tally: Path | None) -> None:
        self._tally = tally
        self._collected: set[str] = set()
        self._ran: set[str] = set()
        self._passed = 0
        self._excused: list[str] = []
        self._complaints: list[str] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._excused.append(report.nodeid)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._collected |= {item.nodeid for item in session.items}

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self._collected |= set(ids)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped or hasattr(report, "wasxfail"):
            self._excused.append(report.nodeid)
        elif report.when == "call":
            self._ran.add(report.nodeid)
            self._passed += report.passed

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        self._complaints = [f"{nodeid} - skipped or expected to fail, which is not allowed" for nodeid in self._excused]
        if exitstatus == pytest.ExitCode.OK:  # otherwise it may have been stopped early, and says so itself
            lost = sorted(self._collected - self._ran - set(self._excused))
            self._complaints += [f"{nodeid} - was collected and did not run to its end" for nodeid in lost]
            if self._complaints:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if self._tally:
            with self._tally.open("a") as file:
                file.write(f"{self._passed}\n")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for complaint in self._complaints:
            terminalreporter.write_line(f"FAILED {complaint}", red=True)
