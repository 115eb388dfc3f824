"""Looking at everything that must always be true of a data directory, and putting right what safely can be.

`look` changes nothing and may run while mail is served: it sees one moment. `repair` needs the data directory
alone. It mends one invariant at a time, each in a transaction of its own, and looks again; it never
throws away octets that can still be read: what nobody uses becomes a file in `lost+found`.
"""

from collections.abc import Callable, Iterable, Iterator

from pillarbox.admin.fsck.crossing import Ground
from pillarbox.admin.fsck.crossing import invariants as crossing
from pillarbox.admin.fsck.findings import Finding, Report
from pillarbox.directory.invariants import INVARIANTS as DIRECTORY
from pillarbox.queue.invariants import INVARIANTS as QUEUE
from pillarbox.store.invariants import INVARIANTS as STORE
from pillarbox.world.blobs.invariants import INVARIANTS as BLOBS
from pillarbox.world.blobs.invariants import octets
from pillarbox.world.database import Database, DatabaseFailure, Schema, Transaction
from pillarbox.world.database.invariant import Invariant
from pillarbox.world.database.sqlite.shape import Missing, missing
from pillarbox.world.database.sqlite.soundness import damage

__all__ = ["Finding", "Ground", "Report", "look", "repair"]

TOLD_PER_CHECK = 20
"""Breaches of one invariant that are told one by one."""

Progress = Callable[[str], None]
"""Hears what is looked at next."""


def every_invariant(ground: Ground) -> tuple[Invariant, ...]:
    """In the order in which to mend."""
    return (*BLOBS, *DIRECTORY, *STORE, *QUEUE, *crossing(ground), *STORE)


def look(
    tx: Transaction,
    ground: Ground,
    schemas: Iterable[Schema],
    *,
    quick: bool = False,
    progress: Progress = lambda _what: None,
) -> Report:
    """Everything that is not as it must be. `quick`: without reading all octets and every page."""
    report = Report()
    progress("the database")
    report.findings += _of_the_file(tx, quick=quick)
    report.findings += map(_lost, missing(tx, schemas))
    for invariant in dict.fromkeys(every_invariant(ground)):
        progress(invariant.name)
        report.checks += 1
        report.findings += _breaches(tx, invariant)
    if not quick:
        progress("octets")
        report.findings += _damaged(tx, ground, report)
    return report


def repair(database: Database, ground: Ground, schemas: Iterable[Schema], progress: Progress) -> list[str]:
    """Mend what safely can be; return the names of what was mended. The database must be ours alone."""
    mended = []
    for one in database.read_now(missing, tuple(schemas)):
        if one.is_index:
            database.write_now(_execute, one.sql)
            mended.append(f"index {one.name}")
    for invariant in every_invariant(ground):
        progress(invariant.name)
        if invariant.repair is not None and database.read_now(_is_broken, invariant):
            database.write_now(invariant.run_repair)
            mended.append(invariant.name)
    return list(dict.fromkeys(mended))


def _execute(tx: Transaction, sql: str) -> None:
    tx.execute(sql)


def _is_broken(tx: Transaction, invariant: Invariant) -> bool:
    try:
        return next(iter(invariant.find(tx)), None) is not None
    except DatabaseFailure:
        return False  # told by `look`: a table is missing or can't be read


def _of_the_file(tx: Transaction, *, quick: bool) -> Iterator[Finding]:
    for line in damage(tx, quick=quick, limit=TOLD_PER_CHECK):
        yield Finding("database", line, "Stop the server, then: pillarbox rebuild", mendable=False)


def _lost(one: Missing) -> Finding:
    remedy = "Make it again." if one.is_index else "Stop the server, then: pillarbox rebuild"
    kind = "index" if one.is_index else "table"
    return Finding("schema", f"{kind} {one.name} is missing", remedy, mendable=one.is_index)


def _breaches(tx: Transaction, invariant: Invariant) -> Iterator[Finding]:
    def finding(what: str) -> Finding:
        return Finding(invariant.name, what, invariant.remedy, invariant.repair is not None)

    count = 0
    try:
        for violation in invariant.find(tx):
            count += 1
            if count <= TOLD_PER_CHECK:
                yield finding(invariant.describe(violation))
    except DatabaseFailure as failure:
        yield Finding(
            invariant.name,
            f"can't be looked at: {failure}",
            "Stop the server, then: pillarbox rebuild",
            mendable=False,
        )
    if count > TOLD_PER_CHECK:
        yield finding(f"and {count - TOLD_PER_CHECK} more like this")


def _damaged(tx: Transaction, ground: Ground, report: Report) -> Iterator[Finding]:
    try:
        for checked in octets(tx, ground.blobs):
            report.blobs += 1
            if checked.trouble:
                where = "; ".join(_where(tx, checked.digest)) or "used by nobody"
                what = f"message {checked.digest.hex()} {checked.trouble} ({where})"
                yield Finding("octets", what, "Restore a backup to have it back.", mendable=False)
    except DatabaseFailure as failure:
        yield Finding("octets", str(failure), "Stop the server, then: pillarbox rebuild", mendable=False)


_WHERE = """
SELECT a.login, m.name, p.uid FROM emails e JOIN placements p ON p.email = e.id
JOIN mailboxes m ON m.account = p.account AND m.id = p.mailbox
LEFT JOIN accounts a ON a.id = p.account WHERE e.blob = ? LIMIT 5"""


def _where(tx: Transaction, digest: bytes) -> Iterator[str]:
    """Who has this message."""
    try:
        rows = tx.rows(_WHERE, (digest,))
    except DatabaseFailure:
        return
    for login, mailbox, uid in rows:
        yield f"{login}, {mailbox}, UID {uid}"
