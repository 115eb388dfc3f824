"""A provider's database read with SQL: what the store contains, and whether it is consistent."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from pillarbox.admin.fsck import RepairContext, check
from pillarbox.app.database import SCHEMAS
from pillarbox.mail.identifiers import AccountId
from pillarbox.store.changes import ChangeKind
from pillarbox.world.blobs import DatabaseBlobs
from pillarbox.world.database.sqlite.transaction import SqliteTransaction

_CONTEXT = RepairContext(DatabaseBlobs(), 0, Path("/nowhere"))


@dataclass(frozen=True, slots=True)
class AccountMark:
    """An account's MODSEQ and UIDNEXT."""

    modseq: int
    uid_nexts: dict[int, int]
    """By mailbox."""

    def check_precedes(self, later: "AccountMark") -> None:
        """Check that neither has decreased."""
        assert later.modseq > self.modseq, f"MODSEQ went from {self.modseq} to {later.modseq}"
        for mailbox, uid_next in later.uid_nexts.items():
            before = self.uid_nexts.get(mailbox, 1)
            assert uid_next >= before, f"UIDNEXT of {mailbox} went from {before} to {uid_next}"


def mark(disk: apsw.Connection, account: AccountId) -> AccountMark:
    """The account's state now."""
    ((modseq,),) = disk.execute("SELECT modseq FROM ledgers WHERE account = ?", (account,))
    return AccountMark(
        modseq, dict(disk.execute("SELECT id, uid_next FROM mailboxes WHERE account = ?", (account,)))
    )


def arrivals(disk: apsw.Connection, account: AccountId, since: AccountMark) -> list[bytes]:
    """The blobs that were added to INBOX."""
    ((inbox,),) = disk.execute("SELECT id FROM mailboxes WHERE account = ? AND name = 'INBOX'", (account,))
    rows = disk.execute(
        "SELECT blob FROM placements JOIN emails ON emails.id = email"
        " WHERE account = ? AND mailbox = ? AND uid >= ? ORDER BY uid",
        (account, inbox, since.uid_nexts[inbox]),
    )
    return [blob for (blob,) in rows]


def octets(disk: apsw.Connection, digest: bytes) -> bytes:
    """A blob."""
    ((found,),) = disk.execute(
        "SELECT octets FROM blobs JOIN blob_octets ON blob_octets.id = octets_id WHERE digest = ?", (digest,)
    )
    return bytes(found)


def check_counts(name: str, disk: apsw.Connection) -> None:
    """Check that every count equals what it counts, and that the log of changes replays to the mailboxes."""
    for what, kept, counted in _SUMS:
        left, right = _rows(disk, kept), _rows(disk, counted)
        assert left == right, f"{name}: {what}: kept {left}, counted {right}"
    assert _replayed(disk) == set(disk.execute("SELECT account, mailbox, uid FROM placements")), (
        f"{name}: the log of changes does not lead to the mailboxes"
    )


def _rows(disk: apsw.Connection, sql: str) -> list[Any]:
    return sorted(disk.execute(sql))


def run_fsck(name: str, disk: apsw.Connection) -> None:
    """Check that `pillarbox fsck` finds nothing; slow."""
    report = check(SqliteTransaction(disk), _CONTEXT, SCHEMAS, quick=True)
    assert report.sound, f"{name}: {report.problems}"


_SUMS = (
    (
        "quota",
        "SELECT account, messages, octets FROM ledgers WHERE messages > 0",
        (
            "SELECT account, count(*), sum(size) FROM"
            " (SELECT account, email, max(size) size FROM placements GROUP BY account, email) GROUP BY account"
        ),
    ),
    (
        "mailboxes",
        "SELECT account, id, messages, unseen, deleted, octets FROM mailboxes WHERE messages > 0",
        (
            "SELECT p.account, p.mailbox, count(*), sum(flags NOT LIKE '%\\Seen%'), sum(flags LIKE '%\\Deleted%'),"
            " sum(size) FROM placements p JOIN flags f ON p.account = f.account AND p.mailbox = f.mailbox"
            " AND p.uid BETWEEN f.uid AND f.uid + f.more GROUP BY 1, 2"
        ),
    ),
    (
        "flags",
        (
            "SELECT p.account, p.mailbox, p.uid FROM flags f JOIN placements p"
            " ON p.account = f.account AND p.mailbox = f.mailbox AND p.uid BETWEEN f.uid AND f.uid + f.more"
        ),
        "SELECT account, mailbox, uid FROM placements",
    ),
    (
        "runs of flags",
        "SELECT account, mailbox, sum(more + 1) FROM flags GROUP BY account, mailbox",
        "SELECT account, mailbox, count(*) FROM placements GROUP BY account, mailbox",
    ),
    (
        "uses of blobs",
        "SELECT digest, uses FROM blobs",
        (
            "SELECT blob, count(*) FROM"
            " (SELECT blob FROM emails UNION ALL SELECT blob FROM queue_messages) GROUP BY blob"
        ),
    ),
    (
        "queued messages",
        "SELECT id FROM queue_messages",
        "SELECT DISTINCT message FROM queue_recipients",
    ),
)


def _replayed(disk: apsw.Connection) -> set[tuple[int, int, int]]:
    there: set[tuple[int, int, int]] = set()
    for account, mailbox, kind, first, last in disk.execute(
        "SELECT account, mailbox, kind, first, last FROM changes WHERE kind IN (?, ?) ORDER BY modseq, kind",
        (ChangeKind.APPENDED, ChangeKind.EXPUNGED),
    ):
        numbers = {(account, mailbox, uid) for uid in range(first, last + 1)}
        there = there | numbers if kind == ChangeKind.APPENDED else there - numbers
    return there
