"""What all requests of a process share: bounded caches, filled in the event loop only."""

from dataclasses import dataclass

from pillarbox.server.jmap.emails.lists import EmailLists


@dataclass(frozen=True, slots=True)
class Caches:
    """One of each per process."""

    lists: EmailLists
    """Lists of emails, by filter and order."""
