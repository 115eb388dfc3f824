"""The head of a request: its octets to a `Head`, or to the status that refuses it (RFC 9112 §3, §5, §6).

`httptools` reads the fields. What it lets pass although others could take it for something else is refused here, and
so is every head that a proxy in front might have divided in another way.
"""

from typing import Final

import httptools

from pillarbox.protocol.http.authority import authority
from pillarbox.protocol.http.events import Head, Malformed
from pillarbox.protocol.http.limits import METHODS, HttpLimits

TOKEN: Final = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""RFC 9110 §5.6.2: what methods are made of."""
_MAX_LENGTH_DIGITS: Final = 18

_HOST: Final = Malformed(400, "The Host field is missing, repeated or not valid.")
_LENGTH: Final = Malformed(400, "Content-Length is repeated or not a number.")
_TARGET: Final = Malformed(400, "The request target is not valid.")
_LINE: Final = Malformed(400, "The request line is not valid.")
_FIELDS: Final = Malformed(400, "A header field is not valid.")
_LINE_ENDS: Final = Malformed(400, "Lines end with CR LF, and with nothing else.")
_FOLDED: Final = Malformed(400, "Header fields must not be folded.")
_BOTH: Final = Malformed(400, "Content-Length and Transfer-Encoding exclude each other.")
_CODING: Final = Malformed(400, "The last transfer coding must be chunked, and only once.")
_UNKNOWN_CODING: Final = Malformed(501, "No transfer coding but chunked is known here.")
_METHOD: Final = Malformed(501, "The method is not known here.")
_VERSION: Final = Malformed(505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.")
_LONG_TARGET: Final = Malformed(414, "The request target is too long.")
_MANY: Final = Malformed(431, "There are too many header fields.")
_EXPECTATION: Final = Malformed(417, "Only 100-continue can be expected.")


class _Fields:
    """Takes what `httptools` reads."""

    __slots__ = ("fields",)

    def __init__(self) -> None:
        self.fields: list[tuple[bytes, bytes]] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.lower(), value.rstrip(b" \t")))


def has_bare_line_end(octets: bytes) -> bool:
    """Whether there is a CR or LF that is not part of a CRLF, or a NUL (RFC 9110 §5.5, RFC 9112 §2.2)."""
    pairs = octets.count(b"\r\n")
    return octets.count(b"\n") != pairs or octets.count(b"\r") != pairs or b"\0" in octets


def read_head(octets: bytes, limits: HttpLimits) -> Head | Malformed:
    """Read a head, the empty line at its end included."""
    line = octets[: octets.index(b"\r\n")]
    if len(line) > limits.target_octets + 32:
        return _LONG_TARGET
    if octets.count(b"\r\n") - 2 > limits.fields:
        return _MANY
    if has_bare_line_end(octets):
        return _LINE_ENDS
    if b"\r\n " in octets or b"\r\n\t" in octets:
        return _FOLDED  # RFC 9112 §5.2
    words = line.split(b" ")
    if len(words) != 3:
        return _LINE
    method, target, version = words
    if version not in (b"HTTP/1.1", b"HTTP/1.0"):
        return _VERSION if version.startswith(b"HTTP/") and len(version) == 8 else _LINE
    if not method or method.strip(TOKEN):
        return _LINE
    if method.decode("ascii") not in METHODS:
        return _METHOD
    if len(target) > limits.target_octets:
        return _LONG_TARGET
    fields = _fields(octets)
    return (
        _FIELDS if fields is None else _head(method.decode("ascii"), target, version == b"HTTP/1.0", fields)
    )


def _fields(octets: bytes) -> list[tuple[bytes, bytes]] | None:
    taken = _Fields()
    try:
        httptools.HttpRequestParser(taken).feed_data(octets)
    except httptools.HttpParserUpgrade:
        pass  # the head is read; whether to change is decided later
    except httptools.HttpParserError:
        return None
    return taken.fields


def _head(
    method: str, target: bytes, is_http_1_0: bool, fields: list[tuple[bytes, bytes]]
) -> Head | Malformed:
    hosts, lengths, codings, connection, upgrades, expected = [], [], [], set[bytes](), set[bytes](), b""
    for name, value in fields:
        if name == b"host":
            hosts.append(value)
        elif name == b"content-length":
            lengths.append(value)
        elif name == b"transfer-encoding":
            codings += _tokens(value)
        elif name == b"connection":
            connection.update(_tokens(value))
        elif name == b"upgrade":
            upgrades.update(_tokens(value))
        elif name == b"expect":
            expected = value.lower()
    located = _located(method, target)
    # RFC 9112 §3.2: one Host field, whatever the form of the target
    if len(hosts) > 1 or not (hosts or is_http_1_0) or (asked := authority(b"".join(hosts))) is None:
        return _HOST
    if located is None:
        return _TARGET
    path, query, of_target = located
    body_octets = _body_octets(lengths, codings, is_http_1_0)
    if isinstance(body_octets, Malformed):
        return body_octets
    if expected and expected != b"100-continue":
        return _EXPECTATION
    return Head(
        method=method,
        path=path,
        query=query,
        fields=fields,
        authority=asked if of_target is None else of_target,
        body_octets=body_octets,
        keep_alive=b"keep-alive" in connection if is_http_1_0 else b"close" not in connection,
        is_http_1_0=is_http_1_0,
        # RFC 9110 §10.1.1: HTTP/1.0 has no 100, and without a body there is nothing to wait for
        expects_continue=bool(expected) and not is_http_1_0 and body_octets != 0,
        wants_websocket=b"websocket" in upgrades and b"upgrade" in connection and not is_http_1_0,
    )


def _located(method: str, target: bytes) -> tuple[bytes, bytes, str | None] | None:
    """Path, query, and the authority of a target in absolute form, which prevails (RFC 9112 §3.2.2)."""
    asked = None
    if target == b"*" and method == "OPTIONS":
        return target, b"", None
    if not target.startswith(b"/"):
        scheme, found, rest = target.partition(b"://")
        if not found or scheme.lower() not in (b"http", b"https"):
            return None
        end = min(at for at in (rest.find(b"/"), rest.find(b"?"), len(rest)) if at >= 0)
        asked = authority(rest[:end])
        if not asked:
            return None
        target = rest[end:]
        if not target.startswith(b"/"):
            target = b"/" + target
    if b"#" in target or not target.isascii():
        return None
    path, _, query = target.partition(b"?")
    return path, query, asked


def _body_octets(lengths: list[bytes], codings: list[bytes], is_http_1_0: bool) -> int | Malformed | None:
    if codings:
        # RFC 9112 §6.1, §11.2: whoever sends both may want two servers to see two different requests
        if lengths:
            return _BOTH
        if is_http_1_0 or codings[-1] != b"chunked" or codings.count(b"chunked") > 1:
            return _CODING
        return None if len(codings) == 1 else _UNKNOWN_CODING
    if not lengths:
        return 0
    if len(lengths) > 1 or not lengths[0].isdigit() or len(lengths[0]) > _MAX_LENGTH_DIGITS:
        return _LENGTH
    return int(lengths[0])


def _tokens(value: bytes) -> list[bytes]:
    return [token.strip(b" \t").lower() for token in value.split(b",")]
