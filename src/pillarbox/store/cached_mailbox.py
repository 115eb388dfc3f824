"""A mailbox in memory: UIDs, flags and MODSEQs, and how changes are applied to them.

What is always true of a `CachedMailbox`: `uids`, `flags` and `modseqs` are parallel and ascend by UID; they show
the mailbox exactly as of `version`. In the array `uids` nothing changes but its end, where new UIDs are added; where
messages are removed, another array takes its place, which shares pieces of a long one (`mail.long_array`). So a
session may keep it, with a count, as the UIDs that its client knows, and while it is the same array, indexes into it
are indexes here. The other columns change in place: do not rely on them, nor on the length of `uids`, after waiting. A
`snapshot` stays as it is. It shares those columns until something changes in them: a million messages take some twenty
milliseconds to copy.
"""

from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress, count
from typing import Final, NamedTuple
from weakref import ref

from pillarbox.mail import flags as flag_text
from pillarbox.mail.flags import Keywords
from pillarbox.mail.identifiers import AccountId, MailboxId, ModSeq, Uid, UidValidity
from pillarbox.mail.long_array import UidArray, without_uids
from pillarbox.mail.number_set import MAX_CUT, NumberSet, cut, without
from pillarbox.store.changes import Delta, Flagged
from pillarbox.store.flags import FlagChange

MESSAGE_OCTETS: Final = 20
"""What a message takes, about, but for the flags that no other has: so many octets of those weigh like a message."""
RECOUNT_OCTETS: Final = 64 * 1024
"""The octets of flags are counted again when they have grown by so many and are twice as many as they were."""
MAX_DELETED: Final = 10_000
"""Messages with \\Deleted that are known to be it; more are looked for in the database when they are expunged."""
LOOKED_AT: Final = 10_000
"""Messages whose flags are looked at together: some 200 microseconds."""


class Version(NamedTuple):
    """Which state of a mailbox this is."""

    uid_validity: UidValidity
    modseq: ModSeq


