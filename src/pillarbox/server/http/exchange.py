"""One request and its response: what an ASGI application receives and sends, from and to the wire (RFC 9112 §6)."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from pillarbox.protocol.http.authority import split
from pillarbox.protocol.http.events import Head
from pillarbox.protocol.http.problem import Problem
from pillarbox.protocol.http.responses import LAST_CHUNK, chunk, has_no_body, head
from pillarbox.server.connection import Connection, ConnectionGone
from pillarbox.server.http.context import LOOPBACK, HttpContext
from pillarbox.server.http.cookies import Cookie, shown
from pillarbox.server.http.cross_site import origin as origin_of
from pillarbox.server.http.origin import Origin
from pillarbox.server.http.refusals import fields_of
from pillarbox.server.http.upload import Upload
from pillarbox.server.login.outcome import Authenticated
from pillarbox.world.memory import Reservation

GONE_POLL_S: Final = 1.0
"""How often a handler that waits for the end of the client looks for it."""
_ASGI: Final = {"version": "3.0", "spec_version": "2.4"}
"""From 2.4 on, `send` says that the client is gone, and Starlette needs no task that waits for it."""
_NOT_ASKED: Final = "?"
_HOP_BY_HOP: Final = frozenset({b"connection", b"transfer-encoding", b"keep-alive", b"date"})


class Exchange:
    """One request and its response."""

    __slots__ = (
        "_body",
        "_chunked",
        "_connection",
        "_fields",
        "_left",
        "_prefix",
        "_status",
        "authority",
        "context",
        "cookies",
        "cross_origin",
        "finished",
        "head",
        "keep_alive",
        "origin",
        "scheme",
        "started",
        "upload",
        "who",
    )

    def __init__(self, context: HttpContext, connection: Connection, request: Head, origin: Origin) -> None:
        self.context = context
        self._connection = connection
        self.head = request
        self.origin = origin
        self.authority = ""
        """The host that was asked, if it is ours; else the configured one."""
        self.scheme = ""
        """How it was asked, or is to be asked."""
        self.who: Authenticated | None = None
        """Who has logged in, where the route demands it."""
        self._prefix: str | None = _NOT_ASKED
        self.cookies: dict[Cookie, bytes] = {}
        """What the response sets, unless its handler sets the same ones."""
        self.cross_origin = False
        self.keep_alive = request.keep_alive
        """Whether another request may follow; may be set to false until the response has begun."""
        self.started = False
        """Whether anything of the response was sent."""
        self.finished = False
        """Whether all of it was."""
        self.upload: Upload | None = None
        self._body: bytes | None = b""
        self._status = 0
        self._fields: list[tuple[bytes, bytes]] = []
        self._chunked = False
        self._left: int | None = None
        """Octets of the response's body that are to come, where it was said how many there are."""

    # --- the request

    def scope(self, path: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """What an ASGI application is told of the request: its path decoded, and what the path says."""
        request, origin = self.head, self.origin
        name, port = split(self.authority)
        headers, host = request.fields, (b"host", self.authority.encode())
        if host not in headers:
            headers = [host, *(field for field in headers if field[0] != b"host")]
        return {
            "type": "http",
            "asgi": _ASGI,
            "http_version": "1.0" if request.is_http_1_0 else "1.1",
            "method": request.method,
            "scheme": self.scheme,
            "path": path,
            "raw_path": request.path,
            "query_string": request.query,
            "root_path": "",
            "headers": headers,
            "client": (origin.address, self._connection.peer.port),
            "server": (name, port or (443 if self.scheme == "https" else 80)),
            "path_params": parameters,
            "pillarbox": self,
        }

    def give_body(self, octets: bytes) -> None:
        """The whole body, where it is small."""
        self._body = octets

    async def receive(self) -> dict[str, Any]:
        """See ASGI: the body, then the end of the client."""
        if self.upload is not None:
            taken = await self.upload.take()
            if taken is None:
                return {"type": "http.disconnect"}
            octets, last = taken
            return {"type": "http.request", "body": octets, "more_body": not last}
        if self._body is None:
            while not self._connection.gone:  # noqa: ASYNC110 - hardly anybody asks
                await asyncio.sleep(GONE_POLL_S)
            return {"type": "http.disconnect"}
        octets, self._body = self._body, None
        return {"type": "http.request", "body": octets, "more_body": False}

    async def give_way(self) -> None:
        """Let other connections be served."""
        await self._connection.give_way()

    # --- the response

    def holding(self, octets: int) -> Reservation:
        """See `HttpRequest.holding`."""
        return self.context.world.memory.accounts.buffers.hold(octets, self._connection.abort)

    async def send(self, message: Any) -> None:
        """See ASGI. Raises `ConnectionGone` where the client is."""
        if self._connection.gone:
            raise ConnectionGone
        if message["type"] == "http.response.start":
            assert not self._status, "a response begins once"
            self._status, self._fields = message["status"], list(message.get("headers", ()))
            return
        if message["type"] != "http.response.body":
            return
        assert self._status, "a response begins with its head"
        assert not self.finished, "the response is complete"
        octets, more = bytes(message.get("body", b"")), message.get("more_body", False)
        if not self.started:
            self._begin(octets, more=more)
        else:
            self._connection.write(self._framed(octets, last=not more))
        self.finished = not more
        if more:
            await self._connection.drain()
        elif self._left:
            raise ShortResponse(f"{self._left} octets of the response are missing")

    def whole(self, status: int, fields: Iterable[tuple[bytes, bytes]], octets: bytes) -> None:
        """Send a whole response."""
        self._status, self._fields = status, list(fields)
        self._begin(octets, more=False)
        self.finished = True

    def refuse(self, problem: Problem) -> None:
        """Answer with an error, where nothing was answered yet."""
        if not self.started:
            self.whole(problem.status, fields_of(problem), problem.content())

    def begin_stream(self, fields: Iterable[tuple[bytes, bytes]]) -> bool:
        """Send the head of a response without an end; returns whether its body comes in chunks."""
        self._status, self._fields, self.keep_alive = 200, list(fields), False
        self._begin(b"", more=True)
        return self._chunked

    def switch(self, fields: Iterable[tuple[bytes, bytes]]) -> None:
        """Change to another protocol (RFC 9110 §15.2.2)."""
        self.started = self.finished = True
        all_fields = [*fields, *self._set_cookies(set())]
        self._connection.write(head(101, all_fields, b"date: %b\r\n" % self.context.date()))

    @property
    def cookie_prefix(self) -> str | None:
        """How names of cookies begin here (`server/http/cookies.py`); None where nobody can sign in."""
        if self._prefix == _NOT_ASKED:
            self._prefix = self.context.cookie_prefix(self._connection.local, self.origin)
        return self._prefix

    @property
    def ours(self) -> str:
        """The origin that was asked: one of ours, whatever the client has written (`server/http/cross_site.py`)."""
        asked = self.origin.authority
        if self.cookie_prefix == "" and split(asked)[0] in LOOPBACK:
            return origin_of("http", asked)
        return origin_of(self.scheme, self.authority)

    def shown(self, cookie: Cookie) -> str:
        """The token that a cookie has; empty where there is none."""
        return shown(self.head, cookie, self.cookie_prefix) if self.head.field(b"cookie") else ""

    def _set_cookies(self, taken: set[bytes]) -> list[tuple[bytes, bytes]]:
        return [
            (b"set-cookie", value) for value in self.cookies.values() if value.partition(b"=")[0] not in taken
        ]

    def _begin(self, octets: bytes, *, more: bool) -> None:
        request, status = self.head, self._status
        if self._connection.ending:
            self.keep_alive = False  # RFC 9112 §9.6: so nobody sends another request in vain
        names = {name for name, _ in self._fields}
        fields = [field for field in self._fields if field[0] not in _HOP_BY_HOP]
        if self.cookies:
            taken = {value.partition(b"=")[0] for name, value in self._fields if name == b"set-cookie"}
            fields += self._set_cookies(taken)
        bodiless = has_no_body(status)
        if bodiless:
            fields = [field for field in fields if field[0] != b"content-length"]
            self._left = 0
        elif b"content-length" in names:
            self._left = int(next(value for name, value in fields if name == b"content-length"))
        elif not more:
            self._left = len(octets)
            fields.append((b"content-length", b"%d" % len(octets)))
        elif request.is_http_1_0:
            self.keep_alive = False  # RFC 9112 §6.3: the body ends with the connection
        else:
            self._chunked = True
            fields.append((b"transfer-encoding", b"chunked"))
        options = [] if self.keep_alive else [b"close"]
        if request.is_http_1_0 and self.keep_alive:
            options.append(b"keep-alive")
        if b"upgrade" in names:
            options.append(b"upgrade")  # RFC 9110 §7.8
        if options:
            fields.append((b"connection", b", ".join(options)))
        block = self.context.common_fields(names, secure=self.origin.secure, cross_origin=self.cross_origin)
        begun = head(status, fields, block)
        self.started = True
        self.context.count(status)
        if bodiless or request.method == "HEAD":
            self._left, self._chunked = 0, False
            self._connection.write(begun)
        else:
            self._connection.write(begun + self._framed(octets, last=not more))

    def _framed(self, octets: bytes, *, last: bool) -> bytes:
        if self.head.method == "HEAD" or has_no_body(self._status):
            return b""
        if self._chunked:
            return (chunk(octets) if octets else b"") + (LAST_CHUNK if last else b"")
        if self._left is not None:
            self._left -= len(octets)
            if self._left < 0:
                raise ShortResponse("the response is longer than it says")
        return octets


class ShortResponse(Exception):
    """A response does not have the length that it says: a mistake of ours."""
