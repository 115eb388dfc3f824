"""Requests: octets to a `Request`, or the `Problem` with them (RFC 8620 §3.3, §3.6.1).

The limits of size, depth and values are looked at before anything is decoded; all is done in steps. The JSON must be
I-JSON (RFC 7493): UTF-8, no member twice in an object, no surrogates or noncharacters, no number that a double can't
hold.
"""

from collections.abc import Generator
from collections.abc import Set as AbstractSet
from typing import Any, Final, TypeAlias, cast

import msgspec
from msgspec import Struct

from pillarbox.protocol.jmap import json_scan, problems
from pillarbox.protocol.jmap.json_scan import TooComplex
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.protocol.jmap.problems import Problem
from pillarbox.protocol.jmap.scalars import Id

_NONCHARACTERS: Final = (
    *map(chr, range(0xFDD0, 0xFDF0)),
    *(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF)),
)


class Call(Struct, frozen=True):
    """One method call (§3.2)."""

    name: str
    arguments: dict[str, Any]
    id: str


class Request(Struct, frozen=True):
    """A request that has the right form (§3.3)."""

    using: frozenset[str]
    calls: tuple[Call, ...]
    created_ids: dict[str, str] | None = None
    """None where the request has no such member."""


class _Members(Struct, rename="camel"):
    """What msgspec checks. Other members are ignored (§3.3)."""

    using: list[str]
    method_calls: list[tuple[str, dict[str, Any], str]]
    created_ids: dict[Id, Id] | None = None


Steps: TypeAlias = Generator[None, None, Request | Problem]
"""The reading of a request: after each step of a millisecond or less others may be served."""


def decode(octets: bytes, supported: AbstractSet[str], limits: Limits) -> Request | Problem:
    """Read a request at once; see `decoding`."""
    steps = decoding(octets, supported, limits)
    while True:
        try:
            next(steps)
        except StopIteration as read:
            return cast("Request | Problem", read.value)


def decoding(octets: bytes, supported: AbstractSet[str], limits: Limits) -> Steps:
    """Read a request. `supported`: the URNs of the capabilities that the server has.

    One step is as long as its JSON: decoding takes some 2 ms for each MiB of text.
    """
    if len(octets) > limits.max_size_request:
        return problems.request_too_large(limits.max_size_request)
    try:
        decoded = yield from _decoded(octets, limits)
    except TooComplex as beyond:
        return problems.limit(beyond.limit, "The request has too many values, or they are too deep.")
    except (msgspec.DecodeError, NotInternetJson) as error:
        return problems.not_json(str(error))
    if not isinstance(decoded, dict):
        return problems.not_request("The request is no object.")
    if decoded.get("createdIds", _ABSENT) is None:
        return problems.not_request("Expected `object`, got `null` - at `$.createdIds`")
    calls = decoded.get("methodCalls")
    if isinstance(calls, list) and len(calls) > limits.max_calls_in_request:
        return problems.limit("maxCallsInRequest", f"More than {limits.max_calls_in_request} method calls.")
    try:
        members = msgspec.convert(decoded, _Members)
    except msgspec.ValidationError as error:
        return problems.not_request(str(error))
    if len(members.created_ids or ()) > limits.max_created_ids:
        return problems.limit("maxCreatedIds", f"More than {limits.max_created_ids} creation ids.")
    for urn in members.using:
        if urn not in supported:
            return problems.unknown_capability(urn)
    return Request(
        frozenset(members.using), tuple(Call(*call) for call in members.method_calls), members.created_ids
    )


_ABSENT: Final = object()


class NotInternetJson(ValueError):
    """JSON, but not as RFC 7493 has it."""


def _decoded(octets: bytes, limits: Limits) -> Generator[None, None, Any]:
    shape = yield from json_scan.scan(
        octets, max_depth=limits.max_json_depth, max_values=limits.max_json_values
    )
    decoded = msgspec.json.decode(octets)
    if len(octets) > json_scan.PIECE_OCTETS:
        yield
    if shape.members or shape.odd:
        texts = yield from _look_through(decoded, shape)
        yield from _check(texts)
    return decoded


def _look_through(decoded: Any, shape: json_scan.Shape) -> Generator[None, None, list[str]]:
    """RFC 7493 §2.3: no member twice. A decoder keeps the last of them: then there are fewer than were sent.

    Returns the texts that have to be looked at.
    """
    members, waiting, seen = 0, [decoded], 0
    texts: list[str] = []
    looked_at = _WITH_TEXTS if shape.odd else _CONTAINERS
    while waiting:
        value = waiting.pop()
        seen += 1
        if isinstance(value, dict):
            members += len(value)
            if shape.odd:
                texts += value
            waiting += [item for item in value.values() if type(item) in looked_at]
        elif isinstance(value, list):
            waiting += [item for item in value if type(item) in looked_at]
        else:
            texts.append(value)
        if seen % _VALUES_OF_A_STEP == 0:
            yield
    if members != shape.members:
        raise NotInternetJson("An object has two members of the same name")
    return texts


def _check(texts: list[str]) -> Generator[None, None, None]:
    """RFC 7493 §2.1. Looked for one by one, in C, in all texts together: quicker by far than any other way."""
    together = "".join(text for text in texts if not text.isascii())
    for character in _NONCHARACTERS if together else ():
        if character in together:
            raise NotInternetJson("A text has code points that are no characters")
        if len(together) > json_scan.PIECE_OCTETS:
            yield


_VALUES_OF_A_STEP: Final = 2_000
_CONTAINERS: Final = frozenset((dict, list))
_WITH_TEXTS: Final = frozenset((dict, list, str))
