"""What all IMAP sessions of a process share: bounded caches, filled in the event loop only, searches and counters."""

from asyncio import Future, Lock
from collections.abc import Mapping
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.protocol.imap.commands import Command
from pillarbox.server.imap.part_trees import PartTrees
from pillarbox.server.imap.select_data import SelectDataCache
from pillarbox.server.imap.shared_updates import SharedUpdates
from pillarbox.server.searches import Searches
from pillarbox.store.mailbox_cache import MailboxCache
from pillarbox.world.shared.metrics import Count


@dataclass(frozen=True, slots=True)
class Caches:
    """One of each per process."""

    commands: Mapping[type[Command], Count]
    """How many of each were received."""
    mailboxes: MailboxCache = field(default_factory=MailboxCache)
    select_data: SelectDataCache = field(default_factory=SelectDataCache)
    part_trees: PartTrees = field(default_factory=PartTrees)
    searches: Searches = field(default_factory=Searches)
    updates: SharedUpdates = field(default_factory=SharedUpdates)
    catching_up: dict[tuple[AccountId, MailboxId], Future[None]] = field(default_factory=dict)
    """Large mailboxes whose cached state is being made, by one session; the others wait until that has ended."""
    writing: WeakValueDictionary[AccountId, Lock] = field(default_factory=WeakValueDictionary)
    """Held by the one session of an account that writes much, so that others wait for one such write of it at most."""
