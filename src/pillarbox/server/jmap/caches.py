"""What all requests of a process share: bounded caches, filled in the event loop only."""

from asyncio import Lock
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from pillarbox.mail.identifiers import AccountId
from pillarbox.server.jmap.emails.authorities import TrustedAuthorities
from pillarbox.server.jmap.emails.lists import EmailLists
from pillarbox.server.jmap.saved_searches.remembered import CountedSearches
from pillarbox.server.searches import Searches
from pillarbox.store.thread_counts import CountsCache


@dataclass(frozen=True, slots=True)
class Caches:
    """One of each per process."""

    lists: EmailLists
    """Lists of emails, by filter and order."""
    authorities: TrustedAuthorities
    """Whose signatures are believed."""
    counts: CountsCache = field(default_factory=CountsCache)
    """Emails and threads of mailboxes."""
    saved: CountedSearches = field(default_factory=CountedSearches)
    """Emails that match searches which were saved."""
    counting: WeakValueDictionary[AccountId, Lock] = field(default_factory=WeakValueDictionary)
    """Held by the one request that counts a large account; the others wait for what it finds."""
    contact_searches: Searches = field(default_factory=Searches)
    """Which account's contacts are looked through when."""
