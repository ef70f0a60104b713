"""From the name of a bot to its function."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from .chat import Bot, Chat

_OWN = {"demo": "webchat_server.bots.demo:demo", "echo": "webchat_server.bots.echo:echo"}


class BotNotFound(Exception):
    """There is no such bot. The message is one sentence for the person who asked for it."""


def load_all(names: Sequence[str]) -> Bot:
    """One bot for all of these: `BOT`, and `CLIENT_ID=BOT` for those who ask by this client id. The last one counts."""
    bots = {client_id: load(bot) for client_id, _, bot in (name.rpartition("=") for name in names)}
    if "" not in bots:
        raise BotNotFound("--bot: there is none for those who ask by another client id. Add --bot BOT.")

    async def bot(chat: Chat) -> None:
        await bots.get(chat.client_id, bots[""])(chat)

    return bot


def load(name: str) -> Bot:
    """The bot `demo`, `echo`, or `module:function`, where modules in the current folder can be named too."""
    module_name, colon, function_name = _OWN.get(name, name).partition(":")
    if not (module_name and colon and function_name):
        raise BotNotFound(f"--bot {name}: that is neither {' nor '.join(_OWN)} nor of the form module:function.")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {error}"
        raise BotNotFound(f"--bot {name}: the module {module_name} cannot be imported ({reason}).") from error
    function = getattr(module, function_name, None)
    if function is None:
        raise BotNotFound(f"--bot {name}: the module {module_name} has no function {function_name}.")
    if not inspect.iscoroutinefunction(function):
        raise BotNotFound(
            f"--bot {name}: {function_name} must be a function defined by `async def {function_name}(chat)`."
        )
    return cast("Bot", function)
