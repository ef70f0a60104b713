"""The README's code works when it is pasted."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_ten_lines_get_an_answer(selenium_client: Any, server_url: str) -> None:
    block = re.search(r"## Ten lines.*?```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert block
    code = block[1].replace("http://127.0.0.1:8000", server_url)
    assert code != block[1]
    printed = selenium_client.run_async(
        "import contextlib, io\n"
        "with contextlib.redirect_stdout(io.StringIO()) as out:\n"
        f"{textwrap.indent(code, '    ')}\n"
        "out.getvalue()"
    )
    assert "bot: " in printed
    assert "Choice(text=" in printed


def test_the_recipe_of_the_other_mode_sends_a_message(selenium_client: Any, server_url: str) -> None:
    block = re.search(r'## Mode "messaging".*?```python\n(.*?)```', README.read_text(), re.DOTALL)
    assert block
    code = block[1].replace("http://localhost:3100", server_url)
    assert code != block[1]
    told = selenium_client.run_async(f"{code}\nf'{{message.status}}, {{(await client.get_user()).data}}'")
    assert told == "sent, {'plan': 'gold'}"
