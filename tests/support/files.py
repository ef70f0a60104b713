"""A folder behind a plain HTTP server, as any web space is: files, CORS, and nothing else."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    headers_of_all: dict[str, str]

    def __init__(self, *args: object, headers: dict[str, str], **options: object) -> None:
        self.headers_of_all = headers
        super().__init__(*args, **options)  # type: ignore[arg-type]

    def end_headers(self) -> None:
        for name, value in self.headers_of_all.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class FileServer:
    """Serves `folder` on a free port of this machine, with `headers` on every answer. A context manager."""

    def __init__(self, folder: Path, headers: dict[str, str] | None = None) -> None:
        always = {"Access-Control-Allow-Origin": "*", **(headers or {})}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder), headers=always))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> FileServer:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
