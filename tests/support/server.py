"""The local Webchat server as a process of its own, for any suite."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO

_ROOT = Path(__file__).resolve().parents[2]
_LISTENING = "Listening on "


class WebchatServer:
    """A server that can be stopped, killed and started again on the same port and data.

    `args` are further arguments of its command line, `folder` is its current one. Use it as a context manager, or call
    `start` and `stop`.
    """

    def __init__(self, data: Path, *args: str, port: int = 0, folder: Path = _ROOT) -> None:
        self.data = data
        self._folder = folder
        self._args = args
        self._port = port
        self._process: subprocess.Popen[str] | None = None
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        assert self._process, "it does not run"
        return self._process.pid

    @property
    def log(self) -> str:
        """All that the server has written to its log so far."""
        # Not by seek and read: the server writes where the position is, which they would move
        descriptor = self._log.fileno()
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode(errors="replace")

    def start(self) -> None:
        """Start it, and return when it listens. Raises `RuntimeError` with its log if it does not."""
        command = [sys.executable, "-m", "webchat_server", "--data", str(self.data), "--port", str(self._port)]
        path = [str(_ROOT / "web" / "server"), os.environ.get("PYTHONPATH", "")]
        self._process = subprocess.Popen(
            [*command, *self._args],
            cwd=self._folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))},
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line.startswith(_LISTENING):
            self.kill()
            raise RuntimeError(f"the server did not start:\n{self.log}")
        self._port = int(line.rpartition(":")[2])

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, wait for that, and return its exit status."""
        return self._end(how)

    def kill(self) -> int:
        """End it at once (SIGKILL), as a crash would."""
        return self._end(signal.SIGKILL)

    def wait(self) -> int:
        """Wait until it has ended by itself, and return its exit status."""
        return self._end()

    def restart(self) -> None:
        """Stop it if it runs, and start it on the same port and data."""
        self.stop()
        self.start()

    def __enter__(self) -> WebchatServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._log.close()

    def _end(self, how: signal.Signals | None = None) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        assert process.stdout
        with process.stdout:
            if how:
                process.send_signal(how)
            try:
                return process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
