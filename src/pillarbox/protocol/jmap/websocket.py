"""Messages over a WebSocket: requests, and what switches notifications on and off (RFC 8887 §4.3)."""

from typing import Final

import msgspec
from msgspec import Struct, field

from pillarbox.protocol.jmap import problems
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


def read(message: str) -> SocketRequest | PushEnable | PushDisable | Problem:
    """What a message is. A request is decoded by `request.decoding`, which has the limits; here it is only named."""
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
    """A JSON object with `@type` and, where there is one (or `always`), `requestId` in front (§4.3.3, §4.3.4)."""
    told: dict[str, str | None] = {"@type": kind}
    if request_id is not None or always:
        told["requestId"] = request_id
    return msgspec.json.encode(told)[:-1] + b"," + octets[1:]
