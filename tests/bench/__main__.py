"""Measures webchat_py against the original client in one browser, one page and one run: `./build.sh bench`.

Prints a table in Markdown and writes all values to a file, build/bench.json by default.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.laboratory import ROOT, laboratory
from tests.bench.measures import MEASURES, Row


def main() -> None:
    measures = {measure.__name__: measure for measure in MEASURES}
    parser = argparse.ArgumentParser(prog="./build.sh bench", description="Measure against the original client.")
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help=f"only these of: {', '.join(measures)}")
    parser.add_argument("--pairs", type=int, default=7, help="how often each pair is measured; 7 by default")
    results = ROOT / "build" / "bench.json"
    parser.add_argument("--results", type=Path, default=results, metavar="FILE", help="where all values are written")
    arguments = parser.parse_args()
    if unknown := set(arguments.measures) - set(measures):
        parser.error(f"no measure: {', '.join(sorted(unknown))}")
    arguments.results.unlink(missing_ok=True)
    rows: list[Row] = []
    packages: dict[str, str] = json.loads((ROOT / "web" / "package.json").read_text())["devDependencies"]
    with laboratory() as lab:
        machine = {
            "browser": f"Chromium {lab.browser.version}",
            **lab.page.evaluate("() => versions()"),
            "webchat_py": tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"],
            **{name: version for name, version in packages.items() if name.startswith("@botpress/webchat")},
            "processor": _processor(),
            "date": datetime.now(UTC).date().isoformat(),
        }
        print(" · ".join(f"{name} {value}" for name, value in machine.items()))
        print("\n| what | who | median | against | median | ratio | lowest to highest |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for name in arguments.measures or measures:
            for row in measures[name](lab, arguments.pairs):
                rows.append(row)
                print(_line(row), flush=True)
                # After each row, so that what fails later takes nothing with it.
                told = {"machine": machine, "pairs": arguments.pairs, "rows": [row.as_json() for row in rows]}
                arguments.results.write_text(json.dumps(told, indent=1) + "\n")


def _line(row: Row) -> str:
    cells = [row.what, row.who, _figure(row.values, row.unit), row.against]
    if row.others:
        ratios = row.ratios
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}" if len(ratios) > 1 else ""
        cells += [_figure(row.others, row.unit), f"{statistics.median(ratios):.2f}", spread]
    else:
        cells += ["", "", ""]
    return f"| {' | '.join(cells)} |"


def _figure(values: Sequence[float], unit: str) -> str:
    median = statistics.median(values)
    return f"{median:,.0f} {unit}".strip() if median >= 20 or not unit else f"{median:.1f} {unit}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return platform.processor()


main()
