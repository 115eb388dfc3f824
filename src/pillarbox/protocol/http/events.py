"""What a client sends, as events of the machine."""

from msgspec import Struct


class Head(Struct, frozen=True, gc=False, kw_only=True):
    """A request without its body. Nothing that could be understood in two ways gets this far."""

    method: str
    path: bytes
    """As it was sent: percent-encoded, without the query; `*` for OPTIONS of the server itself."""
    query: bytes
    fields: list[tuple[bytes, bytes]]
    """Names in lower case."""
    authority: str
    """Host and port that were asked; empty where HTTP/1.0 does not say."""
    body_octets: int | None
    """As announced; 0: there is none, `None`: as many as come in chunks."""
    keep_alive: bool
    """Whether the client would send another request afterwards."""
    is_http_1_0: bool
    """The response must have no chunks and no interim response before it."""
    expects_continue: bool
    """The body comes only once that was asked for (RFC 9110 §10.1.1)."""
    wants_websocket: bool
    """The client asks to change to WebSocket, in whatever version."""

    def field(self, name: bytes) -> bytes:
        """The value of a field (its name in lower case), joined where it came repeatedly; empty where it did not."""
        found = [value for field, value in self.fields if field == name]
        return found[0] if len(found) == 1 else b", ".join(found)


class Body(Struct, frozen=True, gc=False):
    """A piece of the body that was accepted; the whole of it where that is small."""

    octets: bytes
    last: bool


class Reading(Struct, frozen=True, gc=False):
    """More was read of a body, and nothing is to be done yet: others have their turn."""


class Skipped(Struct, frozen=True, gc=False):
    """A body that nobody wanted was read to its end, or as far as is reasonable."""

    whole: bool


class Malformed(Struct, frozen=True, gc=False):
    """No request, or one that can't be read on; the connection is of no more use after it."""

    status: int
    detail: str
    """For the one who wrote the client."""


HttpEvent = Head | Body | Reading | Skipped | Malformed
