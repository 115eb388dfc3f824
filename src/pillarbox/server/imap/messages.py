"""The messages that a command has named, as they are in memory now: numbers, UIDs, flags, MODSEQs.

What a client was told and what there is may differ by messages that another session has just expunged:
those are left out here, and the command that named them says so (RFC 9051 §7.1, EXPUNGEISSUED).
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from pillarbox.mail.identifiers import AccountId
from pillarbox.mail.number_set import NumberSet
from pillarbox.protocol.imap.selected import Chosen, SelectedMailbox
from pillarbox.store.mailbox_cache import CachedMailbox, MailboxCache
from pillarbox.world.database import Transaction


@dataclass(frozen=True, slots=True)
class Present:
    """Parallel columns, ascending."""

    numbers: Sequence[int]
    """Sequence numbers of this session."""
    uids: "array[int]"
    flags: list[str]
    """With \\Recent where this session says so."""
    modseqs: Sequence[int]
    missing: bool
    """Whether some that were named are gone."""


def present(
    tx: Transaction, cache: MailboxCache, account: AccountId, selected: SelectedMailbox, chosen: Chosen
) -> Present:
    """What is in memory of the chosen messages."""
    warm = cache.get(tx, account, selected.mailbox)
    if warm.uids is selected.uids or warm.uids[: selected.count] == selected.uids:
        # Nothing that the client knows is gone: places there are places here
        return _there(warm, selected, chosen.slices, chosen.sequence_numbers(), missing=False)
    # An earlier run may span UIDs that came to this client as gaps: only told ones count
    parts = tuple(chosen.uids.slices(warm.uids))
    numbers = selected.sequence_numbers_of(_joined(warm.uids, parts))
    return _there(warm, selected, parts, numbers, missing=len(numbers) < len(chosen))


def _there(
    warm: CachedMailbox,
    selected: SelectedMailbox,
    parts: Sequence[slice],
    numbers: Sequence[int],
    *,
    missing: bool,
) -> Present:
    uids = _joined(warm.uids, parts)
    flags = [text for part in parts for text in warm.flags[part]]
    if selected.recent:
        flags = _with_recent(selected.recent, uids, flags)
    return Present(numbers, uids, flags, _joined(warm.modseqs, parts), missing)


def _joined(values: "array[int]", parts: Sequence[slice]) -> "array[int]":
    if len(parts) == 1:
        return values[parts[0]]
    found = array(values.typecode)
    for part in parts:
        found.extend(values[part])
    return found


def _with_recent(recent: NumberSet, uids: "array[int]", flags: list[str]) -> list[str]:
    for part in recent.slices(uids):
        flags[part] = [f"{text} \\Recent" if text else "\\Recent" for text in flags[part]]
    return flags
