"""What is asked of an email that goes away and comes back later."""

from msgspec import Struct

from pillarbox.mail import flags
from pillarbox.mail.identifiers import MailboxId


class Snooze(Struct, frozen=True, gc=False):
    """Until when an email is away, and what becomes of it then."""

    until_ms: int
    """Milliseconds since 1970."""
    move_to: MailboxId | None = None
    """Where it comes back; `None`: to the Inbox."""
    set_flags: str = ""
    """Flags that it gets then, canonical."""
    unset_flags: str = ""
    """Flags that it loses then, canonical."""

    @property
    def lost_flags(self) -> str:
        """All that it loses: it comes back unread, unless it is to be read."""
        if flags.contains(self.set_flags, flags.SEEN):
            return self.unset_flags
        return flags.add(self.unset_flags, flags.SEEN)
