"""The check: every invariant of every room, the database file, and the octets of every blob.

It changes nothing and may run while mail is served: a reading transaction sees one consistent state.
"""

from collections.abc import Callable, Iterable, Iterator

from pillarbox.admin.fsck import loss
from pillarbox.admin.fsck.context import RepairContext
from pillarbox.admin.fsck.invariants import every_invariant
from pillarbox.admin.fsck.report import Problem, Report
from pillarbox.admin.lost_mail import whereabouts
from pillarbox.admin.permissions import OPERATOR, may
from pillarbox.world.blobs.invariants import octets
from pillarbox.world.database import DatabaseFailure, Schema, Transaction, ValuesDamaged
from pillarbox.world.database.invariant import Invariant
from pillarbox.world.database.sqlite.shape import Missing, missing
from pillarbox.world.database.sqlite.soundness import damage

MAX_REPORTED_VIOLATIONS = 20
"""Violations of one invariant that are reported one by one."""
_REBUILD = "Stop the server, then: pillarbox rebuild"
_VALUES_FIRST = "Repair the values of its rows first."
WRONG_VALUES = (ValuesDamaged, TypeError, ValueError, OverflowError, AttributeError)
"""What computing with damaged values raises; the invariants about values tell of them, and are repaired first."""
_LATER = "Mend what the text says, then check again."

Progress = Callable[[str], None]
"""Called with the name of what is checked next."""


@may(OPERATOR)
def check(
    tx: Transaction,
    context: RepairContext,
    schemas: Iterable[Schema],
    *,
    quick: bool = False,
    progress: Progress = lambda _what: None,
) -> Report:
    """All problems. `quick`: without reading all octets and every page."""
    report = Report()
    progress("the database")
    report.problems += _file_damage(tx, quick=quick)
    report.problems += map(_missing, missing(tx, schemas))
    for invariant in dict.fromkeys(every_invariant(context)):
        progress(invariant.name)
        report.checks += 1
        report.problems += _violations(tx, invariant)
    report.notes += _not_indexed(tx)
    if not quick:
        progress("octets")
        report.problems += _damaged_blobs(tx, context, report)
    return report


def _file_damage(tx: Transaction, *, quick: bool) -> Iterator[Problem]:
    for line in damage(tx, quick=quick, limit=MAX_REPORTED_VIOLATIONS):
        yield Problem("database", line, _REBUILD, repairable=False)


def _missing(missing_object: Missing) -> Problem:
    is_index = missing_object.is_index
    kind, remedy = ("index", "Create it.") if is_index else ("table", _REBUILD)
    return Problem("schema", f"{kind} {missing_object.name} is missing", remedy, repairable=is_index)


def _violations(tx: Transaction, invariant: Invariant) -> Iterator[Problem]:
    def problem(what: str, remedy: str) -> Problem:
        return Problem(invariant.name, what, remedy, invariant.repair is not None)

    count, remedy = 0, invariant.remedy
    try:
        for violation in invariant.find(tx):
            count += 1
            if count <= MAX_REPORTED_VIOLATIONS or invariant.is_loss:
                remedy = invariant.advise(violation)
                yield problem(invariant.describe(violation), remedy)
    except WRONG_VALUES:
        yield Problem(invariant.name, "can't be checked", _VALUES_FIRST, repairable=True)
    except DatabaseFailure as failure:
        yield Problem(invariant.name, f"can't be checked: {failure}", _REBUILD, repairable=False)
    if count > MAX_REPORTED_VIOLATIONS and not invariant.is_loss:
        yield problem(f"and {count - MAX_REPORTED_VIOLATIONS} more like this", remedy)


def _damaged_blobs(tx: Transaction, context: RepairContext, report: Report) -> Iterator[Problem]:
    troubled = []
    failed: DatabaseFailure | None = None
    try:
        for checked in octets(tx, context.blobs):
            report.blobs += 1
            if checked.trouble:
                troubled.append(checked)
    except WRONG_VALUES:
        yield Problem("octets", "can't be checked", _VALUES_FIRST, repairable=True)
    except DatabaseFailure as failure:
        failed = failure
    where = whereabouts(tx, (checked.digest for checked in troubled))
    for checked in troubled:
        what = f"message {checked.digest.hex()} {checked.trouble} ({where[checked.digest]})"
        yield Problem("octets", what, loss.RESTORE if checked.lost else _LATER, repairable=False)
    if failed:
        yield Problem("octets", str(failed), _REBUILD, repairable=False)


_GIVEN_UP = """
SELECT g.email, a.login, m.name, p.uid FROM search_given_up g JOIN placements p ON p.email = g.email
JOIN mailboxes m ON m.account = p.account AND m.id = p.mailbox
LEFT JOIN accounts a ON a.id = p.account ORDER BY g.email, m.name LIMIT ?"""


def _not_indexed(tx: Transaction) -> Iterator[str]:
    """Emails that could not be read for the search index, as text."""
    try:
        rows = tx.rows(_GIVEN_UP, (MAX_REPORTED_VIOLATIONS,))
    except DatabaseFailure:  # told of as damage
        return
    for email, login, mailbox, uid in rows:
        yield (
            f"email {email} ({login}, {mailbox}, UID {uid}) is not in the search index: twice, reading it for the"
            " index did not end. Searches read it each time, and find it."
        )
