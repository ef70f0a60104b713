"""The command: `python -m webchat_server --data DIR [--web DIR] [--port N] [--host H] [--bot module:function]`."""

from __future__ import annotations

import argparse
import ipaddress
import logging
import math
import os
import re
import signal
import socket
import sqlite3
import sys
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn

from .api import Api
from .app import Settings, create_api, create_app
from .bots import BotNotFound, load_all
from .connections import FaultyConnection, Socket
from .faults import Faults, parse
from .messaging import MAX_PACKET
from .pushpin import Pushpin, PushpinFailed, free_port


def main() -> None:
    """Serve until SIGTERM or SIGINT. Exits with 2, after one sentence that says why, if it cannot start."""
    parser = _parser()
    arguments = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = Settings(
        data=arguments.data,
        web=arguments.web,
        allow_api=tuple(arguments.allow_api),
        allow_media=tuple(arguments.allow_media),
        loopback_only=_is_loopback(arguments.host),
        page_size=arguments.page_size,
        ping_interval=arguments.ping_interval,
        bot_timeout=arguments.bot_timeout,
        admin_secret=arguments.admin_secret_file,
        faults=arguments.faults,
        grip_control=arguments.grip_control,
    )
    try:
        bot = load_all(arguments.bot or ["demo", "echo=echo"])
    except BotNotFound as error:
        parser.exit(2, f"{error}\n")
    try:
        listening = _listen(arguments.host, arguments.port)
    except OSError as error:
        parser.exit(2, f"Cannot listen on port {arguments.port} of {arguments.host}: {error.strerror or error}.\n")
    front = None
    if arguments.pushpin:
        if listening.family != socket.AF_INET:
            parser.exit(2, f"{arguments.host} is no IPv4 address, and Pushpin garbles the others.\n")
        front, listening, control = _put_in_front(listening)
        settings = replace(settings, grip_control=control)
    try:
        api = create_api(settings, bot)
    except (OSError, ValueError, sqlite3.Error) as error:
        parser.exit(2, f"The data folder {settings.data} cannot be used: {error}.\n")
    config = uvicorn.Config(
        create_app(settings, api),
        access_log=False,  # it would write user keys in queries
        http=FaultyConnection if settings.faults else "auto",
        ws=Socket,
        ws_max_size=MAX_PACKET,
        ws_per_message_deflate=False,
        ws_ping_interval=None,  # Engine.IO has pings of its own
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    # uvicorn calls these when it has shut down
    signal.signal(signal.SIGINT, _exit)
    signal.signal(signal.SIGTERM, _exit)
    try:
        if front:
            front.start()
    except PushpinFailed as error:
        parser.exit(2, f"{error}\n")
    _Server(config, api, front).run([listening])
    _exit(status=1)  # no signal has ended it


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, api: Api, front: Pushpin | None) -> None:
        super().__init__(config)
        self._api = api
        self._front = front

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listening in sockets or []:
            host, port = self._front.address if self._front else listening.getsockname()[:2]
            print(f"Listening on http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)  # noqa: T201

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Event streams never end by themselves, and uvicorn waits for them
        self._api.hub.close()
        await super().shutdown(sockets)
        if self._front:
            self._front.close()

    async def on_tick(self, counter: int) -> bool:
        if self._front and self._front.has_ended:
            logging.error("Pushpin has ended, so this server ends, too:\n%s", self._front.log)
            return True
        return await super().on_tick(counter)


def _exit(*_: object, status: int = 0) -> None:
    logging.shutdown()
    # A bot may have left threads that nothing can end (asyncio.to_thread), and a normal exit would wait for them
    os._exit(status)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="webchat_server", description="A local server for the Botpress Webchat API.")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the folder for all that must last")
    parser.add_argument("--web", type=_page_folder, metavar="DIR", help="the folder of the page, served at /")
    for option, purpose in (("--allow-api", "talk to"), ("--allow-media", "show pictures, sounds and films of")):
        parser.add_argument(
            option,
            type=_origin,
            action="append",
            default=[],
            metavar="ORIGIN",
            help=f"let the page {purpose} this origin, too, such as https://example.org; can be given several times",
        )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on; only this machine by default")
    parser.add_argument("--port", type=_port, default=8000, help="the port; 0 takes a free one")
    parser.add_argument(
        "--bot",
        action="append",
        metavar="[CLIENT_ID=]BOT",
        help="demo, echo, or a bot of your own as module:function; with CLIENT_ID for those who ask by it, may be "
        "repeated; by default demo, and echo by the client id echo",
    )
    parser.add_argument(
        "--admin-secret-file",
        type=_secret_in,
        metavar="FILE",
        help="a file with the secret that lets a caller make keys for any user (x-admin-secret)",
    )
    parser.add_argument("--page-size", type=_count, default=50, metavar="N", help="entries in a page of a list")
    parser.add_argument(
        "--ping-interval", type=_seconds, default=30.0, metavar="S", help="seconds of silence before a ping"
    )
    parser.add_argument(
        "--bot-timeout", type=_seconds, default=30.0, metavar="S", help="seconds a bot has for one message"
    )
    parser.add_argument(
        "--faults",
        type=_faults,
        metavar="SPEC",
        help='go wrong on purpose: "none" at first, or "KIND:option=value:...,KIND..."; PUT /faults changes it',
    )
    proxy = parser.add_mutually_exclusive_group()
    proxy.add_argument("--pushpin", action="store_true", help="start a Pushpin and publish the streams through it")
    proxy.add_argument(
        "--grip-control",
        type=_control_url,
        metavar="URL",
        help="publish the event streams through the Pushpin in front of this server whose control port is there",
    )
    return parser


