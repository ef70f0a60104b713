"""Somebody in front of the chat page in any browser, by selenium: finds things by role and name, as axe-core computes
them. (Playwright, which tests/page is written with, cannot drive Debian's Firefox, and no WebKitGTK.)"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

AXE = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
PATIENCE = 60.0  # seconds
BY_ROLE = """
const [role, name] = arguments, found = [];
axe.teardown();
axe.setup(document.documentElement);
const walk = root => {
    for (const element of root.querySelectorAll("*")) {
        if (element.shadowRoot) walk(element.shadowRoot);
        const node = element.checkVisibility() && axe.utils.getNodeFromTree(element);
        if (!node || axe.commons.aria.getRole(node) !== role) continue;
        if (name === null || axe.commons.text.accessibleTextVirtual(node).trim() === name) found.push(element);
    }
};
walk(document);
axe.teardown();
return found;
"""
VIOLATIONS = """
const done = arguments[0], told = ({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`);
axe.run({ preload: false }).then(({ violations }) => done(violations.flatMap(told)), error => done([String(error)]));
"""
FOCUSED = """
let element = document.activeElement;
while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
return element;
"""


class Visitor:
    """`driver` is selenium's."""

    def __init__(self, driver: Any, url: str) -> None:
        self.driver = driver
        self.url = url

    def open(self, query: str = "") -> None:
        self.driver.get(f"{self.url}/{query}")
        self.arrive()

    def reload(self) -> None:
        self.driver.refresh()
        self.arrive()

    def arrive(self) -> None:
        self.driver.execute_script(AXE.read_text())
        self.until(lambda: self.one("log", "Conversation"))
        self.until(lambda: "Connected" in self.text(self.one("status")))

    def all(self, role: str, name: str | None = None) -> list[Any]:
        found: list[Any] = self.driver.execute_script(BY_ROLE, role, name)
        return found

    def one(self, role: str, name: str | None = None) -> Any:
        """The only one, or `None`."""
        found = self.all(role, name)
        return found[0] if len(found) == 1 else None

    def text(self, element: Any) -> str:
        return str(self.driver.execute_script("return arguments[0]?.innerText ?? '';", element))

    def texts(self, author: str) -> list[str]:
        """What the articles of "You" or "Bot" say."""
        return [self.text(article) for article in self.all("article", author)]

    def say(self, text: str) -> None:
        # Not typed: a driver takes a second for a long text.
        script = "arguments[0].value = arguments[1]; arguments[0].form.requestSubmit();"
        self.driver.execute_script(script, self.one("textbox", "Message"), text)

    def hears(self, text: str) -> None:
        """Waits until the bot's last message contains it."""
        self.until(lambda: text in (self.texts("Bot") or [""])[-1])

    @property
    def focused(self) -> Any:
        return self.driver.execute_script(FOCUSED)

    def violations(self) -> list[str]:
        self.driver.set_script_timeout(PATIENCE)
        found: list[str] = self.driver.execute_async_script(VIOLATIONS)
        return found

    def until(self, look: Callable[[], T]) -> T:
        """What it returns, as soon as that is something."""
        end = time.monotonic() + PATIENCE
        while not (seen := look()):
            assert time.monotonic() < end, f"it did not come: {look}"
            time.sleep(0.05)
        return seen
