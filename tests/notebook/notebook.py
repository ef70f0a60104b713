"""A notebook as somebody uses it: the menu, the cells, what stands below them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from playwright.sync_api import Browser, Locator, Page, expect

# Pyodide and the kernel start in eight seconds on an idle machine, and in many more where the browser shares two cores.
TIMEOUT = 120_000  # milliseconds

# All cells have a number, or one has failed: then those below it are not run.
_OVER = """() => {
    const prompts = [...document.querySelectorAll(".jp-Notebook .jp-CodeCell .jp-InputPrompt")];
    return prompts.every(prompt => /^\\[\\d+\\]:$/.test(prompt.textContent))
        || document.querySelector('.jp-Notebook [data-mime-type="application/vnd.jupyter.error"]') !== null;
}"""


@dataclass
class Notebook:
    """One open notebook. `requests` are the addresses that its page and its kernel asked for. `spoiled` while a
    test attacks it."""

    page: Page
    requests: list[str] = field(default_factory=list)
    spoiled: bool = False

    @property
    def cells(self) -> Locator:
        """The cells with code."""
        return self.page.locator(".jp-Notebook .jp-CodeCell")

    @property
    def errors(self) -> Locator:
        return self.page.locator('[data-mime-type="application/vnd.jupyter.error"]')

    def outputs(self, cell: int | Locator) -> Locator:
        """What stands below a cell."""
        cell = self.cells.nth(cell) if isinstance(cell, int) else cell
        return cell.locator(".jp-OutputArea-output")

    def menu(self, *path: str) -> None:
        """Choose from the menu."""
        bar, *entries = path
        self.page.get_by_role("menuitem", name=bar, exact=True).click()
        for entry in entries:
            self.page.get_by_role("menuitem", name=entry).first.click()

    def run_all(self) -> None:
        """Run all cells, from the menu."""
        self.menu("Run", "Run All Cells")

    def wait_until_all_have_run(self) -> None:
        """Fails where one has failed."""
        self.page.wait_for_function(_OVER, timeout=TIMEOUT)
        expect(self.errors, "\n".join(self.errors.all_inner_texts())).to_have_count(0)

    def rewrite(self, cell: int, code: str) -> None:
        """Put other code into a cell."""
        self.cells.nth(cell).locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(code)

    def run(self, code: str) -> Locator:
        """Add a cell at the end, run it, wait until it has run, and return it."""
        before = self.cells.count()
        self.cells.last.locator(".cm-content").click()
        self.menu("Edit", "Select All Cells")
        self.page.keyboard.press("b")
        expect(self.cells).to_have_count(before + 1)
        cell = self.cells.nth(before)
        cell.locator(".cm-content").click()
        self.page.keyboard.insert_text(code)
        self.page.keyboard.press("Control+Enter")
        expect(cell.locator(".jp-InputPrompt")).to_have_text(re.compile(r"^\[\d+\]:$"), timeout=TIMEOUT)
        expect(self.errors, "\n".join(self.errors.all_inner_texts())).to_have_count(0)
        return cell

    def reload(self) -> None:
        """Load the page anew, and with it a new kernel."""
        self.page.reload()
        self.ready()

    def ready(self) -> None:
        """Wait until the kernel may be asked for something."""
        expect(self.cells.first).to_be_visible(timeout=TIMEOUT)
        # Before there is a kernel, running a cell asks which one is wanted. "idle" is also what "No Kernel" is
        expect(self.page.get_by_role("button", name="Python (Pyodide)")).to_be_visible(timeout=TIMEOUT)
        idle = self.page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
        expect(idle).to_be_visible(timeout=TIMEOUT)

    def clear(self, cell: Locator) -> None:
        """Empty what stands below a cell."""
        cell.locator(".jp-InputPrompt").click()
        self.menu("Edit", "Clear Cell Output")
        expect(self.outputs(cell)).to_have_count(0)


@contextmanager
def notebook(browser: Browser, site: str, name: str, script: str = "", **options: Any) -> Iterator[Notebook]:
    """A notebook of the JupyterLite at `site`, in a browser that knows nothing yet; `script` runs in its page first."""
    # so high that the notebook does not take cells out of the page that are out of sight
    context = browser.new_context(viewport={"width": 1000, "height": 6000}, **options)
    context.add_init_script(script)
    context.set_default_timeout(TIMEOUT)
    try:
        opened = Notebook(context.new_page())
        context.on("request", lambda request: opened.requests.append(request.url))
        opened.page.goto(f"{site}/notebooks/index.html?path={quote(name)}.ipynb")
        opened.ready()
        yield opened
    finally:
        context.close()
