"""Starts a Pushpin of one's own, as Debian's packages `pushpin` and `zurl` have it, with all it needs in a temporary
folder: it shares nothing with one that runs as a system service."""

from __future__ import annotations

import contextlib
import http.client
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

_PROGRAMS = ("pushpin", "zurl", "setpriv")
# Seconds to start, and to end
_PATIENCE = 20.0

# Where a new Pushpin takes what is asked at a host name of our own, and its answer once its processes know each other.
# For some 0.2 seconds after it listens it answers 500 to a stream, or loses a server's answer (seen at version 1.36).
# Its test target holds a stream without a server; nothing listens at port 1
_PROBES = {"test": 200, "127.0.0.1:1": 502}

# Everything but the two TCP ports is a socket in the folder. The log level is that of warnings, because the next one
# writes each request's query, which may hold a user key. The client's buffer is Debian's: one of 64 KiB made one
# download of 30 MB in ten stall for good on a busy machine, this one none in a hundred
_CONFIG = """\
[global]
include={{libdir}}/internal.conf
rundir={folder}
ipc_prefix=

[runner]
services=condure,zurl,pushpin-proxy,pushpin-handler
http_port={host}:{port}
logdir={folder}
log_level=1
client_buffer_size=8192
client_maxconn=50000

[proxy]
routesfile={folder}/routes
updates_check=off
zurl_out_specs=ipc://{folder}/zurl-in
zurl_out_stream_specs=ipc://{folder}/zurl-in-stream
zurl_in_specs=ipc://{folder}/zurl-out

[handler]
push_in_spec=ipc://{folder}/push-in
push_in_sub_specs=ipc://{folder}/push-in-sub
push_in_http_addr=127.0.0.1
push_in_http_port={control_port}
command_spec=ipc://{folder}/command
stats_spec=ipc://{folder}/stats
"""


class PushpinFailed(Exception):
    """Pushpin is not there, or has ended; the message says what is known."""


class Pushpin:
    """A Pushpin on an IPv4 address and port, in front of the servers at `targets` (`host:port`): it asks the first of
    them that answers. `control_port` of 127.0.0.1 is where signals are published."""

    def __init__(self, host: str, port: int, targets: Sequence[str], control_port: int) -> None:
        self.address = host, port
        self._control = "127.0.0.1", control_port
        self._targets = targets
        self._probed_hosts = {target: secrets.token_hex(16) for target in _PROBES}
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="webchat-pushpin-")

    def start(self) -> None:
        """Start it, and return when it works. Raises `PushpinFailed`."""
        if missing := [name for name in _PROGRAMS if not shutil.which(name)]:
            raise PushpinFailed(f"{' and '.join(missing)} cannot be found; on Debian, apt-get install pushpin zurl")
        folder = Path(self._folder.name)
        host, port = self.address
        config = _CONFIG.format(folder=folder, host=host, port=port, control_port=self._control[1])
        (folder / "pushpin.conf").write_text(config)
        (folder / "routes").write_text(
            "".join(f"{host} {target}\n" for target, host in self._probed_hosts.items())
            + f"* {' '.join(self._targets)}\n"
        )
        with open(folder / "output", "wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - all of it is said here
                # Told to end when this process dies, however it does. In a session of its own, so that Ctrl-C reaches
                # only this process, which ends it when it is no longer needed
                ["setpriv", "--pdeathsig", "TERM", "pushpin", f"--config={folder}/pushpin.conf"],  # noqa: S607 - both were found
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + _PATIENCE
        while not (_is_open(self._control) and all(map(self._answers, _PROBES))):
            if self.has_ended or time.monotonic() > deadline:
                log = self.log
                self.kill()
                raise PushpinFailed(f"Pushpin did not start:\n{log}")
            time.sleep(0.02)

    def _answers(self, target: str) -> bool:
        """Whether it answers for this target as it should."""
        connection = http.client.HTTPConnection(_reachable(self.address[0]), self.address[1], timeout=1)
        try:
            connection.request("GET", "/stream", headers={"Host": self._probed_hosts[target]})
            return connection.getresponse().status == _PROBES[target]
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    @property
    def has_ended(self) -> bool:
        """Whether it has ended by itself; it does when one of its processes does."""
        return self._process is not None and self._process.poll() is not None

    @property
    def log(self) -> str:
        """All that it and its processes have said since it was started."""
        files = [Path(self._folder.name, "output"), *sorted(Path(self._folder.name).glob("*.log"))]
        return "".join(file.read_text(errors="replace") for file in files)

    def stop(self) -> None:
        """Ask it to end, and wait for that."""
        if self._process:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_PATIENCE)
        self.kill()

    def kill(self) -> None:
        """End it and its processes at once (SIGKILL), as a crash would."""
        process, self._process = self._process, None
        if not process:
            return
        process.kill()
        process.wait()
        # Each is in a group of its own, but all are in the session that began with Pushpin
        for file in Path(self._folder.name).glob("*.pid"):
            with contextlib.suppress(ProcessLookupError):
                if os.getsid(child := int(file.read_text())) == process.pid:
                    os.kill(child, signal.SIGKILL)

    def close(self) -> None:
        """Stop it if it runs, and delete its folder."""
        self.stop()
        self._folder.cleanup()


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody has at the moment."""
    with socket.create_server((host, 0)) as listening:
        return int(listening.getsockname()[1])


def _is_open(address: tuple[str, int]) -> bool:
    host, port = address
    try:
        socket.create_connection((_reachable(host), port), 1).close()
    except OSError:
        return False
    return True


def _reachable(host: str) -> str:
    return "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104
