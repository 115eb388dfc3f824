"""Quota: RFC 9425."""

from typing import Any, Final, Literal

from msgspec import Struct

from pillarbox.protocol.jmap.property_table import Property, TypeTable
from pillarbox.protocol.jmap.scalars import MAX_INT, Id, Text, UnsignedInt

QUOTA: Final = TypeTable(
    "Quota",
    Property(name="id", holds=Id, server_set=True, immutable=True),
    Property(name="resourceType", holds=Literal["count", "octets"], server_set=True),
    Property(name="used", holds=UnsignedInt, server_set=True),
    Property(name="hardLimit", holds=UnsignedInt, server_set=True),
    Property(name="scope", holds=Literal["account", "domain", "global"], server_set=True),
    Property(name="name", holds=Text, server_set=True),
    Property(name="types", holds=list[str], server_set=True),
    Property(name="warnLimit", holds=UnsignedInt | None, server_set=True),
    Property(name="softLimit", holds=UnsignedInt | None, server_set=True),
    Property(name="description", holds=Text | None, server_set=True),
)

CONDITIONS: Final = {"name": Text, "scope": Text, "resourceType": Text, "type": Text}
"""§4.4."""
SORTS: Final[dict[str, dict[str, object]]] = {"name": {}, "used": {}}
"""§4.4."""

STORAGE_ID: Final = "storage"
"""The id of the only one there is: the octets of an account's mail. Their number has no limit."""
NAME: Final = "Storage"
TYPES: Final = ("Email",)
_NO_LIMIT: Final = "none"
_MAX_DIGITS: Final = 19


class Storage(Struct, frozen=True, gc=False):
    """What an account uses, and may: from it follow the records and their state."""

    used: int
    """Octets."""
    limit: int | None

    @property
    def state(self) -> str:
        """The same for the same record, and another for each other one: it is what the record is made of."""
        return _NO_LIMIT if self.limit is None else f"{self.used}.{self.limit}"

    def record(self) -> dict[str, Any]:
        """The record, where there is a limit."""
        return {
            "id": STORAGE_ID,
            "resourceType": "octets",
            "used": min(self.used, MAX_INT),
            "hardLimit": min(self.limit or 0, MAX_INT),
            "scope": "account",
            "name": NAME,
            "types": list(TYPES),
            "warnLimit": None,
            "softLimit": None,
            "description": None,
        }


def parse(state: str) -> Storage | None:
    """What `Storage.state` gave; None for any other text."""
    if state == _NO_LIMIT:
        return Storage(0, None)
    used, dot, limit = state.partition(".")
    return Storage(int(used), int(limit)) if dot and _is_number(used) and _is_number(limit) else None


def _is_number(text: str) -> bool:
    in_digits = 0 < len(text) <= _MAX_DIGITS and text.isascii() and text.isdigit()
    return in_digits and (text == "0" or text[0] != "0")
