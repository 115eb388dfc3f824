"""A row of the table of routes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto

from starlette.responses import Response

from pillarbox.config.schema import Config
from pillarbox.protocol.http.problem import Problem
from pillarbox.server.http.event_stream import EventStream
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.http.websocket import WebSocket

Answer = Response | EventStream | WebSocket
Handler = Callable[[HttpRequest], Awaitable[Answer]]


class Access(Enum):
    """Who may ask."""

    ANYONE = auto()
    ACCOUNT = auto()
    """Who logs in, or shows the cookie of a session; others are refused before their body is read."""
    PAGE = auto()
    """People in a browser, signed in or not: only a cookie says who they are. What they send has to come from a page of
    ours (`server/http/cross_site.py`), and is refused where others may listen."""


def no_body(_config: Config) -> int:
    """For routes that take no body."""
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What answers at a path."""

    path: str
    """Starlette's template: `/jmap/download/{account}/{blob}/{name:path}`. It is compared with the decoded path."""
    methods: tuple[str, ...]
    """HEAD comes with GET, and OPTIONS by itself."""
    handler: Handler
    """May raise `Refused`, Starlette's `HTTPException` and the failures of the world. Before it first waits it has no
    task of its own, as every handler (see `server.connection`)."""
    access: Access = Access.ACCOUNT
    max_body_octets: Callable[[Config], int] = no_body
    """The largest body, from the configuration; beyond it: 413. One of up to 64 KiB is there when the handler begins;
    a larger one comes as `request.stream()` is read."""
    media_types: tuple[str, ...] = ()
    """Of the body, without parameters; others are refused: 415. Empty: any. What changes something and is for web
    applications of other origins must name `application/json` or the like, since a browser sends forms unasked."""
    too_large: Problem | None = None
    """What is answered instead of 413, where a specification has words of its own."""
    wrong_type: Problem | None = None
    """The same instead of 415."""
    refused: Callable[[HttpRequest, Problem], Awaitable[Response]] | None = None
    """How a page tells a person why their request was refused before its handler began."""
    cross_origin: bool = False
    """Whether web applications of other origins may use it; see `security_fields`."""
    websocket: bool = False
    """It returns a `WebSocket`: a request that opens none is refused before."""
