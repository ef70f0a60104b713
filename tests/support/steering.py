"""Lets what runs in a browser call functions of the test outside: to kill a process, and to start it again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Steering:
    """Use as a context manager. `POST {url}/NAME` calls the command of that name, and answers when it has returned.

    The commands run one after the other in one thread, which lives as long as this: a process that is to end with its
    parent ends with the thread that started it.
    """

    def __init__(self, **commands: Callable[[], object]) -> None:
        self._commands = commands
        self._worker = ThreadPoolExecutor(1)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Steering:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._worker.shutdown()

    def _handler(steering) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - the handler's own `self` is inside
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                try:
                    steering._worker.submit(steering._commands[self.path[1:]]).result()
                    status, body = 200, b""
                except Exception as error:  # noqa: BLE001 - the test in the browser fails with it
                    status, body = 500, repr(error).encode()
                self.send_response(status)
                self.send_header("Access-Control-Allow-Origin", "*")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
