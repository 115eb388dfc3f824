"""The way of a message, as the fields of its header tell it.

Whoever hands a message over may have written any of them. Of a message that we have received we know that its topmost
Received field is ours, since we have put it there; no other field is believed to be, whatever name it has. Return-Path
is ours above it, for those that others had written were removed.
"""

from typing import Any, Final

from pillarbox.delivery import trace
from pillarbox.mail import received
from pillarbox.mail.header import Header
from pillarbox.mail.received import Received
from pillarbox.protocol.jmap.scalars import utc_date

MAX_HOPS: Final = 100
"""Received fields that are read: the last ones, which are the topmost."""
MAX_READ_OCTETS: Final = 32 * 1024
"""Octets of them that are looked at, from the top: some milliseconds for the dearest. Others are shown as text only."""
MAX_TEXT: Final = 1_000
"""Characters of a field that are shown as they are."""
MAX_VALUE_OCTETS: Final = 1_000
"""Octets of other fields."""


def told(octets: bytes, *, is_received: bool) -> dict[str, Any]:
    """The properties that are in the header of a message. `is_received`: by us."""
    header, _ = Header.parse(octets)
    bodies = header.all("received")[:MAX_HOPS]
    fields = _read(bodies)
    own = fields[0] if fields and is_received else None
    return {
        "hops": _hops(fields, bodies, own),
        "client": None if own is None else _client(own),
        "tls": None if own is None else own_tls(own),
        "returnPath": _value(header, "return-path") if is_received else None,
        "listId": _value(header, "list-id"),
    }


def _read(bodies: list[bytes]) -> list[Received]:
    fields, left = list[Received](), MAX_READ_OCTETS
    for body in bodies:
        left -= min(len(body), received.MAX_OCTETS)
        fields.append(received.parse(body) if left >= 0 else Received())
    return fields


def _value(header: Header, name: str) -> str | None:
    body = header.first(name)
    return None if body is None else _clean(body[:MAX_VALUE_OCTETS].decode("utf-8", "replace")).strip()


def _clean(text: str) -> str:
    return "".join(character if character >= " " and character != "\x7f" else " " for character in text)


def _client(own: Received) -> dict[str, Any]:
    client = trace.client_of(own.source, own.remarks)
    return {"ip": client.address or None, "name": None, "helo": client.helo or None}


def own_tls(own: Received) -> dict[str, Any] | None:
    """Of our own field, where comments may have what the client called itself."""
    return _tls(received.version_of(own.suite), own.suite)


def _tls(version: str, cipher: str) -> dict[str, Any] | None:
    return {"version": version or None, "cipher": cipher or None} if version or cipher else None


def _hops(fields: list[Received], bodies: list[bytes], own: Received | None) -> list[dict[str, Any]]:
    """From the oldest to the last one."""
    hops: list[dict[str, Any]] = []
    before_ms: int | None = None
    for field, body in zip(reversed(fields), reversed(bodies), strict=True):
        is_ours = field is own
        at_ms = field.at_ms
        waited = None if at_ms is None or before_ms is None else (at_ms - before_ms) // 1000
        hops.append(
            {
                "from": _client(field) if is_ours else _claimed(field),
                "by": field.by or None,
                "with": field.protocol or None,
                "tls": own_tls(field) if is_ours else _tls(field.tls_version, field.cipher),
                "for": field.recipient or None,
                "date": None if at_ms is None else utc_date(at_ms),
                "delay": waited,
                "ours": is_ours,
                "understood": field.understood,
                "text": _clean(body[: 4 * MAX_TEXT].decode("utf-8", "replace"))[:MAX_TEXT],
            }
        )
        before_ms = at_ms if at_ms is not None else before_ms
    return hops


def _claimed(field: Received) -> dict[str, Any] | None:
    if not (field.helo or field.ip or field.name):
        return None
    return {"ip": field.ip or None, "name": field.name or None, "helo": field.helo or None}
