"""What SELECT tells of a mailbox: which flags are in use, the first unseen message, and the numbers.

Finding them looks at every message once; so they are kept, and hold for as long as the mailbox's MODSEQ does.
"""

from collections import OrderedDict
from typing import Final

from pillarbox.mail import flags as flag_text
from pillarbox.mail import object_id
from pillarbox.mail.flags import SYSTEM_FLAGS
from pillarbox.protocol.imap import response_codes, responses
from pillarbox.protocol.imap.responses import UNTAGGED
from pillarbox.store.mailbox_cache import CachedMailbox

KEPT: Final = 4096
"""Mailboxes whose head a process keeps."""


class Head:
    """What SELECT tells of a mailbox as of a MODSEQ."""

    __slots__ = ("first_unseen", "modseq", "numbers", "opened", "opened_to_read", "uid_next")

    def __init__(self, warm: CachedMailbox) -> None:
        self.modseq, self.uid_next = warm.modseq, warm.uid_next
        flags, exists = _flags_in_use(warm), responses.exists(len(warm.uids))
        self.opened = responses.flags(flags) + _kept(flags, more=True) + exists
        """FLAGS, PERMANENTFLAGS and EXISTS."""
        self.opened_to_read = responses.flags(flags) + _kept("", more=False) + exists
        """The same for EXAMINE."""
        place = warm.first_unseen()
        self.first_unseen = (
            b"" if place is None else responses.ok(UNTAGGED, "First unseen", response_codes.unseen(place + 1))
        )
        self.numbers = b"".join(
            (
                responses.ok(UNTAGGED, "UIDs hold", response_codes.uid_validity(warm.uid_validity)),
                responses.ok(UNTAGGED, "Next UID", response_codes.uid_next(warm.uid_next)),
                responses.ok(UNTAGGED, "Changes up to here", response_codes.highest_modseq(warm.modseq)),
                responses.ok(
                    UNTAGGED, "Mailbox", response_codes.mailbox_id(object_id.of_mailbox(warm.mailbox))
                ),
            )
        )


def _kept(flags: str, *, more: bool) -> bytes:
    return responses.ok(UNTAGGED, "Kept", response_codes.permanent_flags(flags, more=more))


def _flags_in_use(warm: CachedMailbox) -> str:
    """The system flags, and all keywords that a message bears."""
    words: dict[str, str] = {}
    for text in set(warm.flags):
        for word in flag_text.keywords(text):
            words.setdefault(word.lower(), word)
    return " ".join([*SYSTEM_FLAGS, *(words[key] for key in sorted(words))])


class Heads:
    """The heads of mailboxes lately selected."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, int], Head] = OrderedDict()

    def of(self, warm: CachedMailbox) -> Head:
        """The head of a mailbox as it is now."""
        key = warm.account, warm.mailbox
        head = self._kept.get(key)
        if head is None or head.modseq != warm.modseq or head.uid_next != warm.uid_next:
            head = self._kept[key] = Head(warm)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return head
