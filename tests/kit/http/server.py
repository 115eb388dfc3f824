"""A server of HTTP and HTTPS on loopback, with routes of the test's own."""

import contextlib
import json
import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pillarbox.protocol.http.limits import HttpLimits
from pillarbox.server.connection import SessionFactory
from pillarbox.server.http.route import Route
from pillarbox.server.http.service import HttpService
from tests.kit.certificate import client_context
from tests.kit.provider import PASSWORD, PEOPLE, Provider
from tests.kit.server import Server, serve


def authorization(person: int = 0, password: str = PASSWORD) -> str:
    """The Authorization field of the n-th person."""
    return "Basic " + b64encode(f"{PEOPLE[person]}:{password}".encode()).decode()


@contextlib.contextmanager
def open_http(
    *routes: Route, plain_allowed: bool = True, limits: HttpLimits | None = None, **config: Any
) -> Iterator[Server]:
    """Serve these routes as `http` and `https` until the block ends; `config`: options of `[http]`."""

    def sessions(provider: Provider) -> Mapping[str, SessionFactory[Any]]:
        from dataclasses import replace

        from pillarbox.config.sections.http import Http

        configured = replace(provider.config, http=Http(**config))
        service = HttpService(
            provider.world, provider.authenticator, configured, routes=routes, limits=limits
        )
        return {"http": service.session, "https": service.session}

    with serve("http", "https", plain_allowed=plain_allowed, sessions=sessions) as server:
        yield server


class Response:
    """One response, read strictly."""

    def __init__(self, status: int, fields: Sequence[tuple[str, str]], body: bytes) -> None:
        self.status = status
        self.fields = fields
        self.body = body

    def __getitem__(self, name: str) -> str:
        (value,) = [value for field, value in self.fields if field == name]
        return value

    def __contains__(self, name: str) -> bool:
        return any(field == name for field, _ in self.fields)

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that it sets, with all that is said of each."""
        set_here = [value.partition("=") for name, value in self.fields if name == "set-cookie"]
        return {name: value for name, _, value in set_here}

    @property
    def problem(self) -> dict[str, Any]:
        assert self["content-type"] == "application/problem+json"
        problem: dict[str, Any] = json.loads(self.body)
        assert problem["status"] == self.status
        return problem


class HttpClient:
    """A connection on which any octets can be sent."""

    def __init__(self, server: Server, *, tls: bool = False, alpn: Sequence[str] = ()) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.ports["https" if tls else "http"]), 20)
        if tls:
            context = client_context()
            if alpn:
                context.set_alpn_protocols(list(alpn))
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.reader = self.socket.makefile("rb")

    def __enter__(self) -> "HttpClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.reader.close()
        self.socket.close()

    @property
    def tls(self) -> ssl.SSLSocket:
        assert isinstance(self.socket, ssl.SSLSocket)
        return self.socket

    def send(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def ask(
        self,
        line: str,
        fields: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        host: str = "mail.one.example",
    ) -> Response:
        """Send `GET /path` and read the response."""
        self.send(request(line, fields, body, host=host))
        return self.response(head=line.startswith("HEAD"))

    def response(self, *, head: bool = False) -> Response:
        line = self.reader.readline()
        assert line.startswith(b"HTTP/1.1 "), line
        assert line.endswith(b"\r\n")
        status, fields = int(line.split(b" ")[1]), list[tuple[str, str]]()
        while (field := self.reader.readline()) != b"\r\n":
            assert field.endswith(b"\r\n"), field
            name, _, value = field.decode("latin-1").partition(": ")
            assert name == name.lower()
            fields.append((name, value.removesuffix("\r\n")))
        # RFC 9110 §5.3: no field twice unless its value is a list; challenges are one, in fields of their own because
        # many clients read only the first of a field; RFC 6265 §3: nor can cookies be one
        once = [name for name, _ in fields if name not in ("www-authenticate", "set-cookie")]
        assert len(set(once)) == len(once), fields
        response = Response(status, fields, b"")
        if not head and status >= 200 and status not in (204, 304):
            response.body = self._body(response)
        return response

    def _body(self, response: Response) -> bytes:
        if "content-length" in response:
            assert "transfer-encoding" not in response
            octets = self.reader.read(int(response["content-length"]))
            assert len(octets) == int(response["content-length"])
            return octets
        if response["transfer-encoding"] != "chunked":
            return self.reader.read()
        parts = []
        while part := self.chunk():
            parts.append(part)
        return b"".join(parts)

    def chunk(self) -> bytes:
        """The next chunk; empty at the end."""
        size = int(self.reader.readline(), 16)
        octets = self.reader.read(size)
        assert self.reader.readline() == b"\r\n"
        return octets

    def rest(self) -> bytes:
        """All until the server closes."""
        return self.reader.read()


def request(
    line: str, fields: Mapping[str, str] | None = None, body: bytes = b"", *, host: str = "mail.one.example"
) -> bytes:
    """A request as octets."""
    all_fields = {"Host": host, **(fields or {})}
    if body:
        all_fields.setdefault("Content-Length", str(len(body)))
    head = [f"{line} HTTP/1.1", *(f"{name}: {value}" for name, value in all_fields.items()), "", ""]
    return "\r\n".join(head).encode() + body
