"""The page's first lines of Python: who to talk to, by the address of the page, and off it goes."""

from typing import Any

from pyscript import document, window

from chat.alerts import Alerts
from chat.appearance import Appearance
from chat.controls import Chat
from chat.view import View
from webchat_py import get_client

WAIT_FOR_NETWORK = 3600.0
"""Seconds for which a message is tried to be sent."""

query = window.URLSearchParams.new(window.location.search)
client_id = query.get("client") or "local"
api_url = query.get("api") or window.location.origin
mode: Any = query.get("mode") or "pushpin"
event_source: Any = query.get("event_source") or "auto"
if event_source == "native" and query.get("api"):
    # It would put the reader's key into an address of another origin, because whoever made the link wants it so.
    event_source = "auto"
view = View()

try:
    client = get_client(
        client_id, api_url, mode, event_source=event_source, storage="local", retry_for=WAIT_FOR_NETWORK
    )
except ValueError as error:
    view.connection("offline", error)
else:
    alerts = Alerts()
    Chat(client, view).start()
    alerts.start(client)
    Appearance(view, alerts).start(client)

# For shell.js, which tells the reader if it never comes to this.
document.dispatchEvent(window.Event.new("chat-started"))
