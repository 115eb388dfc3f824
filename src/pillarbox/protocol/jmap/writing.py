"""Responses as JSON, in pieces: RFC 8620 §3.4.

A response may hold thousands of records; it is written some at a time, so that others are served between the pieces.
A record may be a `msgspec.Raw`: JSON already, without white space in front, and written as it is.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from pillarbox.protocol.jmap.references import Response

PIECE_OCTETS: Final = 64 * 1024
"""A piece is not much longer, unless one record is."""
_ITEMS: Final = 256
"""Items of an array that are written together where they are no objects."""

_encode = msgspec.json.Encoder().encode


def pieces(response: Response) -> Iterator[bytes]:
    """The Invocation of a response: its pieces, joined, are JSON.

    Raises ValueError or TypeError where it holds what JSON has not; ours would be the mistake.
    """
    gathered, octets = [b"[" + _encode(response.name) + b",{"], 0
    for piece in _members(response.arguments):
        if len(piece) >= PIECE_OCTETS:  # joined to others, it would be copied
            yield b"".join(gathered)
            yield piece
            gathered, octets = [], 0
            continue
        gathered.append(piece)
        octets += len(piece)
        if octets >= PIECE_OCTETS:
            yield b"".join(gathered)
            gathered, octets = [], 0
    gathered.append(b"}," + _encode(response.id) + b"]")
    yield b"".join(gathered)


def _members(arguments: Mapping[str, Any]) -> Iterator[bytes]:
    comma = b""
    for name, value in arguments.items():
        yield comma + _encode(name) + b":"
        comma = b","
        if isinstance(value, list) and len(value) > 1:
            yield from _array(value)
        elif isinstance(value, dict) and len(value) > 1:
            yield from _object(value)
        else:
            yield _encode(value)


def _array(items: list[Any]) -> Iterator[bytes]:
    yield b"["
    comma, step = b"", 1 if isinstance(items[0], dict | msgspec.Raw) else _ITEMS
    for at in range(0, len(items), step):
        yield comma + _encode(items[at : at + step])[1:-1]
        comma = b","
    yield b"]"


def _object(members: dict[str, Any]) -> Iterator[bytes]:
    yield b"{"
    comma = b""
    for name, value in members.items():
        yield comma + _encode({name: value})[1:-1]
        comma = b","
    yield b"}"
