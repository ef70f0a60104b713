"""A real Pushpin as processes of its own, in front of one or more servers, for any suite."""

from __future__ import annotations

from types import TracebackType

from webchat_server import pushpin

from tests.support.server import WebchatServer


class Pushpin:
    """A Pushpin that can be stopped, killed and started again on the same ports.

    Start the servers with `--grip-control` and its `control_url`, then `start` it with them; it asks the first of them
    that answers. Use it as a context manager, so that nothing of it stays.
    """

    def __init__(self) -> None:
        self._port, self._control_port = pushpin.free_port(), pushpin.free_port()
        self._pushpin: pushpin.Pushpin | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def control_url(self) -> str:
        return f"http://127.0.0.1:{self._control_port}"

    @property
    def log(self) -> str:
        return self._running.log

    def start(self, *servers: WebchatServer) -> None:
        """Start it, in front of these servers, and return when it listens. Raises `PushpinFailed` if it does not."""
        targets = [server.url.removeprefix("http://") for server in servers]
        self._pushpin = pushpin.Pushpin("127.0.0.1", self._port, targets, self._control_port)
        self._pushpin.start()

    def stop(self) -> None:
        """Ask it to end (SIGTERM), and wait for that."""
        self._running.stop()

    def kill(self) -> None:
        """End it at once (SIGKILL) with all its processes, as a crash of the machine would."""
        self._running.kill()

    def restart(self) -> None:
        """Stop it if it runs, and start it on the same ports in front of the same servers."""
        self._running.stop()
        self._running.start()

    def __enter__(self) -> Pushpin:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pushpin:
            self._pushpin.close()

    @property
    def _running(self) -> pushpin.Pushpin:
        assert self._pushpin, "it was never started"
        return self._pushpin
