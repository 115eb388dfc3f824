"""The list of all invariants."""

from pillarbox.admin.fsck import cross_room
from pillarbox.admin.fsck.context import RepairContext
from pillarbox.contacts.invariants import INVARIANTS as CONTACTS
from pillarbox.directory.invariants import INVARIANTS as DIRECTORY
from pillarbox.push.invariants import INVARIANTS as PUSH
from pillarbox.queue.invariants import INVARIANTS as QUEUE
from pillarbox.reports.invariants import INVARIANTS as REPORTS
from pillarbox.store.invariants import INVARIANTS as STORE
from pillarbox.world.blobs.invariants import INVARIANTS as BLOBS
from pillarbox.world.database.invariant import Invariant


def every_invariant(context: RepairContext) -> tuple[Invariant, ...]:
    """All invariants in the order of repair; the store's come again, for repairs across rooms change its rows."""
    return (
        *BLOBS,
        *DIRECTORY,
        *STORE,
        *QUEUE,
        *REPORTS,
        *PUSH,
        *CONTACTS,
        *cross_room.invariants(context),
        *STORE,
    )
