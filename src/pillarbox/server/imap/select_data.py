"""The mailbox data that SELECT sends: flags, the first unseen message, UIDNEXT and the like.

Computing them visits every message once; so they are cached, and hold for as long as the mailbox's MODSEQ does.
"""

from collections import OrderedDict
from typing import Final

from pillarbox.mail import object_id
from pillarbox.protocol.imap import response_codes, responses
from pillarbox.protocol.imap.responses import UNTAGGED
from pillarbox.server.imap import keywords
from pillarbox.store.cached_mailbox import CachedMailbox

MAX_CACHED: Final = 4096
"""Mailboxes whose data a process keeps."""


class SelectData:
    """The untagged responses of SELECT, for one state of a mailbox."""

    __slots__ = ("first_unseen", "flags", "flags_read_only", "keywords", "numbers", "uid_next", "version")

    def __init__(self, mailbox: CachedMailbox) -> None:
        self.version, self.uid_next = mailbox.version, mailbox.uid_next
        self.keywords, exists = mailbox.keywords, responses.exists(len(mailbox.uids))
        self.flags = keywords.flags(self.keywords) + exists
        """FLAGS, PERMANENTFLAGS and EXISTS."""
        self.flags_read_only = keywords.flags(self.keywords, read_only=True) + exists
        """The same for EXAMINE."""
        index = mailbox.first_unseen()
        self.first_unseen = (
            b"" if index is None else responses.ok(UNTAGGED, "First unseen", response_codes.unseen(index + 1))
        )
        mailbox_id = response_codes.mailbox_id(object_id.of_mailbox(mailbox.mailbox))
        self.numbers = b"".join(
            (
                responses.ok(UNTAGGED, "UIDs valid", response_codes.uid_validity(mailbox.uid_validity)),
                responses.ok(UNTAGGED, "Predicted next UID", response_codes.uid_next(mailbox.uid_next)),
                responses.ok(UNTAGGED, "Highest", response_codes.highest_modseq(mailbox.modseq)),
                responses.ok(UNTAGGED, "Mailbox ID", mailbox_id),
            )
        )
        """UIDVALIDITY, UIDNEXT, HIGHESTMODSEQ and MAILBOXID."""


class SelectDataCache:
    """The data of recently selected mailboxes; the least recently used go first."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, int], SelectData] = OrderedDict()

    def of(self, mailbox: CachedMailbox) -> SelectData:
        """The data of a mailbox as it is now."""
        key = mailbox.account, mailbox.mailbox
        data = self._kept.get(key)
        if data is None or data.version != mailbox.version or data.uid_next != mailbox.uid_next:
            data = self._kept[key] = SelectData(mailbox)
            if len(self._kept) > MAX_CACHED:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return data
