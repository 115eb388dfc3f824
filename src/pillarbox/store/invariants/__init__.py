"""The invariants of the store's tables, checked by `pillarbox fsck`.

What a client may have seen is repaired as a change like any other, with a new MODSEQ and rows in the change log, so
that clients learn of it.
"""

from pillarbox.store.invariants import (
    accounts,
    change_log,
    counts,
    mailboxes,
    messages,
    search_index,
    undo,
    values,
)

INVARIANTS = (
    *values.INVARIANTS,
    *accounts.INVARIANTS,
    *mailboxes.INVARIANTS,
    *messages.INVARIANTS,
    *change_log.INVARIANTS,
    *counts.INVARIANTS,
    *search_index.INVARIANTS,
    *undo.INVARIANTS,
)
"""All of them, in the order of repair: a repair may rely on those before it."""
