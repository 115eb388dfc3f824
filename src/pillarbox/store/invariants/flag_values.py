"""The flags of every message are canonical text, and have a MODSEQ.

There are few different texts, however many messages: each is looked at once.
"""

from collections.abc import Iterator
from typing import Final

from pillarbox.mail import flags as flag_text
from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import account_counters, changes
from pillarbox.store.changes import ChangeKind
from pillarbox.store.invariants.change_log import raise_highest_modseq
from pillarbox.world.database import Transaction
from pillarbox.world.database.invariant import Invariant, Violation

_ASKED_FOR: Final = 500
"""Texts that one query looks for."""

# As octets, for a text that is not UTF-8 can't be read
_TEXTS: Final = "SELECT DISTINCT CAST(flags AS BLOB) FROM flags WHERE typeof(flags) = 'text'"
_INVALID: Final = "SELECT account, mailbox, uid, more, typeof(flags), CAST(flags AS BLOB) FROM flags WHERE "
_UNTYPED: Final = "typeof(flags) <> 'text' OR modseq < 1"
_WITHOUT_MAILBOX: Final = """
DELETE FROM flags AS f WHERE NOT EXISTS (SELECT 1 FROM mailboxes m WHERE m.account = f.account AND m.id = f.mailbox)"""
_UPDATE: Final = "UPDATE flags SET flags = ?, modseq = ? WHERE account = ? AND mailbox = ? AND uid = ?"


def _mended(octets: bytes) -> str:
    """As much of damaged flags as can be stored."""
    return flag_text.mended(octets.decode(errors="replace"))


def _rows(tx: Transaction) -> Iterator[Violation]:
    yield from tx.rows(_INVALID + _UNTYPED)
    wrong = [octets for (octets,) in tx.rows(_TEXTS) if _mended(octets).encode() != octets]
    for start in range(0, len(wrong), _ASKED_FOR):
        some = wrong[start : start + _ASKED_FOR]
        marks = ", ".join("?" * len(some))
        yield from tx.rows(f"{_INVALID} NOT ({_UNTYPED}) AND CAST(flags AS BLOB) IN ({marks})", some)


def _mend(tx: Transaction) -> None:
    tx.execute(_WITHOUT_MAILBOX)  # no message is there: it would have been created again
    found: dict[tuple[AccountId, MailboxId], dict[int, tuple[int, str]]] = {}
    for account, mailbox, uid, more, kind, octets in _rows(tx):
        text = _mended(octets) if kind in {"text", "blob"} else ""
        found.setdefault((account, mailbox), {})[uid] = more, text
    for (account, mailbox), runs in found.items():
        modseq = account_counters.next_modseq(tx, account)
        tx.execute_many(_UPDATE, [(text, modseq, account, mailbox, uid) for uid, (_, text) in runs.items()])
        uids = NumberSet.of_ascending([(uid, uid + more) for uid, (more, _) in sorted(runs.items())])
        changes.record(tx, account, modseq, mailbox, ChangeKind.FLAGGED, uids)
        raise_highest_modseq(tx, account, mailbox, modseq)


INVARIANTS = (
    Invariant(
        "flags-valid",
        "The flags of every message are a text of flags in canonical order, with a MODSEQ.",
        lambda tx: (row[:3] for row in _rows(tx)),
        "the flags from message {2} on, in mailbox {1} of account {0}, have words that are no flags, or no MODSEQ",
        "Keep those that are flags, and take a new MODSEQ.",
        _mend,
    ),
)
