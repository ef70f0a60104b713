from js import document, location
from pyodide.ffi.wrappers import add_event_listener

from webchat_py import get_client

client = get_client("local", location.origin)
box = document.getElementById("message")


def show(name, message):
    line = document.createElement("li")
    line.textContent = f"{name}: {message.text}"
    document.getElementById("log").append(line)


client.on("message_sent", lambda message: show("You", message))
client.on("message", lambda message: show("Bot", message))


async def send(event):
    text, box.value = box.value, ""
    if text:
        await client.send_message(text)


await client.connect()
add_event_listener(document.getElementById("composer"), "submit", send)
document.getElementById("send").disabled = False
