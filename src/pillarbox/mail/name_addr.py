"""The values of an address list: mailboxes and groups (RFC 5322 §3.4).

Octets stay octets: encoded words are not decoded (ENVELOPE shows them raw), 8-bit is kept.
"""

from collections.abc import Iterable
from typing import NamedTuple


class NameAddr(NamedTuple):
    """One mailbox of a list. (A tuple, which is the fastest to make: every message has several.)"""

    display: bytes | None
    """Display name, or else the comment beside the address; without quoting, encoded words as they came."""
    route: bytes | None
    """Obsolete source route, such as `@a,@b` (RFC 5322 §4.4)."""
    local: bytes
    """Local part without quoting; empty where there is only a name."""
    domain: bytes
    """Domain or address literal; empty where there is none."""


class Group(NamedTuple):
    """A named group of mailboxes, maybe empty, such as `undisclosed-recipients:;` (RFC 5322 §3.4)."""

    name: bytes
    members: tuple[NameAddr, ...]


AddressItem = NameAddr | Group


class AddressList(list[AddressItem]):
    """What was read of an address list, in order."""

    __slots__ = ("cut",)

    def __init__(self, items: Iterable[AddressItem] = (), *, cut: bool = False) -> None:
        super().__init__(items)
        self.cut = cut
        """More stands in the field than was read: a decision about who is named there must not rest on this."""
