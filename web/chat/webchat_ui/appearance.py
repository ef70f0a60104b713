"""What a bot may change of the page around the conversation: names, words, colours, and whether it is shown at all.

Whatever a bot sends is untrusted: each setting is checked, and one that does not fit changes nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from js import window
from pyodide.ffi import JsException

from .alerts import Alerts
from .nodes import can_show, make
from .shell import Shell
from .view import View

if TYPE_CHECKING:
    from dom import Element

    from webchat_py import WebchatClient

_COLOR = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)
_LONGEST_NAME = 60
_LONGEST_TEXT = 200


class Appearance:
    """Does what the events `webchat_config` and `webchat_visibility` ask for."""

    def __init__(self, shell: Shell, client: WebchatClient, view: View, alerts: Alerts) -> None:
        self._shell = shell
        self._view = view
        self._alerts = alerts
        self._avatar: Element | None = None
        self._settings = {
            "botName": self._set_name,
            "botDescription": self._set_description,
            "botAvatar": self._set_avatar,
            "composerPlaceholder": self._set_placeholder,
            "color": self._set_color,
            "themeMode": self._set_theme,
        }

        shell.on_close(
            client.on("webchat_config", self._on_config), client.on("webchat_visibility", self._on_visibility)
        )

    # Settings: each says whether it could be used

    def _on_config(self, config: dict[str, Any]) -> None:
        for name, value in config.items():
            apply = self._settings.get(name)
            if apply is None:
                window.console.info(f"This page has no setting {name!r}")
            elif not isinstance(value, str) or not apply(value.strip()):
                window.console.info(f"The setting {name} cannot be {value!r}")

    def _set_name(self, name: str) -> bool:
        if not _is_name(name):
            return False
        for place in ("title", "name"):  # for the ear, and for the eye
            self._shell.find(place).textContent = self._shell.find(place).title = name
        self._alerts.rename(name)
        self._view.name_bot(name)
        return True

    def _set_description(self, text: str) -> bool:
        if len(text) > _LONGEST_TEXT:
            return False
        description = self._shell.find("description")
        description.textContent = description.title = text
        description.hidden = not text
        return True

    def _set_avatar(self, url: str) -> bool:
        if not can_show(url):
            return False
        self._avatar = make("img", src=url, alt="", referrerpolicy="no-referrer")
        self._shell.spawn(self._show_avatar(self._avatar))
        return True

    async def _show_avatar(self, image: Element) -> None:
        """Only what is there and a picture, and has not been replaced meanwhile, is shown."""
        try:
            await image.decode()
        except JsException:
            window.console.info("The picture that botAvatar names cannot be shown")
            return
        if image is self._avatar:
            self._shell.find("avatar").replaceChildren(image)

    def _set_placeholder(self, text: str) -> bool:
        if not _is_name(text):
            return False
        self._shell.find("message").setAttribute("placeholder", text)
        return True

    def _set_color(self, color: str) -> bool:
        if not _COLOR.fullmatch(color):
            return False
        style = self._shell.find("chat").style
        style.setProperty("--own", color)
        style.setProperty("--own-text", _readable_on(color))
        return True

    def _set_theme(self, mode: str) -> bool:
        if mode not in ("light", "dark"):
            return False
        self._shell.find("chat").style.setProperty("color-scheme", mode)
        return True

    # Visibility

    def _on_visibility(self, visibility: str) -> None:
        element = self._shell.element
        show = {"show": True, "hide": False, "toggle": not element.shown}[visibility]
        if show != element.shown:
            (element.show if show else element.hide)()
            self._shell.announce(self._shell.say("shown" if show else "hidden"))


def _is_name(text: str) -> bool:
    """Whether it is short, and anything that can be seen."""
    return len(text) <= _LONGEST_NAME and any(sign.isprintable() and not sign.isspace() for sign in text)


def _readable_on(color: str) -> str:
    """Black or white, whichever differs more from `#rrggbb`. One of them has a contrast of 4.5 or more with any colour:
    https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    shares = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#000000" if (luminance + 0.05) ** 2 > 1.05 * 0.05 else "#ffffff"
