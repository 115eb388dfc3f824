"""Mailboxes as JMAP shows them (RFC 8621 §2): what in IMAP is the name of a path, is a name below a parent.

Where levels of a path have no mailbox (`\\NonExistent` in LIST), the parent is the nearest mailbox above, and the name
has the levels between: `Work/2026` without `Work` is `Work/2026` at the top. A client can't give such a name, for "/"
separates levels.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from pillarbox.mail import mailbox_name, object_id
from pillarbox.mail.identifiers import MailboxId
from pillarbox.mail.mailbox_name import INBOX, MAX_LEVELS, SEPARATOR
from pillarbox.protocol.jmap.types.mailbox import sort_order
from pillarbox.store.mailbox import Mailbox
from pillarbox.store.thread_counts import Counts


class Shown(NamedTuple):
    """A mailbox and where it is."""

    mailbox: Mailbox
    parent: MailboxId | None
    name: str
    """Its own, without those of the mailboxes above it."""

    @property
    def id(self) -> str:
        """As clients have it."""
        return object_id.of_mailbox(self.mailbox.id)

    @property
    def parent_id(self) -> str | None:
        """As clients have it."""
        return None if self.parent is None else object_id.of_mailbox(self.parent)

    @property
    def sort_order(self) -> int:
        """The one that a client has set, or ours."""
        own = self.mailbox.sort_order
        return sort_order(self.mailbox.role) if own is None else own


def tree_of(mailboxes: Iterable[Mailbox]) -> dict[MailboxId, Shown]:
    """All mailboxes of an account, with their parents."""
    ids = {mailbox.name: mailbox.id for mailbox in mailboxes}
    return {mailbox.id: _placed(mailbox, ids) for mailbox in mailboxes}


def _placed(mailbox: Mailbox, ids: Mapping[str, MailboxId]) -> Shown:
    above = mailbox_name.parent(mailbox.name)
    while above is not None and above not in ids:
        above = mailbox_name.parent(above)
    if above is None:
        return Shown(mailbox, None, mailbox.name)
    return Shown(mailbox, ids[above], mailbox.name[len(above) + 1 :])


def rights(name: str) -> dict[str, bool]:
    """What the owner may do with the mailbox of this canonical name: all, but INBOX stays (RFC 9051 §6.3.5)."""
    is_inbox = name == INBOX
    return {
        "mayReadItems": True,
        "mayAddItems": True,
        "mayRemoveItems": True,
        "maySetSeen": True,
        "maySetKeywords": True,
        "mayCreateChild": name.count(SEPARATOR) + 1 < MAX_LEVELS,
        "mayRename": not is_inbox,
        "mayDelete": not is_inbox,
        "maySubmit": True,
    }


NONE_COUNTED: Final = Counts()

_VALUES: Final[Mapping[str, Callable[[Shown, Counts], Any]]] = {
    "id": lambda shown, _: shown.id,
    "name": lambda shown, _: shown.name,
    "parentId": lambda shown, _: shown.parent_id,
    "role": lambda shown, _: shown.mailbox.role and shown.mailbox.role.value,
    "sortOrder": lambda shown, _: shown.sort_order,
    "totalEmails": lambda _, counts: counts.total_emails,
    "unreadEmails": lambda _, counts: counts.unread_emails,
    "totalThreads": lambda _, counts: counts.total_threads,
    "unreadThreads": lambda _, counts: counts.unread_threads,
    "myRights": lambda shown, _: rights(shown.mailbox.name),
    "isSubscribed": lambda shown, _: shown.mailbox.subscribed,
}


def record_of(shown: Shown, counts: Counts, properties: Iterable[str]) -> dict[str, Any]:
    """These properties of a mailbox."""
    return {name: _VALUES[name](shown, counts) for name in properties}
