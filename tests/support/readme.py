"""The blocks of code in README.md, by the heading that they stand under."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"
_HEADING_OR_BLOCK = re.compile(
    r"^##+ (?P<heading>[^\n]+)$|^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True)
class Block:
    """The `number`th block under a heading, from 1 on."""

    heading: str
    number: int
    language: str
    code: str


def blocks() -> list[Block]:
    """All of them."""
    found: list[Block] = []
    heading, number = "", 0
    for match in _HEADING_OR_BLOCK.finditer(README.read_text()):
        if match["heading"]:
            heading, number = match["heading"], 0
        else:
            number += 1
            found.append(Block(heading, number, match["language"], match["code"]))
    return found


def block(heading: str, number: int = 1) -> str:
    """The code of one. Fails if there is none."""
    (code,) = (it.code for it in blocks() if (it.heading, it.number) == (heading, number))
    return code


def code_with(code: str, written: str, meant: str) -> str:
    """A block with something put in place of what it says. Fails if it does not say that."""
    assert written in code, f"the README does not say {written!r} here any more"
    return code.replace(written, meant)
