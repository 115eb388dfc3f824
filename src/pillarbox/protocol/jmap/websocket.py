"""Messages over a WebSocket: requests, and what switches notifications on and off (RFC 8887 §4.3)."""

from collections.abc import Generator
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct, field

from pillarbox.protocol.jmap import json_scan, problems
from pillarbox.protocol.jmap.json_scan import TooComplex
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.protocol.jmap.problems import Problem

SUBPROTOCOL: Final = "jmap"
MAX_ID_CHARACTERS: Final = 256
"""Of a request's id, which is echoed."""


class SocketRequest(Struct, frozen=True):
    """A Request object with an id (§4.3.2)."""

    id: str | None


class PushEnable(Struct, frozen=True):
    """Notifications are wanted (§4.3.5.2)."""

    types: tuple[str, ...] | None
    """None: of all types."""
    push_state: str


class PushDisable(Struct, frozen=True):
    """No more of them (§4.3.5.3)."""


class _Members(Struct):
    type: str = field(name="@type")
    id: str | None = None
    types: list[str] | None = field(default=None, name="dataTypes")
    push_state: str | None = field(default=None, name="pushState")


SocketMessage: TypeAlias = SocketRequest | PushEnable | PushDisable


def reading(message: bytes, limits: Limits) -> Generator[None, None, SocketMessage | Problem]:
    """What a message is, in steps of a millisecond or two. A request is only named: `request.decoding` decodes it.

    How deep it is and how many values it has is looked at first: whoever skips a value is called once for each depth.
    """
    try:
        yield from json_scan.scan(message, max_depth=limits.max_json_depth, max_values=limits.max_json_values)
    except TooComplex as beyond:
        return problems.limit(beyond.limit, "The message has too many values, or they are too deep.")
    return _read(message)


def _read(message: bytes) -> SocketMessage | Problem:
    try:
        members = msgspec.json.decode(message, type=_Members)
    except msgspec.ValidationError as error:
        return problems.not_request(str(error))
    except msgspec.DecodeError as error:
        return problems.not_json(str(error))
    match members.type:
        case "Request":
            if members.id is not None and len(members.id) > MAX_ID_CHARACTERS:
                return problems.not_request(f"The id has more than {MAX_ID_CHARACTERS} characters.")
            return SocketRequest(members.id)
        case "WebSocketPushEnable":
            types = None if members.types is None else tuple(members.types)
            return PushEnable(types, members.push_state or "")
        case "WebSocketPushDisable":
            return PushDisable()
        case _:
            return problems.not_request("'@type' is Request, WebSocketPushEnable or WebSocketPushDisable.")


def with_type(octets: bytes, kind: str, request_id: str | None, *, always: bool = False) -> bytes:
    """The beginning of a JSON object with `@type` and, where there is one (or `always`), `requestId` in front (§4.3.3,
    §4.3.4)."""
    told: dict[str, str | None] = {"@type": kind}
    if request_id is not None or always:
        told["requestId"] = request_id
    return msgspec.json.encode(told)[:-1] + b"," + octets[1:]
