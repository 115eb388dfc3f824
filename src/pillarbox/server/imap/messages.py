"""The messages that a command names, as they are in the cache now: numbers, UIDs, flags, MODSEQs.

What a client knows and what exists may differ by messages that another session has just expunged: those are left
out here, and the command that named them answers EXPUNGEISSUED (RFC 9051 §7.1).
"""

from array import array
from collections.abc import Sequence

from msgspec import Struct

from pillarbox.mail.long_array import UidArray
from pillarbox.mail.number_set import NumberSet
from pillarbox.protocol.imap.chosen import Chosen
from pillarbox.protocol.imap.selected import SelectedMailbox
from pillarbox.store.cached_mailbox import CachedMailbox


class Present(Struct, frozen=True, gc=False):
    """Parallel columns, ascending."""

    numbers: Sequence[int]
    """Sequence numbers of this session."""
    uids: "array[int]"
    flags: list[str]
    """With \\Recent where this session shows it."""
    modseqs: Sequence[int]
    missing: bool
    """Whether some that were named no longer exist."""


def knows_only_present(cached: CachedMailbox, selected: SelectedMailbox) -> bool:
    """Whether nothing that the client knows is gone: new messages come behind those."""
    uids, count = cached.uids, selected.count
    # What is there up to the client's last UID is all known to it: so much of it, if the last has the same place
    return uids is selected.uids or not count or (len(uids) >= count and uids[count - 1] == selected.last_uid)


def present(cached: CachedMailbox, selected: SelectedMailbox, chosen: Chosen) -> Present:
    """Those of the chosen messages that exist, copied from the cache."""
    if knows_only_present(cached, selected):
        # Indexes there are indexes here
        return _present(cached, selected, chosen.slices, chosen.sequence_numbers(), missing=False)
    # A run of UIDs may span messages that came later than those the client knows: only known ones count
    parts = tuple(chosen.uids.slices(cached.uids))
    numbers = selected.sequence_numbers_of(_joined(cached.uids, parts))
    return _present(cached, selected, parts, numbers, missing=len(numbers) < len(chosen))


def _present(
    cached: CachedMailbox,
    selected: SelectedMailbox,
    parts: Sequence[slice],
    numbers: Sequence[int],
    *,
    missing: bool,
) -> Present:
    uids = _joined(cached.uids, parts)
    flags = [text for part in parts for text in cached.flags[part]]
    if selected.recent:
        flags = _with_recent(selected.recent, uids, flags)
    return Present(numbers, uids, flags, _joined(cached.modseqs, parts), missing)


def _joined(values: UidArray, parts: Sequence[slice]) -> "array[int]":
    if len(parts) == 1:
        return values[parts[0]]
    found = values[:0]
    for part in parts:
        found.extend(values[part])
    return found


def _with_recent(recent: NumberSet, uids: "array[int]", flags: list[str]) -> list[str]:
    shown = {text: f"{text} \\Recent" if text else "\\Recent" for text in set(flags)}
    for part in recent.slices(uids):
        flags[part] = map(shown.__getitem__, flags[part])
    return flags
