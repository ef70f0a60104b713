from js import location, postMessage

from webchat_py.blocking import get_client

with get_client("local", location.origin) as client:
    client.connect(name="Ada")
    for question in ("hello", "card"):
        postMessage(f"You: {question}")
        for answer in client.ask(question):
            postMessage(f"Bot: {answer.text}")
    postMessage("That was it.")
