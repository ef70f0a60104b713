"""WebSockets that say what no Messaging server says, for the tests of what then becomes of a client.

What is said is written in the user data of who connects: `user_data={"script": json.dumps([...])}`. A string is a frame
to send, in which `$request` stands for the id of the request that came last; `null` waits for a frame; a number closes
the socket with this code; an array of strings is a binary frame. At the end the socket stays open and silent.
"""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect


class ScriptedSockets:
    """Use as a context manager.

    `GET {url}/seen/NAME` tells the frames that came, socket by socket, with "left" at the end of one; NAME is in the
    user data, too.
    """

    def __init__(self) -> None:
        self._seen: dict[str, list[list[str]]] = {}
        routes = [WebSocketRoute("/socket.io/", self._play), Route("/seen/{name}", self._tell)]
        config = uvicorn.Config(Starlette(routes=routes), port=0, log_level="critical", ws="wsproto")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> ScriptedSockets:
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.01)
        (listener,) = self._server.servers
        self.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join()

    async def _tell(self, request: Request) -> JSONResponse:
        seen = self._seen.get(request.path_params["name"], [])
        return JSONResponse(seen, headers={"access-control-allow-origin": "*"})

    async def _play(self, socket: WebSocket) -> None:
        data = json.loads(socket.query_params["userData"])
        seen: list[str] = []
        self._seen.setdefault(data["name"], []).append(seen)
        await socket.accept()
        with suppress(WebSocketDisconnect, RuntimeError):  # either says that it is closed
            for step in json.loads(data["script"]):
                await _do(step, socket, seen)
            while True:
                seen.append(await socket.receive_text())
        seen.append("left")


async def _do(step: Any, socket: WebSocket, seen: list[str]) -> None:
    match step:
        case None:
            seen.append(await socket.receive_text())
        case int(code):
            await socket.close(code)
        case [str(text)]:
            await socket.send_bytes(text.encode())
        case str(text):
            request = json.loads(seen[-1][2:])[1]["request"] if "$request" in text else ""
            await socket.send_text(text.replace("$request", request))