@dataclass(slots=True)
class CachedMailbox:
    """A mailbox in memory."""

    account: AccountId
    mailbox: MailboxId
    version: Version
    uid_next: Uid
    uids: UidArray
    flags: list[str]
    modseqs: "array[int]"
    text_octets: int
    """Of the different texts in `flags` together, at most twice as many as they have."""
    _recount_from: int
    keywords: Keywords
    """All that its messages have, and some that they had. The same value for as long as there are no others."""
    _deleted: set[int] | None = None
    """UIDs of messages with \\Deleted; `None` where they must be looked for."""
    _seen: int = 0
    """So many of the first messages certainly have \\Seen."""
    _shared_with: "list[ref[array[int]]]" = field(default_factory=list)
    """The `uids` of the snapshots that have the same columns."""
    _shared_version: Version | None = None
    """Of the last of them."""

    @property
    def uid_validity(self) -> UidValidity:
        """The UIDVALIDITY of `uids`."""
        return self.version.uid_validity

    @property
    def modseq(self) -> ModSeq:
        """The mailbox's highest MODSEQ: what is here is complete up to it."""
        return self.version.modseq

    @property
    def weight(self) -> int:
        """What it takes of memory, in messages."""
        return len(self.uids) + self.text_octets // MESSAGE_OCTETS

    def index(self, uid: int) -> int | None:
        """Where this UID is, from 0; `None` where it is not."""
        index = bisect_left(self.uids, uid)
        return index if index < len(self.uids) and self.uids[index] == uid else None

    def first_unseen(self) -> int | None:
        """The index, from 0, of the first message without \\Seen (RFC 3501 §6.3.1)."""
        for start in range(self._seen, len(self.flags), LOOKED_AT):
            # Without a call for each text, of which there may be as many as messages
            some = self.flags[start : start + LOOKED_AT]
            unseen = {text for text in set(some) if flag_text.SEEN not in text}
            if unseen:
                self._seen = next(compress(count(start), map(unseen.__contains__, some)))
                return self._seen
        self._seen = len(self.flags)
        return None

    def deleted(self) -> NumberSet | None:
        """UIDs of the messages with \\Deleted; `None` where they are more than `MAX_DELETED`."""
        if self._deleted is None:
            found: set[int] = set()
            for start in range(0, len(self.flags), LOOKED_AT):
                part = slice(start, start + LOOKED_AT)
                some = self.flags[part]
                texts = {text for text in set(some) if flag_text.DELETED in text}
                if texts:
                    found.update(compress(self.uids[part], map(texts.__contains__, some)))
                if len(found) > MAX_DELETED:
                    return None
            self._deleted = found
        return NumberSet.of(self._deleted) if len(self._deleted) <= MAX_DELETED else None

    @property
    def snapshot_octets(self) -> int:
        """What a `snapshot` takes, about."""
        return MESSAGE_OCTETS * len(self.uids)

    def snapshot(self) -> "CachedMailbox":
        """What stays as this is now, for a search that waits or runs in a thread.

        Behind the flags and MODSEQs of its messages there may be those of newer ones.
        """
        uids = self._shared_with[-1]() if self._shared_version == self.version else None
        if uids is None:
            uids = self.uids[:]
            self._shared_with = [one for one in self._shared_with if one() is not None]
            self._shared_with.append(ref(uids))
            self._shared_version = self.version
        return replace(self, uids=uids, _shared_with=[], _shared_version=None)

    def _unshare(self) -> None:
        """Before flags or MODSEQs that are there change in place: leave them to the snapshots that have them."""
        if self._shared_with:
            if any(one() is not None for one in self._shared_with):
                self.flags, self.modseqs = self.flags[:], self.modseqs[:]
            self._shared_with, self._shared_version = [], None

    def apply(self, altered: FlagChange) -> bool:
        """Apply what `flags.alter` did, reading no row; False where another change came between."""
        for _ in self.applying(altered):
            pass
        return self.version.modseq == altered.modseq

    def applying(self, altered: FlagChange) -> Iterator[None]:
        """`apply` in steps, of some hundred microseconds but for the last, between which others may run.

        They see the mailbox as it was before: what the steps have made takes its place in the last one, unless another
        change came between.
        """
        rewritten, parts = altered.rewritten, altered.uids.slices(self.uids)
        if altered.previous != self.version.modseq or not rewritten:
            return
        made = []
        for part in _pieces(parts, LOOKED_AT):
            if part.stop - part.start == LOOKED_AT:
                yield  # with smaller ones, there are no more than `MAX_APPLIED`
            made.append((part, *_rewritten(self.flags[part], self.modseqs[part], altered)))
        if altered.previous != self.version.modseq:
            return
        self._unshare()
        for part, flags, modseqs in made:
            self.flags[part], self.modseqs[part] = flags, modseqs
        if parts and any(flag_text.SEEN not in text for text in rewritten.values()):
            self._seen = min(self._seen, parts[0].start)
        if any(
            (flag_text.DELETED in old) is not (flag_text.DELETED in new) for old, new in rewritten.items()
        ):
            self._look_for_deleted(parts)
        self._learn(rewritten.values())
        self.version = Version(self.version.uid_validity, altered.modseq)

    def advance(self, delta: Delta, uid_next: Uid) -> None:
        """Apply what the change log has since `version`."""
        if delta.vanished:
            self._remove(delta.vanished)
        self._reflag(delta.flagged)
        if delta.appended:
            before = len(self.uids)
            self.uids.extend([row[0] for row in delta.appended])
            self.flags += [row[1] for row in delta.appended]
            self.modseqs.extend([row[2] for row in delta.appended])
            self._look_for_deleted([slice(before, len(self.uids))])
        self._learn([row[1] for rows in (delta.flagged, delta.appended) for row in rows])
        self.uid_next = uid_next
        self.version = Version(self.version.uid_validity, delta.highest)

    def _look_for_deleted(self, parts: Sequence[slice]) -> None:
        """There may be others with \\Deleted here than there were."""
        if sum(part.stop - part.start for part in parts) > LOOKED_AT:
            self._deleted = None
        if self._deleted is None:
            return
        for part in parts:
            for uid, text in zip(self.uids[part], self.flags[part], strict=True):
                if flag_text.DELETED in text:
                    self._deleted.add(uid)
                else:
                    self._deleted.discard(uid)

    def _learn(self, texts: Collection[str]) -> None:
        """Take note of flags that may be new here."""
        self.keywords = self.keywords.including(texts)
        self.text_octets += sum(map(len, texts))
        if self.text_octets > self._recount_from:
            self.text_octets = sum(map(len, set(self.flags)))
            self._recount_from = RECOUNT_OCTETS + 2 * self.text_octets

    def _remove(self, vanished: NumberSet) -> None:
        gone = vanished.slices(self.uids)
        if not gone:
            return
        self._seen -= sum(min(part.stop, self._seen) - min(part.start, self._seen) for part in gone)
        self.uids = without_uids(self.uids, gone)
        if self._deleted:
            self._deleted = {uid for uid in self._deleted if uid not in vanished}
        self._unshare()
        if len(gone) > MAX_CUT:
            self.flags, self.modseqs = without(self.flags, gone), without(self.modseqs, gone)
        else:
            cut(self.flags, gone)
            cut(self.modseqs, gone)

    def _reflag(self, flagged: list[Flagged]) -> None:
        if flagged:
            self._unshare()
        if flagged and len(flagged) == len(self.uids):
            self.flags[:] = [row[1] for row in flagged]
            self.modseqs = array("Q", [row[2] for row in flagged])
            self._seen, self._deleted = 0, None
            return
        for uid, flags, modseq in flagged:
            index = self.index(uid)
            if index is not None:
                self.flags[index] = flags
                self.modseqs[index] = modseq
                if flag_text.SEEN not in flags:
                    self._seen = min(self._seen, index)
                self._look_for_deleted([slice(index, index + 1)])


def _pieces(parts: Sequence[slice], most: int) -> Iterator[slice]:
    """The same places in slices of at most so many."""
    for part in parts:
        for start in range(part.start, part.stop, most):
            yield slice(start, min(start + most, part.stop))


def _rewritten(
    flags: list[str], modseqs: "array[int]", altered: FlagChange
) -> "tuple[list[str], array[int]]":
    """Some messages as a change of flags leaves them."""
    rewritten, modseq = altered.rewritten, altered.modseq
    texts = set(flags)
    if rewritten.keys() >= texts:
        modseqs = array("Q", [modseq]) * len(flags)
    else:
        it = zip(flags, modseqs, strict=True)
        modseqs = array("Q", [modseq if text in rewritten else own for text, own in it])
    if len(texts) == 1:
        return [rewritten.get(flags[0], flags[0])] * len(flags), modseqs
    return list(map(rewritten.get, flags, flags)), modseqs
