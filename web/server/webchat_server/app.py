"""The ASGI application: routes, and what is around them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from . import media_types
from .api import Api
from .auth import UserKeys
from .bots import Bot, BotRunner
from .database import Database
from .errors import ErrorsAsClose, ErrorsAsJson, MethodNotFound, ResourceNotFound
from .faults import Faults
from .files import Files
from .grip import GripHub
from .hub import LocalHub
from .messaging import BothHubs, Messaging, socket_app
from .security import AccessLog, Cors, LoopbackNamesOnly, SecurityHeaders
from .static import StaticFiles

Handler = Callable[[Request], Awaitable[Response]]

_BOT_MEDIA = Path(__file__).with_name("bots") / "media"


@dataclass(frozen=True, slots=True)
class Settings:
    """`data` holds all that lasts; `web` the page, if it is to be served; `allow_api` and `allow_media` the origins
    that the page may talk to and show media of besides its own. Intervals are in seconds.

    With `grip_control`, where a Pushpin in front of this server takes what is published, several servers may share the
    data.
    """

    data: Path
    web: Path | None = None
    allow_api: tuple[str, ...] = ()
    allow_media: tuple[str, ...] = ()
    loopback_only: bool = True
    page_size: int = 50
    ping_interval: float = 30.0
    bot_timeout: float = 30.0
    admin_secret: str | None = None
    faults: Faults | None = None
    grip_control: str | None = None


def create_api(settings: Settings, bot: Bot) -> Api:
    """Open what is in the data folder. Raises `OSError`, `ValueError` or `sqlite3.Error` when that cannot be used."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = UserKeys(settings.data / "secret")
    files = Files(settings.data / "files", is_shared=settings.grip_control is not None)
    db = Database(settings.data / "webchat.sqlite3")
    ping = settings.ping_interval
    messaging = Messaging(db, keys)
    streams = GripHub(settings.grip_control, ping) if settings.grip_control else LocalHub(ping)
    hub = BothHubs(streams, messaging)
    bots = BotRunner(bot, db, hub, settings.bot_timeout)
    messaging.begin(streams, bots)
    return Api(db, keys, hub, bots, messaging, files, settings.page_size, settings.admin_secret)


def create_app(settings: Settings, api: Api) -> ASGIApp:
    """The application; it closes `api` when it is shut down."""

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        yield
        if settings.faults:
            await settings.faults.stop()
        await api.bots.stop()
        await api.hub.stop()
        await api.db.close()

    page: ASGIApp = _nothing_here
    if settings.web:
        page = StaticFiles(settings.web, settings.allow_api, settings.allow_media)
    table = _table(api) | (_fault_table(settings.faults) if settings.faults else {})
    routes = [Route(path, _Resource(handlers)) for path, handlers in table.items()]
    router = Router(routes, redirect_slashes=False, default=page, lifespan=lifespan)
    guard: Callable[[ASGIApp], ASGIApp] = LoopbackNamesOnly if settings.loopback_only else _everybody
    answers: ASGIApp = ErrorsAsJson(guard(router))
    sockets: ASGIApp = ErrorsAsClose(guard(socket_app(api.messaging)))
    if settings.faults:
        answers = settings.faults.around(answers, api.keys.expire)
        sockets = settings.faults.around_socket(sockets, api.keys.expire)
    by_type: dict[str, ASGIApp] = {
        "http": AccessLog(SecurityHeaders(Cors(answers))),
        "websocket": sockets,
        "lifespan": router,
    }

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await by_type[scope["type"]](scope, receive, send)

    return app


def _everybody(app: ASGIApp) -> ASGIApp:
    return app


def _table(api: Api) -> dict[str, dict[str, Handler]]:
    conversation = "/{client_id}/conversations/{conversation_id}"
    return {
        "/{client_id}/users": {"POST": api.create_user},
        "/{client_id}/users/me": {"GET": api.get_user, "PUT": api.update_user, "DELETE": api.delete_user},
        "/{client_id}/users/key": {"POST": api.create_user_key},
        "/{client_id}/initialize": {"GET": api.initialize},
        "/{client_id}/conversations": {"GET": api.list_conversations, "POST": api.create_conversation},
        conversation: {"GET": api.get_conversation, "DELETE": api.delete_conversation},
        f"{conversation}/messages": {"GET": api.list_messages},
        f"{conversation}/listen": {"GET": api.listen},
        f"{conversation}/participants": {"GET": api.list_participants, "POST": api.add_participant},
        f"{conversation}/participants/{{user_id}}": {"GET": api.get_participant, "DELETE": api.remove_participant},
        "/{client_id}/messages": {"POST": api.create_message},
        "/{client_id}/messages/{message_id}": {
            "GET": api.get_message,
            "PUT": api.update_message,
            "DELETE": api.delete_message,
        },
        "/{client_id}/messages/{message_id}/feedback": {"PUT": api.add_feedback, "DELETE": api.remove_feedback},
        "/{client_id}/events": {"POST": api.create_event},
        "/{client_id}/events/{event_id}": {"GET": api.get_event},
        "/{client_id}/files": {"POST": api.create_file},
        "/{client_id}/files/{file_id}/{name}": {"GET": api.download, "HEAD": api.download},
        "/{client_id}/uploads/{file_id}": {"PUT": api.upload},
        "/{client_id}/p": {"POST": api.take_metrics},
        "/demo-media/{name}": {"GET": _bot_media},
    }


def _fault_table(faults: Faults) -> dict[str, dict[str, Handler]]:
    return {
        "/faults": {"GET": faults.show, "PUT": faults.replace},
        "/faults/streams": {"POST": faults.hit_streams},
    }


class _Resource:
    """ASGI application of one path, with a handler for each method."""

    def __init__(self, handlers: dict[str, Handler]) -> None:
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = self._handlers.get(scope["method"])
        if handler is None:
            allowed = ", ".join(self._handlers)
            raise MethodNotFound(f"{scope['method']} is not possible here, only {allowed}", {"Allow": allowed})
        response = await handler(Request(scope, receive))
        await response(scope, receive, send)


async def _bot_media(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in {file.name for file in _BOT_MEDIA.iterdir()}:
        raise ResourceNotFound(f"There is nothing at {request.scope['path']}")
    return FileResponse(_BOT_MEDIA / name, media_type=media_types.guess(name))


async def _nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    raise ResourceNotFound(f"There is nothing at {scope['path']}")
