"""MessageTrace: an extension of our own, `urn:pillarbox:jmap:trace`. Its ids are those of emails."""

from typing import Any, Final

from pillarbox.protocol.jmap.property_table import Property, TypeTable
from pillarbox.protocol.jmap.scalars import Id, UtcDate

_OBJECT = dict[str, Any] | None
_OBJECTS = list[dict[str, Any]]


def _told(name: str, holds: Any) -> Property:
    return Property(name=name, holds=holds, server_set=True)


MESSAGE_TRACE: Final = TypeTable(
    "MessageTrace",
    _told("id", Id),
    _told("receivedAt", UtcDate),
    _told("returnPath", str | None),
    _told("listId", str | None),
    _told("client", _OBJECT),
    _told("tls", _OBJECT),
    _told("hops", _OBJECTS),
    _told("authentication", _OBJECT),
    _told("submissions", _OBJECTS),
)

OF_HEADER: Final = frozenset(("returnPath", "listId", "client", "tls", "hops"))
"""What the header of the message is read for."""
