"""Mailbox: RFC 8621 §2."""

from typing import Annotated, Final

from msgspec import Meta

from pillarbox.protocol.jmap.arguments import QueryArguments, QueryChangesArguments, SetArguments
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.property_table import Property, TypeTable
from pillarbox.protocol.jmap.scalars import Id, Reference, Text, UnsignedInt

SortOrder = Annotated[int, Meta(ge=0, lt=2**31)]
Name = Annotated[str, Meta(min_length=1, max_length=1000, pattern=r"\A[^\0]*\Z")]
"""What else a name must be, `mail.mailbox_name` says."""

MAILBOX: Final = TypeTable(
    "Mailbox",
    Property(name="id", holds=Id, server_set=True, immutable=True),
    Property(name="name", holds=Name),
    Property(name="parentId", holds=Id | None, default=None, refers=True),
    Property(name="role", holds=Text | None, default=None),
    Property(name="sortOrder", holds=SortOrder, default=0),
    Property(name="totalEmails", holds=UnsignedInt, server_set=True),
    Property(name="unreadEmails", holds=UnsignedInt, server_set=True),
    Property(name="totalThreads", holds=UnsignedInt, server_set=True),
    Property(name="unreadThreads", holds=UnsignedInt, server_set=True),
    Property(name="myRights", holds=dict[str, bool], server_set=True),
    # "SHOULD default to [...] true for any new Mailboxes created by the user themself"
    Property(name="isSubscribed", holds=bool, default=True),
)

_SORT_ORDERS: Final = {"inbox": 1, "drafts": 2, "sent": 3, "archive": 4, "junk": 5, "trash": 6}


def sort_order(role: str | None) -> int:
    """Where a mailbox is among its siblings for which no client has said so.

    By the default of §2, which is 0, it would be before the inbox.
    """
    return _SORT_ORDERS.get(role or "", 10)


COUNTS: Final = ("totalEmails", "unreadEmails", "totalThreads", "unreadThreads")
"""What `updatedProperties` of Mailbox/changes lists where nothing else has changed (§2.2)."""

CONDITIONS: Final = {
    "parentId": Reference | None,
    "name": Text,
    "role": Text | None,
    "hasAnyRole": bool,
    "isSubscribed": bool,
}
"""§2.3."""

SORTS: Final[dict[str, dict[str, object]]] = {"sortOrder": {}, "name": {}}
"""Properties to sort by, with the members that their comparators need (§2.3)."""


class MailboxQueryArguments(QueryArguments, frozen=True, kw_only=True):
    """Mailbox/query (§2.3)."""

    sort_as_tree: bool = False
    filter_as_tree: bool = False


class MailboxQueryChangesArguments(QueryChangesArguments, frozen=True, kw_only=True):
    """Mailbox/queryChanges (§2.4): the order and the filter are those of the query, with what belongs to them."""

    sort_as_tree: bool = False
    filter_as_tree: bool = False


class MailboxSetArguments(SetArguments, frozen=True, kw_only=True):
    """Mailbox/set (§2.5)."""

    on_destroy_remove_emails: bool = False


HAS_CHILD: Final = SetError("mailboxHasChild")
HAS_EMAIL: Final = SetError("mailboxHasEmail")
