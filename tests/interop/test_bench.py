"""The benchmark still runs: figures are for people, but a measure that cannot be taken any more is a defect."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.laboratory import ROOT
from tests.bench.measures import NAMES

SHORT = ("in_a_row", "recovery", "size")


def bench(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.bench", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_shorter_measures_run_and_lose_nothing(tmp_path: Path) -> None:
    outcome = bench(*SHORT, "--pairs", 2, "--results", tmp_path / "bench.json")
    assert outcome.returncode == 0, outcome.stderr
    rows = json.loads((tmp_path / "bench.json").read_text())["rows"]
    assert len([line for line in outcome.stdout.splitlines() if line.startswith("| ")]) == 2 + len(rows)
    assert {row["who"] for row in rows} | {row["against"] for row in rows} >= set(NAMES.values())
    assert all(len(row["ratios"]) == len(row["others"]) for row in rows)
    lost = {row["who"]: row["values"] for row in rows if row["what"].endswith("lost")}
    assert lost[NAMES["fetch"]] == lost[NAMES["native"]] == [0]
    assert lost[NAMES["original"]] == [3], "or the outage is none"


@pytest.mark.parametrize("arguments", [("dance",), ("size", "--pairs", "few")])
def test_what_is_no_measure_is_said(arguments: tuple[str, ...]) -> None:
    outcome = bench(*arguments)
    assert outcome.returncode == 2
    assert arguments[-1] in outcome.stderr
