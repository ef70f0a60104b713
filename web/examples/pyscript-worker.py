from js import location
from pyscript import document, when

from webchat_py import get_client

client = get_client("local", location.origin, storage="indexeddb")
log, box, button = (document.getElementById(name) for name in ("log", "message", "send"))


def show(message):
    line = document.createElement("li")
    line.textContent = f"{'You' if message.author_id == client.user_id else 'Bot'}: {message.text}"
    log.append(line)


client.on("message", show)
client.on("message_sent", show)


@when("click", "#send")
async def send(event):
    text, box.value = box.value, ""
    if text:
        await client.send_message(text)


for message in reversed(await client.start()):
    show(message)
button.disabled = False
