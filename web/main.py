"""The page's first lines of Python: who to talk to, by the address of the page, and off it goes."""

from typing import Any

import webchat_ui
from js import URLSearchParams, document, location

query = URLSearchParams.new(location.search)
asked = {"client_id": "client", "api_url": "api", "mode": "mode", "event_source": "event_source"}
settings: dict[str, Any] = {name: query.get(key) for name, key in asked.items() if query.get(key)}
if settings.get("event_source") == "native" and "api_url" in settings:
    # It would put the reader's key into an address of another origin, because whoever made the link wants it so.
    del settings["event_source"]
webchat_ui.mount(document.querySelector("webchat-py"), **settings)