def _port(text: str) -> int:
    return int(_number_in(text, 0, 65535))


def _count(text: str) -> int:
    return int(_number_in(text, 1, 10_000))


def _seconds(text: str) -> float:
    return _number_in(text, 0.001, 86_400)


def _number_in(text: str, least: float, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"{text} is no number from {least:g} to {most:g}")
    return value


def _secret_in(file: str) -> str:
    try:
        secret = Path(file).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise argparse.ArgumentTypeError(f"{file} cannot be read ({error})") from None
    if len(secret) < 16:
        raise argparse.ArgumentTypeError(f"the secret in {file} must have 16 characters or more")
    return secret


def _faults(spec: str) -> Faults:
    try:
        return Faults(parse(spec))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _control_url(text: str) -> str:
    url = urlsplit(text)
    if url.scheme != "http" or not url.hostname:
        raise argparse.ArgumentTypeError(f"{text} is no URL such as http://127.0.0.1:5561")
    return text


def _origin(text: str) -> str:
    # Whatever else stood in it would become a part of the page's policy
    if not re.fullmatch(r"https?://([\w.-]+|\[[\da-f:]+\])(:\d{1,5})?", text, re.ASCII | re.IGNORECASE):
        raise argparse.ArgumentTypeError(f"{text} is no origin such as https://example.org or http://localhost:8001")
    return text.lower()


def _page_folder(text: str) -> Path:
    if not Path(text, "index.html").is_file():
        raise argparse.ArgumentTypeError(f"there is no index.html in {text}")
    return Path(text)


def _listen(host: str, port: int) -> socket.socket:
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    # asyncio turns Nagle's algorithm off only for sockets that name their protocol; it would add 40 ms to each answer
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":  # elsewhere it would let two servers have the same port
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(address)
    return listening


def _put_in_front(listening: socket.socket) -> tuple[Pushpin, socket.socket, str]:
    """A Pushpin for the address that `listening` has, a socket for the server behind it, and the control port's URL."""
    host, port = listening.getsockname()
    listening.close()
    behind, control_port = _listen("127.0.0.1", 0), free_port()
    front = Pushpin(host, port, [f"127.0.0.1:{behind.getsockname()[1]}"], control_port)
    return front, behind, f"http://127.0.0.1:{control_port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


if __name__ == "__main__":
    main()
