"""What was found of the signatures of emails (S/MIME, RFC 9219), so that it is not found again and again.

The verdict is good for a day: certificates expire, and authorities come and go. That of the time of delivery is
remembered for good; it only changes from failed to verified, where an authority has come to be trusted (§4.1). Emails
without a signature have no row.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from pillarbox.mail.identifiers import AccountId, EmailId
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import account_counters, changes
from pillarbox.store.account_counters import Touched
from pillarbox.store.changes import ChangeKind
from pillarbox.trust.smime.kinds import FAILED, UNKNOWN, VERIFIED
from pillarbox.world.database import Transaction

KEPT_MS: Final = 24 * 3600 * 1000
"""RFC 9219 §4.1: "up to 24 hours"."""
STATUSES: Final = (UNKNOWN, FAILED, VERIFIED)


class Found(Struct, frozen=True, gc=False):
    """What was found of one email."""

    status: str
    errors: tuple[str, ...]
    at_delivery: str
    """The status at the time when the email was received."""
    verified_at_ms: int

    def is_fresh(self, now_ms: int) -> bool:
        """Whether it need not be found again. A clock that was set back makes nothing fresh for ever."""
        return 0 <= now_ms - self.verified_at_ms < KEPT_MS


def read(tx: Transaction, ids: Iterable[EmailId]) -> dict[EmailId, Found]:
    """Of these emails, as far as it is known."""
    rows = (tx.row(_ONE, (email,)) for email in ids)
    return dict(map(_read, filter(None, rows)))


def of_account(tx: Transaction, account: AccountId) -> dict[EmailId, Found]:
    """Of all emails of an account; for a thread."""
    return dict(map(_read, tx.rows(_ALL, account_counters.email_bounds(account))))


def _read(row: tuple[EmailId, str, str, int, str]) -> tuple[EmailId, Found]:
    email, status, errors, verified_at_ms, at_delivery = row
    return email, Found(status, tuple(errors.splitlines()), at_delivery, verified_at_ms)


def keep(tx: Transaction, account: AccountId, found: Mapping[EmailId, Found]) -> dict[EmailId, Found]:
    """Remember it; return what holds then. Clients learn of what has changed (RFC 9219 §4.3).

    Raises `NoSuchAccount`, `ValuesDamaged`.
    """
    before = read(tx, found)
    after: dict[EmailId, Found] = {}
    changed: list[int] = []
    for email, new in found.items():
        old = before.get(email)
        if old is not None:
            # What was once verified stays so, whatever becomes of its authority
            at_delivery = VERIFIED if old.at_delivery == VERIFIED else new.at_delivery
            new = Found(new.status, new.errors, at_delivery, new.verified_at_ms)
            if (old.status, old.errors, old.at_delivery) != (new.status, new.errors, new.at_delivery):
                changed.append(email)
        after[email] = new
        row = (email, new.status, "\n".join(new.errors), new.verified_at_ms, new.at_delivery)
        tx.execute(_KEEP, (*row, email))
    if changed:
        modseq = account_counters.next_modseq(tx, account, Touched.EMAILS)
        several = NumberSet.of(sorted(changed))
        changes.record(tx, account, modseq, changes.NO_MAILBOX, ChangeKind.UPDATED, several)
    return after


_ONE: Final = (
    "SELECT email, status, errors, verified_at_ms, at_delivery FROM signature_verdicts WHERE email = ?"
)
_ALL: Final = """
SELECT email, status, errors, verified_at_ms, at_delivery FROM signature_verdicts WHERE email BETWEEN ? AND ?"""
_KEEP: Final = """
INSERT INTO signature_verdicts SELECT ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM emails WHERE id = ?)
ON CONFLICT (email) DO UPDATE SET status = excluded.status, errors = excluded.errors,
  verified_at_ms = excluded.verified_at_ms, at_delivery = excluded.at_delivery"""
REMOVE: Final = "DELETE FROM signature_verdicts WHERE email = ?"
"""When the email has gone."""
